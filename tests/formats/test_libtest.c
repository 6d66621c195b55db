/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "feed.h"
#include "libtest.h"

FEED_PARSER(libtest);

#define SUITE(event, rest) "{ \"type\": \"suite\", \"event\": \"" event "\"" rest " }\n"
#define TEST(event, name, rest) \
	"{ \"type\": \"test\", \"event\": \"" event "\", \"name\": \"" name "\"" rest " }\n"
#define NEXTEST(binary) \
	", \"nextest\": {\"crate\": \"c\", \"test_binary\": \"" binary "\", \"kind\": \"lib\"}"

static void
test_cuts(void **state)
{
	(void)state;
	assert_cuts_do_not_matter(&parser,
	    slice_str("junk\n" SUITE("started", ", \"test_count\": 3") TEST(
		"started", "a", "") "printed" TEST("ok", "a", ", \"exec_time\": 0.5") TEST("started", "b", "")
		    TEST("failed", "b", ", \"stdout\": \"\\u00e9\\n\"") "{}\n{ \"type\": \"test\" "));
}

static void
test_tests(void **state)
{
	(void)state;
	assert_brief(&parser, TEST("started", "m::a", "") TEST("ok", "m::a", ", \"stdout\": \"x\""),
	    "m::a inprogress\nm::a stdout=x\nm::a success\n");
	assert_brief(&parser,
	    TEST("started", "a", "") TEST("timeout", "a", "")
		TEST("failed", "a", ", \"reason\": \"time limit exceeded\", \"message\": \"m\""),
	    "a inprogress\na message=m\na message 2=time limit exceeded\na fail\n");
	assert_brief(
	    &parser, TEST("ignored", "a", ", \"message\": \"why\""), "a inprogress\na reason=why\na skip\n");
	assert_brief(&parser, TEST("discovered", "a", ", \"ignore\": false"), "a exists\n");
	assert_brief(&parser,
	    TEST("started", "a", "") "{ \"type\": \"bench\", \"name\": \"a\", \"median\": 12.5, "
				     "\"deviation\": 1, \"mib_per_second\": 7 }\n",
	    "a inprogress\na bench=median 12.50 ns, deviation 1.00 ns, 7 MiB/s\n\na success\n");
}

static void
test_text(void **state)
{
	(void)state;
	assert_brief(&parser, "hello\n{\"type\": 1}\n{ \"type\": \"test\", \"event\": \"ok\" }\nlast",
	    " stdout=hello\n\n stdout={\"type\": 1}\n\n stdout={ \"type\": \"test\", \"event\": \"ok\" }\n\n "
	    "stdout=last\n");
	assert_brief(&parser, TEST("started", "a", "") "no newline" TEST("ok", "a", ""),
	    "a inprogress\n stdout=no newline\na success\n");
	assert_brief(&parser, "say { \"type\": \"x\" }\n", " stdout=say \n stdout={ \"type\": \"x\" }\n\n");
	assert_brief(&parser, "{ \"type\": \"report\", \"total_time\": 1 }\n", "");
}

/* No test program ends without a word. */
static void
test_deaths(void **state)
{
	(void)state;
	assert_brief(&parser, SUITE("started", ", \"test_count\": 2") TEST("started", "a", ""),
	    "a inprogress\na message=the test program ended in this test\n\na fail\n");
	assert_brief(&parser,
	    SUITE("started", ", \"test_count\": 1") TEST("started", "a", "")
		SUITE("started", ", \"test_count\": 0") SUITE("ok", ""),
	    "a inprogress\na message=the test program ended in this test\n\na fail\n");
	assert_brief(&parser, SUITE("started", ", \"test_count\": 2") TEST("ok", "a", ""),
	    "a inprogress\na success\n[suite] message=the test program ended after 1 of 2 tests\n\n[suite] fail\n");
	assert_brief(&parser, SUITE("started", ", \"test_count\": 1") TEST("ok", "a", ""),
	    "a inprogress\na success\n");
	assert_brief(&parser,
	    SUITE("started", ", \"test_count\": 9") TEST("ok", "a", "") SUITE("ok", "") "text\n",
	    "a inprogress\na success\n stdout=text\n\n");
}

/* Suites that run at a time, tries, and tests that nothing is said of. */
static void
test_nextest(void **state)
{
	(void)state;
	assert_brief(&parser,
	    SUITE("started", ", \"test_count\": 2" NEXTEST("x")) TEST("started", "c::x$a", "")
		SUITE("started", ", \"test_count\": 1" NEXTEST("y")) TEST("started", "c::y$a", "")
		    TEST("started", "c::x$b", "") TEST("ok", "c::x$a#2", "") SUITE("ok", NEXTEST("x"))
			TEST("failed", "c::y$a", "") SUITE("failed", NEXTEST("y")),
	    "c::x$a inprogress\nc::y$a inprogress\nc::x$b inprogress\nc::x$a attempts=2\nc::x$a success\n"
	    "c::x$b reason=its suite ended without a result of it\n\nc::x$b skip\nc::y$a fail\n");
	/* A name may look like a second try. */
	assert_brief(&parser, TEST("started", "a#2", "") TEST("ok", "a#2", "") TEST("ok", "b#3", ""),
	    "a#2 inprogress\na#2 success\nb#3 inprogress\nb#3 success\n");
}

struct times {
	int64_t seen[8];
	size_t count;
};

static int
keep_time(void *context, const struct event *e, struct err *err)
{
	struct times *t = context;

	(void)err;
	if (e->status)
		t->seen[t->count++] = e->time == TIME_NONE ? -1 : e->time - INT64_C(946684800) * TIME_SECOND;
	return 0;
}

/* Two tests at a time, and one after the first of them. */
static void
test_times(void **state)
{
	static const char text[] = TEST("started", "a", "") TEST("started", "b", "")
	    TEST("ok", "a", ", \"exec_time\": 0.000001") TEST("started", "c", "") TEST("ok", "c", "")
		TEST("ok", "b", ", \"exec_time\": 2.5") TEST("started", "d", "") TEST("ignored", "d", "");
	static const int64_t expected[] = {0, 0, 1000, 1000, -1, 2500000000, 2500000000, 2500000000};
	struct times times = {0};
	struct libtest *l = libtest_new(keep_time, &times);
	struct err err = {0};

	(void)state;
	assert_int_equal(libtest_feed(l, slice_str(text), &err), 0);
	assert_int_equal(libtest_end(l, &err), 0);
	assert_memory_equal(times.seen, expected, sizeof(expected));
	assert_false(libtest_failed(l));
	libtest_free(l);
}

static void
test_refusals(void **state)
{
	(void)state;
	assert_refusals_come_back(&parser,
	    "x\n" SUITE("started", ", \"test_count\": 3") TEST("started", "a", "") "y" TEST(
		"failed", "a", ", \"stdout\": \"o\"") TEST("started", "b", ""),
	    8);
}

/* The output of one test may be larger than any line. */
static void
test_limits(void **state)
{
	struct feed_count count;
	struct err err = {0};

	(void)state;
	assert_int_equal(
	    feed_often(&parser,
		TEST("started", "a", "") "{ \"type\": \"test\", \"name\": \"a\", \"event\": \"failed\", "
					 "\"stdout\": \"",
		FEED_TEXT, 8 << 10, "\" }\n" TEST("ok", "b", ""), &count, &err),
	    0);
	assert_int_equal(count.events, 5);
	assert_true(count.most > 1 << 20 && count.most < (1 << 20) + 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cuts),
	    cmocka_unit_test(test_tests),
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_deaths),
	    cmocka_unit_test(test_nextest),
	    cmocka_unit_test(test_times),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests_name("libtest", tests, NULL, NULL);
}
