/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"
#include "choosing.h"
#include "flakes.h"
#include "table.h"

static const enum arg args[] = {ARG_WINDOW, ARG_SINCE, ARG_LIMIT, ARG_JSON, ARG_PROFILE, ARG_NONE};

#define LIMIT 20

static void
add_line(const struct choice *choice, struct table *t, const struct flakes_test *at)
{
	const struct flaky_verdict *v = &at->v;
	struct buf name;

	table_cell(t, slice_str(flakes_class(v->class)));
	table_printf(t, "%.1f%%", 100 * v->rate);
	table_printf(t, "%.1f-%.1f", 100 * v->range.low, 100 * v->range.high);
	table_printf(t, "%llu", (unsigned long long)v->failures);
	table_printf(t, "%llu", (unsigned long long)(v->failures + v->passes));
	table_printf(t, "%.1f", (double)v->lost / 60e9);
	table_printf(t, "%lld", (long long)v->last);
	buf_init(&name, SIZE_MAX / 4);
	buf_slice(&name, at->test);
	choice_name(choice, at->profile, &name);
	table_cell(t, buf_get(&name));
	buf_release(&name);
}

/* How many of each kind there are, listed or not. */
static void
print_sum(struct ui *ui, const struct flakes_sum *sum, size_t hidden)
{
	ui_printf(ui, "%zu flaky, %zu broken, %zu with too little data to tell, of %zu tests in %zu runs",
	    sum->flaky, sum->broken, sum->unsure, sum->tests, sum->runs);
	if (sum->commits)
		ui_printf(ui, " of %zu commits", sum->commits);
	if (sum->outages)
		ui_printf(ui, "; %llu runs in which many failed at once count for little",
		    (unsigned long long)sum->outages);
	ui_printf(ui, ".\n");
	if (hidden)
		ui_printf(ui, "%zu are not shown; --limit=0 shows all.\n", hidden);
}

static int
print(struct cli *cli, const struct choice *choice, const struct flakes *l, size_t shown)
{
	static const char *const heads[] = {
	    "class", "rate", "95%", "failures", "results", "minutes lost", "last", "test"};
	struct flakes_sum sum = flakes_sum(l);
	struct table table;
	size_t count;
	const struct flakes_test *list = flakes_list(l, &count);
	int rc = 0;

	table_init(&table, sizeof(heads) / sizeof(heads[0]));
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		table_cell(&table, slice_str(heads[i]));
	for (size_t i = 0; i < shown; i++)
		add_line(choice, &table, &list[i]);
	if (shown)
		rc = table_print(&table, &cli->ui, &cli->err);
	table_release(&table);
	if (rc == 0 && !cli->ui.quiet)
		print_sum(&cli->ui, &sum, count - shown);
	return rc;
}

static int
answer(struct cli *cli, const struct flakes *l, size_t shown)
{
	struct flakes_sum sum = flakes_sum(l);
	struct answer a;
	size_t count;
	const struct flakes_test *list = flakes_list(l, &count);

	answer_begin(&a, &cli->ui, "flaky");
	answer_set(&a, "runs", json_integer((json_int_t)sum.runs));
	answer_set(&a, "commits", json_integer((json_int_t)sum.commits));
	answer_set(&a, "outages", json_integer((json_int_t)sum.outages));
	answer_set(&a, "tests", json_integer((json_int_t)sum.tests));
	answer_list(&a, "flaky");
	for (size_t i = 0; i < shown; i++)
		answer_item(&a, flakes_json(&list[i]));
	answer_list_end(&a);
	answer_set(&a, "not_shown", json_integer((json_int_t)(count - shown)));
	return answer_end(&a, &cli->err);
}

/* Checks the options. */
static int
read_options(struct cli *cli, struct flakes_query *query, size_t *limit)
{
	const struct args *a = &cli->args;
	long shown = a->set[ARG_LIMIT] ? a->number[ARG_LIMIT] : LIMIT;

	query->window = a->set[ARG_WINDOW] ? a->number[ARG_WINDOW] : FLAKES_WINDOW;
	query->since = TIME_NONE;
	if (query->window < 0)
		return err_set(
		    &cli->err, ERR_USAGE, "option --window: it is a number of runs, or 0 for all of them");
	if (a->set[ARG_SINCE] && cli_time(cli, "--since", a->text[ARG_SINCE], &query->since) < 0)
		return -1;
	/* A time is a bound of its own. */
	if (a->set[ARG_SINCE] && !a->set[ARG_WINDOW])
		query->window = 0;
	if (shown < 0)
		return err_set(
		    &cli->err, ERR_USAGE, "option --limit: it is a number of tests, or 0 for all of them");
	*limit = shown ? (size_t)shown : SIZE_MAX;
	return 0;
}

static bool
is_chosen(void *choice, struct slice tags)
{
	return choice_has(choice, choice_of_tags(choice, tags));
}

static int
run_flaky(struct cli *cli)
{
	struct flakes *flakes = NULL;
	struct choice choice;
	struct flakes_query query = {.counts = is_chosen, .context = &choice};
	struct repo *repo;
	size_t limit = 0, count, shown;
	int rc = -1;

	if (cli_repository(cli, false, &repo) < 0)
		return -1;
	if (choosing_init(&choice, cli, repo) == 0 && read_options(cli, &query, &limit) == 0 &&
	    flakes_read(repo, &query, &flakes, &cli->err) == 0) {
		flakes_list(flakes, &count);
		shown = limit < count ? limit : count;
		rc =
		    cli->args.set[ARG_JSON] ? answer(cli, flakes, shown) : print(cli, &choice, flakes, shown);
	}
	flakes_free(flakes);
	choice_release(&choice);
	repo_free(repo);
	return rc;
}

const struct command cmd_flaky = {
    .name = "flaky",
    .summary = "Show which tests fail by chance, by what the stored runs say.",
    .about = "A test that passed and failed at one commit fails by chance, and so does one\n"
	     "that changes too often to have been broken and mended each time. Changed files\n"
	     "are no commit. Runs in which many tests began to fail at once count for little.\n"
	     "\n"
	     "A line is a test, the surest first: its class, how often it fails by chance,\n"
	     "the interval that has this rate with 95 % confidence, how many of its results\n"
	     "are failures, how many minutes of runs that cost, and the last run it failed in.\n"
	     "The classes:\n"
	     "* flaky -- it fails by chance.\n"
	     "* order-dependent -- so far only, or more often, after other tests.\n"
	     "* contention -- more often when several processes run tests.\n"
	     "* timeout-bound -- after about the same time, longer than it takes to pass.\n"
	     "* broken -- it fails now, and not by chance.\n"
	     "* too little data -- it may be flaky.\n"
	     "\n"
	     "The exit status is 0.\n",
    .arguments = "",
    .args = args,
    .run = run_flaky,
};
