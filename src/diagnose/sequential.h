/* SPDX-License-Identifier: Apache-2.0
 *
 * When enough runs of a test were seen: the rate of its failures is known to within a factor, or it is shown to be
 * below a bound. One may look after every run and stop at once, since the interval is right at all looks together
 * (interval_anytime). Pure. Invariant: what is said when it has ended is true with the confidence that was asked for,
 * whatever the rate. */
#ifndef SEQUENTIAL_H
#define SEQUENTIAL_H

#include "interval.h"

#include <stdbool.h>

struct sequential {
	double confidence;
	double bound;  /* a rate below it is low enough */
	double factor; /* above 1: the ends of the interval are at most this far apart */
	uint64_t failures, runs;
};

enum sequential_state {
	SEQUENTIAL_OPEN,
	SEQUENTIAL_BELOW, /* the rate is below the bound */
	SEQUENTIAL_KNOWN, /* to within the factor */
};

/* Takes note of a run. */
void sequential_take(struct sequential *s, bool failed);
/* The interval that has the rate, and what it comes to. */
struct interval sequential_interval(const struct sequential *s);
enum sequential_state sequential_state(const struct sequential *s);

#endif
