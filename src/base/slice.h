/* SPDX-License-Identifier: Apache-2.0
 *
 * A slice is a borrowed run of bytes: a pointer and a length, never terminated and never
 * owned. Invariant: data == NULL means "absent"; an empty but present text has a non-NULL
 * pointer and length 0. */
#ifndef SLICE_H
#define SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const uint8_t *data;
	size_t len;
};

/* The absent slice. */
#define SLICE_NONE ((struct slice){NULL, 0})
/* A slice over a string literal. */
#define SLICE_LIT(s) ((struct slice){(const uint8_t *)(s), sizeof(s) - 1})
/* The two arguments of a printf "%.*s". The length is cut at INT_MAX. */
#define SLICE_FMT(s) \
	(int)((s).len > 0x7fffffff ? 0x7fffffff : (s).len), (s).data ? (const char *)(s).data : ""

/* A slice over the len bytes at data; present even when len is 0 and data is NULL. */
static inline struct slice
slice_of(const void *data, size_t len)
{
	return (struct slice){data ? data : (const void *)"", len};
}

/* A slice over a terminated string, without its NUL; NULL gives the absent slice. */
struct slice slice_str(const char *s);

/* Equal bytes. An absent slice equals an absent or an empty one. */
static inline bool
slice_eq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Order by bytes, which for UTF-8 is the order of code points: <0, 0, >0. */
int slice_cmp(struct slice a, struct slice b);

/* A hash of the bytes, all of whose bits depend on all of them, and of `seed`. */
uint64_t slice_hash(uint64_t seed, struct slice s);

bool slice_starts(struct slice s, struct slice prefix);
bool slice_ends(struct slice s, struct slice suffix);

/* The part from `from` on; empty when `from` is past the end. */
static inline struct slice
slice_from(struct slice s, size_t from)
{
	if (from > s.len)
		from = s.len;
	return s.data ? (struct slice){s.data + from, s.len - from} : s;
}
/* The first `len` bytes, or all of s when it is shorter. */
static inline struct slice
slice_head(struct slice s, size_t len)
{
	if (s.len > len)
		s.len = len;
	return s;
}

/* Index of the first byte c, or s.len when there is none. */
size_t slice_find(struct slice s, uint8_t c);
/* Index of the first occurrence of needle, or s.len when there is none. */
size_t slice_search(struct slice s, struct slice needle);

/* Without the ASCII whitespace (space, \t \n \v \f \r) at both ends. */
struct slice slice_trim(struct slice s);

/* Takes the text up to the next `sep` off the front of *rest and returns it without the
 * separator. Returns false when *rest is absent, that is after the last part. */
bool slice_split(struct slice *rest, uint8_t sep, struct slice *out);

/* Takes the next word (a run of bytes that are not ASCII whitespace) off the front of *rest.
 * Returns false when no word is left. */
bool slice_word(struct slice *rest, struct slice *out);

/* Reads all of s as a decimal number with an optional sign, without blanks. Returns false, and leaves *out
 * alone, when s is anything else or does not fit. */
bool slice_int(struct slice s, int64_t *out);

/* A terminated copy that the caller frees; NULL when out of memory. */
char *slice_dup(struct slice s);

#endif
