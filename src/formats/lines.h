/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes as lines. Pure.
 *
 * Invariant: every byte but the newlines is handed on once, in order, and how the bytes were cut when they
 * came makes no difference. At most the maximum is held. */
#ifndef LINES_H
#define LINES_H

#include "buf.h"
#include "err.h"

struct line {
	struct slice text;
	bool ended; /* false for the last line when nothing ends it, and for a piece that is not the last one
		     */
	bool piece; /* of a line that is longer than the maximum */
};

typedef int (*line_sink)(void *context, const struct line *line, struct err *err);

struct lines {
	struct buf held; /* the beginning of a line */
	bool in_piece;   /* pieces of the line were handed on */
	line_sink sink;
	void *context;
};

void lines_init(struct lines *l, size_t max, line_sink sink, void *context);
void lines_release(struct lines *l);
/* 0, or -1 with err set, by the sink or for want of memory. */
int lines_feed(struct lines *l, struct slice bytes, struct err *err);
/* Hands on the last line when nothing ended it. */
int lines_end(struct lines *l, struct err *err);

#endif
