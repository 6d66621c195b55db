/* SPDX-License-Identifier: Apache-2.0 */
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Above every event and every finished test. */
#define OUTPUT_MAX ((size_t)512 << 20)
#define OUTPUT_FLUSH ((size_t)64 << 10)
#define READ_SIZE ((size_t)256 << 10)
#define GUESS_SIZE ((size_t)64 << 10)

void
output_init(struct output *o, int fd, const char *name)
{
	*o = (struct output){.fd = fd, .name = name};
	buf_init(&o->data, OUTPUT_MAX);
}

int
output_open(struct output *o, const char *path, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0)
		return err_sys(err, "cannot write %s", path);
	output_init(o, fd, path);
	return 0;
}

static int
write_all(const struct output *o, struct slice rest, struct err *err)
{
	while (rest.len) {
		ssize_t n = write(o->fd, rest.data, rest.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EPIPE)
			return err_set(err, ERR_FAILED, "%s", "");
		if (n < 0)
			return err_sys(err, "cannot write %s", o->name);
		rest = slice_from(rest, (size_t)n);
	}
	return 0;
}

int
output_flush(struct output *o, struct err *err)
{
	int rc = o->data.failed ? err_nomem(err) : write_all(o, buf_get(&o->data), err);

	/* Also after an error: what was written in part must not be written again. */
	if (o->data.cap > 16 * OUTPUT_FLUSH)
		buf_release(&o->data);
	buf_clear(&o->data);
	return rc;
}

int
output_close(struct output *o, struct err *err)
{
	int rc = output_flush(o, err);

	if (close(o->fd) && rc == 0)
		rc = err_sys(err, "cannot write %s", o->name);
	o->fd = -1;
	return rc;
}

void
output_release(struct output *o)
{
	buf_release(&o->data);
}

int
output_event(struct output *o, const struct event *e, struct err *err)
{
	struct event timeless = *e;

	timeless.time = TIME_NONE;
	if (packet_encode(&o->data, e) && packet_encode(&o->data, &timeless))
		return err_set(err, ERR_FAILED, "an event of test \"%.*s\" cannot be written as a packet",
		    SLICE_FMT(slice_head(e->id, 200)));
	return 0;
}

static int
source_open(const char *path, struct err *err)
{
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;

	if (fd < 0)
		return err_sys(err, "cannot read %s", path);
	return fd;
}

static void
source_close(int fd, const char *path)
{
	if (path && fd >= 0)
		close(fd);
}

/* Reads once. Returns the number of bytes, 0 at the end, or -1. */
static ssize_t
read_some(int fd, const char *path, uint8_t *room, size_t size, struct err *err)
{
	for (;;) {
		ssize_t n = read(fd, room, size);

		if (n >= 0)
			return n;
		if (errno != EINTR)
			return err_sys(err, "cannot read %s", path ? path : "standard input");
	}
}

static int
drain(struct reader *r, event_fn fn, void *context, struct output *out, struct err *err)
{
	struct event e;
	int rc;

	while ((rc = reader_next(r, &e)) > 0) {
		if (fn(context, &e, err))
			return -1;
		if (out->data.len >= OUTPUT_FLUSH && output_flush(out, err))
			return -1;
	}
	return rc < 0 ? err_nomem(err) : 0;
}

/* Reads the beginning of a stream into `beginning` and finds the mode that fits it. */
static int
guess_mode(int fd, const char *path, struct buf *beginning, enum reader_mode *mode, struct err *err)
{
	while (beginning->len < GUESS_SIZE) {
		uint8_t *room = buf_space(beginning, GUESS_SIZE - beginning->len);
		ssize_t n;

		if (!room)
			return err_nomem(err);
		n = read_some(fd, path, room, GUESS_SIZE - beginning->len, err);
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		buf_commit(beginning, (size_t)n);
	}
	if (reader_guess(buf_get(beginning)) == READER_V1)
		*mode = READER_V1;
	return 0;
}

static int
read_events(int fd, const char *path, struct reader *r, event_fn fn, void *context, struct output *out,
    struct err *err)
{
	for (;;) {
		uint8_t *room;
		size_t size;
		ssize_t n;

		if (drain(r, fn, context, out, err) || output_flush(out, err))
			return -1;
		room = reader_space(r, &size);
		if (!room)
			return err_nomem(err);
		n = read_some(fd, path, room, size < READ_SIZE ? size : READ_SIZE, err);
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		reader_commit(r, (size_t)n);
	}
	reader_end(r);
	return drain(r, fn, context, out, err);
}

int
stream_events(const struct source *source, event_fn fn, void *context, struct output *out, struct err *err)
{
	enum reader_mode mode = source->mode;
	int fd = source_open(source->path, err), rc = -1;
	struct reader *r = NULL;
	struct buf beginning;

	buf_init(&beginning, GUESS_SIZE);
	if (fd < 0)
		goto out;
	if (source->guess && guess_mode(fd, source->path, &beginning, &mode, err))
		goto out;
	r = reader_new(mode);
	if (!r || (beginning.len && reader_feed(r, beginning.data, beginning.len))) {
		err_nomem(err);
		goto out;
	}
	rc = read_events(fd, source->path, r, fn, context, out, err);
	if (rc == 0 && reader_died(r))
		rc = err_set(err, ERR_FAILED, "the Python reader would have died here: %s", reader_died(r));
out:
	reader_free(r);
	buf_release(&beginning);
	source_close(fd, source->path);
	return rc;
}

/* Gives the whole lines in `held` to fn and drops them. Only the bytes from `from` on are new. */
static int
take_lines(struct buf *held, size_t from, line_fn fn, void *context, struct output *out, struct err *err)
{
	size_t start = 0;

	for (;;) {
		size_t end = from + slice_find(slice_from(buf_get(held), from), '\n');

		if (end >= held->len)
			break;
		if (fn(context, slice_head(slice_from(buf_get(held), start), end - start), err))
			return -1;
		if (out->data.len >= OUTPUT_FLUSH && output_flush(out, err))
			return -1;
		start = from = end + 1;
	}
	buf_drop(held, start);
	return 0;
}

int
stream_lines(const char *path, line_fn fn, void *context, struct output *out, struct err *err)
{
	int fd = source_open(path, err), rc = -1;
	struct buf held;

	buf_init(&held, LINE_MAX_BYTES + READ_SIZE);
	if (fd < 0)
		goto out;
	for (;;) {
		size_t before = held.len;
		uint8_t *room;
		ssize_t n;

		if (output_flush(out, err))
			goto out;
		if (held.len > LINE_MAX_BYTES) {
			err_set(err, ERR_FAILED, "a line is longer than %zu bytes", LINE_MAX_BYTES);
			goto out;
		}
		room = buf_space(&held, READ_SIZE);
		if (!room) {
			err_nomem(err);
			goto out;
		}
		n = read_some(fd, path, room, READ_SIZE, err);
		if (n < 0)
			goto out;
		if (n == 0)
			break;
		buf_commit(&held, (size_t)n);
		if (take_lines(&held, before, fn, context, out, err))
			goto out;
	}
	rc = held.len ? fn(context, buf_get(&held), err) : 0;
out:
	buf_release(&held);
	source_close(fd, path);
	return rc;
}

int
stream_fd(int fd, const char *path, bytes_fn fn, void *context, struct output *out, struct err *err)
{
	uint8_t *room = malloc(READ_SIZE);
	ssize_t n = 1;

	if (!room)
		return err_nomem(err);
	while (n > 0) {
		n = output_flush(out, err) ? -1 : read_some(fd, path, room, READ_SIZE, err);
		if (n > 0 && fn(context, slice_of(room, (size_t)n), err))
			n = -1;
	}
	free(room);
	return (int)n;
}

int
stream_bytes(const char *path, bytes_fn fn, void *context, struct output *out, struct err *err)
{
	int fd = source_open(path, err), rc;

	if (fd < 0)
		return -1;
	rc = stream_fd(fd, path, fn, context, out, err);
	source_close(fd, path);
	return rc;
}
