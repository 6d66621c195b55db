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
utf8_mend(struct buf *out, struct slice s)
{
	struct slice part;

	for (bool first = true; slice_split(&s, '\0', &part); first = false) {
		if (!first)
			buf_str(out, "\xEF\xBF\xBD");
		utf8_replace(out, part);
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

struct range {
	uint32_t first, last;
};

static const struct range combining[] = {{0x300, 0x36f}, {0x483, 0x489}, {0x591, 0x5bd}, {0x610, 0x61a},
    {0x64b, 0x65f}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x200b, 0x200f}, {0x2060, 0x2064}, {0x20d0, 0x20ff},
    {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0xe0100, 0xe01ef}};
static const struct range wide[] = {{0x1100, 0x115f}, {0x231a, 0x231b}, {0x23e9, 0x23ec}, {0x2705, 0x2705},
    {0x274c, 0x274c}, {0x2e80, 0x303e}, {0x3041, 0xa4cf}, {0xa960, 0xa97f}, {0xac00, 0xd7a3},
    {0xf900, 0xfaff}, {0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1f64f},
    {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x1fa70, 0x1faff}, {0x20000, 0x3fffd}};

static const struct range space[] = {{0x9, 0xd}, {0x1c, 0x20}, {0x85, 0x85}, {0xa0, 0xa0}, {0x1680, 0x1680},
    {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}};
static const struct range unprintable[] = {{0, 0x1f}, {0x7f, 0xa0}, {0xad, 0xad}, {0x600, 0x605},
    {0x61c, 0x61c}, {0x6dd, 0x6dd}, {0x70f, 0x70f}, {0x890, 0x891}, {0x8e2, 0x8e2}, {0x1680, 0x1680},
    {0x180e, 0x180e}, {0x2000, 0x200f}, {0x2028, 0x202f}, {0x205f, 0x206f}, {0x3000, 0x3000},
    {0xd800, 0xf8ff}, {0xfeff, 0xfeff}, {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0xe00ff},
    {0xe01f0, 0x10ffff}};

static bool
is_in(uint32_t c, const struct range *ranges, size_t count)
{
	for (size_t i = 0; i < count && c >= ranges[i].first; i++)
		if (c <= ranges[i].last)
			return true;
	return false;
}

#define IS_IN(c, ranges) is_in(c, ranges, sizeof(ranges) / sizeof(*(ranges)))

uint32_t
utf8_code_point(struct slice c)
{
	uint32_t value = c.len == 1 ? c.data[0] : c.data[0] & (0x7fu >> c.len);

	for (size_t i = 1; i < c.len; i++)
		value = value << 6 | (c.data[i] & 0x3fu);
	return value;
}

static bool
is_space(struct slice character)
{
	return IS_IN(utf8_code_point(character), space);
}

struct slice
utf8_trim(struct slice s)
{
	while (s.len && is_space(utf8_head(s, 1)))
		s = slice_from(s, utf8_head(s, 1).len);
	while (s.len) {
		size_t at = s.len - 1;

		while (at && (s.data[at] & 0xc0) == 0x80)
			at--;
		if (!is_space(slice_from(s, at)))
			break;
		s = slice_head(s, at);
	}
	return s;
}

bool
utf8_is_printable(uint32_t code_point)
{
	return !IS_IN(code_point, unprintable);
}

struct slice
utf8_fit(struct slice s, size_t columns)
{
	size_t at = 0, used = 0;

	while (at < s.len) {
		struct slice c = utf8_head(slice_from(s, at), 1);
		uint32_t value = utf8_valid(c) ? utf8_code_point(c) : 0xfffd;

		if (IS_IN(value, wide))
			used += 2;
		else if (!IS_IN(value, combining))
			used++;
		if (used > columns)
			break;
		at += c.len;
	}
	return slice_head(s, at);
}
