/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines of which some are JSON objects. Pure.
 *
 * Invariant: each line is handed on once, in order, as an object when it is one, otherwise as text, a long one
 * in pieces. An object of more than JSON_LINES_MAX is shortened as json_cut.h says; a line of that length
 * which begins like one and is none is handed on as what is left of it. */
#ifndef JSON_LINES_H
#define JSON_LINES_H

#include "json_cut.h"
#include "json_record.h"
#include "lines.h"

#define JSON_LINES_MAX ((size_t)1 << 20)

struct json_line {
	const json_t *object; /* NULL for text */
	struct slice text;    /* the line, without its end */
	bool ended;
	bool piece; /* of a longer line */
};

typedef int (*json_lines_fn)(void *context, const struct json_line *line, struct err *err);

struct json_lines {
	struct lines lines;
	struct json_cut cut;
	bool in_piece, cutting;
	json_lines_fn fn;
	void *context;
};

void json_lines_init(struct json_lines *l, json_lines_fn fn, void *context);
void json_lines_release(struct json_lines *l);
/* Both return 0, or -1 with err set, by fn or for want of memory. */
int json_lines_feed(struct json_lines *l, struct slice bytes, struct err *err);
int json_lines_end(struct json_lines *l, struct err *err);

#endif
