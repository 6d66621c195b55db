/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "runner.h"
#include "show.h"

#include <stdlib.h>
#include <string.h>

static const enum arg args[] = {ARG_SUBUNIT, ARG_LIST, ARG_RUN, ARG_WORKER, ARG_NONE};

/* A test of a worker and where in the stream it began, which no clock can disturb. */
struct started {
	size_t id;
	uint64_t offset;
	size_t order;
};

struct worker_list {
	int64_t worker;
	struct strtab ids;
	struct started *tests;
	size_t count, cap;
};

static int
compare_started(const void *a, const void *b)
{
	const struct started *x = a, *y = b;

	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static int
collect_started(void *context, const struct result *r, struct err *err)
{
	struct worker_list *list = context;
	bool added;
	size_t id;

	if (list->worker >= 0 && result_worker(r) != list->worker)
		return 0;
	id = strtab_add(&list->ids, r->id, &added);
	if (id == STRTAB_NONE)
		return err_nomem(err);
	if (!added)
		return 0;
	if (list->count == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 256;
		struct started *tests = realloc(list->tests, cap * sizeof(*tests));

		if (!tests)
			return err_nomem(err);
		list->tests = tests;
		list->cap = cap;
	}
	list->tests[list->count] = (struct started){id, r->offset, list->count};
	list->count++;
	return 0;
}

/* The ids in the order in which the tests began, each once: what one trims by hand and feeds to run --load-list. */
static int
print_list(struct cli *cli, struct repo *repo, int64_t id, int64_t worker)
{
	struct worker_list list = {.worker = worker};
	int rc = repo_results(repo, id, 0, collect_started, &list, &cli->err);

	if (rc == 0 && list.count) {
		qsort(list.tests, list.count, sizeof(*list.tests), compare_started);
		for (size_t i = 0; i < list.count; i++)
			ui_printf(&cli->ui, "%.*s\n", SLICE_FMT(strtab_get(&list.ids, list.tests[i].id)));
	}
	free(list.tests);
	strtab_release(&list.ids);
	return rc;
}

static int
show_error(void *context, struct slice text, struct err *err)
{
	struct cli *cli = context;

	(void)err;
	ui_warn(&cli->ui, "%.*s", SLICE_FMT(slice_trim(text)));
	return 0;
}

/* The result of a run whose tests alone do not tell it: it was cut off, lost tests, or had a test process die. */
static int
run_status(const struct show *show, const struct repo_run *run)
{
	if (show->counts.failures)
		return 1;
	return show->worker < 0 && run->exit_status > 0 ? run->exit_status : 0;
}

static int
show_run(struct cli *cli, struct repo *repo, const struct repo_run *run, int64_t worker)
{
	struct ui_summary summary = {.id = run->id, .interrupted = run->state != REPO_FINISHED};
	struct config *config = NULL;
	struct repo_run before;
	struct err ignored;
	struct show show;
	int rc = -1;

	show_init(&show, cli);
	show.worker = worker;
	show.uxsuccess_passes = run->uxsuccess_passes;
	if (cli_optional_config(cli, &config) < 0 || cli_filter_tags(cli, config, &show.filter_tags) < 0)
		goto out;
	if (repo_results(repo, run->id, CLI_DETAIL_MAX, show_result, &show, &cli->err) < 0)
		goto out;
	rc = run_status(&show, run);
	if (show.subunit)
		goto out;
	if (worker < 0 &&
	    repo_run_text(repo, run->id, SLICE_LIT(RUNNER_ERROR_NAME), show_error, cli, &cli->err) < 0) {
		rc = -1;
		goto out;
	}
	summary.counts = show.counts;
	summary.elapsed = show_elapsed(&show);
	if (worker < 0 && run->id > 0 && repo_run_get(repo, run->id - 1, &before, &ignored) == 0) {
		summary.before = &before.counts;
		summary.before_elapsed = before.start == TIME_NONE ? 0 : before.stop - before.start;
	}
	ui_summary(&cli->ui, &summary);
out:
	show_release(&show);
	config_free(config);
	return rc;
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
	rc = cli->args.set[ARG_LIST] && !cli->args.set[ARG_SUBUNIT] ? print_list(cli, repo, id, worker)
								    : show_run(cli, repo, &run, worker);
out:
	repo_free(repo);
	return rc;
}

const struct command cmd_last = {
    .name = "last",
    .summary = "Show the last run loaded into a repository.",
    .about = "Failing tests are shown, and a summary at the end; the exit status is that of the run.\n"
	     "With -r RUN, or -2, -3, … for the ones before the last, another run is shown.\n"
	     "\n"
	     "`testr last --worker N --list` prints the tests that worker N ran, in the order in which it\n"
	     "began them: the list to trim when a test fails only after some other one.\n",
    .arguments = "",
    .args = args,
    .run = run_last,
};
