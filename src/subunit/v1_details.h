/* SPDX-License-Identifier: Apache-2.0
 *
 * The details of one v1 outcome: its attachments, in brackets or multipart. Internal to the v1 reader. Pure.
 *
 * Attachments are kept until all are there, so that a report that breaks off leaves none; from
 * READER_TEXT_MAX bytes on they are handed on as they come, in pieces. Invariant: the pieces depend on the
 * bytes alone, not on how these came. */
#ifndef V1_DETAILS_H
#define V1_DETAILS_H

#include "buf.h"
#include "event.h"

enum v1_details_state {
	V1_DETAILS_NONE,
	V1_DETAILS_BRACKET,
	V1_DETAILS_INLINE, /* until a line ends in " ]" */
	/* Multipart, by what comes next. */
	V1_DETAILS_TYPE,
	V1_DETAILS_NAME,
	V1_DETAILS_SIZE,
	V1_DETAILS_DATA,
};

/* One attachment: where its texts and the bytes kept of it lie in the store. */
struct v1_part {
	size_t mime, mime_len;
	size_t name, name_len;
	size_t data, data_len;
	uint64_t offset;
};

struct v1_details {
	enum v1_details_state state;
	struct buf store;
	size_t kept; /* how much of it are bytes, not texts */
	struct v1_part *parts;
	size_t count;
	bool open;     /* the last part is not whole yet */
	bool split;    /* … and its beginning was handed on already */
	bool mid_line; /* inside a line of details in brackets */
	size_t at;     /* how much of the bytes at hand belongs to the open part and was read */
	size_t seen;   /* how much of them is known to hold no newline from there on */
	size_t chunk_left;
	bool due;     /* the parts are to be handed on, */
	size_t given; /* these have been */
};

/* Returns 0, or -1 when out of memory. */
int v1_details_init(struct v1_details *d);
void v1_details_release(struct v1_details *d);

/* Begins details: one attachment of this type and name in brackets, or any number of them. Returns 0, or -1
 * when out of memory. */
int v1_details_bracket(struct v1_details *d, struct slice mime, struct slice name, uint64_t offset);
void v1_details_multipart(struct v1_details *d);
/* Details that were begun in brackets began with this line, and end with one that ends in " ]". */
int v1_details_inline(struct v1_details *d, struct slice line);

enum v1_details_answer {
	V1_DETAILS_MORE,   /* more bytes are needed */
	V1_DETAILS_PIECES, /* there is something to hand on */
	V1_DETAILS_OVER,   /* the same, and these are all */
	V1_DETAILS_BROKEN, /* the same, but what follows are no details */
};

/* Takes some of the bytes, the first of which is at `offset`, with `ended` when they are the last of the
 * stream; *used becomes their number. Returns an answer, or -1 when out of memory. */
int v1_details_read(struct v1_details *d, struct slice bytes, bool ended, uint64_t offset, size_t *used);

/* Ends the details and replaces all that is kept by one attachment. Returns 0, or -1 when out of memory. */
int v1_details_replace(
    struct v1_details *d, struct slice mime, struct slice name, struct slice bytes, uint64_t offset);

/* Fills the fields of an attachment in *out with the next one that is to be handed on, valid until the next
 * call on d; false when there is none. */
bool v1_details_next(struct v1_details *d, struct event *out);

#endif
