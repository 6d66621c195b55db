/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "timefmt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define DAY (86400 * TIME_SECOND)

static uint64_t
next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state ^ (*state >> 29);
}

static const char *
formatted(int64_t time, char sep, char *text, size_t size)
{
	struct buf out;

	buf_init(&out, 100);
	time_format(&out, time, sep);
	assert_false(out.failed);
	assert_true(out.len < size);
	memcpy(text, out.data, out.len);
	text[out.len] = '\0';
	buf_release(&out);
	return text;
}

/* The copy has no byte behind its end, so that reading on is seen by the sanitizer. */
static size_t
parse(const char *text, bool loose, int64_t *out)
{
	size_t len = strlen(text), n;
	char *copy = malloc(len ? len : 1);

	memcpy(copy, text, len);
	n = time_parse(slice_of(copy, len), loose, out);
	free(copy);
	return n;
}

static const struct {
	int64_t time;
	const char *text;
} known[] = {
    {0, "1970-01-01 00:00:00.000000Z"},
    {999, "1970-01-01 00:00:00.000000Z"},
    {1999, "1970-01-01 00:00:00.000001Z"},
    {-1, "1969-12-31 23:59:59.999999Z"},
    {-1000, "1969-12-31 23:59:59.999999Z"},
    {-1001, "1969-12-31 23:59:59.999998Z"},
    {INT64_C(1709164800) * TIME_SECOND, "2024-02-29 00:00:00.000000Z"},
    {INT64_C(1709251200) * TIME_SECOND, "2024-03-01 00:00:00.000000Z"},
    {INT64_C(951782400) * TIME_SECOND, "2000-02-29 00:00:00.000000Z"},
    {INT64_C(-2203977600) * TIME_SECOND, "1900-02-28 00:00:00.000000Z"},
    {INT64_C(-2203891200) * TIME_SECOND, "1900-03-01 00:00:00.000000Z"},
    {INT64_C(4107542400) * TIME_SECOND, "2100-03-01 00:00:00.000000Z"},
    {INT64_C(4294967295) * TIME_SECOND + 999999999, "2106-02-07 06:28:15.999999Z"},
    {INT64_MAX, "2262-04-11 23:47:16.854775Z"},
    {INT64_MIN, "1677-09-21 00:12:43.145224Z"},
};

static void
test_format(void **state)
{
	char text[64];

	(void)state;
	for (size_t i = 0; i < COUNT(known); i++)
		assert_string_equal(formatted(known[i].time, ' ', text, sizeof(text)), known[i].text);
	assert_string_equal(formatted(0, 'T', text, sizeof(text)), "1970-01-01T00:00:00.000000Z");
}

/* A calendar of its own: each day follows the one before it. */
static void
test_calendar(void **state)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year = 1678, month = 1, day = 1;
	int64_t time = INT64_C(-106650) * DAY;
	char text[64], expected[64];

	(void)state;
	for (; year < 2262; time += DAY) {
		bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
		int64_t parsed = 1;

		snprintf(expected, sizeof(expected), "%04d-%02d-%02dx00:00:00.000000Z", year, month, day);
		assert_string_equal(formatted(time, 'x', text, sizeof(text)), expected);
		assert_int_equal(parse(expected, false, &parsed), strlen(expected));
		assert_true(parsed == time);
		if (++day <= days[month - 1] + (month == 2 && leap))
			continue;
		snprintf(expected, sizeof(expected), "%04d-%02d-%02dx00:00:00.000000Z", year, month, day);
		assert_int_equal(parse(expected, false, &parsed), 0);
		day = 1;
		month = month % 12 + 1;
		year += month == 1;
	}
}

static void
test_round_trip(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		int64_t time = (int64_t)next_random(&seed) >> i % 40, parsed = 0;
		char text[64];

		/* Whole microseconds, and not the one second at the beginning of time whose start does not
		 * fit. */
		time -= time % 1000;
		if (time < INT64_MIN + TIME_SECOND)
			continue;
		formatted(time, i % 3 ? ' ' : 'T', text, sizeof(text));
		assert_int_equal(parse(text, false, &parsed), strlen(text));
		assert_true(parsed == time);
	}
}

static void
test_parse(void **state)
{
	static const struct {
		const char *text;
		size_t strict, loose; /* bytes read */
		int64_t nanos;        /* after 2024-02-29T12:00:00Z */
	} cases[] = {
	    {"2024-02-29 12:00:00Z", 20, 20, 0},
	    {"2024-02-29T12:00:00", 19, 19, 0},
	    {"2024-02-29_12:00:00 junk", 19, 19, 0},
	    {"2024-02-29 12:00:00Z\r", 20, 20, 0},
	    {"2024-02-29 12:00:00.", 19, 19, 0},
	    {"2024-02-29 12:00:00.Z", 19, 19, 0},
	    {"2024-02-29 12:00:00.5Z", 22, 22, 500000000},
	    {"2024-02-29 12:00:00.123456789Z", 30, 30, 123456789},
	    {"2024-02-29 12:00:00.1234567899999999999999Z", 43, 43, 123456789},
	    {"2024-02-29 12:00:00.000000001", 29, 29, 1},
	    {"2024-02-29 13:00:00+01:00", 25, 25, 0},
	    {"2024-02-29 13:00:00+0100", 24, 24, 0},
	    {"2024-02-29 13:00:00+01", 22, 22, 0},
	    {"2024-02-29 06:30:00.25-05:30", 28, 28, 250000000},
	    {"2024-02-29 12:00:00+1", 19, 19, 0},
	    {"2024-02-29 11:59:60Z", 20, 20, 0},
	    {"2024-02-29 12:00", 0, 16, 0},
	    {"2024-02-29 12:00Z", 0, 17, 0},
	    {"2024-02-29 12:00:0", 0, 16, 0},
	    {"2024-02-29 12:00:61", 0, 0, 0},
	    {"2024-02-29 12:60:00", 0, 0, 0},
	    {"2024-02-29 24:00:00", 0, 0, 0},
	    {"2023-02-29 12:00:00", 0, 0, 0},
	    {"2024-02-30 12:00:00", 0, 0, 0},
	    {"2024-13-01 12:00:00", 0, 0, 0},
	    {"2024-00-01 12:00:00", 0, 0, 0},
	    {"2024-01-00 12:00:00", 0, 0, 0},
	    {"0001-01-01 00:00:00", 0, 0, 0},
	    {"9999-12-31 23:59:59", 0, 0, 0},
	    {"2262-04-11 23:47:16.9", 0, 0, 0},
	    {"-024-02-29 12:00:00", 0, 0, 0},
	    {" 2024-02-29 12:00:00", 0, 0, 0},
	    {"2024-2-29 12:00:00", 0, 0, 0},
	    {"20240229T120000", 0, 0, 0},
	    {"", 0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t noon = INT64_C(1709208000) * TIME_SECOND, strict = 77, loose = 77;

		assert_int_equal(parse(cases[i].text, false, &strict), cases[i].strict);
		assert_int_equal(parse(cases[i].text, true, &loose), cases[i].loose);
		assert_int_equal(strict, cases[i].strict ? noon + cases[i].nanos : 77);
		assert_int_equal(loose, cases[i].loose ? noon + cases[i].nanos : 77);
	}
}

/* Of a time of day that is cut short, nothing is taken: what is read and what is told agree. */
static void
test_date_only(void **state)
{
	static const char *const texts[] = {"2024-02-29", "2024-02-29 ", "2024-02-29 1", "2024-02-29 12",
	    "2024-02-29 12:", "2024-02-29 12:3", "2024-02-29 99"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		int64_t time = 77;

		assert_int_equal(parse(texts[i], false, &time), 0);
		assert_int_equal(time, 77);
		assert_int_equal(parse(texts[i], true, &time), 10);
		assert_int_equal(time, INT64_C(1709164800) * TIME_SECOND);
	}
}

/* Every beginning of a time is read as far as it makes sense, and nothing behind it is looked at. */
static void
test_every_cut(void **state)
{
	static const char whole[] = "2024-02-29 12:00:00.123456+05:30";

	(void)state;
	for (size_t len = 0; len < sizeof(whole); len++) {
		char text[sizeof(whole)] = "";
		int64_t time;
		size_t n;

		memcpy(text, whole, len);
		n = parse(text, false, &time);
		assert_true(n <= len);
		assert_int_equal(n > 0, len >= 19);
	}
}

static void
test_round_us(void **state)
{
	static const int64_t cases[][2] = {{0, 0}, {1, 0}, {499, 0}, {500, 0}, {501, 1000}, {999, 1000},
	    {1500, 2000}, {2500, 2000}, {2501, 3000}, {-1, 0}, {-500, 0}, {-501, -1000}, {-1500, -2000},
	    {-2500, -2000}, {INT64_MAX, INT64_MAX}, {INT64_MIN, INT64_MIN}};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_true(time_round_us(cases[i][0]) == cases[i][1]);
}

static void
test_format_python(void **state)
{
	static const struct {
		int64_t time;
		const char *text;
	} cases[] = {
	    {0, "1970-01-01 00:00:00+00:00"},
	    {500, "1970-01-01 00:00:00+00:00"},
	    {1500, "1970-01-01 00:00:00.000002+00:00"},
	    {TIME_SECOND - 499, "1970-01-01 00:00:01+00:00"},
	    {TIME_SECOND / 2, "1970-01-01 00:00:00.500000+00:00"},
	    {-TIME_SECOND / 2, "1969-12-31 23:59:59.500000+00:00"},
	};
	struct buf out;

	(void)state;
	buf_init(&out, 64);
	for (size_t i = 0; i < COUNT(cases); i++) {
		buf_clear(&out);
		buf_byte(&out, 'x');
		time_format_python(&out, cases[i].time);
		assert_string_equal(buf_cstr(&out) + 1, cases[i].text);
	}
	buf_release(&out);
}

static void
test_extend(void **state)
{
	int64_t first = TIME_NONE, last = TIME_NONE;

	(void)state;
	time_extend(&first, &last, TIME_NONE);
	assert_true(first == TIME_NONE && last == TIME_NONE);
	time_extend(&first, &last, 5);
	assert_true(first == 5 && last == 5);
	time_extend(&first, &last, -7);
	time_extend(&first, &last, TIME_NONE);
	time_extend(&first, &last, 6);
	assert_true(first == -7 && last == 6);
}

static void
test_between(void **state)
{
	(void)state;
	assert_int_equal(time_between(-7, 6), 13);
	assert_int_equal(time_between(6, -7), -13);
	assert_int_equal(time_between(TIME_NONE, 6), 0);
	assert_int_equal(time_between(6, TIME_NONE), 0);
	assert_true(time_between(0, INT64_MAX) == INT64_MAX);
	assert_true(time_between(-1, INT64_MAX) == INT64_MAX);
	assert_true(time_between(INT64_MAX, -1) == -INT64_MAX);
	assert_true(time_between(INT64_MAX, -INT64_MAX) == -INT64_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_format),
	    cmocka_unit_test(test_calendar),
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_date_only),
	    cmocka_unit_test(test_every_cut),
	    cmocka_unit_test(test_round_us),
	    cmocka_unit_test(test_format_python),
	    cmocka_unit_test(test_extend),
	    cmocka_unit_test(test_between),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
