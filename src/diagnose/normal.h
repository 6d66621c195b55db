/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages in normal form: what differs from run to run (numbers, addresses, ports, times, random names, where
 * things are on a disk) is replaced by words in angle brackets, so that two failures for one reason say the same.
 * Pure. Invariant: what is normal does not change by being made normal again. */
#ifndef NORMAL_H
#define NORMAL_H

#include "buf.h"

/* Appends the text in normal form: one line, blanks as one space each, of a path its last part. */
void normal_form(struct buf *out, struct slice text);

/* Appends the text without the sequences that colour a terminal. */
void normal_uncoloured(struct buf *out, struct slice text);

/* Appends the text as one line with single spaces, without control characters and the sequences that colour a
 * terminal. */
void normal_clean(struct buf *out, struct slice text);

#endif
