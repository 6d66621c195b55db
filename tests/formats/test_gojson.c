/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "feed.h"
#include "gojson.h"

FEED_PARSER(gojson);

#define LINE(action, rest) "{\"Action\": \"" action "\", \"Package\": \"p\"" rest "}\n"
#define TEST(action, test) LINE(action, ", \"Test\": \"" test "\"")
#define OUTPUT(test, text) LINE("output", ", \"Test\": \"" test "\", \"Output\": \"" text "\"")

static void
test_cuts(void **state)
{
	(void)state;
	assert_cuts_do_not_matter(
	    &parser, slice_str("junk\n" TEST("run", "A") OUTPUT("A", "\\u00e9\\n") "[1]\n\n" LINE(
			 "pass", ", \"Test\": \"A\", \"Time\": \"2020-01-01T00:00:00.123456789+02:00\"")
			     TEST("run", "B") LINE("fail", "") "{\"Action\": \"pass\", \"Test\": \"last\"}"));
}

static void
test_tests(void **state)
{
	(void)state;
	assert_brief(&parser, TEST("run", "A") OUTPUT("A", "x") OUTPUT("A", "y") TEST("skip", "A"),
	    "p.A inprogress\np.A skip go test output=xy\n");
	assert_brief(&parser, TEST("run", "A") TEST("run", "A/b") TEST("pass", "A/b") TEST("pass", "A"),
	    "p.A inprogress\np.A/b inprogress\np.A/b success\np.A success\n");
	/* The same test once more. */
	assert_brief(&parser, TEST("run", "A") TEST("pass", "A") TEST("run", "A") TEST("fail", "A"),
	    "p.A inprogress\np.A success\np.A inprogress\np.A fail\n");
	assert_brief(
	    &parser, TEST("run", "A") OUTPUT("A", "x"), "p.A inprogress\np.A fail go test output=x\n");
	assert_brief(&parser, TEST("pause", "A") LINE("start", "") "{\"Action\": 1}\n{}\n", "");
}

static void
test_packages(void **state)
{
	(void)state;
	assert_brief(&parser, LINE("output", ", \"Output\": \"bad\"") LINE("fail", ""),
	    "p [build] fail go test output=bad\n");
	assert_brief(&parser,
	    TEST("run", "A") TEST("fail", "A") LINE("output", ", \"Output\": \"FAIL\"") LINE("fail", ""),
	    "p.A inprogress\np.A fail\n go test output=FAIL\n");
	/* The program died: the test it was in failed, and no build. */
	assert_brief(&parser, TEST("run", "A") LINE("output", ", \"Output\": \"panic\"") LINE("fail", ""),
	    "p.A inprogress\np.A fail\n go test output=panic\n");
	assert_brief(&parser, LINE("output", ", \"Output\": \"ok\"") LINE("pass", ""), "");
	assert_brief(&parser, LINE("output", ", \"Output\": \"cut\""), " go test output=cut\n");
}

static void
test_builds(void **state)
{
	static const char build[] =
	    "{\"ImportPath\": \"p [p.test]\", \"Action\": \"build-output\", \"Output\": \"no such\\n\"}\n"
	    "{\"ImportPath\": \"p [p.test]\", \"Action\": \"build-fail\"}\n";
	char text[1024];

	(void)state;
	assert_brief(&parser, build, "p [p.test] [build] fail go test output=no such\n\n");
	snprintf(text, sizeof(text), "%s%s", build,
	    LINE("output", ", \"Output\": \"FAIL\\n\"") LINE("fail", ", \"FailedBuild\": \"p [p.test]\""));
	assert_brief(&parser, text, "p [build] fail go test output=no such\nFAIL\n\n");
}

static void
test_refusals(void **state)
{
	(void)state;
	assert_refusals_come_back(&parser,
	    TEST("run", "A") TEST("fail", "A") LINE("output", ", \"Output\": \"x\"") LINE("fail", "")
		TEST("run", "B"),
	    5);
}

static void
test_limits(void **state)
{
	struct feed_count count;
	struct err err = {0};

	(void)state;
	/* A line that is too long is none, and the next one is. */
	assert_int_equal(feed_often(&parser, "{\"Action\": \"run\", \"Test\": \"", "0123456789abcdef",
			     1 << 19, "\"}\n" TEST("run", "A"), &count, &err),
	    0);
	assert_int_equal(count.events, 2);
	/* Output is not held for ever. */
	assert_int_equal(
	    feed_often(&parser, "", OUTPUT("A", FEED_TEXT), 1 << 11, TEST("pass", "A"), &count, &err), 0);
	assert_int_equal(count.bytes, 1 << 21);
	assert_true(count.events >= 2 && count.most <= GOJSON_OUTPUT_MAX + 1024);
}

/* Cut to microseconds, not rounded; what is no time, or none that a packet holds, is dropped. */
static void
test_times(void **state)
{
	static const struct {
		const char *text, *time;
	} cases[] = {{"2020-01-01T00:00:00.123456789+02:00", "\"2019-12-31T22:00:00.123456Z\"}"},
	    {"2020-01-01T00:00:00Z", "\"2020-01-01T00:00:00.000000Z\"}"}, {"2020-01-01T00:00:00Zx", " null}"},
	    {"1969-01-01T00:00:00Z", " null}"}, {"soon", " null}"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {0};
		struct buf log;
		char text[200];

		buf_init(&log, 10000);
		snprintf(
		    text, sizeof(text), LINE("pass", ", \"Test\": \"A\", \"Time\": \"%s\""), cases[i].text);
		assert_int_equal(feed(&parser, slice_str(text), 0, 10, &log, &err), 0);
		assert_non_null(strstr(buf_cstr(&log), cases[i].time));
		buf_release(&log);
	}
}

/* Feeds lines about as many tests with long names. */
static int
feed_names(struct gojson *g, const char *action, int count, struct err *err)
{
	static char name[(1 << 19) + 1];
	struct buf line;
	int rc = 0;

	memset(name, 'x', sizeof(name) - 1);
	buf_init(&line, sizeof(name) + 100);
	for (int i = 0; rc == 0 && i < count; i++) {
		buf_clear(&line);
		buf_printf(&line, "{\"Action\": \"%s\", \"Test\": \"%d%s\"}\n", action, i, name);
		rc = gojson_feed(g, buf_get(&line), err);
	}
	buf_release(&line);
	return rc;
}

/* Of many tests that run at once, not all output is held. */
static void
test_held(void **state)
{
	struct feed_count count = {0};
	struct gojson *g = gojson_new(feed_counted, &count);
	struct err err = {0};
	char line[2048];

	(void)state;
	for (int i = 0; i < 100000; i++) {
		snprintf(line, sizeof(line), OUTPUT("%d", FEED_TEXT), i);
		assert_int_equal(gojson_feed(g, slice_str(line), &err), 0);
	}
	assert_true(count.bytes > (30 << 20));
	gojson_free(g);
}

/* When nothing runs, the names are forgotten; otherwise there is an end to them. */
static void
test_names(void **state)
{
	struct feed_count count = {0};
	struct gojson *g = gojson_new(feed_counted, &count);
	struct err err = {0};

	(void)state;
	assert_int_equal(feed_names(g, "pass", 300, &err), 0);
	assert_int_equal(count.events, 300);
	assert_int_equal(feed_names(g, "run", 300, &err), -1);
	assert_string_equal(err.text, "there are too many tests");
	gojson_free(g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cuts),
	    cmocka_unit_test(test_tests),
	    cmocka_unit_test(test_packages),
	    cmocka_unit_test(test_builds),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_times),
	    cmocka_unit_test(test_held),
	    cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("gojson", tests, NULL, NULL);
}
