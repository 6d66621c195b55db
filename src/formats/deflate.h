/* SPDX-License-Identifier: Apache-2.0
 *
 * Output compressed by gzip or zstd, or left as it is. Pure. Invariant: inflate.h gives back what was written. */
#ifndef DEFLATE_H
#define DEFLATE_H

#include "buf.h"

enum deflate_kind { DEFLATE_PLAIN, DEFLATE_GZIP, DEFLATE_ZSTD };

/* What the end of a file's name asks for: ".gz", ".zst". */
enum deflate_kind deflate_kind_of(struct slice name);

struct deflate;

/* NULL when out of memory. */
struct deflate *deflate_new(enum deflate_kind kind);
/* Accepts NULL. */
void deflate_free(struct deflate *d);

/* Takes bytes; what is ready is appended to out. With `end` that is all. 0, or -1 when out of memory. */
int deflate_write(struct deflate *d, struct slice bytes, bool end, struct buf *out);

#endif
