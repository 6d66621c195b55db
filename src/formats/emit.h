/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of other formats as events: a test begins, has attachments, ends. Pure.
 * Invariant: whatever texts come in, the events are ones that a packet can hold. */
#ifndef EMIT_H
#define EMIT_H

#include "buf.h"
#include "err.h"
#include "event.h"

/* The longest id; what is above is cut off. */
#define EMIT_ID_MAX ((size_t)1 << 20)

/* Takes an event, which is valid only in the call. Returns 0, or -1 with err set. */
typedef int (*emit_fn)(void *context, const struct event *e, struct err *err);

struct emit {
	emit_fn fn;
	void *context;
	struct buf id, name;
	bool failed; /* some test has */
};

void emit_init(struct emit *m, emit_fn fn, void *context);
void emit_release(struct emit *m);

/* Says which test the calls below are about. The id is copied; it is mended where it is no text. */
void emit_test(struct emit *m, struct slice id);

/* All return 0, or -1 with err set, by fn or for want of memory. */
int emit_begin(struct emit *m, int64_t time, struct err *err);
/* An attachment, which is text; none when that is absent or empty. From the second on they are numbered, "name
 * 2"; 0 and 1 leave the number out. */
int emit_file(struct emit *m, const char *name, unsigned number, struct slice text, struct err *err);
/* A piece of one, of which more may follow. */
int emit_piece(struct emit *m, const char *name, struct slice text, bool last, struct err *err);
int emit_end(struct emit *m, enum status status, int64_t time, struct err *err);
/* The same with tags, which must be valid text. */
int emit_end_tagged(struct emit *m, enum status status, int64_t time, const struct slice *tags,
    size_t tag_count, struct err *err);
/* The test exists; nothing is said of it. */
int emit_exists(struct emit *m, struct err *err);

/* Bytes that belong to no test. */
int emit_text(struct emit *m, struct slice text, struct err *err);

#endif
