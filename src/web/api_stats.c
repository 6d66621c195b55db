/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"
#include "choice.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- the tree of tests ---- */

/* Where a part of an id ends. */
#define SEPARATORS "./:"

struct tree {
	struct call *call;
	struct reply *out;
	struct strtab failing; /* ids */
	struct slice prefix, after;
	int64_t limit, given;
	char *node; /* the one in hand: the common beginning of its tests */
	char *last; /* the one that was given last */
	int64_t tests, failures;
	bool leaf; /* it is the id of a test */
	bool more;
};

/* The part of an id up to the first separators behind the prefix. */
static struct slice
node_of(struct slice id, struct slice prefix)
{
	size_t end = prefix.len;

	while (end < id.len && !strchr(SEPARATORS, id.data[end]))
		end++;
	while (end < id.len && strchr(SEPARATORS, id.data[end]))
		end++;
	return slice_head(id, end);
}

static int
give_node(struct tree *t, struct err *err)
{
	if (!t->node)
		return 0;
	if (t->given == t->limit) {
		t->more = true;
		return 0;
	}
	t->given++;
	free(t->last);
	t->last = t->node;
	t->node = NULL;
	return reply_item(t->out,
	    json_pack("{so, sb, sI, sI}", "prefix", shape_text(slice_str(t->last)), "leaf", t->leaf, "tests",
		(json_int_t)t->tests, "failing", (json_int_t)t->failures),
	    err);
}

/* Ids come sorted, so those of a node come in a row. */
static int
add_to_tree(void *context, struct slice id, struct err *err)
{
	struct tree *t = context;
	struct slice node;

	if (t->more || !slice_starts(id, t->prefix))
		return 0;
	node = node_of(id, t->prefix);
	if (t->after.data && slice_cmp(node, t->after) <= 0)
		return 0;
	if (!t->node || !slice_eq(slice_str(t->node), node)) {
		if (give_node(t, err) < 0)
			return -1;
		if (t->more)
			return 0;
		free(t->node);
		t->node = slice_dup(node);
		t->tests = t->failures = 0;
		t->leaf = false;
		if (!t->node)
			return err_nomem(err);
	}
	t->tests++;
	t->failures += strtab_find(&t->failing, id) != STRTAB_NONE;
	t->leaf |= node.len == id.len;
	return 0;
}

int
api_tree(struct call *call, struct reply *out, struct err *err)
{
	struct tree t = {.call = call, .out = out};
	struct slice prefix = request_param(call->request, "prefix");
	int rc;

	if (call_limit(call, out, &t.limit))
		return 0;
	t.prefix = prefix.data ? prefix : SLICE_LIT("");
	t.after = request_param(call->request, "cursor");
	reply_list(out, "nodes");
	rc = repo_failing_ids(call->repo, &t.failing, err);
	if (rc == 0)
		rc = repo_tests(call->repo, add_to_tree, &t, err);
	if (rc == 0 && !t.more)
		rc = give_node(&t, err);
	if (rc == 0)
		rc = reply_list_end(out, call->request, t.more ? t.last : NULL, err);
	free(t.node);
	free(t.last);
	strtab_release(&t.failing);
	return rc;
}

/* ---- how long a test takes ---- */

struct durations {
	struct call *call;
	json_t *points;
	int64_t limit, runs, last;
	int64_t *values; /* of results that passed */
	size_t count, cap;
};

static int
add_value(struct durations *d, int64_t value, struct err *err)
{
	if (d->count == d->cap) {
		size_t cap = d->cap ? d->cap * 2 : 64;
		int64_t *more = reallocarray(d->values, cap, sizeof(*more));

		if (!more)
			return err_nomem(err);
		d->values = more;
		d->cap = cap;
	}
	d->values[d->count++] = value;
	return 0;
}

static int
add_duration(void *context, const struct repo_row *row, struct err *err)
{
	struct durations *d = context;
	enum verdict v;

	if (shape_verdict_in(d->call->repo, row->run, row->status, &v, err) < 0)
		return -1;
	if (v == VERDICT_PASS && row->duration != TIME_NONE && add_value(d, row->duration, err) < 0)
		return -1;
	return json_array_append_new(
		   d->points, json_pack("{sI, si, so, so, sb}", "run", (json_int_t)row->run, "attempt",
				  row->attempt, "start", shape_time(row->start), "duration",
				  shape_seconds(row->duration), "fails", v == VERDICT_FAIL))
		   ? err_nomem(err)
		   : 0;
}

static int
compare_values(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* The value that so many hundredths of all do not exceed. */
static json_t *
quantile(const struct durations *d, size_t hundredths)
{
	return d->count ? shape_seconds(d->values[(d->count * hundredths + 99) / 100 - 1]) : json_null();
}

int
api_durations(struct call *call, struct reply *out, struct err *err)
{
	struct durations d = {.call = call, .last = -1};
	char *id = NULL;
	int rc;

	if (call_limit(call, out, &d.limit))
		return 0;
	d.points = json_array();
	rc = call_test(call, out, 0, &id, err);
	if (rc == 0)
		rc = repo_history(call->repo, slice_str(id), d.limit, add_duration, &d, err);
	if (rc == 0 && json_array_size(d.points) == 0)
		rc = call_no_test(out);
	if (rc == 0) {
		if (d.count)
			qsort(d.values, d.count, sizeof(*d.values), compare_values);
		rc = reply_json(out,
		    json_pack("{so, sI, so, so, so, sO}", "test", shape_text(slice_str(id)), "passes",
			(json_int_t)d.count, "median", quantile(&d, 50), "p95", quantile(&d, 95), "longest",
			quantile(&d, 100), "durations", d.points),
		    err);
	}
	json_decref(d.points);
	free(d.values);
	free(id);
	return rc;
}

/* ---- the slowest tests ---- */

struct slowest {
	struct reply *out;
	struct choice choice;
	int64_t limit, given, place;
	int attempt;
	bool more;
};

static int
add_slow(void *context, const struct repo_row *row, struct err *err)
{
	struct slowest *s = context;

	if (s->more || row->duration == TIME_NONE ||
	    (s->choice.chosen.len && !choice_has(&s->choice, choice_of_tags(&s->choice, row->tags))))
		return 0;
	if (s->given == s->limit || reply_full(s->out)) {
		s->more = true;
		return 0;
	}
	s->given++;
	s->place = row->place;
	s->attempt = row->attempt;
	return reply_item(s->out,
	    json_pack("{so, sI, so, so*}", "test", shape_text(row->test), "run", (json_int_t)row->run,
		"duration", shape_seconds(row->duration), "profile",
		choice_json(&s->choice, choice_of_tags(&s->choice, row->tags))),
	    err);
}

static int
give_slowest(struct slowest *s, struct call *call, struct repo_rows_query *query, struct err *err)
{
	char next[48];
	int64_t run;

	if (repo_latest(call->repo, &run, err) < 0)
		return -1;
	query->limit = s->choice.chosen.len ? 0 : s->limit + 1;
	reply_list(s->out, "tests");
	if (run >= 0 && repo_rows_where(call->repo, run, query, add_slow, s, err) < 0)
		return -1;
	snprintf(next, sizeof(next), "%" PRId64 ".%d", s->place, s->attempt);
	return reply_list_end(s->out, call->request, s->more ? next : NULL, err);
}

int
api_slowest(struct call *call, struct reply *out, struct err *err)
{
	struct repo_rows_query query = {.worker = -1, .order = REPO_ROWS_SLOWEST};
	struct slowest s = {.out = out};
	int rc;

	if (call_limit(call, out, &s.limit) || call_rows_cursor(call, out, &query))
		return 0;
	rc = call_choice(call, out, &s.choice, err);
	if (rc == 0)
		rc = give_slowest(&s, call, &query, err);
	choice_release(&s.choice);
	return rc;
}

/* ---- what fails ---- */

struct failing {
	struct reply *out;
	struct choice choice;
	int64_t limit, given, skip;
	bool more;
};

static int
add_failing(void *context, const struct result *r, struct err *err)
{
	struct failing *f = context;
	struct repo_row row = {.run = -1,
	    .test = r->id,
	    .status = r->status,
	    .start = r->start,
	    .duration = result_duration(r),
	    .worker = result_worker(r)};
	struct buf tags;
	int rc;

	if (f->more || (f->choice.chosen.len && !choice_has(&f->choice, choice_profile(&f->choice, r))) ||
	    f->skip-- > 0)
		return 0;
	if (f->given == f->limit || reply_full(f->out)) {
		f->more = true;
		return 0;
	}
	f->given++;
	buf_init(&tags, SIZE_MAX / 4);
	result_other_tags(&tags, r);
	row.tags = buf_get(&tags);
	rc = reply_item(f->out, call_row_json(&f->choice, &row, VERDICT_FAIL), err);
	buf_release(&tags);
	return rc;
}

int
api_failing(struct call *call, struct reply *out, struct err *err)
{
	struct failing f = {.out = out};
	int64_t skip = 0;
	char next[24];
	int rc;

	if (call_limit(call, out, &f.limit) || call_number(call, out, "cursor", &skip))
		return 0;
	f.skip = skip;
	rc = call_choice(call, out, &f.choice, err);
	if (rc == 0) {
		reply_list(out, "results");
		rc = repo_failing(call->repo, 0, add_failing, &f, err);
	}
	snprintf(next, sizeof(next), "%" PRId64, skip + f.given);
	if (rc == 0)
		rc = reply_list_end(out, call->request, f.more ? next : NULL, err);
	choice_release(&f.choice);
	return rc;
}

/* ---- how often runs fail ---- */

#define POINTS_MAX 2000

struct rate {
	struct repo *repo;
	struct slice key; /* of the metadata to group by; absent: one group */
	int64_t bucket;   /* nanoseconds */
	struct strtab groups;
	struct point {
		size_t group;
		int64_t start, runs, failed, tests, failures;
	} * points;
	size_t count, cap;
	size_t group; /* of the run in hand */
};

static int
take_group(void *context, struct slice key, struct slice value, struct err *err)
{
	struct rate *r = context;

	if (!slice_eq(key, r->key))
		return 0;
	r->group = strtab_add(&r->groups, value, NULL);
	return r->group == STRTAB_NONE ? err_nomem(err) : 0;
}

static struct point *
find_point(struct rate *r, size_t group, int64_t start)
{
	struct point *more;

	for (size_t i = r->count; i > 0; i--)
		if (r->points[i - 1].group == group && r->points[i - 1].start == start)
			return &r->points[i - 1];
	if (r->count == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 64;
		more = reallocarray(r->points, r->cap, sizeof(*more));
		if (!more)
			return NULL;
		r->points = more;
	}
	r->points[r->count] = (struct point){.group = group, .start = start};
	return &r->points[r->count++];
}

static int
add_to_rate(void *context, const struct repo_run *run, struct err *err)
{
	struct rate *r = context;
	struct point *p;
	int64_t start;

	if (run->start == TIME_NONE || r->count >= POINTS_MAX)
		return 0;
	r->group = 0;
	if (r->key.data && repo_meta(r->repo, run->id, take_group, r, err) < 0)
		return -1;
	start = run->start - (run->start % r->bucket + r->bucket) % r->bucket;
	p = find_point(r, r->group, start);
	if (!p)
		return err_nomem(err);
	p->runs++;
	p->failed += strcmp(shape_outcome(run), "passed") != 0;
	p->tests += run->counts.tests;
	p->failures += run->counts.failures;
	return 0;
}

static int
give_points(struct rate *r, struct call *call, struct reply *out, struct err *err)
{
	reply_list(out, "points");
	for (size_t i = 0; i < r->count; i++) {
		const struct point *p = &r->points[i];
		struct slice group = strtab_get(&r->groups, p->group);

		if (reply_item(out,
			json_pack("{so, so, sI, sI, sI, sI}", "group",
			    shape_text(r->key.data && group.len ? group : SLICE_NONE), "start",
			    shape_time(p->start), "runs", (json_int_t)p->runs, "failed",
			    (json_int_t)p->failed, "tests", (json_int_t)p->tests, "failures",
			    (json_int_t)p->failures),
			err) < 0)
			return -1;
	}
	return reply_list_end(out, call->request, NULL, err);
}

int
api_failure_rate(struct call *call, struct reply *out, struct err *err)
{
	static const int64_t buckets[] = {60, 3600, 86400, 7 * 86400};
	struct repo_query query = {.since = TIME_NONE,
	    .until = TIME_NONE,
	    .states = 1u << REPO_FINISHED | 1u << REPO_INTERRUPTED,
	    .newest_first = true};
	struct rate r = {.repo = call->repo};
	int resolution = 2, rc = 0;

	if (call_time(call, out, "since", &query.since) || call_time(call, out, "until", &query.until) ||
	    call_word(call, out, "resolution", "minute hour day week", &resolution))
		return 0;
	r.key = request_param(call->request, "group_by");
	r.bucket = buckets[resolution] * TIME_SECOND;
	/* The first one is that of runs without a group. */
	if (strtab_add(&r.groups, SLICE_LIT(""), NULL) == STRTAB_NONE)
		rc = err_nomem(err);
	if (rc == 0)
		rc = repo_runs_where(call->repo, &query, add_to_rate, &r, err);
	if (rc == 0)
		rc = give_points(&r, call, out, err);
	free(r.points);
	strtab_release(&r.groups);
	return rc;
}
