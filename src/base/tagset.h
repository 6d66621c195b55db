/* SPDX-License-Identifier: Apache-2.0
 *
 * A set of tags as one text: sorted bytewise, each once and ended by a NUL. Equal sets are equal texts. Invariant: what
 * is appended to a buffer is such a text. */
#ifndef TAGSET_H
#define TAGSET_H

#include "buf.h"
#include "strtab.h"

/* How the set without tags is written by tagset_name. */
#define TAGSET_EMPTY_NAME "none"

/* Appends the set of some tags, which it sorts. */
void tagset_of(struct slice *tags, size_t count, struct buf *out);
/* Appends the set of all strings of a table. Returns false when out of memory. */
bool tagset_of_table(const struct strtab *t, struct buf *out);
/* Takes the first tag off a set. Returns false when none is left. */
bool tagset_next(struct slice *rest, struct slice *tag);
/* Appends what two sets have in common. */
void tagset_common(struct slice a, struct slice b, struct buf *out);
/* Appends the tags with "+" between them. */
void tagset_name(struct slice set, struct buf *out);

#endif
