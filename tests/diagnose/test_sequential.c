/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sequential.h"

static double
random_share(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

/* Runs until it ends or `most` runs; looks after every one. */
static struct sequential
run_until(double rate, double bound, uint64_t most, uint64_t *random)
{
	struct sequential s = {.confidence = 0.95, .bound = bound, .factor = 2};

	while (s.runs < most && sequential_state(&s) == SEQUENTIAL_OPEN)
		sequential_take(&s, random_share(random) < rate);
	return s;
}

/* Whatever the rate, what is said at the end is true in at least 95 of a hundred cases. */
static void
test_coverage(void **state)
{
	static const double rates[] = {0.02, 0.05, 0.08, 0.2, 0.5, 0.9};
	uint64_t random = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		unsigned right = 0, ended = 0, below = 0;

		for (unsigned round = 0; round < 100; round++) {
			struct sequential s = run_until(rates[i], 0.05, 1000, &random);
			struct interval range = sequential_interval(&s);
			enum sequential_state end = sequential_state(&s);

			right += range.low <= rates[i] && rates[i] <= range.high;
			ended += end != SEQUENTIAL_OPEN;
			below += end == SEQUENTIAL_BELOW;
		}
		/* 95 %, and two standard deviations of chance. */
		assert_true(right >= 91);
		assert_true(rates[i] < 0.05 ? below > 70 : below <= 9);
		assert_true(rates[i] < 0.2 || ended == 100);
	}
}

/* A rate that is far from the bound is settled by few runs. */
static void
test_cost(void **state)
{
	struct sequential never = {.confidence = 0.95, .bound = 0.01, .factor = 2}, always = never;

	(void)state;
	while (sequential_state(&never) == SEQUENTIAL_OPEN)
		sequential_take(&never, false);
	assert_int_equal(sequential_state(&never), SEQUENTIAL_BELOW);
	/* 299 if it were settled beforehand how many. */
	assert_true(never.runs >= 299 && never.runs < 1500);
	while (sequential_state(&always) == SEQUENTIAL_OPEN)
		sequential_take(&always, true);
	assert_int_equal(sequential_state(&always), SEQUENTIAL_KNOWN);
	assert_true(always.runs >= 3 && always.runs < 20);
}

static void
test_nothing_seen(void **state)
{
	struct sequential s = {.confidence = 0.95, .bound = 0.01, .factor = 2};

	(void)state;
	assert_int_equal(sequential_state(&s), SEQUENTIAL_OPEN);
	assert_true(sequential_interval(&s).low <= 0 && sequential_interval(&s).high >= 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_coverage),
	    cmocka_unit_test(test_cost),
	    cmocka_unit_test(test_nothing_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
