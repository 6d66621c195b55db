/* SPDX-License-Identifier: Apache-2.0 */
#include "show.h"

static const enum arg args[] = {ARG_SUBUNIT, ARG_LIST, ARG_NONE};

/* A repository without any run has no failures to list, but nothing to say of them either. */
static int
check_latest(struct cli *cli, struct repo *repo, int64_t *latest)
{
	if (repo_latest(repo, latest, &cli->err) < 0)
		return -1;
	if (*latest < 0 && !cli->args.set[ARG_LIST] && !cli->args.set[ARG_SUBUNIT])
		return err_set(&cli->err, ERR_FAILED, "'No tests in repository'");
	return 0;
}

static int
run_failing(struct cli *cli)
{
	struct repo *repo;
	struct show show;
	int64_t latest;
	int rc = -1;

	if (cli_repository(cli, false, &repo) < 0)
		return -1;
	show_init(&show, cli);
	show.all_fail = true;
	if (check_latest(cli, repo, &latest) < 0)
		goto out;
	if (repo_failing(repo, show.list ? 0 : CLI_DETAIL_MAX, show_result, &show, &cli->err) < 0)
		goto out;
	if (!show.list && !show.subunit) {
		struct ui_summary summary = {
		    .id = latest, .counts = show.counts, .elapsed = show_elapsed(&show)};

		ui_summary(&cli->ui, &summary);
	}
	rc = show.counts.failures > 0;
out:
	show_release(&show);
	repo_free(repo);
	return rc;
}

const struct command cmd_failing = {
    .name = "failing",
    .summary = "Show the current failures known by the repository.",
    .about = "These are all tests whose last result, in whichever run that was, is a\n"
	     "failure. A test that is gone from the suite is forgotten by the next run of\n"
	     "the whole suite.\n"
	     "\n"
	     "The exit status is 1 when there are any.\n",
    .arguments = "",
    .args = args,
    .run = run_failing,
};
