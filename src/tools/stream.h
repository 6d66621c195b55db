/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tools have in common: a stream of events in, bytes out.
 *
 * Invariant: output is in the order of the input, leaves at the latest before the tool waits for more input,
 * and no write goes unchecked: a failed one makes the tool fail. */
#ifndef STREAM_H
#define STREAM_H

#include "buf.h"
#include "err.h"
#include "reader.h"

struct output {
	int fd;
	const char *name; /* for errors */
	struct buf data;  /* to be appended to; what fails there is told by the next flush */
};

/* Output to `fd`, which stays the caller's. */
void output_init(struct output *o, int fd, const char *name);
/* Output to a new or emptied file. */
int output_open(struct output *o, const char *path, struct err *err);
/* Writes what is there. A reader that went away is an error without a text. */
int output_flush(struct output *o, struct err *err);
/* Flushes and closes, so that the errors that a file system tells late are told too. */
int output_close(struct output *o, struct err *err);
/* Frees the storage; what was not flushed is lost. Accepts a zeroed one. */
void output_release(struct output *o);
/* Appends a packet for e, also for text. A time that a packet cannot hold is left out. */
int output_event(struct output *o, const struct event *e, struct err *err);

struct source {
	const char *path; /* NULL for standard input */
	enum reader_mode mode;
	bool guess; /* READER_V1 in place of the mode, if the stream begins like that */
};

typedef int (*event_fn)(void *context, const struct event *e, struct err *err);

/* Calls `fn` for each event; `out` is flushed as the invariant demands. Returns 0, or -1 with err set, by
 * `fn` or for input that cannot be read. With READER_STRICT it is an error, told after the last event, when
 * the reference's reader would have died. */
int stream_events(
    const struct source *source, event_fn fn, void *context, struct output *out, struct err *err);

/* The same for lines, without their ends; a line has at most LINE_MAX_BYTES. */
#define LINE_MAX_BYTES ((size_t)64 << 20)
typedef int (*line_fn)(void *context, struct slice line, struct err *err);
int stream_lines(const char *path, line_fn fn, void *context, struct output *out, struct err *err);

/* The same for bytes as they come, at least one at a time. */
typedef int (*bytes_fn)(void *context, struct slice bytes, struct err *err);
int stream_bytes(const char *path, bytes_fn fn, void *context, struct output *out, struct err *err);
/* The same for a descriptor, which stays the caller's; `path`, NULL for standard input, is for errors. */
int stream_fd(int fd, const char *path, bytes_fn fn, void *context, struct output *out, struct err *err);

#endif
