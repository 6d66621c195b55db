/* SPDX-License-Identifier: Apache-2.0 */
#include "compat.h"

#include <stdlib.h>

/* How many runs are recent. */
#define RECENT 10

/* ---- lists of runs ---- */

static const char *const run_keys[] = {"artifacts", "build_name"};

struct list {
	struct call *call;
	struct compat_answer answer;
	bool build_name; /* is given, too */
};

static int
add_run(void *context, const struct repo_run *run, struct err *err)
{
	const struct repo_counts *c = &run->counts;
	struct list *l = context;
	json_t *values[2];
	char name[33];

	/* The last key is left out where it is not asked for. */
	if (compat_meta(l->call->repo, run->id, run_keys, values, l->build_name ? 2 : 1, err) < 0)
		return -1;
	compat_name(name, run);
	return compat_add(&l->answer, SLICE_NONE,
	    json_pack("{sI, ss, sI, sI, sI, so, so?, so, so*}", "id", (json_int_t)run->id, "uuid", name,
		"skips", (json_int_t)c->skips, "fails", (json_int_t)c->failures, "passes",
		(json_int_t)(c->tests - c->failures - c->skips), "run_time",
		shape_seconds(run->start == TIME_NONE ? TIME_NONE : time_between(run->start, run->stop)),
		"artifacts", values[0], "run_at", compat_date_json(run->start), "build_name",
		l->build_name ? values[1] : NULL),
	    err);
}

/* {"runs": [...]} */
static int
answer_runs(struct call *call, struct reply *out, struct repo_query *query, struct err *err)
{
	struct list l = {.call = call};

	if (compat_begin(&l.answer, call, out, '{'))
		return 0;
	query->newest_first = false;
	if (compat_open(&l.answer, SLICE_LIT("runs"), '[', err) < 0 ||
	    repo_runs_where(call->repo, query, add_run, &l, err) < 0)
		return -1;
	compat_close(&l.answer, ']');
	return compat_end(&l.answer, '}', err);
}

int
compat_runs(struct call *call, struct reply *out, struct err *err)
{
	struct compat_span span;
	struct repo_query query;

	if (compat_span(call, out, COMPAT_SEC, &span))
		return 0;
	query = compat_query(&span);
	return answer_runs(call, out, &query, err);
}

int
compat_build_runs(struct call *call, struct reply *out, struct err *err)
{
	struct repo_query query = compat_query(NULL);
	struct buf name;
	int rc;

	buf_init(&name, REQUEST_TARGET_MAX);
	compat_part(call, 0, &name);
	query.meta_key = SLICE_LIT("build_name");
	query.meta_value = buf_get(&name);
	rc = name.failed ? err_nomem(err) : answer_runs(call, out, &query, err);
	buf_release(&name);
	return rc;
}

/* What is shown in a list of recent runs; one that says nothing is not. */
static int
add_recent(void *context, const struct repo_run *run, struct err *err)
{
	struct list *l = context;
	json_t *values[2];
	char name[33];

	if (!compat_failed(run) && !compat_succeeded(run))
		return 0;
	if (compat_meta(l->call->repo, run->id, run_keys, values, 2, err) < 0)
		return -1;
	compat_name(name, run);
	return compat_add(&l->answer, SLICE_NONE,
	    json_pack("{ss, ss, so, so?, so*}", "id", name, "status",
		compat_word(compat_failed(run) ? VERDICT_FAIL : VERDICT_PASS), "start_date",
		compat_iso_json(run->start), "link", values[0], "build_name", values[1]),
	    err);
}

static int
answer_recent(struct call *call, struct reply *out, repo_run_fn fn, struct err *err)
{
	struct repo_query query = compat_query(NULL);
	struct list l = {.call = call, .build_name = true};
	struct buf key, value;
	int rc = 0;

	query.limit = RECENT;
	if (compat_number(call, out, "num_runs", &query.limit) || compat_begin(&l.answer, call, out, '['))
		return 0;
	buf_init(&key, REQUEST_TARGET_MAX);
	buf_init(&value, REQUEST_TARGET_MAX);
	compat_part(call, 0, &key);
	compat_part(call, 1, &value);
	query.meta_key = buf_get(&key);
	query.meta_value = buf_get(&value);
	if (key.failed || value.failed)
		rc = err_nomem(err);
	else if (query.limit)
		rc = repo_runs_where(call->repo, &query, fn, &l, err);
	buf_release(&key);
	buf_release(&value);
	return rc < 0 ? -1 : compat_end(&l.answer, ']', err);
}

int
compat_recent(struct call *call, struct reply *out, struct err *err)
{
	return answer_recent(call, out, add_recent, err);
}

int
compat_recent_detail(struct call *call, struct reply *out, struct err *err)
{
	return answer_recent(call, out, add_run, err);
}

/* ---- the keys of all metadata ---- */

struct keys {
	struct call *call;
	struct strtab seen;
};

static int
take_key(void *context, struct slice key, struct slice value, struct err *err)
{
	struct keys *k = context;

	(void)value;
	return strtab_add(&k->seen, key, NULL) == STRTAB_NONE ? err_nomem(err) : 0;
}

static int
take_keys(void *context, const struct repo_run *run, struct err *err)
{
	struct keys *k = context;

	return repo_meta(k->call->repo, run->id, take_key, k, err);
}

int
compat_keys(struct call *call, struct reply *out, struct err *err)
{
	struct repo_query query = compat_query(NULL);
	struct keys k = {.call = call};
	struct compat_answer a;
	int rc;

	if (compat_begin(&a, call, out, '['))
		return 0;
	rc = repo_runs_where(call->repo, &query, take_keys, &k, err);
	for (size_t i = 0; rc == 0 && i < k.seen.len; i++)
		rc = compat_add(&a, SLICE_NONE, shape_text(strtab_get(&k.seen, i)), err);
	strtab_release(&k.seen);
	return rc < 0 ? -1 : compat_end(&a, ']', err);
}

/* ---- runs over time ---- */

/* Gaps are filled with so many empty entries at most. */
#define EMPTY_MAX 10000

struct point {
	int64_t time;       /* the beginning of what it lies in */
	struct slice group; /* in the table */
	int64_t id, seconds;
	struct repo_counts counts;
	bool failed, succeeded;
};

struct series {
	struct call *call;
	struct compat_span span;
	struct slice key; /* what the runs are grouped by */
	struct strtab groups;
	struct slice group; /* of the run in hand */
	struct point *points;
	size_t count, cap;
};

static int
take_group(void *context, struct slice key, struct slice value, struct err *err)
{
	struct series *s = context;
	size_t index;

	if (!slice_eq(key, s->key))
		return 0;
	index = strtab_add(&s->groups, value, NULL);
	if (index == STRTAB_NONE)
		return err_nomem(err);
	s->group = strtab_get(&s->groups, index);
	return 0;
}

static int
add_point(void *context, const struct repo_run *run, struct err *err)
{
	struct series *s = context;

	if (run->start == TIME_NONE)
		return 0;
	s->group = SLICE_LIT("");
	if (repo_meta(s->call->repo, run->id, take_group, s, err) < 0)
		return -1;
	if (s->count == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 64;
		struct point *more = reallocarray(s->points, cap, sizeof(*more));

		if (!more)
			return err_nomem(err);
		s->points = more;
		s->cap = cap;
	}
	s->points[s->count++] = (struct point){.time = compat_floor(run->start, s->span.resolution),
	    .group = s->group,
	    .id = run->id,
	    .seconds = time_between(run->start, run->stop),
	    .counts = run->counts,
	    .failed = compat_failed(run),
	    .succeeded = compat_succeeded(run)};
	return 0;
}

static int
compare_points(const void *a, const void *b)
{
	const struct point *x = a, *y = b;
	int order = x->time != y->time ? (x->time < y->time ? -1 : 1) : slice_cmp(x->group, y->group);

	return order ? order : x->id < y->id ? -1 : x->id > y->id;
}

/* Where the points of the same time, or also of the same group, end. */
static size_t
end_of_time(const struct series *s, size_t from)
{
	size_t end = from;

	while (end < s->count && s->points[end].time == s->points[from].time)
		end++;
	return end;
}

static size_t
end_of_group(const struct series *s, size_t from)
{
	size_t end = from, last = end_of_time(s, from);

	while (end < last && slice_eq(s->points[end].group, s->points[from].group))
		end++;
	return end;
}

/* How one entry is written, of the points from one to before another; none for a time that nothing was in. */
typedef int (*entry_fn)(
    struct series *s, struct compat_answer *a, struct slice stamp, size_t from, size_t end, struct err *err);

static bool
has_few_gaps(const struct series *s)
{
	int64_t steps, gaps = 0;

	for (size_t i = 1; i < s->count && gaps <= EMPTY_MAX; i++) {
		steps = (s->points[i].time - s->points[i - 1].time) / compat_unit(s->span.resolution);
		gaps += steps > 1 ? steps - 1 : 0;
	}
	return gaps <= EMPTY_MAX;
}

static int
write_entries(struct series *s, struct compat_answer *a, entry_fn entry, struct err *err)
{
	int64_t unit = compat_unit(s->span.resolution), time = s->count ? s->points[0].time : 0;
	bool fill = has_few_gaps(s);
	char text[48];
	struct buf stamp;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < s->count; time += unit) {
		size_t end = i;

		if (!fill || time == s->points[i].time) {
			time = s->points[i].time;
			end = end_of_time(s, i);
		}
		buf_over(&stamp, text, sizeof(text));
		compat_stamp(&stamp, time, s->span.resolution);
		rc = entry(s, a, buf_get(&stamp), i, end, err);
		i = end;
	}
	return rc;
}

/* Asks for the runs and writes them: "{KEY: BRACKETS}". */
static int
answer_series(struct series *s, struct reply *out, struct repo_query *query, const char *key,
    const char *brackets, entry_fn entry, struct err *err)
{
	struct compat_answer a;
	int rc;

	if (compat_begin(&a, s->call, out, '{'))
		return 0;
	rc = repo_runs_where(s->call->repo, query, add_point, s, err);
	if (rc == 0 && s->count)
		qsort(s->points, s->count, sizeof(*s->points), compare_points);
	if (rc == 0)
		rc = compat_open(&a, slice_str(key), brackets[0], err);
	if (rc == 0)
		rc = write_entries(s, &a, entry, err);
	if (rc == 0) {
		compat_close(&a, brackets[1]);
		rc = compat_end(&a, '}', err);
	}
	free(s->points);
	strtab_release(&s->groups);
	return rc;
}

static int
write_groups(
    struct series *s, struct compat_answer *a, struct slice stamp, size_t from, size_t end, struct err *err)
{
	if (from == end)
		return compat_add(a, stamp, json_array(), err);
	if (compat_open(a, stamp, '{', err) < 0)
		return -1;
	for (size_t i = from; i < end;) {
		size_t last = end_of_group(s, i);

		if (compat_open(a, s->points[i].group, '[', err) < 0)
			return -1;
		for (; i < last; i++) {
			const struct repo_counts *c = &s->points[i].counts;

			if (compat_add(a, SLICE_NONE,
				json_pack("{sI, sI, sI}", "pass",
				    (json_int_t)(c->tests - c->failures - c->skips), "fail",
				    (json_int_t)c->failures, "skip", (json_int_t)c->skips),
				err) < 0)
				return -1;
		}
		compat_close(a, ']');
	}
	compat_close(a, '}');
	return 0;
}

int
compat_runs_grouped(struct call *call, struct reply *out, struct err *err)
{
	struct series s = {.call = call};
	struct repo_query query;
	struct buf key;
	int rc;

	if (compat_span(call, out, COMPAT_SEC, &s.span))
		return 0;
	buf_init(&key, REQUEST_TARGET_MAX);
	compat_part(call, 0, &key);
	query = compat_query(&s.span);
	query.meta_key = s.key = buf_get(&key);
	rc = key.failed ? err_nomem(err) : answer_series(&s, out, &query, "runs", "{}", write_groups, err);
	buf_release(&key);
	return rc;
}

/* The runs of one job at one time. */
static json_t *
job_json(const struct series *s, size_t from, size_t end)
{
	int64_t failed = 0, succeeded = 0;
	double sum = 0;

	for (size_t i = from; i < end; i++) {
		failed += s->points[i].failed;
		succeeded += s->points[i].succeeded;
		sum += (double)s->points[i].seconds;
	}
	return json_pack("{sI, sI, sf, so}", "fail", (json_int_t)failed, "pass", (json_int_t)succeeded,
	    "mean_run_time", sum / (double)(end - from) / TIME_SECOND, "job_name",
	    shape_text(s->points[from].group));
}

static int
write_jobs(
    struct series *s, struct compat_answer *a, struct slice stamp, size_t from, size_t end, struct err *err)
{
	if (compat_open(a, SLICE_NONE, '{', err) < 0 ||
	    compat_add(a, SLICE_LIT("datetime"), shape_text(stamp), err) < 0 ||
	    compat_open(a, SLICE_LIT("job_data"), '[', err) < 0)
		return -1;
	for (size_t i = from; i < end;) {
		size_t last = end_of_group(s, i);

		if (compat_add(a, SLICE_NONE, job_json(s, i, last), err) < 0)
			return -1;
		i = last;
	}
	compat_close(a, ']');
	compat_close(a, '}');
	return 0;
}

int
compat_runs_by_key(struct call *call, struct reply *out, struct err *err)
{
	struct series s = {.call = call, .key = SLICE_LIT("build_name")};
	struct repo_query query;
	struct buf key, value;
	int rc;

	if (compat_span(call, out, COMPAT_DAY, &s.span))
		return 0;
	buf_init(&key, REQUEST_TARGET_MAX);
	buf_init(&value, REQUEST_TARGET_MAX);
	compat_part(call, 0, &key);
	compat_part(call, 1, &value);
	query = compat_query(&s.span);
	query.meta_key = buf_get(&key);
	query.meta_value = buf_get(&value);
	rc = key.failed || value.failed ? err_nomem(err)
					: answer_series(&s, out, &query, "timedelta", "[]", write_jobs, err);
	buf_release(&key);
	buf_release(&value);
	return rc;
}
