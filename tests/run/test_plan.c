/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const char *const ids[] = {"a.b.c", "api.x", "api.y", "other", "\xc3\xa9"};

static void
add_ids(struct strtab *table)
{
	for (size_t i = 0; i < COUNT(ids); i++)
		assert_int_equal(strtab_add(table, slice_str(ids[i]), NULL), i);
}

/* What parsing and resolving a plan ends with: "" or the error. out[] has the segments. */
static const char *
resolve(const char *text, size_t *out, struct plan_segment *segments)
{
	static struct err err;
	struct strtab table = {0};
	struct plan *plan = NULL;
	int rc;

	add_ids(&table);
	err = (struct err){0};
	rc = plan_parse(slice_str(text), "p", &plan, &err);
	if (rc == 0) {
		rc = plan_resolve(plan, &table, out, &err);
		for (size_t i = 0; segments && i < plan_segment_count(plan); i++)
			segments[i] = plan_segment(plan, i);
	}
	assert_true(rc == 0 || (rc == -1 && err.kind == ERR_FAILED));
	plan_free(plan);
	strtab_release(&table);
	return rc ? err.text : "";
}

static void
each_test_is_in_one_segment(void **context)
{
	struct plan_segment s[3];
	size_t of[COUNT(ids)];

	(void)context;
	assert_string_equal(
	    resolve("{\"version\": 1, \"segments\": ["
		    "{\"tests\": [\"a.b.c\"], \"concurrency\": 1},"
		    "{\"match\": [\"^api\\\\.\", \"^\\u00e9$\"], \"concurrency\": 8, \"isolated\": true},"
		    "{\"rest\": true}]}",
		of, s),
	    "");
	assert_int_equal(of[0], 0);
	assert_int_equal(of[1], 1);
	assert_int_equal(of[2], 1);
	assert_int_equal(of[3], 2);
	assert_int_equal(of[4], 1);
	assert_int_equal(s[0].concurrency, 1);
	assert_int_equal(s[1].concurrency, 8);
	assert_int_equal(s[2].concurrency, 0);
	assert_true(s[1].isolated && !s[0].isolated && !s[2].isolated);
}

#define PLAN(segments) "{\"version\": 1, \"segments\": [" segments "]}"

static const struct {
	const char *text, *want;
} errors[] = {
    {"", "p:1: '[' or '{' expected near end of file"},
    {"[]", "p: a plan is an object: {\"version\": 1, \"segments\": […]}"},
    {"{}", "p: \"version\" is not 1, the only one that this testr knows"},
    {"{\"version\": 2}", "p: \"version\" is not 1, the only one that this testr knows"},
    {"{\"version\": 1}", "p: \"segments\" is not a list of 1 to 10000 segments"},
    {"{\"version\": 1, \"segment\": []}", "p: unknown key \"segment\"; there are version and segments"},
    {PLAN(""), "p: \"segments\" is not a list of 1 to 10000 segments"},
    {PLAN("1"), "p: segment \"segment 1\": is not an object"},
    {PLAN("{}"), "p: segment \"segment 1\": takes no test: give it \"tests\", \"match\" or \"rest\""},
    {PLAN("{\"name\": \"x\", \"rest\": 1}"), "p: segment \"x\": \"rest\" is neither true nor false"},
    {PLAN("{\"name\": 5, \"rest\": true}"), "p: segment \"segment 1\": \"name\" is not a string"},
    {PLAN("{\"tests\": \"a\"}"), "p: segment \"segment 1\": \"tests\" is not a list of test ids"},
    {PLAN("{\"tests\": [1]}"), "p: segment \"segment 1\": \"tests\" is not a list of test ids"},
    {PLAN("{\"match\": [{}]}"), "p: segment \"segment 1\": \"match\" is not a list of regular expressions"},
    {PLAN("{\"rest\": true, \"concurrency\": 0}"),
	"p: segment \"segment 1\": \"concurrency\" is not a number of 1 or more"},
    {PLAN("{\"rest\": true, \"concurrency\": \"2\"}"),
	"p: segment \"segment 1\": \"concurrency\" is not a number of 1 or more"},
    {PLAN("{\"rest\": true, \"isolated\": 0}"),
	"p: segment \"segment 1\": \"isolated\" is neither true nor false"},
    {PLAN("{\"rest\": true, \"workers\": 2}"),
	"p: segment \"segment 1\": unknown key \"workers\"; there are name, tests, match, rest, concurrency and isolated"},
    {PLAN("{\"rest\": true}, {\"rest\": true}"),
	"p: segment \"segment 2\": only one segment can have the rest"},
    {PLAN("{\"tests\": [\"nobody\"]}, {\"rest\": true}"),
	"p: segment \"segment 1\": there is no test \"nobody\""},
    {PLAN("{\"tests\": [\"other\", \"other\"]}, {\"rest\": true}"),
	"p: segment \"segment 1\": the test \"other\" is there twice"},
    {PLAN("{\"tests\": [\"api.x\"]}, {\"match\": [\"api\"]}, {\"rest\": true}"),
	"p: the test \"api.x\" is in segment \"segment 1\" and in \"segment 2\""},
    {PLAN("{\"match\": [\"api\", \"x\"]}, {\"match\": [\"y\"]}, {\"rest\": true}"),
	"p: the test \"api.y\" is in segment \"segment 1\" and in \"segment 2\""},
    {PLAN("{\"match\": [\"api\"]}"),
	"p: no segment takes the test \"a.b.c\"; a last segment with \"rest\": true would"},
};

static void
what_is_unclear_is_an_error(void **context)
{
	size_t of[COUNT(ids)];

	(void)context;
	for (size_t i = 0; i < COUNT(errors); i++)
		assert_string_equal(resolve(errors[i].text, of, NULL), errors[i].want);
	assert_non_null(
	    strstr(resolve(PLAN("{\"name\": \"x\", \"match\": [\"(\"]}"), of, NULL), "p: segment \"x\": "));
}

/* A plan that breaks off, or has a byte changed, is parsed or refused. */
static void
damage_is_refused(void **context)
{
	static const char whole[] =
	    PLAN("{\"tests\": [\"a.b.c\"], \"concurrency\": 1}, {\"match\": [\"^api\"], "
		 "\"isolated\": true}, {\"rest\": true}");
	char text[sizeof(whole)];
	size_t of[COUNT(ids)];

	(void)context;
	for (size_t cut = 0; cut < sizeof(whole) - 1; cut++) {
		memcpy(text, whole, sizeof(whole));
		text[cut] = '\0';
		assert_string_not_equal(resolve(text, of, NULL), "");
	}
	for (size_t at = 0; at < sizeof(whole) - 1; at++)
		for (int bit = 0; bit < 8; bit++) {
			memcpy(text, whole, sizeof(whole));
			text[at] = (char)(text[at] ^ 1 << bit);
			(void)resolve(text, of, NULL);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_test_is_in_one_segment),
	    cmocka_unit_test(what_is_unclear_is_an_error),
	    cmocka_unit_test(damage_is_refused),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
