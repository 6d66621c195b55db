/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"
#include "choosing.h"
#include "config.h"
#include "order.h"
#include "runner.h"
#include "show.h"

#include <stdlib.h>

static const enum arg args[] = {ARG_SUBUNIT, ARG_LIST, ARG_JSON, ARG_RUN, ARG_WORKER, ARG_PROFILE, ARG_NONE};

/* The ids in the order in which the tests began, each once: what one trims by hand and feeds to run
 * --load-list. */
static int
read_list(
    struct cli *cli, struct repo *repo, int64_t id, int64_t worker, struct choice *choice, struct lists *out)
{
	struct order order = {0};
	int rc = order_read(&order, repo, id, choice, &cli->err);

	for (size_t i = 0; rc == 0 && i < order.count; i++) {
		const struct order_test *test = &order.tests[i];

		if (worker < 0 || test->worker == worker)
			rc = lists_add_one(out, strtab_get(&order.profiles, test->profile),
			    strtab_get(&order.ids, test->id), &cli->err);
	}
	order_release(&order);
	return rc;
}

static int
print_list(struct cli *cli, struct repo *repo, int64_t id, int64_t worker, struct choice *choice)
{
	struct lists lists = {0};
	int rc = read_list(cli, repo, id, worker, choice, &lists);

	if (rc == 0)
		rc = lists_print(&lists, cli);
	lists_release(&lists);
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

/* A run that is shown, and what fails in which of its profiles. */
struct shown {
	struct show show;
	struct choice *choice;
	struct strtab profiles;      /* of the run */
	struct lists failed, mended; /* in the first or a further attempt; by a further one */
};

static int
shown_result(void *context, const struct result *r, struct err *err)
{
	struct shown *s = context;
	struct slice profile = choice_profile(s->choice, r);
	int64_t failures = s->show.counts.failures, flaky = s->show.flaky;

	if (!choice_has(s->choice, profile))
		return 0;
	if (strtab_add(&s->profiles, profile, NULL) == STRTAB_NONE)
		return err_nomem(err);
	if (show_result(&s->show, r, err) < 0)
		return -1;
	if (!s->choice->profiled)
		return 0;
	if (s->show.flaky > flaky)
		return lists_add_one(&s->mended, profile, r->id, err);
	return s->show.counts.failures > failures ? lists_add_one(&s->failed, profile, r->id, err) : 0;
}

/* Which tests fail in which profiles only. */
static int
show_profiles(struct shown *s, struct cli *cli)
{
	struct lists failing = {0};
	int rc = 0;

	for (size_t i = 0; i < s->failed.profiles.len; i++) {
		struct slice profile = strtab_get(&s->failed.profiles, i);
		const struct strtab *mended = lists_of(&s->mended, profile);

		for (size_t k = 0; rc == 0 && k < s->failed.tests[i].len; k++) {
			struct slice id = strtab_get(&s->failed.tests[i], k);

			if (!mended || strtab_find(mended, id) == STRTAB_NONE)
				rc = lists_add_one(&failing, profile, id, &cli->err);
		}
	}
	if (rc == 0)
		choosing_show(s->choice, cli, &failing, &s->profiles);
	lists_release(&failing);
	return rc;
}

static int
show_run(
    struct cli *cli, struct repo *repo, const struct repo_run *run, int64_t worker, struct choice *choice)
{
	struct shown s = {.choice = choice};
	struct config *config = NULL;
	int rc = -1;

	show_init(&s.show, cli);
	s.show.worker = worker;
	s.show.uxsuccess_passes = run->uxsuccess_passes;
	s.show.interrupted = run->state != REPO_FINISHED;
	if (cli_optional_config(cli, &config) == 0 &&
	    cli_filter_tags(cli, config, &s.show.filter_tags) == 0 &&
	    repo_results(repo, run->id, CLI_DETAIL_MAX, shown_result, &s, &cli->err) == 0)
		rc = choice->chosen.len ? s.show.counts.failures > 0 : run_status(&s.show, run);
	if (rc >= 0 && !s.show.subunit &&
	    (show_profiles(&s, cli) < 0 || summarise(cli, repo, run, &s.show) < 0))
		rc = -1;
	show_release(&s.show);
	strtab_release(&s.profiles);
	lists_release(&s.failed);
	lists_release(&s.mended);
	config_free(config);
	return rc;
}

struct last {
	struct repo *repo;
	const struct repo_run *run;
	int64_t worker;
	struct choice *choice;
	struct answer answer;
	size_t failures;
};

static int
answer_row(void *context, const struct repo_row *row, struct err *err)
{
	struct last *l = context;
	enum verdict verdict = shape_verdict(row->status, l->run);

	if ((l->worker >= 0 && row->worker != l->worker) ||
	    !choice_has(l->choice, choice_of_tags(l->choice, row->tags)))
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

/* The ids alone, as --load-list takes them. */
static int
answer_lists(
    struct cli *cli, struct repo *repo, const struct repo_run *run, int64_t worker, struct choice *choice)
{
	struct lists lists = {0};
	struct answer a;
	int rc = read_list(cli, repo, run->id, worker, choice, &lists);

	if (rc == 0) {
		answer_begin(&a, &cli->ui, "last");
		lists_answer(&lists, &a);
		rc = answer_end(&a, &cli->err);
	}
	lists_release(&lists);
	return rc;
}

static int
answer(struct cli *cli, struct repo *repo, const struct repo_run *run, int64_t worker, struct choice *choice)
{
	struct last l = {.repo = repo, .run = run, .worker = worker, .choice = choice};
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
	return worker < 0 && !choice->chosen.len && run->exit_status > 0 ? run->exit_status : l.failures > 0;
}

static int
run_last(struct cli *cli)
{
	const char *which = cli->args.set[ARG_RUN] ? cli->args.text[ARG_RUN] : "-1";
	int64_t worker = cli->args.set[ARG_WORKER] ? cli->args.number[ARG_WORKER] : -1;
	struct choice choice = {0};
	struct repo_run run;
	struct repo *repo;
	int64_t id;
	int rc = -1;

	if (cli_repository(cli, false, &repo) < 0)
		return -1;
	if (choosing_init(&choice, cli, repo) < 0 || cli_run_id(cli, repo, which, &id) < 0 ||
	    repo_run_get(repo, id, &run, &cli->err) < 0)
		goto out;
	if (cli->args.set[ARG_SUBUNIT])
		rc = show_run(cli, repo, &run, worker, &choice);
	else if (cli->args.set[ARG_JSON] && cli->args.set[ARG_LIST] && choice.profiled)
		rc = answer_lists(cli, repo, &run, worker, &choice);
	else if (cli->args.set[ARG_JSON])
		rc = answer(cli, repo, &run, worker, &choice);
	else if (cli->args.set[ARG_LIST])
		rc = print_list(cli, repo, id, worker, &choice);
	else
		rc = show_run(cli, repo, &run, worker, &choice);
out:
	choice_release(&choice);
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
