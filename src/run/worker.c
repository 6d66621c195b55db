/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include "clock.h"
#include "idfile.h"
#include "reader.h"
#include "stamp.h"

#include <stdlib.h>
#include <unistd.h>

/* A writer that pauses longer than this inside a packet is not going to end it soon. */
#define WORKER_IDLE (INT64_C(1) * 1000000000)

struct worker {
	const struct runner *runner;
	struct worker_calls calls;
	unsigned number;
	struct stamp stamp;
	struct slice instance;
	struct process *process;
	struct reader *reader;
	struct outcome *open; /* the tests that the process is in */
	struct loop_timer *idle;
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
	w->calls = calls;
	w->number = number;
	stamp_init(&w->stamp, number);
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
	return w->process != NULL;
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

static void
keep_tail(struct worker *w, struct slice text)
{
	if (text.len > WORKER_TAIL_MAX)
		text = slice_from(text, text.len - WORKER_TAIL_MAX);
	if (w->tail.len + text.len > 3 * WORKER_TAIL_MAX)
		buf_drop(&w->tail, w->tail.len - WORKER_TAIL_MAX);
	buf_slice(&w->tail, text);
}

/* Stamps an event and tells it. */
static int
tell(struct worker *w, struct event *e)
{
	const struct result *closed;

	if (e->id.data && w->start_cost < 0)
		w->start_cost = clock_monotonic() - w->started;
	if (stamp_event(&w->stamp, e, clock_realtime()) < 0 || outcome_event(w->open, e, &closed) < 0)
		return -1;
	return w->calls.event(w->calls.context, w, e, closed);
}

static void
stop(struct worker *w)
{
	w->stopped = true;
	process_kill(w->process);
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
	reader_free(w->reader);
	w->reader = NULL;
	idfile_remove(w->idfile);
	w->idfile = NULL;
	instances_return(w->runner->instances, w->instance);
	w->instance = SLICE_NONE;
}

static void
worker_ended(void *context, const struct process_end *end)
{
	struct worker *w = context;
	struct outcome *open = w->open;

	reader_end(w->reader);
	take_events(w);
	launch_ended(w->runner->launch, w->process);
	w->process = NULL;
	drop_process(w);
	w->calls.ended(w->calls.context, w, end);
	/* `ended` may have started the next process, which has a set of its own. */
	if (w->open == open)
		w->open = NULL;
	outcome_free(open);
}

/* The text of the command for these tests, in this worker's instance; the caller frees it. */
static char *
command_text(struct worker *w, const struct template_ids *ids, struct err *err)
{
	const struct runner *r = w->runner;
	char *bare, *command = NULL;

	if (template_run(r->config, r->args, ids, &bare, err) < 0)
		return NULL;
	template_execute(r->config, w->instance, bare, w->idfile, &command, err);
	free(bare);
	return command;
}

int
worker_start(struct worker *w, const struct strtab *ids, const size_t *tests, size_t count, struct err *err)
{
	struct template_ids list = {.table = ids, .tests = tests, .count = count};
	struct process_spec spec = {
	    .room = worker_room, .output = worker_output, .ended = worker_ended, .context = w};
	struct launch *launch = w->runner->launch;
	char *command = NULL;
	int rc = -1;

	w->stopped = false;
	w->started = clock_monotonic();
	w->start_cost = -1;
	buf_clear(&w->tail);
	w->open = outcome_new(0);
	w->reader = reader_new(READER_PROCESS);
	w->idle = loop_timer_new(launch->loop, worker_idle, w);
	if (!w->open || !w->reader || !w->idle) {
		err_nomem(err);
		goto out;
	}
	instances_take(w->runner->instances, &w->instance);
	if (ids && idfile_write(ids, tests, count, &w->idfile, err) < 0)
		goto out;
	list.file = w->idfile;
	command = command_text(w, ids ? &list : NULL, err);
	if (!command)
		goto out;
	spec.command = command;
	rc = launch_start(launch, &spec, true, &w->process, err);
out:
	free(command);
	if (rc < 0) {
		drop_process(w);
		outcome_free(w->open);
		w->open = NULL;
	}
	return rc;
}

/* "The test process ended with signal 9 (Killed) while this test was running." */
static void
blame_text(const struct process_end *end, struct buf *out)
{
	buf_str(out, "The test process ended with ");
	process_end_words(end, out);
	buf_str(out, " while this test was running.\n");
}

/* An event of a test that this worker is in: `r`, whose slices must not be those of the set of open tests,
 * because telling the event changes that set. */
static int
tell_of(struct worker *w, const struct result *r, enum status status, struct slice name, struct slice content)
{
	struct event e;

	event_init(&e);
	e.id = r->id;
	e.route = r->route;
	e.tags = r->tags;
	e.tag_count = r->tag_count;
	e.mime = SLICE_LIT("text/plain;charset=utf8");
	e.eof = true;
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
	if (tail.len && tell_of(w, &r, STATUS_NONE, SLICE_LIT("last output"), tail) < 0)
		goto out;
	rc = tell_of(w, &r, STATUS_FAIL, SLICE_LIT("traceback"), why);
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
	blame_text(end, &why);
	for (size_t i = 0; i < count && rc == 0; i++)
		rc = blame_test(w, outcome_open_get(w->open, 0), buf_get(&why));
	buf_release(&why);
	return rc < 0 ? -1 : (int)count;
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
