/* SPDX-License-Identifier: Apache-2.0 */
#include "choosing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const enum arg args[] = {ARG_ALL, ARG_JSON, ARG_PROFILE, ARG_NONE};

#define SHOWN 10

struct slow_test {
	struct slice id;
	struct slice profile;
	int64_t duration;
	size_t place; /* in the order in which they ran */
};

/* Longest first; equal ones in the order in which they ran. */
static int
compare_tests(const void *a, const void *b)
{
	const struct slow_test *x = a, *y = b;

	if (x->duration != y->duration)
		return x->duration < y->duration ? 1 : -1;
	return x->place < y->place ? -1 : x->place > y->place;
}

struct slowest {
	struct cli *cli;
	struct repo *repo;
	struct choice choice;
	struct lists ids; /* of the last run */
	struct slow_test *tests;
	size_t count;
};

static int
collect_id(void *context, const struct result *r, struct err *err)
{
	struct slowest *s = context;
	struct slice profile = choice_profile(&s->choice, r);

	return choice_has(&s->choice, profile) ? lists_add_one(&s->ids, profile, r->id, err) : 0;
}

/* The seconds, as wide as the longest needs with three decimals. */
static void
print_table(const struct choice *c, struct ui *ui, const struct slow_test *tests, size_t count)
{
	struct slice *cells = calloc(2 * (count + 1), sizeof(*cells));
	struct strtab texts = {0};
	int width = snprintf(NULL, 0, "%.3f", (double)tests[0].duration / 1e9);
	char text[64];
	struct buf name;

	if (!cells)
		return;
	buf_init(&name, SIZE_MAX / 4);
	cells[0] = SLICE_LIT("Test id");
	cells[1] = SLICE_LIT("Runtime (s)");
	for (size_t i = 0; i < count; i++) {
		size_t at;

		snprintf(text, sizeof(text), "%*.3f", width, (double)tests[i].duration / 1e9);
		at = strtab_add(&texts, slice_str(text), NULL);
		cells[2 * i + 2] = tests[i].id;
		if (c->profiled) {
			size_t named;

			buf_clear(&name);
			buf_slice(&name, tests[i].id);
			choice_name(c, tests[i].profile, &name);
			named = strtab_add(&texts, buf_get(&name), NULL);
			if (named != STRTAB_NONE)
				cells[2 * i + 2] = strtab_get(&texts, named);
		}
		cells[2 * i + 3] = at == STRTAB_NONE ? SLICE_LIT("?") : strtab_get(&texts, at);
	}
	ui_table(ui, 2, cells, 2 * (count + 1));
	buf_release(&name);
	strtab_release(&texts);
	free(cells);
}

static int
answer(struct slowest *s, int64_t run, size_t count)
{
	struct answer a;

	answer_begin(&a, &s->cli->ui, "slowest");
	answer_set(&a, "run", json_integer(run));
	answer_list(&a, "tests");
	for (size_t i = 0; i < count; i++)
		answer_item(&a, json_pack("{so, so, so*}", "test", shape_text(s->tests[i].id), "duration",
				    shape_seconds(s->tests[i].duration), "profile",
				    choice_json(&s->choice, s->tests[i].profile)));
	answer_list_end(&a);
	return answer_end(&a, &s->cli->err);
}

/* The tests of one profile whose durations are known. */
static int
add_tests(struct slowest *s, struct slice profile, const struct strtab *ids)
{
	int64_t *durations = calloc(ids->len + 1, sizeof(*durations));
	struct slow_test *tests = reallocarray(s->tests, s->count + ids->len + 1, sizeof(*tests));
	int rc = durations && tests ? 0 : err_nomem(&s->cli->err);

	s->tests = tests ? tests : s->tests;
	if (rc == 0)
		rc = repo_durations_of(s->repo, profile, ids, durations, &s->cli->err);
	for (size_t i = 0; rc == 0 && i < ids->len; i++) {
		if (durations[i] < 0)
			continue;
		tests[s->count] = (struct slow_test){strtab_get(ids, i), profile, durations[i], s->count};
		s->count++;
	}
	free(durations);
	return rc;
}

static int
show_slowest(struct slowest *s, int64_t run)
{
	size_t count;

	if (repo_results(s->repo, run, 0, collect_id, s, &s->cli->err) < 0)
		return -1;
	for (size_t i = 0; i < s->ids.profiles.len; i++)
		if (add_tests(s, strtab_get(&s->ids.profiles, i), &s->ids.tests[i]) < 0)
			return -1;
	if (s->count)
		qsort(s->tests, s->count, sizeof(*s->tests), compare_tests);
	count = s->count > SHOWN && !s->cli->args.set[ARG_ALL] ? SHOWN : s->count;
	if (s->cli->args.set[ARG_JSON])
		return answer(s, run, count);
	if (count)
		print_table(&s->choice, &s->cli->ui, s->tests, count);
	return 0;
}

static int
run_slowest(struct cli *cli)
{
	struct slowest s = {.cli = cli};
	int64_t latest;
	int rc = -1;

	if (cli_repository(cli, false, &s.repo) < 0)
		return -1;
	if (choosing_init(&s.choice, cli, s.repo) == 0 && repo_latest(s.repo, &latest, &cli->err) == 0)
		rc = latest < 0 ? 3 : show_slowest(&s, latest);
	choice_release(&s.choice);
	lists_release(&s.ids);
	free(s.tests);
	repo_free(s.repo);
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
