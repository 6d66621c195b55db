/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "feed.h"
#include "tap.h"

FEED_PARSER(tap);

static const char sample[] =
    "# head\n1..5\nok 1 - first\n# after\r\ntext \xc3\xa9\nnot ok 3 # TODO why\n  indented\n"
    "ok # SKIP\nBail out! no\nok 5 \nlast";

static void
test_cuts(void **state)
{
	(void)state;
	assert_cuts_do_not_matter(&parser, slice_str(sample));
	assert_cuts_do_not_matter(&parser, slice_str(""));
	assert_cuts_do_not_matter(&parser, slice_str("\n\nok\n"));
}

static void
test_tests(void **state)
{
	(void)state;
	assert_brief(&parser, "ok\nnot ok\nok 3\n", "test 1 success\ntest 2 fail\ntest 3 success\n");
	assert_brief(&parser, "ok 1 - a\nnot ok b c\n", "test 1 - a success\ntest 2 b c fail\n");
	assert_brief(&parser, "ok 3\n",
	    "test 1 fail tap meta=test missing from TAP output\n"
	    "test 2 fail tap meta=test missing from TAP output\ntest 3 success\n");
	assert_brief(
	    &parser, "ok # TODO\nnot ok 2 # skip why\n", "test 1 xfail\ntest 2 skip tap comment=why\n");
	assert_brief(&parser, "ok 1 \n", "test 1 1 success\n");
	assert_brief(&parser, "okay\nok1\nok a#b\nok # Todo\nok",
	    " stdout=okay\n\n stdout=ok1\n\n stdout=ok a#b\n\n"
	    " stdout=ok # Todo\n\n stdout=ok\n");
}

static void
test_others(void **state)
{
	(void)state;
	assert_brief(
	    &parser, "1..2\nok\n", "test 1 success\ntest 2 fail tap meta=test missing from TAP output\n");
	assert_brief(&parser, "1..0 # why\n", "file skip skip tap comment=why\n");
	assert_brief(&parser, "1..0\n", "file skip skip\n");
	assert_brief(&parser, "1..1\n1..1\nok\n", " stdout=1..1\n\ntest 1 success\n");
	assert_brief(&parser, "# a\nok\n# b\n", "test 1 success tap comment=# a\n# b\n");
	assert_brief(&parser, "# a\nok\nok\n", "test 1 success tap comment=# a\ntest 2 success\n");
	assert_brief(&parser, "Bail out!  why\n", "Bail out! why fail\n");
	assert_brief(&parser,
	    "ok a\xff"
	    "b\n",
	    "test 1 a\xEF\xBF\xBD"
	    "b success\n");
}

static void
test_refusals(void **state)
{
	(void)state;
	assert_refusals_come_back(&parser, "text\n1..3\nok\n# c\nok 3\nBail out!\n", 5);
}

/* What no program writes stays within the limits. */
static void
test_limits(void **state)
{
	struct feed_count count;
	struct err err = {0};

	(void)state;
	assert_int_equal(feed_often(&parser, "", FEED_TEXT, 1 << 12, "", &count, &err), 0);
	assert_int_equal(count.bytes, 1 << 22);
	assert_int_equal(count.most, TAP_LINE_MAX);
	assert_int_equal(feed_often(&parser, "ok\n", "# " FEED_TEXT "\n", 1 << 15, "", &count, &err), 0);
	assert_int_equal(count.events, 1);
	assert_string_equal(count.tail, "\n# 16432 more lines are left out");
	assert_true(count.most > TAP_COMMENT_MAX - 2000 && count.most <= TAP_COMMENT_MAX + 64);
	assert_int_equal(
	    feed_often(&parser, "1..99999999999999999999999\nok 5000000000\n", "", 0, "", &count, &err), 0);
	assert_int_equal(count.events, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cuts),
	    cmocka_unit_test(test_tests),
	    cmocka_unit_test(test_others),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests_name("tap", tests, NULL, NULL);
}
