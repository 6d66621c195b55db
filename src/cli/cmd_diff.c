/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"
#include "choosing.h"
#include "rundiff.h"

static const enum arg args[] = {ARG_JSON, ARG_PROFILE, ARG_NONE};

static const struct {
	const char *word, *words;
} changes[RUNDIFF_CHANGES] = {
    {"new failure", "new failures"},
    {"fixed", "fixed"},
    {"still failing", "still failing"},
    {"skipped", "skipped that failed"},
    {"appeared", "appeared"},
    {"vanished", "vanished"},
};

struct diff {
	struct cli *cli;
	struct repo *repo;
	struct rundiff all;
	struct choice choice;
	struct answer *answer; /* NULL for lines of text */
	enum rundiff_change change;
	size_t counts[RUNDIFF_CHANGES];
};

static int
take_test(void *context, struct slice id, struct slice profile, struct err *err)
{
	struct diff *d = context;
	struct buf where;

	(void)err;
	if (!choice_has(&d->choice, profile))
		return 0;
	d->counts[d->change]++;
	buf_init(&where, SIZE_MAX / 4);
	choice_name(&d->choice, profile, &where);
	if (d->answer && d->choice.profiled)
		answer_item(d->answer,
		    json_pack("{so, so}", "test", shape_text(id), "profile", shape_profile(profile)));
	else if (d->answer)
		answer_item(d->answer, shape_text(id));
	else
		ui_printf(&d->cli->ui, "%s: %.*s%.*s\n", changes[d->change].word, SLICE_FMT(id),
		    SLICE_FMT(buf_get(&where)));
	buf_release(&where);
	return 0;
}

static int
print_change(struct diff *d)
{
	return rundiff_each(&d->all, d->change, take_test, d, &d->cli->err);
}

static int
answer(struct diff *d)
{
	static const char *const sides[] = {"old", "new"};
	struct answer a;

	answer_begin(&a, &d->cli->ui, "diff");
	for (size_t i = 0; i < 2; i++) {
		json_t *run = shape_run(d->repo, &d->all.runs[i], &d->cli->err);

		if (!run)
			return -1;
		answer_set(&a, sides[i], run);
	}
	d->answer = &a;
	for (d->change = 0; d->change < RUNDIFF_CHANGES; d->change++) {
		answer_list(&a, rundiff_key(d->change));
		if (print_change(d) < 0)
			return -1;
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
	rc = add_run(d, &line, &d->all.runs[0]);
	buf_str(&line, " to ");
	if (rc == 0)
		rc = add_run(d, &line, &d->all.runs[1]);
	buf_str(&line, ": ");
	for (enum rundiff_change c = 0; c < RUNDIFF_CHANGES; c++) {
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
print(struct diff *d)
{
	for (d->change = 0; d->change < RUNDIFF_CHANGES; d->change++)
		if (print_change(d) < 0)
			return -1;
	if (d->cli->ui.quiet)
		return 0;
	if (summarise(d) < 0)
		return -1;
	for (size_t i = 0; i < 2; i++)
		if (!rundiff_is_whole(&d->all.runs[i]))
			ui_warn(&d->cli->ui,
			    "note: run %lld is %s; tests that are not in it are not taken as %s",
			    (long long)d->all.runs[i].id,
			    d->all.runs[i].state == REPO_RUNNING       ? "still running"
			    : d->all.runs[i].state == REPO_INTERRUPTED ? "one that was interrupted"
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
		    repo_run_get(d->repo, id, &d->all.runs[i], &d->cli->err) < 0)
			return -1;
	}
	return 0;
}

static int
run_diff(struct cli *cli)
{
	struct diff d = {.cli = cli};
	int rc = -1;

	if (cli->args.positional_count > 2)
		return cli_unexpected(cli, cli->args.positionals + 2, cli->args.positional_count - 2);
	if (cli_repository(cli, false, &d.repo) < 0)
		return -1;
	if (choosing_init(&d.choice, cli, d.repo) == 0 && find_runs(&d) == 0 &&
	    rundiff_read(&d.all, d.repo, &cli->err) == 0)
		rc = cli->args.set[ARG_JSON] ? answer(&d) : print(&d);
	if (rc == 0)
		rc = d.counts[RUNDIFF_NEW_FAILURE] > 0;
	rundiff_release(&d.all);
	choice_release(&d.choice);
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
	     "With profiles a test is as many tests as profiles it was run in, and a profile\n"
	     "that one of the runs has nothing of is not compared.\n"
	     "\n"
	     "The exit status is 1 when there are new failures, and 0 otherwise, however many\n"
	     "tests still fail.\n",
    .arguments = "[OLD [NEW]]",
    .args = args,
    .takes_runs = true,
    .run = run_diff,
};
