/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "detail.h"
#include "reader.h"
#include "v1.h"

#define LONG_ENOUGH ((size_t)64 << 20)

/* Written by the reference, tags sorted. */
static void
test_layout(void **state)
{
	struct slice tags[] = {slice_str("foo"), slice_str("worker-0")};
	struct detail details[] = {{.name = slice_str("empty")},
	    {.name = slice_str("traceback"),
		.mime = slice_str("text/x-traceback; charset=\"utf8\"; language=\"python\""),
		.bytes = slice_str("Traceback (most recent call last)\n]\nboom!!\n")}};
	struct result r = {.id = slice_str("a.b.c"),
	    .route = slice_str("0"),
	    .status = STATUS_FAIL,
	    .start = INT64_C(1577836801000000500),
	    .stop = INT64_C(1577836802000001500),
	    .tags = tags,
	    .tag_count = 2,
	    .details = details,
	    .detail_count = 2};
	struct buf out;

	(void)state;
	buf_init(&out, LONG_ENOUGH);
	v1_write(&out, &r, NULL);
	assert_string_equal(buf_cstr(&out), "time: 2020-01-01 00:00:01.000000Z\n"
					    "tags: foo worker-0\n"
					    "test: a.b.c\n"
					    "time: 2020-01-01 00:00:02.000002Z\n"
					    "failure: a.b.c [ multipart\n"
					    "Content-Type: application/octet-stream\n"
					    "empty\n"
					    "0\r\n"
					    "Content-Type: text/x-traceback;charset=utf8,language=python\n"
					    "traceback\n"
					    "2B\r\nTraceback (most recent call last)\n]\nboom!!\n0\r\n"
					    "]\n"
					    "tags: -foo -worker-0\n");
	buf_clear(&out);
	r = (struct result){
	    .id = slice_str("two\nlines\n"), .status = STATUS_NONE, .start = TIME_NONE, .stop = TIME_NONE};
	v1_write(&out, &r, NULL);
	assert_string_equal(buf_cstr(&out), "test: two lines \nfailure: two lines  [ multipart\n]\n");
	buf_clear(&out);
	r.status = STATUS_EXISTS;
	v1_write(&out, &r, NULL);
	assert_int_equal(out.len, 0);
	buf_release(&out);
}

/* The chunks are those that the pieces make, and one for the rest. */
static void
test_chunks(void **state)
{
	size_t chunks[] = {70000, 140000};
	uint8_t *bytes = malloc(140001);
	struct detail d = {
	    .name = slice_str("d"), .bytes = slice_of(bytes, 140001), .chunks = chunks, .chunk_count = 2};
	struct result r = {.id = slice_str("t"),
	    .status = STATUS_SUCCESS,
	    .start = TIME_NONE,
	    .stop = TIME_NONE,
	    .details = &d,
	    .detail_count = 1};
	struct slice head = SLICE_LIT(
	    "test: t\nsuccessful: t [ multipart\nContent-Type: application/octet-stream\nd\n11170\r\n");
	struct buf out;

	(void)state;
	assert_non_null(bytes);
	memset(bytes, 'x', 140001);
	buf_init(&out, LONG_ENOUGH);
	v1_write(&out, &r, NULL);
	assert_true(slice_starts(buf_get(&out), head));
	assert_memory_equal(out.data + head.len + 70000, "11170\r\nx", 8);
	assert_memory_equal(out.data + head.len + 140007, "1\r\nx0\r\n]\n", 9);
	assert_int_equal(out.len, head.len + 140016);
	buf_release(&out);
	free(bytes);
}

static uint32_t
next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static void
assert_same(const struct result *a, const struct result *b)
{
	assert_true(slice_eq(a->id, b->id));
	assert_int_equal(a->status, b->status);
	assert_true(a->start == b->start);
	assert_true(a->stop == b->stop);
	assert_int_equal(a->tag_count, b->tag_count);
	for (size_t i = 0; i < a->tag_count; i++)
		assert_true(slice_eq(a->tags[i], b->tags[i]));
	assert_int_equal(a->detail_count, b->detail_count);
	for (size_t i = 0; i < a->detail_count; i++) {
		assert_true(slice_eq(a->details[i].name, b->details[i].name));
		assert_true(slice_eq(a->details[i].bytes, b->details[i].bytes));
	}
}

/* What is written reads back as the same result, also with attachments full of directives and line ends. */
static void
test_round_trip(void **state)
{
	static const char *const names[] = {"]", "a", "b c", "d"};
	static const char *const words[] = {
	    "]\n", "test: x\n", "0\r\n", " ]\n", "\r\n", "time: ", "success: t\n", "\xb3"};
	static const enum status statuses[] = {
	    STATUS_SUCCESS, STATUS_UXSUCCESS, STATUS_SKIP, STATUS_FAIL, STATUS_XFAIL};
	struct slice tags[] = {slice_str("a"), slice_str("worker-0")};
	uint32_t seed = 7;
	struct buf out;

	(void)state;
	buf_init(&out, LONG_ENOUGH);
	for (int n = 0; n < 500; n++) {
		struct detail details[4];
		struct buf bytes[4];
		struct result in = {.id = slice_str("test [ x"),
		    .status = statuses[next_random(&seed) % 5],
		    .start = next_random(&seed) * INT64_C(1000),
		    .stop = next_random(&seed) * INT64_C(1000),
		    .tags = tags,
		    .tag_count = next_random(&seed) % 3,
		    .details = details,
		    .detail_count = next_random(&seed) % 5};
		struct outcome *o = outcome_new(LONG_ENOUGH);
		struct reader *r = reader_new(READER_V1);
		const struct result *got = NULL;
		struct event e;

		for (size_t i = 0; i < 4; i++) {
			buf_init(&bytes[i], LONG_ENOUGH);
			for (uint32_t k = next_random(&seed) % 20 + 1; k; k--)
				buf_str(&bytes[i], words[next_random(&seed) % 8]);
			details[i] =
			    (struct detail){.name = slice_str(names[i]), .bytes = buf_get(&bytes[i])};
		}
		details[0].mime = slice_str("text/plain;charset=utf8");
		buf_clear(&out);
		in.tags = tags;
		v1_write(&out, &in, NULL);
		assert_false(out.failed);
		assert_int_equal(reader_feed(r, out.data, out.len), 0);
		reader_end(r);
		while (reader_next(r, &e) > 0) {
			assert_null(got);
			assert_int_equal(e.kind, EVENT_PACKET);
			assert_int_equal(outcome_event(o, &e, &got), 0);
			if (got)
				assert_same(got, &in);
		}
		assert_int_equal(outcome_open_count(o), 0);
		reader_free(r);
		outcome_free(o);
		for (size_t i = 0; i < 4; i++)
			buf_release(&bytes[i]);
	}
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_layout),
	    cmocka_unit_test(test_chunks),
	    cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests_name("v1", tests, NULL, NULL);
}
