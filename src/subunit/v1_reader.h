/* SPDX-License-Identifier: Apache-2.0
 *
 * The v1 half of the reader: lines in, events out. The reader cuts the stream into packets, lines and the
 * details of outcomes, and hands the last two to this. Pure.
 *
 *     outside a test --test:--> inside --outcome--> outside
 *                                 |                    ^
 *                          outcome [ …         ] -- details
 *
 * Differences from the reference, all where that one dies or loses something: texts that are not UTF-8 are
 * mended with U+FFFD; a bad "time:" or "progress:" line and an outcome outside a test are text; a last line
 * that lacks its newline is read as if it had it; a part of multipart details that is malformed ends the test
 * with what was whole before, and its bytes are read again as lines; "skip" is that whole word, of which the
 * reference takes any part. And some for what cmocka and Check write, of which the reference loses all tests
 * that follow:
 *
 *     text failure: name [             an outcome with its colon that stands behind printed text without a newline,
 *                                      if it names the open test
 *     error: name [ text ]             cmocka: a test's fixture failed; the text may have several lines
 *     error: name [ [  FAILED  ] GROUP SETUP ]
 *                                      cmocka: that of a group did, which is a test of that name that failed
 *     failure: case:checked_setup [    Check: the fixture of the open test, "case:test", failed
 *
 * Invariant: nothing here depends on how lines and details were cut into pieces. Details up to
 * READER_TEXT_MAX bytes a test are kept and handed on when they are complete; longer ones in pieces. */
#ifndef V1_READER_H
#define V1_READER_H

#include "event.h"

struct v1_reader;

enum v1_line_end {
	V1_LINE_OPEN,  /* more bytes may follow */
	V1_LINE_WHOLE, /* the last byte is the newline */
	V1_LINE_LAST,  /* the stream ends here */
	V1_LINE_CUT,   /* a packet follows, or the line is too long to be one of these */
};

enum v1_verdict {
	V1_UNDECIDED, /* the same line is wanted again, with more bytes */
	V1_TEXT,      /* these bytes, or the first of them, are text */
	V1_TAKEN,     /* a directive: v1_reader_next may have events */
};

/* With `alone`, v1 is the only protocol of the stream: colons are optional and packets change nothing. NULL
 * when out of memory. */
struct v1_reader *v1_reader_new(bool alone);
/* Accepts NULL. */
void v1_reader_free(struct v1_reader *v);

/* Judges the bytes of one line, from its start or from where the last V1_TEXT ended; `offset` is that of the
 * first of them. Not to be called inside details, nor when there are events to fetch. Returns a v1_verdict,
 * or -1 when out of memory; with V1_TEXT, *out_text says how many of the bytes are text. */
int v1_reader_line(
    struct v1_reader *v, struct slice line, enum v1_line_end end, uint64_t offset, size_t *out_text);

/* True while the bytes of the stream are details: no lines, no packets. */
bool v1_reader_in_details(const struct v1_reader *v);
/* Takes some of the bytes, with `ended` when they are the last of the stream; *used becomes their number.
 * Returns 1 when there may be events to fetch or the details are over, 0 when more bytes are needed, -1 when
 * out of memory. */
int v1_reader_details(struct v1_reader *v, struct slice bytes, bool ended, uint64_t offset, size_t *used);

/* A packet was met in place of a line. */
void v1_reader_packet(struct v1_reader *v, const struct event *e);
/* The stream has ended: a test that is open fails. Returns 0, or -1 when out of memory. */
int v1_reader_end(struct v1_reader *v, uint64_t offset);

/* The next event that was made, whose slices are valid until the next call for v; false when there is none. */
bool v1_reader_next(struct v1_reader *v, struct event *out);

#endif
