/* SPDX-License-Identifier: Apache-2.0 */
#include "tagset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *const words[] = {"a", "ab", "b", "py39", "py311", "\xc3\xa9"};
#define WORDS (sizeof(words) / sizeof(words[0]))

/* The set of the words whose bits are set, put together in the order of `turn`, some twice. */
static void
make(unsigned bits, unsigned turn, struct buf *out)
{
	struct slice tags[2 * WORDS];
	size_t count = 0;

	for (size_t i = 0; i < 2 * WORDS; i++) {
		size_t at = (i * 5 + turn) % WORDS;

		if (bits >> at & 1 && (i < WORDS || turn % 2))
			tags[count++] = slice_str(words[at]);
	}
	tagset_of(tags, count, out);
}

static bool
has(struct slice set, const char *word)
{
	struct slice tag;

	while (tagset_next(&set, &tag))
		if (slice_eq(tag, slice_str(word)))
			return true;
	return false;
}

/* Equal sets are equal texts, whatever they were made from; what is in two sets is in their common part. */
static void
test_sets(void **state)
{
	struct buf a, b, common;

	(void)state;
	buf_init(&a, 1000);
	buf_init(&b, 1000);
	buf_init(&common, 1000);
	for (unsigned x = 0; x < 1u << WORDS; x++)
		for (unsigned y = 0; y < 1u << WORDS; y++) {
			buf_clear(&a);
			buf_clear(&b);
			buf_clear(&common);
			make(x, y, &a);
			make(y, x, &b);
			assert_int_equal(slice_eq(buf_get(&a), buf_get(&b)), x == y);
			tagset_common(buf_get(&a), buf_get(&b), &common);
			for (size_t i = 0; i < WORDS; i++) {
				assert_int_equal(has(buf_get(&a), words[i]), x >> i & 1);
				assert_int_equal(has(buf_get(&common), words[i]), (x & y) >> i & 1);
			}
			buf_clear(&a);
			make(x & y, 0, &a);
			assert_true(slice_eq(buf_get(&a), buf_get(&common)));
		}
	buf_release(&a);
	buf_release(&b);
	buf_release(&common);
}

static void
test_names(void **state)
{
	struct strtab t = {0};
	struct buf set, name;

	(void)state;
	buf_init(&set, 1000);
	buf_init(&name, 1000);
	tagset_name(buf_get(&set), &name);
	assert_string_equal(buf_cstr(&name), "none");
	buf_clear(&name);
	strtab_add(&t, SLICE_LIT("mysql"), NULL);
	strtab_add(&t, SLICE_LIT("db"), NULL);
	assert_true(tagset_of_table(&t, &set));
	tagset_name(buf_get(&set), &name);
	assert_string_equal(buf_cstr(&name), "db+mysql");
	strtab_release(&t);
	buf_release(&set);
	buf_release(&name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sets),
	    cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
