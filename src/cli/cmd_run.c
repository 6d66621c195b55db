/* SPDX-License-Identifier: Apache-2.0 */
#include "arrange.h"
#include "clock.h"
#include "isolation.h"
#include "lists.h"
#include "quarantine.h"
#include "record.h"
#include "repeat.h"
#include "retry.h"
#include "setup.h"
#include "steps.h"

#include <stdlib.h>
#include <string.h>

static const enum arg args[] = {ARG_FAILING, ARG_PARALLEL, ARG_CONCURRENCY, ARG_LOAD_LIST, ARG_PARTIAL,
    ARG_SUBUNIT, ARG_FULL_RESULTS, ARG_UNTIL_FAILURE, ARG_MAX_RUNS, ARG_FOR, ARG_ANALYZE_ISOLATION,
    ARG_ISOLATED, ARG_FORCE_INIT, ARG_NO_TESTS, ARG_META, ARG_ORDER, ARG_PLAN, ARG_PROFILE, ARG_REPLAY,
    ARG_RETRIES, ARG_SEED, ARG_TEST_TIMEOUT, ARG_TIMEOUT, ARG_TO, ARG_NONE};

struct testing {
	struct cli *cli;
	struct setup setup;
	struct repo *repo;
	struct account plan; /* the tests to run, when `known`; nothing becomes of them here */
	struct lists listed; /* of --load-list */
	struct strtab names; /* with --plan: the tests' ids, whatever profiles they are in */
	bool known;
	bool keep_order;
	unsigned retries;
	struct arrange arrange;
	struct steps steps;   /* of --plan */
	struct record record; /* of the run that is on */
	struct repeat repeat;
	struct quarantine quarantine;
	int64_t began; /* when the run that is on was begun */
};

/* The ids of --failing and --load-list for a profile; of both, those of the file that are failing, in the file's
 * order. */
static int
given_ids(struct testing *t, size_t profile, struct strtab *out)
{
	const struct args *a = &t->cli->args;
	struct strtab failing = {0}, *target = a->set[ARG_LOAD_LIST] ? &failing : out;
	const struct strtab *listed = lists_of(&t->listed, setup_profile(&t->setup, profile));
	int rc = 0;

	if (a->set[ARG_FAILING])
		rc = repo_failing_ids_of(t->repo, setup_profile(&t->setup, profile), target, &t->cli->err);
	for (size_t i = 0; rc == 0 && listed && i < listed->len; i++) {
		struct slice id = strtab_get(listed, i);

		if (a->set[ARG_FAILING] && strtab_find(&failing, id) == STRTAB_NONE)
			continue;
		if (strtab_add(out, id, NULL) == STRTAB_NONE)
			rc = err_nomem(&t->cli->err);
	}
	strtab_release(&failing);
	return rc;
}

/* The tests of --replay that there are. */
static int
replayed_ids(struct testing *t, size_t profile, struct strtab *out)
{
	struct strtab listed = {0};
	int rc = setup_alone(&t->setup, "--replay");

	if (rc == 0 &&
	    (config_get(t->setup.in[profile].config, "test_list_option") || setup_serves(&t->setup)))
		rc = setup_list(&t->setup, !t->steps.isolated, &listed);
	if (rc == 0)
		rc = arrange_present(&t->arrange, t->cli, &listed, out);
	strtab_release(&listed);
	return rc;
}

/* Those that the run is to choose from, in each profile: what is listed, unless something else was said. */
static int
find_tests(struct testing *t, struct strtab *found)
{
	const struct args *a = &t->cli->args;
	int rc = 0;

	if (a->set[ARG_REPLAY])
		return replayed_ids(t, 0, found);
	if (!a->set[ARG_FAILING] && !a->set[ARG_LOAD_LIST])
		return setup_list(&t->setup, !t->steps.isolated, found);
	for (size_t i = 0; rc == 0 && i < t->setup.count; i++)
		rc = given_ids(t, i, &found[i]);
	return rc;
}

/* Adds those of the found tests that are to run in a profile to the plan. */
static int
choose_in(struct testing *t, size_t profile, const struct strtab *found)
{
	struct strtab chosen = {0};
	int rc = setup_filter(&t->setup, found, &chosen);

	if (rc == 0 && t->arrange.order == ARRANGE_RANDOM)
		rc = arrange_shuffle(&t->arrange, &chosen, &t->cli->err);
	for (size_t i = 0; rc == 0 && i < chosen.len; i++)
		if (account_plan_in(&t->plan, profile, strtab_get(&chosen, i)) == STRTAB_NONE)
			rc = err_nomem(&t->cli->err);
	strtab_release(&chosen);
	return rc;
}

static int
make_plan(struct testing *t)
{
	size_t count = t->setup.count;
	struct strtab *found = calloc(count, sizeof(*found));
	int rc = found ? find_tests(t, found) : err_nomem(&t->cli->err);

	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = choose_in(t, i, &found[i]);
	for (size_t i = 0; found && i < count; i++)
		strtab_release(&found[i]);
	free(found);
	return rc;
}

/* A plan of steps is one for all profiles. */
static int
resolve_steps(struct testing *t)
{
	for (size_t i = 0; i < t->plan.ids.len; i++)
		if (strtab_add(&t->names, account_id(&t->plan, i), NULL) == STRTAB_NONE)
			return err_nomem(&t->cli->err);
	return steps_resolve(&t->steps, &t->names, &t->cli->err);
}

/* Says which profiles of a list are not among those that are run. */
static void
note_unused(struct testing *t)
{
	struct buf name;

	buf_init(&name, SIZE_MAX / 4);
	for (size_t i = 0; !t->listed.plain && i < t->listed.profiles.len; i++) {
		struct slice profile = strtab_get(&t->listed.profiles, i);
		bool used = !t->setup.profiles.count && !profile.len;

		for (size_t k = 0; k < t->setup.profiles.count; k++)
			used |= slice_eq(t->setup.profiles.list[k].set, profile);
		if (used)
			continue;
		buf_clear(&name);
		tagset_name(profile, &name);
		ui_warn(&t->cli->ui, "note: %s names tests of profile %.*s, which is not run",
		    t->cli->args.text[ARG_LOAD_LIST], SLICE_FMT(buf_get(&name)));
	}
	buf_release(&name);
}

/* Decides which tests are to run. Without any choice, and in one process, the test command is left to find
 * them itself. */
static int
choose_tests(struct testing *t)
{
	const struct args *a = &t->cli->args;
	bool given = a->set[ARG_FAILING] || a->set[ARG_LOAD_LIST];
	int rc = 0;

	t->plan.profiled = t->setup.count > 1;
	t->known = given || t->setup.workers > 1 || t->setup.filter_count || a->set[ARG_ISOLATED] ||
		   a->set[ARG_PLAN] || t->arrange.order != ARRANGE_USUAL || t->plan.profiled ||
		   setup_serves(&t->setup);
	t->keep_order = t->arrange.order == ARRANGE_USUAL ? a->set[ARG_LOAD_LIST] || t->setup.workers == 1
							  : t->arrange.order >= ARRANGE_LISTED;
	if (!t->known)
		return 0;
	if (a->set[ARG_LOAD_LIST])
		rc = lists_read(&t->listed, t->cli, a->text[ARG_LOAD_LIST]);
	if (rc == 0)
		note_unused(t);
	if (rc == 0)
		rc = make_plan(t);
	if (rc == 0 && a->set[ARG_PLAN] && t->plan.ids.len)
		rc = resolve_steps(t);
	return rc;
}

/* An empty choice is a mistake in a filter or a list more often than not; it is never taken for "all tests".
 * Returns the exit status, or -1 when it is to be stored as an empty run. */
static int
nothing_chosen(struct testing *t)
{
	const struct args *a = &t->cli->args;

	if (a->set[ARG_NO_TESTS] && strcmp(a->text[ARG_NO_TESTS], "pass") == 0)
		return -1;
	if (a->set[ARG_FAILING] && !a->set[ARG_LOAD_LIST] && !t->setup.filter_count) {
		if (!a->set[ARG_SUBUNIT])
			ui_printf(&t->cli->ui, "No tests are failing.\n");
		return 0;
	}
	ui_warn(&t->cli->ui,
	    "testr: no tests were selected%s%s%s; nothing was run or stored. `testr list-tests` shows the tests there are",
	    t->setup.filter_count ? ", no test matches the filters" : "",
	    a->set[ARG_LOAD_LIST] ? ", by the list in " : "",
	    a->set[ARG_LOAD_LIST] ? a->text[ARG_LOAD_LIST] : "");
	return err_exit_status(ERR_NO_TESTS);
}

/* Whether what is run is a part of the suite, so that absent tests keep their state. */
static bool
is_partial(const struct testing *t)
{
	const struct args *a = &t->cli->args;

	if (a->set[ARG_FULL_RESULTS])
		return false;
	return a->set[ARG_PARTIAL] || a->set[ARG_FAILING] || a->set[ARG_LOAD_LIST] || a->set[ARG_ISOLATED] ||
	       a->set[ARG_REPLAY] || t->setup.filter_count || t->setup.test_args.count;
}

/* The event with one more tag. */
static int
on_quarantined(struct testing *t, const struct event *e, struct err *err)
{
	struct slice *tags = calloc(e->tag_count + 1, sizeof(*tags));
	struct event tagged = *e;
	int rc;

	if (!tags)
		return err_nomem(err);
	for (size_t i = 0; i < e->tag_count; i++)
		tags[i] = e->tags[i];
	tags[e->tag_count] = SLICE_LIT(EVENT_QUARANTINED);
	tagged.tags = tags;
	tagged.tag_count++;
	rc = record_event(&t->record, &tagged, err);
	free(tags);
	return rc;
}

static int
on_event(void *context, const struct event *e, struct err *err)
{
	struct testing *t = context;

	if (e->id.data && quarantine_find(&t->quarantine, e->id, t->began))
		return on_quarantined(t, e, err);

	return record_event(&t->record, e, err);
}

static int
on_pause(void *context, struct err *err)
{
	struct testing *t = context;

	return record_flush(&t->record, err);
}

static void
on_dump(void *context, struct slice name, struct slice content)
{
	struct testing *t = context;

	setup_dump(t->cli, name, content);
}

static int
on_lost(void *context, struct slice id, const char *why, struct err *err)
{
	struct testing *t = context;

	return record_lost(&t->record, id, why, err);
}

static void
on_note(void *context, const char *text)
{
	struct testing *t = context;

	ui_warn(&t->cli->ui, "note: %s", text);
}

/* How long a test took in its last results in a profile. */
struct past {
	const struct repo *repo;
	struct slice profile; /* absent: in any */
	int64_t durations[TIMEOUTS_RESULTS];
	size_t count;
};

/* A skipped test says nothing of the time it takes. */
static int
add_past(void *context, const struct repo_row *row, struct err *err)
{
	struct past *past = context;

	(void)err;
	if (past->count < TIMEOUTS_RESULTS && row->duration >= 0 && status_is_final(row->status) &&
	    row->status != STATUS_SKIP && repo_is_of(past->repo, row->tags, past->profile))
		past->durations[past->count++] = row->duration;
	return 0;
}

static int64_t
on_allowed(void *context, size_t profile, struct slice id)
{
	struct testing *t = context;
	struct past past = {.repo = t->repo, .profile = setup_profile(&t->setup, profile)};
	struct err ignored;

	if (repo_history(t->repo, id, TIMEOUTS_RESULTS, add_past, &past, &ignored) < 0)
		past.count = 0;
	return timeouts_by_history(&t->setup.in[profile].timeouts, past.durations, past.count);
}

/* What history says of the tests of one profile, in tests and durations. */
static int
look_up_in(struct testing *t, size_t profile, struct runner_test *tests, int64_t *durations)
{
	struct slice set = setup_profile(&t->setup, profile);
	struct strtab ids = {0}, failing = {0};
	int64_t *known = NULL;
	int rc = -1;

	for (size_t i = 0; i < t->plan.ids.len; i++)
		if (account_profile(&t->plan, i) == profile &&
		    strtab_add(&ids, account_id(&t->plan, i), NULL) == STRTAB_NONE)
			goto out;
	known = calloc(ids.len + 1, sizeof(*known));
	if (!known || repo_durations_of(t->repo, set, &ids, known, &t->cli->err) < 0 ||
	    repo_failing_ids_of(t->repo, set, &failing, &t->cli->err) < 0)
		goto out;
	for (size_t i = 0, k = 0; i < t->plan.ids.len; i++) {
		if (account_profile(&t->plan, i) != profile)
			continue;
		tests[i].failed = t->arrange.order != ARRANGE_LONGEST &&
				  strtab_find(&failing, strtab_get(&ids, k)) != STRTAB_NONE;
		tests[i].duration = durations[i] = known[k++];
	}
	rc = 0;
out:
	if (rc < 0 && t->cli->err.kind == ERR_NONE)
		err_nomem(&t->cli->err);
	strtab_release(&ids);
	strtab_release(&failing);
	free(known);
	return rc;
}

/* What is known of the tests. The arrays are freed by the caller. */
static int
look_up(struct testing *t, struct runner_test **tests, int64_t **durations)
{
	size_t count = t->plan.ids.len;

	*tests = calloc(count + 1, sizeof(**tests));
	*durations = calloc(count + 1, sizeof(**durations));
	if (!*tests || !*durations)
		return err_nomem(&t->cli->err);
	for (size_t p = 0; p < t->setup.count; p++)
		if (look_up_in(t, p, *tests, *durations) < 0)
			return -1;
	for (size_t i = 0; i < count; i++) {
		struct pattern *group = t->setup.places[account_profile(&t->plan, i)].group;
		struct slice id = account_id(&t->plan, i);
		struct runner_test *test = &(*tests)[i];

		if (t->steps.of)
			test->segment = t->steps.of[strtab_find(&t->names, id)];
		test->only = arrange_only(&t->arrange, id);
		if (limit_find(&t->setup.limits, id, &test->limits, &t->cli->err) < 0)
			return -1;
		/* A replay has the tests of a group where they were. */
		if (group && !test->only && pattern_match_start(group, id, &test->group, &t->cli->err) < 0)
			return -1;
	}
	return 0;
}

/* The live line's forecast: the known durations, and their mean for the others. */
static void
predict(struct record *r, const struct account *plan, int64_t *durations, const struct setup *setup)
{
	double known = 0, sum = 0;

	for (size_t i = 0; i < plan->ids.len; i++)
		if (durations[i] >= 0) {
			known++;
			sum += (double)durations[i];
		}
	for (size_t i = 0; known > 0 && i < plan->ids.len; i++) {
		/* The mean is no larger than the largest, but for what rounding adds. */
		if (durations[i] < 0)
			durations[i] = sum / known < 9.2e18 ? (int64_t)(sum / known) : INT64_MAX;
		r->predicted += (double)durations[i];
	}
	r->plan = (struct record_plan){.tests = plan,
	    .profiles = setup->in,
	    .profile_count = setup->count,
	    .durations = durations,
	    .workers = setup->workers};
}

static void
say_interrupted(struct testing *t, const struct runner_report *report)
{
	if (launch_timed_out(&t->setup.launch)) {
		ui_warn(&t->cli->ui,
		    "testr: the time for the run, %lld s, was over; %zu tests were not run. What was is stored: `testr last` shows it",
		    (long long)(t->setup.in[0].timeouts.run / TIME_SECOND), report->interrupted);
		return;
	}
	ui_warn(&t->cli->ui,
	    "testr: interrupted by signal %d; %zu tests did not finish. What did is stored: `testr last` shows it, `testr run` starts again, `testr run --failing` only with what is known to fail",
	    t->setup.launch.cancelled, report->interrupted);
}

/* One run: what is planned, and what is known of it. */
struct once {
	struct account account;
	struct runner_test *tests; /* NULL when the tests are not known */
	int64_t *durations;
	struct runner_report report;
};

static int
prepare(struct testing *t, struct once *o)
{
	o->account.profiled = t->plan.profiled;
	for (size_t i = 0; i < t->plan.ids.len; i++)
		if (account_plan(&o->account, strtab_get(&t->plan.ids, i)) == STRTAB_NONE)
			return err_nomem(&t->cli->err);
	if (!t->known)
		return 0;
	if (look_up(t, &o->tests, &o->durations) < 0)
		return -1;
	predict(&t->record, &t->plan, o->durations, &t->setup);
	return 0;
}

/* Runs the tests, everything that is said of them going to t->record. */
static int
execute(struct testing *t, struct once *o)
{
	struct setup *s = &t->setup;
	struct runner runner = {
	    .config = s->config,
	    .args = s->test_args,
	    .launch = &s->launch,
	    .profiles = s->in,
	    .profile_count = s->count,
	    .workers = s->workers,
	    .isolated = t->cli->args.set[ARG_ISOLATED],
	    /* A process for each test is no server's. */
	    .serves = setup_serves(s) && !t->steps.isolated,
	    .servers = s->servers,
	    .segments = t->steps.of ? t->steps.list : NULL,
	    .segment_count = t->steps.count,
	    .limits = s->limits.max,
	    .limit_count = s->limits.count,
	    .dump = on_dump,
	    .sink = {.event = on_event,
		.pause = on_pause,
		.lost = on_lost,
		.note = on_note,
		.allowed = on_allowed,
		.context = t},
	};

	if (t->known && t->plan.ids.len == 0)
		return 0;
	/* All profiles have the same time for the run. */
	launch_limit(&s->launch, s->in[0].timeouts.run, s->in[0].timeouts.dump_signal);
	return retry_run(&runner, t->retries, &o->account, o->tests, t->keep_order, &o->report, &t->cli->err);
}

/* The command ran and named no test at all: very likely it does not speak subunit. */
static bool
said_nothing(const struct testing *t, const struct once *o)
{
	const struct args *a = &t->cli->args;

	return !t->known && o->account.ids.len == 0 && t->record.counts.tests == 0 && t->record.errors == 0 &&
	       !t->setup.launch.cancelled &&
	       !(a->set[ARG_NO_TESTS] && strcmp(a->text[ARG_NO_TESTS], "pass") == 0);
}

/* Ends the stored run, whatever became of it: `rc` is what execute returned. */
static int
conclude(struct testing *t, struct once *o, int rc, int *status)
{
	struct launch *launch = &t->setup.launch;
	struct record_end end = {.cancelled = launch->cancelled ? setup_cancelled_status(launch) : 0};
	struct err first = t->cli->err;

	launch_limit(launch, 0, 0);
	end.interrupted = rc < 0 || end.cancelled;
	if (launch_timed_out(launch))
		end.not_run = o->report.interrupted;
	end.partial = is_partial(t) || t->record.counts.tests == 0;
	if (record_finish(&t->record, &end, status) < 0)
		return -1;
	t->cli->err = first;
	if (end.cancelled)
		say_interrupted(t, &o->report);
	if (rc == 0 && said_nothing(t, o))
		ui_warn(&t->cli->ui,
		    "note: the test command reported no test; it has to print subunit on its standard output: %s",
		    config_get(t->setup.in[0].config, "test_command"));
	return rc;
}

/* Runs the chosen tests once, as one stored run. */
static int
run_once(struct testing *t, int *status)
{
	struct once o = {0};
	int rc = record_init(&t->record, t->cli, t->repo, t->setup.config, t->cli->args.set[ARG_SUBUNIT]);

	t->began = clock_realtime();
	t->record.turn = t->repeat.limited ? t->repeat.runs + 1 : 0;
	t->record.workers = t->setup.workers;
	t->record.seed = t->arrange.order == ARRANGE_RANDOM ? &t->arrange.seed : NULL;
	t->record.loop = t->setup.launch.loop;
	if (rc == 0)
		rc = prepare(t, &o);
	if (rc == 0)
		rc = record_begin(&t->record);
	if (rc == 0)
		rc = conclude(t, &o, execute(t, &o), status);
	if (rc == 0)
		repeat_took(&t->repeat, &t->record);
	record_release(&t->record);
	account_release(&o.account);
	free(o.tests);
	free(o.durations);
	return rc;
}

/* How often tests are tried again: --retries, or what the configuration says. */
static int
find_retries(struct testing *t)
{
	const struct args *a = &t->cli->args;
	long given = a->number[ARG_RETRIES];

	if (given < 0 || given > CONFIG_RETRIES_MAX)
		return err_set(&t->cli->err, ERR_USAGE, "option --retries: %ld is not between 0 and %d",
		    given, CONFIG_RETRIES_MAX);
	t->retries = a->set[ARG_RETRIES] ? (unsigned)given : config_retries(t->setup.config);
	for (size_t i = 0; t->retries && i < t->setup.count; i++)
		if (!template_takes_ids(t->setup.in[i].config))
			return err_set(&t->cli->err, ERR_FAILED,
			    "retries: test_command has no $IDOPTION, $IDFILE or $IDLIST, so it cannot be asked for a test again: %s",
			    config_get(t->setup.in[i].config, "test_command"));
	return 0;
}

static int
run_tests(struct testing *t)
{
	int status;

	if (t->cli->args.set[ARG_ANALYZE_ISOLATION])
		return isolation_run(&t->setup, t->repo);
	if (find_retries(t) < 0 || choose_tests(t) < 0)
		return -1;
	if (t->known && t->plan.ids.len == 0) {
		status = nothing_chosen(t);
		if (status >= 0)
			return status;
	}
	do {
		if (run_once(t, &status) < 0)
			return -1;
	} while (repeat_again(&t->repeat, status) && (!t->known || t->plan.ids.len));
	repeat_finish(&t->repeat, status);
	return status;
}

static int
run_run(struct cli *cli)
{
	struct testing t = {.cli = cli};
	int rc;

	if (repeat_init(&t.repeat, cli) < 0 || metadata_check(cli) < 0 ||
	    cli_repository(cli, cli->args.set[ARG_FORCE_INIT], &t.repo) < 0)
		return -1;
	/* A plan that is wrong is better known before anything is started. */
	if (cli->args.set[ARG_PLAN] && cli->args.set[ARG_ISOLATED])
		rc = err_set(&cli->err, ERR_USAGE,
		    "--isolated and --plan exclude each other; a step of a plan can be \"isolated\": true");
	else
		rc = cli->args.set[ARG_PLAN] ? steps_load(&t.steps, cli->args.text[ARG_PLAN], &cli->err) : 0;
	if (rc == 0)
		rc = quarantine_load(&t.quarantine, cli->here, &cli->err);
	if (rc == 0)
		rc = arrange_init(&t.arrange, cli, t.repo);
	if (rc == 0) {
		cli->keep_order = t.arrange.order != ARRANGE_USUAL || cli->args.set[ARG_LOAD_LIST] ||
				  cli->args.set[ARG_ANALYZE_ISOLATION];
		rc = setup_begin(&t.setup, cli, t.arrange.workers);
		if (rc == 0)
			rc = run_tests(&t);
		rc = setup_end(&t.setup, rc);
	}
	arrange_release(&t.arrange);
	steps_release(&t.steps);
	account_release(&t.plan);
	lists_release(&t.listed);
	strtab_release(&t.names);
	quarantine_release(&t.quarantine);
	free(t.repeat.failure);
	repo_free(t.repo);
	return rc;
}

const struct command cmd_run = {
    .name = "run",
    .summary = "Run the tests for a project and load them into testrepository.",
    .about = "Each filter is a regular expression; tests that one of them matches anywhere\n"
	     "in their id are run. What follows -- is passed to the test command.\n"
	     "\n"
	     "The project says in .testr.conf how its tests are run:\n"
	     "\n"
	     "  [DEFAULT]\n"
	     "  test_command=python3 -m subunit.run discover . $LISTOPT $IDOPTION\n"
	     "  test_id_option=--load-list $IDFILE\n"
	     "  test_list_option=--list\n"
	     "\n"
	     "Its keys:\n"
	     "* test_command -- the command, a shell text. It prints subunit on its standard\n"
	     "  output.\n"
	     "* test_id_option -- what $IDOPTION becomes when certain tests are to be run.\n"
	     "* test_list_option -- what $LISTOPT becomes when the tests are only to be\n"
	     "  listed. Needed for filters and for --parallel.\n"
	     "* test_id_list_default -- what $IDLIST becomes when no certain tests are to be\n"
	     "  run.\n"
	     "* group_regex -- tests for which the match at the start of their ids is the\n"
	     "  same go to one process.\n"
	     "* filter_tags -- tests with one of these tags are left out of the count of\n"
	     "  tests, unless they fail.\n"
	     "* test_run_concurrency -- a command that prints how many processes --parallel\n"
	     "  is to use.\n"
	     "* instance_provision, instance_execute, instance_dispose -- commands that make\n"
	     "  $INSTANCE_COUNT environments and print their names, run $COMMAND (with the\n"
	     "  files $FILES) in the environment $INSTANCE_ID, and give $INSTANCE_IDS back.\n"
	     "* record_environment -- names and globs of variables to record with each run,\n"
	     "  or not to, with - before them.\n"
	     "* test_timeout -- how many seconds a test may take; auto: what its history says.\n"
	     "* run_timeout, list_timeout -- how many seconds all tests, or their list, may\n"
	     "  take.\n"
	     "* output_timeout -- how many seconds a test process may print nothing.\n"
	     "* dump_signal -- what a process gets before it is killed for want of time.\n"
	     "* test_server_command -- a command that starts a test server; see docs/rpc.md.\n"
	     "* server_timeout -- how many seconds a server may take to start or answer.\n"
	     "* retries -- how often a test that failed is tried again, when all else is done;\n"
	     "  one that passes then is flaky.\n"
	     "* flaky_result -- fail, if a run with flaky tests is to have failed; else it has\n"
	     "  passed.\n"
	     "* profiles -- tags that name configurations; [profile NAME] is what is different\n"
	     "  in one. The tests are run in those that default_profiles names, or in all.\n"
	     "* unexpected_success -- pass, if an unexpected success is to be a success;\n"
	     "  else it is a failure.\n"
	     "$IDFILE is a file with the ids of the tests, one a line; $IDLIST is the ids\n"
	     "themselves.\n"
	     "\n"
	     "The exit status: 0 all tests passed, 1 tests failed, 2 wrong usage, 3 wrong\n"
	     "configuration or repository, or a table of --analyze-isolation, 4 no test was\n"
	     "selected, 6 planned tests have no result (and none failed), 8 the\n"
	     "tests could not be listed, 9 an instance or a test server could not be\n"
	     "started, 124 the time for the run was over, 128+N cancelled by signal N.\n",
    .arguments = "testfilters* doubledash? testargs*",
    .args = args,
    .takes_positionals = true,
    .records = true,
    .run = run_run,
};
