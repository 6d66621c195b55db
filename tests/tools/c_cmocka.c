/* SPDX-License-Identifier: Apache-2.0
 *
 * A cmocka program of which test_reports.py knows what it has to say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

static void
passes(void **state)
{
	(void)state;
	printf("printed\n");
}

static void
fails(void **state)
{
	(void)state;
	assert_int_equal(1, 2);
}

static void
prints(void **state)
{
	(void)state;
	printf("no newline");
}

static void
prints_and_fails(void **state)
{
	(void)state;
	printf("no newline");
	fail_msg("%s", "why");
}

static void
skips(void **state)
{
	(void)state;
	skip();
}

static int
bad_fixture(void **state)
{
	(void)state;
	return -1;
}

static int
asserting_fixture(void **state)
{
	(void)state;
	assert_true(0);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(passes),
	    cmocka_unit_test(fails),
	    {"a name with spaces [", passes, NULL, NULL, NULL},
	    cmocka_unit_test(prints),
	    cmocka_unit_test(prints_and_fails),
	    cmocka_unit_test(skips),
	    {"bad set-up", passes, bad_fixture, NULL, NULL},
	    {"asserting set-up", passes, asserting_fixture, NULL, NULL},
	    {"bad teardown", passes, NULL, bad_fixture, NULL},
	    {"last", passes, NULL, NULL, NULL},
	};
	int failed = cmocka_run_group_tests_name("a group", tests, NULL, NULL);

	return failed + cmocka_run_group_tests_name("bad group", tests, bad_fixture, NULL);
}
