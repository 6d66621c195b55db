/* SPDX-License-Identifier: Apache-2.0 */
#include "serving.h"

#include "tally.h"

#include <assert.h>
#include <stdlib.h>

/* A server that died so many times in a row, no test being settled in between, is not started again. */
#define DEATHS_MAX 3
/* What its start is put off by after the first of them; each further one doubles it. */
#define BACK_OFF (INT64_C(250) * 1000000)
/* How often tests may be left out by servers that were asked for them. */
#define LEFT_OUT_MAX 2
/* What a request costs beside its tests. */
#define REQUEST_COST (INT64_C(200) * 1000)
/* A batch is put into the pipe when the one in hand has no more than this left to do, as predicted: then
 * waiting for the next request would be worth mentioning, and whatever is in the pipe will not be stuck there
 * for long. */
#define PIPE_WORK (INT64_C(20) * 1000000)
/* What the start of a server is taken to cost before one was seen. */
#define START_COST (INT64_C(1) * 1000000000)

struct ask {
	const size_t *tests;
	size_t count;
};

/* A worker, its server, and what that was asked for. */
struct lane {
	struct serving *serving;
	struct worker *worker;
	struct ask asks[SCHEDULE_DEPTH]; /* the oldest first */
	size_t ask_count;
	size_t settled; /* tests whose fate the server decided since it was started */
	size_t deaths;  /* in a row, nothing being settled in between */
	struct loop_timer *back_off;
	size_t profile; /* of the server */
	bool measured;  /* its start */
	bool resting;   /* until back_off is over */
	bool dismissed;
	bool given_up;
};

struct serving {
	struct tally tally;
	struct lane *lanes;
	size_t lane_count;
	struct schedule_profile *profiles; /* as the schedule is told of them */
	int64_t *start_costs;              /* of each profile */
	uint8_t *left_out;                 /* of each test: how often it was asked for in vain */
	bool served;                       /* one of the servers could be asked */
	bool done;
};

static struct lane *
lane_of(struct serving *s, const struct worker *w)
{
	return &s->lanes[worker_number(w)];
}

/* Nobody has a server, or will have one again. */
static void
check_done(struct serving *s)
{
	s->done = true;
	for (size_t i = 0; i < s->lane_count; i++) {
		const struct lane *lane = &s->lanes[i];

		if (worker_busy(lane->worker) || (lane->resting && !tally_stopping(&s->tally)))
			s->done = false;
	}
}

/* ---- handing out ---- */

/* What is left to do of a batch, as predicted, as far as it matters. */
static int64_t
work_left(const struct serving *s, const struct ask *ask)
{
	int64_t sum = 0;

	for (size_t i = 0; i < ask->count && sum <= PIPE_WORK; i++) {
		int64_t one = schedule_predict(s->tally.schedule, ask->tests[i]);

		if (s->tally.account->fates[ask->tests[i]] == FATE_OPEN)
			sum += one <= PIPE_WORK ? one : PIPE_WORK + 1;
	}
	return sum;
}

/* Gives the server what it is free for: 1 when it got something. */
static int
ask_one(struct serving *s, struct lane *lane)
{
	struct ask *ask = &lane->asks[lane->ask_count];
	struct template_ids ids;

	if (lane->ask_count == SCHEDULE_DEPTH ||
	    (lane->ask_count && work_left(s, &lane->asks[lane->ask_count - 1]) > PIPE_WORK) ||
	    !schedule_next_of(
		s->tally.schedule, worker_number(lane->worker), lane->profile, &ask->tests, &ask->count))
		return 0;
	lane->ask_count++;
	ids = tally_ids(&s->tally, ask->tests, ask->count);
	if (worker_ask(lane->worker, &ids, s->tally.err) < 0) {
		tally_fail(&s->tally);
		return 0;
	}
	return 1;
}

static void
dismiss(struct lane *lane)
{
	lane->resting = false;
	if (worker_busy(lane->worker) && !lane->dismissed) {
		lane->dismissed = true;
		worker_dismiss(lane->worker);
	}
}

static void
dismiss_all(struct serving *s)
{
	for (size_t i = 0; i < s->lane_count; i++)
		dismiss(&s->lanes[i]);
}

/* A server of the profile that is there already; NULL when there is none. */
static struct listing_server *
waiting_server(const struct serving *s, size_t profile)
{
	const struct listing_servers *there = &s->tally.r->servers;

	for (size_t i = 0; i < there->count; i++)
		if (there->list[i].server && there->list[i].profile == profile)
			return &there->list[i];
	return NULL;
}

/* The profile that a lane without tests is best used for; profile_count when none is worth it. */
static size_t
choose_profile(struct serving *s, const struct lane *lane)
{
	size_t count = s->tally.r->profile_count;

	for (size_t i = 0; i < count; i++)
		s->profiles[i] =
		    (struct schedule_profile){.start_cost = waiting_server(s, i) ? 0 : s->start_costs[i]};
	for (size_t i = 0; i < s->lane_count; i++) {
		const struct lane *other = &s->lanes[i];

		if (other != lane && worker_busy(other->worker) && !other->dismissed)
			s->profiles[other->profile].workers++;
	}
	return schedule_profile(s->tally.schedule, worker_number(lane->worker), s->profiles, count);
}

static void
feed(struct serving *s, struct lane *lane)
{
	if (tally_stopping(&s->tally) || lane->dismissed || !worker_ready(lane->worker))
		return;
	while (ask_one(s, lane) > 0)
		;
	/* A server of another profile takes its place where that has something to do that is worth it. */
	if (!lane->ask_count && s->tally.r->profile_count > 1 &&
	    choose_profile(s, lane) < s->tally.r->profile_count)
		dismiss(lane);
	if (schedule_undone(s->tally.schedule) == 0)
		dismiss_all(s);
}

static void
start(struct serving *s, struct lane *lane)
{
	struct listing_server *waiting;
	size_t profile;
	int rc;

	if (tally_stopping(&s->tally) || worker_busy(lane->worker) || lane->given_up ||
	    schedule_undone(s->tally.schedule) == 0)
		return;
	profile = choose_profile(s, lane);
	/* Of several profiles none may be worth one more server. */
	if (profile == s->tally.r->profile_count && profile > 1)
		return;
	lane->profile = profile < s->tally.r->profile_count ? profile : 0;
	lane->settled = 0;
	lane->dismissed = false;
	waiting = waiting_server(s, lane->profile);
	lane->measured = waiting;
	if (waiting)
		rc = worker_take(lane->worker, waiting, s->tally.err);
	else
		rc = worker_serve(lane->worker, lane->profile, s->tally.err);
	if (rc < 0 && !s->tally.r->launch->cancelled)
		tally_fail(&s->tally);
}

static void
feed_all(struct serving *s)
{
	for (size_t i = 0; i < s->lane_count; i++) {
		struct lane *lane = &s->lanes[i];

		feed(s, lane);
		if (s->tally.r->profile_count > 1 && !lane->resting)
			start(s, lane);
	}
}

/* ---- what servers tell ---- */

static int
on_event(void *context, struct worker *w, const struct event *e, const struct result *closed)
{
	struct serving *s = context;
	struct lane *lane = lane_of(s, w);

	if (tally_event(&s->tally, e) < 0)
		return -1;
	if (!lane->measured && worker_start_cost(w) >= 0) {
		lane->measured = true;
		s->start_costs[lane->profile] = worker_start_cost(w);
	}
	for (size_t i = 0; closed && i < lane->ask_count; i++)
		lane->settled += tally_fixture(&s->tally, closed, lane->asks[i].tests, lane->asks[i].count);
	if (closed)
		lane->settled += tally_result(&s->tally, w, closed);
	if (closed || e->status == STATUS_INPROGRESS)
		feed(s, lane);
	return 0;
}

static int
on_pause(void *context, struct worker *w)
{
	struct serving *s = context;

	(void)w;
	return tally_pause(&s->tally);
}

static void
on_ready(void *context, struct worker *w)
{
	struct serving *s = context;

	s->served = true;
	feed(s, lane_of(s, w));
}

static bool
is_returned(const struct slice *returned, size_t count, struct slice id)
{
	for (size_t i = 0; i < count; i++)
		if (slice_eq(returned[i], id))
			return true;
	return false;
}

/* Gives back what a batch left undone. */
static void
drop_ask(struct serving *s, struct lane *lane)
{
	schedule_returned(s->tally.schedule, worker_number(lane->worker));
	lane->ask_count--;
	for (size_t i = 0; i < lane->ask_count; i++)
		lane->asks[i] = lane->asks[i + 1];
}

static void
on_done(void *context, struct worker *w, const struct slice *returned, size_t count)
{
	struct serving *s = context;
	struct lane *lane = lane_of(s, w);
	const struct ask *ask = &lane->asks[0];

	assert(lane->ask_count > 0);
	for (size_t i = 0; i < ask->count; i++) {
		size_t test = ask->tests[i];

		if (s->tally.account->fates[test] == FATE_OPEN && !tally_stopping(&s->tally) &&
		    !is_returned(returned, count, account_id(s->tally.account, test)) &&
		    ++s->left_out[test] == LEFT_OUT_MAX)
			lane->settled += tally_lose(
			    &s->tally, test, "the test server was asked for it twice and left it out");
	}
	drop_ask(s, lane);
	feed_all(s);
	if (schedule_undone(s->tally.schedule) == 0)
		dismiss_all(s);
	/* After a signal a server is done when it has given back what it had. */
	if (tally_stopping(&s->tally) && lane->ask_count == 0)
		dismiss(lane);
}

/* ---- the end of a server ---- */

static void
rest_over(void *context)
{
	struct lane *lane = context;

	if (!lane->resting)
		return;
	lane->resting = false;
	start(lane->serving, lane);
	check_done(lane->serving);
}

/* A server that settles nothing may only do so again: it gets some time, and is given up in the end. */
static void
start_again(struct serving *s, struct lane *lane)
{
	lane->deaths = lane->settled || lane->dismissed ? 0 : lane->deaths + 1;
	if (lane->deaths == 0) {
		start(s, lane);
	} else if (lane->deaths < DEATHS_MAX) {
		lane->resting = true;
		loop_timer_set(lane->back_off, BACK_OFF << (lane->deaths - 1));
	} else {
		lane->given_up = true;
	}
}

static void
on_ended(void *context, struct worker *w, const struct process_end *end, const char *why)
{
	struct serving *s = context;
	struct lane *lane = lane_of(s, w);

	if (tally_blames(&s->tally) && tally_end(&s->tally, w, end, "test server", why,
					   lane->dismissed || tally_stopping(&s->tally)) < 0)
		tally_fail(&s->tally);
	while (lane->ask_count)
		drop_ask(s, lane);
	if (!tally_stopping(&s->tally) && schedule_undone(s->tally.schedule)) {
		start_again(s, lane);
		feed_all(s);
	} else if (!tally_stopping(&s->tally)) {
		dismiss_all(s);
	}
	check_done(s);
}

/* ---- all of it ---- */

static int
prepare(struct serving *s, const struct runner_test *tests, bool keep_order)
{
	struct worker_calls calls = {.event = on_event,
	    .pause = on_pause,
	    .ready = on_ready,
	    .done = on_done,
	    .ended = on_ended,
	    .context = s};
	size_t count;

	struct schedule_options options = {.keep_order = keep_order,
	    .batch_cost = REQUEST_COST,
	    .segments = s->tally.r->segments,
	    .segment_count = s->tally.r->segment_count};

	s->left_out = calloc(s->tally.account->ids.len + 1, 1);
	s->profiles = calloc(s->tally.r->profile_count, sizeof(*s->profiles));
	s->start_costs = calloc(s->tally.r->profile_count, sizeof(*s->start_costs));
	if (!s->left_out || !s->profiles || !s->start_costs)
		return err_nomem(s->tally.err);
	for (size_t i = 0; i < s->tally.r->profile_count; i++)
		s->start_costs[i] =
		    s->tally.r->profiles[i].start_cost ? s->tally.r->profiles[i].start_cost : START_COST;
	if (tally_schedule(&s->tally, tests, options) < 0)
		return -1;
	count = schedule_workers(s->tally.schedule);
	s->lanes = calloc(count + 1, sizeof(*s->lanes));
	for (; s->lanes && s->lane_count < count; s->lane_count++) {
		struct lane *lane = &s->lanes[s->lane_count];

		lane->serving = s;
		lane->worker = worker_new(s->tally.r, (unsigned)s->lane_count, calls);
		lane->back_off = loop_timer_new(s->tally.r->launch->loop, rest_over, lane);
		if (!lane->worker || !lane->back_off)
			break;
	}
	return s->lane_count == count ? 0 : err_nomem(s->tally.err);
}

/* What no server was left for. Where there never was one, nothing sensible could be done. */
static void
lose_rest(struct serving *s)
{
	if (!tally_stopping(&s->tally) && !s->served && s->lane_count) {
		err_set(s->tally.err, ERR_START,
		    "no test server could be started; see above, and try it by hand: %s",
		    config_get(s->tally.r->profiles->config, "test_server_command"));
		s->tally.failed = true;
	}
	for (size_t i = 0; i < s->tally.account->ids.len && !tally_stopping(&s->tally) && s->lane_count; i++)
		if (s->tally.account->fates[i] == FATE_OPEN)
			tally_lose(&s->tally, i, "no test server could be kept running for it");
}

static void
release(struct serving *s)
{
	for (size_t i = 0; s->lanes && i < s->lane_count; i++) {
		worker_free(s->lanes[i].worker);
		loop_timer_free(s->lanes[i].back_off);
	}
	free(s->lanes);
	free(s->left_out);
	free(s->profiles);
	free(s->start_costs);
	schedule_free(s->tally.schedule);
}

int
serving_run(struct runner *r, struct account *account, const struct runner_test *tests, bool keep_order,
    struct runner_report *out, struct err *err)
{
	struct serving s = {.tally = {.r = r, .account = account, .err = err}};
	int rc = prepare(&s, tests, keep_order);

	for (size_t i = 0; rc == 0 && i < s.lane_count; i++)
		start(&s, &s.lanes[i]);
	if (rc == 0) {
		check_done(&s);
		loop_run(r->launch->loop, &s.done);
		lose_rest(&s);
	}
	out->interrupted = tally_close(&s.tally);
	if (s.tally.failed)
		rc = -1;
	release(&s);
	return rc;
}
