/* SPDX-License-Identifier: Apache-2.0 */
#include "profiles.h"

#include "buf.h"
#include "environment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MATRIX \
	"[DEFAULT]\nprofiles=py39 py311 sqlite mysql\npython=python3\ntest_command=%(python)s t\n" \
	"[profile py39]\npython=python3.9\n[profile py311]\npython=python3.11\n" \
	"[profile mysql]\nenv.DB=my\ntest_timeout=9\n[profile sqlite]\nenv.DB=lite\n"

/* The profiles that are chosen, "a+b: NAME=VALUE …" for each, one a line, of two keys and the variable DB. */
static char *
chosen(const char *text, const char *const *names, size_t count, struct err *err)
{
	static const char *const shown[] = {"test_command", "test_timeout", "env.db"};
	struct config *c = NULL;
	struct profiles p = {0};
	struct buf out;
	char *lines = NULL;

	buf_init(&out, 65536);
	if (config_parse(slice_str(text), "conf", &c, err) == 0 && profiles_init(&p, c, err) == 0 &&
	    profiles_choose(&p, names, count, err) == 0) {
		for (size_t i = 0; i < p.count; i++) {
			buf_printf(&out, "%s:", p.list[i].name);
			for (size_t k = 0; k < 3; k++) {
				const char *value =
				    config_get(p.list[i].config ? p.list[i].config : c, shown[k]);

				if (value)
					buf_printf(&out, " %s", value);
			}
			buf_byte(&out, '\n');
		}
		lines = buf_steal(&out);
		if (!lines)
			lines = calloc(1, 1);
	}
	buf_release(&out);
	profiles_release(&p);
	config_free(c);
	return lines;
}

static void
assert_chosen(const char *text, const char *const *names, size_t count, const char *want)
{
	struct err err = {0};
	char *got = chosen(text, names, count, &err);

	if (!got)
		fail_msg("%s", err.text);
	assert_string_equal(got, want);
	free(got);
}

static void
assert_refused(const char *text, const char *name, enum err_kind kind, const char *want)
{
	struct err err = {0};

	assert_null(chosen(text, &name, name ? 1 : 0, &err));
	assert_string_equal(err.text, want);
	assert_int_equal(err.kind, kind);
}

/* Without a word on which ones, the sections whose tags no other has all of. */
static void
test_defaults(void **state)
{
	(void)state;
	assert_chosen("[DEFAULT]\ntest_command=a\n", NULL, 0, "");
	assert_chosen("[DEFAULT]\nprofiles=a b\ntest_command=a\n", NULL, 0, "");
	assert_chosen(MATRIX, NULL, 0,
	    "py39: python3.9 t\npy311: python3.11 t\nmysql: python3 t 9 my\nsqlite: python3 t lite\n");
	assert_chosen(MATRIX "[profile py39+mysql]\n[profile sqlite+py311]\n", NULL, 0,
	    "mysql+py39: python3.9 t 9 my\npy311+sqlite: python3.11 t lite\n");
	assert_chosen("[DEFAULT]\nprofiles=py39 mysql\ndefault_profiles=old none\ntest_command=a\n"
		      "[profile old]\ntags=py39 mysql\ntest_command=b\n",
	    NULL, 0, "mysql+py39: b\nnone: a\n");
}

static void
test_names(void **state)
{
	static const char *const names[] = {"py311+mysql", "py39", "mysql+py311", "none"};

	(void)state;
	assert_chosen(
	    MATRIX, names, 4, "mysql+py311: python3.11 t 9 my\npy39: python3.9 t\nnone: python3 t\n");
}

/* More tags before fewer, the later section before the earlier; right behind each what it inherits. */
static void
test_order(void **state)
{
	static const char *const both[] = {"a+b"};

	(void)state;
	assert_chosen("[DEFAULT]\nprofiles=a b\ntest_command=0\n[profile a]\ntest_command=1\nenv.DB=a\n"
		      "[profile b]\ntest_command=2\n",
	    both, 1, "a+b: 2 a\n");
	assert_chosen("[DEFAULT]\nprofiles=a b\ntest_command=0\n[profile a]\ntest_command=1\n"
		      "[profile b+a]\nenv.DB=ab\n[profile b]\nenv.DB=b\n",
	    both, 1, "a+b: 1 ab\n");
	assert_chosen("[DEFAULT]\nprofiles=a b\ntest_command=0\n[profile a]\ntest_command=1\ntest_timeout=5\n"
		      "[profile base]\ntest_command=3\ninherits=more\n[profile more]\nenv.DB=more\n"
		      "inherits=base\n[profile a+b]\ninherits=base\n",
	    both, 1, "a+b: 3 5 more\n");
}

static void
test_errors(void **state)
{
	(void)state;
	assert_refused(MATRIX, "py93", ERR_USAGE,
	    "there is no profile 'py93': `profiles` in conf names its tags; did you mean 'py39'?");
	assert_refused("[DEFAULT]\nprofiles=py39\n[profile py93]\n", NULL, ERR_FAILED,
	    "conf:3: 'py93' is none of the tags that `profiles` names; did you mean 'py39'?");
	assert_refused("[DEFAULT]\nprofiles=py39\ndefault_profiles=py39 mysql\n", NULL, ERR_FAILED,
	    "conf:3: 'mysql' is none of the tags that `profiles` names");
	assert_refused("[DEFAULT]\nprofiles=a b\n[profile b+a]\n[profile x]\ntags=a b\n", NULL, ERR_FAILED,
	    "conf:4: [profile b+a] and [profile x] have the same tags");
	assert_refused("[DEFAULT]\nprofiles=a b\n[profile a]\ninherits=basis\n[profile basic]\n", NULL,
	    ERR_FAILED, "conf:4: there is no section [profile basis] to inherit from; did you mean 'basic'?");
	assert_refused("[DEFAULT]\nprofiles=a\n[profile a]\nrepository=x\n", NULL, ERR_FAILED,
	    "conf:4: repository holds for all profiles of a run: it can stand in [DEFAULT] alone");
	assert_refused(
	    "[DEFAULT]\nprofiles=a+b\n", NULL, ERR_FAILED, "conf:2: 'a+b' cannot be a tag of profiles");
	assert_refused(
	    "[DEFAULT]\nprofiles=none\n", NULL, ERR_FAILED, "conf:2: 'none' cannot be a tag of profiles");
	assert_refused(
	    "[DEFAULT]\nx=1\n", "a", ERR_USAGE, "there is no profile 'a': `profiles` in conf names its tags");
}

static const char *
variable(char *const *environment, const char *name)
{
	size_t len = strlen(name);

	for (; *environment; environment++)
		if (strncmp(*environment, name, len) == 0 && (*environment)[len] == '=')
			return *environment + len + 1;
	return NULL;
}

/* env.NAME takes the place of a variable, or joins them; without any change it is our own environment. */
static void
test_environment(void **state)
{
	struct config *c = NULL;
	struct err err = {0};
	char **made = NULL;

	(void)state;
	setenv("TEST_PROFILES_OLD", "old", 1);
	setenv("TEST_PROFILES_KEPT", "kept", 1);
	assert_int_equal(config_parse(slice_str("[DEFAULT]\nx=a b\nenv.TEST_PROFILES_OLD=%(x)s\n"
						"env.TEST_profiles_new=%%\n"),
			     "conf", &c, &err),
	    0);
	assert_int_equal(environment_make(c, "a+b", false, &made, &err), 0);
	assert_string_equal(variable(made, "TEST_PROFILES_OLD"), "a b");
	assert_string_equal(variable(made, "TEST_PROFILES_KEPT"), "kept");
	assert_string_equal(variable(made, "TEST_profiles_new"), "%");
	assert_string_equal(variable(made, "TESTR_PROFILE"), "a+b");
	assert_null(variable(made, "TESTR_KEEP_ORDER"));
	environment_free(made);
	config_free(c);
	assert_int_equal(config_parse(slice_str("[DEFAULT]\nx=a\n"), "conf", &c, &err), 0);
	assert_int_equal(environment_make(c, NULL, false, &made, &err), 0);
	assert_null(made);
	assert_int_equal(environment_make(c, NULL, true, &made, &err), 0);
	assert_string_equal(variable(made, "TESTR_KEEP_ORDER"), "1");
	assert_string_equal(variable(made, "TEST_PROFILES_KEPT"), "kept");
	environment_free(made);
	config_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_defaults),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
