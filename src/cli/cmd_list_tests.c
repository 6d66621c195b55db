/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"
#include "setup.h"

static const enum arg args[] = {ARG_JSON, ARG_NONE};

static int
answer(struct cli *cli, const struct strtab *tests)
{
	struct answer a;

	answer_begin(&a, &cli->ui, "list-tests");
	answer_list(&a, "tests");
	for (size_t i = 0; i < tests->len; i++)
		answer_item(&a, shape_text(strtab_get(tests, i)));
	answer_list_end(&a);
	return answer_end(&a, &cli->err);
}

static int
print_tests(struct setup *s)
{
	struct strtab all = {0}, chosen = {0};
	int rc = -1;

	if (setup_list(s, false, &all) == 0 && setup_filter(s, &all, &chosen) == 0)
		rc = 0;
	if (rc == 0 && s->cli->args.set[ARG_JSON])
		rc = answer(s->cli, &chosen);
	else
		for (size_t i = 0; rc == 0 && i < chosen.len; i++)
			ui_printf(&s->cli->ui, "%.*s\n", SLICE_FMT(strtab_get(&chosen, i)));
	strtab_release(&all);
	strtab_release(&chosen);
	return rc;
}

static int
run_list_tests(struct cli *cli)
{
	struct setup s;
	int rc = setup_begin(&s, cli, 0);

	if (rc == 0)
		rc = print_tests(&s);
	return setup_end(&s, rc);
}

const struct command cmd_list_tests = {
    .name = "list-tests",
    .summary = "Lists the tests for a project.",
    .about = "Each filter is a regular expression; tests that one of them matches anywhere\n"
	     "in their id are listed. What follows -- is passed to the test command.\n",
    .arguments = "testfilters* doubledash? testargs*",
    .args = args,
    .takes_positionals = true,
    .run = run_list_tests,
};
