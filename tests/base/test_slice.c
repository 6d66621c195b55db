/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "slice.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static uint64_t
next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

/* A text of few different bytes in an allocation of its own size, so that reading past its ends is seen by
 * the sanitizer. */
static struct slice
random_text(uint64_t *state, size_t max, const char *letters)
{
	size_t len = next_random(state) % (max + 1), kinds = strlen(letters);
	uint8_t *data = malloc(len ? len : 1);

	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)letters[next_random(state) % kinds];
	return slice_of(data, len);
}

static void
test_absent_and_empty(void **state)
{
	struct slice rest = SLICE_NONE, part;
	int64_t number = 7;

	(void)state;
	assert_null(SLICE_NONE.data);
	assert_null(slice_str(NULL).data);
	assert_non_null(slice_str("").data);
	assert_non_null(slice_of(NULL, 0).data);
	assert_non_null(slice_from(SLICE_LIT("a"), 5).data);
	assert_null(slice_from(SLICE_NONE, 5).data);
	assert_null(slice_head(SLICE_NONE, 5).data);
	assert_null(slice_trim(SLICE_NONE).data);
	assert_true(slice_eq(SLICE_NONE, SLICE_LIT("")));
	assert_int_equal(slice_cmp(SLICE_NONE, SLICE_LIT("")), 0);
	assert_true(slice_cmp(SLICE_NONE, SLICE_LIT("a")) < 0);
	assert_true(slice_starts(SLICE_NONE, SLICE_NONE) && slice_ends(SLICE_NONE, SLICE_LIT("")));
	assert_false(slice_starts(SLICE_NONE, SLICE_LIT("a")) || slice_ends(SLICE_NONE, SLICE_LIT("a")));
	assert_int_equal(slice_find(SLICE_NONE, 'a'), 0);
	assert_int_equal(slice_search(SLICE_NONE, SLICE_LIT("a")), 0);
	assert_false(slice_split(&rest, ',', &part));
	assert_false(slice_word(&rest, &part));
	assert_false(slice_int(SLICE_NONE, &number));
	assert_int_equal(number, 7);
}

static void
test_format(void **state)
{
	char text[20];

	(void)state;
	snprintf(text, sizeof(text), "<%.*s|%.*s>", SLICE_FMT(slice_head(SLICE_LIT("abc"), 2)),
	    SLICE_FMT(SLICE_NONE));
	assert_string_equal(text, "<ab|>");
}

/* The whole and its parts agree, and searching finds what a byte-by-byte comparison finds. */
static void
test_parts(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct slice s = random_text(&seed, 12, "ab"), t = random_text(&seed, 3, "ab");
		size_t first = s.len, from = next_random(&seed) % 15, cut = from < s.len ? from : s.len;
		uint8_t c = "abc"[round % 3];
		const uint8_t *found = memchr(s.data, c, s.len);

		for (size_t i = s.len + 1; i-- > 0;) {
			bool here = i + t.len <= s.len && memcmp(s.data + i, t.data, t.len) == 0;

			if (here)
				first = i;
			if (i == 0)
				assert_int_equal(slice_starts(s, t), here);
			if (i + t.len == s.len)
				assert_int_equal(slice_ends(s, t), here);
		}
		assert_int_equal(slice_search(s, t), first);
		assert_int_equal(slice_find(s, c), found ? (size_t)(found - s.data) : s.len);
		assert_int_equal(slice_head(s, from).len, cut);
		assert_int_equal(slice_from(s, from).len, s.len - cut);
		assert_ptr_equal(slice_from(s, from).data, s.data + cut);
		free((void *)s.data);
		free((void *)t.data);
	}
}

static int
sign(int n)
{
	return (n > 0) - (n < 0);
}

/* The order is that of strcmp for texts without NUL, reads bytes as unsigned, and equality is order 0. */
static void
test_order(void **state)
{
	uint64_t seed = 2;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct slice s = random_text(&seed, 4, "a\xFF"), t = random_text(&seed, 4, "a\xFF");
		char *x = slice_dup(s), *y = slice_dup(t);

		assert_int_equal(strlen(x), s.len);
		assert_int_equal(sign(slice_cmp(s, t)), sign(strcmp(x, y)));
		assert_int_equal(slice_cmp(s, t), -slice_cmp(t, s));
		assert_int_equal(slice_eq(s, t), slice_cmp(s, t) == 0);
		free(x);
		free(y);
		free((void *)s.data);
		free((void *)t.data);
	}
}

/* The parts with separators between them are the text, and there is one more of them than separators. */
/* Every bit of the text, its length and the seed count, in the low bits of the hash, too. */
static void
test_hash(void **state)
{
	uint8_t bytes[40];

	(void)state;
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		uint64_t whole;
		size_t same = 0;

		memset(bytes, 'a', sizeof(bytes));
		whole = slice_hash(1, slice_of(bytes, len));
		assert_true(slice_hash(2, slice_of(bytes, len)) != whole);
		assert_true(slice_hash(1, slice_of(bytes, len ? len - 1 : 1)) != whole);
		for (size_t bit = 0; bit < 8 * len; bit++) {
			uint64_t other;

			bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			other = slice_hash(1, slice_of(bytes, len));
			assert_true(other != whole);
			same += (other & 0xFF) == (whole & 0xFF);
			bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		assert_true(same <= 8 * len / 32 + 2);
	}
}

static void
test_split(void **state)
{
	uint64_t seed = 3;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct slice s = random_text(&seed, 12, "a,"), rest = s, part;
		const uint8_t *at = s.data;
		size_t parts = 0, separators = 0;

		for (size_t i = 0; i < s.len; i++)
			separators += s.data[i] == ',';
		while (slice_split(&rest, ',', &part)) {
			assert_non_null(part.data);
			assert_ptr_equal(part.data, at + (parts ? 1 : 0));
			assert_int_equal(slice_find(part, ','), part.len);
			at = part.data + part.len;
			parts++;
		}
		assert_int_equal(parts, separators + 1);
		assert_ptr_equal(at, s.data + s.len);
		assert_false(slice_split(&rest, ',', &part));
		free((void *)s.data);
	}
}

static bool
is_blank(uint8_t c)
{
	return c && strchr(" \t\n\v\f\r", c);
}

/* Words hold no blanks, are bounded by them, and leave nothing else out; the first byte and the last of a
 * trimmed text are none. */
static void
test_words(void **state)
{
	uint64_t seed = 4;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct slice s = random_text(&seed, 10, "ab \t\n\v\f\r"), rest = s, word,
			     trimmed = slice_trim(s);
		const uint8_t *at = s.data;
		size_t inner = 0, all = 0;

		while (slice_word(&rest, &word)) {
			assert_true(word.len > 0);
			while (at < word.data)
				assert_true(is_blank(*at++));
			for (size_t i = 0; i < word.len; i++)
				assert_false(is_blank(*at++));
			assert_true(at == s.data + s.len || is_blank(*at));
		}
		while (at < s.data + s.len)
			assert_true(is_blank(*at++));
		for (size_t i = 0; i < trimmed.len; i++)
			inner += !is_blank(trimmed.data[i]);
		for (size_t i = 0; i < s.len; i++)
			all += !is_blank(s.data[i]);
		assert_int_equal(inner, all);
		if (trimmed.len)
			assert_false(is_blank(trimmed.data[0]) || is_blank(trimmed.data[trimmed.len - 1]));
		else
			assert_int_equal(all, 0);
		free((void *)s.data);
	}
}

static void
test_int(void **state)
{
	static const struct {
		const char *text;
		int64_t value;
	} good[] = {{"0", 0}, {"-0", 0}, {"+0", 0}, {"+7", 7}, {"-7", -7}, {"007", 7},
	    {"000000000000000000000000000001", 1}, {"9223372036854775807", INT64_MAX},
	    {"-9223372036854775808", INT64_MIN}};
	static const char *const bad[] = {"", "+", "-", "+-1", "--1", " 1", "1 ", "1_0", "0x1", "1.", "1e3",
	    "a", "/", ":", "9223372036854775808", "-9223372036854775809", "99999999999999999999"};
	uint64_t seed = 5;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		int64_t value = 77;

		assert_true(slice_int(slice_str(good[i].text), &value));
		assert_true(value == good[i].value);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		int64_t value = 77;

		assert_false(slice_int(slice_str(bad[i]), &value));
		assert_int_equal(value, 77);
	}
	assert_false(slice_int(SLICE_LIT("1\0"), &(int64_t){0}));
	for (int round = 0; round < 20000; round++) {
		int64_t number = (int64_t)(next_random(&seed) << 33 | next_random(&seed)) >> round % 64,
			value = 0;
		char text[30];

		snprintf(text, sizeof(text), "%" PRId64, number);
		assert_true(slice_int(slice_str(text), &value));
		assert_true(value == number);
	}
}

static void
test_dup(void **state)
{
	char *copy = slice_dup(slice_head(SLICE_LIT("abc"), 2)), *empty = slice_dup(SLICE_NONE);

	(void)state;
	assert_string_equal(copy, "ab");
	assert_string_equal(empty, "");
	free(copy);
	free(empty);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_absent_and_empty),
	    cmocka_unit_test(test_format),
	    cmocka_unit_test(test_parts),
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_hash),
	    cmocka_unit_test(test_split),
	    cmocka_unit_test(test_words),
	    cmocka_unit_test(test_int),
	    cmocka_unit_test(test_dup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
