/* SPDX-License-Identifier: Apache-2.0
 *
 * What is expected here is what Python's re says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pattern.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static struct pattern *
compiled(const char *text, unsigned flags)
{
	struct err err = {0};
	struct pattern *p = NULL;

	if (pattern_compile(slice_str(text), flags, &p, &err))
		fail_msg("%s", err.text);
	assert_non_null(p);
	return p;
}

/* The subject is an allocation of its own size, so that reading past its end is seen by the sanitizer. */
static int
search(const char *text, unsigned flags, const char *subject)
{
	struct pattern *p = compiled(text, flags);
	size_t len = strlen(subject);
	uint8_t *copy = malloc(len ? len : 1);
	struct err err = {0};
	int result;

	memcpy(copy, subject, len);
	result = pattern_search(p, slice_of(copy, len), &err);
	assert_int_equal(err.kind, result < 0 ? ERR_FAILED : ERR_NONE);
	free(copy);
	pattern_free(p);
	return result;
}

static void
test_search(void **state)
{
	static const struct {
		const char *text, *subject;
		int found, found_multiline;
	} cases[] = {
	    {"", "", 1, 1},
	    {"b", "abc", 1, 1},
	    {"B", "abc", 0, 0},
	    {"(?i)B", "abc", 1, 1},
	    {"^b", "a\nb", 0, 1},
	    {"^$", "a\n", 0, 1},
	    {"a$", "a\nb", 0, 1},
	    {"a$", "a\n", 1, 1},
	    {"a\\Z", "a\n", 0, 0},
	    {"a\\Z", "ba", 1, 1},
	    {"a.b", "a\nb", 0, 0},
	    {"a.b", "a\rb", 1, 1},
	    {"(?s)a.b", "a\nb", 1, 1},
	    {"\\v", "\x0b", 1, 1},
	    {"\\v", "\n", 0, 0},
	    {"[\\v]", "\n", 0, 0},
	    {"\\u00e9", "\xC3\xA9", 1, 1},
	    {"^\\U0001F600$", "\xF0\x9F\x98\x80", 1, 1},
	    {"^.$", "\xF0\x9F\x98\x80", 1, 1},
	    {"\\w", "\xC3\xA9", 1, 1},
	    {"(?a)\\w", "\xC3\xA9", 0, 0},
	    {"(?ai)A", "a", 1, 1},
	    {"(?u)\\w", "\xC3\xA9", 1, 1},
	    {"\\d", "\xD9\xA1", 1, 1},
	    {"^a{,2}$", "aa", 1, 1},
	    {"^a{,2}$", "aaa", 0, 0},
	    {"^a{,}$", "aaa", 1, 1},
	    {"^a{x}$", "a{x}", 1, 1},
	    {"^{,", "{,", 1, 1},
	    {"^[[:a]]$", ":]", 1, 1},
	    {"^[]a]$", "]", 1, 1},
	    {"^[^]a]$", "b", 1, 1},
	    {"^[^]a]$", "]", 0, 0},
	    {"^[\\]a]$", "]", 1, 1},
	    {"^\\101\\x41\\07$", "AA\a", 1, 1},
	    {"^[\\1\\101]$", "A", 1, 1},
	    {"^(a)(b)\\2\\1$", "abba", 1, 1},
	    {"^(?P<x>a|b)(?P=x)$", "bb", 1, 1},
	    {"^(?P<x>a|b)(?P=x)$", "ab", 0, 0},
	    {"(?x) a b # [c", "ab", 1, 1},
	    {"a(?#[)b", "ab", 1, 1},
	    {"a(?#(?R)b", "ab", 1, 1},
	    {"[(?R)]", "?", 1, 1},
	    {"a(?-i)b", "ab", 1, 1},
	    {"^(a)?(?(1)b|c)$", "ab", 1, 1},
	    {"^(a)?(?(1)b|c)$", "c", 1, 1},
	    {"(?=a)b?a", "a", 1, 1},
	    {"(a|)b*a", "a", 1, 1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (search(cases[i].text, 0, cases[i].subject) != cases[i].found)
			fail_msg("%s on %s is not %d", cases[i].text, cases[i].subject, cases[i].found);
		if (search(cases[i].text, PATTERN_MULTILINE, cases[i].subject) != cases[i].found_multiline)
			fail_msg("%s in lines of %s", cases[i].text, cases[i].subject);
	}
}

static void
test_bad_expressions(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
	    {"(", "missing closing parenthesis at position 1 of the regular expression '('"},
	    {"\xC3\xA9(", "missing closing parenthesis at position 2 of the regular expression '\xC3\xA9('"},
	    {"\\Z\\Z\\u00e9)", "unmatched closing parenthesis at position 10 of the"},
	    {"(?i)a)", "unmatched closing parenthesis at position 5 of the"},
	    {"*a", "quantifier does not follow a repeatable item at position 0 of the"},
	    {"a(*ACCEPT)", "nothing to repeat at position 1 of the"},
	    {"a(?R)", "calls of groups are not supported at position 1 of the"},
	    {"(?0)", "calls of groups"},
	    {"(a)(?-1)", "calls of groups"},
	    {"(?+1)(a)", "calls of groups"},
	    {"(?P<x>a)(?&x)", "calls of groups"},
	    {"(?P<x>a)(?P>x)", "calls of groups"},
	    {"(?P<x>a)\\g<x>", "calls of groups"},
	    {"(a)\\g'1'", "calls of groups"},
	    {"[a", "missing terminating ] for character class at position 2 of the"},
	    {"a\\", "\\ at end of pattern at position 2 of the"},
	    {"(a)\\2", "reference to non-existent subpattern at position 5 of the"},
	    {"(a)\\10", "reference to non-existent subpattern at position 6 of the"},
	    {"\xFF", "UTF-8 error: "},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pattern *p = NULL;
		struct err err = {0};

		assert_int_equal(pattern_compile(slice_str(cases[i].text), 0, &p, &err), -1);
		assert_null(p);
		assert_int_equal(err.kind, ERR_FAILED);
		if (!slice_starts(slice_str(err.text), slice_str(cases[i].message)))
			fail_msg("%s: %s", cases[i].text, err.text);
	}
}

static void
test_match_start(void **state)
{
	static const struct {
		const char *text, *subject, *match; /* NULL: none */
	} cases[] = {
	    {"([^.]*\\.)*", "pkg.class.test", "pkg.class."},
	    {"([^.]*\\.)*", "test", ""},
	    {"class", "pkg.class", NULL},
	    {"^pkg", "pkg.class", "pkg"},
	    {"a|ab", "ab", "a"},
	    {"", "", ""},
	    {"b", "", NULL},
	    {"\\w+", "\xC3\xA9t\xC3\xA9-", "\xC3\xA9t\xC3\xA9"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pattern *p = compiled(cases[i].text, 0);
		struct slice subject = slice_str(cases[i].subject), match = SLICE_NONE;
		struct err err = {0};

		assert_int_equal(pattern_match_start(p, subject, &match, &err), cases[i].match != NULL);
		if (cases[i].match) {
			assert_ptr_equal(match.data, subject.data);
			assert_true(slice_eq(match, slice_str(cases[i].match)));
		} else {
			assert_null(match.data);
		}
		pattern_free(p);
	}
}

static void
test_absent_subject(void **state)
{
	struct pattern *p = compiled("^$", 0);
	struct slice match = SLICE_NONE;
	struct err err = {0};
	struct buf out;

	(void)state;
	buf_init(&out, 10);
	assert_int_equal(pattern_search(p, SLICE_NONE, &err), 1);
	assert_int_equal(pattern_match_start(p, SLICE_NONE, &match, &err), 1);
	assert_non_null(match.data);
	assert_int_equal(match.len, 0);
	assert_int_equal(pattern_set_replacement(p, slice_str("x"), &err), 0);
	assert_int_equal(pattern_substitute(p, SLICE_NONE, &out, &err), 0);
	assert_string_equal(buf_cstr(&out), "x");
	buf_release(&out);
	pattern_free(p);
	pattern_free(NULL);
}

/* What re.sub(text, replacement, subject) gives; NULL when it refuses the replacement. */
static void
test_substitute(void **state)
{
	static const struct {
		const char *text, *replacement, *subject, *result;
	} cases[] = {
	    {"b", "X", "abcb", "aXcX"},
	    {"z", "X", "abc", "abc"},
	    {"b", "", "abc", "ac"},
	    {"x*", "-", "abxd", "-a-b--d-"},
	    {"x*", "-", "", "-"},
	    {"\\b", "|", "a b", "|a| |b|"},
	    {"(?m)^", "> ", "a\nb\n", "> a\n> b\n> "},
	    {".*", "x", "ab", "xx"},
	    {"x*", "-", "\xC3\xA9", "-\xC3\xA9-"},
	    {"(a)(b)?", "[\\1\\2]", "abac", "[ab][a]c"},
	    {"(a)(b)", "\\2\\1\\g<2>\\g<1>\\g<0>\\g<01>", "ab", "babaaba"},
	    {"(?P<x>a)(?P<y>b)", "\\g<y>\\g<x>", "ab", "ba"},
	    {"a", "\\\\\\n\\t\\r\\a\\b\\f\\v", "a", "\\\n\t\r\a\b\f\v"},
	    {"a", "\\101\\07\\60", "a", NULL},
	    {"a", "\\101\\07", "a", "A\a"},
	    {"a", "\\377", "a", "\xC3\xBF"},
	    {"a", "\\-\\.\\\xC3\xA9", "a", "\\-\\.\\\xC3\xA9"},
	    {"(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)(k)", "\\11\\10", "abcdefghijk", "kj"},
	    {"(a)", "\\10", "a", NULL},
	    {"(a)", "\\2", "a", NULL},
	    {"(a)", "\\g<2>", "a", NULL},
	    {"(a)", "\\g<99999999999999999999>", "a", NULL},
	    {"(a)", "\\g<4294967296>", "a", NULL},
	    {"(?P<x>a)", "\\g<xx>", "a", NULL},
	    {"(?P<x>a)", "\\g<>", "a", NULL},
	    {"(?P<x>a)", "\\g<x", "a", NULL},
	    {"(?P<x>a)", "\\gx", "a", NULL},
	    {"a", "\\g", "a", NULL},
	    {"a", "\\q", "a", NULL},
	    {"a", "\\400", "a", NULL},
	    {"a", "x\\", "a", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pattern *p = compiled(cases[i].text, 0);
		struct slice replacement = slice_str(cases[i].replacement);
		struct err err = {0};
		struct buf out;

		buf_init(&out, 100);
		assert_int_equal(pattern_set_replacement(p, replacement, &err), cases[i].result ? 0 : -1);
		if (cases[i].result) {
			assert_int_equal(pattern_substitute(p, slice_str(cases[i].subject), &out, &err), 0);
			assert_string_equal(buf_cstr(&out), cases[i].result);
		} else {
			assert_true(slice_search(slice_str(err.text), SLICE_LIT(" of the replacement '")) <
				    strlen(err.text));
		}
		buf_release(&out);
		pattern_free(p);
	}
}

/* A replacement that is refused leaves the earlier one in force. */
static void
test_replacement_again(void **state)
{
	struct pattern *p = compiled("a", 0);
	struct err err = {0};
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	assert_int_equal(pattern_substitute(p, slice_str("xay"), &out, &err), 0);
	assert_string_equal(buf_cstr(&out), "xy");
	assert_int_equal(pattern_set_replacement(p, slice_str("1"), &err), 0);
	assert_int_equal(pattern_set_replacement(p, slice_str("22"), &err), 0);
	assert_int_equal(pattern_set_replacement(p, slice_str("\\3"), &err), -1);
	assert_string_equal(err.text, "no such group at position 0 of the replacement '\\3'");
	buf_clear(&out);
	assert_int_equal(pattern_substitute(p, slice_str("xay"), &out, &err), 0);
	assert_string_equal(buf_cstr(&out), "x22y");
	buf_release(&out);
	pattern_free(p);
}

static void
test_invalid_utf8(void **state)
{
	struct pattern *p = compiled("b.", 0);
	uint8_t every[256];
	struct slice match = SLICE_NONE;
	struct err err = {0};
	struct buf out;

	(void)state;
	buf_init(&out, 10000);
	assert_int_equal(pattern_set_replacement(p, slice_str("<\\g<0>>"), &err), 0);
	assert_int_equal(pattern_search(p,
			     slice_str("\xFF"
				       "a"),
			     &err),
	    0);
	assert_int_equal(pattern_search(p,
			     slice_str("\xFF"
				       "b\xE2\x82"),
			     &err),
	    1);
	assert_int_equal(pattern_match_start(p,
			     slice_str("b\xFF"
				       "c"),
			     &match, &err),
	    1);
	assert_true(slice_eq(match, SLICE_LIT("b\xEF\xBF\xBD")));
	assert_int_equal(pattern_substitute(p,
			     slice_str("\xC3"
				       "bc\xC3"),
			     &out, &err),
	    0);
	assert_string_equal(buf_cstr(&out), "\xEF\xBF\xBD<bc>\xEF\xBF\xBD");
	for (size_t i = 0; i < sizeof(every); i++)
		every[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(every); i++) {
		buf_clear(&out);
		assert_in_range(pattern_search(p, slice_of(every + i, sizeof(every) - i), &err), 0, 1);
		assert_int_equal(
		    pattern_substitute(p, slice_of(every + i, sizeof(every) - i), &out, &err), 0);
	}
	buf_release(&out);
	pattern_free(p);
}

/* Expressions that would take longer than anyone lives end with an error, searched for anywhere or at the
 * start. */
static void
test_hostile(void **state)
{
	static const char *const texts[] = {"(a+)+$", "(a|aa)+$", "(.*)*x", "((a*)*)*b", "(.*?a){30}P"};
	char subject[2000];

	(void)state;
	memset(subject, 'a', sizeof(subject));
	subject[sizeof(subject) - 1] = '!';
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct pattern *p = compiled(texts[i], 0);
		struct slice s = slice_of(subject, sizeof(subject)), match = SLICE_NONE;
		struct err err = {0};
		struct buf out;

		buf_init(&out, 10000);
		assert_int_equal(pattern_search(p, s, &err), -1);
		assert_int_equal(err.kind, ERR_FAILED);
		assert_true(slice_search(slice_str(err.text), slice_str(texts[i])) < strlen(err.text));
		assert_int_equal(pattern_match_start(p, s, &match, &err), -1);
		assert_null(match.data);
		assert_int_equal(pattern_substitute(p, s, &out, &err), -1);
		buf_release(&out);
		pattern_free(p);
	}
}

/* Long subjects, deep nesting and much backtracking that ends are no reason to give up, and many matches are
 * found in one pass. */
static void
test_large(void **state)
{
	size_t len = 300000;
	char *subject = malloc(len);
	struct pattern *p = compiled("(?:.|\\n)*z", 0);
	struct err err = {0};
	struct buf out;

	(void)state;
	assert_int_equal(search("(a|aa)+$", 0, "aaaaaaaaaaaaaaaaaaaaaaaa!"), 0);
	memset(subject, 'a', len);
	subject[len - 1] = 'z';
	if (pattern_search(p, slice_of(subject, len), &err) != 1)
		fail_msg("%s", err.text);
	pattern_free(p);
	p = compiled("a", 0);
	buf_init(&out, 2 * len);
	assert_int_equal(pattern_set_replacement(p, slice_str("bc"), &err), 0);
	assert_int_equal(pattern_substitute(p, slice_of(subject, len), &out, &err), 0);
	assert_int_equal(out.len, 2 * len - 1);
	assert_false(out.failed);
	buf_release(&out);
	pattern_free(p);
	free(subject);
}

static void
test_too_long(void **state)
{
	size_t len = 1024 * 1024 + 1;
	char *text = malloc(len);
	struct pattern *p = compiled("a", 0), *q = NULL;
	struct err err = {0};

	(void)state;
	memset(text, 'a', len);
	assert_int_equal(pattern_compile(slice_of(text, len), 0, &q, &err), -1);
	assert_null(q);
	assert_int_equal(pattern_set_replacement(p, slice_of(text, len), &err), -1);
	pattern_free(p);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_search),
	    cmocka_unit_test(test_bad_expressions),
	    cmocka_unit_test(test_match_start),
	    cmocka_unit_test(test_absent_subject),
	    cmocka_unit_test(test_substitute),
	    cmocka_unit_test(test_replacement_again),
	    cmocka_unit_test(test_invalid_utf8),
	    cmocka_unit_test(test_hostile),
	    cmocka_unit_test(test_large),
	    cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
