/* SPDX-License-Identifier: Apache-2.0
 *
 * Text and numbers as they stand in XML that we write, JUnit's above all. Pure. Invariant: what is written is well
 * formed, whatever the text is: what no XML may hold is left out. */
#ifndef XMLTEXT_H
#define XMLTEXT_H

#include "buf.h"
#include "timefmt.h"

/* Appends text, which is valid UTF-8. In attributes, what separates words and ends the attribute is escaped, too. */
void xmltext_add(struct buf *out, struct slice s, bool attribute);
/* The same for a text that comes in parts: *brackets, at first 0, says how many ']' are before this one. */
void xmltext_part(struct buf *out, struct slice s, bool attribute, unsigned *brackets);
/* Appends the seconds between two times as the reference sums them, to the last bit. */
void xmltext_seconds(struct buf *out, int64_t from, int64_t to);
/* Appends the beginning of JUnit's element for a test, up to its last attribute. */
void xmltext_case(struct buf *out, struct slice id, int64_t start, int64_t stop);

#endif
