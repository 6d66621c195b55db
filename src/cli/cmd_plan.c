/* SPDX-License-Identifier: Apache-2.0 */
#include "setup.h"
#include "steps.h"

#include <stdlib.h>

static const enum arg args[] = {ARG_LIST, ARG_PROFILE, ARG_NONE};

/* A line a step: how many tests, how many at once; with --list the tests below it. */
static int
print_plan(struct cli *cli, const struct steps *s, const struct strtab *ids)
{
	for (size_t i = 0; i < s->count; i++) {
		struct plan_segment segment = plan_segment(s->plan, i);
		size_t tests = 0;

		for (size_t k = 0; k < ids->len; k++)
			tests += s->of[k] == i;
		ui_printf(&cli->ui, "%s: %zu test%s", segment.name, tests, tests == 1 ? "" : "s");
		if (segment.concurrency)
			ui_printf(&cli->ui, ", at most %zu at once", segment.concurrency);
		ui_printf(&cli->ui, "%s\n", segment.isolated ? ", each in a process of its own" : "");
		for (size_t k = 0; cli->args.set[ARG_LIST] && k < ids->len; k++)
			if (s->of[k] == i)
				ui_printf(&cli->ui, "  %.*s\n", SLICE_FMT(strtab_get(ids, k)));
	}
	return 0;
}

static int
run_plan(struct cli *cli)
{
	struct strtab ids = {0};
	struct steps steps = {0};
	struct setup setup;
	char *file;
	int rc;

	if (!cli->args.positional_count)
		return err_set(&cli->err, ERR_USAGE, "name the file of the plan: testr plan FILE");
	file = cli->args.positionals[0];
	if (cli->args.positional_count > 1)
		return cli_unexpected(cli, cli->args.positionals + 1, cli->args.positional_count - 1);
	if (steps_load(&steps, file, &cli->err))
		return -1;
	/* The name of the plan is no filter. */
	cli->args.positional_count = 0;
	rc = setup_begin(&setup, cli, 0);
	if (rc == 0)
		rc = setup_alone(&setup, "a plan that is shown");
	if (rc == 0)
		rc = setup_list(&setup, false, &ids);
	if (rc == 0)
		rc = steps_resolve(&steps, &ids, &cli->err);
	if (rc == 0)
		rc = print_plan(cli, &steps, &ids);
	rc = setup_end(&setup, rc);
	steps_release(&steps);
	strtab_release(&ids);
	return rc;
}

const struct command cmd_plan = {
    .name = "plan",
    .summary = "Check a concurrency plan and show what it does.",
    .about = "A plan is a JSON file of steps, which run --plan works off one after the other:\n"
	     "\n"
	     "  {\"version\": 1, \"segments\": [\n"
	     "    {\"name\": \"alone\", \"tests\": [\"a.b.c\"], \"concurrency\": 1},\n"
	     "    {\"name\": \"api\", \"match\": [\"^api[.]\"], \"concurrency\": 8},\n"
	     "    {\"name\": \"others\", \"rest\": true}]}\n"
	     "\n"
	     "Inside a step tests run together, at most as many at once as its concurrency\n"
	     "says; with \"isolated\": true each in a process of its own. A test that two steps\n"
	     "take, that none takes, or that does not exist is an error.\n",
    .arguments = "FILE",
    .args = args,
    .takes_positionals = true,
    .run = run_plan,
};
