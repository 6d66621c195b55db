/* SPDX-License-Identifier: Apache-2.0 */
#include "slice.h"

#include <stdlib.h>
#include <string.h>

struct slice
slice_str(const char *s)
{
	return s ? (struct slice){(const uint8_t *)s, strlen(s)} : SLICE_NONE;
}

int
slice_cmp(struct slice a, struct slice b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int c = n ? memcmp(a.data, b.data, n) : 0;

	return c ? c : (a.len > b.len) - (a.len < b.len);
}

/* Mixes eight bytes at a time; the last ones may be mixed twice. */
uint64_t
slice_hash(uint64_t seed, struct slice s)
{
	uint64_t h = seed ^ s.len, word = 0;
	size_t last = s.len < sizeof(word) ? 0 : s.len - sizeof(word);

	for (size_t i = 0; i < last; i += sizeof(word)) {
		memcpy(&word, s.data + i, sizeof(word));
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h ^= h >> 29;
	}
	if (s.len >= sizeof(word))
		memcpy(&word, s.data + last, sizeof(word));
	for (size_t i = 0; s.len < sizeof(word) && i < s.len; i++)
		word = word << 8 | s.data[i];
	h = (h ^ word) * 0xd6e8feb86659fd93u;
	h = (h ^ h >> 32) * 0xd6e8feb86659fd93u;
	return h ^ h >> 32;
}

bool
slice_starts(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len && slice_eq(slice_head(s, prefix.len), prefix);
}

bool
slice_ends(struct slice s, struct slice suffix)
{
	return s.len >= suffix.len && slice_eq(slice_from(s, s.len - suffix.len), suffix);
}

size_t
slice_find(struct slice s, uint8_t c)
{
	const uint8_t *p = s.len ? memchr(s.data, c, s.len) : NULL;

	return p ? (size_t)(p - s.data) : s.len;
}

size_t
slice_search(struct slice s, struct slice needle)
{
	const uint8_t *p;

	if (needle.len == 0)
		return 0;
	p = s.len ? memmem(s.data, s.len, needle.data, needle.len) : NULL;
	return p ? (size_t)(p - s.data) : s.len;
}

static bool
is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct slice
slice_trim(struct slice s)
{
	while (s.len && is_space(s.data[0])) {
		s.data++;
		s.len--;
	}
	while (s.len && is_space(s.data[s.len - 1]))
		s.len--;
	return s;
}

bool
slice_split(struct slice *rest, uint8_t sep, struct slice *out)
{
	size_t at;

	if (!rest->data)
		return false;
	at = slice_find(*rest, sep);
	*out = slice_head(*rest, at);
	*rest = at < rest->len ? slice_from(*rest, at + 1) : SLICE_NONE;
	return true;
}

bool
slice_word(struct slice *rest, struct slice *out)
{
	size_t n = 0;

	while (rest->len && is_space(rest->data[0]))
		*rest = slice_from(*rest, 1);
	if (!rest->len)
		return false;
	while (n < rest->len && !is_space(rest->data[n]))
		n++;
	*out = slice_head(*rest, n);
	*rest = slice_from(*rest, n);
	return true;
}

bool
slice_int(struct slice s, int64_t *out)
{
	bool negative = false;
	int64_t value = 0;

	if (s.len && (s.data[0] == '-' || s.data[0] == '+')) {
		negative = s.data[0] == '-';
		s = slice_from(s, 1);
	}
	if (!s.len)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		int digit = s.data[i] - '0';

		if (digit < 0 || digit > 9)
			return false;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, negative ? -digit : digit, &value))
			return false;
	}
	*out = value;
	return true;
}

char *
slice_dup(struct slice s)
{
	char *copy = malloc(s.len + 1);

	if (!copy)
		return NULL;
	if (s.len)
		memcpy(copy, s.data, s.len);
	copy[s.len] = '\0';
	return copy;
}
