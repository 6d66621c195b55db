/* SPDX-License-Identifier: Apache-2.0 */
#include "lists.h"
#include "setup.h"

#include <stdlib.h>

static const enum arg args[] = {ARG_JSON, ARG_PROFILE, ARG_NONE};

/* Without profiles the answer is a list of its own. */
static int
answer(struct setup *s, const struct lists *lists)
{
	const struct strtab *tests = lists_of(lists, SLICE_LIT(""));
	struct answer a;

	answer_begin(&a, &s->cli->ui, "list-tests");
	if (s->profiles.count) {
		lists_answer(lists, &a);
		return answer_end(&a, &s->cli->err);
	}
	answer_list(&a, "tests");
	for (size_t i = 0; tests && i < tests->len; i++)
		answer_item(&a, shape_text(strtab_get(tests, i)));
	answer_list_end(&a);
	return answer_end(&a, &s->cli->err);
}

static int
choose_tests(struct setup *s, size_t profile, const struct strtab *all, struct lists *out)
{
	struct slice set = setup_profile(s, profile);
	struct strtab chosen = {0};
	int rc = setup_filter(s, all, &chosen);

	if (rc == 0)
		rc = lists_add(out, set.data ? set : SLICE_LIT(""), &chosen, &s->cli->err);
	strtab_release(&chosen);
	return rc;
}

static int
list_tests(struct setup *s, struct lists *out)
{
	struct strtab *all = calloc(s->count, sizeof(*all));
	int rc = all ? setup_list(s, false, all) : err_nomem(&s->cli->err);

	for (size_t i = 0; rc == 0 && i < s->count; i++)
		rc = choose_tests(s, i, &all[i], out);
	for (size_t i = 0; all && i < s->count; i++)
		strtab_release(&all[i]);
	free(all);
	return rc;
}

static int
print_tests(struct setup *s)
{
	struct lists lists = {0};
	int rc = 0;

	/* That one list cannot hold them is better said before they are asked for. */
	if (!s->cli->args.set[ARG_JSON])
		rc = setup_alone(s, "a list without --json");
	if (rc == 0)
		rc = list_tests(s, &lists);
	if (rc == 0)
		rc = s->cli->args.set[ARG_JSON] ? answer(s, &lists) : lists_print(&lists, s->cli);
	lists_release(&lists);
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
