/* SPDX-License-Identifier: Apache-2.0 */
#include "interval.h"

#include <math.h>

static double
log_gamma(double x)
{
	int sign;

	return lgamma_r(x, &sign);
}

static double
log_beta(double a, double b)
{
	return log_gamma(a) + log_gamma(b) - log_gamma(a + b);
}

static double
away_from_zero(double x)
{
	return fabs(x) < 1e-300 ? 1e-300 : x;
}

/* The continued fraction of the incomplete beta function, by Lentz's method: it converges in about
 * sqrt(max(a, b)) steps for x < (a + 1) / (a + b + 2). */
static double
fraction(double x, double a, double b)
{
	double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), sum = d;

	for (int i = 1; i < 100000; i++) {
		double even = i * (b - i) * x / ((a + 2 * i - 1) * (a + 2 * i));
		double odd = -(a + i) * (a + b + i) * x / ((a + 2 * i) * (a + 2 * i + 1));

		d = 1 / away_from_zero(1 + even * d);
		c = away_from_zero(1 + even / c);
		sum *= d * c;
		d = 1 / away_from_zero(1 + odd * d);
		c = away_from_zero(1 + odd / c);
		sum *= d * c;
		if (fabs(d * c - 1) < 1e-15)
			break;
	}
	return sum;
}

double
interval_beta_cdf(double x, double a, double b)
{
	double front;

	if (x <= 0)
		return 0;
	if (x >= 1)
		return 1;
	front = exp(a * log(x) + b * log1p(-x) - log_beta(a, b));
	if (x < (a + 1) / (a + b + 2))
		return front * fraction(x, a, b) / a;
	return 1 - front * fraction(1 - x, b, a) / b;
}

double
interval_beta_quantile(double p, double a, double b)
{
	double low = 0, high = 1;

	/* Halving the exponent first finds quantiles near zero, where small rates are. */
	for (int i = 0; i < 200 && high - low > 1e-13 * high; i++) {
		double middle = low == 0 ? high / 16 : low + (high - low) / 2;

		if (middle < 1e-300)
			return 0;
		if (interval_beta_cdf(middle, a, b) < p)
			low = middle;
		else
			high = middle;
	}
	return low + (high - low) / 2;
}

struct interval
interval_rate(uint64_t failures, uint64_t runs, double confidence)
{
	double tail = (1 - confidence) / 2;
	double a = (double)failures + 0.5, b = (double)(runs - failures) + 0.5;

	return (struct interval){
	    failures == 0 ? 0 : interval_beta_quantile(tail, a, b),
	    failures == runs ? 1 : interval_beta_quantile(1 - tail, a, b),
	};
}

double
interval_upper(uint64_t failures, uint64_t runs, double confidence)
{
	if (failures == runs)
		return 1;
	return interval_beta_quantile(confidence, (double)failures + 1, (double)(runs - failures));
}

struct interval
interval_exact(uint64_t failures, uint64_t runs, double confidence)
{
	double tail = (1 - confidence) / 2;

	return (struct interval){
	    failures == 0 ? 0 : interval_beta_quantile(tail, (double)failures, (double)(runs - failures) + 1),
	    interval_upper(failures, runs, 1 - tail),
	};
}

static double
log_likelihood(double rate, double failures, double passes)
{
	return (failures > 0 ? failures * log(rate) : 0) + (passes > 0 ? passes * log1p(-rate) : 0);
}

/* Where the likelihood falls to `least`, between a rate where it is below and one where it is not. */
static double
crossing(double below, double above, double failures, double passes, double least)
{
	for (int i = 0; i < 100; i++) {
		double middle = (below + above) / 2;

		if (log_likelihood(middle, failures, passes) < least)
			below = middle;
		else
			above = middle;
	}
	return below;
}

/* The rates against which the mixture of all rates (Beta(1/2, 1/2)) has not won by a factor of
 * 1 / (1 - confidence). For the true rate that factor is a martingale, which ever reaches it with at most that
 * chance (Ville). */
struct interval
interval_anytime(uint64_t failures, uint64_t runs, double confidence)
{
	double f = (double)failures, g = (double)(runs - failures), best = runs ? f / (f + g) : 0.5;
	double least = log_beta(f + 0.5, g + 0.5) - log_beta(0.5, 0.5) + log(1 - confidence);

	return (struct interval){
	    failures == 0 ? 0 : crossing(0, best, f, g, least),
	    failures == runs ? 1 : crossing(1, best, f, g, least),
	};
}

int64_t
interval_clean_runs(double rate, double confidence)
{
	double runs = ceil(log1p(-confidence) / log1p(-rate) - 1e-9);

	if (!(runs >= 1))
		return 1;
	return runs < 9.2e18 ? (int64_t)runs : INT64_MAX;
}
