/* SPDX-License-Identifier: Apache-2.0
 *
 * Compressed input made plain: gzip and zstd, told by their first bytes; anything else passes as it is. Pure.
 * Invariant: the output depends on the input's bytes alone, not on the pieces it comes in. */
#ifndef INFLATE_H
#define INFLATE_H

#include "slice.h"

/* As many bytes as are needed to tell how an input is compressed. */
#define INFLATE_MAGIC 4

struct inflate;

/* For an input that begins with these bytes, INFLATE_MAGIC of them or all there are. NULL when out of memory. */
struct inflate *inflate_new(struct slice beginning);
/* Accepts NULL. */
void inflate_free(struct inflate *in);

/* Takes bytes off the front of *input and writes at most `room` of output; *written says how many. Call it
 * until the input is empty and it has written less than `room`. Returns 0, or -1 when the input is damaged. */
int inflate_next(struct inflate *in, struct slice *input, uint8_t *out, size_t room, size_t *written);

/* True when the input may end here: not in the middle of a compressed stream. */
bool inflate_complete(const struct inflate *in);

#endif
