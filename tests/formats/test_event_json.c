/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "event_json.h"

#define LONG_ENOUGH ((size_t)1 << 20)

static uint32_t
next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static void
assert_same_text(struct slice a, struct slice b)
{
	assert_int_equal(a.data != NULL, b.data != NULL);
	assert_true(slice_eq(a, b));
}

static void
assert_same(const struct event *a, const struct event *b)
{
	assert_int_equal(a->status, b->status);
	assert_int_equal(a->runnable, b->runnable);
	assert_int_equal(a->eof, b->eof);
	assert_same_text(a->id, b->id);
	assert_same_text(a->route, b->route);
	assert_same_text(a->mime, b->mime);
	assert_same_text(a->file_name, b->file_name);
	assert_same_text(a->file, b->file);
	assert_int_equal(a->tags != NULL, b->tags != NULL);
	assert_int_equal(a->tag_count, b->tag_count);
	for (size_t i = 0; i < a->tag_count; i++)
		assert_same_text(a->tags[i], b->tags[i]);
	assert_true(a->time == b->time);
}

static struct slice
random_text(uint32_t *seed)
{
	static const char *const texts[] = {
	    NULL, "", "a.b.c", "\xc3\xa9 \"quoted\" \\ /", "\xf0\x9f\x98\x80\n\t\x01", "stdout"};

	return slice_str(texts[next_random(seed) % 6]);
}

/* Times around whole microseconds and seconds, before and after 1970, where rounding carries. */
static int64_t
random_time(uint32_t *seed)
{
	int64_t second = (int64_t)(next_random(seed) % 5) - 2;
	int64_t micro = next_random(seed) % 2 ? next_random(seed) % 3 : 999999 - next_random(seed) % 3;

	if (next_random(seed) % 8 == 0)
		return TIME_NONE;
	return second * TIME_SECOND * (next_random(seed) % 2 ? 1 : 1000000000) + micro * 1000 +
	       next_random(seed) % 1000;
}

static void
test_round_trip(void **state)
{
	static const struct slice tags[] = {
	    {(const uint8_t *)"", 0}, {(const uint8_t *)"a", 1}, {(const uint8_t *)"worker-1", 8}};
	struct event_json j = {0};
	uint32_t seed = 3;
	struct buf out;

	(void)state;
	buf_init(&out, LONG_ENOUGH);
	for (int n = 0; n < 5000; n++) {
		uint8_t bytes[64];
		struct event e, back;
		struct err err;

		event_init(&e);
		e.status = (enum status)(next_random(&seed) % 8);
		e.runnable = next_random(&seed) % 2;
		e.eof = next_random(&seed) % 2;
		e.id = random_text(&seed);
		e.route = random_text(&seed);
		e.mime = random_text(&seed);
		e.file_name = random_text(&seed);
		e.time = random_time(&seed);
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)next_random(&seed);
		if (e.file_name.data)
			e.file = slice_of(bytes, next_random(&seed) % sizeof(bytes));
		if (next_random(&seed) % 2) {
			e.tags = tags;
			e.tag_count = next_random(&seed) % 4;
		}
		assert_int_equal(event_to_json(&out, &e), 0);
		assert_int_equal(slice_find(buf_get(&out), '\n'), out.len - 1);
		assert_int_equal(event_from_json(&j, buf_get(&out), &back, &err), 0);
		assert_same(&e, &back);
		buf_clear(&out);
	}
	event_json_release(&j);
	buf_release(&out);
}

static void
test_form(void **state)
{
	struct slice tags[] = {slice_str("b"), slice_str("a"), slice_str("b")};
	struct event_json j = {0};
	struct event e, back;
	struct err err;
	struct buf out;

	(void)state;
	buf_init(&out, LONG_ENOUGH);
	event_init(&e);
	e.id = slice_str("t");
	e.status = STATUS_SUCCESS;
	e.tags = tags;
	e.tag_count = 3;
	e.time = INT64_C(1577836800999999501);
	assert_int_equal(event_to_json(&out, &e), 0);
	assert_string_equal(buf_cstr(&out),
	    "{\"test_id\": \"t\", \"test_status\": \"success\", \"test_tags\": [\"a\", \"b\"], \"runnable\": "
	    "true, "
	    "\"file_name\": null, \"file_bytes\": null, \"eof\": false, \"mime_type\": null, \"route_code\": "
	    "null, "
	    "\"timestamp\": \"2020-01-01T00:00:01.000000Z\", \"nanoseconds\": 999999501}\n");
	buf_clear(&out);

	event_init(&e);
	e.kind = EVENT_TEXT;
	e.file_name = slice_str("stdout");
	e.file = slice_str("hello");
	assert_int_equal(event_to_json(&out, &e), 0);
	assert_string_equal(buf_cstr(&out), "{\"test_id\": null, \"test_status\": null, \"test_tags\": null, "
					    "\"runnable\": true, \"file_name\": \"stdout\", "
					    "\"file_bytes\": \"aGVsbG8=\", \"eof\": false, \"mime_type\": "
					    "null, \"route_code\": null, \"timestamp\": null}\n");
	assert_int_equal(event_from_json(&j, buf_get(&out), &back, &err), 0);
	assert_int_equal(back.kind, EVENT_TEXT);
	assert_int_equal(
	    event_from_json(&j, slice_str("{\"file_name\": \"stdout\", \"file_bytes\": \"\"}"), &back, &err),
	    0);
	assert_int_equal(back.kind, EVENT_PACKET);
	assert_int_equal(event_from_json(&j, slice_str(" {} "), &back, &err), 0);
	assert_int_equal(back.kind, EVENT_PACKET);
	assert_true(back.runnable);
	event_json_release(&j);
	buf_release(&out);
}

static void
test_errors(void **state)
{
	static const struct {
		const char *text, *word;
	} cases[] = {
	    {"", "byte"},
	    {"{\"test_id\": \"a\"} x", "byte"},
	    {"[]", "object"},
	    {"{\"test_id\": 1}", "test_id"},
	    {"{\"test_id\": \"a\\u0000b\"}", "byte"},
	    {"{\"test_id\": \"\\ud800\"}", "byte"},
	    {"{\"test_id\": \"a\", \"test_id\": \"b\"}", "byte"},
	    {"{\"test_status\": \"passed\"}", "test_status"},
	    {"{\"test_tags\": \"a\"}", "test_tags"},
	    {"{\"test_tags\": [1]}", "test_tags"},
	    {"{\"eof\": 1}", "eof"},
	    {"{\"runnable\": null}", "runnable"},
	    {"{\"file_name\": \"a\"}", "file_bytes"},
	    {"{\"file_bytes\": \"\"}", "file_name"},
	    {"{\"file_name\": \"a\", \"file_bytes\": \"a\"}", "base64"},
	    {"{\"file_name\": \"a\", \"file_bytes\": \"abc*\"}", "base64"},
	    {"{\"file_name\": \"a\", \"file_bytes\": \"=abc\"}", "base64"},
	    {"{\"timestamp\": \"\"}", "timestamp"},
	    {"{\"timestamp\": \"2020-01-01T00:00:00Zx\"}", "timestamp"},
	    {"{\"nanoseconds\": 5}", "nanoseconds"},
	    {"{\"timestamp\": \"2020-01-01T00:00:00.000000Z\", \"nanoseconds\": 501}", "nanoseconds"},
	    {"{\"timestamp\": \"2020-01-01T00:00:00.000000Z\", \"nanoseconds\": 1000000000}", "nanoseconds"},
	    {"{\"timestamp\": \"2020-01-01T00:00:00.000000Z\", \"nanoseconds\": 1.5}", "nanoseconds"},
	    {"{\"other\": 1}", "other"},
	};
	struct event_json j = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event e = {.offset = 77};
		struct err err = {0};

		assert_int_equal(event_from_json(&j, slice_str(cases[i].text), &e, &err), -1);
		assert_int_equal(err.kind, ERR_FAILED);
		assert_non_null(strstr(err.text, cases[i].word));
		assert_int_equal(e.offset, 77);
	}
	event_json_release(&j);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_form),
	    cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests_name("event_json", tests, NULL, NULL);
}
