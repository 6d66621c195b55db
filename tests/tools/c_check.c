/* SPDX-License-Identifier: Apache-2.0
 *
 * A program of Check of which test_reports.py knows what it has to say. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

START_TEST(passes)
{
	printf("printed\n");
}
END_TEST

START_TEST(fails)
{
	ck_assert_int_eq(1, 2);
}
END_TEST

START_TEST(prints)
{
	printf("no newline");
}
END_TEST

START_TEST(crashes)
{
	abort();
}
END_TEST

START_TEST(leaves)
{
	_exit(3);
}
END_TEST

START_TEST(loops)
{
	ck_assert_int_ne(_i, 1);
}
END_TEST

static void
bad_fixture(void)
{
	ck_abort_msg("fixture");
}

static void
add_case(Suite *suite, const char *name, SFun setup, SFun teardown)
{
	TCase *c = tcase_create(name);

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, passes);
	suite_add_tcase(suite, c);
}

int
main(void)
{
	Suite *suite = suite_create("suite");
	TCase *c = tcase_create("a case");
	SRunner *runner = srunner_create(suite);
	const char *fork = getenv("CK_FORK");
	int failed;

	tcase_add_test(c, passes);
	tcase_add_test(c, fails);
	tcase_add_test(c, prints);
	if (!fork) {
		tcase_add_test(c, crashes);
		tcase_add_test(c, leaves);
	}
	tcase_add_loop_test(c, loops, 0, 2);
	suite_add_tcase(suite, c);
	add_case(suite, "bad set-up", bad_fixture, NULL);
	add_case(suite, "bad teardown", NULL, bad_fixture);
	add_case(suite, "last", NULL, NULL);
	srunner_run_all(runner, CK_SUBUNIT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
