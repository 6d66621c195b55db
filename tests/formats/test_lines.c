/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lines.h"

#define SHORT 4

static int
keep(void *context, const struct line *line, struct err *err)
{
	(void)err;
	buf_printf(
	    context, "%s%.*s%s", line->piece ? "+" : "", SLICE_FMT(line->text), line->ended ? "$" : "|");
	return 0;
}

static void
split(struct slice bytes, size_t piece, struct buf *log)
{
	struct lines lines;
	struct err err = {0};

	lines_init(&lines, SHORT, keep, log);
	for (size_t at = 0; at < bytes.len; at += piece)
		assert_int_equal(lines_feed(&lines, slice_head(slice_from(bytes, at), piece), &err), 0);
	assert_int_equal(lines_end(&lines, &err), 0);
	lines_release(&lines);
}

static void
test_lines(void **state)
{
	static const char *const cases[][2] = {{"", ""}, {"\n", "$"}, {"a\nb\n", "a$b$"}, {"a\n\nb", "a$$b|"},
	    {"abcd\n", "abcd$"}, {"abcd", "abcd|"}, {"abcde\n", "+abcd|+e$"},
	    {"abcdefghi", "+abcd|+efgh|+i|"}, {"abcdefgh\nx\n", "+abcd|+efgh$x$"}, {"a\r\n", "a\r$"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t piece = 1; piece < 12; piece++) {
			struct buf log;

			buf_init(&log, 1000);
			split(slice_str(cases[i][0]), piece, &log);
			assert_string_equal(buf_cstr(&log), cases[i][1]);
			buf_release(&log);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	};

	return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
