/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"
#include "cli.h"

static const enum arg args[] = {ARG_JSON, ARG_NONE};

static int
run_stats(struct cli *cli)
{
	struct repo *repo;
	int64_t count;
	int rc;

	if (cli_repository(cli, false, &repo) < 0)
		return -1;
	rc = repo_run_count(repo, &count, &cli->err);
	if (rc == 0 && cli->args.set[ARG_JSON]) {
		struct answer a;

		answer_begin(&a, &cli->ui, "stats");
		answer_set(&a, "runs", json_integer(count));
		rc = answer_end(&a, &cli->err);
	} else if (rc == 0) {
		ui_printf(&cli->ui, "runs=%lld\n", (long long)count);
	}
	repo_free(repo);
	return rc;
}

const struct command cmd_stats = {
    .name = "stats",
    .summary = "Report stats about a repository.",
    .about = "Prints the number of runs ever stored.\n",
    .arguments = "",
    .args = args,
    .run = run_stats,
};
