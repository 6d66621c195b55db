/* SPDX-License-Identifier: Apache-2.0 */
#include "runner.h"

#include "serving.h"
#include "tally.h"

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
	struct tally tally;
	struct lane *lanes;
	size_t lane_count;
	size_t busy;
	bool done;
	int64_t start_cost; /* of all processes so far, and how many */
	int64_t start_count;
};

static struct lane *
lane_of(struct run *run, const struct worker *w)
{
	return &run->lanes[worker_number(w)];
}

/* Every test command can be asked for a part of the tests. */
static bool
all_take_ids(const struct runner *r)
{
	for (size_t i = 0; i < r->profile_count; i++)
		if (!template_takes_ids(r->profiles[i].config))
			return false;
	return true;
}

/* What the result of one test says about the plan. */
static int
take_result(struct run *run, struct lane *lane, const struct result *r)
{
	struct tally *t = &run->tally;

	if (!lane->batch && account_plan(t->account, r->id) == STRTAB_NONE)
		return err_nomem(t->err);
	/* Its tests, as far as they were this process's. */
	lane->settled += lane->batch
			     ? tally_fixture(t, r, lane->batch + lane->started - lane->given, lane->given)
			     : tally_fixture(t, r, NULL, 0);
	lane->settled += tally_result(t, lane->worker, r);
	return 0;
}

/* The profile that the lane's batch is for. */
static const struct runner_profile *
profile_of(const struct run *run, const struct lane *lane)
{
	const struct tally *t = &run->tally;

	return &t->r->profiles[lane->batch ? account_profile(t->account, lane->batch[0]) : 0];
}

/* Tells the schedule what the start of a process costs, on the mean. */
static void
measure_start(struct run *run, struct lane *lane)
{
	int64_t cost = worker_start_cost(lane->worker);

	if (lane->measured || cost < 0 || !run->tally.schedule || !all_take_ids(run->tally.r))
		return;
	lane->measured = true;
	run->start_cost += cost;
	run->start_count++;
	schedule_batch_cost(run->tally.schedule, run->start_cost / run->start_count);
}

static int
on_event(void *context, struct worker *w, const struct event *e, const struct result *closed)
{
	struct run *run = context;
	struct lane *lane = lane_of(run, w);
	struct tally *t = &run->tally;
	bool announced = !lane->batch && e->status == STATUS_EXISTS && e->id.data;
	int rc = tally_event(t, e);

	measure_start(run, lane);
	if (rc == 0 && announced && account_plan(t->account, e->id) == STRTAB_NONE)
		rc = err_nomem(t->err);
	if (rc == 0 && closed)
		rc = take_result(run, lane, closed);
	if (rc < 0)
		tally_fail(t);
	return rc;
}

static int
on_pause(void *context, struct worker *w)
{
	struct run *run = context;

	(void)w;
	return tally_pause(&run->tally);
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
		lane->settled += tally_lose(&run->tally, lane->batch[i], why ? why : "");
	buf_release(&text);
}

/* Gives the lane a process, if there is something left for it. */
static void
start_next(struct run *run, struct lane *lane)
{
	struct template_ids ids;

	if (tally_stopping(&run->tally))
		return;
	if (lane->started == lane->count) {
		lane->started = 0;
		if (!run->tally.schedule || !schedule_next(run->tally.schedule, worker_number(lane->worker),
						&lane->batch, &lane->count)) {
			lane->count = 0;
			return;
		}
	}
	lane->given = run->tally.r->isolated ? 1 : lane->count;
	lane->settled = 0;
	lane->measured = false;
	ids = tally_ids(&run->tally, lane->batch + lane->started, lane->given);
	if (worker_start(lane->worker, account_profile(run->tally.account, lane->batch[0]), &ids,
		run->tally.err) < 0) {
		if (!run->tally.r->launch->cancelled)
			tally_fail(&run->tally);
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

	if (!template_takes_ids(profile_of(run, lane)->config)) {
		/* A second process would run everything again. */
		lose_given(run, lane, end);
	} else if (lane->settled > 0) {
		lane->retried = false;
	} else if (killed && !lane->retried) {
		lane->retried = true;
		lane->started -= run->tally.r->isolated ? 1 : 0;
	} else {
		lane->retried = false;
		lose_given(run, lane, end);
	}
	if (lane->started == lane->count)
		schedule_returned(run->tally.schedule, worker_number(lane->worker));
}

static void
on_ended(void *context, struct worker *w, const struct process_end *end, const char *why)
{
	struct run *run = context;
	struct lane *lane = lane_of(run, w);
	int blamed = 0;

	run->busy--;
	if (tally_blames(&run->tally)) {
		blamed = tally_end(
		    &run->tally, w, end, "test process", why, end->code == 0 || tally_stopping(&run->tally));
		if (blamed < 0)
			tally_fail(&run->tally);
		lane->died = end->code != 0 || blamed > 0;
	}
	if (!tally_stopping(&run->tally) && run->tally.schedule) {
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
static int
make_schedule(struct run *run, const struct runner_test *tests, bool keep_order)
{
	static const struct schedule_segment isolated = {.isolated = true};
	const struct runner *r = run->tally.r;

	return tally_schedule(&run->tally, tests,
	    (struct schedule_options){
		.keep_order = keep_order,
		.shares = !r->isolated,
		.batch_cost = all_take_ids(r) ? START_COST : INT64_MAX,
		.segments = r->isolated && !r->segments ? &isolated : r->segments,
		.segment_count = r->isolated && !r->segments ? 1 : r->segment_count,
	    });
}

static int
make_lanes(struct run *run, size_t count)
{
	struct worker_calls calls = {.event = on_event, .pause = on_pause, .ended = on_ended, .context = run};

	if (!run->lanes)
		run->lanes = calloc(count, sizeof(*run->lanes));
	if (!run->lanes)
		return err_nomem(run->tally.err);
	for (; run->lane_count < count; run->lane_count++) {
		struct lane *lane = &run->lanes[run->lane_count];

		lane->worker = worker_new(run->tally.r, (unsigned)run->lane_count, calls);
		if (!lane->worker)
			return err_nomem(run->tally.err);
	}
	return 0;
}

/* Runs the plan, as far as it is open. */
static int
run_planned(struct run *run, const struct runner_test *tests, bool keep_order)
{
	if (make_schedule(run, tests, keep_order) < 0)
		return -1;
	if (make_lanes(run, schedule_workers(run->tally.schedule)) < 0)
		return -1;
	run->done = false;
	for (size_t i = 0; i < run->lane_count; i++)
		start_next(run, &run->lanes[i]);
	if (run->busy)
		loop_run(run->tally.r->launch->loop, &run->done);
	return run->tally.failed ? -1 : 0;
}

/* The command as it stands, or with the ids of test_id_list_default, which need not be the ids of single
 * tests and are therefore no plan. */
static int
run_command(struct run *run)
{
	struct strtab defaults = {0};
	struct template_ids ids = {.table = &defaults};
	size_t *tests = NULL;
	int rc = -1;

	if (make_lanes(run, 1) < 0 ||
	    template_default_ids(run->tally.r->profiles->config, &defaults, run->tally.err) < 0)
		goto out;
	tests = calloc(defaults.len + 1, sizeof(*tests));
	if (!tests) {
		err_nomem(run->tally.err);
		goto out;
	}
	for (size_t i = 0; i < defaults.len; i++)
		tests[i] = i;
	ids.tests = tests;
	ids.count = defaults.len;
	if (worker_start(run->lanes[0].worker, 0, defaults.len ? &ids : NULL, run->tally.err) < 0)
		goto out;
	run->busy++;
	loop_run(run->tally.r->launch->loop, &run->done);
	rc = run->tally.failed ? -1 : 0;
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
	struct runner *r = run->tally.r;
	const struct runner_profile *p = r->profiles;
	struct strtab listed = {0};
	struct listing_job job = {.instances = p->instances, .config = p->config, .ids = &listed};
	struct listing listing = {.launch = r->launch,
	    .jobs = &job,
	    .count = 1,
	    .at_once = 1,
	    .args = r->args,
	    .dump = r->dump,
	    .context = r->sink.context};
	struct err ignored;

	if (!run->lanes[0].died || !config_get(p->config, "test_list_option") ||
	    !template_takes_ids(p->config))
		return 0;
	if (listing_run(&listing, &ignored) < 0)
		r->sink.note(r->sink.context, ignored.text);
	for (size_t i = 0; i < listed.len; i++)
		if (account_plan(run->tally.account, strtab_get(&listed, i)) == STRTAB_NONE) {
			strtab_release(&listed);
			return err_nomem(run->tally.err);
		}
	strtab_release(&listed);
	return 0;
}

static int
run_unplanned(struct run *run)
{
	if (run_command(run) < 0)
		return -1;
	if (tally_stopping(&run->tally))
		return 0;
	if (plan_rest(run) < 0)
		return -1;
	if (run->tally.account->counts[FATE_OPEN] == 0)
		return 0;
	if (template_takes_ids(run->tally.r->profiles->config))
		return run_planned(run, NULL, true);
	for (size_t i = 0; i < run->tally.account->ids.len; i++)
		tally_lose(&run->tally, i,
		    "the test process ended before it ran, and test_command has no $IDOPTION, $IDFILE or "
		    "$IDLIST to "
		    "ask for it again");
	return 0;
}

int
runner_run(struct runner *r, struct account *account, const struct runner_test *tests, bool keep_order,
    struct runner_report *out, struct err *err)
{
	struct run run = {.tally = {.r = r, .account = account, .err = err}};
	int rc;

	if (tests && r->serves)
		return serving_run(r, account, tests, keep_order, out, err);
	rc = tests ? run_planned(&run, tests, keep_order) : run_unplanned(&run);
	if (rc < 0 && r->launch->cancelled && !run.tally.failed)
		rc = 0;
	out->interrupted = tally_close(&run.tally);
	if (run.tally.failed)
		rc = -1;
	for (size_t i = 0; i < run.lane_count; i++)
		worker_free(run.lanes[i].worker);
	free(run.lanes);
	schedule_free(run.tally.schedule);
	return rc;
}
