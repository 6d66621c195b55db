/* SPDX-License-Identifier: Apache-2.0
 *
 * One JSON object out of a stream of bytes, shortened on its way so that it can be read whole: what is left
 * of a long string is its beginning and how much is gone, and of many members the first. Pure.
 *
 * Invariant: what is kept has at most JSON_CUT_MAX bytes, and is JSON when what came is; how the bytes were
 * cut when they came makes no difference. Blanks between the parts are dropped. */
#ifndef JSON_CUT_H
#define JSON_CUT_H

#include "buf.h"

/* Of a string; of an object the members after so many bytes are left out. */
#define JSON_CUT_STRING ((size_t)1 << 20)
#define JSON_CUT_MEMBERS ((size_t)4 << 20)
#define JSON_CUT_MAX (JSON_CUT_MEMBERS + 3 * JSON_CUT_STRING)

struct json_cut {
	struct buf text; /* what is kept; failed when it cannot be shortened enough */
	size_t depth;
	size_t skip; /* what is in the container at this depth is left out; 0 for nothing */
	bool done;   /* the object is over */
	bool in_string;
	uint8_t escape; /* bytes that belong to an escape and are to come */
	size_t length;  /* of the string, as far as it is kept */
	uint64_t left_out;
};

void json_cut_init(struct json_cut *c);
void json_cut_release(struct json_cut *c);
/* Forgets all, to begin with another object. */
void json_cut_clear(struct json_cut *c);
/* Takes the next bytes, the first of all being "{", and returns how many belong to the object. */
size_t json_cut_take(struct json_cut *c, struct slice bytes);

#endif
