/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "detail.h"
#include "utf8.h"

#define LONG_ENOUGH ((size_t)1 << 20)

static void
assert_text(struct buf *out, const char *expected)
{
	assert_string_equal(buf_cstr(out), expected);
	buf_clear(out);
}

/* Made with the reference: a MIME type, its printed form, and its form in v1. */
static void
test_mime(void **state)
{
	static const struct {
		const char *text, *printed, *v1, *charset;
	} cases[] = {
	    {NULL, "application/octet-stream", "application/octet-stream", NULL},
	    {"", "application/octet-stream", "application/octet-stream", NULL},
	    {"text", "application/octet-stream", "application/octet-stream", NULL},
	    {"a/b/c", "application/octet-stream", "application/octet-stream", NULL},
	    {"*", "*/*", "*/*", NULL},
	    {"text/plain", "text/plain", "text/plain", NULL},
	    {" Text / plain ; Charset = UTF8 ", "Text/plain; charset=\"UTF8\"", "Text/plain;charset=UTF8",
		"UTF8"},
	    {"text/plain;charset=utf8,language=python", "text/plain; charset=\"utf8\"",
		"text/plain;charset=utf8", "utf8"},
	    {"text/x;language=\"python\"; charset=\"utf8\"", "text/x; charset=\"utf8\"; language=\"python\"",
		"text/x;language=python,charset=utf8", "utf8"},
	    {"text/plain;a=\"x;y\";b=2", "text/plain; a=\"x;y\"; b=\"2\"", "text/plain;a=x;y,b=2", NULL},
	    {"text/plain;a=\"q\\\"r\\\\\"", "text/plain; a=\"q\"r\\\"", "text/plain;a=q\"r\\", NULL},
	    {"text/plain;a=\"x\\\";y\";b=1", "text/plain; a=\"x\";y\"; b=\"1\"", "text/plain;a=x\";y,b=1",
		NULL},
	    {"text/plain;;junk;b=1;B=2;a=3", "text/plain; a=\"3\"; b=\"2\"", "text/plain;b=2,a=3", NULL},
	    {"text/plain;a=\"x;b=1", "text/plain; a=\"\"x;b=1\"", "text/plain;a=\"x;b=1", NULL},
	};
	struct buf out;

	(void)state;
	buf_init(&out, LONG_ENOUGH);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mime mime = mime_parse(slice_str(cases[i].text));

		mime_print(&out, slice_str(cases[i].text));
		assert_text(&out, cases[i].printed);
		mime_print_v1(&out, slice_str(cases[i].text));
		assert_text(&out, cases[i].v1);
		assert_int_equal(mime.charset.data != NULL, cases[i].charset != NULL);
		assert_true(slice_eq(mime.charset, slice_str(cases[i].charset)));
	}
	buf_release(&out);
}

static void
test_decode(void **state)
{
	static const struct {
		const char *mime, *bytes, *text;
	} cases[] = {
	    {NULL, "\xe9", "\xc3\xa9"},
	    {"text/plain", "a\xe9", "a\xc3\xa9"},
	    {"text/plain;charset=UTF-8", "a\xc3\xa9", "a\xc3\xa9"},
	    {"text/plain;charset=utf_8", "a\xe9", "a\xef\xbf\xbd"},
	    {"text/plain;charset=Latin-1", "\xe9", "\xc3\xa9"},
	    {"text/plain;charset=us-ascii", "a\xe9", "a\xef\xbf\xbd"},
	    {"text/plain;charset=klingon", "a\xc3\xa9", "a\xef\xbf\xbd\xef\xbf\xbd"},
	    {"text/plain;charset=a-name-that-is-much-too-long", "\xe9", "\xef\xbf\xbd"},
	};
	struct detail cut = {
	    .mime = slice_str("text/plain"), .bytes = slice_str("abcdef"), .left_out = 12, .cut = 3};
	struct detail binary = {.bytes = slice_str("abcdef"), .left_out = 12, .cut = 3};
	struct buf out;

	(void)state;
	buf_init(&out, LONG_ENOUGH);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct detail d = {.mime = slice_str(cases[i].mime), .bytes = slice_str(cases[i].bytes)};

		detail_decode(&out, &d);
		assert_text(&out, cases[i].text);
	}
	detail_decode(&out, &cut);
	assert_text(&out, "abc\n[12 bytes left out]\ndef");
	cut.left_out = UINT64_MAX;
	detail_noted(&out, &cut);
	assert_true(out.len <= cut.bytes.len + DETAIL_NOTE_MAX);
	buf_clear(&out);
	detail_noted(&out, &binary);
	assert_text(&out, "abcdef");
	buf_release(&out);
}

/* Whatever the bytes and the charset are, the text is UTF-8. */
static void
test_decode_always_valid(void **state)
{
	static const char *const mimes[] = {
	    "text/plain", "text/plain;charset=utf8", "text/plain;charset=x", "?"};
	uint8_t bytes[64];
	uint32_t seed = 1;
	struct buf out;

	(void)state;
	buf_init(&out, LONG_ENOUGH);
	for (int n = 0; n < 4000; n++) {
		struct detail d = {.mime = slice_str(mimes[n % 4])};

		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)((seed = seed * 1664525u + 1013904223u) >> 24);
		d.bytes = slice_of(bytes, seed % sizeof(bytes));
		d.cut = d.bytes.len / 2;
		d.left_out = n % 3;
		detail_decode(&out, &d);
		assert_true(utf8_valid(buf_get(&out)));
		buf_clear(&out);
	}
	buf_release(&out);
}

/* Every combination of the six kinds of attachments, each against the rules applied by hand. */
static void
test_layout(void **state)
{
	const struct detail all[] = {
	    {.name = slice_str("bin"), .bytes = slice_str("\x01")},
	    {.name = slice_str("empty"), .mime = slice_str("text/plain"), .bytes = slice_str(" \n")},
	    {.name = slice_str("lines"), .mime = slice_str("text/plain"), .bytes = slice_str("\nl1\nl2\n")},
	    {.name = slice_str("single"), .mime = slice_str("text/plain"), .bytes = slice_str("one line\n")},
	    {.name = slice_str("traceback"),
		.mime = slice_str("text/plain"),
		.bytes = slice_str("Tb 1\n  tb 2\n")},
	};
	struct buf out, expected;

	(void)state;
	buf_init(&out, LONG_ENOUGH);
	buf_init(&expected, LONG_ENOUGH);
	for (unsigned mask = 0; mask < 32; mask++) {
		bool lines = mask & 4, single = mask & 8, special = mask & 16;
		struct detail some[5];
		size_t count = 0;

		for (unsigned i = 0; i < 5; i++)
			if (mask >> i & 1)
				some[count++] = all[i];
		details_text(&out, some, count, "traceback");
		buf_str(&expected, mask & 1 ? "Binary content:\n  bin (application/octet-stream)\n" : "");
		buf_str(&expected, mask & 2 ? "Empty attachments:\n  empty\n" : "");
		buf_str(&expected, (mask & 3) && (mask & 28) ? "\n" : "");
		buf_str(&expected, lines ? "lines: {{{\nl1\nl2\n}}}\n" : "");
		buf_str(&expected, lines && single ? "\n" : "");
		buf_str(&expected, single ? "single: {{{one line}}}\n" : "");
		buf_str(&expected, (lines || single) && special ? "\n" : "");
		buf_str(&expected, special ? "Tb 1\n  tb 2\n" : "");
		assert_text(&out, mask ? buf_cstr(&expected) : "");
		buf_clear(&expected);
	}
	details_text(&out, all + 4, 1, NULL);
	assert_text(&out, "traceback: {{{\nTb 1\n  tb 2\n}}}\n");
	buf_release(&out);
	buf_release(&expected);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_mime),
	    cmocka_unit_test(test_decode),
	    cmocka_unit_test(test_decode_always_valid),
	    cmocka_unit_test(test_layout),
	};

	return cmocka_run_group_tests_name("detail", tests, NULL, NULL);
}
