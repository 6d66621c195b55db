/* SPDX-License-Identifier: Apache-2.0 */
#include "suggest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const words[] = {
    "test_command", "test_timeout", "server_timeout", "profiles", "max", "tags"};

static struct slice
nearest(struct slice written)
{
	struct suggest s;

	suggest_init(&s, written);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		suggest_offer(&s, slice_str(words[i]));
	return s.nearest;
}

/* A letter left out, doubled, replaced, or exchanged with its neighbour: the word is found again. */
static void
test_slips(void **state)
{
	(void)state;
	for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++) {
		struct slice word = slice_str(words[w]);

		assert_true(slice_eq(nearest(word), word));
		for (size_t at = 0; at < word.len; at++) {
			char text[SUGGEST_MAX];

			memcpy(text, word.data, word.len);
			memmove(text + at, text + at + 1, word.len - at - 1);
			assert_true(slice_eq(nearest(slice_of(text, word.len - 1)), word));
			memcpy(text, word.data, word.len);
			memmove(text + at + 1, text + at, word.len - at);
			assert_true(slice_eq(nearest(slice_of(text, word.len + 1)), word));
			memcpy(text, word.data, word.len);
			text[at] = '#';
			assert_true(slice_eq(nearest(slice_of(text, word.len)), word));
			memcpy(text, word.data, word.len);
			if (at) {
				text[at] = (char)word.data[at - 1];
				text[at - 1] = (char)word.data[at];
			}
			assert_true(slice_eq(nearest(slice_of(text, word.len)), word));
		}
	}
}

static void
test_other_words(void **state)
{
	static const char *const other[] = {
	    "", "a", "house", "min", "tape", "repository_of_tests", "xxxx_comxxxx"};
	char large[SUGGEST_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		assert_null(nearest(slice_str(other[i])).data);
	memset(large, 'x', sizeof(large));
	assert_null(nearest(slice_of(large, sizeof(large))).data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_slips),
	    cmocka_unit_test(test_other_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
