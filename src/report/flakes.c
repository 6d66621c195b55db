/* SPDX-License-Identifier: Apache-2.0 */
#include "flakes.h"

#include "tagset.h"

#include <stdlib.h>
#include <string.h>

/* A run that is looked at. */
struct looked_at {
	struct repo_run run;
	size_t commit; /* among the commits; STRTAB_NONE when unknown, or when files were changed */
	bool dirty;    /* they were */
	size_t first;  /* the first of all runs of its commit */
	int64_t workers;
	bool isolated; /* each test had a process of its own */
};

struct flakes {
	struct repo *repo; /* while it is read */
	struct looked_at *runs;
	size_t count, cap;
	const struct flakes_query *query; /* while it is read */
	bool profiled;
	struct strtab commits, tests; /* tests: ids; with profiles there follow a NUL and the profile */
	struct flaky *flaky;
	/* Of the run that is read: */
	const struct looked_at *at;
	struct flaky_end *ends;
	struct place {
		int64_t worker;
		uint64_t offset;
	} * places; /* of each end */
	size_t end_count, end_cap;

	struct flakes_test *list; /* those that are not stable */
	size_t listed;
};

static int
add_run(void *context, const struct repo_run *run, struct err *err)
{
	struct flakes *l = context;

	if (l->count == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 64;
		struct looked_at *more = reallocarray(l->runs, cap, sizeof(*more));

		if (!more)
			return err_nomem(err);
		l->runs = more;
		l->cap = cap;
	}
	l->runs[l->count++] = (struct looked_at){.run = *run, .commit = STRTAB_NONE};
	return 0;
}

struct facts {
	struct flakes *l;
	struct looked_at *at;
};

static int
take_fact(void *context, struct slice key, struct slice value, struct err *err)
{
	struct facts *f = context;

	if (slice_eq(key, SLICE_LIT("git.dirty"))) {
		f->at->dirty = slice_eq(value, SLICE_LIT("true"));
	} else if (slice_eq(key, SLICE_LIT("workers"))) {
		slice_int(value, &f->at->workers);
	} else if (slice_eq(key, SLICE_LIT("command"))) {
		f->at->isolated = slice_search(value, SLICE_LIT(" --isolated")) < value.len;
	} else if (slice_eq(key, SLICE_LIT("git.commit"))) {
		f->at->commit = strtab_add(&f->l->commits, value, NULL);
		return f->at->commit == STRTAB_NONE ? err_nomem(err) : 0;
	}
	return 0;
}

static int
compare_runs(const void *a, const void *b)
{
	const struct looked_at *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return x->run.id < y->run.id ? -1 : 1;
}

/* Puts the runs in the order of their commits, those being in the order in which they were first tested. */
static int
order_runs(struct flakes *l, struct err *err)
{
	size_t *firsts = calloc(l->commits.len + 1, sizeof(*firsts));

	if (!firsts)
		return err_nomem(err);
	/* The newest run came first. */
	for (size_t i = 0; i < l->count; i++)
		if (l->runs[i].commit != STRTAB_NONE)
			firsts[l->runs[i].commit] = l->count - i;
	for (size_t i = 0; i < l->count; i++)
		l->runs[i].first =
		    l->runs[i].commit == STRTAB_NONE ? l->count - i : firsts[l->runs[i].commit];
	if (l->count)
		qsort(l->runs, l->count, sizeof(*l->runs), compare_runs);
	free(firsts);
	return 0;
}

static int
find_runs(struct flakes *l, struct err *err)
{
	struct repo_query query = {.since = l->query->since,
	    .until = TIME_NONE,
	    .states = 1u << REPO_FINISHED | 1u << REPO_INTERRUPTED,
	    .no_probes = true,
	    .newest_first = true,
	    .limit = l->query->window};

	if (repo_runs_where(l->repo, &query, add_run, l, err) < 0)
		return -1;
	for (size_t i = 0; i < l->count; i++) {
		struct facts facts = {l, &l->runs[i]};

		if (repo_meta(l->repo, l->runs[i].run.id, take_fact, &facts, err) < 0)
			return -1;
		if (l->runs[i].dirty)
			l->runs[i].commit = STRTAB_NONE;
	}
	return order_runs(l, err);
}

/* The place of a row's test in its profile, or STRTAB_NONE. */
static size_t
add_test(struct flakes *l, const struct repo_row *row)
{
	struct buf name;
	size_t test;

	if (!l->profiled)
		return strtab_add(&l->tests, row->test, NULL);
	buf_init(&name, SIZE_MAX / 4);
	buf_slice(&name, row->test);
	buf_byte(&name, '\0');
	repo_profile_of(l->repo, row->tags, &name);
	test = name.failed ? STRTAB_NONE : strtab_add(&l->tests, buf_get(&name), NULL);
	buf_release(&name);
	return test;
}

/* In its profile. */
static bool
is_first_attempt(const struct flakes *l, const struct repo_row *row)
{
	return l->profiled ? repo_row_attempt(row) == 1 : row->attempt == 1;
}

static int
take_row(void *context, const struct repo_row *row, struct err *err)
{
	struct flakes *l = context;
	enum verdict verdict = shape_verdict(row->status, &l->at->run);
	size_t test;

	if (verdict == VERDICT_NONE || (l->query->counts && !l->query->counts(l->query->context, row->tags)))
		return 0;
	if (l->end_count == l->end_cap) {
		size_t cap = l->end_cap ? l->end_cap * 2 : 1024;
		struct flaky_end *ends = reallocarray(l->ends, cap, sizeof(*ends));
		struct place *places;

		if (ends)
			l->ends = ends;
		places = ends ? reallocarray(l->places, cap, sizeof(*places)) : NULL;
		if (!places)
			return err_nomem(err);
		l->places = places;
		l->end_cap = cap;
	}
	test = add_test(l, row);
	if (test == STRTAB_NONE)
		return err_nomem(err);
	l->ends[l->end_count] = (struct flaky_end){.test = test,
	    .failed = verdict == VERDICT_FAIL,
	    /* A test is tried again under other circumstances than the first time. */
	    .worker_known = l->at->isolated || (row->worker >= 0 && is_first_attempt(l, row)),
	    .first = l->at->isolated,
	    .duration = row->duration == TIME_NONE ? -1 : row->duration};
	l->places[l->end_count++] = (struct place){row->worker, row->offset};
	return 0;
}

/* Which workers there may be for it to be told who ran first. */
#define WORKERS_MAX 10000

/* Marks the ends before which their worker had run nothing. */
static int
mark_first(struct flakes *l, struct err *err)
{
	size_t *firsts;
	int64_t workers = 0;

	for (size_t i = 0; i < l->end_count; i++)
		if (l->places[i].worker >= workers && l->places[i].worker < WORKERS_MAX)
			workers = l->places[i].worker + 1;
	if (!workers || l->at->isolated)
		return 0;
	firsts = calloc((size_t)workers, sizeof(*firsts)); /* index + 1 */
	if (!firsts)
		return err_nomem(err);
	for (size_t i = 0; i < l->end_count; i++) {
		const struct place *p = &l->places[i];

		if (p->worker >= 0 && p->worker < workers &&
		    (!firsts[p->worker] || p->offset < l->places[firsts[p->worker] - 1].offset))
			firsts[p->worker] = i + 1;
	}
	for (int64_t w = 0; w < workers; w++)
		if (firsts[w])
			l->ends[firsts[w] - 1].first = true;
	free(firsts);
	return 0;
}

static enum flaky_change
change_before(const struct flakes *l, size_t i)
{
	const struct looked_at *at = &l->runs[i];

	if (at->dirty)
		return FLAKY_EDIT;
	return i && at->commit != STRTAB_NONE && at->commit == at[-1].commit ? FLAKY_SAME : FLAKY_COMMIT;
}

static int
read_runs(struct flakes *l, struct err *err)
{
	const struct repo_rows_query all = {.worker = -1, .order = REPO_ROWS_SEEN};

	for (size_t i = 0; i < l->count; i++) {
		const struct looked_at *at = l->at = &l->runs[i];
		struct flaky_run run = {.id = at->run.id,
		    .change = change_before(l, i),
		    .workers = at->workers,
		    .elapsed = time_between(at->run.start, at->run.stop)};

		l->end_count = 0;
		if (repo_rows_where(l->repo, at->run.id, &all, take_row, l, err) < 0 ||
		    mark_first(l, err) < 0)
			return -1;
		if (flaky_add(l->flaky, &run, l->ends, l->end_count) < 0)
			return err_nomem(err);
	}
	return 0;
}

/* The classes in the order in which they are listed. */
static int class_rank(enum flaky_class class)
{
	return class == FLAKY_UNSURE ? 2 : class == FLAKY_BROKEN ? 1 : 0;
}

static int
compare_listed(const void *a, const void *b)
{
	const struct flakes_test *x = a, *y = b;

	if (class_rank(x->v.class) != class_rank(y->v.class))
		return class_rank(x->v.class) - class_rank(y->v.class);
	if (x->v.evidence < y->v.evidence || x->v.evidence > y->v.evidence)
		return x->v.evidence < y->v.evidence ? 1 : -1;
	return slice_cmp(x->test, y->test);
}

const char *flakes_class(enum flaky_class class)
{
	static const char *const names[] = {
	    [FLAKY_NOT] = "stable",
	    [FLAKY_CHANCE] = "flaky",
	    [FLAKY_ORDER] = "order-dependent",
	    [FLAKY_CONTENTION] = "contention",
	    [FLAKY_TIMEOUT] = "timeout-bound",
	    [FLAKY_BROKEN] = "broken",
	    [FLAKY_UNSURE] = "too little data",
	};

	return names[class];
}

/* The id and the profile in the name of a test. */
static void
split_name(const struct flakes *l, struct slice name, struct flakes_test *at)
{
	size_t end = l->profiled ? slice_find(name, '\0') : name.len;

	at->test = slice_head(name, end);
	at->profile = l->profiled ? slice_from(name, end + 1) : SLICE_NONE;
}

static int
judge_all(struct flakes *l, struct err *err)
{
	l->list = calloc(l->tests.len + 1, sizeof(*l->list));
	if (!l->list)
		return err_nomem(err);
	for (size_t i = 0; i < l->tests.len; i++) {
		struct flakes_test *at = &l->list[l->listed];

		flaky_judge(l->flaky, i, &at->v);
		split_name(l, strtab_get(&l->tests, i), at);
		l->listed += at->v.class != FLAKY_NOT;
	}
	qsort(l->list, l->listed, sizeof(*l->list), compare_listed);
	return 0;
}

int
flakes_read(struct repo *repo, const struct flakes_query *query, struct flakes **out, struct err *err)
{
	struct flakes *l = calloc(1, sizeof(*l));

	if (!l)
		return err_nomem(err);
	l->repo = repo;
	l->query = query;
	l->profiled = repo_profile_tags(repo).len > 0;
	l->flaky = flaky_new();
	if (!l->flaky)
		err_nomem(err);
	if (!l->flaky || find_runs(l, err) < 0 || read_runs(l, err) < 0 || judge_all(l, err) < 0) {
		flakes_free(l);
		return -1;
	}
	*out = l;
	return 0;
}

void
flakes_free(struct flakes *l)
{
	if (!l)
		return;
	flaky_free(l->flaky);
	free(l->runs);
	free(l->ends);
	free(l->places);
	free(l->list);
	strtab_release(&l->commits);
	strtab_release(&l->tests);
	free(l);
}

struct flakes_sum
flakes_sum(const struct flakes *l)
{
	size_t kinds[3] = {0};

	for (size_t i = 0; i < l->listed; i++)
		kinds[class_rank(l->list[i].v.class)]++;
	return (struct flakes_sum){
	    l->count, l->commits.len, l->tests.len, kinds[0], kinds[1], kinds[2], flaky_outages(l->flaky)};
}

const struct flakes_test *
flakes_list(const struct flakes *l, size_t *count)
{
	*count = l->listed;
	return l->list;
}

json_t *
flakes_json(const struct flakes_test *at)
{
	const struct flaky_verdict *v = &at->v;

	return json_pack("{so, ss, sf, sf, sI, sI, sI, sI, sf, sf, sf, so, sI, so*}", "test",
	    shape_text(at->test), "class", flakes_class(v->class), "probability", v->probability, "broken",
	    v->broken, "passes", (json_int_t)v->passes, "failures", (json_int_t)v->failures,
	    "chance_failures", (json_int_t)v->chance, "discounted", (json_int_t)v->discounted, "rate",
	    v->rate, "low", v->range.low, "high", v->range.high, "lost", shape_seconds(v->lost),
	    "last_failure", (json_int_t)v->last, "profile",
	    at->profile.data ? shape_profile(at->profile) : NULL);
}
