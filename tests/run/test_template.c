/* SPDX-License-Identifier: Apache-2.0 */
#include "template.h"

#include "buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct template_args no_args = {NULL, 0};

static struct config *
parse(const char *lines)
{
	struct config *c = NULL;
	struct err err = {0};
	struct buf text;

	buf_init(&text, 65536);
	buf_printf(&text, "[DEFAULT]\n%s\n", lines);
	if (config_parse(buf_get(&text), "conf", &c, &err))
		fail_msg("%s", err.text);
	buf_release(&text);
	return c;
}

/* Checks a command and frees it. */
static void
assert_command(int status, char **got, const char *want)
{
	assert_int_equal(status, 0);
	assert_string_equal(*got, want);
	free(*got);
	*got = NULL;
}

/* The command of each form: listing, ids unknown, and the ids "a" and "b c" in the file F. */
static const struct {
	const char *lines;
	const char *args[3];
	const char *list, *unknown, *known;
} forms[] = {
    {"test_command=run $LISTOPT $IDOPTION .\ntest_id_option=--ids $IDFILE\ntest_list_option=--list", {NULL},
	"run --list  .", "run   .", "run  --ids F ."},
    {"test_command=$LISTOPT:$IDLIST:$IDFILE\ntest_list_option=-l", {NULL}, "-l::", "::", ":a b c:F"},
    {"test_command=$LISTOPT:$IDLIST\ntest_list_option=-l $IDLIST\ntest_id_list_default=x y", {NULL},
	"-l $IDLIST:x y", ":", ":a b c"},
    {"test_command=$LISTOPT "
     "$IDOPTION\ntest_list_option=l\ntest_id_option=[$IDLIST|$IDFILE|$IDOPTION|$LISTOPT]",
	{NULL}, "l ", " ", " [a b c|F||]"},
    {"test_command=$IDLISTX ${IDLIST} $HOME $$IDFILE $ $LISTOPT$\ntest_list_option=l", {NULL},
	"X ${IDLIST} $HOME $ $ l$", "X ${IDLIST} $HOME $ $ $", "a b cX ${IDLIST} $HOME $F $ $"},
    {"test_command=run $LISTOPT\ntest_list_option=l", {"", "bar  quux", "$IDLIST"}, "run l  bar  quux ",
	"run   bar  quux ", "run   bar  quux a b c"},
    {"test_command=run", {"$LISTOPT", "$IDOPTION"}, "run  ", "run  ", "run  "},
    {"test_command=one $LISTOPT\n  two $IDLIST\ntest_list_option=l", {NULL}, "one l\ntwo ", "one \ntwo ",
	"one \ntwo a b c"},
};

static void
test_forms(void **state)
{
	struct strtab table = {0};
	struct template_ids ids = {&table, (const size_t[]){2, 0}, 2, "F"};

	(void)state;
	strtab_add(&table, SLICE_LIT("b c"), NULL);
	strtab_add(&table, SLICE_LIT("unused"), NULL);
	strtab_add(&table, SLICE_LIT("a"), NULL);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct template_args args = {(char *const *)forms[i].args, 0};
		struct config *c = parse(forms[i].lines);
		struct err err = {0};
		char *out = NULL;

		while (args.count < 3 && forms[i].args[args.count])
			args.count++;
		assert_command(template_list(c, args, &out, &err), &out, forms[i].list);
		assert_command(template_run(c, args, NULL, &out, &err), &out, forms[i].unknown);
		assert_command(template_run(c, args, &ids, &out, &err), &out, forms[i].known);
		config_free(c);
	}
	strtab_release(&table);
}

/* A list of no ids is known: $IDFILE and $IDOPTION have their values. */
static void
test_no_ids(void **state)
{
	struct config *c = parse("test_command=run [$IDLIST] $IDOPTION\ntest_id_option=--ids $IDFILE");
	struct strtab table = {0};
	struct template_ids ids = {&table, NULL, 0, "F"};
	struct err err = {0};
	char *out = NULL;

	(void)state;
	assert_command(template_run(c, no_args, &ids, &out, &err), &out, "run [] --ids F");
	config_free(c);
}

/* Errors of the listing and of the run; NULL where there is none. */
static const struct {
	const char *lines, *list, *run;
} errors[] = {
    {"", "No test_command option present in .testr.conf", "No test_command option present in .testr.conf"},
    {"test_command=a", "LISTOPT not configured in .testr.conf", NULL},
    {"test_command=a $LISTOPT", "No test_list_option option present in .testr.conf",
	"No test_list_option option present in .testr.conf"},
    {"test_command=a $IDOPTION $LISTOPT\ntest_list_option=l",
	"No test_id_option option present in .testr.conf", "No test_id_option option present in .testr.conf"},
    {"test_command=a $LISTOPTS\ntest_list_option=l", NULL, NULL},
};

static void
check_error(int status, char **out, const struct err *err, const char *want)
{
	assert_int_equal(status, want ? -1 : 0);
	if (want)
		assert_string_equal(err->text, want);
	else
		free(*out);
}

static void
test_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct config *c = parse(errors[i].lines);
		struct err err = {0};
		char *out = NULL;

		check_error(template_list(c, no_args, &out, &err), &out, &err, errors[i].list);
		check_error(template_run(c, no_args, NULL, &out, &err), &out, &err, errors[i].run);
		config_free(c);
	}
}

static void
test_default_ids(void **state)
{
	struct config *with = parse("test_id_list_default= a\n  b\ta"), *without = parse("test_command=a");
	struct strtab ids = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(template_default_ids(without, &ids, &err), 0);
	assert_int_equal(ids.len, 0);
	assert_int_equal(template_default_ids(with, &ids, &err), 0);
	assert_int_equal(ids.len, 2);
	assert_string_equal((const char *)strtab_get(&ids, 0).data, "a");
	assert_string_equal((const char *)strtab_get(&ids, 1).data, "b");
	strtab_release(&ids);
	config_free(with);
	config_free(without);
}

static void
test_instances(void **state)
{
	struct config *c = parse("instance_provision=make $INSTANCE_COUNT$INSTANCE_COUNTS\n"
				 "instance_execute=in $INSTANCE_ID [$FILES] $COMMAND $INSTANCE_IDS $OTHER\n"
				 "instance_dispose=drop $INSTANCE_IDS");
	struct strtab instances = {0};
	struct err err = {0};
	char *out = NULL;

	(void)state;
	assert_command(template_provision(c, 12, &out, &err), &out, "make 1212S");
	assert_command(template_execute(c, SLICE_LIT("i-1"), "run $FILES", "F", &out, &err), &out,
	    "in i-1 [F] run $FILES i-1S $OTHER");
	assert_command(template_execute(c, SLICE_LIT("i-1"), "run", NULL, &out, &err), &out,
	    "in i-1 [] run i-1S $OTHER");
	assert_command(template_dispose(c, &instances, &out, &err), &out, "drop ");
	strtab_add(&instances, SLICE_LIT("i-2"), NULL);
	strtab_add(&instances, SLICE_LIT("i-10"), NULL);
	strtab_add(&instances, SLICE_LIT("h"), NULL);
	assert_command(template_dispose(c, &instances, &out, &err), &out, "drop h i-10 i-2");
	strtab_release(&instances);
	config_free(c);
}

static void
test_no_instances(void **state)
{
	struct config *c = parse("test_command=a");
	struct strtab instances = {0};
	struct err err = {0};
	char *out = NULL;

	(void)state;
	assert_int_equal(template_provision(c, 1, &out, &err), 0);
	assert_null(out);
	assert_int_equal(template_dispose(c, &instances, &out, &err), 0);
	assert_null(out);
	assert_command(
	    template_execute(c, SLICE_NONE, "run $COMMAND", NULL, &out, &err), &out, "run $COMMAND");
	config_free(c);
}

/* A list that does not fit is an error, not a shorter list. */
static void
test_too_long(void **state)
{
	struct config *c = parse("test_command=run $IDLIST $IDLIST");
	char *id = malloc(TEMPLATE_MAX / 2);
	struct strtab table = {0};
	struct template_ids ids = {&table, (const size_t[]){0}, 1, "F"};
	struct err err = {0};
	char *out = NULL;

	(void)state;
	assert_non_null(id);
	memset(id, 'x', TEMPLATE_MAX / 2);
	strtab_add(&table, slice_of(id, TEMPLATE_MAX / 2), NULL);
	assert_int_equal(template_run(c, no_args, &ids, &out, &err), -1);
	assert_null(out);
	assert_non_null(strstr(err.text, "use $IDFILE"));
	strtab_release(&table);
	free(id);
	config_free(c);
}

static uint32_t
next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Templates of random pieces give the pieces' meanings in the same order. */
static void
test_pieces(void **state)
{
	static const struct {
		const char *text, *meaning;
	} pieces[] = {{"$IDFILE", "F"}, {"$IDLIST", "a $IDFILE"}, {"$LISTOPT", ""}, {"$IDOPTION", "<F>"},
	    {"$ID", "$ID"}, {"$", "$"}, {"x", "x"}, {" ", " "}, {"$(y)", "$(y)"}, {"'", "'"}, {"S", "S"}};
	struct strtab table = {0};
	struct template_ids ids = {&table, (const size_t[]){0, 1}, 2, "F"};
	uint32_t seed = 7;

	(void)state;
	strtab_add(&table, SLICE_LIT("a"), NULL);
	strtab_add(&table, SLICE_LIT("$IDFILE"), NULL);
	for (int i = 0; i < 500; i++) {
		struct buf lines, want;
		struct err err = {0};
		struct config *c;
		char *out = NULL;

		buf_init(&lines, 65536);
		buf_init(&want, 65536);
		buf_str(&lines, "test_id_option=<$IDFILE>\ntest_list_option=l\ntest_command=.");
		buf_str(&want, ".");
		for (uint32_t n = next_random(&seed) % 12; n; n--) {
			size_t p = next_random(&seed) % (sizeof(pieces) / sizeof(pieces[0]));

			buf_str(&lines, pieces[p].text);
			buf_str(&want, pieces[p].meaning);
		}
		buf_str(&lines, ".");
		buf_str(&want, ".");
		c = parse(buf_cstr(&lines));
		assert_command(template_run(c, no_args, &ids, &out, &err), &out, buf_cstr(&want));
		config_free(c);
		buf_release(&lines);
		buf_release(&want);
	}
	strtab_release(&table);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_forms),
	    cmocka_unit_test(test_no_ids),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_default_ids),
	    cmocka_unit_test(test_instances),
	    cmocka_unit_test(test_no_instances),
	    cmocka_unit_test(test_too_long),
	    cmocka_unit_test(test_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
