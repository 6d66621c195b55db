/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"
#include "config.h"
#include "order.h"
#include "runner.h"
#include "show.h"

#include <stdlib.h>

static const enum arg args[] = {ARG_SUBUNIT, ARG_LIST, ARG_JSON, ARG_RUN, ARG_WORKER, ARG_NONE};

/* The ids in the order in which the tests began, each once: what one trims by hand and feeds to run
 * --load-list. */
static int
print_list(struct cli *cli, struct repo *repo, int64_t id, int64_t worker)
{
	struct order order = {0};
	bool *printed = NULL;
	int rc = order_read(&order, repo, id, &cli->err);

	if (rc == 0)
		printed = calloc(order.ids.len + 1, sizeof(*printed));
	if (rc == 0 && !printed)
		rc = err_nomem(&cli->err);
	for (size_t i = 0; rc == 0 && i < order.count; i++) {
		const struct order_test *test = &order.tests[i];

		if ((worker >= 0 && test->worker != worker) || printed[test->id])
			continue;
		printed[test->id] = true;
		ui_printf(&cli->ui, "%.*s\n", SLICE_FMT(strtab_get(&order.ids, test->id)));
	}
	free(printed);
	order_release(&order);
	return rc;
}

/* What went wrong in a run beside its tests. */
struct trouble {
	struct cli *cli;
	const char *prefix;
	size_t lines;
};

/* Shows each line of what was said, and counts them. */
static int
show_trouble(void *context, struct slice text, struct err *err)
{
	struct trouble *t = context;
	struct slice line;

	(void)err;
	while (slice_split(&text, '\n', &line))
		if (line.len) {
			t->lines++;
			ui_warn(&t->cli->ui, "%s%.*s", t->prefix, SLICE_FMT(line));
		}
	return 0;
}

static int
count_lines(void *context, struct slice text, struct err *err)
{
	size_t *lines = context;

	(void)err;
	for (size_t i = 0; i < text.len; i++)
		*lines += text.data[i] == '\n';
	return 0;
}

static int
count_trouble(
    struct cli *cli, struct repo *repo, int64_t id, struct slice name, const char *prefix, size_t *out)
{
	struct trouble t = {.cli = cli, .prefix = prefix};

	if (repo_run_text(repo, id, name, show_trouble, &t, &cli->err) < 0)
		return -1;
	*out = t.lines;
	return 0;
}

/* A run that lost tests, was cut off, or had a test process die has a status of its own; one worker's part of
 * it has not. */
static int
run_status(const struct show *show, const struct repo_run *run)
{
	if (show->worker < 0 && run->exit_status > 0)
		return run->exit_status;
	return show->counts.failures > 0;
}

/* The end of the summary: what cannot be seen from the tests, and the run before. */
static int
summarise(struct cli *cli, struct repo *repo, const struct repo_run *run, const struct show *show)
{
	struct ui_summary summary = {
	    .id = run->id,
	    .counts = show->counts,
	    .flaky = show->flaky,
	    .quarantined = show->quarantined,
	    .elapsed = show_elapsed(show),
	    .interrupted = run->state != REPO_FINISHED,
	};
	struct repo_run before;
	struct err ignored;

	if (show->worker < 0) {
		if (count_trouble(cli, repo, run->id, SLICE_LIT(RUNNER_ERROR_NAME), "", &summary.errors) <
			0 ||
		    count_trouble(cli, repo, run->id, SLICE_LIT(RUNNER_LOST_NAME), "lost: ", &summary.lost) <
			0)
			return -1;
		if (repo_run_text(repo, run->id, SLICE_LIT(RUNNER_NOT_RUN_NAME), count_lines,
			&summary.not_run, &cli->err) < 0)
			return -1;
		summary.failed = run->exit_status > 0;
		if (run->id > 0 && repo_run_get(repo, run->id - 1, &before, &ignored) == 0) {
			summary.before = &before.counts;
			summary.before_elapsed = time_between(before.start, before.stop);
		}
	}
	ui_summary(&cli->ui, &summary);
	return 0;
}

static int
show_run(struct cli *cli, struct repo *repo, const struct repo_run *run, int64_t worker)
{
	struct config *config = NULL;
	struct show show;
	int rc = -1;

	show_init(&show, cli);
	show.worker = worker;
	show.uxsuccess_passes = run->uxsuccess_passes;
	show.interrupted = run->state != REPO_FINISHED;
	if (cli_optional_config(cli, &config) == 0 && cli_filter_tags(cli, config, &show.filter_tags) == 0 &&
	    repo_results(repo, run->id, CLI_DETAIL_MAX, show_result, &show, &cli->err) == 0)
		rc = run_status(&show, run);
	if (rc >= 0 && !show.subunit && summarise(cli, repo, run, &show) < 0)
		rc = -1;
	show_release(&show);
	config_free(config);
	return rc;
}

struct last {
	struct repo *repo;
	const struct repo_run *run;
	int64_t worker;
	struct answer answer;
	size_t failures;
};

static int
answer_row(void *context, const struct repo_row *row, struct err *err)
{
	struct last *l = context;
	enum verdict verdict = shape_verdict(row->status, l->run);

	if (l->worker >= 0 && row->worker != l->worker)
		return 0;
	/* Its failed attempt comes right before it. */
	if (l->worker < 0 && repo_row_attempt(row) > 1 && l->failures)
		l->failures--;
	l->failures += verdict == VERDICT_FAIL && !ask_quarantined(row->tags);
	return ask_answer_row(
	    &l->answer, l->repo, row, verdict, verdict == VERDICT_FAIL ? ASK_DETAIL_MAX : 0, err);
}

/* Each line of what was said. */
static int
answer_trouble(void *context, struct slice text, struct err *err)
{
	struct slice line;

	(void)err;
	while (slice_split(&text, '\n', &line))
		if (line.len)
			answer_item(context, shape_text(line));
	return 0;
}

static int
answer(struct cli *cli, struct repo *repo, const struct repo_run *run, int64_t worker)
{
	struct last l = {.repo = repo, .run = run, .worker = worker};
	struct answer *a = &l.answer;
	json_t *facts = shape_run(repo, run, &cli->err);

	if (!facts)
		return -1;
	answer_begin(a, &cli->ui, "last");
	answer_set(a, "run", facts);
	answer_list(a, "results");
	if (repo_rows(repo, run->id, answer_row, &l, &cli->err) < 0)
		return -1;
	answer_list_end(a);
	answer_list(a, "errors");
	if (repo_run_text(repo, run->id, SLICE_LIT(RUNNER_ERROR_NAME), answer_trouble, a, &cli->err) < 0)
		return -1;
	answer_list_end(a);
	answer_list(a, "lost");
	if (repo_run_text(repo, run->id, SLICE_LIT(RUNNER_LOST_NAME), answer_trouble, a, &cli->err) < 0)
		return -1;
	answer_list_end(a);
	if (answer_end(a, &cli->err) < 0)
		return -1;
	return worker < 0 && run->exit_status > 0 ? run->exit_status : l.failures > 0;
}

static int
run_last(struct cli *cli)
{
	const char *which = cli->args.set[ARG_RUN] ? cli->args.text[ARG_RUN] : "-1";
	int64_t worker = cli->args.set[ARG_WORKER] ? cli->args.number[ARG_WORKER] : -1;
	struct repo_run run;
	struct repo *repo;
	int64_t id;
	int rc = -1;

	if (cli_repository(cli, false, &repo) < 0)
		return -1;
	if (cli_run_id(cli, repo, which, &id) < 0 || repo_run_get(repo, id, &run, &cli->err) < 0)
		goto out;
	if (cli->args.set[ARG_SUBUNIT])
		rc = show_run(cli, repo, &run, worker);
	else if (cli->args.set[ARG_JSON])
		rc = answer(cli, repo, &run, worker);
	else if (cli->args.set[ARG_LIST])
		rc = print_list(cli, repo, id, worker);
	else
		rc = show_run(cli, repo, &run, worker);
out:
	repo_free(repo);
	return rc;
}

const struct command cmd_last = {
    .name = "last",
    .summary = "Show the last run loaded into a repository.",
    .about = "Failing tests are shown, and a summary at the end; the exit status is that of\n"
	     "the run. With -r RUN, or -2, -3, … for the ones before the last, another run\n"
	     "is shown.\n"
	     "\n"
	     "`testr last --worker N --list` prints the tests that worker N ran, in the\n"
	     "order in which it began them: the list to trim when a test fails only after\n"
	     "some other one.\n",
    .arguments = "",
    .args = args,
    .run = run_last,
};
