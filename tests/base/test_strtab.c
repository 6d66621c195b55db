/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "strtab.h"

#include <stdlib.h>
#include <string.h>

#define STRINGS 100000

static uint64_t
next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

/* A random string: mostly short ones of few letters, NUL among them, so that many come again; some long. */
static struct slice
random_string(uint64_t *state, uint8_t *space, size_t size)
{
	size_t len = next_random(state) % 500 == 0 ? next_random(state) % size : next_random(state) % 9;

	for (size_t i = 0; i < len; i++)
		space[i] = (uint8_t)(next_random(state) % 5 ? next_random(state) % 4 : next_random(state));
	return slice_of(space, len);
}

static int
by_bytes(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

/* Against a sorted list of what was added: the same strings have the same index, different ones different
 * indexes, which are dense and in the order of adding; strings stay where they are. */
static void
test_against_list(void **state)
{
	static uint8_t space[3000];
	struct slice *added = calloc(STRINGS, sizeof(*added)), *sorted = calloc(STRINGS, sizeof(*sorted));
	struct strtab t = {0};
	uint64_t seed = 1;
	size_t count = 0;

	(void)state;
	for (size_t i = 0; i < STRINGS; i++) {
		struct slice s = random_string(&seed, space, sizeof(space));
		bool is_new = false;
		size_t found = strtab_find(&t, s), index = strtab_add(&t, s, &is_new);

		assert_int_equal(is_new, found == STRTAB_NONE);
		assert_int_equal(index, is_new ? count : found);
		if (is_new)
			added[count++] = strtab_get(&t, index);
		assert_int_equal(t.len, count);
		assert_true(slice_eq(strtab_get(&t, index), s));
		assert_true(strtab_get(&t, index).data != s.data);
	}
	assert_true(count > STRINGS / 20 && count < STRINGS);
	for (size_t i = 0; i < count; i++) {
		assert_ptr_equal(strtab_get(&t, i).data, added[i].data);
		assert_int_equal(added[i].data[added[i].len], 0);
		assert_int_equal(strtab_find(&t, added[i]), i);
		assert_int_equal(strtab_add(&t, added[i], NULL), i);
	}
	memcpy(sorted, added, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), by_bytes);
	for (size_t i = 1; i < count; i++)
		assert_true(slice_cmp(sorted[i - 1], sorted[i]) < 0);
	/* The same sequence again finds what the first one added. */
	seed = 1;
	for (size_t i = 0; i < STRINGS; i++) {
		struct slice s = random_string(&seed, space, sizeof(space));
		const struct slice *listed = bsearch(&s, sorted, count, sizeof(*sorted), by_bytes);
		size_t index = strtab_find(&t, s);

		assert_non_null(listed);
		assert_ptr_equal(strtab_get(&t, index).data, listed->data);
	}
	strtab_release(&t);
	free(added);
	free(sorted);
}

static void
test_edges(void **state)
{
	struct strtab t = {0};
	bool added = false;

	(void)state;
	assert_int_equal(strtab_find(&t, SLICE_LIT("a")), STRTAB_NONE);
	strtab_release(&t);
	assert_int_equal(strtab_add(&t, SLICE_LIT("a"), &added), 0);
	assert_true(added);
	assert_int_equal(strtab_add(&t, SLICE_NONE, &added), 1);
	assert_true(added);
	assert_int_equal(strtab_add(&t, SLICE_LIT(""), &added), 1);
	assert_false(added);
	assert_int_equal(strtab_add(&t, SLICE_LIT("\0"), &added), 2);
	assert_int_equal(strtab_add(&t, SLICE_LIT("\0\0"), &added), 3);
	assert_int_equal(strtab_add(&t, SLICE_LIT("a\0b"), &added), 4);
	assert_int_equal(strtab_find(&t, SLICE_LIT("a\0c")), STRTAB_NONE);
	assert_int_equal(strtab_find(&t, SLICE_LIT("a\0")), STRTAB_NONE);
	assert_non_null(strtab_get(&t, 1).data);
	strtab_release(&t);
	assert_int_equal(t.len, 0);
	assert_int_equal(strtab_find(&t, SLICE_LIT("a")), STRTAB_NONE);
	assert_int_equal(strtab_add(&t, SLICE_LIT("b"), NULL), 0);
	strtab_release(&t);
	strtab_release(&t);
}

/* Strings as long as a block of the table and longer, between short ones. */
static void
test_long_strings(void **state)
{
	size_t size = 200000;
	uint8_t *text = malloc(size);
	struct strtab t = {0};

	(void)state;
	for (size_t i = 0; i < size; i++)
		text[i] = (uint8_t)i;
	for (size_t len = 65530; len < 65541; len++) {
		size_t at = t.len;

		assert_int_equal(strtab_add(&t, slice_of(text, len), NULL), at);
		assert_int_equal(strtab_add(&t, slice_of(text, len - 65530), NULL), at + 1);
	}
	assert_int_equal(strtab_add(&t, slice_of(text, size), NULL), 22);
	for (size_t i = 0; i < 22; i++) {
		size_t len = i % 2 ? i / 2 : 65530 + i / 2;

		assert_true(slice_eq(strtab_get(&t, i), slice_of(text, len)));
		assert_int_equal(strtab_find(&t, slice_of(text, len)), i);
	}
	assert_true(slice_eq(strtab_get(&t, 22), slice_of(text, size)));
	strtab_release(&t);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_against_list),
	    cmocka_unit_test(test_edges),
	    cmocka_unit_test(test_long_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
