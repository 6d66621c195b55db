/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "normal.h"

#include <string.h>

static void
check(const char *text, const char *expected)
{
	struct buf out, again;

	buf_init(&out, 1 << 20);
	buf_init(&again, 1 << 20);
	normal_form(&out, slice_str(text));
	assert_string_equal(buf_cstr(&out), expected);
	normal_form(&again, buf_get(&out));
	assert_string_equal(buf_cstr(&again), expected);
	buf_release(&out);
	buf_release(&again);
}

static void
test_what_is_replaced(void **state)
{
	(void)state;
	check("", "");
	check("1 != 2", "<n> != <n>");
	check("connect to 127.0.0.1:54321 failed", "connect to <n>:<n> failed");
	check("took 1.5e-05 s, 12ms, 1,234 bytes", "took <n> s, <n>ms, <n> bytes");
	check("<Foo object at 0x7f3a52bcd>", "<Foo object at <hex>>");
	check("com.example.Foo@1a2b3c4d", "com.example.Foo@<hex>");
	check("someone@example", "someone@example");
	check("commit 9fceb02d0ae598e9", "commit <hex>");
	check("deadbeef or defaced", "deadbeef or defaced");
	check("id 123e4567-e89b-12d3-a456-426614174000.", "id <uuid>.");
	check("in tmp8k3x9a2q now", "in <id> now");
	check("at 2026-11-22T20:33:39.123456Z and 2026-11-22 20:33:39,5+01:00", "at <time> and <time>");
	check("on 2026-11-22 at 20:33:39", "on <time> at <time>");
	check("/tmp/tmpab/x.txt: no such file", "<tmp>: no such file");
	check("open('/home/me/src/a.conf') failed", "open('a.conf') failed");
	check("http://localhost:8080/a/b?c=1", "http://localhost:<n>/a/b?c=<n>");
	check("and/or 3/4", "and/or <n>/<n>");
	check("  \x1b[31mred\x1b[0m\t\n and  white\r\n", "red and white");
	check("Http404 in utf8", "Http<n> in utf<n>");
}

static uint32_t
next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* Texts of the pieces that rules look at, in all orders: normal is normal, and digits are gone. */
static void
test_laws(void **state)
{
	static const char *const pieces[] = {"/", "/tmp/", "a", "0x", "f", "7", "12", ":", "-", ".", " ", "@",
	    "<", ">", "<n>", "e", "+", "Z", "T", "2026-11-22", "20:33:39",
	    "123e4567-e89b-12d3-a456-426614174000", "\x1b[1m", "\x1b", "\t", "'", "abcdef01", "\xc3\xa9", "_",
	    ",", "a1b2c3d4", "/x/y.c"};
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct buf text, once, twice;

		buf_init(&text, 1 << 20);
		buf_init(&once, 1 << 20);
		buf_init(&twice, 1 << 20);
		for (uint32_t n = next(&seed) % 12; n; n--)
			buf_str(&text, pieces[next(&seed) % (sizeof(pieces) / sizeof(pieces[0]))]);
		normal_form(&once, buf_get(&text));
		normal_form(&twice, buf_get(&once));
		assert_string_equal(buf_cstr(&once), buf_cstr(&twice));
		assert_int_equal(strcspn(buf_cstr(&once), "0123456789\t\n\x1b"), once.len);
		assert_true(once.len <= 3 * text.len);
		buf_release(&text);
		buf_release(&once);
		buf_release(&twice);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_is_replaced),
	    cmocka_unit_test(test_laws),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
