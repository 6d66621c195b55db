/* SPDX-License-Identifier: Apache-2.0 */
#include "listing.h"

#include "clock.h"
#include "reader.h"
#include "timeouts.h"

#include <stdio.h>
#include <stdlib.h>

/* What is kept of the attachments of a listing, to be shown if it fails. */
#define DUMP_MAX ((size_t)4 * 1024 * 1024)
#define LINE_MAX_BYTES ((size_t)1024 * 1024)
/* Of what a server prints, so much of the end. */
#define PRINTED_MAX ((size_t)300)

/* The jobs of a listing, taken up in turn, some of them at the same time. */
struct turns {
	struct listing *listing;
	int (*start)(struct turns *t, size_t job, struct err *err);
	void (*stop)(struct turns *t, size_t job); /* if it runs */
	void *list;                                /* what each job is for the two */
	size_t next, running;
	struct err *err;
	bool failed; /* err is set, and no further job is begun */
	bool done;
};

static void
turns_fail(struct turns *t, size_t job)
{
	if (t->failed)
		return;
	t->failed = true;
	t->listing->failed = job;
	for (size_t i = 0; i < t->next; i++)
		t->stop(t, i);
}

static void
turns_go_on(struct turns *t)
{
	while (!t->failed && t->next < t->listing->count && t->running < t->listing->at_once) {
		size_t job = t->next++;

		t->running++;
		if (t->start(t, job, t->err) < 0) {
			t->running--;
			turns_fail(t, job);
		}
	}
	t->done = t->running == 0;
}

/* A job is over. */
static void
turns_over(struct turns *t, size_t job, int rc)
{
	t->running--;
	if (rc < 0)
		turns_fail(t, job);
	turns_go_on(t);
}

/* ---- by a command ---- */

struct asked {
	struct turns *turns;
	size_t job;
	char *command;
	struct slice instance;
	int64_t started; /* monotonic */
	struct reader *reader;
	struct strtab *ids;
	struct strtab lines;  /* of plain text: ids only if no event comes */
	struct buf line;      /* the unfinished one */
	struct strtab names;  /* of attachments */
	struct buf *contents; /* one for each name */
	size_t content_count;
	bool events;
	bool out_of_memory;
	struct process_end end;
	struct process *process; /* NULL when none runs */
	struct timeouts timeouts;
	struct loop_timer *limit;
	bool late; /* it took too long, and was told so */
};

static void
keep_attachment(struct asked *l, const struct event *e)
{
	size_t i = strtab_add(&l->names, e->file_name, NULL);

	if (i == STRTAB_NONE) {
		l->out_of_memory = true;
		return;
	}
	if (i == l->content_count) {
		struct buf *contents = realloc(l->contents, (i + 1) * sizeof(*contents));

		if (!contents) {
			l->out_of_memory = true;
			return;
		}
		l->contents = contents;
		buf_init(&l->contents[l->content_count++], DUMP_MAX);
	}
	buf_slice(&l->contents[i], e->file);
}

static void
add_line(struct asked *l)
{
	struct slice id = slice_trim(buf_get(&l->line));

	if (id.len && !l->line.failed && strtab_add(&l->lines, id, NULL) == STRTAB_NONE)
		l->out_of_memory = true;
	buf_clear(&l->line);
}

static void
take_text(struct asked *l, struct slice text)
{
	size_t at;

	while ((at = slice_find(text, '\n')) < text.len) {
		buf_slice(&l->line, slice_head(text, at));
		add_line(l);
		text = slice_from(text, at + 1);
	}
	buf_slice(&l->line, text);
}

static void
take_events(struct asked *l)
{
	struct event e;
	int rc;

	while ((rc = reader_next(l->reader, &e)) > 0) {
		if (e.file.len)
			keep_attachment(l, &e);
		if (e.kind == EVENT_TEXT) {
			if (!l->events)
				take_text(l, e.file);
			continue;
		}
		l->events = true;
		if (e.status == STATUS_EXISTS && e.id.data && strtab_add(l->ids, e.id, NULL) == STRTAB_NONE)
			l->out_of_memory = true;
	}
	if (rc < 0)
		l->out_of_memory = true;
}

static uint8_t *
listing_room(void *context, size_t *room)
{
	struct asked *l = context;

	return reader_space(l->reader, room);
}

static void
listing_output(void *context, size_t len)
{
	struct asked *l = context;

	reader_commit(l->reader, len);
	take_events(l);
}

/* The listing gets a moment to say where it is. */
static void
listing_late(void *context)
{
	struct asked *l = context;

	if (l->late || !l->timeouts.dump_signal)
		process_kill(l->process);
	else
		process_signal(l->process, l->timeouts.dump_signal);
	l->late = true;
	loop_timer_set(l->limit, LAUNCH_DUMP_TIME);
}

static void
dump_all(const struct asked *l)
{
	const struct listing *all = l->turns->listing;

	for (size_t i = 0; i < l->content_count; i++)
		all->dump(all->context, strtab_get(&l->names, i), buf_get(&l->contents[i]));
}

/* Turns what came into the list or the error. */
static int
listing_verdict(struct asked *l, struct err *err)
{
	const struct launch *launch = l->turns->listing->launch;

	if (launch->cancelled)
		return err_set(
		    err, ERR_LISTING, "cancelled by signal %d while listing the tests", launch->cancelled);
	if (l->out_of_memory)
		return err_nomem(err);
	if (l->late) {
		dump_all(l);
		return err_set(err, ERR_LISTING,
		    "the tests were not listed within %lld s, which is list_timeout; the command got %s and was ended: %s",
		    (long long)(l->timeouts.list / 1000000000), timeouts_signal_name(l->timeouts.dump_signal),
		    l->command);
	}
	if (l->end.code != 0) {
		dump_all(l);
		return err_set(err, ERR_LISTING, "Non-zero exit code (%d) from test listing.",
		    l->end.signal ? -l->end.signal : l->end.code);
	}
	add_line(l);
	for (size_t i = 0; !l->events && i < l->lines.len; i++)
		if (strtab_add(l->ids, strtab_get(&l->lines, i), NULL) == STRTAB_NONE)
			return err_nomem(err);
	if (l->ids->len == 0)
		return err_set(err, ERR_LISTING,
		    "the test listing named no test; check test_command and test_list_option: %s",
		    l->command);
	return 0;
}

static void
asked_release(struct asked *l)
{
	loop_timer_free(l->limit);
	reader_free(l->reader);
	strtab_release(&l->lines);
	strtab_release(&l->names);
	buf_release(&l->line);
	for (size_t i = 0; i < l->content_count; i++)
		buf_release(&l->contents[i]);
	free(l->contents);
	free(l->command);
}

static void
listing_ended(void *context, const struct process_end *end)
{
	struct asked *l = context;
	struct turns *t = l->turns;
	struct listing_job *job = &t->listing->jobs[l->job];

	l->end = *end;
	launch_ended(t->listing->launch, l->process);
	l->process = NULL;
	loop_timer_stop(l->limit);
	instances_return(job->instances, l->instance);
	job->took = clock_monotonic() - l->started;
	reader_end(l->reader);
	take_events(l);
	/* Of one that was stopped nothing is wanted. */
	turns_over(t, l->job, t->failed ? 0 : listing_verdict(l, t->err));
}

static int
listing_start(struct turns *t, size_t number, struct err *err)
{
	struct asked *l = &((struct asked *)t->list)[number];
	struct listing_job *job = &t->listing->jobs[number];
	struct launch *launch = t->listing->launch;
	struct process_spec spec = {.environment = job->instances->environment,
	    .room = listing_room,
	    .output = listing_output,
	    .ended = listing_ended,
	    .context = l};
	char *bare = NULL;
	int rc = -1;

	*l = (struct asked){.turns = t, .job = number, .ids = job->ids, .reader = reader_new(READER_AUTO)};
	buf_init(&l->line, LINE_MAX_BYTES);
	l->limit = loop_timer_new(launch->loop, listing_late, l);
	l->started = clock_monotonic();
	instances_take(job->instances, &l->instance);
	if (!l->reader || !l->limit) {
		err_nomem(err);
		goto out;
	}
	if (timeouts_read(job->config, &l->timeouts, err) < 0 ||
	    template_list(job->config, t->listing->args, &bare, err) < 0 ||
	    template_execute(job->config, l->instance, bare, NULL, &l->command, err) < 0)
		goto out;
	spec.command = l->command;
	rc = launch_start(launch, &spec, true, &l->process, err);
	if (rc == 0 && l->timeouts.list)
		loop_timer_set(l->limit, l->timeouts.list);
out:
	if (rc < 0)
		instances_return(job->instances, l->instance);
	free(bare);
	return rc;
}

static void
listing_stop(struct turns *t, size_t number)
{
	struct asked *l = &((struct asked *)t->list)[number];

	if (l->process)
		process_kill(l->process);
}

int
listing_run(struct listing *l, struct err *err)
{
	struct asked *list = calloc(l->count, sizeof(*list));
	struct turns t = {
	    .listing = l, .start = listing_start, .stop = listing_stop, .list = list, .err = err};

	if (!list)
		return err_nomem(err);
	turns_go_on(&t);
	loop_run(l->launch->loop, &t.done);
	for (size_t i = 0; i < t.next; i++)
		asked_release(&list[i]);
	free(list);
	return t.failed ? -1 : 0;
}

/* ---- by a test server ---- */

struct serve {
	struct turns *turns;
	size_t job;
	struct server *server; /* NULL when there is none (any more) */
	struct slice instance;
	int64_t started;    /* monotonic */
	struct buf printed; /* the last of it, for errors */
	bool keep;
	bool answered;
	bool out_of_memory;
	bool over; /* it has ended, or is kept */
	struct process_end end;
	char why[512];
};

static void
serve_ready(void *context)
{
	struct serve *l = context;
	struct err err;
	int64_t nonce;

	if (server_list(l->server, &nonce, &err))
		server_kill(l->server, err.text);
}

static void
serve_event(void *context, struct event *e)
{
	struct serve *l = context;

	if (e->status == STATUS_EXISTS && e->id.data &&
	    strtab_add(l->turns->listing->jobs[l->job].ids, e->id, NULL) == STRTAB_NONE)
		l->out_of_memory = true;
}

static void
serve_output(void *context, struct slice text)
{
	struct serve *l = context;

	if (text.len > PRINTED_MAX)
		text = slice_from(text, text.len - PRINTED_MAX);
	if (l->printed.len + text.len > l->printed.max)
		buf_clear(&l->printed);
	buf_slice(&l->printed, text);
}

static int
serve_verdict(const struct serve *l, struct err *err)
{
	const struct listing *all = l->turns->listing;
	const struct listing_job *job = &all->jobs[l->job];
	const char *command = config_get(job->config, "test_server_command");
	struct buf words;

	if (all->launch->cancelled)
		return err_set(err, ERR_LISTING, "cancelled by signal %d while listing the tests",
		    all->launch->cancelled);
	if (l->out_of_memory)
		return err_nomem(err);
	if (!l->answered) {
		buf_init(&words, 256);
		process_end_words(&l->end, &words);
		err_set(err, ERR_START,
		    "the test server did not list its tests: it ended with %.*s%s%s: %s%s%.*s",
		    SLICE_FMT(buf_get(&words)), l->why[0] ? ": " : "", l->why, command,
		    l->printed.len ? "\n" : "", SLICE_FMT(slice_trim(buf_get(&l->printed))));
		buf_release(&words);
		return -1;
	}
	if (job->ids->len == 0)
		return err_set(err, ERR_LISTING, "the test server named no test: %s", command);
	return 0;
}

static void
serve_over(struct serve *l)
{
	struct turns *t = l->turns;

	l->over = true;
	turns_over(t, l->job, t->failed ? 0 : serve_verdict(l, t->err));
}

static void
serve_done(void *context, int64_t nonce, const struct slice *returned, size_t count)
{
	struct serve *l = context;

	(void)nonce;
	(void)returned;
	(void)count;
	l->answered = true;
	l->turns->listing->jobs[l->job].took = clock_monotonic() - l->started;
	if (l->keep)
		serve_over(l);
	else
		server_end(l->server);
}

static void
serve_silent(void *context)
{
	struct serve *l = context;

	server_kill(l->server, "it was asked for its tests and fell silent");
}

static void
serve_cancelled(void *context, int number)
{
	struct serve *l = context;

	server_signal(l->server, number);
}

static void
serve_nothing(void *context)
{
	(void)context;
}

static void
serve_fault(void *context, const char *what)
{
	struct serve *l = context;

	server_kill(l->server, what);
}

/* Also of one that was to be kept. */
static void
serve_ended(void *context, const struct process_end *end, const char *why)
{
	struct serve *l = context;

	l->end = *end;
	snprintf(l->why, sizeof(l->why), "%s", why ? why : "");
	server_free(l->server);
	l->server = NULL;
	instances_return(l->turns->listing->jobs[l->job].instances, l->instance);
	if (!l->over)
		serve_over(l);
}

/* ---- a server that is kept ---- */

static void
keep_event(void *context, struct event *e)
{
	(void)context;
	(void)e;
}

static void
keep_output(void *context, struct slice text)
{
	(void)context;
	(void)text;
}

static void
keep_done(void *context, int64_t nonce, const struct slice *returned, size_t count)
{
	(void)context;
	(void)nonce;
	(void)returned;
	(void)count;
}

static void
keep_cancelled(void *context, int number)
{
	struct listing_server *keep = context;

	server_signal(keep->server, number);
}

static void
keep_fault(void *context, const char *what)
{
	(void)context;
	(void)what;
}

static void
keep_ended(void *context, const struct process_end *end, const char *why)
{
	struct listing_server *keep = context;

	(void)end;
	(void)why;
	server_free(keep->server);
	keep->server = NULL;
	keep->gone = true;
	instances_return(keep->pool, keep->instance);
}

/* From now on the server says nothing that anybody waits for. */
static struct server_calls
keep_calls(struct listing_server *keep)
{
	return (struct server_calls){
	    .ready = serve_nothing,
	    .event = keep_event,
	    .output = keep_output,
	    .done = keep_done,
	    .silent = serve_nothing,
	    .cancelled = keep_cancelled,
	    .pong = serve_nothing,
	    .pause = serve_nothing,
	    .fault = keep_fault,
	    .ended = keep_ended,
	    .context = keep,
	};
}

/* Starts one more server. One that does not start now will be started when it is needed, and then that is told. */
static void
keep_start(struct listing_server *keep, struct launch *launch, const struct listing_job *job, size_t profile)
{
	struct server_calls calls = keep_calls(keep);
	struct err ignored;

	*keep = (struct listing_server){.pool = job->instances, .launch = launch, .profile = profile};
	instances_take(keep->pool, &keep->instance);
	if (server_start(launch, job->config, keep->pool->environment, keep->instance, &calls, &keep->server,
		&ignored) < 0) {
		keep->server = NULL;
		instances_return(keep->pool, keep->instance);
	}
}

void
listing_release(struct listing_servers *keep)
{
	for (size_t i = 0; i < keep->count; i++)
		if (keep->list[i].server && server_version(keep->list[i].server) > 0)
			server_end(keep->list[i].server);
		else if (keep->list[i].server)
			server_kill(keep->list[i].server, "it was not needed");
	for (size_t i = 0; i < keep->count; i++)
		if (keep->list[i].server)
			loop_run(keep->list[i].launch->loop, &keep->list[i].gone);
}

static int
serve_start(struct turns *t, size_t number, struct err *err)
{
	struct serve *l = &((struct serve *)t->list)[number];
	const struct listing_job *job = &t->listing->jobs[number];
	struct server_calls calls = {
	    .ready = serve_ready,
	    .event = serve_event,
	    .output = serve_output,
	    .done = serve_done,
	    .silent = serve_silent,
	    .cancelled = serve_cancelled,
	    .pong = serve_nothing,
	    .pause = serve_nothing,
	    .fault = serve_fault,
	    .ended = serve_ended,
	    .context = l,
	};
	int rc;

	l->turns = t;
	l->job = number;
	l->started = clock_monotonic();
	buf_init(&l->printed, 2 * PRINTED_MAX);
	instances_take(job->instances, &l->instance);
	rc = server_start(t->listing->launch, job->config, job->instances->environment, l->instance, &calls,
	    &l->server, err);
	if (rc < 0) {
		l->server = NULL;
		instances_return(job->instances, l->instance);
	}
	return rc;
}

static void
serve_stop(struct turns *t, size_t number)
{
	struct serve *l = &((struct serve *)t->list)[number];

	if (l->server && !l->over)
		server_kill(l->server, "it is not needed");
}

/* Makes the server one that is kept. */
static void
hand_over(struct serve *l, struct listing_server *keep)
{
	const struct listing *all = l->turns->listing;
	struct server_calls calls = keep_calls(keep);

	*keep = (struct listing_server){.server = l->server,
	    .instance = l->instance,
	    .pool = all->jobs[l->job].instances,
	    .launch = all->launch,
	    .profile = l->job};
	server_hand_over(l->server, &calls);
}

int
listing_serve(struct listing *l, struct listing_servers *keep, struct err *err)
{
	struct serve *list = calloc(l->count, sizeof(*list));
	struct turns t = {.listing = l, .start = serve_start, .stop = serve_stop, .list = list, .err = err};

	if (!list)
		return err_nomem(err);
	for (size_t i = 0; i < l->count; i++)
		list[i].keep = i < keep->count;
	turns_go_on(&t);
	for (size_t i = l->count; !t.failed && i < keep->count; i++)
		keep_start(&keep->list[i], l->launch, &l->jobs[i % l->count], i % l->count);
	loop_run(l->launch->loop, &t.done);
	for (size_t i = 0; i < t.next; i++) {
		if (list[i].server)
			hand_over(&list[i], &keep->list[i]);
		buf_release(&list[i].printed);
	}
	free(list);
	return t.failed ? -1 : 0;
}
