/* SPDX-License-Identifier: Apache-2.0
 *
 * A command line is written as one string, its arguments parted by '|'. What optparse tells of it is written
 * down the same way: an option as "name=value,value;", an integer as "number:N;", then "@" and the positional
 * arguments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "optparse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ARGS 32

static const struct option options[] = {
    {'d', "here", OPTION_VALUE, "DIR", ""},
    {'q', "quiet", OPTION_FLAG, NULL, ""},
    {0, "failing", OPTION_FLAG, NULL, ""},
    {0, "full-results", OPTION_FLAG, NULL, ""},
    {0, "force-init", OPTION_FLAG, NULL, ""},
    {0, "number", OPTION_VALUE, "N", ""},
    {'n', NULL, OPTION_VALUE, "N", ""},
    {0, "without", OPTION_VALUE, "RE", ""},
    {0, "with", OPTION_VALUE, "RE", ""},
    {'r', "rename", OPTION_VALUE2, "RE REPL", ""},
    {'x', NULL, OPTION_FLAG, NULL, ""},
    {0},
};

static int
note(void *context, const struct option *option, char *const *values, struct err *err)
{
	struct buf *out = context;
	char letter[2] = {option->letter, '\0'};
	long number;

	if ((option->name && strcmp(option->name, "number") == 0) || option->letter == 'n') {
		if (optparse_int(option, values[0], &number, err))
			return -1;
		buf_printf(out, "number:%ld;", number);
		return 0;
	}
	buf_str(out, option->name ? option->name : letter);
	if (option->kind != OPTION_FLAG)
		buf_printf(out, "=%s", values[0]);
	if (option->kind == OPTION_VALUE2)
		buf_printf(out, ",%s", values[1]);
	buf_byte(out, ';');
	return 0;
}

/* Each argument is an allocation of its own, so that reading past its end is seen by the sanitizer. */
static char *
told(const char *line, bool keep_dashes)
{
	char *args[MAX_ARGS], *owned[MAX_ARGS];
	struct slice rest = slice_str(*line ? line : NULL), part;
	size_t count = 0, positionals;
	struct err err = {0};
	struct buf out;

	buf_init(&out, 4096);
	while (slice_split(&rest, '|', &part)) {
		owned[count] = args[count] = slice_dup(part);
		count++;
	}
	if (optparse(options, args, count, keep_dashes, note, &out, &positionals, &err)) {
		buf_clear(&out);
		assert_int_equal(err.kind, ERR_USAGE);
		buf_printf(&out, "error: %s", err.text);
	} else {
		assert_int_equal(err.kind, ERR_NONE);
		buf_byte(&out, '@');
		for (size_t i = 0; i < positionals; i++)
			buf_printf(&out, "%s%s", i ? "|" : "", args[i]);
	}
	for (size_t i = 0; i < count; i++)
		free(owned[i]);
	return buf_steal(&out);
}

struct case_ {
	const char *line, *told;
};

static void
check_cases(const struct case_ *cases, size_t count, bool keep_dashes)
{
	for (size_t i = 0; i < count; i++) {
		char *got = told(cases[i].line, keep_dashes);

		assert_string_equal(got, cases[i].told);
		free(got);
	}
}

#define CHECK(cases, keep) check_cases(cases, sizeof(cases) / sizeof(*(cases)), keep)

static void
test_rules(void **state)
{
	static const struct case_ cases[] = {
	    {"", "@"},
	    {"a|b", "@a|b"},
	    {"-", "@-"},
	    {"a|-q|b|--failing|c", "quiet;failing;@a|b|c"},
	    {"-d|.", "here=.;@"},
	    {"-d.|x", "here=.;@x"},
	    {"-qd|.|x", "quiet;here=.;@x"},
	    {"-qd.", "quiet;here=.;@"},
	    {"-dq", "here=q;@"},
	    {"-d=x", "here==x;@"},
	    {"-d|-q", "here=-q;@"},
	    {"--here=x", "here=x;@"},
	    {"--here=", "here=;@"},
	    {"--here=a=b", "here=a=b;@"},
	    {"--here|--quiet", "here=--quiet;@"},
	    {"--fail|--full|--fo", "failing;full-results;force-init;@"},
	    {"--with|a|--witho|b", "with=a;without=b;@"},
	    {"--rename|a|b|c", "rename=a,b;@c"},
	    {"--rename=a|b|c", "rename=a,b;@c"},
	    {"-ra|b|c", "rename=a,b;@c"},
	    {"-xr|a|b", "x;rename=a,b;@"},
	    {"-d|1|-d|2", "here=1;here=2;@"},
	};

	(void)state;
	CHECK(cases, false);
	CHECK(cases, true);
}

static void
test_dashes(void **state)
{
	static const struct case_ kept[] = {
	    {"--", "@--"},
	    {"a|-q|--|-d|--", "quiet;@a|--|-d|--"},
	    {"-d|--|x", "error: -d option requires 1 argument"},
	    {"--rename|a|--|x", "error: --rename option requires 2 arguments"},
	};
	static const struct case_ dropped[] = {
	    {"--", "@"},
	    {"a|-q|--|-d|--", "quiet;@a|-d|--"},
	    {"-d|--|x", "here=--;@x"},
	    {"--rename|a|--|x", "rename=a,--;@x"},
	};

	(void)state;
	CHECK(kept, true);
	CHECK(dropped, false);
}

static void
test_errors(void **state)
{
	static const struct case_ cases[] = {
	    {"--x", "error: no such option: --x"},
	    {"--x=1", "error: no such option: --x"},
	    {"--Quiet", "error: no such option: --Quiet"},
	    {"--quieter", "error: no such option: --quieter"},
	    {"--f", "error: ambiguous option: --f (--failing, --force-init, --full-results?)"},
	    {"--fu|--f=1", "error: ambiguous option: --f (--failing, --force-init, --full-results?)"},
	    {"--wit", "error: ambiguous option: --wit (--with, --without?)"},
	    {"--=1",
		"error: ambiguous option: -- (--failing, --force-init, --full-results, --here, --number, "
		"--quiet, --rename, --with, --without?)"},
	    {"--number", "error: --number option requires 1 argument"},
	    {"--num", "error: --number option requires 1 argument"},
	    {"--rename|a", "error: --rename option requires 2 arguments"},
	    {"-ra", "error: -r option requires 2 arguments"},
	    {"-d", "error: -d option requires 1 argument"},
	    {"-qd", "error: -d option requires 1 argument"},
	    {"--number=x", "error: option --number: invalid integer value: 'x'"},
	    {"-nx", "error: option -n: invalid integer value: 'x'"},
	    {"--failing=", "error: --failing option does not take a value"},
	    {"--fai=1", "error: --failing option does not take a value"},
	    {"-z", "error: no such option: -z"},
	    {"-q=", "error: no such option: -="},
	    {"-q-", "error: no such option: --"},
	    {"-q\xC3\xA9t", "error: no such option: -\xC3\xA9"},
	    {"-q\xC3", "error: no such option: -\xC3"},
	};

	(void)state;
	CHECK(cases, false);
	CHECK(cases, true);
}

/* The beginning of a name means that option, unless another name begins so too; a whole name always means
 * itself. */
static void
test_prefixes(void **state)
{
	(void)state;
	for (const struct option *o = options; o->letter || o->name; o++) {
		static const char *const tails[] = {";@1|2", "=1;@2", "=1,2;@"};
		size_t len = o->name ? strlen(o->name) : 0;

		for (size_t n = 1; n <= len; n++) {
			struct slice prefix = slice_of(o->name, n);
			const char *tail = strcmp(o->name, "number") == 0 ? ":1;@2" : tails[o->kind];
			char line[64], expected[64], *got;
			size_t shared = 0;
			bool other = false;

			for (const struct option *p = options; p->letter || p->name; p++) {
				shared += p->name && slice_starts(slice_str(p->name), prefix);
				other |= p != o && p->name && slice_eq(slice_str(p->name), prefix);
			}
			if (other)
				continue;
			snprintf(line, sizeof(line), "--%.*s|1|2", SLICE_FMT(prefix));
			if (shared > 1 && n < len)
				snprintf(expected, sizeof(expected), "error: ambiguous option: --%.*s (",
				    SLICE_FMT(prefix));
			else
				snprintf(expected, sizeof(expected), "%s%s", o->name, tail);
			got = told(line, false);
			assert_true(slice_starts(slice_str(got), slice_str(expected)));
			free(got);
		}
	}
}

static void
test_int(void **state)
{
	static const struct {
		const char *text;
		long value;
	} good[] = {{"0", 0}, {"1", 1}, {"-3", -3}, {"+4", 4}, {" 5 ", 5}, {"0x1f", 31}, {"0XFf", 255},
	    {"0x_1", 1}, {"0b11", 3}, {"0b", 0}, {"0b-1", -1}, {"0b0b1", 1}, {"010", 8}, {"0o17", 15},
	    {"0_7", 7}, {"00", 0}, {"-010", -10}, {"1_000", 1000}, {"9223372036854775807", INT64_MAX},
	    {"-9223372036854775808", INT64_MIN}};
	static const char *const bad[] = {"", " ", "x", "1x", "08", "0x", "0xg", "0b2", "1__0", "_1", "1_",
	    "- 5", "--5", "+", "0x-1", "-0x1", "1e3", "1.0", "9223372036854775808", "-9223372036854775809"};
	const struct option *number = &options[5];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct err err = {0};
		long value = -77;

		assert_int_equal(optparse_int(number, good[i].text, &value, &err), 0);
		assert_int_equal(value, good[i].value);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct err err = {0};
		char expected[100];
		long value = -77;

		assert_int_equal(optparse_int(number, bad[i], &value, &err), -1);
		assert_int_equal(value, -77);
		snprintf(expected, sizeof(expected), "option --number: invalid integer value: '%s'", bad[i]);
		assert_string_equal(err.text, expected);
	}
}

static void
test_quote(void **state)
{
	static const struct case_ cases[] = {{"", "''"}, {"a b", "'a b'"}, {"it's", "\"it's\""},
	    {"\"", "'\"'"}, {"'\"", "'\\'\"'"}, {"a\\b", "'a\\\\b'"},
	    {"\t\n\r\x01\x7f", "'\\t\\n\\r\\x01\\x7f'"},
	    {"\xC3\xA9\xF0\x9F\x98\x80", "'\xC3\xA9\xF0\x9F\x98\x80'"},
	    {"\xC3\xA9\xA9z\xFF", "'\xC3\xA9\\udca9z\\udcff'"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf out;

		buf_init(&out, 100);
		optparse_quote(&out, slice_str(cases[i].line));
		assert_string_equal(buf_cstr(&out), cases[i].told);
		buf_release(&out);
	}
}

/* A callback that fails ends the walk, and its error is the one that is seen. */
static int
refuse(void *context, const struct option *option, char *const *values, struct err *err)
{
	(void)option;
	(void)values;
	++*(int *)context;
	return err_set(err, ERR_USAGE, "not today");
}

static void
test_callback_fails(void **state)
{
	char q[] = "-qq", f[] = "--failing";
	char *args[] = {q, f};
	size_t positionals = 77;
	struct err err = {0};
	int calls = 0;

	(void)state;
	assert_int_equal(optparse(options, args, 2, false, refuse, &calls, &positionals, &err), -1);
	assert_string_equal(err.text, "not today");
	assert_int_equal(calls, 1);
	assert_int_equal(positionals, 77);
}

/* Whatever the arguments are, the walk ends, and text that outgrows the error is cut, not written past its
 * end. */
static void
test_long_arguments(void **state)
{
	char line[3000], *got;

	(void)state;
	for (size_t i = 0; i < sizeof(line) - 1; i++)
		line[i] = i < 2 ? '-' : 'f';
	line[sizeof(line) - 1] = '\0';
	got = told(line, true);
	assert_true(slice_starts(slice_str(got), SLICE_LIT("error: no such option: --ff")));
	assert_true(strlen(got) < 1100);
	free(got);
	memcpy(line, "--number=", 9);
	got = told(line, true);
	assert_true(slice_starts(slice_str(got), SLICE_LIT("error: option --number: invalid")));
	free(got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rules),
	    cmocka_unit_test(test_dashes),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_prefixes),
	    cmocka_unit_test(test_int),
	    cmocka_unit_test(test_quote),
	    cmocka_unit_test(test_callback_fails),
	    cmocka_unit_test(test_long_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
