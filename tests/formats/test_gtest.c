/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "feed.h"
#include "gtest.h"

FEED_PARSER(gtest);

#define SUITE(name, tests) "{\"name\": \"" name "\", \"tests\": 1, \"testsuite\": [" tests "]}"
#define DOCUMENT(suites) "{\"tests\": 1, \"testsuites\": [" suites "]}\n"
#define TEST(name, rest) "{\"name\": \"" name "\", \"status\": \"RUN\", \"result\": \"COMPLETED\"" rest "}"

static void
test_cuts(void **state)
{
	(void)state;
	assert_cuts_do_not_matter(&parser,
	    slice_str(DOCUMENT(SUITE("A\\\"]{",
		TEST("b", ", \"timestamp\": \"2020-01-01T00:00:00Z\", \"time\": \"0.005s\"") ", " TEST("c",
		    ", \"failures\": [{\"failure\": \"]}\\u00e9\\\\\", \"type\": \"\"}]")) ", " SUITE("D",
		TEST("e", "")))));
}

static void
test_outcomes(void **state)
{
	(void)state;
	assert_brief(
	    &parser, DOCUMENT(SUITE("A/0", TEST("b/1", ""))), "A/0.b/1 inprogress\nA/0.b/1 success\n");
	assert_brief(&parser,
	    DOCUMENT(SUITE("A",
		TEST("b",
		    ", \"failures\": [{\"failure\": \"x\"}, {\"failure\": \"y\"}], \"k\": \"v\", \"line\": 3"))),
	    "A.b inprogress\nA.b failure=x\n\nA.b failure 2=y\n\nA.b properties=k=v\nline=3\n\nA.b fail\n");
	assert_brief(&parser,
	    DOCUMENT(SUITE("A",
		"{\"name\": \"b\", \"status\": \"RUN\", \"result\": \"SKIPPED\", \"skipped\": [{\"message\": \"why\"}]}")),
	    "A.b inprogress\nA.b reason=why\n\nA.b skip\n");
	assert_brief(&parser,
	    DOCUMENT(SUITE("A", "{\"name\": \"b\", \"status\": \"NOTRUN\", \"result\": \"SUPPRESSED\"}")),
	    "A.b inprogress\nA.b skip\n");
	assert_brief(&parser, DOCUMENT(SUITE("A", "{\"name\": \"b\", \"line\": 1}")), "A.b exists\n");
	/* A failure in an environment, without the comma that belongs before it. */
	assert_brief(&parser,
	    DOCUMENT(
		SUITE("A", TEST("b", "")) SUITE("NonTestSuiteFailure", TEST("", ", \"failures\": [{}]"))),
	    "A.b inprogress\nA.b success\nNonTestSuiteFailure inprogress\nNonTestSuiteFailure failure=\n\nNonTestSuiteFailure fail\n");
	/* Several files. */
	assert_brief(&parser,
	    DOCUMENT("") DOCUMENT(SUITE("A", TEST("b", ""))) DOCUMENT(SUITE("C", "{\"name\": \"d\"}")),
	    "A.b inprogress\nA.b success\nC.d exists\n");
}

static void
test_broken(void **state)
{
	(void)state;
	assert_broken(&parser, "", "there is nothing");
	assert_broken(&parser, "x", "no JSON");
	assert_broken(&parser, "[1]", "no JSON object");
	assert_broken(&parser, "{\"a\": 1]", "closes nothing");
	assert_broken(&parser, DOCUMENT(SUITE("A", "{\"x\": 1}")), "no name");
	assert_broken(&parser, DOCUMENT(SUITE("A", "{x}")), "no JSON object");
	assert_broken(&parser, "{\"tests\": 1, \"testsuites\": [" SUITE("A", TEST("b", "")), "in its middle");
}

static void
test_refusals(void **state)
{
	(void)state;
	assert_refusals_come_back(&parser,
	    DOCUMENT(SUITE("A", TEST("b", ", \"failures\": [{\"failure\": \"x\"}], \"k\": \"v\""))), 4);
}

/* Very many failures of one test, and one that says very much. */
static void
test_limits(void **state)
{
	struct feed_count count;
	struct err err = {0};

	(void)state;
	assert_int_equal(
	    feed_often(&parser,
		"{\"a\": [{\"name\": \"A\", \"b\": [{\"name\": \"b\", \"status\": \"RUN\", \"failures\": [{\"failure\": \"x\"}",
		", {\"failure\": \"" FEED_64 "\", \"type\": \"\"}", 200000, "], \"time\": \"1s\"}]}]}",
		&count, &err),
	    0);
	assert_true(count.events > 10000 && count.events < 200000);
	assert_int_equal(
	    feed_often(&parser,
		"{\"a\": [{\"name\": \"A\", \"b\": [{\"name\": \"b\", \"status\": \"RUN\", \"failures\": [{\"failure\": \"",
		FEED_TEXT, 20000, "\"}]}]}]}", &count, &err),
	    0);
	assert_int_equal(count.events, 3);
	assert_true(count.most > 1 << 20 && count.most < (1 << 20) + 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cuts),
	    cmocka_unit_test(test_outcomes),
	    cmocka_unit_test(test_broken),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests_name("gtest", tests, NULL, NULL);
}
