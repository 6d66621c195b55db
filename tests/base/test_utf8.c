/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "utf8.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static size_t
encode(uint32_t c, uint8_t *out)
{
	static const uint8_t lead[] = {0, 0x00, 0xC0, 0xE0, 0xF0};
	size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = len; i-- > 1; c >>= 6)
		out[i] = 0x80 | (c & 0x3F);
	out[0] = lead[len] | (uint8_t)c;
	return len;
}

static bool
is_scalar(uint32_t c)
{
	return c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
}

/* A plain decoder: the length of the character at the front of s when its bytes are just those that it is
 * encoded as, otherwise 0. */
static size_t
model_character(struct slice s)
{
	static const uint8_t payload[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
	uint8_t again[4];

	for (size_t len = 1; len <= 4 && len <= s.len; len++) {
		uint32_t c = s.data[0] & payload[len];

		for (size_t i = 1; i < len; i++)
			c = c << 6 | (s.data[i] & 0x3F);
		if (is_scalar(c) && encode(c, again) == len && memcmp(again, s.data, len) == 0)
			return len;
	}
	return 0;
}

static size_t
model_prefix(struct slice s)
{
	size_t at = 0, len;

	while (at < s.len && (len = model_character(slice_from(s, at))) > 0)
		at += len;
	return at;
}

/* Is s, which is not empty, the beginning of some character, by trying out all second bytes and, behind them,
 * any continuation? */
static bool
model_beginning(struct slice s)
{
	uint8_t tried[4];

	for (unsigned second = 0x80; second <= 0xBF && s.len < 4; second++) {
		memset(tried, 0x80, sizeof(tried));
		tried[1] = (uint8_t)second;
		memcpy(tried, s.data, s.len);
		for (size_t len = s.len + 1; len <= 4; len++)
			if (model_character(slice_of(tried, len)) == len)
				return true;
	}
	return false;
}

/* One U+FFFD for each longest beginning of a character, and for each byte that begins none. */
static void
model_replace(struct buf *out, struct slice s)
{
	while (s.len) {
		size_t len = model_character(s);

		if (len) {
			buf_slice(out, slice_head(s, len));
		} else {
			buf_str(out, "\xEF\xBF\xBD");
			len = 1;
			while (len < s.len && model_beginning(slice_head(s, len + 1)))
				len++;
		}
		s = slice_from(s, len);
	}
}

struct bufs {
	struct buf replaced, model;
};

static void
check(struct bufs *b, const uint8_t *bytes, size_t len)
{
	struct slice s = slice_of(bytes, len);
	size_t prefix = model_prefix(s);

	assert_int_equal(utf8_valid_prefix(s), prefix);
	assert_int_equal(utf8_valid(s), prefix == len);
	assert_int_equal(utf8_could_be_valid(s), prefix == len || model_beginning(slice_from(s, prefix)));
	buf_clear(&b->replaced);
	buf_clear(&b->model);
	utf8_replace(&b->replaced, s);
	model_replace(&b->model, s);
	assert_true(slice_eq(buf_get(&b->replaced), buf_get(&b->model)));
	assert_true(utf8_valid(buf_get(&b->replaced)));
}

static void
test_all_code_points(void **state)
{
	struct bufs b;
	uint8_t bytes[4];

	(void)state;
	for (uint32_t c = 0; c < 0x110100; c++) {
		size_t len = encode(c, bytes);

		assert_int_equal(utf8_valid(slice_of(bytes, len)), is_scalar(c));
		assert_int_equal(utf8_could_be_valid(slice_of(bytes, len)), is_scalar(c));
	}
	buf_init(&b.replaced, 100);
	buf_init(&b.model, 100);
	for (uint32_t c = 0; c < 0x110100; c += 61)
		for (size_t len = encode(c, bytes); len > 0; len--)
			check(&b, bytes, len);
	buf_release(&b.replaced);
	buf_release(&b.model);
}

/* All of one and two bytes, and longer ones from the bytes at which the rules change. */
static void
test_all_bytes(void **state)
{
	static const uint8_t edges[] = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1,
	    0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF};
	const size_t n = COUNT(edges);
	struct bufs b;

	(void)state;
	buf_init(&b.replaced, 100);
	buf_init(&b.model, 100);
	check(&b, (const uint8_t *)"", 0);
	for (unsigned i = 0; i < 0x10000; i++)
		check(&b, (uint8_t[]){(uint8_t)(i >> 8), (uint8_t)i}, i < 0x100 ? 1 : 2);
	for (size_t i = 0; i < n * n * n * n; i++) {
		uint8_t bytes[] = {
		    edges[i % n], edges[i / n % n], edges[i / n / n % n], edges[i / n / n / n]};

		if (i % 17 == 0)
			check(&b, bytes, 4);
		if (i < n * n * n)
			check(&b, bytes, 3);
	}
	buf_release(&b.replaced);
	buf_release(&b.model);
}

/* Where in a long text the fault is, and how the text lies in memory, makes no difference. */
static void
test_long_texts(void **state)
{
	struct bufs b;
	uint8_t text[80];

	(void)state;
	buf_init(&b.replaced, 1000);
	buf_init(&b.model, 1000);
	for (size_t at = 0; at < sizeof(text); at++) {
		memset(text, 'a', sizeof(text));
		text[at] = 0xE2;
		for (size_t from = 0; from < 9; from++)
			check(&b, text + from, sizeof(text) - from);
		if (at + 3 <= sizeof(text)) {
			memcpy(text + at, "\xE2\x82\xAC", 3);
			for (size_t len = at; len <= sizeof(text); len++)
				check(&b, text, len);
		}
	}
	buf_release(&b.replaced);
	buf_release(&b.model);
}

/* Every split of valid text could be valid. */
static void
test_could_be_valid(void **state)
{
	static const char text[] = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z";

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++)
		assert_true(utf8_could_be_valid(slice_of(text, len)));
	assert_true(utf8_could_be_valid(SLICE_NONE));
	assert_false(utf8_could_be_valid(SLICE_LIT("\xED\xA0")));
	assert_false(utf8_could_be_valid(SLICE_LIT("\xE2\x82"
						   "a")));
}

static void
test_latin1(void **state)
{
	uint8_t every[256], expected[512];
	size_t len = 0;
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	for (size_t i = 0; i < sizeof(every); i++) {
		every[i] = (uint8_t)i;
		len += encode((uint32_t)i, expected + len);
	}
	utf8_from_latin1(&out, slice_of(every, sizeof(every)));
	assert_true(slice_eq(buf_get(&out), slice_of(expected, len)));
	buf_clear(&out);
	utf8_from_latin1(&out, SLICE_NONE);
	assert_int_equal(out.len, 0);
	buf_release(&out);
}

/* What does not fit into the buffer is told by its flag, as with any series of appends. */
static void
test_full_buffer(void **state)
{
	struct buf out;

	(void)state;
	for (size_t max = 0; max < 8; max++) {
		buf_init(&out, max);
		utf8_replace(&out, SLICE_LIT("a\xFF\xC3\xA9"));
		assert_int_equal(out.failed, max < 6);
		assert_true(out.len <= max);
		buf_release(&out);
	}
}

static void
test_trim(void **state)
{
	(void)state;
	assert_true(slice_eq(utf8_trim(SLICE_LIT(" \x1c\xc2\xa0 a\xe2\x80\xaf\x62 \xe3\x80\x80\xc2\x85\n")),
	    SLICE_LIT("a\xe2\x80\xaf\x62")));
	assert_int_equal(utf8_trim(SLICE_LIT("\xe2\x80\x80 ")).len, 0);
	/* No width and not printable, but no white space. */
	assert_int_equal(utf8_trim(SLICE_LIT("\xe2\x80\x8b")).len, 3);
}

static void
test_printable(void **state)
{
	static const uint32_t hidden[] = {
	    0, 0x1f, 0x7f, 0x85, 0xa0, 0xad, 0x200b, 0x2028, 0xd800, 0xe000, 0xfeff, 0x10ffff};
	static const uint32_t shown[] = {0x20, 0x7e, 0xa1, 0xe9, 0x301, 0x20ac, 0x65e5, 0xfffd, 0x1f600};

	(void)state;
	for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); i++)
		assert_false(utf8_is_printable(hidden[i]));
	for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++)
		assert_true(utf8_is_printable(shown[i]));
}

static void
test_fit(void **state)
{
	(void)state;
	assert_int_equal(utf8_fit(SLICE_LIT("abc"), 2).len, 2);
	assert_int_equal(utf8_fit(SLICE_LIT("abc"), 3).len, 3);
	assert_int_equal(utf8_fit(SLICE_LIT("\xc3\xa9\xc3\xa9"), 1).len, 2);
	assert_int_equal(utf8_fit(SLICE_LIT("\xe6\x97\xa5\xe6\x9c\xac"), 3).len, 3);
	assert_int_equal(utf8_fit(SLICE_LIT("e\xcc\x81x"), 1).len, 3);
	assert_int_equal(utf8_fit(SLICE_LIT("\xff\xff"), 1).len, 1);
	assert_int_equal(utf8_fit(SLICE_LIT(""), 1).len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_all_code_points),
	    cmocka_unit_test(test_all_bytes),
	    cmocka_unit_test(test_long_texts),
	    cmocka_unit_test(test_could_be_valid),
	    cmocka_unit_test(test_latin1),
	    cmocka_unit_test(test_full_buffer),
	    cmocka_unit_test(test_trim),
	    cmocka_unit_test(test_printable),
	    cmocka_unit_test(test_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
