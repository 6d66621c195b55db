/* SPDX-License-Identifier: Apache-2.0
 *
 * A set of strings in the order in which they were added, each with a dense index: 0, 1, 2, … .
 * It is the map of this house: what belongs to a string lives in the caller's array at its index.
 * Invariant: indexes never change and slices that were handed out stay valid until release. */
#ifndef STRTAB_H
#define STRTAB_H

#include "slice.h"

/* What strtab_find and strtab_add return when there is no index to return. */
#define STRTAB_NONE SIZE_MAX

struct strtab {
	struct strtab_entry *entries;
	size_t len, cap;
	uint32_t *slots; /* open addressing: index + 1, or 0 */
	size_t slot_count;
	struct strtab_block *blocks; /* the bytes, in blocks that never move */
};

/* A zeroed struct strtab is an empty table. */
void strtab_release(struct strtab *t);

/* The index of s, which is copied into the table when it is not there yet. *added, when not NULL, tells
 * which. STRTAB_NONE when out of memory or at 2^32 - 2 strings. */
size_t strtab_add(struct strtab *t, struct slice s, bool *added);
/* The index of s, or STRTAB_NONE. */
size_t strtab_find(const struct strtab *t, struct slice s);
/* The string at an index below t->len; NUL-terminated beyond its length. */
struct slice strtab_get(const struct strtab *t, size_t index);

#endif
