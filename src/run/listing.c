/* SPDX-License-Identifier: Apache-2.0 */
#include "listing.h"

#include "reader.h"
#include "timeouts.h"

#include <stdio.h>
#include <stdlib.h>

/* What is kept of the attachments of a listing, to be shown if it fails. */
#define DUMP_MAX ((size_t)4 * 1024 * 1024)
#define LINE_MAX_BYTES ((size_t)1024 * 1024)
/* Of what a server prints, so much of the end. */
#define PRINTED_MAX ((size_t)300)

struct listing {
	struct reader *reader;
	struct strtab *ids;
	struct strtab lines;  /* of plain text: ids only if no event comes */
	struct buf line;      /* the unfinished one */
	struct strtab names;  /* of attachments */
	struct buf *contents; /* one for each name */
	size_t content_count;
	bool events;
	bool out_of_memory;
	bool done;
	struct process_end end;
	struct process *process;
	struct timeouts timeouts;
	struct loop_timer *limit;
	bool late; /* it took too long, and was told so */
};

static void
keep_attachment(struct listing *l, const struct event *e)
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
add_line(struct listing *l)
{
	struct slice id = slice_trim(buf_get(&l->line));

	if (id.len && !l->line.failed && strtab_add(&l->lines, id, NULL) == STRTAB_NONE)
		l->out_of_memory = true;
	buf_clear(&l->line);
}

static void
take_text(struct listing *l, struct slice text)
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
take_events(struct listing *l)
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
	struct listing *l = context;

	return reader_space(l->reader, room);
}

static void
listing_output(void *context, size_t len)
{
	struct listing *l = context;

	reader_commit(l->reader, len);
	take_events(l);
}

static void
listing_ended(void *context, const struct process_end *end)
{
	struct listing *l = context;

	l->end = *end;
	l->done = true;
}

/* The listing gets a moment to say where it is. */
static void
listing_late(void *context)
{
	struct listing *l = context;

	if (l->late || !l->timeouts.dump_signal)
		process_kill(l->process);
	else
		process_signal(l->process, l->timeouts.dump_signal);
	l->late = true;
	loop_timer_set(l->limit, LAUNCH_DUMP_TIME);
}

static void
dump_all(const struct listing *l, listing_dump_fn dump, void *context)
{
	for (size_t i = 0; i < l->content_count; i++)
		dump(context, strtab_get(&l->names, i), buf_get(&l->contents[i]));
}

/* Turns what came into the list or the error. */
static int
listing_verdict(struct listing *l, const char *command, listing_dump_fn dump, void *context, struct err *err)
{
	if (l->out_of_memory)
		return err_nomem(err);
	if (l->late) {
		dump_all(l, dump, context);
		return err_set(err, ERR_LISTING,
		    "the tests were not listed within %lld s, which is list_timeout; the command got %s and was ended: %s",
		    (long long)(l->timeouts.list / 1000000000), timeouts_signal_name(l->timeouts.dump_signal),
		    command);
	}
	if (l->end.code != 0) {
		dump_all(l, dump, context);
		return err_set(err, ERR_LISTING, "Non-zero exit code (%d) from test listing.",
		    l->end.signal ? -l->end.signal : l->end.code);
	}
	add_line(l);
	for (size_t i = 0; !l->events && i < l->lines.len; i++)
		if (strtab_add(l->ids, strtab_get(&l->lines, i), NULL) == STRTAB_NONE)
			return err_nomem(err);
	if (l->ids->len == 0)
		return err_set(err, ERR_LISTING,
		    "the test listing named no test; check test_command and test_list_option: %s", command);
	return 0;
}

static void
listing_clear(struct listing *l)
{
	loop_timer_free(l->limit);
	reader_free(l->reader);
	strtab_release(&l->lines);
	strtab_release(&l->names);
	buf_release(&l->line);
	for (size_t i = 0; i < l->content_count; i++)
		buf_release(&l->contents[i]);
	free(l->contents);
}

int
listing_run(struct launch *launch, struct instances *instances, const struct config *config,
    struct template_args args, listing_dump_fn dump, void *context, struct strtab *ids, struct err *err)
{
	struct listing l = {.ids = ids, .reader = reader_new(READER_AUTO)};
	struct process_spec spec = {.environment = instances->environment,
	    .room = listing_room,
	    .output = listing_output,
	    .ended = listing_ended,
	    .context = &l};
	char *bare = NULL, *command = NULL;
	struct slice instance = SLICE_NONE;
	int rc = -1;

	buf_init(&l.line, LINE_MAX_BYTES);
	l.limit = loop_timer_new(launch->loop, listing_late, &l);
	if (!l.reader || !l.limit) {
		err_nomem(err);
		goto out;
	}
	instances_take(instances, &instance);
	if (timeouts_read(config, &l.timeouts, err) < 0 || template_list(config, args, &bare, err) < 0 ||
	    template_execute(config, instance, bare, NULL, &command, err) < 0)
		goto out;
	spec.command = command;
	if (launch_start(launch, &spec, true, &l.process, err) < 0)
		goto out;
	if (l.timeouts.list)
		loop_timer_set(l.limit, l.timeouts.list);
	loop_run(launch->loop, &l.done);
	launch_ended(launch, l.process);
	reader_end(l.reader);
	take_events(&l);
	rc = launch->cancelled ? err_set(err, ERR_LISTING, "cancelled by signal %d while listing the tests",
				     launch->cancelled)
			       : listing_verdict(&l, command, dump, context, err);
out:
	instances_return(instances, instance);
	free(bare);
	free(command);
	listing_clear(&l);
	return rc;
}

/* ---- by a test server ---- */

struct serve {
	struct server *server; /* NULL when it did not start */
	struct strtab *ids;
	struct buf printed; /* the last of it, for errors */
	bool keep;
	bool answered;
	bool out_of_memory;
	bool done; /* it is over, or is kept */
	bool ended;
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

	if (e->status == STATUS_EXISTS && e->id.data && strtab_add(l->ids, e->id, NULL) == STRTAB_NONE)
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

static void
serve_done(void *context, int64_t nonce, const struct slice *returned, size_t count)
{
	struct serve *l = context;

	(void)nonce;
	(void)returned;
	(void)count;
	l->answered = true;
	if (l->keep)
		l->done = true;
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

static void
serve_ended(void *context, const struct process_end *end, const char *why)
{
	struct serve *l = context;

	l->end = *end;
	snprintf(l->why, sizeof(l->why), "%s", why ? why : "");
	l->done = l->ended = true;
}

static int
serve_verdict(struct serve *l, const char *command, struct err *err)
{
	struct buf words;

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
	if (l->ids->len == 0)
		return err_set(err, ERR_LISTING, "the test server named no test: %s", command);
	return 0;
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
keep_start(
    struct listing_server *keep, struct launch *launch, struct instances *pool, const struct config *config)
{
	struct server_calls calls = keep_calls(keep);
	struct err ignored;

	*keep = (struct listing_server){.pool = pool, .launch = launch};
	instances_take(pool, &keep->instance);
	if (server_start(launch, config, pool->environment, keep->instance, &calls, &keep->server, &ignored) <
	    0) {
		keep->server = NULL;
		instances_return(pool, keep->instance);
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

int
listing_serve(struct launch *launch, struct instances *instances, const struct config *config,
    struct strtab *ids, struct listing_servers *keep, struct err *err)
{
	struct serve l = {.ids = ids, .keep = keep};
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
	    .context = &l,
	};
	struct slice instance = SLICE_NONE;
	int rc;

	buf_init(&l.printed, 2 * PRINTED_MAX);
	instances_take(instances, &instance);
	rc = server_start(launch, config, instances->environment, instance, &calls, &l.server, err);
	for (size_t i = 1; rc == 0 && keep && i < keep->count; i++)
		keep_start(&keep->list[i], launch, instances, config);
	if (rc == 0) {
		loop_run(launch->loop, &l.done);
		rc = launch->cancelled
			 ? err_set(err, ERR_LISTING, "cancelled by signal %d while listing the tests",
			       launch->cancelled)
			 : serve_verdict(&l, config_get(config, "test_server_command"), err);
	}
	if (l.server && !l.ended) {
		keep->list[0] = (struct listing_server){
		    .server = l.server, .instance = instance, .pool = instances, .launch = launch};
		calls = keep_calls(&keep->list[0]);
		server_hand_over(l.server, &calls);
	} else {
		server_free(l.server);
		instances_return(instances, instance);
	}
	buf_release(&l.printed);
	return rc;
}
