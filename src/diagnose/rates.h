/* SPDX-License-Identifier: Apache-2.0
 *
 * How well two unknown rates explain counts: one at which the victim fails in the probes that have what makes
 * it fail, another, the background, in those that have not. The rates live on a fixed grid under a fixed prior.
 * Invariant: equal counts give equal figures, to the last bit. */
#ifndef RATES_H
#define RATES_H

#include <stdint.h>

/* Failures and passes of a set of probes. */
struct tally {
	uint32_t failures, passes;
};

/* What the rates are, given the counts. */
struct rates {
	double evidence; /* the logarithm of the probability of the counts, averaged over the prior */
	double with;     /* the expected rates */
	double without;
};

/* The tables of the grid. Immutable once made. */
struct rates_prior;
struct rates_prior *rates_prior_new(void);
/* Accepts NULL. */
void rates_prior_free(struct rates_prior *prior);

/* One rate for all probes, in both fields. */
struct rates rates_single(const struct rates_prior *prior, struct tally all);
/* The probes with the culprit fail at a rate that is at least three times the background. */
struct rates rates_polluter(const struct rates_prior *prior, struct tally with, struct tally without);
/* The probes without the set-up fail at a high rate, most likely always. */
struct rates rates_setup(const struct rates_prior *prior, struct tally with, struct tally without);

#endif
