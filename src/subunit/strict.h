/* SPDX-License-Identifier: Apache-2.0
 *
 * The events of the Python reader, with its faults: what it swallows, what it reports as "subunit.parser",
 * where it dies. For comparison only. Internal to the reader. Pure.
 *
 * Invariant: the events are those of that reader for a regular file with these bytes. */
#ifndef STRICT_H
#define STRICT_H

#include "packet.h"

struct strict;

/* NULL when out of memory. */
struct strict *strict_new(void);
/* Accepts NULL. */
void strict_free(struct strict *s);

/* The next event from the bytes not used yet, with `ended` when they are the last; *used becomes the number
 * of bytes that are done with after it. Its slices are valid until the next call and as long as the bytes
 * are. Returns 1, 0 when more bytes are needed (or none are left, or the reader died), -1 when out of memory. */
int strict_next(struct strict *s, struct slice bytes, bool ended, size_t *used, struct event *out);

/* The exception that killed the reader, as Python prints it, or NULL. */
const char *strict_died(const struct strict *s);

#endif
