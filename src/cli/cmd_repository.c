/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"
#include "upgrade.h"

#include <stdlib.h>
#include <string.h>

static const enum arg args[] = {ARG_JSON, ARG_NONE};

static int
upgrade(struct cli *cli)
{
	char *url = cli_repository_url(cli);
	struct upgrade done;
	struct answer a;
	int rc = url ? repo_upgrade(url, &done, &cli->err) : -1;

	free(url);
	if (rc < 0)
		return -1;
	if (cli->args.set[ARG_JSON]) {
		answer_begin(&a, &cli->ui, "repository");
		answer_set(&a, "action", json_string("upgrade"));
		answer_set(&a, "runs", json_integer(done.runs));
		answer_set(&a, "backup", shape_text(slice_str(done.backup)));
		return answer_end(&a, &cli->err);
	}
	if (!cli->ui.quiet)
		ui_printf(&cli->ui, "The repository has format 2 now. The old one is %s\n", done.backup);
	return 0;
}

struct check {
	struct cli *cli;
	struct answer answer;
	size_t wrong;
};

static int
show_wrong(void *context, int64_t run, const char *what, struct err *err)
{
	struct check *c = context;

	(void)err;
	c->wrong++;
	if (c->cli->args.set[ARG_JSON])
		answer_item(&c->answer, json_pack("{soso}", "run", run < 0 ? json_null() : json_integer(run),
					    "problem", shape_text(slice_str(what))));
	else if (run >= 0)
		ui_printf(&c->cli->ui, "run %lld: %s\n", (long long)run, what);
	else
		ui_printf(&c->cli->ui, "%s\n", what);
	return 0;
}

static int
check_opened(struct check *c, struct repo *repo)
{
	struct cli *cli = c->cli;
	bool json = cli->args.set[ARG_JSON];

	if (json) {
		answer_begin(&c->answer, &cli->ui, "repository");
		answer_set(&c->answer, "action", json_string("check"));
		answer_list(&c->answer, "problems");
	}
	if (repo_verify(repo, show_wrong, c, &cli->err) < 0)
		return -1;
	if (json) {
		answer_list_end(&c->answer);
		if (answer_end(&c->answer, &cli->err) < 0)
			return -1;
	} else if (!c->wrong && !cli->ui.quiet) {
		ui_printf(&cli->ui, "nothing is wrong\n");
	}
	if (c->wrong)
		ui_warn(&cli->ui, "`testr repository rebuild` makes the index again from the streams");
	return c->wrong > 0;
}

static int
check(struct cli *cli)
{
	struct check c = {.cli = cli};
	struct repo *repo;
	int rc;

	if (cli_repository(cli, false, &repo) < 0)
		return -1;
	rc = check_opened(&c, repo);
	repo_free(repo);
	return rc;
}

static int
rebuild(struct cli *cli)
{
	char *url = cli_repository_url(cli);
	struct repo *repo = NULL;
	struct answer a;
	int64_t count;
	int rc = -1;

	/* Opening it ends the runs that were cut off. */
	if (url && repo_rebuild(url, &cli->err) == 0 && repo_open(url, &repo, &cli->err) == 0)
		rc = repo_run_count(repo, &count, &cli->err);
	if (rc == 0 && cli->args.set[ARG_JSON]) {
		answer_begin(&a, &cli->ui, "repository");
		answer_set(&a, "action", json_string("rebuild"));
		answer_set(&a, "runs", json_integer(count));
		rc = answer_end(&a, &cli->err);
	} else if (rc == 0 && !cli->ui.quiet) {
		ui_printf(&cli->ui, "the index was made again from the streams\n");
	}
	repo_free(repo);
	free(url);
	return rc;
}

static const struct {
	const char *name;
	int (*run)(struct cli *cli);
} actions[] = {
    {"check", check},
    {"rebuild", rebuild},
    {"upgrade", upgrade},
};

static int
run_repository(struct cli *cli)
{
	for (size_t i = 0; cli->args.positional_count == 1 && i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(cli->args.positionals[0], actions[i].name) == 0)
			return actions[i].run(cli);
	return err_set(&cli->err, ERR_USAGE, "say what is to be done: check, rebuild or upgrade");
}

const struct command cmd_repository = {
    .name = "repository",
    .summary = "Check, rebuild or upgrade the repository.",
    .about = "check reads every stream and compares the index with it; the exit status is 1\n"
	     "when something is wrong, and each such thing is one line.\n"
	     "\n"
	     "rebuild makes the index again from the streams, whatever state it is in.\n"
	     "\n"
	     "upgrade turns a repository of Python's testr or of stestr into one of format 2,\n"
	     "with every run, id and time. The old one is kept under the name that is printed.\n",
    .arguments = "check|rebuild|upgrade",
    .args = args,
    .takes_positionals = true,
    .run = run_repository,
};
