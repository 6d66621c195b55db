/* SPDX-License-Identifier: Apache-2.0
 *
 * cmocka under testr: cc cmocka.c -o tests $(pkg-config --cflags --libs subunit2 cmocka)
 *
 *     [DEFAULT]
 *     test_command=./tests $LISTOPT $IDOPTION
 *     test_list_option=--list
 *     test_id_option=--load-list $IDFILE
 *     test_server_command=exec ./tests --server */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>
#include <subunit2/server.h>

static void
test_sum(void **state)
{
	(void)state;
	assert_int_equal(1 + 1, 2);
}

static void
test_wrong(void **state)
{
	(void)state;
	assert_int_equal(1 + 1, 3);
}

static void
test_moon(void **state)
{
	(void)state;
	skip();
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_sum),
    cmocka_unit_test(test_wrong),
    cmocka_unit_test(test_moon),
};

/* The test that runs, and whether it came to its end: one that was skipped did not. */
struct running {
	const struct CMUnitTest *test;
	void *state;
	int ended;
};

static int
set_up(void **state)
{
	struct running *r = *state;

	r->state = r->test->initial_state;
	return r->test->setup_func ? r->test->setup_func(&r->state) : 0;
}

static void
call(void **state)
{
	struct running *r = *state;

	r->test->test_func(&r->state);
	r->ended = 1;
}

static int
tear_down(void **state)
{
	struct running *r = *state;

	return r->test->teardown_func ? r->test->teardown_func(&r->state) : 0;
}

static const char *
id(void *context, size_t test)
{
	(void)context;
	return tests[test].name;
}

static enum subunit2_status
run(void *context, struct subunit2_server *server, size_t test)
{
	struct running r = {&tests[test], NULL, 0};
	const struct CMUnitTest one[] = {{tests[test].name, call, set_up, tear_down, &r}};
	int errors = dup(2), failed;

	(void)context;
	(void)server;
	/* cmocka says on standard error what was wrong: so it becomes the attachment "stdout" too. */
	fflush(stderr);
	dup2(1, 2);
	failed = cmocka_run_group_tests(one, NULL, NULL);
	fflush(stderr);
	dup2(errors, 2);
	close(errors);
	return failed ? SUBUNIT2_FAIL : r.ended ? SUBUNIT2_SUCCESS : SUBUNIT2_SKIP;
}

int
main(int argc, char **argv)
{
	struct subunit2_suite suite;

	subunit2_suite_init(&suite);
	suite.count = sizeof(tests) / sizeof(tests[0]);
	suite.id = id;
	suite.run = run;
	return subunit2_main(&suite, argc, argv);
}
