/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "duration.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void
test_parse(void **state)
{
	static const struct {
		const char *text;
		int64_t micros;
	} cases[] = {{"1", 1000000}, {"0.0000005", 1}, {" 1e-3 ", 1000}, {"-1", -1000000},
	    {"1,234.5", 1234500000}, {"12,345,678", INT64_C(12345678000000)}, {"1,234", 1234000000},
	    {"0,005", 0}, {"1,5", 0}, {"1234,567", 0}, {"1,23,456", 0}, {"1,234.5,678", 0}, {",123", 0},
	    {"1,", 0}, {"1,2345", 0}, {"inf", 0}, {"nan", 0}, {"0x10", 0}, {"", 0}, {"x", 0}, {"1e300", 0},
	    {"1.5 2", 0}, {"--1", 0}};
	char text[32];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_true(duration_parse(cases[i].text) == cases[i].micros * 1000);
	assert_true(duration_parse(NULL) == 0);
	/* With and without commas it is the same number. */
	srand(1);
	for (int i = 0; i < 10000; i++) {
		int a = 1 + rand() % 999, b = rand() % 1000, c = rand() % 1000;
		int64_t micros = ((int64_t)a * 1000000 + b * 1000 + c) * 1000;

		snprintf(text, sizeof(text), "%d,%03d.%03d", a, b, c);
		assert_true(duration_parse(text) == micros * 1000);
	}
}

static void
test_of(void **state)
{
	(void)state;
	assert_true(duration_of(0.1) == 100000000);
	assert_true(duration_of(-1e-6) == -1000);
	assert_true(duration_of(NAN) == 0 && duration_of(INFINITY) == 0 && duration_of(1e10) == 0);
}

static void
test_after(void **state)
{
	const int64_t last = (int64_t)UINT32_MAX * TIME_SECOND;

	(void)state;
	assert_true(duration_after(TIME_NONE, 5) == TIME_NONE);
	assert_true(duration_after(7, 5) == 12 && duration_after(7, -7) == 0);
	assert_true(duration_after(7, -8) == 7);
	assert_true(duration_after(last - 1, 1) == last && duration_after(last, 1) == last);
	assert_true(duration_after(5, INT64_MAX) == 5 && duration_after(5, INT64_MIN) == 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_of),
	    cmocka_unit_test(test_after),
	};

	return cmocka_run_group_tests_name("duration", tests, NULL, NULL);
}
