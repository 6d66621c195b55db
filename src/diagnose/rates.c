/* SPDX-License-Identifier: Apache-2.0 */
#include "rates.h"

#include <math.h>
#include <stdlib.h>

#define GRID 27 /* the rates of the grid, from "never" to "always" */
#define NEVER 0
#define ALWAYS (GRID - 1)

/* As far as anything is impossible: an error of the machinery rather than of the hypothesis. */
#define SURELY_NOT 1e-6

struct rates_prior {
	double rate[GRID], log_fail[GRID], log_pass[GRID];
	double single[GRID];
	/* The joint prior of both rates: [high][low] */
	double polluter[GRID][GRID], setup[GRID][GRID];
};

static double
background(double rate)
{
	return rate < 0.06 ? 1 : 0;
}

static double
raised(double rate)
{
	return rate > 0.99 ? 0 : rate >= 0.003 ? 1 : 0.25 / 4;
}

/* Makes the weights of [first, last] sum to `sum`. */
static void
normalise(double *weights, int first, int last, double sum)
{
	double total = 0;

	for (int i = first; i <= last; i++)
		total += weights[i];
	for (int i = first; i <= last; i++)
		weights[i] *= sum / total;
}

/* high x low, where a rate below three times the background is none that is raised by anything. */
static void
combine(const struct rates_prior *p, const double *high, const double *low, double joint[GRID][GRID])
{
	double sum = 0;

	for (int h = 0; h < GRID; h++)
		for (int l = 0; l < GRID; l++) {
			joint[h][l] = l != NEVER && p->rate[h] < 3 * p->rate[l] ? 0 : high[h] * low[l];
			sum += joint[h][l];
		}
	for (int h = 0; h < GRID; h++)
		for (int l = 0; l < GRID; l++)
			joint[h][l] /= sum;
}

struct rates_prior *
rates_prior_new(void)
{
	struct rates_prior *p = calloc(1, sizeof(*p));
	double low[GRID], high[GRID], lacking[GRID];

	if (!p)
		return NULL;
	for (int i = 0; i < GRID; i++) {
		double rate = i == NEVER ? SURELY_NOT : exp(log(1e-5) * (ALWAYS - i) / (ALWAYS - 1));

		if (i == ALWAYS)
			rate = 0.9995;
		p->rate[i] = rate;
		p->log_fail[i] = log(rate);
		p->log_pass[i] = log1p(-rate);
		p->single[i] = i != NEVER && i != ALWAYS;
		low[i] = i == NEVER ? 0 : background(rate);
		high[i] = i == NEVER ? 0 : raised(rate);
		lacking[i] = rate > 0.09 && i != ALWAYS;
	}
	normalise(p->single, 0, ALWAYS - 1, 0.85);
	p->single[ALWAYS] = 0.15;
	normalise(low, 1, ALWAYS, 0.25);
	low[NEVER] = 0.75;
	normalise(high, 0, ALWAYS - 1, 0.70);
	high[ALWAYS] = 0.30;
	normalise(lacking, 0, ALWAYS - 1, 0.50);
	lacking[ALWAYS] = 0.50;
	combine(p, high, low, p->polluter);
	combine(p, lacking, low, p->setup);
	return p;
}

void
rates_prior_free(struct rates_prior *prior)
{
	free(prior);
}

/* The likelihoods of the counts over the grid, as multiples of the largest, whose logarithm is returned. */
static double
likelihoods(const struct rates_prior *p, struct tally t, double *out)
{
	double most = -INFINITY;

	for (int i = 0; i < GRID; i++) {
		out[i] = t.failures * p->log_fail[i] + t.passes * p->log_pass[i];
		most = out[i] > most ? out[i] : most;
	}
	for (int i = 0; i < GRID; i++)
		out[i] = out[i] - most < -60 ? 0 : exp(out[i] - most);
	return most;
}

struct rates
rates_single(const struct rates_prior *p, struct tally all)
{
	double l[GRID], most = likelihoods(p, all, l), sum = 0, mean = 0;

	for (int i = 0; i < GRID; i++) {
		sum += p->single[i] * l[i];
		mean += p->single[i] * l[i] * p->rate[i];
	}
	/* Above 0: the largest likelihood but the one of "never", which has no weight here, is not that small. */
	sum += 1e-300;
	return (struct rates){most + log(sum), mean / sum, mean / sum};
}

static struct rates
rates_joint(const struct rates_prior *p, const double joint[GRID][GRID], struct tally high, struct tally low)
{
	double h[GRID], l[GRID], most = likelihoods(p, high, h) + likelihoods(p, low, l);
	double sum = 1e-300, mean_high = 0, mean_low = 0;

	for (int i = 1; i < GRID; i++) {
		double weight = 0, rate = 0;

		if (h[i] <= 0)
			continue;
		for (int j = 0; j < GRID; j++) {
			double w = joint[i][j] * l[j];

			weight += w;
			rate += w * p->rate[j];
		}
		sum += h[i] * weight;
		mean_high += h[i] * weight * p->rate[i];
		mean_low += h[i] * rate;
	}
	return (struct rates){most + log(sum), mean_high / sum, mean_low / sum};
}

struct rates
rates_polluter(const struct rates_prior *prior, struct tally with, struct tally without)
{
	return rates_joint(prior, prior->polluter, with, without);
}

struct rates
rates_setup(const struct rates_prior *prior, struct tally with, struct tally without)
{
	struct rates r = rates_joint(prior, prior->setup, without, with);

	return (struct rates){r.evidence, r.without, r.with};
}
