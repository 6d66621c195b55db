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

		detail_decode(&out, &d, NULL);
		assert_text(&out, cases[i].text);
	}
	detail_decode(&out, &cut, NULL);
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
		detail_decode(&out, &d, NULL);
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
		details_text(&out, some, count, "traceback", NULL);
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
	details_text(&out, all + 4, 1, NULL, NULL);
	assert_text(&out, "traceback: {{{\nTb 1\n  tb 2\n}}}\n");
	buf_release(&out);
	buf_release(&expected);
}

/* A store that gives its bytes in pieces of changing lengths. */
struct shreds {
	struct slice bytes;
	uint32_t seed;
	size_t longest;
};

static int
shreds_read(void *context, const struct stored *where, piece_fn fn, void *fn_context)
{
	struct shreds *s = context;
	struct slice rest = s->bytes;
	int rc = 0;

	assert_int_equal(where->size, rest.len);
	while (rest.len && rc == 0) {
		size_t n = 1 + ((s->seed = s->seed * 1664525u + 1013904223u) >> 8) % s->longest;

		rc = fn(fn_context, slice_head(rest, n));
		rest = slice_from(rest, n);
	}
	return rc;
}

/* Moves what was appended elsewhere. */
struct away {
	struct buf *from, *to;
};

static int
move_away(void *context)
{
	const struct away *a = context;

	assert_true(utf8_valid(buf_get(a->from)));
	buf_slice(a->to, buf_get(a->from));
	buf_clear(a->from);
	return 0;
}

static void
assert_same_stored(struct detail *plain, struct shreds *shreds, bool short_enough)
{
	struct detail_store store = {.context = shreds, .read = shreds_read};
	struct detail stored = *plain;
	struct buf expected, out, moved;
	struct drain drain = {move_away, &(struct away){&out, &moved}};

	stored.bytes = SLICE_NONE;
	stored.store = &store;
	stored.stored.size = plain->bytes.len;
	shreds->bytes = plain->bytes;
	buf_init(&expected, LONG_ENOUGH);
	buf_init(&out, LONG_ENOUGH);
	buf_init(&moved, LONG_ENOUGH);
	for (int special = 0; special < 3; special++) {
		if (special < 2) {
			const char *name = special ? "log" : NULL;

			assert_int_equal(details_text(&expected, plain, 1, name, NULL), 0);
			assert_int_equal(details_text(&out, &stored, 1, name, &drain), 0);
		} else {
			assert_int_equal(detail_decode(&expected, plain, NULL), 0);
			assert_int_equal(detail_decode(&out, &stored, &drain), 0);
		}
		assert_int_equal(short_enough, moved.len == 0);
		move_away(drain.context);
		assert_true(slice_eq(buf_get(&moved), buf_get(&expected)));
		buf_clear(&moved);
		buf_clear(&expected);
	}
	buf_release(&expected);
	buf_release(&out);
	buf_release(&moved);
}

/* An attachment in a store makes the text that it makes in memory, however its pieces cut its characters,
 * blanks and lines. */
static void
test_stored(void **state)
{
	static const char *const mimes[] = {
	    "text/plain", "text/plain;charset=utf8", "text/plain;charset=x", "a/b"};
	static const char *const words[] = {"a", "\n", " ", "\xc3\xa9", "\xe2\x80\x83", "\xe2\x80",
	    "\xf0\x9f\x98\x80", "\xa0", "\x85", "\xf0", "\xff"};
	struct shreds shreds = {.seed = 5};
	struct buf bytes;

	(void)state;
	buf_init(&bytes, LONG_ENOUGH);
	for (uint32_t n = 0, seed = 3; n < 4000; n++) {
		struct detail d = {.name = slice_str("log"), .mime = slice_str(mimes[n % 4])};
		unsigned kinds = n % 3 ? 11 : 3;

		buf_clear(&bytes);
		for (uint32_t k = 1 + n % 12; k; k--)
			buf_str(&bytes, words[((seed = seed * 1664525u + 1013904223u) >> 8) % kinds]);
		d.bytes = buf_get(&bytes);
		shreds.longest = 1 + n % 4;
		assert_same_stored(&d, &shreds, true);
	}
	for (size_t i = 0; i < 20000; i++)
		buf_str(&bytes, i % 3 ? "caf\xc3\xa9 \xe2\x80" : "l\n");
	shreds.longest = 50000;
	assert_same_stored(&(struct detail){.name = slice_str("log"),
			       .mime = slice_str("text/plain;charset=utf8"),
			       .bytes = buf_get(&bytes)},
	    &shreds, false);
	buf_release(&bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_mime),
	    cmocka_unit_test(test_decode),
	    cmocka_unit_test(test_decode_always_valid),
	    cmocka_unit_test(test_layout),
	    cmocka_unit_test(test_stored),
	};

	return cmocka_run_group_tests_name("detail", tests, NULL, NULL);
}
