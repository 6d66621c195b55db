/* SPDX-License-Identifier: Apache-2.0 */
#include "choosing.h"
#include "run_causes.h"
#include "show_causes.h"

static const enum arg args[] = {ARG_JSON, ARG_PROFILE, ARG_RUN, ARG_NONE};

static bool
is_chosen(void *choice, const struct result *r)
{
	return choice_has(choice, choice_profile(choice, r));
}

static int
answer(struct cli *cli, const struct repo_run *run, const struct causes *causes)
{
	struct answer a;

	answer_begin(&a, &cli->ui, "causes");
	answer_set(&a, "run", json_integer(run->id));
	answer_set(&a, "failures", json_integer((json_int_t)causes->failures));
	if (causes_answer(causes, &a, &cli->err) < 0)
		return -1;
	return answer_end(&a, &cli->err);
}

static int
print(struct cli *cli, const struct repo_run *run, const struct causes *causes)
{
	if (causes->failures)
		return causes_print(causes, &cli->ui, &cli->err);
	if (!cli->ui.quiet)
		ui_printf(&cli->ui, "Nothing failed in run %lld%s.\n", (long long)run->id,
		    cli->args.profiles.count ? ", in what was chosen of it" : "");
	return 0;
}

static int
run_causes(struct cli *cli)
{
	const char *which = cli->args.set[ARG_RUN] ? cli->args.text[ARG_RUN] : "-1";
	struct causes causes = {0};
	struct choice choice = {0};
	struct repo_run run;
	struct repo *repo;
	int64_t id;
	int rc = -1;

	if (cli_repository(cli, false, &repo) < 0)
		return -1;
	if (choosing_init(&choice, cli, repo) == 0 && cli_run_id(cli, repo, which, &id) == 0 &&
	    repo_run_get(repo, id, &run, &cli->err) == 0 &&
	    run_causes_read(repo, &run, is_chosen, &choice, &causes, &cli->err) == 0)
		rc = cli->args.set[ARG_JSON] ? answer(cli, &run, &causes) : print(cli, &run, &causes);
	causes_release(&causes);
	choice_release(&choice);
	repo_free(repo);
	return rc;
}

const struct command cmd_causes = {
    .name = "causes",
    .summary = "Show the causes of a run's failures, failures for one cause together.",
    .about = "What failing tests said is compared without what differs from time to time:\n"
	     "numbers, addresses, ports, times, temporary files, where the project is; and of\n"
	     "a stack only the frames next to the failure count. A line is a cause, the one\n"
	     "with most failures first: how many there are, the message with <n>, <time>, ...\n"
	     "in place of what differs, where it was, and some of the tests. Without -r it is\n"
	     "the last run, and without --profile all of its profiles.\n"
	     "\n"
	     "The exit status is 0.\n",
    .arguments = "",
    .args = args,
    .run = run_causes,
};
