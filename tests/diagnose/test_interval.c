/* SPDX-License-Identifier: Apache-2.0 */
#include "interval.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
assert_near(double wanted, double got, double tolerance)
{
	if (!(fabs(wanted - got) <= tolerance))
		fail_msg("%.15g, not %.15g", got, wanted);
}

/* The chance of at least k failures in n runs, term by term. */
static double
tail_of_binomial(int k, int n, double p)
{
	double sum = 0, term = pow(1 - p, n);

	for (int i = 0; i <= n; i++) {
		if (i >= k)
			sum += term;
		term *= (double)(n - i) / (i + 1) * p / (1 - p);
	}
	return sum;
}

static void
test_beta_is_the_tail_of_the_binomial(void **state)
{
	const double rates[] = {1e-4, 0.01, 0.1, 0.5, 0.77, 0.99};

	(void)state;
	for (int n = 1; n <= 40; n += 3)
		for (int k = 1; k <= n; k++)
			for (size_t r = 0; r < 6; r++)
				assert_near(tail_of_binomial(k, n, rates[r]),
				    interval_beta_cdf(rates[r], k, n - k + 1), 1e-12);
}

static void
test_beta_is_symmetric_and_has_its_ends(void **state)
{
	(void)state;
	for (double a = 0.5; a < 3000; a *= 3)
		for (double b = 0.5; b < 3000; b *= 3)
			for (double x = 0; x <= 1; x += 0.125)
				assert_near(
				    1 - interval_beta_cdf(1 - x, b, a), interval_beta_cdf(x, a, b), 1e-10);
	assert_near(0, interval_beta_cdf(0, 0.5, 0.5), 0);
	assert_near(1, interval_beta_cdf(1, 0.5, 0.5), 0);
	/* The arcsine law. */
	assert_near(1.0 / 3, interval_beta_cdf(0.25, 0.5, 0.5), 1e-13);
}

static void
test_quantile_is_the_inverse(void **state)
{
	const double chances[] = {1e-6, 0.025, 0.05, 0.5, 0.9, 0.975, 0.999999};

	(void)state;
	for (double a = 0.5; a < 1e6; a *= 7)
		for (double b = 0.5; b < 1e6; b *= 7)
			for (size_t i = 0; i < 7; i++) {
				double x = interval_beta_quantile(chances[i], a, b);

				/* Next to 1 a rate has no more digits than this. */
				if (x < 1 - 1e-9)
					assert_near(chances[i], interval_beta_cdf(x, a, b), 1e-6);
			}
}

/* As tables and R's binom.test print them. */
static void
test_known_intervals(void **state)
{
	struct interval i = interval_exact(0, 10, 0.95);

	(void)state;
	assert_near(0, i.low, 0);
	assert_near(0.3084971, i.high, 1e-7);
	i = interval_exact(1, 10, 0.95);
	assert_near(0.002528579, i.low, 1e-8);
	assert_near(0.4450161, i.high, 1e-7);
	i = interval_exact(5, 10, 0.95);
	assert_near(0.1870860, i.low, 1e-7);
	assert_near(0.8129140, i.high, 1e-7);
	i = interval_exact(10, 10, 0.95);
	assert_near(0.6915029, i.low, 1e-7);
	assert_near(1, i.high, 0);
	i = interval_exact(0, 0, 0.95);
	assert_near(0, i.low, 0);
	assert_near(1, i.high, 0);
	assert_near(1 - pow(0.05, 1.0 / 100), interval_upper(0, 100, 0.95), 1e-12);
}

static void
test_each_holds_the_share_and_the_wider_holds_the_narrower(void **state)
{
	(void)state;
	for (uint64_t n = 0; n <= 200; n = n * 2 + 1)
		for (uint64_t k = 0; k <= n; k += 1 + n / 20) {
			struct interval rate = interval_rate(k, n, 0.95), exact = interval_exact(k, n, 0.95),
					any = interval_anytime(k, n, 0.95);
			double share = n ? (double)k / (double)n : 0.5;

			assert_true(rate.low <= share && share <= rate.high);
			assert_true(exact.low <= rate.low + 1e-9 && rate.high <= exact.high + 1e-9);
			assert_true(n < 3 || (any.low <= exact.low + 1e-9 && exact.high <= any.high + 1e-9));
			assert_true(any.low <= share && share <= any.high);
			assert_true(interval_rate(k, n, 0.5).high <= rate.high);
		}
}

/* How often each kind holds the rate, summed over all outcomes rather than drawn. */
static void
test_exact_intervals_hold_the_rate_as_often_as_they_say(void **state)
{
	(void)state;
	for (double p = 0.01; p < 1; p += 0.07) {
		double held = 0, about = 0, term = pow(1 - p, 60);

		for (int k = 0; k <= 60; k++) {
			struct interval exact = interval_exact((uint64_t)k, 60, 0.9),
					rate = interval_rate((uint64_t)k, 60, 0.9);

			held += exact.low <= p && p <= exact.high ? term : 0;
			about += rate.low <= p && p <= rate.high ? term : 0;
			term *= (60.0 - k) / (k + 1) * p / (1 - p);
		}
		assert_true(held >= 0.9);
		assert_true(about >= 0.83);
	}
}

#define LOOKS 200
#define RATES 6

/* The chance that a walk of LOOKS runs ever leaves, exactly: the walks that have not are followed by their counts. */
static void
test_anytime_intervals_hold_the_rate_at_all_looks(void **state)
{
	static double inside[RATES][LOOKS + 1];
	double left[RATES] = {0};

	(void)state;
	for (int r = 0; r < RATES; r++)
		inside[r][0] = 1;
	for (int n = 1; n <= LOOKS; n++)
		for (int k = n; k >= 0; k--) {
			struct interval any = interval_anytime((uint64_t)k, (uint64_t)n, 0.95);

			for (int r = 0; r < RATES; r++) {
				double p = 0.03 + 0.19 * r, *here = inside[r];

				here[k] = here[k] * (1 - p) + (k ? here[k - 1] * p : 0);
				if (p < any.low || p > any.high) {
					left[r] += here[k];
					here[k] = 0;
				}
			}
		}
	for (int r = 0; r < RATES; r++) {
		assert_true(left[r] <= 0.05);
		assert_true(left[r] > 0.0005);
	}
}

static void
test_clean_runs_are_the_least_that_show_it(void **state)
{
	(void)state;
	for (double rate = 1e-5; rate < 1; rate *= 1.7)
		for (double confidence = 0.5; confidence < 0.9999; confidence = 1 - (1 - confidence) / 3) {
			int64_t runs = interval_clean_runs(rate, confidence);

			assert_true(runs >= 1);
			assert_true(interval_upper(0, (uint64_t)runs, confidence) <= rate * (1 + 1e-6));
			assert_true(runs == 1 || interval_upper(0, (uint64_t)runs - 1, confidence) > rate);
		}
	assert_int_equal(299, interval_clean_runs(0.01, 0.95));
	assert_int_equal(1, interval_clean_runs(1, 0.95));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_beta_is_the_tail_of_the_binomial),
	    cmocka_unit_test(test_beta_is_symmetric_and_has_its_ends),
	    cmocka_unit_test(test_quantile_is_the_inverse),
	    cmocka_unit_test(test_known_intervals),
	    cmocka_unit_test(test_each_holds_the_share_and_the_wider_holds_the_narrower),
	    cmocka_unit_test(test_exact_intervals_hold_the_rate_as_often_as_they_say),
	    cmocka_unit_test(test_anytime_intervals_hold_the_rate_at_all_looks),
	    cmocka_unit_test(test_clean_runs_are_the_least_that_show_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
