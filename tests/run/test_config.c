/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct config *
parse(const char *text)
{
	struct config *c = NULL;
	struct err err = {0};

	if (config_parse(slice_str(text), "conf", &c, &err))
		fail_msg("%s", err.text);
	return c;
}

static void
assert_error(const char *text, const char *want)
{
	struct config *c = NULL;
	struct err err = {0};

	assert_int_equal(config_parse(slice_str(text), "conf", &c, &err), -1);
	assert_null(c);
	assert_string_equal(err.text, want);
	assert_int_equal(err_exit_status(err.kind), 3);
}

/* What ConfigParser makes of each text. */
static const struct {
	const char *text, *value;
} values[] = {
    {"[DEFAULT]\ntest_command=a b", "a b"},
    {"[DEFAULT]\ntest_command = a b \n", "a b"},
    {"[DEFAULT]\r\nTest_Command: a=b\r\n", "a=b"},
    {"[DEFAULT]\rtest_command : a\r", "a"},
    {"[DEFAULT]\ntest_command=", ""},
    {"[DEFAULT]\ntest_command=\n a\n  b\n\n", "\na\nb"},
    {"[DEFAULT]\ntest_command=a\n\n  b\n", "a\n\nb"},
    {"[DEFAULT]\ntest_command=a ; b # c\n", "a ; b # c"},
    {"# x\n; y\n[DEFAULT]\ntest_command=a\n # gone\n\t; gone too\n b\n", "a\nb"},
    {"  [DEFAULT] anything\n  test_command=a\n  group_regex=x\n", "a"},
    {"[DEFAULT]\n  test_command=a\n   b\n  group_regex=x\n", "a\nb"},
    {"[DEFAULT]\ntest_command=100%%\n", "100%"},
    {"[DEFAULT]\nx=1%%\ntest_command=%(X)s%(y)s\ny = %(z)s\nz=2\n", "1%2"},
    {"[DEFAULT]\ntest_command=a\n[other]\ntest_command=b\n[DEFAULT]\ngroup_regex=x\n", "a"},
    {"[DEFAULT]\ntest_command=\xff\xc3\xa9 \xc2\xa0\n", "\xff\xc3\xa9 \xc2\xa0"},
};

static void
test_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct config *c = parse(values[i].text);

		assert_string_equal(config_get(c, "test_command"), values[i].value);
		config_free(c);
	}
}

#define TAIL "; a percent sign itself is written %%"

static const struct {
	const char *text, *message;
} errors[] = {
    {"\n test_command=a\n", "File contains no section headers.\nfile: 'conf', line: 2\n' test_command=a\\n'"},
    {"it's", "File contains no section headers.\nfile: 'conf', line: 1\n\"it's\""},
    {"[DEFAULT]\na=1\nA=2\n",
	"While reading from 'conf' [line  3]: option 'a' in section 'DEFAULT' already exists"},
    {"[DEFAULT]\na=1\n[x]\na=2\na=3\n",
	"While reading from 'conf' [line  5]: option 'a' in section 'x' already exists"},
    {"[x]\n[y]\n[x]\n", "While reading from 'conf' [line  3]: section 'x' already exists"},
    {"[DEFAULT]\nwhat\n=v\n",
	"Source contains parsing errors: 'conf'\n\t[line  2]: 'what\\n'\n\t[line  3]: '=v\\n'"},
    {"[DEFAULT]\n\ntest_command=a %s b\n", "conf:3: '%' must be followed by '%' or '(', found: '%s b'" TAIL},
    {"[DEFAULT]\ntest_command=a %", "conf:2: '%' must be followed by '%' or '(', found: '%'" TAIL},
    {"[DEFAULT]\nx=%(\ntest_command=%(x)s\n", "conf:2: bad interpolation variable reference '%('" TAIL},
    {"[DEFAULT]\ntest_command=%(x)s\n", "conf:2: Bad value substitution: option 'test_command' in section "
					"'DEFAULT' contains an interpolation key 'x' "
					"which is not a valid option name. Raw value: '%(x)s'" TAIL},
    {"[DEFAULT]\ntest_command=%(test_command)s\n",
	"conf:2: Recursion limit exceeded in value substitution: option 'test_command' in section 'DEFAULT' "
	"contains an "
	"interpolation key which cannot be substituted in 10 steps. Raw value: '%(test_command)s'"},
    {"[x]\nAn=1\n[profile p]\nTest_Comand=a\n",
	"conf:4: [profile p] has no use for 'Test_Comand'; did you mean 'test_command'?"},
    {"[profile p]\nhouse=a\n[DEFAULT]\nhouses=b\n",
	"conf:2: [profile p] has no use for 'house'; did you mean 'houses'?"},
    {"[profile p]\nenv.=a\n", "conf:2: [profile p] has no use for 'env.'"},
    {"[limit x]\nmatches=a\n", "conf:2: [limit x] has no use for 'matches'; did you mean 'match'?"},
    {"[limit x]\ntest_command=a\n", "conf:2: [limit x] has no use for 'test_command'"},
    {"[limit x]\nmatch=%(y)s\n",
	"conf:2: Bad value substitution: option 'match' in section 'limit x' contains an "
	"interpolation key 'y' which is not a valid option name. Raw value: '%(y)s'" TAIL},
    {"[a]\n[limit]\n", "conf:2: a section [limit] needs a name: write [limit NAME]"},
    {"[DEFAULT]\nx=1\nunexpected_success = maybe\n",
	"conf:3: unexpected_success is 'maybe': write 'fail' or 'pass'"},
};

static void
test_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		assert_error(errors[i].text, errors[i].message);
}

static void
test_nul_byte(void **state)
{
	struct config *c = NULL;
	struct err err = {0};

	(void)state;
	assert_int_equal(config_parse(SLICE_LIT("[DEFAULT]\na=\0\n"), "conf", &c, &err), -1);
	assert_string_equal(err.text, "conf:2: there is a NUL byte in this line");
}

static void
test_entries(void **state)
{
	struct config *c = parse("[DEFAULT]\n\nFilter_Tags=a\n b\nhouse=100%\n");
	const struct config_entry *e;

	(void)state;
	e = config_entry(c, 0);
	assert_string_equal(e->key, "filter_tags");
	assert_string_equal(e->value, "a\nb");
	assert_int_equal(e->line, 3);
	assert_true(e->known);
	e = config_entry(c, 1);
	assert_string_equal(e->key, "house");
	assert_string_equal(e->value, "100%");
	assert_false(e->known);
	assert_null(config_entry(c, 2));
	assert_int_equal(config_line(c, "house"), 5);
	assert_int_equal(config_line(c, "test_command"), 0);
	assert_null(config_get(c, "test_command"));
	assert_string_equal(config_path(c), "conf");
	config_free(c);
}

static void
assert_entry(const struct config_entry *e, const char *key, const char *value, unsigned line, bool known)
{
	assert_string_equal(e->key, key);
	assert_string_equal(e->value, value);
	assert_int_equal(e->line, line);
	assert_int_equal(e->known, known);
}

static void
test_sections(void **state)
{
	struct config *c = parse("[other]\nx=%(y)s\n[DEFAULT]\ny=2\n[limit a b ]\nMatch=%(max)s%(y)s\nmax=1\n"
				 "[profile  p]\nenv.HOME=%(y)s\n");
	struct config_section s;
	struct slice name;

	(void)state;
	assert_true(config_section(c, 0, &s));
	assert_string_equal(s.name, "other");
	assert_int_equal(s.line, 1);
	assert_false(config_section_is(&s, "limit", &name));
	assert_entry(config_section_entry(c, 0, 0), "x", "%(y)s", 2, false);
	assert_null(config_section_entry(c, 0, 1));
	assert_null(config_section_get(c, 0, "y"));

	assert_true(config_section(c, 1, &s));
	assert_int_equal(s.line, 5);
	assert_true(config_section_is(&s, "limit", &name));
	assert_true(slice_eq(name, SLICE_LIT("a b")));
	assert_false(config_section_is(&s, "lim", &name));
	assert_entry(config_section_entry(c, 1, 0), "match", "12", 6, true);
	assert_entry(config_section_entry(c, 1, 1), "max", "1", 7, true);
	assert_null(config_section_entry(c, 1, 2));
	assert_ptr_equal(config_section_get(c, 1, "max"), config_section_entry(c, 1, 1));

	assert_true(config_section(c, 2, &s));
	assert_true(config_section_is(&s, "profile", &name));
	assert_true(slice_eq(name, SLICE_LIT("p")));
	assert_entry(config_section_entry(c, 2, 0), "env.home", "%(y)s", 9, true);
	assert_string_equal(config_section_entry(c, 2, 0)->spelling, "env.HOME");
	assert_string_equal(config_section_entry(c, 2, 0)->section, "profile  p");
	assert_false(config_section(c, 3, &s));
	config_free(c);
}

/* The first section that has a key decides, also for references in a value that stands elsewhere. */
static void
test_overlay(void **state)
{
	static const size_t both[] = {1, 0};
	struct config *c = parse("[DEFAULT]\npython=python3\ntest_command=%(python)s %(db)s\ndb=none\n"
				 "[profile py]\npython=py\ndb=a\nenv.X=%(db)s\n[profile my]\ndb=my\n");
	struct config *over = NULL;
	struct config_section s;
	struct err err = {0};

	(void)state;
	assert_int_equal(config_overlay(c, both, 2, &over, &err), 0);
	assert_string_equal(config_get(c, "test_command"), "python3 none");
	assert_string_equal(config_get(over, "test_command"), "py my");
	assert_entry(config_entry(over, 0), "python", "py", 6, false);
	assert_string_equal(config_entry(over, 0)->section, "profile py");
	assert_entry(config_entry(over, 1), "test_command", "py my", 3, true);
	assert_string_equal(config_entry(over, 1)->section, "DEFAULT");
	assert_entry(config_entry(over, 3), "env.x", "my", 8, true);
	assert_null(config_entry(over, 4));
	assert_true(config_section(over, 1, &s));
	assert_string_equal(s.name, "profile my");
	assert_string_equal(config_section_get(over, 1, "db")->value, "my");
	config_free(over);
	over = NULL;
	assert_int_equal(config_overlay(c, both, 0, &over, &err), 0);
	assert_string_equal(config_get(over, "test_command"), "python3 none");
	config_free(over);
	config_free(c);

	c = parse("[profile p]\ntest_timeout=never\n[profile q]\ntest_command=%(x)s\n");
	assert_int_equal(config_overlay(c, &both[1], 1, &over, &err), -1);
	assert_string_equal(err.text,
	    "conf:2: test_timeout is 'never': write a number of seconds, from 1 to 31536000, 'auto' or 'none'");
	err = (struct err){0};
	assert_int_equal(config_overlay(c, &both[0], 1, &over, &err), -1);
	assert_string_equal(err.text,
	    "conf:4: Bad value substitution: option 'test_command' in section 'profile q' contains an "
	    "interpolation key 'x' which is not a valid option name. Raw value: '%(x)s'" TAIL);
	config_free(c);
}

static void
test_unexpected_success(void **state)
{
	static const struct {
		const char *text;
		bool passes;
	} cases[] = {{"", false}, {"[DEFAULT]\nunexpected_success=fail\n", false},
	    {"[DEFAULT]\nunexpected_success: pass\n", true}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config *c = parse(cases[i].text);

		assert_int_equal(config_uxsuccess_passes(c), cases[i].passes);
		config_free(c);
	}
}

/* A chain of references may be ten long, and no longer. */
static void
test_depth(void **state)
{
	(void)state;
	for (int length = 1; length < 14; length++) {
		struct config *c = NULL;
		struct err err = {0};
		struct buf text;

		buf_init(&text, 4096);
		buf_str(&text, "[DEFAULT]\ntest_command=%(k1)s\n");
		for (int i = 1; i < length; i++)
			buf_printf(&text, "k%d=%%(k%d)s\n", i, i + 1);
		buf_printf(&text, "k%d=end\n", length);
		assert_int_equal(config_parse(buf_get(&text), "conf", &c, &err), length <= 10 ? 0 : -1);
		if (c)
			assert_string_equal(config_get(c, "test_command"), "end");
		config_free(c);
		buf_release(&text);
	}
}

/* References that multiply end in an error, soon and in little memory. */
static void
test_growth(void **state)
{
	static const char *const leaves[] = {"", "0123456789"};

	(void)state;
	for (size_t l = 0; l < 2; l++) {
		struct config *c = NULL;
		struct err err = {0};
		struct buf text;

		buf_init(&text, 65536);
		buf_str(&text, "[DEFAULT]\ntest_command=%(k0)s\n");
		for (int i = 0; i < 8; i++) {
			buf_printf(&text, "k%d=", i);
			for (int j = 0; j < 100; j++)
				buf_printf(&text, "%%(k%d)s", i + 1);
			buf_byte(&text, '\n');
		}
		buf_printf(&text, "k8=%s\n", leaves[l]);
		assert_int_equal(config_parse(buf_get(&text), "conf", &c, &err), -1);
		assert_string_equal(
		    err.text, "conf:2: test_command refers to other keys more than 10000 times");
		buf_release(&text);
	}
}

static const char all_kinds[] =
    "# c\n[DEFAULT]\ntest_command = a %(b)s\n  more\n\n # c\n  %%\nB: 1\n[s]\nk=v\n[limit x]\nmatch=%(b)s\n";

/* Whatever is cut off or flipped, parsing ends with a configuration or with an error that says so. */
static void
test_damage(void **state)
{
	char text[sizeof(all_kinds)];
	size_t len = sizeof(all_kinds) - 1;

	(void)state;
	for (size_t i = 0; i < len * 9; i++) {
		struct config *c = NULL;
		struct err err = {0};
		size_t cut = len;
		int status;

		memcpy(text, all_kinds, sizeof(text));
		if (i % 9 == 8)
			cut = i / 9;
		else
			text[i / 9] ^= (char)(1 << i % 9);
		status = config_parse(slice_of(text, cut), "conf", &c, &err);
		assert_int_equal(status == 0, c != NULL);
		assert_int_equal(status != 0, err.kind == ERR_FAILED && err.text[0] != '\0');
		config_free(c);
	}
}

static uint32_t
next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* A value of random text without outer blanks and with single line ends, and its form in a file. */
static void
random_value(uint32_t *seed, struct buf *value, struct buf *file)
{
	static const char letters[] = "ab%=:;#[]$ \"\\\xc3";
	size_t len = next_random(seed) % 30;

	buf_byte(value, 'x');
	buf_byte(file, 'x');
	for (size_t i = 0; i < len; i++) {
		char c = letters[next_random(seed) % (sizeof(letters) - 1)];

		if (next_random(seed) % 8 == 0) {
			buf_str(value, "y\nz");
			buf_str(file, "y \n\t# comment\n   z");
		}
		buf_byte(value, (uint8_t)c);
		buf_str(file, c == '%' ? "%%" : (const char[]){c, '\0'});
	}
	buf_byte(value, '.');
	buf_str(file, "."
		      "\n");
}

/* What was written into a file is read from it. */
static void
test_round_trip(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (int i = 0; i < 500; i++) {
		struct buf value, file;
		struct config *c;

		buf_init(&value, 4096);
		buf_init(&file, 4096);
		buf_str(&file, "[DEFAULT]\ntest_command=");
		random_value(&seed, &value, &file);
		c = parse(buf_cstr(&file));
		assert_string_equal(config_get(c, "test_command"), buf_cstr(&value));
		config_free(c);
		buf_release(&value);
		buf_release(&file);
	}
}

static void
write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void
test_load(void **state)
{
	char directory[] = "/tmp/test_config.XXXXXX", path[64], want[128], slashed[64];
	struct config *c = NULL;
	struct err err = {0};

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/.testr.conf", directory);
	snprintf(slashed, sizeof(slashed), "%s/", directory);
	assert_int_equal(config_load(directory, &c, &err), -1);
	assert_string_equal(err.text, "No .testr.conf config file");

	write_file(path, "[DEFAULT]\ntest_command=a\n");
	assert_int_equal(config_load(directory, &c, &err), 0);
	assert_string_equal(config_get(c, "test_command"), "a");
	assert_string_equal(config_path(c), path);
	config_free(c);
	assert_int_equal(config_load(slashed, &c, &err), 0);
	assert_string_equal(config_path(c), path);
	config_free(c);

	write_file(path, "[x]\n[x]\n");
	snprintf(want, sizeof(want), "While reading from '%s' [line  2]: section 'x' already exists", path);
	assert_int_equal(config_load(directory, &c, &err), -1);
	assert_string_equal(err.text, want);
	unlink(path);
	rmdir(directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_nul_byte),
	    cmocka_unit_test(test_entries),
	    cmocka_unit_test(test_sections),
	    cmocka_unit_test(test_overlay),
	    cmocka_unit_test(test_unexpected_success),
	    cmocka_unit_test(test_depth),
	    cmocka_unit_test(test_growth),
	    cmocka_unit_test(test_damage),
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
