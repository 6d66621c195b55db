/* SPDX-License-Identifier: Apache-2.0
 *
 * One decoded subunit event, whatever it was decoded from: a v2 packet, a part of a v1 stream, or other bytes
 * between them. Invariant: every text in it is valid UTF-8 without NUL, except `file`, which is
 * any bytes; an absent field has data == NULL (TIME_NONE for the time), a present empty one has not. */
#ifndef EVENT_H
#define EVENT_H

#include "slice.h"
#include "timefmt.h"

/* The values are those of the wire (README of subunit, "status"). */
enum status {
	STATUS_NONE,
	STATUS_EXISTS,
	STATUS_INPROGRESS,
	STATUS_SUCCESS,
	STATUS_UXSUCCESS,
	STATUS_SKIP,
	STATUS_FAIL,
	STATUS_XFAIL,
};

enum event_kind {
	EVENT_PACKET, /* a packet, or what a v1 stream says in its own words */
	EVENT_TEXT,   /* bytes that are neither: in `file`, under the file name "stdout" */
};

struct event {
	enum event_kind kind;
	enum status status;
	bool runnable;
	bool eof;
	struct slice id;
	struct slice route;
	struct slice mime;
	struct slice file_name; /* absent exactly when `file` is */
	struct slice file;
	const struct slice *tags; /* NULL: no tag vector; otherwise tag_count entries, perhaps 0, in the order
				     of the stream */
	size_t tag_count;
	int64_t time;
	struct slice raw; /* the bytes of a v2 packet or of text as they came; absent otherwise */
	uint64_t offset;  /* of the first byte of the event in its stream */
};

/* An event with everything absent, STATUS_NONE, runnable. */
static inline void
event_init(struct event *e)
{
	/* Field by field: as one assignment, compilers make this a loop that takes longer than a decoder does. */
	e->kind = EVENT_PACKET;
	e->status = STATUS_NONE;
	e->runnable = true;
	e->eof = false;
	e->id = e->route = e->mime = e->file_name = e->file = e->raw = SLICE_NONE;
	e->tags = NULL;
	e->tag_count = 0;
	e->time = TIME_NONE;
	e->offset = 0;
}

/* The number N of the first tag "worker-N", or -1. */
int64_t event_worker(const struct slice *tags, size_t count);
/* The number N of the first tag "attempt-N" among them, which says that a test was tried again in its run; 1 when
 * there is none. */
int64_t event_attempt(const struct slice *tags, size_t count);

/* True when the tag "quarantined" is among them, which says that a failure of the test does not decide what became of
 * its run. */
bool event_quarantined(const struct slice *tags, size_t count);
#define EVENT_QUARANTINED "quarantined"

/* "exists", "inprogress", …; NULL for STATUS_NONE. */
const char *status_name(enum status status);
/* The reverse. Returns false when s names no status. */
bool status_from_name(struct slice s, enum status *out);

/* True for the statuses that end a test: success, uxsuccess, skip, fail, xfail. */
bool status_is_final(enum status status);

#endif
