/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "feed.h"
#include "junitxml.h"
#include "xml.h"

static void *
make(feed_fn fn, void *context)
{
	struct junitxml *j = junitxml_new(fn, context);
	struct err err;

	assert_int_equal(junitxml_begin(j, &err), 0);
	return j;
}

static int
feed_bytes(void *parser, struct slice bytes, struct err *err)
{
	return junitxml_feed(parser, bytes, err);
}

static int
end(void *parser, struct err *err)
{
	return junitxml_end(parser, err);
}

static void
release(void *parser)
{
	junitxml_free(parser);
}

static const struct feed_parser parser = {make, feed_bytes, end, release};

#define CASE(attributes, content) "<testcase " attributes ">" content "</testcase>"
#define SUITE(content) "<testsuite>" content "</testsuite>"

static void
test_cuts(void **state)
{
	static const char *const texts[] = {
	    "<?xml version=\"1.0\"?>\n<testsuites><!-- c --><testsuite name='s'><properties><property name='a' value='b'/></properties>"
	    "<testcase classname='c' name='n' time='1.5'><failure message='&lt;m&gt;' type='t'><![CDATA[ body\n]]></failure>"
	    "<system-out>out &amp; err\xc3\xa9</system-out></testcase><system-err>loose</system-err></testsuite></testsuites>\n",
	    SUITE(CASE("name='a'", "<error/>")) "junk",
	    "<testsuite>\x1b<testcase name='\x02'/>",
	    SUITE(CASE("name='a'", "<error>cut")),
	    "",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_cuts_do_not_matter(&parser, slice_str(texts[i]));
}

static void
test_outcomes(void **state)
{
	(void)state;
	assert_brief(&parser, SUITE(CASE("name='a'", "")), "a inprogress\na success\n");
	assert_brief(
	    &parser, SUITE(CASE("name='a' classname='c'", "<skipped/>")), "c::a inprogress\nc::a skip\n");
	assert_brief(&parser, SUITE(CASE("name='a'", "<skipped type='pytest.xfail' message='why'/>")),
	    "a inprogress\na xfail junit detail=pytest.xfail: why\n\n");
	assert_brief(&parser, SUITE(CASE("name='a'", "<skipped message='why'/>")),
	    "a inprogress\na skip junit detail=why\n\n");
	assert_brief(&parser, SUITE(CASE("name='a'", "<failure type='T' message='m'>\n body \n</failure>")),
	    "a inprogress\na fail junit detail=T: m\nbody\n\n");
	assert_brief(
	    &parser, SUITE(CASE("name='a'", "<error type='T'/>")), "a inprogress\na fail junit detail=T\n\n");
	/* Meson copies control characters, which are no XML. */
	assert_brief(&parser, SUITE(CASE("name='a'", "<system-out>\x1b[1mx\x01</system-out>")),
	    "a inprogress\na system-out=\xEF\xBF\xBD[1mx\xEF\xBF\xBD\na success\n");
	/* gtest and ctest say in an attribute that a test was not run. */
	assert_brief(&parser, SUITE(CASE("name='a' status='notrun' result='suppressed'", "")),
	    "a inprogress\na skip\n");
	assert_brief(
	    &parser, SUITE(CASE("name='a' status='disabled'", "<system-out/>")), "a inprogress\na skip\n");
	assert_brief(&parser, SUITE(CASE("name='a' status='run' result='completed'", "<failure/>")),
	    "a inprogress\na fail\n");
}

static void
test_several(void **state)
{
	(void)state;
	assert_brief(&parser,
	    SUITE(CASE(
		"name='a'", "<skipped>s</skipped><error>e</error><failure>f</failure><failure>g</failure>")),
	    "a inprogress\na junit detail 2=s\n\na junit detail 3=e\n\na junit detail 4=g\n\na fail junit detail=f\n\n");
	/* Surefire: a test that passed when it was run again, and one that failed again. */
	assert_brief(&parser,
	    SUITE(CASE("name='a'",
		"<flakyFailure message='m'><stackTrace>t</stackTrace><system-out>o</system-out></flakyFailure>"
		"<flakyFailure>u</flakyFailure>")),
	    "a inprogress\na flakyFailure=m\nto\n\na flakyFailure 2=u\n\na success\n");
	assert_brief(&parser, SUITE(CASE("name='a'", "<failure>f</failure><rerunFailure>r</rerunFailure>")),
	    "a inprogress\na rerunFailure=r\n\na fail junit detail=f\n\n");
	assert_brief(&parser,
	    SUITE(CASE("name='a'",
		"<properties><property name='k' value='v'/><property name='w'/></properties><system-out>o</system-out>")),
	    "a inprogress\na properties=k=v\nw=\n\na system-out=o\na success\n");
}

static void
test_structure(void **state)
{
	(void)state;
	assert_brief(&parser,
	    "<testsuites>" SUITE(SUITE(CASE("name='in'", "")) CASE("name='out'", "")) "</testsuites>",
	    "in inprogress\nin success\nout inprogress\nout success\n");
	assert_brief(&parser, "<root>" SUITE(CASE("name='a'", "")) "</root>", "");
	assert_brief(&parser, SUITE("<x>" CASE("name='a'", "") "</x>"), "");
	assert_brief(&parser,
	    SUITE("<system-out>text</system-out><properties><property name='a' value='b'/></properties>"),
	    " system-out=text\n");
	/* Without a name. */
	assert_brief(
	    &parser, SUITE(CASE("classname='x'", "<system-out>o</system-out><skipped>s</skipped>")), "");
	assert_brief(&parser, SUITE(CASE("classname='x' name=''", "<error>e</error>")),
	    "x inprogress\nx fail junit detail=e\n\n");
	assert_brief(
	    &parser, "<testsuite name='s'>" CASE("", "<error/>") "</testsuite>", "s inprogress\ns fail\n");
}

struct times {
	int64_t last;
};

static int
keep_time(void *context, const struct event *e, struct err *err)
{
	struct times *t = context;

	(void)err;
	t->last = e->time;
	return 0;
}

static void
test_times(void **state)
{
	static const struct {
		const char *text;
		int64_t micros;
	} cases[] = {{"1", 1000000}, {"0.0000005", 1}, {" 1e-3 ", 1000}, {"-1", -1000000},
	    {"1,234.5", 1234500000}, {"inf", 0}, {"nan", 0}, {"0x10", 0}, {"", 0}, {"x", 0}, {"1e300", 0},
	    {"1e10", 0}, {"-1e9", 0}, {"1.5 2", 0}, {"--1", 0}};
	const int64_t start = INT64_C(946684800) * TIME_SECOND;
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct times times = {0};
		struct junitxml *j = junitxml_new(keep_time, &times);
		char text[256];

		snprintf(text, sizeof(text), SUITE("<testcase name='a' time='%s'/>"), cases[i].text);
		for (int file = 1; file <= 2; file++) {
			assert_int_equal(junitxml_begin(j, &err), 0);
			assert_int_equal(junitxml_feed(j, slice_str(text), &err), 0);
			assert_int_equal(junitxml_end(j, &err), 0);
			assert_true(times.last == start + file * cases[i].micros * 1000);
		}
		junitxml_free(j);
	}
}

static void
test_refusals(void **state)
{
	(void)state;
	assert_refusals_come_back(&parser,
	    SUITE("<system-err>x</system-err>" CASE("name='a'", "<failure>a</failure><error>b</error>")), 4);
}

static void
test_limits(void **state)
{
	struct feed_count count;
	struct err err = {0};

	(void)state;
	assert_int_equal(feed_often(&parser, "<testsuite><testcase name='a'><failure>", "0123456789abcdef",
			     1 << 21, "</failure></testcase></testsuite>", &count, &err),
	    0);
	assert_int_equal(count.events, 2);
	assert_true(count.most > JUNITXML_TEXT_MAX && count.most < JUNITXML_TEXT_MAX + 2000);
	assert_int_equal(
	    feed_often(&parser, "<testsuite name='", FEED_TEXT, 1 << 12, "'/>", &count, &err), -1);
	assert_non_null(strstr(err.text, "longer"));
	assert_int_equal(feed_often(&parser, "", "<testsuite>", XML_DEPTH_MAX + 1, "", &count, &err), -1);
	assert_non_null(strstr(err.text, "nested"));
	/* A long text of many tokens is no long tag. */
	assert_int_equal(feed_often(&parser, "<testsuite>", "<testcase name='" FEED_64 "'/>", 1 << 15,
			     "</testsuite>", &count, &err),
	    0);
	assert_int_equal(count.events, 1 << 16);
}

/* A broken file does not spoil the next one. */
static void
test_broken_then_whole(void **state)
{
	struct feed_count count = {0};
	struct junitxml *j = junitxml_new(feed_counted, &count);
	struct err err = {0};

	(void)state;
	assert_int_equal(junitxml_begin(j, &err), 0);
	assert_int_equal(
	    junitxml_feed(j, slice_str("<testsuite><testcase name='a'><failure></x>"), &err), -1);
	assert_int_equal(junitxml_feed(j, slice_str("<x/>"), &err), -1);
	assert_false(junitxml_failed(j));
	assert_int_equal(junitxml_begin(j, &err), 0);
	assert_int_equal(junitxml_feed(j, slice_str(SUITE(CASE("name='b'", "<error/>"))), &err), 0);
	assert_int_equal(junitxml_end(j, &err), 0);
	assert_true(junitxml_failed(j));
	assert_int_equal(count.events, 3);
	junitxml_free(j);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cuts),
	    cmocka_unit_test(test_outcomes),
	    cmocka_unit_test(test_several),
	    cmocka_unit_test(test_structure),
	    cmocka_unit_test(test_times),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_broken_then_whole),
	};

	return cmocka_run_group_tests_name("junitxml", tests, NULL, NULL);
}
