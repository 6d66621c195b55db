/* SPDX-License-Identifier: Apache-2.0 */
#include "utf8.h"

#include <string.h>

/* How many of the bytes at p belong together: sets *whole when they are a valid character, otherwise they are
 * its valid beginning (maximal subpart) or one byte that begins nothing. Sets *cut when that beginning
 * reaches the end. */
static size_t
utf8_step(const uint8_t *p, size_t len, bool *whole, bool *cut)
{
	uint8_t low = 0x80, high = 0xBF;
	size_t need;

	*whole = *cut = false;
	if (p[0] < 0x80) {
		*whole = true;
		return 1;
	}
	if (p[0] >= 0xC2 && p[0] <= 0xDF)
		need = 2;
	else if (p[0] >= 0xE0 && p[0] <= 0xEF)
		need = 3;
	else if (p[0] >= 0xF0 && p[0] <= 0xF4)
		need = 4;
	else
		return 1;
	if (p[0] == 0xE0)
		low = 0xA0;
	else if (p[0] == 0xED)
		high = 0x9F;
	else if (p[0] == 0xF0)
		low = 0x90;
	else if (p[0] == 0xF4)
		high = 0x8F;
	for (size_t i = 1; i < need; i++) {
		if (i == len) {
			*cut = true;
			return i;
		}
		if (p[i] < low || p[i] > high)
			return i;
		low = 0x80;
		high = 0xBF;
	}
	*whole = true;
	return need;
}

/* The length of the run of ASCII at the start. */
static size_t
ascii_prefix(struct slice s)
{
	size_t i = 0;

	for (uint64_t word; i + sizeof(word) <= s.len; i += sizeof(word)) {
		memcpy(&word, s.data + i, sizeof(word));
		if (word & 0x8080808080808080u)
			break;
	}
	while (i < s.len && s.data[i] < 0x80)
		i++;
	return i;
}

static size_t
valid_prefix(struct slice s, bool *cut)
{
	size_t at = 0;

	*cut = false;
	while (at < s.len) {
		bool whole;
		size_t n;

		at += ascii_prefix(slice_from(s, at));
		if (at == s.len)
			break;
		n = utf8_step(s.data + at, s.len - at, &whole, cut);
		if (!whole)
			break;
		at += n;
	}
	return at;
}

size_t
utf8_valid_prefix(struct slice s)
{
	bool cut;

	return valid_prefix(s, &cut);
}

bool
utf8_valid(struct slice s)
{
	return utf8_valid_prefix(s) == s.len;
}

bool
utf8_could_be_valid(struct slice s)
{
	bool cut;

	return valid_prefix(s, &cut) == s.len || cut;
}

void
utf8_replace(struct buf *out, struct slice s)
{
	while (s.len) {
		size_t n = utf8_valid_prefix(s);
		bool whole, cut;

		buf_slice(out, slice_head(s, n));
		s = slice_from(s, n);
		if (!s.len)
			break;
		n = utf8_step(s.data, s.len, &whole, &cut);
		buf_str(out, "\xEF\xBF\xBD");
		s = slice_from(s, n);
	}
}

void
utf8_from_latin1(struct buf *out, struct slice s)
{
	while (s.len) {
		size_t n = ascii_prefix(s);

		buf_slice(out, slice_head(s, n));
		s = slice_from(s, n);
		if (!s.len)
			break;
		buf_byte(out, (uint8_t)(0xC0 | s.data[0] >> 6));
		buf_byte(out, 0x80 | (s.data[0] & 0x3F));
		s = slice_from(s, 1);
	}
}

struct slice
utf8_head(struct slice s, size_t count)
{
	size_t at = 0;
	bool whole, cut;

	while (at < s.len && count-- > 0)
		at += utf8_step(s.data + at, s.len - at, &whole, &cut);
	return slice_head(s, at);
}

size_t
utf8_length(struct slice s)
{
	size_t at = 0, count = 0;
	bool whole, cut;

	for (; at < s.len; count++)
		at += utf8_step(s.data + at, s.len - at, &whole, &cut);
	return count;
}
