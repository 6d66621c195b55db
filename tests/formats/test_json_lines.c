/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json_lines.h"

#include <stdlib.h>
#include <string.h>

/* Of each line: "object NAME\n" with the length of its "text", or "text BYTES|". */
static int
log_line(void *context, const struct json_line *line, struct err *err)
{
	struct buf *log = context;

	(void)err;
	if (line->object)
		buf_printf(log, "object %.*s %zu\n", SLICE_FMT(json_record_text(line->object, "name")),
		    json_record_text(line->object, "text").len);
	else
		buf_printf(log, "text %.*s%s", SLICE_FMT(line->text), line->ended ? "|\n" : "|");
	return 0;
}

static void
run(struct slice bytes, size_t piece, struct buf *log)
{
	struct json_lines lines;
	struct err err;

	json_lines_init(&lines, log_line, log);
	for (size_t at = 0; at < bytes.len; at += piece)
		assert_int_equal(json_lines_feed(&lines, slice_head(slice_from(bytes, at), piece), &err), 0);
	assert_int_equal(json_lines_end(&lines, &err), 0);
	json_lines_release(&lines);
}

static void
assert_lines(struct slice bytes, const char *expected)
{
	size_t pieces[] = {bytes.len, 1, 7, 65536};

	for (size_t i = bytes.len > 100000 ? 3 : 0; i < 4; i++) {
		struct buf log;

		buf_init(&log, 64 << 20);
		run(bytes, pieces[i], &log);
		if (strcmp(buf_cstr(&log), expected) != 0)
			assert_string_equal(buf_cstr(&log), expected);
		buf_release(&log);
	}
}

static void
test_lines(void **state)
{
	(void)state;
	assert_lines(
	    slice_str(
		"plain\n {\"name\": \"a\"} \r\n{\"name\"\n[1]\n\n{\"name\": \"b\", \"text\": \"\\u0000xyz\"}"),
	    "text plain|\nobject a 0\ntext {\"name\"|\ntext [1]|\ntext |\nobject b 4\n");
	/* What is no text in JSON becomes U+FFFD; a pair stays. */
	assert_lines(slice_str("{\"name\": \"\\udcff\\ud83d\\ude00\\ud800\\\\ud800\xff\"}\n"),
	    "object \xEF\xBF\xBD\xF0\x9F\x98\x80\xEF\xBF\xBD\\ud800\xEF\xBF\xBD 0\n");
}

/* A line of some MiB, whose object is shortened and stays one. */
static void
test_long(void **state)
{
	static const char *const units[] = {
	    "x", "\\n", "\\u00e9", "\xc3\xa9", "\\\\", "\\\"", "\\ud83d\\ude00"};
	struct buf line, log;

	(void)state;
	buf_init(&line, 64 << 20);
	buf_init(&log, 64 << 20);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		buf_clear(&line);
		buf_clear(&log);
		buf_str(&line, "x\n{\"text\": \"");
		while (line.len < (5 << 20) + i)
			buf_str(&line, units[i]);
		buf_str(&line, "\", \"list\": [");
		while (line.len < 12 << 20)
			buf_str(&line, "{\"a\": [1, \"}\"]}, ");
		buf_str(&line, "1], \"name\": \"n\"}\nlast\n");
		run(buf_get(&line), 65536, &log);
		/* The name comes after very many members, and is left out. */
		assert_non_null(strstr(buf_cstr(&log), "text x|\nobject  "));
		assert_non_null(strstr(buf_cstr(&log), "\ntext last|\n"));
		assert_true(log.len < 100);
	}
	buf_release(&line);
	buf_release(&log);
}

static void
test_no_object(void **state)
{
	struct buf line, log;

	(void)state;
	buf_init(&line, 64 << 20);
	buf_init(&log, 64 << 20);
	/* Too much that cannot be shortened, or none at all: nothing but text, and the next line is whole. */
	for (int i = 0; i < 3; i++) {
		buf_clear(&line);
		buf_clear(&log);
		buf_str(&line, i == 0 ? "{\"a\": " : i == 1 ? "{\"a\" " : "zz");
		while (line.len < 20 << 20)
			buf_byte(&line, i == 0 ? '[' : 'z');
		buf_str(&line, "\n{\"name\": \"n\"}");
		run(buf_get(&line), 65536, &log);
		assert_true(slice_starts(buf_get(&log), SLICE_LIT("text ")));
		assert_true(slice_ends(buf_get(&log), SLICE_LIT("|\nobject n 0\n")));
		/* Text that does not begin like an object is whole. */
		assert_true(i < 2 || log.len > 20 << 20);
	}
	buf_release(&line);
	buf_release(&log);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_long),
	    cmocka_unit_test(test_no_object),
	};

	return cmocka_run_group_tests_name("json_lines", tests, NULL, NULL);
}
