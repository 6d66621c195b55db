/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"

#include <stdlib.h>

static const enum arg args[] = {ARG_JSON, ARG_NONE};

/* What a run says of a test, by its last attempt in it. */
enum state {
	ABSENT, /* also when it was cut off with its run */
	PASSES,
	SKIPPED,
	FAILS,
};

/* Kinds of change, in the order in which they are shown. A test that is new and fails is of two kinds. */
enum change {
	NEW_FAILURE,
	FIXED,
	STILL_FAILING,
	SKIPPED_NOW,
	APPEARED,
	VANISHED,
	CHANGES,
};

static const struct {
	const char *key, *word, *words;
} changes[CHANGES] = {
    {"new_failures", "new failure", "new failures"},
    {"fixed", "fixed", "fixed"},
    {"still_failing", "still failing", "still failing"},
    {"skipped", "skipped", "skipped that failed"},
    {"appeared", "appeared", "appeared"},
    {"vanished", "vanished", "vanished"},
};

struct diff {
	struct cli *cli;
	struct repo *repo;
	struct repo_run runs[2]; /* the old one and the new one */
	size_t side;             /* the one being read */
	struct strtab tests;
	uint8_t (*states)[2]; /* of each test, in each run */
	size_t cap;
	size_t counts[CHANGES];
};

static int
take_row(void *context, const struct repo_row *row, struct err *err)
{
	struct diff *d = context;
	enum verdict verdict = shape_verdict(row->status, &d->runs[d->side]);
	size_t test;
	bool added;

	if (verdict == VERDICT_NONE && row->status != STATUS_SKIP)
		return 0;
	test = strtab_add(&d->tests, row->test, &added);
	if (test == STRTAB_NONE)
		return err_nomem(err);
	if (test >= d->cap) {
		size_t cap = d->cap ? d->cap * 2 : 256;
		uint8_t(*more)[2] = reallocarray(d->states, cap, sizeof(*more));

		if (!more)
			return err_nomem(err);
		d->states = more;
		d->cap = cap;
	}
	if (added)
		d->states[test][0] = d->states[test][1] = ABSENT;
	d->states[test][d->side] = verdict == VERDICT_FAIL   ? FAILS
				   : verdict == VERDICT_PASS ? PASSES
							     : SKIPPED;
	return 0;
}

static bool
is_whole(const struct repo_run *run)
{
	return run->state == REPO_FINISHED && !run->partial;
}

/* Whether the test has changed in this way. That a test is absent from a part of the suite says nothing. */
static bool
changed(const struct diff *d, size_t test, enum change change)
{
	uint8_t old = d->states[test][0], new = d->states[test][1];

	switch (change) {
	case NEW_FAILURE:
		return new == FAILS &&old != FAILS;
	case FIXED:
		return old == FAILS && new == PASSES;
	case STILL_FAILING:
		return old == FAILS && new == FAILS;
	case SKIPPED_NOW:
		return old == FAILS && new == SKIPPED;
	case APPEARED:
		return old == ABSENT && is_whole(&d->runs[0]);
	case VANISHED:
		return new == ABSENT &&is_whole(&d->runs[1]);
	default:
		return false;
	}
}

static int
compare_tests(const void *a, const void *b, void *tests)
{
	return slice_cmp(strtab_get(tests, *(const size_t *)a), strtab_get(tests, *(const size_t *)b));
}

/* The tests in the order of their ids, for the caller to free. */
static size_t *
sort_tests(struct diff *d)
{
	size_t *order = calloc(d->tests.len + 1, sizeof(*order));

	for (size_t i = 0; order && i < d->tests.len; i++)
		order[i] = i;
	if (order)
		qsort_r(order, d->tests.len, sizeof(*order), compare_tests, &d->tests);
	return order;
}

static void
print_change(struct diff *d, struct answer *a, const size_t *order, enum change change)
{
	for (size_t i = 0; i < d->tests.len; i++) {
		struct slice id = strtab_get(&d->tests, order[i]);

		if (!changed(d, order[i], change))
			continue;
		d->counts[change]++;
		if (a)
			answer_item(a, shape_text(id));
		else
			ui_printf(&d->cli->ui, "%s: %.*s\n", changes[change].word, SLICE_FMT(id));
	}
}

static int
answer(struct diff *d, const size_t *order)
{
	static const char *const sides[] = {"old", "new"};
	struct answer a;

	answer_begin(&a, &d->cli->ui, "diff");
	for (size_t i = 0; i < 2; i++) {
		json_t *run = shape_run(d->repo, &d->runs[i], &d->cli->err);

		if (!run)
			return -1;
		answer_set(&a, sides[i], run);
	}
	for (enum change c = 0; c < CHANGES; c++) {
		answer_list(&a, changes[c].key);
		print_change(d, &a, order, c);
		answer_list_end(&a);
	}
	return answer_end(&a, &d->cli->err);
}

/* "run 12", and its commit if that is known. */
static int
add_run(struct diff *d, struct buf *line, const struct repo_run *run)
{
	struct ask_origin origin;
	int rc;

	ask_origin_init(&origin);
	rc = ask_origin_read(&origin, d->repo, run->id, &d->cli->err);
	buf_printf(line, "run %lld", (long long)run->id);
	if (origin.commit[0])
		buf_printf(line, " (%s)", origin.commit);
	ask_origin_release(&origin);
	return rc;
}

/* "From run 12 to run 13: 2 new failures, 1 fixed" */
static int
summarise(struct diff *d)
{
	const char *comma = "";
	struct buf line;
	int rc;

	buf_init(&line, 1024);
	buf_str(&line, "From ");
	rc = add_run(d, &line, &d->runs[0]);
	buf_str(&line, " to ");
	if (rc == 0)
		rc = add_run(d, &line, &d->runs[1]);
	buf_str(&line, ": ");
	for (enum change c = 0; c < CHANGES; c++) {
		if (!d->counts[c])
			continue;
		buf_printf(&line, "%s%zu %s", comma, d->counts[c],
		    d->counts[c] == 1 ? changes[c].word : changes[c].words);
		comma = ", ";
	}
	ui_printf(&d->cli->ui, "%.*s%s\n", SLICE_FMT(buf_get(&line)), *comma ? "" : "no change");
	buf_release(&line);
	return rc;
}

static int
print(struct diff *d, const size_t *order)
{
	for (enum change c = 0; c < CHANGES; c++)
		print_change(d, NULL, order, c);
	if (d->cli->ui.quiet)
		return 0;
	if (summarise(d) < 0)
		return -1;
	for (size_t i = 0; i < 2; i++)
		if (!is_whole(&d->runs[i]))
			ui_warn(&d->cli->ui,
			    "note: run %lld is %s; tests that are not in it are not taken as %s",
			    (long long)d->runs[i].id,
			    d->runs[i].state == REPO_RUNNING       ? "still running"
			    : d->runs[i].state == REPO_INTERRUPTED ? "one that was interrupted"
								   : "one of a part of the suite",
			    i ? "vanished" : "new");
	return 0;
}

/* The runs that the arguments name. */
static int
find_runs(struct diff *d)
{
	const struct args *a = &d->cli->args;
	const char *names[2] = {"-2", "-1"};

	for (size_t i = 0; i < a->positional_count; i++)
		names[i] = a->positionals[i];
	for (size_t i = 0; i < 2; i++) {
		int64_t id;

		if (cli_run_id(d->cli, d->repo, names[i], &id) < 0 ||
		    repo_run_get(d->repo, id, &d->runs[i], &d->cli->err) < 0)
			return -1;
	}
	return 0;
}

static int
run_diff(struct cli *cli)
{
	struct diff d = {.cli = cli};
	size_t *order = NULL;
	int rc = -1;

	if (cli->args.positional_count > 2)
		return cli_unexpected(cli, cli->args.positionals + 2, cli->args.positional_count - 2);
	if (cli_repository(cli, false, &d.repo) < 0)
		return -1;
	if (find_runs(&d) < 0)
		goto out;
	for (d.side = 0; d.side < 2; d.side++)
		if (repo_rows(d.repo, d.runs[d.side].id, take_row, &d, &cli->err) < 0)
			goto out;
	order = sort_tests(&d);
	if (!order)
		err_nomem(&cli->err);
	else
		rc = cli->args.set[ARG_JSON] ? answer(&d, order) : print(&d, order);
	if (rc == 0)
		rc = d.counts[NEW_FAILURE] > 0;
out:
	free(order);
	free(d.states);
	strtab_release(&d.tests);
	repo_free(d.repo);
	return rc;
}

const struct command cmd_diff = {
    .name = "diff",
    .summary = "Show what changed from one run to another.",
    .about = "From run OLD to run NEW: which tests fail that did not, which are fixed, which\n"
	     "still fail, and which appeared or vanished. NEW is the latest run if it is not\n"
	     "given, and OLD the one before that. Each test is on a line of its own behind\n"
	     "what happened to it; a test that is new and fails is on two. What tests did in\n"
	     "the end counts: a test that failed and then passed in the same run passed.\n"
	     "\n"
	     "The exit status is 1 when there are new failures, and 0 otherwise, however many\n"
	     "tests still fail.\n",
    .arguments = "[OLD [NEW]]",
    .args = args,
    .takes_runs = true,
    .run = run_diff,
};
