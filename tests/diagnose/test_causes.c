/* SPDX-License-Identifier: Apache-2.0 */
#include "causes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void
add(struct causes *c, const char *id, enum status status, const char *name, const char *text)
{
	struct detail detail = {
	    .name = slice_str(name), .mime = SLICE_LIT("text/plain"), .bytes = slice_str(text)};
	struct result r = {
	    .id = slice_str(id), .status = status, .details = &detail, .detail_count = text != NULL};
	struct err err;

	assert_int_equal(0, causes_add(c, &r, &err));
}

/* Every failure is in one group, a test once in it, and the largest group comes first. */
static void
test_groups(void **state)
{
	struct causes c = {0};
	const struct causes_group **order;
	size_t failures = 0;

	(void)state;
	add(&c, "a", STATUS_FAIL, "traceback", "ValueError: no port 8081");
	add(&c, "b", STATUS_FAIL, "traceback", "KeyError: 'x'");
	add(&c, "c", STATUS_FAIL, "traceback", "KeyError: 'x'");
	add(&c, "c", STATUS_FAIL, "traceback", "KeyError: 'x'");
	add(&c, "d", STATUS_FAIL, "traceback", "ValueError: no port 9000");
	add(&c, "e", STATUS_NONE, "traceback", NULL);
	add(&c, "f", STATUS_UXSUCCESS, "traceback", NULL);
	order = causes_ranked(&c);
	assert_non_null(order);
	assert_int_equal(4, c.keys.len);
	assert_int_equal(7, c.failures);
	for (size_t i = 0; i < c.keys.len; i++) {
		failures += order[i]->failures;
		assert_true(i == 0 || order[i]->failures <= order[i - 1]->failures);
	}
	assert_int_equal(c.failures, failures);
	assert_int_equal(3, order[0]->failures);
	assert_int_equal(2, order[0]->tests.len);
	assert_int_equal(2, order[1]->failures);
	assert_true(slice_eq(strtab_get(&order[1]->tests, 1), SLICE_LIT("d")));
	assert_true(slice_starts(order[2]->message, SLICE_LIT("no end")));
	assert_true(slice_eq(order[3]->message, SLICE_LIT("unexpected success")));
	free(order);
	causes_release(&c);
}

static void
test_nothing(void **state)
{
	struct causes c = {0};
	const struct causes_group **order = causes_ranked(&c);

	(void)state;
	assert_non_null(order);
	free(order);
	causes_release(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_groups), cmocka_unit_test(test_nothing)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
