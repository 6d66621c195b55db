/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy.h"

#include "buf.h"
#include "file.h"
#include "launch.h"
#include "outcome.h"
#include "reader.h"
#include "rpc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define PIECE_SIZE ((size_t)65536)
/* A writer that pauses longer than this inside a packet is not going to end it soon. */
#define IDLE (INT64_C(1) * 1000000000)
/* Written out when there is so much of it. */
#define GATHER ((size_t)65536)
/* What is taken of standard error at once: more than a pipe has room for. */
#define ERRORS_AT_ONCE ((size_t)4 << 20)

struct proxy {
	struct launch launch;
	struct process *process;
	struct reader *reader; /* of the events */
	struct outcome *open;  /* the tests that run */
	struct buf out;        /* packets to be written */
	uint8_t *input;        /* pieces of standard input */
	size_t input_len;      /* of the first one, read before anything was started; 0: runs tests once */
	uint8_t *printed;      /* pieces of the other streams */
	struct slice held;     /* what was printed, as long as it is not known of which test */
	bool taking;           /* what is printed belongs to the test that is at hand */
	int errors[2];         /* the pipe that is the command's standard error */
	struct loop_watch *on_input, *on_errors, *on_unread;
	struct loop_timer *idle, *grace;
	struct loop_signal *on_abort;
	struct process_end end;
	bool ended;
	bool failed; /* err is set, and the command killed */
	struct err *err;
};

/* ---- what goes out ---- */

/* err is set by now. */
static void
fail(struct proxy *p)
{
	p->failed = true;
	if (p->process)
		process_kill(p->process);
}

static void
flush(struct proxy *p)
{
	/* This may wait for the reader, and so everything else does: nothing is gathered meanwhile. */
	if (!p->failed && file_write(STDOUT_FILENO, buf_get(&p->out), NULL)) {
		err_sys(p->err, "cannot write to standard output, and so the command was killed");
		fail(p);
	}
	buf_clear(&p->out);
}

static void
add(struct proxy *p, const struct event *e)
{
	struct event dated = *e;

	if (p->failed)
		return;
	if (e->raw.data)
		buf_slice(&p->out, e->raw);
	else if (packet_encode(&p->out, e) < 0) {
		/* Version 1 knows times that packets do not. */
		dated.time = TIME_NONE;
		packet_encode(&p->out, &dated);
	}
	if (p->out.failed) {
		err_nomem(p->err);
		fail(p);
	}
	if (p->out.len >= GATHER)
		flush(p);
}

static void
add_printed(struct proxy *p, struct slice name, struct slice text)
{
	struct event e;

	event_init(&e);
	if (outcome_open_count(p->open) == 1) {
		struct result test = outcome_open_get(p->open, 0);

		e.id = test.id;
		e.route = test.route;
		e.tags = test.tags;
		e.tag_count = test.tag_count;
	}
	e.mime = SLICE_LIT("text/plain;charset=utf8");
	e.file_name = name;
	e.file = text;
	add(p, &e);
}

/* ---- what the command says ---- */

static void
take_errors(struct proxy *p)
{
	size_t left = ERRORS_AT_ONCE;
	ssize_t n = 1;

	while (left >= PIECE_SIZE && (n = read(p->errors[0], p->printed, PIECE_SIZE)) > 0) {
		add_printed(p, SLICE_LIT("stderr"), slice_of(p->printed, (size_t)n));
		left -= (size_t)n;
	}
	if (n == 0)
		loop_watch_stop(p->on_errors);
}

static void
add_held(struct proxy *p)
{
	if (p->held.len)
		add_printed(p, SLICE_LIT("stdout"), p->held);
	p->held = SLICE_NONE;
}

/* A test has ended: what it printed was there before it said so. */
static void
take_printed(struct proxy *p)
{
	bool before = p->taking;

	add_held(p);
	p->taking = true;
	if (p->input_len && p->process)
		process_take_output(p->process);
	p->taking = before;
	take_errors(p);
}

static void
pass_on(struct proxy *p, const struct event *e)
{
	const struct result *closed;

	if (e->kind == EVENT_TEXT) {
		add_printed(p, SLICE_LIT("stdout"), e->file);
		return;
	}
	if (slice_eq(e->id, SLICE_LIT(RPC_TEST_ID))) {
		add(p, e);
		return;
	}
	if (status_is_final(e->status))
		take_printed(p);
	add(p, e);
	if (outcome_event(p->open, e, &closed) < 0 && !p->failed) {
		err_nomem(p->err);
		fail(p);
	}
}

static void
take_events(struct proxy *p)
{
	struct event e;
	int rc;

	while ((rc = reader_next(p->reader, &e)) > 0)
		pass_on(p, &e);
	if (rc < 0 && !p->failed) {
		err_nomem(p->err);
		fail(p);
	}
	flush(p);
}

static uint8_t *
events_room(void *context, size_t *room)
{
	struct proxy *p = context;

	return reader_space(p->reader, room);
}

static void
events_came(void *context, size_t len)
{
	struct proxy *p = context;

	if (len == 0) {
		/* The channel was closed; the process may still be about to exit. */
		loop_timer_set(p->grace, PROXY_GRACE);
		return;
	}
	reader_commit(p->reader, len);
	take_events(p);
	loop_timer_set(p->idle, IDLE);
}

static uint8_t *
printed_room(void *context, size_t *room)
{
	struct proxy *p = context;

	*room = PIECE_SIZE;
	return p->printed;
}

static void
printed_came(void *context, size_t len)
{
	struct proxy *p = context;

	p->held = slice_of(p->printed, len);
	/* The test that printed it may have said so that it has begun, and the word is still on its way. */
	if (!p->taking)
		process_take_channel(p->process);
	add_held(p);
	flush(p);
}

static void
errors_came(void *context)
{
	struct proxy *p = context;

	if (p->input_len)
		process_take_channel(p->process);
	else
		process_take_output(p->process);
	take_errors(p);
	flush(p);
}

static void
events_idle(void *context)
{
	struct proxy *p = context;

	if (reader_idle(p->reader))
		take_events(p);
}

/* The guard's word on what the command left behind. */
static void
tell_left(struct proxy *p)
{
	struct buf text;

	if (!p->end.left)
		return;
	buf_init(&text, 1024);
	buf_printf(&text, "the command left %u process%s behind, now killed: %s\n", p->end.left,
	    p->end.left == 1 ? "" : "es", p->end.leaver);
	add_printed(p, SLICE_LIT("stderr"), buf_get(&text));
	buf_release(&text);
}

static void
command_ended(void *context, const struct process_end *end)
{
	struct proxy *p = context;

	p->end = *end;
	p->ended = true;
	reader_end(p->reader);
	take_errors(p);
	tell_left(p);
	take_events(p);
	launch_ended(&p->launch, p->process);
	p->process = NULL;
}

/* ---- what the client says ---- */

static void
send_input(struct proxy *p, size_t len)
{
	if (p->process && process_send(p->process, slice_of(p->input, len), p->err) && !p->failed)
		fail(p);
}

static void
input_came(void *context)
{
	struct proxy *p = context;
	ssize_t n = read(STDIN_FILENO, p->input, PIECE_SIZE);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n > 0) {
		send_input(p, (size_t)n);
		if (p->process && process_unsent(p->process) > PROXY_UNSENT_MAX)
			loop_watch_stop(p->on_input);
		return;
	}
	if (p->process)
		process_send_end(p->process);
	loop_watch_free(p->on_input);
	p->on_input = NULL;
}

static void
input_taken(void *context)
{
	struct proxy *p = context;

	if (p->on_input)
		loop_watch_start(p->on_input);
}

static void
client_gone(void *context)
{
	struct proxy *p = context;

	if (p->failed)
		return;
	err_set(p->err, ERR_FAILED, "nobody reads standard output any more, and so the command was killed");
	fail(p);
}

static void
grace_over(void *context)
{
	struct proxy *p = context;

	if (p->process)
		process_kill(p->process);
}

static void
pass_signal(void *context, int number)
{
	struct proxy *p = context;

	if (p->process)
		process_signal(p->process, number);
}

/* ---- all of it ---- */

/* Waits for the client's first words, or for the end that says that there will be none. */
static int
read_first(struct proxy *p)
{
	ssize_t n;

	do
		n = read(STDIN_FILENO, p->input, PIECE_SIZE);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(p->err, "cannot read standard input");
	p->input_len = (size_t)n;
	return 0;
}

static int
prepare(struct proxy *p, const char *guard)
{
	struct loop *loop;

	buf_init(&p->out, 2 * GATHER + 2 * (size_t)PACKET_MAX);
	p->input = malloc(PIECE_SIZE);
	p->printed = malloc(PIECE_SIZE);
	p->open = outcome_new(0);
	if (!p->input || !p->printed || !p->open)
		return err_nomem(p->err);
	if (read_first(p) || launch_init(&p->launch, guard, NULL, NULL, p->err))
		return -1;
	p->reader = reader_new(p->input_len ? READER_V2 : READER_PROCESS);
	loop = p->launch.loop;
	p->idle = loop_timer_new(loop, events_idle, p);
	p->grace = loop_timer_new(loop, grace_over, p);
	p->on_abort = loop_signal_new(loop, SIGABRT, pass_signal, p);
	if (!p->reader || !p->idle || !p->grace || !p->on_abort)
		return err_nomem(p->err);
	if (pipe2(p->errors, O_CLOEXEC) || fcntl(p->errors[0], F_SETFL, O_NONBLOCK))
		return err_sys(p->err, "cannot make a pipe");
	p->on_errors = loop_watch_new(loop, p->errors[0], LOOP_READABLE, errors_came, p);
	/* Without one, a file for example, there is nobody who could go. */
	p->on_unread = loop_watch_new(loop, STDOUT_FILENO, LOOP_UNREAD, client_gone, p);
	if (p->input_len)
		p->on_input = loop_watch_new(loop, STDIN_FILENO, LOOP_READABLE, input_came, p);
	if (!p->on_errors || (p->input_len && !p->on_input))
		return err_set(p->err, ERR_FAILED,
		    "cannot wait for standard input; it has to be a pipe, a socket or a terminal");
	return 0;
}

static int
start(struct proxy *p, const char *command)
{
	struct process_spec spec = {
	    .command = command, .error_fd = p->errors[1], .ended = command_ended, .context = p};

	if (p->input_len) {
		spec.room = printed_room;
		spec.output = printed_came;
		spec.channel_room = events_room;
		spec.channel_input = events_came;
		spec.sent = input_taken;
	} else {
		spec.room = events_room;
		spec.output = events_came;
	}
	if (launch_start(&p->launch, &spec, false, &p->process, p->err))
		return -1;
	close(p->errors[1]);
	p->errors[1] = -1;
	loop_watch_start(p->on_errors);
	if (p->on_unread)
		loop_watch_start(p->on_unread);
	if (p->input_len) {
		send_input(p, p->input_len);
		loop_watch_start(p->on_input);
	}
	return 0;
}

static void
release(struct proxy *p)
{
	loop_watch_free(p->on_input);
	loop_watch_free(p->on_errors);
	loop_watch_free(p->on_unread);
	loop_timer_free(p->idle);
	loop_timer_free(p->grace);
	loop_signal_free(p->on_abort);
	launch_release(&p->launch);
	for (int i = 0; i < 2; i++)
		if (p->errors[i] >= 0)
			close(p->errors[i]);
	reader_free(p->reader);
	outcome_free(p->open);
	buf_release(&p->out);
	free(p->input);
	free(p->printed);
}

int
proxy_run(const char *guard, const char *command, struct err *err)
{
	struct proxy p = {.errors = {-1, -1}, .err = err};
	int rc = prepare(&p, guard);

	if (rc == 0)
		rc = start(&p, command);
	if (rc == 0)
		loop_run(p.launch.loop, &p.ended);
	release(&p);
	if (rc < 0 || p.failed)
		return -1;
	return p.end.signal ? 128 + p.end.signal : p.end.code;
}
