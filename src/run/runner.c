/* SPDX-License-Identifier: Apache-2.0 */
#include "runner.h"

#include "schedule.h"
#include "serving.h"
#include "worker.h"

#include <stdlib.h>

/* What the start of a test process is taken to cost before one was seen, in nanoseconds. */
#define START_COST (INT64_C(1) * 1000000000)

/* A worker and its batch: the tests that are its to run now, some perhaps by an earlier process. */
struct lane {
	struct worker *worker;
	const size_t *batch;
	size_t count;
	size_t started; /* how many of the batch were given to a process */
	size_t given;   /* to the running one */
	size_t settled; /* tests whose fate the running process decided */
	bool retried;   /* the last process settled nothing and was killed */
	bool died;      /* the last process ended in some other way than it should */
	bool measured;  /* the running process's start */
};

struct run {
	struct runner *r;
	struct account *account;
	struct schedule *schedule; /* NULL as long as the tests are not known */
	struct lane *lanes;
	size_t lane_count;
	size_t busy;
	bool done;
	bool failed;        /* err is set: everything ends */
	int64_t start_cost; /* of all processes so far, and how many */
	int64_t start_count;
	struct err *err;
};

static struct lane *
lane_of(struct run *run, const struct worker *w)
{
	return &run->lanes[worker_number(w)];
}

/* err is set, and nothing can go on. */
static void
fail(struct run *run)
{
	run->failed = true;
	launch_kill(run->r->launch);
}

static bool
stopping(const struct run *run)
{
	return run->failed || run->r->launch->cancelled;
}

/* `duration` is that of its result, or -1. */
static void
settle(struct run *run, struct lane *lane, size_t test, enum fate fate, int64_t duration)
{
	if (!account_settle(run->account, test, fate))
		return;
	lane->settled++;
	if (run->schedule)
		schedule_done(run->schedule, test, duration);
}

/* A class or module that could not be set up takes its tests with it, as far as they were this process's. */
static void
settle_fixture(struct run *run, struct lane *lane, struct slice fixture)
{
	size_t first = lane->started - lane->given;

	if (lane->batch) {
		for (size_t i = first; i < lane->started; i++)
			if (account_belongs(strtab_get(&run->account->ids, lane->batch[i]), fixture))
				settle(run, lane, lane->batch[i], FATE_NOT_RUN, -1);
		return;
	}
	for (size_t i = 0; i < run->account->ids.len; i++)
		if (account_belongs(strtab_get(&run->account->ids, i), fixture))
			settle(run, lane, i, FATE_NOT_RUN, -1);
}

/* What the result of one test says about the plan. */
static int
take_result(struct run *run, struct lane *lane, const struct result *r)
{
	bool failed = r->status == STATUS_FAIL || r->status == STATUS_SKIP;
	struct slice fixture;
	size_t test =
	    lane->batch ? strtab_find(&run->account->ids, r->id) : account_plan(run->account, r->id);

	if (!lane->batch && test == STRTAB_NONE)
		return err_nomem(run->err);
	if (failed && account_fixture(r->id, &fixture))
		settle_fixture(run, lane, fixture);
	if (test != STRTAB_NONE)
		settle(run, lane, test, FATE_RESULT, result_duration(r));
	return 0;
}

/* Tells the schedule what the start of a process costs, on the mean. */
static void
measure_start(struct run *run, struct lane *lane)
{
	int64_t cost = worker_start_cost(lane->worker);

	if (lane->measured || cost < 0 || !run->schedule || !template_takes_ids(run->r->config))
		return;
	lane->measured = true;
	run->start_cost += cost;
	run->start_count++;
	schedule_batch_cost(run->schedule, run->start_cost / run->start_count);
}

static int
on_event(void *context, struct worker *w, const struct event *e, const struct result *closed)
{
	struct run *run = context;
	struct lane *lane = lane_of(run, w);
	bool announced = !lane->batch && e->status == STATUS_EXISTS && e->id.data;
	int rc = run->failed ? -1 : run->r->sink.event(run->r->sink.context, e, run->err);

	measure_start(run, lane);
	if (rc == 0 && announced && account_plan(run->account, e->id) == STRTAB_NONE)
		rc = err_nomem(run->err);
	if (rc == 0 && closed)
		rc = take_result(run, lane, closed);
	if (rc < 0)
		fail(run);
	return rc;
}

static int
on_pause(void *context, struct worker *w)
{
	struct run *run = context;

	(void)w;
	if (run->failed || run->r->sink.pause(run->r->sink.context, run->err) < 0)
		fail(run);
	return run->failed ? -1 : 0;
}

static void
lose(struct run *run, struct lane *lane, size_t test, const char *why)
{
	if (run->account->fates[test] != FATE_OPEN)
		return;
	settle(run, lane, test, FATE_LOST, -1);
	if (run->r->sink.lost(run->r->sink.context, strtab_get(&run->account->ids, test), why, run->err) < 0)
		fail(run);
}

/* What the process was given and did not run is lost. */
static void
lose_given(struct run *run, struct lane *lane, const struct process_end *end)
{
	const char *why;
	struct buf text;

	buf_init(&text, 1024);
	buf_str(&text, "the test process ended with ");
	process_end_words(end, &text);
	buf_str(&text, lane->settled ? " and did not run it" : " and ran none of its tests");
	why = buf_cstr(&text);
	for (size_t i = lane->started - lane->given; i < lane->started; i++)
		lose(run, lane, lane->batch[i], why ? why : "");
	buf_release(&text);
}

/* Fails what the process was in, and tells what else is wrong with its end. */
static int
account_for_end(struct run *run, struct lane *lane, const struct process_end *end)
{
	int blamed = worker_blame(lane->worker, end);
	struct buf text;
	int rc = 0;

	if (blamed < 0)
		return -1;
	buf_init(&text, 1024);
	if (end->left) {
		buf_printf(&text, "worker-%u left %u process%s behind, now killed: %s",
		    worker_number(lane->worker), end->left, end->left == 1 ? "" : "es", end->leaver);
		run->r->sink.note(run->r->sink.context, buf_cstr(&text));
		buf_clear(&text);
	}
	lane->died = end->code != 0 || blamed > 0;
	if (end->code != 0 && blamed == 0) {
		buf_printf(&text, "The test process of worker-%u ended with ", worker_number(lane->worker));
		process_end_words(end, &text);
		buf_str(&text, " while no test was running.\n");
		rc = worker_error(lane->worker, buf_get(&text));
	}
	buf_release(&text);
	return rc;
}

/* Gives the lane a process, if there is something left for it. */
static void
start_next(struct run *run, struct lane *lane)
{
	if (stopping(run))
		return;
	if (lane->started == lane->count) {
		lane->started = 0;
		if (!run->schedule ||
		    !schedule_next(run->schedule, worker_number(lane->worker), &lane->batch, &lane->count)) {
			lane->count = 0;
			return;
		}
	}
	lane->given = run->r->isolated ? 1 : lane->count;
	lane->settled = 0;
	lane->measured = false;
	if (worker_start(
		lane->worker, &run->account->ids, lane->batch + lane->started, lane->given, run->err) < 0) {
		if (!run->r->launch->cancelled)
			fail(run);
		return;
	}
	lane->started += lane->given;
	run->busy++;
}

/* A process that settled nothing would only do so again, unless it was killed: then it is tried once more. */
static void
give_back(struct run *run, struct lane *lane, const struct process_end *end)
{
	bool killed = end->signal || end->code > 128;

	if (!template_takes_ids(run->r->config)) {
		/* A second process would run everything again. */
		lose_given(run, lane, end);
	} else if (lane->settled > 0) {
		lane->retried = false;
	} else if (killed && !lane->retried) {
		lane->retried = true;
		lane->started -= run->r->isolated ? 1 : 0;
	} else {
		lane->retried = false;
		lose_given(run, lane, end);
	}
	if (lane->started == lane->count)
		schedule_returned(run->schedule, worker_number(lane->worker));
}

static void
on_ended(void *context, struct worker *w, const struct process_end *end, const char *why)
{
	struct run *run = context;
	struct lane *lane = lane_of(run, w);

	(void)why;
	run->busy--;
	if (!stopping(run) && account_for_end(run, lane, end) < 0)
		fail(run);
	if (!stopping(run) && run->schedule) {
		give_back(run, lane, end);
		/* What this process left behind may be for any worker that is free. */
		start_next(run, lane);
		for (size_t i = 0; i < run->lane_count; i++)
			if (!worker_busy(run->lanes[i].worker))
				start_next(run, &run->lanes[i]);
	}
	run->done = run->busy == 0;
}

/* With processes each worker gets a share of its own, which is worth another process only when it is long. */
static struct schedule *
make_schedule(const struct run *run, const struct runner_test *tests, bool keep_order)
{
	static const struct schedule_segment isolated = {.isolated = true};
	struct schedule_options options = {.workers = run->r->workers,
	    .keep_order = keep_order,
	    .shares = !run->r->isolated,
	    .batch_cost = template_takes_ids(run->r->config) ? START_COST : INT64_MAX,
	    .segments = run->r->isolated ? &isolated : run->r->segments,
	    .segment_count = run->r->isolated ? 1 : run->r->segment_count};
	size_t count = run->account->ids.len;
	struct schedule_test *list = calloc(count ? count : 1, sizeof(*list));
	struct schedule *s;

	if (!list)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		list[i].duration = tests ? tests[i].duration : -1;
		list[i].group = tests ? tests[i].group : SLICE_NONE;
		list[i].failed = tests && tests[i].failed;
		list[i].segment = tests && !run->r->isolated ? tests[i].segment : 0;
	}
	s = schedule_new(list, count, &options);
	for (size_t i = 0; s && i < count; i++)
		if (run->account->fates[i] != FATE_OPEN)
			schedule_done(s, i, -1);
	free(list);
	return s;
}

static int
make_lanes(struct run *run, size_t count)
{
	struct worker_calls calls = {.event = on_event, .pause = on_pause, .ended = on_ended, .context = run};

	if (!run->lanes)
		run->lanes = calloc(count, sizeof(*run->lanes));
	if (!run->lanes)
		return err_nomem(run->err);
	for (; run->lane_count < count; run->lane_count++) {
		struct lane *lane = &run->lanes[run->lane_count];

		lane->worker = worker_new(run->r, (unsigned)run->lane_count, calls);
		if (!lane->worker)
			return err_nomem(run->err);
	}
	return 0;
}

/* Runs the plan, as far as it is open. */
static int
run_planned(struct run *run, const struct runner_test *tests, bool keep_order)
{
	run->schedule = make_schedule(run, tests, keep_order);
	if (!run->schedule)
		return err_nomem(run->err);
	if (make_lanes(run, schedule_workers(run->schedule)) < 0)
		return -1;
	run->done = false;
	for (size_t i = 0; i < run->lane_count; i++)
		start_next(run, &run->lanes[i]);
	if (run->busy)
		loop_run(run->r->launch->loop, &run->done);
	return run->failed ? -1 : 0;
}

/* The command as it stands, or with the ids of test_id_list_default, which need not be the ids of single
 * tests and are therefore no plan. */
static int
run_command(struct run *run)
{
	struct strtab defaults = {0};
	size_t *tests = NULL;
	int rc = -1;

	if (make_lanes(run, 1) < 0 || template_default_ids(run->r->config, &defaults, run->err) < 0)
		goto out;
	tests = calloc(defaults.len + 1, sizeof(*tests));
	if (!tests) {
		err_nomem(run->err);
		goto out;
	}
	for (size_t i = 0; i < defaults.len; i++)
		tests[i] = i;
	if (worker_start(
		run->lanes[0].worker, defaults.len ? &defaults : NULL, tests, defaults.len, run->err) < 0)
		goto out;
	run->busy++;
	loop_run(run->r->launch->loop, &run->done);
	rc = run->failed ? -1 : 0;
out:
	strtab_release(&defaults);
	free(tests);
	return rc;
}

/* After the command as it stands: what of its tests is still open. If it died before it could say, the
 * project is asked. */
static int
plan_rest(struct run *run)
{
	struct runner *r = run->r;
	struct strtab listed = {0};
	struct err ignored;

	if (!run->lanes[0].died || !config_get(r->config, "test_list_option") ||
	    !template_takes_ids(r->config))
		return 0;
	if (listing_run(
		r->launch, r->instances, r->config, r->args, r->dump, r->sink.context, &listed, &ignored) < 0)
		r->sink.note(r->sink.context, ignored.text);
	for (size_t i = 0; i < listed.len; i++)
		if (account_plan(run->account, strtab_get(&listed, i)) == STRTAB_NONE) {
			strtab_release(&listed);
			return err_nomem(run->err);
		}
	strtab_release(&listed);
	return 0;
}

static int
run_unplanned(struct run *run)
{
	if (run_command(run) < 0)
		return -1;
	if (stopping(run))
		return 0;
	if (plan_rest(run) < 0)
		return -1;
	if (run->account->counts[FATE_OPEN] == 0)
		return 0;
	if (template_takes_ids(run->r->config))
		return run_planned(run, NULL, true);
	for (size_t i = 0; i < run->account->ids.len; i++)
		lose(run, &run->lanes[0], i,
		    "the test process ended before it ran, and test_command has no $IDOPTION, $IDFILE or "
		    "$IDLIST to "
		    "ask for it again");
	return 0;
}

int
runner_run(struct runner *r, struct account *account, const struct runner_test *tests, bool keep_order,
    struct runner_report *out, struct err *err)
{
	struct run run = {.r = r, .account = account, .err = err};
	int rc;

	if (tests && r->serves)
		return serving_run(r, account, tests, keep_order, out, err);
	rc = tests ? run_planned(&run, tests, keep_order) : run_unplanned(&run);
	if (rc < 0 && r->launch->cancelled && !run.failed)
		rc = 0;
	out->interrupted = account_close(account);
	for (size_t i = 0; i < run.lane_count; i++)
		worker_free(run.lanes[i].worker);
	free(run.lanes);
	schedule_free(run.schedule);
	return rc;
}
