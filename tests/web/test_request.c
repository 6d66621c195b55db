/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "request.h"
#include "utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t
next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state ^ (*state >> 29);
}

/* The storage has no byte more than was promised, so that the sanitizer sees every step too far. */
struct parsed {
	struct request r;
	uint8_t *storage;
	const char *wrong;
};

static struct parsed
parse(struct slice target)
{
	struct parsed p = {.storage = malloc(target.len ? 2 * target.len : 1)};

	assert_non_null(p.storage);
	p.wrong = request_parse(&p.r, target, p.storage);
	return p;
}

static void
assert_slice(const char *expected, struct slice s)
{
	assert_int_equal(strlen(expected), s.len);
	assert_memory_equal(expected, s.data, s.len);
}

static void
test_parts(void **state)
{
	struct parsed p = parse(slice_str("/api/v1/tests/a%2Fb%20c/history?limit=5&q=x+y%26&&empty&cursor="));

	(void)state;
	assert_null(p.wrong);
	assert_int_equal(5, p.r.segment_count);
	assert_slice("tests", p.r.segments[2]);
	assert_slice("a/b c", p.r.segments[3]);
	assert_slice("a%2Fb%20c", p.r.raw[3]);
	assert_slice("/api/v1/tests/a%2Fb%20c/history", p.r.path);
	assert_int_equal(4, p.r.param_count);
	assert_slice("x y&", request_param(&p.r, "q"));
	assert_slice("", request_param(&p.r, "empty"));
	assert_slice("", request_param(&p.r, "cursor"));
	assert_null(request_param(&p.r, "lim").data);
	free(p.storage);
}

static void
test_refused(void **state)
{
	static const char *const bad[] = {"", "x", "http://host/", "/%", "/%2", "/%zz", "/a%00", "/%ff",
	    "/\xff", "/?%", "/?a=%4", "/?a=%c3", "/1/2/3/4/5/6/7/8/9/10/11/12/13"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct parsed p = parse(slice_str(bad[i]));

		if (!p.wrong)
			fail_msg("taken: %s", bad[i]);
		free(p.storage);
	}
}

static void
test_root_and_slashes(void **state)
{
	struct parsed root = parse(SLICE_LIT("/")), end = parse(SLICE_LIT("/a/")),
		      two = parse(SLICE_LIT("//"));

	(void)state;
	assert_int_equal(0, root.r.segment_count);
	assert_int_equal(2, end.r.segment_count);
	assert_int_equal(0, end.r.segments[1].len);
	assert_int_equal(2, two.r.segment_count);
	free(root.storage);
	free(end.storage);
	free(two.storage);
}

/* What is encoded comes back, whatever it is, as a part of the path and as a parameter. */
static void
test_encoding_comes_back(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct buf text, valid, target;
		struct parsed p;
		size_t len = next_random(&seed) % 40;

		buf_init(&text, 1000);
		buf_init(&valid, 1000);
		buf_init(&target, 10000);
		for (size_t i = 0; i < len; i++)
			buf_byte(&text, (uint8_t)(1 + next_random(&seed) % 255));
		utf8_mend(&valid, buf_get(&text));
		buf_str(&target, "/t/");
		request_encode(&target, buf_get(&valid));
		buf_str(&target, "?k=");
		request_encode(&target, buf_get(&valid));
		p = parse(buf_get(&target));
		assert_null(p.wrong);
		assert_true(slice_eq(buf_get(&valid), p.r.segments[1]));
		assert_true(slice_eq(buf_get(&valid), request_param(&p.r, "k")));
		free(p.storage);
		buf_release(&text);
		buf_release(&valid);
		buf_release(&target);
	}
}

static void
test_accepts(void **state)
{
	(void)state;
	assert_true(request_accepts("gzip", "gzip"));
	assert_true(request_accepts("deflate, GZIP;q=0.5", "gzip"));
	assert_true(request_accepts("gzip ; q=0.001", "gzip"));
	assert_false(request_accepts("gzip;q=0", "gzip"));
	assert_false(request_accepts("br, gzip; q=0.000", "gzip"));
	assert_false(request_accepts("xgzip, *", "gzip"));
	assert_false(request_accepts(NULL, "gzip"));
	assert_false(request_accepts("", "gzip"));
}

static void
test_tags(void **state)
{
	(void)state;
	assert_true(request_tag_matches("\"a\", W/\"b\"", SLICE_LIT("\"b\"")));
	assert_true(request_tag_matches("*", SLICE_LIT("\"b\"")));
	assert_false(request_tag_matches("\"a\"", SLICE_LIT("\"b\"")));
	assert_false(request_tag_matches(NULL, SLICE_LIT("\"b\"")));
}

static void
test_hosts(void **state)
{
	(void)state;
	assert_slice("localhost", request_host(SLICE_LIT("localhost:8080")));
	assert_slice("localhost", request_host(SLICE_LIT("localhost")));
	assert_slice("[::1]", request_host(SLICE_LIT("[::1]:80")));
	assert_null(request_host(SLICE_LIT("[::1")).data);
	assert_null(request_host(SLICE_LIT("a:b")).data);
	assert_null(request_host(SLICE_LIT(":80")).data);
	assert_null(request_host(SLICE_NONE).data);
}

/* By a naive model: each byte of 0..size is sent or not. */
static void
test_ranges(void **state)
{
	uint64_t from, end;
	char text[64];

	(void)state;
	for (uint64_t size = 0; size < 5; size++)
		for (uint64_t a = 0; a < 7; a++)
			for (uint64_t b = a; b < 7; b++) {
				snprintf(text, sizeof(text), "bytes=%d-%d", (int)a, (int)b);
				assert_int_equal(a < size ? 1 : -1, request_range(text, size, &from, &end));
				if (a < size) {
					assert_int_equal(a, from);
					assert_int_equal(b + 1 < size ? b + 1 : size, end);
				}
			}
	assert_int_equal(1, request_range("bytes=3-", 10, &from, &end));
	assert_true(from == 3 && end == 10);
	assert_int_equal(1, request_range("bytes=-3", 10, &from, &end));
	assert_true(from == 7 && end == 10);
	assert_int_equal(1, request_range("bytes=-99999999999999999999999", 10, &from, &end));
	assert_true(from == 0 && end == 10);
	assert_int_equal(1, request_range("bytes=0-18446744073709551616", 10, &from, &end));
	assert_true(from == 0 && end == 10);
	assert_int_equal(-1, request_range("bytes=-0", 10, &from, &end));
	assert_int_equal(0, request_range("bytes=5-4", 10, &from, &end));
	assert_int_equal(0, request_range("bytes=-", 10, &from, &end));
	assert_int_equal(0, request_range("bytes=1-2,4-5", 10, &from, &end));
	assert_int_equal(0, request_range("lines=1-2", 10, &from, &end));
	assert_int_equal(0, request_range(NULL, 10, &from, &end));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parts),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_root_and_slashes),
	    cmocka_unit_test(test_encoding_comes_back),
	    cmocka_unit_test(test_accepts),
	    cmocka_unit_test(test_tags),
	    cmocka_unit_test(test_hosts),
	    cmocka_unit_test(test_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
