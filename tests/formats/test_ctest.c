/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ctest.h"
#include "feed.h"

FEED_PARSER(ctest);

#define FILE_OF(tests) \
	"<?xml version='1.0'?>\n<Site Name='x'><Testing><StartTestTime>1577836800</StartTestTime>" \
	"<TestList><Test>./a</Test></TestList>" tests "</Testing></Site>\n"
#define TEST(name, status, results) \
	"<Test Status='" status "'><Name>" name "</Name><Results>" results "</Results>" \
	"<Labels><Label>l</Label><Label> m </Label></Labels></Test>"
#define NAMED(name, value) \
	"<NamedMeasurement type='t' name='" name "'><Value>" value "</Value></NamedMeasurement>"
#define OUTPUT(attributes, value) "<Measurement><Value" attributes ">" value "</Value></Measurement>"
#define BASE64 " encoding='base64'"
#define GZIP BASE64 " compression='gzip'"

static void
test_cuts(void **state)
{
	(void)state;
	assert_cuts_do_not_matter(&parser,
	    slice_str(FILE_OF(TEST("a", "passed", NAMED("Execution Time", "0.5") OUTPUT("", "x&amp;\xc3\xa9"))
		    TEST("b", "failed", OUTPUT(GZIP, "eJxLTEpMTkkFAAgQAlE=") NAMED("Exit Value", "3")))));
	assert_cuts_do_not_matter(&parser, slice_str(FILE_OF(TEST("a", "passed", OUTPUT(GZIP, "eJx!")) "<")));
}

static void
test_outcomes(void **state)
{
	(void)state;
	assert_brief(&parser,
	    FILE_OF(TEST("a b", "passed", OUTPUT("", "x\n") NAMED("Environment", "SECRET=1"))),
	    "a b inprogress\na b output=x\n\na b success\n");
	assert_brief(&parser,
	    FILE_OF(TEST("a", "failed", NAMED("Exit Code", "SEGFAULT") NAMED("score", "1"))),
	    "a inprogress\na result=Exit Code: SEGFAULT\n\na measurements=score: 1\n\na fail\n");
	assert_brief(&parser,
	    FILE_OF(TEST("a", "notrun", NAMED("Completion Status", "Disabled"))
		    TEST("b", "notrun", NAMED("Completion Status", "SKIP_RETURN_CODE=77"))
			TEST("c", "notrun", NAMED("Completion Status", "Unable to find executable"))),
	    "a inprogress\na result=Completion Status: Disabled\n\na skip\nb inprogress\n"
	    "b result=Completion Status: SKIP_RETURN_CODE=77\n\nb skip\nc inprogress\n"
	    "c result=Completion Status: Unable to find executable\n\nc fail\n");
	assert_brief(&parser, FILE_OF("<Test Status='passed'/>"),
	    "test without a name inprogress\ntest without a name success\n");
	assert_brief(&parser, FILE_OF("<Test/><Test><Name>a</Name></Test>" TEST("b", "", "")),
	    "a inprogress\na fail\nb inprogress\nb fail\n");
}

static void
test_unpacking(void **state)
{
	(void)state;
	/* zlib and gzip; CTest writes four signs for no padding. */
	assert_brief(&parser, FILE_OF(TEST("a", "passed", OUTPUT(GZIP, "eJxLTEpMTkkFAAgQAlE="))),
	    "a inprogress\na output=abacde\na success\n");
	assert_brief(&parser, FILE_OF(TEST("a", "passed", OUTPUT(BASE64, " eHl6==== "))),
	    "a inprogress\na output=xyz\na success\n");
	assert_brief(&parser, FILE_OF(TEST("a", "passed", OUTPUT(BASE64, "eHl6!"))),
	    "a inprogress\na output=\n[the rest cannot be decoded]\n\na success\n");
	assert_brief(&parser, FILE_OF(TEST("a", "passed", OUTPUT(GZIP, "AAAA"))),
	    "a inprogress\na output=\n[the rest cannot be unpacked]\n\na success\n");
}

static void
test_broken(void **state)
{
	(void)state;
	assert_broken(&parser, "", "no element found");
	assert_broken(&parser, "<testsuite/>", "not CTest's <Site>");
	assert_broken(&parser, "<Site><Testing>" TEST("a", "passed", ""), "no element found");
}

struct seen {
	int64_t begin, end;
	size_t tags;
	char tag[8];
};

static int
keep(void *context, const struct event *e, struct err *err)
{
	struct seen *seen = context;

	(void)err;
	*(e->status == STATUS_INPROGRESS ? &seen->begin : &seen->end) = e->time / TIME_SECOND - 1577836800;
	if (e->tag_count) {
		seen->tags = e->tag_count;
		snprintf(seen->tag, sizeof(seen->tag), "%.*s", SLICE_FMT(e->tags[1]));
	}
	return 0;
}

static void
test_times_and_tags(void **state)
{
	struct seen seen = {0};
	struct ctest *c = ctest_new(keep, &seen);
	struct err err = {0};

	(void)state;
	assert_int_equal(ctest_feed(c,
			     slice_str(FILE_OF(TEST("a", "passed", NAMED("Execution Time", "3"))
				     TEST("b", "failed", NAMED("Execution Time", "1.0e1")))),
			     &err),
	    0);
	assert_int_equal(ctest_end(c, &err), 0);
	assert_int_equal(seen.begin, 3);
	assert_int_equal(seen.end, 13);
	assert_int_equal(seen.tags, 2);
	assert_string_equal(seen.tag, "m");
	assert_true(ctest_failed(c));
	ctest_free(c);
}

static void
test_refusals(void **state)
{
	(void)state;
	assert_refusals_come_back(&parser,
	    FILE_OF(TEST("a", "failed", OUTPUT("", "x") NAMED("Exit Value", "1") NAMED("k", "v"))), 5);
}

static void
test_limits(void **state)
{
	struct feed_count count;
	struct err err = {0};

	(void)state;
	assert_int_equal(
	    feed_often(&parser,
		"<Site><Testing><Test Status='passed'><Name>a</Name><Results><Measurement><Value>", FEED_TEXT,
		20000, "</Value></Measurement></Results></Test></Testing></Site>", &count, &err),
	    0);
	assert_int_equal(count.events, 3);
	assert_true(count.most > CTEST_TEXT_MAX && count.most < CTEST_TEXT_MAX + (64 << 10));
	assert_string_equal(
	    slice_ends(slice_str(count.tail), SLICE_LIT("bytes are left out]\n")) ? "" : count.tail, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cuts),
	    cmocka_unit_test(test_outcomes),
	    cmocka_unit_test(test_unpacking),
	    cmocka_unit_test(test_broken),
	    cmocka_unit_test(test_times_and_tags),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests_name("ctest", tests, NULL, NULL);
}
