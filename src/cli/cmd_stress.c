/* SPDX-License-Identifier: Apache-2.0 */
#include "arrange.h"
#include "ask.h"
#include "metadata.h"
#include "order.h"
#include "shape.h"
#include "stressing.h"
#include "table.h"
#include "template.h"

#include <stdlib.h>
#include <string.h>

static const enum arg args[] = {ARG_IN_LIST, ARG_RUN, ARG_ORDER, ARG_SEED, ARG_PARALLEL, ARG_CONCURRENCY,
    ARG_CPU_LOAD, ARG_IO_LOAD, ARG_BELOW, ARG_FACTOR, ARG_CONFIDENCE, ARG_MAX_RUNS, ARG_FOR, ARG_META,
    ARG_PROFILE, ARG_JSON, ARG_NONE};

#define BELOW 0.01
#define FACTOR 2.0
#define CONFIDENCE 0.95
/* Runs of a test that are looked at to find one that tells what ran before it. */
#define RUNS_MAX 50

struct stress {
	struct cli *cli;
	struct setup setup;
	struct stressing s;
};

/* Reads a decimal number, "0.01", with "%" behind it "1%", that lies between the two. */
static int
read_number(struct cli *cli, enum arg arg, const char *name, double least, double most, double *out)
{
	const char *text = cli->args.text[arg];
	double value;
	char *end;

	if (!cli->args.set[arg])
		return 0;
	value = strtod(text, &end);
	if (end != text && strcmp(end, "%") == 0) {
		value /= 100;
		end++;
	}
	if (end == text || *end || !(value >= least && value <= most))
		return err_set(&cli->err, ERR_USAGE, "option %s: '%s' is not a number from %g to %g", name,
		    text, least, most);
	*out = value;
	return 0;
}

static int
read_options(struct stress *st)
{
	struct cli *cli = st->cli;
	const struct args *a = &cli->args;
	struct stressing *s = &st->s;
	struct sequential rule = {.confidence = CONFIDENCE, .bound = BELOW, .factor = FACTOR};

	if (read_number(cli, ARG_BELOW, "--below", 1e-6, 0.5, &rule.bound) < 0 ||
	    read_number(cli, ARG_FACTOR, "--factor", 1.05, 100, &rule.factor) < 0 ||
	    read_number(cli, ARG_CONFIDENCE, "--confidence", 0.5, 0.9999, &rule.confidence) < 0)
		return -1;
	if (a->set[ARG_MAX_RUNS] && a->number[ARG_MAX_RUNS] < 1)
		return err_set(&cli->err, ERR_USAGE, "option --max-runs: it is a number of runs, at least 1");
	if (a->set[ARG_FOR] && cli_duration(cli, "--for", a->text[ARG_FOR], &s->time) < 0)
		return -1;
	if ((a->set[ARG_RUN] || a->set[ARG_ORDER] || a->set[ARG_SEED]) && !a->set[ARG_IN_LIST])
		return err_set(
		    &cli->err, ERR_USAGE, "--run, --order and --seed are about the list of --in-list");
	s->most = a->set[ARG_MAX_RUNS] ? a->number[ARG_MAX_RUNS] : 0;
	s->cpu = a->set[ARG_CPU_LOAD];
	s->io = a->set[ARG_IO_LOAD];
	for (size_t i = 0; i < s->count; i++)
		s->tests[i].rate = rule;
	return 0;
}

/* Takes the tests off the positional arguments, of which those of the test command stay. */
static int
take_tests(struct stress *st)
{
	struct args *a = &st->cli->args;
	struct stressing *s = &st->s;

	s->tests = calloc(a->positional_count + 1, sizeof(*s->tests));
	if (!s->tests)
		return err_nomem(&st->cli->err);
	while (a->positional_count && strcmp(a->positionals[0], "--") != 0) {
		struct slice id = slice_str(*a->positionals++);
		bool twice = false;

		a->positional_count--;
		for (size_t i = 0; i < s->count; i++)
			twice |= slice_eq(s->tests[i].id, id);
		if (!twice)
			s->tests[s->count++] = (struct stressed){.id = id, .list = -1};
	}
	return s->count ? 0 : err_set(&st->cli->err, ERR_USAGE, "name the tests, by their ids");
}

/* The newest runs of a test, those in which it failed first. */
struct runs_of_test {
	const struct repo *repo;
	struct slice profile; /* absent: any */
	int64_t failed[RUNS_MAX], others[RUNS_MAX];
	size_t failed_count, other_count;
};

static int
take_run(void *context, const struct repo_row *row, struct err *err)
{
	struct runs_of_test *runs = context;

	(void)err;
	if (!repo_is_of(runs->repo, row->tags, runs->profile))
		return 0;
	if (row->status == STATUS_FAIL && runs->failed_count < RUNS_MAX)
		runs->failed[runs->failed_count++] = row->run;
	else if (row->status != STATUS_FAIL && runs->other_count < RUNS_MAX)
		runs->others[runs->other_count++] = row->run;
	return 0;
}

/* Takes what ran before the test in its worker in that run; what ran in other profiles ran in other processes. */
static int
take_list(struct stress *st, struct stressed *t, int64_t run)
{
	struct slice profile = setup_profile(&st->setup, 0);
	struct order order = {0};
	struct choice choice;
	size_t id, at = 0;
	int rc = choosing_init(&choice, st->cli, st->s.repo);

	if (rc == 0 && profile.data && strtab_add(&choice.chosen, profile, NULL) == STRTAB_NONE)
		rc = err_nomem(&st->cli->err);
	if (rc == 0)
		rc = order_read(&order, st->s.repo, run, &choice, &st->cli->err);

	id = strtab_find(&order.ids, t->id);
	while (at < order.count && order.tests[at].id != id)
		at++;
	if (rc == 0 && at == order.count)
		rc = err_set(&st->cli->err, ERR_NO_TESTS, "run %lld has no test '%.*s'", (long long)run,
		    SLICE_FMT(slice_head(t->id, 300)));
	for (size_t i = 0; rc == 0 && i < at; i++)
		if (order.tests[i].worker == order.tests[at].worker &&
		    strtab_add(&t->before, strtab_get(&order.ids, order.tests[i].id), NULL) == STRTAB_NONE)
			rc = err_nomem(&st->cli->err);
	t->list = run;
	choice_release(&choice);
	order_release(&order);
	return rc;
}

/* The list of the test: of the run that was named, or of the latest in which it failed and others ran before it, or
 * else of the latest in which others did. */
static int
find_list(struct stress *st, struct stressed *t)
{
	const struct args *a = &st->cli->args;
	struct runs_of_test runs = {.repo = st->s.repo, .profile = setup_profile(&st->setup, 0)};
	int64_t id;

	if (a->set[ARG_RUN])
		return cli_run_id(st->cli, st->s.repo, a->text[ARG_RUN], &id) < 0 ? -1 : take_list(st, t, id);
	if (repo_history(
		st->s.repo, t->id, runs.profile.data ? 0 : 2 * RUNS_MAX, take_run, &runs, &st->cli->err) < 0)
		return -1;
	for (size_t i = 0; i < runs.failed_count + runs.other_count && !t->before.len; i++) {
		id = i < runs.failed_count ? runs.failed[i] : runs.others[i - runs.failed_count];
		if (take_list(st, t, id) < 0)
			return -1;
	}
	if (t->before.len)
		return 0;
	return err_set(&st->cli->err, ERR_NO_TESTS,
	    "no stored run has tests before '%.*s' in its worker; run the suite first, or name a run with -r",
	    SLICE_FMT(slice_head(t->id, 300)));
}

static int
prepare(struct stress *st)
{
	struct arrange order = {0};
	int rc = 0;

	if (!template_takes_ids(st->setup.in[0].config))
		return err_set(&st->cli->err, ERR_FAILED,
		    "stress: test_command has no $IDOPTION, $IDFILE or $IDLIST, so it cannot be asked for a test: %s",
		    config_get(st->setup.in[0].config, "test_command"));
	if (!st->cli->args.set[ARG_IN_LIST])
		return 0;
	rc = arrange_init(&order, st->cli, st->s.repo);
	st->s.shuffle = order.order == ARRANGE_RANDOM;
	st->s.seed = order.seed;
	if (rc == 0 && order.order != ARRANGE_USUAL && order.order != ARRANGE_LISTED && !st->s.shuffle)
		rc = err_set(&st->cli->err, ERR_USAGE, "option --order: it is random or listed here");
	arrange_release(&order);
	for (size_t i = 0; rc == 0 && i < st->s.count; i++)
		rc = find_list(st, &st->s.tests[i]);
	return rc;
}

/* What is known of a test at the end: "below 1%", "known", "open". */
static const char *
state_name(const struct stressed *t)
{
	static const char *const names[] = {
	    [SEQUENTIAL_OPEN] = "open", [SEQUENTIAL_BELOW] = "below", [SEQUENTIAL_KNOWN] = "known"};

	return names[sequential_state(&t->rate)];
}

static double
rate_of(const struct stressed *t)
{
	return t->rate.runs ? (double)t->rate.failures / (double)t->rate.runs : 0;
}

static int
print(struct stress *st)
{
	static const char *const heads[] = {"rate", "is", "between", "failures", "runs", "seconds", "test"};
	struct stressing *s = &st->s;
	struct ui *ui = &st->cli->ui;
	struct table table;
	int rc;

	table_init(&table, sizeof(heads) / sizeof(heads[0]));
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		table_cell(&table, slice_str(heads[i]));
	for (size_t i = 0; i < s->count; i++) {
		const struct stressed *t = &s->tests[i];
		struct interval range = sequential_interval(&t->rate);

		if (sequential_state(&t->rate) == SEQUENTIAL_BELOW)
			table_printf(&table, "below %.3g%%", 100 * t->rate.bound);
		else
			table_cell(&table, slice_str(state_name(t)));
		table_printf(&table, "%.3g%%", 100 * rate_of(t));
		table_printf(&table, "%.3g%% and %.3g%%", 100 * range.low, 100 * range.high);
		table_printf(&table, "%llu", (unsigned long long)t->rate.failures);
		table_printf(&table, "%llu", (unsigned long long)t->rate.runs);
		table_printf(&table, "%.1f", t->seconds);
		table_cell(&table, t->id);
	}
	rc = table_print(&table, ui, &st->cli->err);
	table_release(&table);
	if (rc == 0 && s->causes.failures) {
		ui_printf(ui, "\n");
		rc = causes_print(&s->causes, ui, &st->cli->err);
	}
	return rc;
}

static json_t *
stressed_json(const struct stressed *t)
{
	struct interval range = sequential_interval(&t->rate);

	return json_pack("{so, ss, sf, sf, sf, sI, sI, so, sf}", "test", shape_text(t->id), "state",
	    state_name(t), "rate", rate_of(t), "low", range.low, "high", range.high, "failures",
	    (json_int_t)t->rate.failures, "runs", (json_int_t)t->rate.runs, "list",
	    t->list < 0 ? json_null() : json_integer(t->list), "seconds", t->seconds);
}

static int
answer(struct stress *st)
{
	static const char *const ends[] = {[STRESSING_SETTLED] = "settled",
	    [STRESSING_LIMIT] = "limit",
	    [STRESSING_CANCELLED] = "cancelled",
	    [STRESSING_SILENT] = "silent"};
	struct stressing *s = &st->s;
	struct answer a;

	answer_begin(&a, &st->cli->ui, "stress");
	answer_set(&a, "end", json_string(ends[s->end]));
	answer_set(&a, "confidence", json_real(s->tests[0].rate.confidence));
	answer_set(&a, "bound", json_real(s->tests[0].rate.bound));
	answer_set(&a, "factor", json_real(s->tests[0].rate.factor));
	answer_set(&a, "copies", json_integer((json_int_t)s->copies));
	answer_set(&a, "cpu_load", json_boolean(s->cpu));
	answer_set(&a, "io_load", json_boolean(s->io));
	answer_set(&a, "seed", s->shuffle ? json_integer(s->seed) : json_null());
	answer_set(&a, "runs", json_integer(s->runs));
	answer_list(&a, "tests");
	for (size_t i = 0; i < s->count; i++)
		answer_item(&a, stressed_json(&s->tests[i]));
	answer_list_end(&a);
	if (causes_answer(&s->causes, &a, &st->cli->err) < 0)
		return -1;
	return answer_end(&a, &st->cli->err);
}

/* What is said beside the answer, and the exit status. */
static int
conclude(struct stress *st)
{
	struct stressing *s = &st->s;
	bool failed = false, open = false;

	for (size_t i = 0; i < s->count; i++) {
		failed |= s->tests[i].rate.failures > 0;
		open |= sequential_state(&s->tests[i].rate) == SEQUENTIAL_OPEN;
	}
	if (s->end == STRESSING_SILENT)
		return err_set(&st->cli->err, ERR_NO_TESTS,
		    "'%.*s' had no result %zu times in a row; `testr list-tests` shows the tests there are, `testr last` what came of the last run",
		    SLICE_FMT(slice_head(s->silent->id, 300)), s->silent->silent);
	if (s->end == STRESSING_CANCELLED)
		return setup_cancelled_status(&st->setup.launch);
	if (open)
		ui_warn(&st->cli->ui,
		    "testr: the limit was reached before the rate was known; what was shown holds, with a confidence of %g",
		    s->tests[0].rate.confidence);
	if (s->last_failure >= 0)
		ui_warn(&st->cli->ui, "testr: `testr last -r %lld` shows the last failure",
		    (long long)s->last_failure);
	return failed;
}

static int
stress(struct stress *st)
{
	int rc = prepare(st);

	if (rc < 0)
		return -1;
	st->s.setup = &st->setup;
	st->s.copies = st->setup.workers;
	if (stressing_run(&st->s) < 0 || (st->cli->args.set[ARG_JSON] ? answer : print)(st) < 0)
		return -1;
	return conclude(st);
}

static int
run_stress(struct cli *cli)
{
	struct stress st = {.cli = cli};
	int rc = take_tests(&st);

	if (rc == 0)
		rc = read_options(&st);
	if (rc == 0)
		rc = metadata_check(cli);
	if (rc == 0)
		rc = cli_repository(cli, false, &st.s.repo);
	if (rc == 0) {
		cli->keep_order = true;
		rc = setup_begin(&st.setup, cli, 0);
		if (rc == 0)
			rc = setup_alone(&st.setup, "stress");
		if (rc == 0)
			rc = stress(&st);
		rc = setup_end(&st.setup, rc);
	}
	causes_release(&st.s.causes);
	for (size_t i = 0; i < st.s.count; i++)
		strtab_release(&st.s.tests[i].before);
	free(st.s.tests);
	repo_free(st.s.repo);
	return rc;
}

const struct command cmd_stress = {
    .name = "stress",
    .summary = "Run tests again and again until it is known how often they fail.",
    .about = "Each repetition is a new test process. A test is not run any more when its\n"
	     "rate of failures is below a bound (--below), or known to within a factor\n"
	     "(--factor), with --confidence: one may stop at any time, so no number of runs is\n"
	     "fixed before. A table has the rates, and another one what the failures said,\n"
	     "gathered by cause as in `testr causes`.\n"
	     "\n"
	     "A test runs alone; with --in-list after what ran before it in its worker, and\n"
	     "with --order=random in another order each time; with --parallel in several\n"
	     "processes at once; with --cpu-load and --io-load beside processes that keep the\n"
	     "processors and the disk busy. Every repetition is a stored run of a part of the\n"
	     "suite, with all that in its metadata.\n"
	     "\n"
	     "The exit status is 1 when a test failed, 0 when none did, 4 when one had no\n"
	     "result, and 128+N cancelled by signal N; what was known then is shown.\n",
    .arguments = "TEST... [-- testargs*]",
    .args = args,
    .takes_positionals = true,
    .run = run_stress,
};
