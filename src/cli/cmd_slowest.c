/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const enum arg args[] = {ARG_ALL, ARG_JSON, ARG_NONE};

#define SHOWN 10

struct slow_test {
	struct slice id;
	int64_t duration;
};

/* Longest first; equal ones in the order in which they ran. */
static int
compare_tests(const void *a, const void *b)
{
	const struct slow_test *x = a, *y = b;

	if (x->duration != y->duration)
		return x->duration < y->duration ? 1 : -1;
	return x->id.data < y->id.data ? -1 : x->id.data > y->id.data;
}

static int
collect_id(void *context, const struct result *r, struct err *err)
{
	return strtab_add(context, r->id, NULL) == STRTAB_NONE ? err_nomem(err) : 0;
}

/* The seconds, as wide as the longest needs with three decimals. */
static void
print_table(struct ui *ui, const struct slow_test *tests, size_t count)
{
	struct slice *cells = calloc(2 * (count + 1), sizeof(*cells));
	struct strtab texts = {0};
	int width = snprintf(NULL, 0, "%.3f", (double)tests[0].duration / 1e9);
	char text[64];

	if (!cells)
		return;
	cells[0] = SLICE_LIT("Test id");
	cells[1] = SLICE_LIT("Runtime (s)");
	for (size_t i = 0; i < count; i++) {
		size_t at;

		snprintf(text, sizeof(text), "%*.3f", width, (double)tests[i].duration / 1e9);
		at = strtab_add(&texts, slice_str(text), NULL);
		cells[2 * i + 2] = tests[i].id;
		cells[2 * i + 3] = at == STRTAB_NONE ? SLICE_LIT("?") : strtab_get(&texts, at);
	}
	ui_table(ui, 2, cells, 2 * (count + 1));
	strtab_release(&texts);
	free(cells);
}

static int
answer(struct cli *cli, int64_t run, const struct slow_test *tests, size_t count)
{
	struct answer a;

	answer_begin(&a, &cli->ui, "slowest");
	answer_set(&a, "run", json_integer(run));
	answer_list(&a, "tests");
	for (size_t i = 0; i < count; i++)
		answer_item(&a, json_pack("{so, so}", "test", shape_text(tests[i].id), "duration",
				    shape_seconds(tests[i].duration)));
	answer_list_end(&a);
	return answer_end(&a, &cli->err);
}

static int
show_slowest(struct cli *cli, int64_t run, const struct strtab *ids, const int64_t *durations)
{
	struct slow_test *tests = calloc(ids->len + 1, sizeof(*tests));
	size_t count = 0;
	int rc = 0;

	if (!tests)
		return err_nomem(&cli->err);
	for (size_t i = 0; i < ids->len; i++)
		if (durations[i] >= 0)
			tests[count++] = (struct slow_test){strtab_get(ids, i), durations[i]};
	qsort(tests, count, sizeof(*tests), compare_tests);
	if (count > SHOWN && !cli->args.set[ARG_ALL])
		count = SHOWN;
	if (cli->args.set[ARG_JSON])
		rc = answer(cli, run, tests, count);
	else if (count)
		print_table(&cli->ui, tests, count);
	free(tests);
	return rc;
}

static int
run_slowest(struct cli *cli)
{
	struct strtab ids = {0};
	int64_t *durations = NULL, latest;
	struct repo *repo;
	int rc = -1;

	if (cli_repository(cli, false, &repo) < 0)
		return -1;
	if (repo_latest(repo, &latest, &cli->err) < 0)
		goto out;
	if (latest < 0) {
		rc = 3;
		goto out;
	}
	if (repo_results(repo, latest, 0, collect_id, &ids, &cli->err) < 0)
		goto out;
	durations = calloc(ids.len + 1, sizeof(*durations));
	if (!durations) {
		err_nomem(&cli->err);
		goto out;
	}
	if (repo_durations(repo, &ids, durations, &cli->err) < 0)
		goto out;
	rc = show_slowest(cli, latest, &ids, durations);
out:
	free(durations);
	strtab_release(&ids);
	repo_free(repo);
	return rc;
}

const struct command cmd_slowest = {
    .name = "slowest",
    .summary = "Show the slowest tests from the last test run.",
    .about = "A table of the tests of the last run, the longest first, with the last\n"
	     "duration that is known of each. Without any run the exit status is 3.\n",
    .arguments = "",
    .args = args,
    .run = run_slowest,
};
