/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include "guard.h"
#include "slice.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

/* Milliseconds that the output may stay open after the guard is gone: something out of its reach holds it. */
#define OUTPUT_DRAIN 500
/* No socket has room for more. */
#define TAKE_MAX ((size_t)4 << 20)

/* These things have to happen before a process is over, in any order: the guard exits, the control socket ends,
 * output and channel end (or are given up by the timer, which closes with the last of guard, output and channel).
 * Each closes a handle; when the last one is closed, `ended` is called. */
struct process {
	uv_process_t guard;
	uv_timer_t drain;
	uv_pipe_t control;
	uv_pipe_t output;
	uv_pipe_t channel; /* or standard input */
	size_t sending;    /* bytes that wait to be taken from the channel */
	struct process_spec spec;
	struct process_end end;
	bool exit_known;
	unsigned open;   /* handles not closed yet */
	char said[1024]; /* by the guard, a line not yet complete */
	size_t said_len;
};

/* The words are those of strsignal, which does not change its answer for the standard signals. */
static const char *
signal_words(int number)
{
	const char *words = strsignal(number);

	return words ? words : "unknown signal";
}

void
process_end_words(const struct process_end *end, struct buf *out)
{
	if (end->signal)
		buf_printf(out, "signal %d (%s)", end->signal, signal_words(end->signal));
	else if (end->code > 128 && end->code < 128 + 65)
		buf_printf(out, "exit status %d (signal %d, %s)", end->code, end->code - 128,
		    signal_words(end->code - 128));
	else
		buf_printf(out, "exit status %d", end->code);
}

static void
handle_closed(uv_handle_t *handle)
{
	struct process *p = handle->data;
	struct process_end end; /* a copy: p may be freed while it is used */

	if (--p->open > 0)
		return;
	if (!p->exit_known)
		p->end.signal = SIGKILL; /* the guard was killed, and the command with it */
	end = p->end;
	p->spec.ended(p->spec.context, &end);
}

static void
close_handle(uv_handle_t *handle)
{
	if (!uv_is_closing(handle))
		uv_close(handle, handle_closed);
}

static bool
has_channel(const struct process *p)
{
	return p->spec.channel_room || p->spec.send_input;
}

/* After the guard nobody writes any more, once both streams have ended. */
static void
end_drain(struct process *p)
{
	if (uv_is_closing((uv_handle_t *)&p->guard) &&
	    (p->spec.inherit_output || uv_is_closing((uv_handle_t *)&p->output)) &&
	    (!p->spec.channel_room || uv_is_closing((uv_handle_t *)&p->channel)))
		close_handle((uv_handle_t *)&p->drain);
}

static void
drain_over(uv_timer_t *timer)
{
	struct process *p = timer->data;

	if (!p->spec.inherit_output)
		close_handle((uv_handle_t *)&p->output);
	if (p->spec.channel_room)
		close_handle((uv_handle_t *)&p->channel);
	close_handle((uv_handle_t *)timer);
}

static void
guard_exited(uv_process_t *guard, int64_t status, int number)
{
	struct process *p = guard->data;

	(void)status;
	(void)number;
	close_handle((uv_handle_t *)guard);
	if (p->spec.send_input)
		close_handle((uv_handle_t *)&p->channel);
	end_drain(p);
	if (!uv_is_closing((uv_handle_t *)&p->drain))
		uv_timer_start(&p->drain, drain_over, OUTPUT_DRAIN, 0);
}

static void
guard_said(struct process *p, struct slice line)
{
	struct slice word;
	int64_t number;

	if (!slice_word(&line, &word))
		return;
	if (slice_eq(word, SLICE_LIT("exit"))) {
		if (slice_word(&line, &word) && slice_int(word, &number))
			p->end.code = (int)number;
		if (slice_word(&line, &word) && slice_int(word, &number))
			p->end.signal = (int)number;
		p->exit_known = true;
	} else if (slice_eq(word, SLICE_LIT("left"))) {
		if (p->end.left++ == 0 && slice_word(&line, &word))
			snprintf(p->end.leaver, sizeof(p->end.leaver), "%.*s", SLICE_FMT(slice_trim(line)));
	}
}

static void
control_room(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
	struct process *p = handle->data;

	(void)size;
	if (p->said_len == sizeof(p->said))
		p->said_len = 0; /* no line of the guard is that long */
	*out = uv_buf_init(p->said + p->said_len, (unsigned)(sizeof(p->said) - p->said_len));
}

static void
control_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
	struct process *p = stream->data;
	struct slice rest;
	size_t at;

	(void)bytes;
	if (n < 0) {
		close_handle((uv_handle_t *)stream);
		return;
	}
	p->said_len += (size_t)n;
	rest = slice_of(p->said, p->said_len);
	while ((at = slice_find(rest, '\n')) < rest.len) {
		guard_said(p, slice_head(rest, at));
		rest = slice_from(rest, at + 1);
	}
	memmove(p->said, rest.data, rest.len);
	p->said_len = rest.len;
}

static uv_buf_t
room_of(struct process *p, uint8_t *(*ask)(void *context, size_t *room))
{
	size_t room = 0;
	uint8_t *at = ask(p->spec.context, &room);

	if (room > INT32_MAX)
		room = INT32_MAX;
	return uv_buf_init((char *)at, at ? (unsigned)room : 0);
}

static void
output_room(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
	struct process *p = handle->data;

	(void)size;
	*out = room_of(p, p->spec.room);
}

static void
output_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
	struct process *p = stream->data;

	(void)bytes;
	if (n < 0) {
		close_handle((uv_handle_t *)stream);
		end_drain(p);
	} else if (n > 0) {
		p->spec.output(p->spec.context, (size_t)n);
	}
}

static void
channel_room(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
	struct process *p = handle->data;

	(void)size;
	*out = room_of(p, p->spec.channel_room);
}

static void
channel_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
	struct process *p = stream->data;

	(void)bytes;
	if (n < 0) {
		close_handle((uv_handle_t *)stream);
		end_drain(p);
		p->spec.channel_input(p->spec.context, 0);
	} else if (n > 0) {
		p->spec.channel_input(p->spec.context, (size_t)n);
	}
}

/* Bytes on their way into the channel. */
struct sent {
	uv_write_t request;
	size_t len;
	char bytes[];
};

static void
sent_done(uv_write_t *request, int status)
{
	struct sent *sent = request->data;
	struct process *p = request->handle->data;

	/* One that fails is one that the other side has closed, which reading it tells. */
	(void)status;
	p->sending -= sent->len;
	free(sent);
	if (!p->sending && p->spec.sent && !uv_is_closing((uv_handle_t *)&p->channel))
		p->spec.sent(p->spec.context);
}

int
process_send(struct process *p, struct slice bytes, struct err *err)
{
	struct sent *sent;
	uv_buf_t buf;

	if (!has_channel(p) || uv_is_closing((uv_handle_t *)&p->channel) || !bytes.len)
		return 0;
	if (bytes.len > PROCESS_SEND_MAX - p->sending)
		return err_set(err, ERR_FAILED,
		    "a process takes nothing from its channel, and %zu bytes wait for it", p->sending);
	sent = malloc(sizeof(*sent) + bytes.len);
	if (!sent)
		return err_nomem(err);
	sent->len = bytes.len;
	memcpy(sent->bytes, bytes.data, bytes.len);
	sent->request.data = sent;
	p->sending += sent->len;
	buf = uv_buf_init(sent->bytes, (unsigned)sent->len);
	if (uv_write(&sent->request, (uv_stream_t *)&p->channel, &buf, 1, sent_done) < 0) {
		p->sending -= sent->len;
		free(sent);
	}
	return 0;
}

size_t
process_unsent(const struct process *p)
{
	return p->sending;
}

static void
take(struct process *p, uv_pipe_t *pipe, uint8_t *(*ask)(void *context, size_t *room),
    void (*give)(void *context, size_t len))
{
	/* Somebody may write without end, and faster than it is read. */
	size_t left = TAKE_MAX;
	int fd;

	while (left > 0 && !uv_is_closing((uv_handle_t *)pipe) && uv_fileno((uv_handle_t *)pipe, &fd) == 0) {
		uv_buf_t room = room_of(p, ask);
		ssize_t n;

		if (!room.len)
			return;
		n = read(fd, room.base, room.len < left ? room.len : left);
		if (n <= 0)
			return;
		left -= (size_t)n;
		give(p->spec.context, (size_t)n);
	}
}

void
process_take_output(struct process *p)
{
	if (!p->spec.inherit_output)
		take(p, &p->output, p->spec.room, p->spec.output);
}

void
process_take_channel(struct process *p)
{
	if (p->spec.channel_room)
		take(p, &p->channel, p->spec.channel_room, p->spec.channel_input);
}

static void
channel_shut(uv_shutdown_t *request, int status)
{
	(void)status;
	free(request);
}

void
process_send_end(struct process *p)
{
	uv_shutdown_t *request;

	if (!has_channel(p) || uv_is_closing((uv_handle_t *)&p->channel))
		return;
	request = malloc(sizeof(*request));
	if (request && uv_shutdown(request, (uv_stream_t *)&p->channel, channel_shut) < 0)
		free(request);
}

/* What `ended` is for a process that could not be started. */
static void
abandoned(void *context, const struct process_end *end)
{
	(void)end;
	process_free(context);
}

static int
spawn(struct process *p, uv_loop_t *uv)
{
	bool channel = p->spec.channel_room != NULL;
	char *args[] = {(char *)"testr", (char *)(channel ? GUARD_CHANNEL_ARGUMENT : GUARD_ARGUMENT),
	    (char *)p->spec.command, NULL};
	uv_stdio_container_t stdio[5] = {
	    {.flags = p->spec.inherit_input ? UV_INHERIT_FD : UV_IGNORE, .data.fd = 0},
	    {.flags = UV_INHERIT_FD, .data.fd = 1},
	    {.flags = UV_INHERIT_FD, .data.fd = p->spec.error_fd ? p->spec.error_fd : 2},
	    {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE | UV_WRITABLE_PIPE,
		.data.stream = (uv_stream_t *)&p->control},
	    {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE | UV_WRITABLE_PIPE,
		.data.stream = (uv_stream_t *)&p->channel},
	};
	uv_process_options_t options = {
	    .exit_cb = guard_exited,
	    .file = p->spec.guard,
	    .args = args,
	    .cwd = p->spec.directory,
	    .env = (char **)p->spec.environment,
	    .flags = UV_PROCESS_DETACHED,
	    .stdio_count = channel ? 5 : 4,
	    .stdio = stdio,
	};

	if (p->spec.send_input) {
		stdio[0].flags = UV_CREATE_PIPE | UV_READABLE_PIPE;
		stdio[0].data.stream = (uv_stream_t *)&p->channel;
	}
	if (!p->spec.inherit_output) {
		stdio[1].flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE;
		stdio[1].data.stream = (uv_stream_t *)&p->output;
	}
	return uv_spawn(uv, &p->guard, &options);
}

int
process_start(struct loop *loop, const struct process_spec *spec, struct process **out, struct err *err)
{
	uv_loop_t *uv = loop_uv(loop);
	struct process *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return err_nomem(err);
	p->spec = *spec;
	p->end.code = -1;
	p->guard.data = p->drain.data = p->control.data = p->output.data = p->channel.data = p;
	uv_timer_init(uv, &p->drain);
	uv_pipe_init(uv, &p->control, 0);
	p->open = 3;
	if (!spec->inherit_output) {
		uv_pipe_init(uv, &p->output, 0);
		p->open++;
	}
	if (has_channel(p)) {
		uv_pipe_init(uv, &p->channel, 0);
		p->open++;
	}
	rc = spawn(p, uv);
	p->spec.guard = p->spec.command = p->spec.directory = NULL;
	p->spec.environment = NULL;
	if (rc < 0) {
		/* The handles close later, in the loop; `ended` then only frees. */
		p->spec.ended = abandoned;
		p->spec.context = p;
		close_handle((uv_handle_t *)&p->guard);
		close_handle((uv_handle_t *)&p->drain);
		close_handle((uv_handle_t *)&p->control);
		if (!spec->inherit_output)
			close_handle((uv_handle_t *)&p->output);
		if (has_channel(p))
			close_handle((uv_handle_t *)&p->channel);
		return err_set(err, ERR_FAILED, "cannot start a process: %s",
		    rc == UV_E2BIG
			? "the command is too long; $IDFILE has room for any number of tests, $IDLIST has not"
			: uv_strerror(rc));
	}
	uv_read_start((uv_stream_t *)&p->control, control_room, control_read);
	if (!spec->inherit_output)
		uv_read_start((uv_stream_t *)&p->output, output_room, output_read);
	if (spec->channel_room)
		uv_read_start((uv_stream_t *)&p->channel, channel_room, channel_read);
	*out = p;
	return 0;
}

void
process_free(struct process *p)
{
	free(p);
}

void
process_signal(struct process *p, int number)
{
	uint8_t byte = (uint8_t)number;
	uv_buf_t bytes = uv_buf_init((char *)&byte, 1);

	/* A socket that takes no byte belongs to a guard that is gone or going. */
	if (!uv_is_closing((uv_handle_t *)&p->control))
		uv_try_write((uv_stream_t *)&p->control, &bytes, 1);
}

void
process_kill(struct process *p)
{
	close_handle((uv_handle_t *)&p->control);
}

int
process_id(const struct process *p)
{
	return p->guard.pid;
}
