/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "feed.h"
#include "meson_log.h"

FEED_PARSER(meson_log);

#define TEST(name, result, rest) "{\"name\": \"" name "\", \"result\": \"" result "\"" rest "}\n"

static void
test_cuts(void **state)
{
	(void)state;
	assert_cuts_do_not_matter(&parser,
	    slice_str(TEST("p:s / a", "OK",
		", \"stdout\": \"x\\u0000\\udcff\", \"starttime\": 1577836800.5, \"duration\": 0.25") "\n" TEST("p / b",
		"FAIL", ", \"returncode\": 1, \"command\": [\"a\", 1, \"b c\"]") TEST("c", "SKIP", "")));
}

static void
test_outcomes(void **state)
{
	(void)state;
	assert_brief(&parser,
	    TEST("p / a", "OK", ", \"stdout\": \"x\", \"stderr\": \"y\", \"env\": {\"KEY\": \"secret\"}"),
	    "p / a inprogress\np / a stdout=x\np / a stderr=y\np / a success\n");
	assert_brief(&parser, TEST("a", "FAIL", ", \"returncode\": -11, \"command\": [\"x\", \"y z\"]"),
	    "a inprogress\na result=FAIL, signal 11\nx\ny z\n\na fail\n");
	assert_brief(&parser,
	    TEST("a", "SKIP", "") TEST("b", "EXPECTEDFAIL", "") TEST("c", "UNEXPECTEDPASS", "")
		TEST("d", "TIMEOUT", ""),
	    "a inprogress\na result=SKIP\n\na skip\nb inprogress\nb result=EXPECTEDFAIL\n\nb xfail\n"
	    "c inprogress\nc result=UNEXPECTEDPASS\n\nc uxsuccess\nd inprogress\nd result=TIMEOUT\n\nd fail\n");
}

static void
test_broken(void **state)
{
	(void)state;
	assert_brief(&parser, "", "");
	assert_broken(&parser, "x\n", "line 1 tells of no test");
	assert_broken(&parser, TEST("a", "OK", "") "{}\n" TEST("b", "OK", ""), "line 2 tells of no test");
	assert_broken(&parser, TEST("a", "OK", "") "\n{\"name\": \"cut", "line 3 tells of no test");
}

static int
keep_times(void *context, const struct event *e, struct err *err)
{
	int64_t *times = context;

	(void)err;
	times[e->status != STATUS_INPROGRESS] = e->time;
	return 0;
}

static void
test_times(void **state)
{
	int64_t times[2] = {0};
	struct meson_log *m = meson_log_new(keep_times, times);
	struct err err = {0};

	(void)state;
	assert_int_equal(
	    meson_log_feed(
		m, SLICE_LIT(TEST("a", "OK", ", \"starttime\": 1795379488.123457, \"duration\": 1.5")), &err),
	    0);
	assert_true(times[0] == INT64_C(1795379488123457000) && times[1] == INT64_C(1795379489623457000));
	assert_int_equal(
	    meson_log_feed(m, SLICE_LIT(TEST("a", "OK", ", \"starttime\": -1, \"duration\": 1.5")), &err), 0);
	assert_true(times[0] == TIME_NONE && times[1] == TIME_NONE);
	meson_log_free(m);
}

static void
test_refusals(void **state)
{
	(void)state;
	assert_refusals_come_back(&parser, TEST("a", "FAIL", ", \"stdout\": \"x\", \"stderr\": \"y\""), 5);
}

static void
test_limits(void **state)
{
	struct feed_count count;
	struct err err = {0};

	(void)state;
	assert_int_equal(feed_often(&parser, "{\"name\": \"a\", \"stdout\": \"", FEED_TEXT, 20000,
			     "\", \"result\": \"FAIL\"}\n", &count, &err),
	    0);
	assert_int_equal(count.events, 4);
	assert_true(count.bytes > 1 << 20 && count.most < (1 << 20) + 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cuts),
	    cmocka_unit_test(test_outcomes),
	    cmocka_unit_test(test_broken),
	    cmocka_unit_test(test_times),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests_name("meson_log", tests, NULL, NULL);
}
