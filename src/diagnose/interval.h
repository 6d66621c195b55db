/* SPDX-License-Identifier: Apache-2.0
 *
 * What a number of failures in a number of runs says of the rate behind them. Invariant: for the same confidence
 * an interval never excludes the observed share failures/runs. */
#ifndef INTERVAL_H
#define INTERVAL_H

#include <stdint.h>

struct interval {
	double low, high; /* 0 <= low <= high <= 1 */
};

/* The chance that a Beta(a, b) variable is at most x; a and b above 0. */
double interval_beta_cdf(double x, double a, double b);
/* The x for which that chance is p, to about 1e-12. */
double interval_beta_quantile(double p, double a, double b);

/* The rate, with equal tails, for a number of runs that was settled beforehand: Jeffreys' interval, whose low
 * end is 0 when nothing failed and whose high end is 1 when everything did. Without runs it is [0, 1]. */
struct interval interval_rate(uint64_t failures, uint64_t runs, double confidence);
/* The same, exactly (Clopper and Pearson): it holds the rate with at least that confidence, and is wider. */
struct interval interval_exact(uint64_t failures, uint64_t runs, double confidence);
/* The rate below which it is with that confidence, exactly, one-sided: 3/runs about, for 95 % and no failure. */
double interval_upper(uint64_t failures, uint64_t runs, double confidence);

/* The rate when one looks after every run and stops whenever one likes: with that confidence it is inside at
 * all of these looks together. A test of "the rate is r" that ends as soon as r is outside is therefore sound
 * however long it went on. Wider than the others, by about the square root of log(runs). */
struct interval interval_anytime(uint64_t failures, uint64_t runs, double confidence);

/* How many runs without a failure show with that confidence that the rate is below `rate`, which is above 0.
 * At most INT64_MAX. */
int64_t interval_clean_runs(double rate, double confidence);

#endif
