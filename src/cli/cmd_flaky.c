/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"
#include "choice.h"
#include "flaky.h"
#include "table.h"

#include <stdlib.h>
#include <string.h>

static const enum arg args[] = {ARG_WINDOW, ARG_SINCE, ARG_LIMIT, ARG_JSON, ARG_PROFILE, ARG_NONE};

#define WINDOW 1000
#define LIMIT 20

/* A run that is looked at. */
struct looked_at {
	struct repo_run run;
	size_t commit; /* among the commits; STRTAB_NONE when unknown, or when files were changed */
	bool dirty;    /* they were */
	size_t first;  /* the first of all runs of its commit */
	int64_t workers;
	bool isolated; /* each test had a process of its own */
};

struct looking {
	struct cli *cli;
	struct repo *repo;
	struct looked_at *runs;
	size_t count, cap;
	struct choice choice;
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
};

static int
add_run(void *context, const struct repo_run *run, struct err *err)
{
	struct looking *l = context;

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
	struct looking *l;
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
order_runs(struct looking *l)
{
	size_t *firsts = calloc(l->commits.len + 1, sizeof(*firsts));

	if (!firsts)
		return err_nomem(&l->cli->err);
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
find_runs(struct looking *l)
{
	const struct args *a = &l->cli->args;
	struct repo_query query = {.since = TIME_NONE,
	    .until = TIME_NONE,
	    .states = 1u << REPO_FINISHED | 1u << REPO_INTERRUPTED,
	    .no_probes = true,
	    .newest_first = true,
	    .limit = a->set[ARG_WINDOW] ? a->number[ARG_WINDOW] : WINDOW};

	if (query.limit < 0)
		return err_set(
		    &l->cli->err, ERR_USAGE, "option --window: it is a number of runs, or 0 for all of them");
	if (a->set[ARG_SINCE] && cli_time(l->cli, "--since", a->text[ARG_SINCE], &query.since) < 0)
		return -1;
	/* A time is a bound of its own. */
	if (a->set[ARG_SINCE] && !a->set[ARG_WINDOW])
		query.limit = 0;
	if (repo_runs_where(l->repo, &query, add_run, l, &l->cli->err) < 0)
		return -1;
	for (size_t i = 0; i < l->count; i++) {
		struct facts facts = {l, &l->runs[i]};

		if (repo_meta(l->repo, l->runs[i].run.id, take_fact, &facts, &l->cli->err) < 0)
			return -1;
		if (l->runs[i].dirty)
			l->runs[i].commit = STRTAB_NONE;
	}
	return order_runs(l);
}

/* The place of a row's test in its profile, or STRTAB_NONE. */
static size_t
add_test(struct looking *l, const struct repo_row *row)
{
	struct buf name;
	size_t test;

	if (!l->choice.profiled)
		return strtab_add(&l->tests, row->test, NULL);
	buf_init(&name, SIZE_MAX / 4);
	buf_slice(&name, row->test);
	buf_byte(&name, '\0');
	repo_profile_of(l->repo, row->tags, &name);
	test = name.failed ? STRTAB_NONE : strtab_add(&l->tests, buf_get(&name), NULL);
	buf_release(&name);
	return test;
}

static int
take_row(void *context, const struct repo_row *row, struct err *err)
{
	struct looking *l = context;
	enum verdict verdict = shape_verdict(row->status, &l->at->run);
	size_t test;

	if (verdict == VERDICT_NONE || !choice_has(&l->choice, choice_of_tags(&l->choice, row->tags)))
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
	    .worker_known = l->at->isolated || (row->worker >= 0 && row->attempt == 1),
	    .first = l->at->isolated,
	    .duration = row->duration == TIME_NONE ? -1 : row->duration};
	l->places[l->end_count++] = (struct place){row->worker, row->offset};
	return 0;
}

/* Which workers there may be for it to be told who ran first. */
#define WORKERS_MAX 10000

/* Marks the ends before which their worker had run nothing. */
static int
mark_first(struct looking *l)
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
		return err_nomem(&l->cli->err);
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
change_before(const struct looking *l, size_t i)
{
	const struct looked_at *at = &l->runs[i];

	if (at->dirty)
		return FLAKY_EDIT;
	return i && at->commit != STRTAB_NONE && at->commit == at[-1].commit ? FLAKY_SAME : FLAKY_COMMIT;
}

static int
read_runs(struct looking *l)
{
	struct err *err = &l->cli->err;

	for (size_t i = 0; i < l->count; i++) {
		const struct looked_at *at = l->at = &l->runs[i];
		struct flaky_run run = {.id = at->run.id,
		    .change = change_before(l, i),
		    .workers = at->workers,
		    .elapsed = time_between(at->run.start, at->run.stop)};

		l->end_count = 0;
		if (repo_rows(l->repo, at->run.id, take_row, l, err) < 0 || mark_first(l) < 0)
			return -1;
		if (flaky_add(l->flaky, &run, l->ends, l->end_count) < 0)
			return err_nomem(err);
	}
	return 0;
}

/* A test that is listed. */
struct listed {
	struct slice test;
	struct flaky_verdict v;
	struct slice profile;
};

/* The classes in the order in which they are listed. */
static int class_rank(enum flaky_class class)
{
	return class == FLAKY_UNSURE ? 2 : class == FLAKY_BROKEN ? 1 : 0;
}

static int
compare_listed(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;

	if (class_rank(x->v.class) != class_rank(y->v.class))
		return class_rank(x->v.class) - class_rank(y->v.class);
	if (x->v.evidence < y->v.evidence || x->v.evidence > y->v.evidence)
		return x->v.evidence < y->v.evidence ? 1 : -1;
	return slice_cmp(x->test, y->test);
}

static const char *class_name(enum flaky_class class)
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
split_name(const struct looking *l, struct slice name, struct listed *at)
{
	size_t end = l->choice.profiled ? slice_find(name, '\0') : name.len;

	at->test = slice_head(name, end);
	at->profile = slice_from(name, end + 1);
}

/* The tests to be listed, for the caller to free; NULL when out of memory. */
static struct listed *
judge_all(const struct looking *l, size_t *count)
{
	struct listed *list = calloc(l->tests.len + 1, sizeof(*list));

	*count = 0;
	for (size_t i = 0; list && i < l->tests.len; i++) {
		struct listed *at = &list[*count];

		flaky_judge(l->flaky, i, &at->v);
		split_name(l, strtab_get(&l->tests, i), at);
		*count += at->v.class != FLAKY_NOT;
	}
	if (list)
		qsort(list, *count, sizeof(*list), compare_listed);
	return list;
}

static void
add_line(const struct looking *l, struct table *t, const struct listed *at)
{
	const struct flaky_verdict *v = &at->v;
	struct buf name;

	table_cell(t, slice_str(class_name(v->class)));
	table_printf(t, "%.1f%%", 100 * v->rate);
	table_printf(t, "%.1f-%.1f", 100 * v->range.low, 100 * v->range.high);
	table_printf(t, "%llu", (unsigned long long)v->failures);
	table_printf(t, "%llu", (unsigned long long)(v->failures + v->passes));
	table_printf(t, "%.1f", (double)v->lost / 60e9);
	table_printf(t, "%lld", (long long)v->last);
	buf_init(&name, SIZE_MAX / 4);
	buf_slice(&name, at->test);
	choice_name(&l->choice, at->profile, &name);
	table_cell(t, buf_get(&name));
	buf_release(&name);
}

/* How many of each kind there are, listed or not. */
static void
print_sum(const struct looking *l, const struct listed *list, size_t count, size_t shown)
{
	size_t kinds[3] = {0};
	struct ui *ui = &l->cli->ui;

	for (size_t i = 0; i < count; i++)
		kinds[class_rank(list[i].v.class)]++;
	ui_printf(ui, "%zu flaky, %zu broken, %zu with too little data to tell, of %zu tests in %zu runs",
	    kinds[0], kinds[1], kinds[2], l->tests.len, l->count);
	if (l->commits.len)
		ui_printf(ui, " of %zu commits", l->commits.len);
	if (flaky_outages(l->flaky))
		ui_printf(ui, "; %llu runs in which many failed at once count for little",
		    (unsigned long long)flaky_outages(l->flaky));
	ui_printf(ui, ".\n");
	if (shown < count)
		ui_printf(ui, "%zu are not shown; --limit=0 shows all.\n", count - shown);
}

static int
print(const struct looking *l, const struct listed *list, size_t count, size_t shown)
{
	static const char *const heads[] = {
	    "class", "rate", "95%", "failures", "results", "minutes lost", "last", "test"};
	struct table table;
	int rc = 0;

	table_init(&table, sizeof(heads) / sizeof(heads[0]));
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		table_cell(&table, slice_str(heads[i]));
	for (size_t i = 0; i < shown; i++)
		add_line(l, &table, &list[i]);
	if (shown)
		rc = table_print(&table, &l->cli->ui, &l->cli->err);
	table_release(&table);
	if (rc == 0 && !l->cli->ui.quiet)
		print_sum(l, list, count, shown);
	return rc;
}

static json_t *
listed_json(const struct looking *l, const struct listed *at)
{
	const struct flaky_verdict *v = &at->v;

	return json_pack("{so, ss, sf, sf, sI, sI, sI, sI, sf, sf, sf, so, sI, so*}", "test",
	    shape_text(at->test), "class", class_name(v->class), "probability", v->probability, "broken",
	    v->broken, "passes", (json_int_t)v->passes, "failures", (json_int_t)v->failures,
	    "chance_failures", (json_int_t)v->chance, "discounted", (json_int_t)v->discounted, "rate",
	    v->rate, "low", v->range.low, "high", v->range.high, "lost", shape_seconds(v->lost),
	    "last_failure", (json_int_t)v->last, "profile", choice_json(&l->choice, at->profile));
}

static int
answer(const struct looking *l, const struct listed *list, size_t count, size_t shown)
{
	struct answer a;

	answer_begin(&a, &l->cli->ui, "flaky");
	answer_set(&a, "runs", json_integer((json_int_t)l->count));
	answer_set(&a, "commits", json_integer((json_int_t)l->commits.len));
	answer_set(&a, "outages", json_integer((json_int_t)flaky_outages(l->flaky)));
	answer_set(&a, "tests", json_integer((json_int_t)l->tests.len));
	answer_list(&a, "flaky");
	for (size_t i = 0; i < shown; i++)
		answer_item(&a, listed_json(l, &list[i]));
	answer_list_end(&a);
	answer_set(&a, "not_shown", json_integer((json_int_t)(count - shown)));
	return answer_end(&a, &l->cli->err);
}

static int
show(const struct looking *l)
{
	const struct args *a = &l->cli->args;
	long limit = a->set[ARG_LIMIT] ? a->number[ARG_LIMIT] : LIMIT;
	struct listed *list;
	size_t count, shown;
	int rc;

	if (limit < 0)
		return err_set(
		    &l->cli->err, ERR_USAGE, "option --limit: it is a number of tests, or 0 for all of them");
	list = judge_all(l, &count);
	if (!list)
		return err_nomem(&l->cli->err);
	shown = limit && (size_t)limit < count ? (size_t)limit : count;
	rc = (a->set[ARG_JSON] ? answer : print)(l, list, count, shown);
	free(list);
	return rc;
}

static int
run_flaky(struct cli *cli)
{
	struct looking l = {.cli = cli};
	int rc = -1;

	if (cli_repository(cli, false, &l.repo) < 0)
		return -1;
	l.flaky = flaky_new();
	if (!l.flaky)
		err_nomem(&cli->err);
	else if (choice_init(&l.choice, cli, l.repo) == 0 && find_runs(&l) == 0 && read_runs(&l) == 0)
		rc = show(&l);
	flaky_free(l.flaky);
	free(l.runs);
	free(l.ends);
	free(l.places);
	strtab_release(&l.commits);
	strtab_release(&l.tests);
	choice_release(&l.choice);
	repo_free(l.repo);
	return rc;
}

const struct command cmd_flaky = {
    .name = "flaky",
    .summary = "Show which tests fail by chance, by what the stored runs say.",
    .about = "A test that passed and failed at one commit fails by chance, and so does one\n"
	     "that changes too often to have been broken and mended each time. Changed files\n"
	     "are no commit. Runs in which many tests began to fail at once count for little.\n"
	     "\n"
	     "A line is a test, the surest first: its class, how often it fails by chance,\n"
	     "the interval that has this rate with 95 % confidence, how many of its results\n"
	     "are failures, how many minutes of runs that cost, and the last run it failed in.\n"
	     "The classes:\n"
	     "* flaky -- it fails by chance.\n"
	     "* order-dependent -- so far only, or more often, after other tests.\n"
	     "* contention -- more often when several processes run tests.\n"
	     "* timeout-bound -- after about the same time, longer than it takes to pass.\n"
	     "* broken -- it fails now, and not by chance.\n"
	     "* too little data -- it may be flaky.\n"
	     "\n"
	     "The exit status is 0.\n",
    .arguments = "",
    .args = args,
    .run = run_flaky,
};
