/* SPDX-License-Identifier: Apache-2.0 */
#include "serving.h"

#include "schedule.h"
#include "worker.h"

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
	bool resting; /* until back_off is over */
	bool dismissed;
	bool given_up;
};

struct serving {
	struct runner *r;
	struct account *account;
	struct schedule *schedule;
	struct lane *lanes;
	size_t lane_count;
	uint8_t *left_out; /* of each test: how often it was asked for in vain */
	bool served;       /* one of the servers could be asked */
	bool done;
	bool failed; /* err is set: everything ends */
	struct err *err;
};

static struct lane *
lane_of(struct serving *s, const struct worker *w)
{
	return &s->lanes[worker_number(w)];
}

static bool
stopping(const struct serving *s)
{
	return s->failed || s->r->launch->cancelled;
}

static void
fail(struct serving *s)
{
	s->failed = true;
	launch_kill(s->r->launch);
}

/* Nobody has a server, or will have one again. */
static void
check_done(struct serving *s)
{
	s->done = true;
	for (size_t i = 0; i < s->lane_count; i++) {
		const struct lane *lane = &s->lanes[i];

		if (worker_busy(lane->worker) || (lane->resting && !stopping(s)))
			s->done = false;
	}
}

/* ---- what becomes of tests ---- */

static void
settle(struct serving *s, struct lane *lane, size_t test, enum fate fate, int64_t duration)
{
	if (!account_settle(s->account, test, fate))
		return;
	lane->settled++;
	schedule_done(s->schedule, test, duration);
}

static void
lose(struct serving *s, struct lane *lane, size_t test, const char *why)
{
	settle(s, lane, test, FATE_LOST, -1);
	if (s->r->sink.lost(s->r->sink.context, strtab_get(&s->account->ids, test), why, s->err) < 0)
		fail(s);
}

/* A class or module that could not be set up takes its tests with it, as far as this server was asked for
 * them. */
static void
settle_fixture(struct serving *s, struct lane *lane, struct slice fixture)
{
	for (size_t i = 0; i < lane->ask_count; i++)
		for (size_t k = 0; k < lane->asks[i].count; k++) {
			size_t test = lane->asks[i].tests[k];

			if (account_belongs(strtab_get(&s->account->ids, test), fixture))
				settle(s, lane, test, FATE_NOT_RUN, -1);
		}
}

static void
take_result(struct serving *s, struct lane *lane, const struct result *r)
{
	size_t test = strtab_find(&s->account->ids, r->id);
	struct slice fixture;

	if ((r->status == STATUS_FAIL || r->status == STATUS_SKIP) && account_fixture(r->id, &fixture))
		settle_fixture(s, lane, fixture);
	if (test != STRTAB_NONE)
		settle(s, lane, test, FATE_RESULT, result_duration(r));
}

/* ---- handing out ---- */

/* What is left to do of a batch, as predicted, as far as it matters. */
static int64_t
work_left(const struct serving *s, const struct ask *ask)
{
	int64_t sum = 0;

	for (size_t i = 0; i < ask->count && sum <= PIPE_WORK; i++) {
		int64_t one = schedule_predict(s->schedule, ask->tests[i]);

		if (s->account->fates[ask->tests[i]] == FATE_OPEN)
			sum += one <= PIPE_WORK ? one : PIPE_WORK + 1;
	}
	return sum;
}

/* Gives the server what it is free for: 1 when it got something. */
static int
ask_one(struct serving *s, struct lane *lane)
{
	struct ask *ask = &lane->asks[lane->ask_count];

	if (lane->ask_count == SCHEDULE_DEPTH ||
	    (lane->ask_count && work_left(s, &lane->asks[lane->ask_count - 1]) > PIPE_WORK) ||
	    !schedule_next(s->schedule, worker_number(lane->worker), &ask->tests, &ask->count))
		return 0;
	lane->ask_count++;
	if (worker_ask(lane->worker, &s->account->ids, ask->tests, ask->count, s->err) < 0) {
		fail(s);
		return 0;
	}
	return 1;
}

static void
dismiss_all(struct serving *s)
{
	for (size_t i = 0; i < s->lane_count; i++) {
		struct lane *lane = &s->lanes[i];

		lane->resting = false;
		if (worker_busy(lane->worker) && !lane->dismissed) {
			lane->dismissed = true;
			worker_dismiss(lane->worker);
		}
	}
}

static void
feed(struct serving *s, struct lane *lane)
{
	if (stopping(s) || lane->dismissed || !worker_ready(lane->worker))
		return;
	while (ask_one(s, lane) > 0)
		;
	if (schedule_undone(s->schedule) == 0)
		dismiss_all(s);
}

static void
feed_all(struct serving *s)
{
	for (size_t i = 0; i < s->lane_count; i++)
		feed(s, &s->lanes[i]);
}

static void
start(struct serving *s, struct lane *lane)
{
	if (stopping(s) || worker_busy(lane->worker) || lane->given_up || schedule_undone(s->schedule) == 0)
		return;
	lane->settled = 0;
	lane->dismissed = false;
	if (worker_serve(lane->worker, s->err) < 0 && !s->r->launch->cancelled)
		fail(s);
}

/* ---- what servers tell ---- */

static int
on_event(void *context, struct worker *w, const struct event *e, const struct result *closed)
{
	struct serving *s = context;
	struct lane *lane = lane_of(s, w);
	int rc = s->failed ? -1 : s->r->sink.event(s->r->sink.context, e, s->err);

	if (rc < 0) {
		fail(s);
		return rc;
	}
	if (closed)
		take_result(s, lane, closed);
	if (closed || e->status == STATUS_INPROGRESS)
		feed(s, lane);
	return 0;
}

static int
on_pause(void *context, struct worker *w)
{
	struct serving *s = context;

	(void)w;
	if (s->failed || s->r->sink.pause(s->r->sink.context, s->err) < 0)
		fail(s);
	return s->failed ? -1 : 0;
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
	schedule_returned(s->schedule, worker_number(lane->worker));
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

		if (s->account->fates[test] == FATE_OPEN &&
		    !is_returned(returned, count, strtab_get(&s->account->ids, test)) &&
		    ++s->left_out[test] == LEFT_OUT_MAX)
			lose(s, lane, test, "the test server was asked for it twice and left it out");
	}
	drop_ask(s, lane);
	feed_all(s);
	if (schedule_undone(s->schedule) == 0)
		dismiss_all(s);
}

/* ---- the end of a server ---- */

/* Fails what the server was in, and tells what else is wrong with its end. */
static int
account_for_end(struct serving *s, struct lane *lane, const struct process_end *end, const char *why)
{
	int blamed = worker_blame(lane->worker, end), rc = 0;
	struct buf text;

	if (blamed < 0)
		return -1;
	buf_init(&text, 4096);
	if (end->left) {
		buf_printf(&text, "worker-%u left %u process%s behind, now killed: %s",
		    worker_number(lane->worker), end->left, end->left == 1 ? "" : "es", end->leaver);
		s->r->sink.note(s->r->sink.context, buf_cstr(&text));
		buf_clear(&text);
	}
	if (blamed == 0 && !lane->dismissed) {
		buf_printf(&text, "The test server of worker-%u ended with ", worker_number(lane->worker));
		process_end_words(end, &text);
		buf_str(&text, " while no test was running");
		if (why)
			buf_printf(&text, ": %s", why);
		buf_str(&text, ".\n");
		worker_tail(lane->worker, &text);
		rc = worker_error(lane->worker, buf_get(&text));
	}
	buf_release(&text);
	return rc;
}

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
	lane->deaths = lane->settled ? 0 : lane->deaths + 1;
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

	if (!stopping(s) && account_for_end(s, lane, end, why) < 0)
		fail(s);
	while (lane->ask_count)
		drop_ask(s, lane);
	if (!stopping(s) && schedule_undone(s->schedule)) {
		start_again(s, lane);
		feed_all(s);
	} else if (!stopping(s)) {
		dismiss_all(s);
	}
	check_done(s);
}

/* ---- all of it ---- */

static struct schedule *
make_schedule(const struct serving *s, const struct runner_test *tests, bool keep_order)
{
	struct schedule_options options = {.workers = s->r->workers,
	    .keep_order = keep_order,
	    .batch_cost = REQUEST_COST,
	    .segments = s->r->segments,
	    .segment_count = s->r->segment_count};
	size_t count = s->account->ids.len;
	struct schedule_test *list = calloc(count + 1, sizeof(*list));
	struct schedule *schedule;

	if (!list)
		return NULL;
	for (size_t i = 0; i < count; i++)
		list[i] = (struct schedule_test){.group = tests[i].group,
		    .duration = tests[i].duration,
		    .failed = tests[i].failed,
		    .segment = tests[i].segment};
	schedule = schedule_new(list, count, &options);
	free(list);
	return schedule;
}

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

	s->schedule = make_schedule(s, tests, keep_order);
	s->left_out = calloc(s->account->ids.len + 1, 1);
	if (!s->schedule || !s->left_out)
		return err_nomem(s->err);
	count = schedule_workers(s->schedule);
	s->lanes = calloc(count + 1, sizeof(*s->lanes));
	for (; s->lanes && s->lane_count < count; s->lane_count++) {
		struct lane *lane = &s->lanes[s->lane_count];

		lane->serving = s;
		lane->worker = worker_new(s->r, (unsigned)s->lane_count, calls);
		lane->back_off = loop_timer_new(s->r->launch->loop, rest_over, lane);
		if (!lane->worker || !lane->back_off)
			break;
	}
	return s->lane_count == count ? 0 : err_nomem(s->err);
}

/* What no server was left for. Where there never was one, nothing sensible could be done. */
static void
lose_rest(struct serving *s)
{
	if (!stopping(s) && !s->served && s->lane_count) {
		err_set(s->err, ERR_START,
		    "no test server could be started; see above, and try it by hand: %s",
		    config_get(s->r->config, "test_server_command"));
		s->failed = true;
	}
	for (size_t i = 0; i < s->account->ids.len && !stopping(s) && s->lane_count; i++)
		if (s->account->fates[i] == FATE_OPEN)
			lose(s, &s->lanes[0], i, "no test server could be kept running for it");
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
	schedule_free(s->schedule);
}

int
serving_run(struct runner *r, struct account *account, const struct runner_test *tests, bool keep_order,
    struct runner_report *out, struct err *err)
{
	struct serving s = {.r = r, .account = account, .err = err};
	int rc = prepare(&s, tests, keep_order);

	for (size_t i = 0; rc == 0 && i < s.lane_count; i++)
		start(&s, &s.lanes[i]);
	if (rc == 0) {
		check_done(&s);
		loop_run(r->launch->loop, &s.done);
		lose_rest(&s);
	}
	if (s.failed)
		rc = -1;
	out->interrupted = account_close(account);
	release(&s);
	return rc;
}
