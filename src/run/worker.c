/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include "clock.h"
#include "idfile.h"
#include "reader.h"
#include "schedule.h"
#include "server.h"
#include "stamp.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

/* A writer that pauses longer than this inside a packet is not going to end it soon. */
#define WORKER_IDLE (INT64_C(1) * 1000000000)

struct worker {
	const struct runner *runner;
	struct worker_calls calls;
	unsigned number;
	const struct runner_profile *profile; /* of the process or server */
	struct stamp stamp;
	struct slice instance;
	struct process *process; /* or */
	struct server *server;
	int64_t nonces[SCHEDULE_DEPTH]; /* of what it is asked for, the oldest first */
	size_t nonce_count;
	bool ready;
	struct reader *reader; /* of a process */
	struct outcome *open;  /* the tests that the process is in */
	struct loop_timer *idle;
	struct loop_timer *limit;   /* of the test that is running */
	struct loop_timer *silence; /* of a process that prints nothing */
	int64_t allowed;            /* what the test may take; less is set as long as history was not asked */
	bool asked;                 /* it was */
	bool silent;                /* it is for its silence that something is done */
	enum { IN_TIME, LATE, DUMPING, KILLED } lateness; /* what was done about a limit that was passed */
	bool pinged,
	    answered; /* while this test was running, the server was asked whether it is alive, and is */
	char *idfile;
	struct buf tail; /* of plain output */
	bool stopped;    /* an event was refused: the rest is dropped */
	int64_t started; /* monotonic */
	int64_t start_cost;
};

struct worker *
worker_new(const struct runner *r, unsigned number, struct worker_calls calls)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->runner = r;
	w->profile = r->profiles;
	w->calls = calls;
	w->number = number;
	stamp_init(&w->stamp, number);
	stamp_attempt(&w->stamp, r->attempt);
	buf_init(&w->tail, 4 * WORKER_TAIL_MAX);
	return w;
}

void
worker_free(struct worker *w)
{
	if (!w)
		return;
	stamp_release(&w->stamp);
	buf_release(&w->tail);
	free(w);
}

bool
worker_busy(const struct worker *w)
{
	return w->process || w->server;
}

bool
worker_ready(const struct worker *w)
{
	return w->ready;
}

int64_t
worker_start_cost(const struct worker *w)
{
	return w->start_cost;
}

unsigned
worker_number(const struct worker *w)
{
	return w->number;
}

size_t
worker_profile(const struct worker *w)
{
	return (size_t)(w->profile - w->runner->profiles);
}

static void
keep_tail(struct worker *w, struct slice text)
{
	if (text.len > WORKER_TAIL_MAX)
		text = slice_from(text, text.len - WORKER_TAIL_MAX);
	if (w->tail.len + text.len > 3 * WORKER_TAIL_MAX)
		buf_drop(&w->tail, w->tail.len - WORKER_TAIL_MAX);
	buf_slice(&w->tail, text);
}

static void
kill_it(struct worker *w)
{
	if (w->server)
		server_kill(w->server, "it was stopped");
	else
		process_kill(w->process);
}

/* Starts the time of the test that has begun, and stops it when none is running. */
static void
set_limit(struct worker *w, bool begins)
{
	const struct timeouts *t = &w->profile->timeouts;

	if (!w->limit || w->silent || (!begins && outcome_open_count(w->open)))
		return;
	w->lateness = IN_TIME;
	w->asked = !t->by_history || !w->runner->sink.allowed;
	w->allowed = w->asked ? t->test : TIMEOUTS_FLOOR;
	if (begins && w->allowed)
		loop_timer_set(w->limit, w->allowed);
	else
		loop_timer_stop(w->limit);
}

/* Something takes too long. The process gets a moment to say where it is. */
static void
dump(struct worker *w)
{
	int number = w->profile->timeouts.dump_signal;

	w->lateness = DUMPING;
	if (number && w->server)
		server_signal(w->server, number);
	else if (number)
		process_signal(w->process, number);
	loop_timer_set(w->limit, number ? LAUNCH_DUMP_TIME : 0);
}

/* What the tests that are running may take: history is asked for those alone that have taken long already. */
static bool
may_take_longer(struct worker *w)
{
	const struct runner_sink *sink = &w->runner->sink;
	int64_t most = 0;

	for (size_t i = 0; !w->asked && i < outcome_open_count(w->open); i++) {
		int64_t allowed =
		    sink->allowed(sink->context, worker_profile(w), outcome_open_get(w->open, i).id);

		if (!allowed || most == INT64_MAX)
			most = INT64_MAX;
		else if (allowed > most)
			most = allowed;
	}
	w->asked = true;
	if (most <= w->allowed)
		return false;
	if (most < INT64_MAX)
		loop_timer_set(w->limit, most - w->allowed);
	w->allowed = most;
	return true;
}

static void
limit_over(void *context)
{
	struct worker *w = context;

	if (w->lateness >= DUMPING) {
		w->lateness = KILLED;
		kill_it(w);
		return;
	}
	if (may_take_longer(w))
		return;
	/* A server first gets the time to answer: it should not have to while it says where it is. */
	if (w->lateness == IN_TIME && w->server && (w->pinged || server_ping(w->server))) {
		w->pinged = true;
		w->lateness = LATE;
		loop_timer_set(w->limit, w->answered ? 0 : WORKER_PING_TIME);
		return;
	}
	dump(w);
}

static void
silence_over(void *context)
{
	struct worker *w = context;

	if (w->lateness >= DUMPING)
		return;
	w->silent = true;
	dump(w);
}

/* Stamps an event and tells it. */
static int
tell(struct worker *w, struct event *e)
{
	const struct result *closed;

	if (e->id.data && w->start_cost < 0 && w->started >= 0)
		w->start_cost = clock_monotonic() - w->started;
	if (stamp_event(&w->stamp, e, clock_realtime()) < 0 || outcome_event(w->open, e, &closed) < 0)
		return -1;
	set_limit(w, e->status == STATUS_INPROGRESS);
	return w->calls.event(w->calls.context, w, e, closed);
}

static void
stop(struct worker *w)
{
	w->stopped = true;
	kill_it(w);
}

static void
take_events(struct worker *w)
{
	struct event e;
	int rc;

	while (!w->stopped && (rc = reader_next(w->reader, &e)) != 0) {
		if (rc > 0 && e.kind == EVENT_TEXT)
			keep_tail(w, e.file);
		else if (rc > 0 && e.status == STATUS_INPROGRESS)
			buf_clear(&w->tail);
		if (rc < 0 || tell(w, &e) < 0)
			stop(w);
	}
	if (!w->stopped && w->calls.pause(w->calls.context, w) < 0)
		stop(w);
}

static uint8_t *
worker_room(void *context, size_t *room)
{
	struct worker *w = context;

	return reader_space(w->reader, room);
}

static void
worker_output(void *context, size_t len)
{
	struct worker *w = context;

	reader_commit(w->reader, len);
	take_events(w);
	loop_timer_set(w->idle, WORKER_IDLE);
	if (w->profile->timeouts.output)
		loop_timer_set(w->silence, w->profile->timeouts.output);
}

static void
worker_idle(void *context)
{
	struct worker *w = context;

	if (reader_idle(w->reader))
		take_events(w);
}

static void
drop_process(struct worker *w)
{
	loop_timer_free(w->idle);
	w->idle = NULL;
	loop_timer_free(w->limit);
	w->limit = NULL;
	loop_timer_free(w->silence);
	w->silence = NULL;
	reader_free(w->reader);
	w->reader = NULL;
	idfile_remove(w->idfile);
	w->idfile = NULL;
	instances_return(w->profile->instances, w->instance);
	w->instance = SLICE_NONE;
}

/* Everything was told. */
static void
end(struct worker *w, const struct process_end *how, const char *why)
{
	struct outcome *open = w->open;

	drop_process(w);
	w->calls.ended(w->calls.context, w, how, why);
	/* `ended` may have started the next process, which has a set of its own. */
	if (w->open == open)
		w->open = NULL;
	outcome_free(open);
}

static void
worker_ended(void *context, const struct process_end *how)
{
	struct worker *w = context;
	char why[128];

	reader_end(w->reader);
	take_events(w);
	launch_ended(w->runner->launch, w->process);
	w->process = NULL;
	snprintf(why, sizeof(why), "it had printed nothing for %lld s, its output_timeout",
	    (long long)(w->profile->timeouts.output / TIME_SECOND));
	end(w, how, w->silent ? why : NULL);
}

/* The text of the command for these tests, in this worker's instance; the caller frees it. */
static char *
command_text(struct worker *w, const struct template_ids *ids, struct err *err)
{
	const struct config *config = w->profile->config;
	char *bare, *command = NULL;

	if (template_run(config, w->runner->args, ids, &bare, err) < 0)
		return NULL;
	template_execute(config, w->instance, bare, w->idfile, &command, err);
	free(bare);
	return command;
}

/* What a process and a server both need. */
static int
begin(struct worker *w, size_t profile, struct err *err)
{
	w->profile = &w->runner->profiles[profile];
	stamp_profile(&w->stamp, w->profile->tags, w->profile->tag_count);
	w->stopped = w->ready = w->silent = false;
	w->lateness = IN_TIME;
	w->nonce_count = 0;
	w->started = clock_monotonic();
	w->start_cost = -1;
	buf_clear(&w->tail);
	w->open = outcome_new(0);
	w->limit = loop_timer_new(w->runner->launch->loop, limit_over, w);
	return w->open && w->limit ? 0 : err_nomem(err);
}

static void
give_up(struct worker *w)
{
	drop_process(w);
	outcome_free(w->open);
	w->open = NULL;
}

int
worker_start(struct worker *w, size_t profile, const struct template_ids *ids, struct err *err)
{
	struct template_ids list = ids ? *ids : (struct template_ids){0};
	struct process_spec spec = {.environment = w->runner->profiles[profile].instances->environment,
	    .room = worker_room,
	    .output = worker_output,
	    .ended = worker_ended,
	    .context = w};
	struct launch *launch = w->runner->launch;
	char *command = NULL;
	int rc = -1;

	if (begin(w, profile, err))
		goto out;
	w->reader = reader_new(READER_PROCESS);
	w->idle = loop_timer_new(launch->loop, worker_idle, w);
	w->silence = loop_timer_new(launch->loop, silence_over, w);
	if (!w->reader || !w->idle || !w->silence) {
		err_nomem(err);
		goto out;
	}
	instances_take(w->profile->instances, &w->instance);
	if (ids && idfile_write(&list, &w->idfile, err) < 0)
		goto out;
	list.file = w->idfile;
	command = command_text(w, ids ? &list : NULL, err);
	if (!command)
		goto out;
	spec.command = command;
	rc = launch_start(launch, &spec, true, &w->process, err);
	if (rc == 0 && w->profile->timeouts.output)
		loop_timer_set(w->silence, w->profile->timeouts.output);
out:
	free(command);
	if (rc < 0)
		give_up(w);
	return rc;
}

/* What was done about a limit that was passed: "Its process got SIGABRT, and was killed 2 s later." */
static void
add_measures(const struct worker *w, bool killed, struct buf *out)
{
	int number = w->profile->timeouts.dump_signal;

	if (number)
		buf_printf(out, " Its process got %s", timeouts_signal_name(number));
	if (number && killed)
		buf_printf(out, ", and was killed %lld s later", (long long)(LAUNCH_DUMP_TIME / TIME_SECOND));
	buf_str(out, number ? "." : " Its process was killed.");
	if (w->pinged)
		buf_str(out, w->answered ? " Its server still answered: it is the test that hangs."
					 : " Its server did not answer either.");
	buf_byte(out, '\n');
}

/* "The test process ended with signal 9 (Killed) while this test was running." */
static void
blame_text(const struct worker *w, const struct process_end *end, struct buf *out)
{
	bool run_over = launch_timed_out(w->runner->launch);

	if (w->silent)
		buf_printf(out, "The test process printed nothing for %lld s, its output_timeout.",
		    (long long)(w->profile->timeouts.output / TIME_SECOND));
	else if (w->lateness >= DUMPING)
		buf_printf(out, "The test did not end within %lld s, %s.",
		    (long long)(w->allowed / TIME_SECOND),
		    !w->profile->timeouts.by_history
			? "which is its test_timeout"
			: "which is what its history allows (test_timeout=auto)");
	else if (run_over)
		buf_printf(out, "The test was running when the time for the run was over, %lld s.",
		    (long long)(w->profile->timeouts.run / TIME_SECOND));
	if (w->silent || w->lateness >= DUMPING || run_over) {
		add_measures(w, run_over ? end->signal == SIGKILL : w->lateness == KILLED, out);
		return;
	}
	buf_str(out, "The test process ended with ");
	process_end_words(end, out);
	buf_str(out, " while this test was running.\n");
}

/* An event of a test that this worker is in: `r`, whose slices must not be those of the set of open tests,
 * because telling the event changes that set. */
static int
tell_of(struct worker *w, const struct result *r, enum status status, struct slice name, struct slice content,
    bool eof)
{
	struct event e;

	event_init(&e);
	e.id = r->id;
	e.route = r->route;
	e.tags = r->tags;
	e.tag_count = r->tag_count;
	e.mime = SLICE_LIT("text/plain;charset=utf8");
	e.eof = eof;
	e.file_name = name;
	e.file = content;
	e.status = status;
	return tell(w, &e);
}

/* Copies id, route (as it was before our stamp) and tags to `table` and `tags`. */
static int
copy_result(struct worker *w, struct strtab *table, struct slice *tags, struct result *r)
{
	size_t own = slice_str(w->stamp.route).len;
	size_t id = strtab_add(table, r->id, NULL);

	if (id == STRTAB_NONE)
		return -1;
	r->id = strtab_get(table, id);
	if (r->route.len > own) {
		size_t route = strtab_add(table, slice_from(r->route, own + 1), NULL);

		if (route == STRTAB_NONE)
			return -1;
		r->route = strtab_get(table, route);
	} else {
		r->route = SLICE_NONE;
	}
	for (size_t i = 0; i < r->tag_count; i++) {
		size_t tag = strtab_add(table, r->tags[i], NULL);

		if (tag == STRTAB_NONE)
			return -1;
		tags[i] = strtab_get(table, tag);
	}
	r->tags = tags;
	return 0;
}

/* Adds to an attachment of a test that is running. */
static int
attach(struct worker *w, struct result r, struct slice name, struct slice content)
{
	struct slice *tags = calloc(r.tag_count + 1, sizeof(*tags));
	struct strtab table = {0};
	int rc = -1;

	if (tags && copy_result(w, &table, tags, &r) == 0)
		rc = tell_of(w, &r, STATUS_NONE, name, content, false);
	strtab_release(&table);
	free(tags);
	return rc;
}

/* Fails one test: what the process last printed, then why. */
static int
blame_test(struct worker *w, struct result r, struct slice why)
{
	struct slice *tags = calloc(r.tag_count + 1, sizeof(*tags));
	struct slice tail = buf_get(&w->tail);
	struct strtab table = {0};
	int rc = -1;

	if (!tags || copy_result(w, &table, tags, &r) < 0)
		goto out;
	if (tail.len > WORKER_TAIL_MAX)
		tail = slice_from(tail, tail.len - WORKER_TAIL_MAX);
	if (tail.len && tell_of(w, &r, STATUS_NONE, SLICE_LIT("last output"), tail, true) < 0)
		goto out;
	rc = tell_of(w, &r, STATUS_FAIL, SLICE_LIT("traceback"), why, true);
out:
	strtab_release(&table);
	free(tags);
	return rc;
}

int
worker_blame(struct worker *w, const struct process_end *end)
{
	size_t count = outcome_open_count(w->open);
	struct buf why;
	int rc = 0;

	buf_init(&why, 4096);
	blame_text(w, end, &why);
	for (size_t i = 0; i < count && rc == 0; i++)
		rc = blame_test(w, outcome_open_get(w->open, 0), buf_get(&why));
	buf_release(&why);
	return rc < 0 ? -1 : (int)count;
}

void
worker_tail(const struct worker *w, struct buf *out)
{
	buf_slice(out, buf_get(&w->tail));
}

/* ---- test servers ---- */

static void
server_ready(void *context)
{
	struct worker *w = context;

	w->ready = true;
	w->calls.ready(w->calls.context, w);
}

static void
server_event(void *context, struct event *e)
{
	struct worker *w = context;

	if (w->stopped)
		return;
	if (e->status == STATUS_INPROGRESS) {
		buf_clear(&w->tail);
		w->pinged = w->answered = false;
	}
	if (tell(w, e) < 0)
		stop(w);
}

/* What is printed belongs to the test that is running, if it is a single one. */
static void
server_output(void *context, struct slice text)
{
	struct worker *w = context;
	struct event e;
	int rc;

	if (w->stopped)
		return;
	keep_tail(w, text);
	if (outcome_open_count(w->open) == 1) {
		rc = attach(w, outcome_open_get(w->open, 0), SLICE_LIT("stdout"), text);
	} else {
		event_init(&e);
		e.kind = EVENT_TEXT;
		e.file_name = SLICE_LIT("stdout");
		e.file = text;
		rc = tell(w, &e);
	}
	if (rc < 0)
		stop(w);
}

static void
server_done(void *context, int64_t nonce, const struct slice *returned, size_t count)
{
	struct worker *w = context;

	if (w->stopped)
		return;
	if (!w->nonce_count || nonce != w->nonces[0]) {
		server_kill(w->server, "it answered requests out of their order");
		return;
	}
	w->nonce_count--;
	for (size_t i = 0; i < w->nonce_count; i++)
		w->nonces[i] = w->nonces[i + 1];
	w->calls.done(w->calls.context, w, returned, count);
}

/* With a test running it may be the test that takes long: the server is asked whether it is alive. */
static void
server_silent(void *context)
{
	struct worker *w = context;

	if (outcome_open_count(w->open) == 0)
		server_kill(w->server, "it was asked for something and fell silent");
	else if (!w->pinged && server_ping(w->server))
		w->pinged = true;
}

static void
server_pong(void *context)
{
	struct worker *w = context;

	w->answered = true;
}

static void
server_pause(void *context)
{
	struct worker *w = context;

	if (!w->stopped && w->calls.pause(w->calls.context, w) < 0)
		stop(w);
}

static void
server_fault(void *context, const char *what)
{
	struct worker *w = context;
	struct buf text;

	buf_init(&text, 1024);
	buf_printf(
	    &text, "The test server of worker-%u broke a rule of the conversation: %s\n", w->number, what);
	if (!w->stopped && worker_error(w, buf_get(&text)) < 0)
		stop(w);
	buf_release(&text);
}

static void
server_ended(void *context, const struct process_end *how, const char *why)
{
	struct worker *w = context;
	struct server *server = w->server;

	w->server = NULL;
	w->ready = false;
	end(w, how, why);
	server_free(server);
}

/* The run is over: the test that runs may end, and no other is begun. A server that cannot be told so gets the signal. */
static void
server_cancelled(void *context, int number)
{
	struct worker *w = context;
	bool told = w->nonce_count > 0;

	for (size_t i = 0; i < w->nonce_count; i++)
		told &= server_cancel(w->server, w->nonces[i]);
	if (!told)
		server_signal(w->server, number);
}

static struct server_calls
server_calls_of(struct worker *w)
{
	return (struct server_calls){
	    .ready = server_ready,
	    .event = server_event,
	    .output = server_output,
	    .done = server_done,
	    .silent = server_silent,
	    .cancelled = server_cancelled,
	    .pong = server_pong,
	    .pause = server_pause,
	    .fault = server_fault,
	    .ended = server_ended,
	    .context = w,
	};
}

int
worker_serve(struct worker *w, size_t profile, struct err *err)
{
	struct server_calls calls = server_calls_of(w);
	int rc = begin(w, profile, err);

	if (rc == 0) {
		struct instances *instances = w->profile->instances;

		instances_take(instances, &w->instance);
		rc = server_start(w->runner->launch, w->profile->config, instances->environment, w->instance,
		    &calls, &w->server, err);
	}
	if (rc < 0)
		give_up(w);
	return rc;
}

int
worker_take(struct worker *w, struct listing_server *server, struct err *err)
{
	struct server_calls calls = server_calls_of(w);

	if (begin(w, server->profile, err) < 0) {
		give_up(w);
		return -1;
	}
	w->started = -1;
	w->instance = server->instance;
	w->server = server->server;
	server->server = NULL;
	server_hand_over(w->server, &calls);
	if (server_version(w->server) > 0)
		server_ready(w);
	return 0;
}

int
worker_ask(struct worker *w, const struct template_ids *ids, struct err *err)
{
	struct server_tests tests = {*ids, w->profile->tags, w->profile->tag_count, w->runner->attempt};

	assert(w->ready && w->nonce_count < SCHEDULE_DEPTH);
	return server_run(w->server, &tests, &w->nonces[w->nonce_count++], err);
}

void
worker_dismiss(struct worker *w)
{
	server_end(w->server);
}

int
worker_error(struct worker *w, struct slice text)
{
	struct event e;

	event_init(&e);
	e.mime = SLICE_LIT("text/plain;charset=utf8");
	e.eof = true;
	e.file_name = SLICE_LIT(RUNNER_ERROR_NAME);
	e.file = text;
	return tell(w, &e);
}
