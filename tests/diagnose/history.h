/* SPDX-License-Identifier: Apache-2.0
 *
 * Histories of runs that never were, with tests that fail by chance, tests that commits break and others mend,
 * and trouble of the machine: for the test of flaky.h and for bench/flaky.c. What is to be found out is known here. */
#ifndef HISTORY_H
#define HISTORY_H

#include "flaky.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct history_options {
	const char *name;
	uint64_t seed;
	size_t tests, runs;
	bool commits;              /* it is known which runs have the same code */
	double runs_each;          /* of one commit, in the mean */
	bool retries;              /* a test that failed is run once more */
	double outages;            /* the part of runs in which one begins */
	double flaky_tests;        /* the part of tests */
	double rate_min, rate_max; /* of chance failures, log-uniform */
	double breaking;           /* the part of tests that a commit breaks at some time */
};

struct history_test {
	bool flaky;
	double rate;
	size_t break_at, mended_at; /* runs; equal for never */
	size_t from;                /* the first run that has it */
	/* What rankings by simpler measures need: */
	uint64_t runs, failures, transitions, chance;
	bool last_failed;
};

static inline double
history_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static inline void
history_plan(const struct history_options *o, const size_t *begins, uint64_t *random, struct history_test *t)
{
	*t = (struct history_test){.flaky = history_random(random) < o->flaky_tests};
	if (t->flaky)
		t->rate = o->rate_min * exp(history_random(random) * log(o->rate_max / o->rate_min));
	if (history_random(random) < 0.1)
		t->from = (size_t)(history_random(random) * (double)o->runs / 2);
	if (history_random(random) >= o->breaking)
		return;
	/* A commit breaks it, and one to forty runs later another mends it. */
	t->break_at = begins[(size_t)(history_random(random) * (double)o->runs)];
	t->mended_at = t->break_at + 1 + (size_t)exp(history_random(random) * log(40));
	while (t->mended_at < o->runs && begins[t->mended_at] != t->mended_at)
		t->mended_at++;
}

/* Makes a history, tells it to `f`, and fills `tests`. 0, or -1 when out of memory. */
static inline int
history_tell(const struct history_options *o, struct flaky *f, struct history_test *tests)
{
	size_t *begins = calloc(o->runs, sizeof(*begins)); /* the first run of each one's commit */
	struct flaky_end *ends = calloc(o->tests * 2, sizeof(*ends));
	uint64_t random = o->seed;
	double outage = 0, share = 0;
	int rc = begins && ends ? 0 : -1;

	for (size_t r = 1; rc == 0 && r < o->runs; r++)
		begins[r] = history_random(&random) < 1 - 1 / o->runs_each ? begins[r - 1] : r;
	for (size_t i = 0; rc == 0 && i < o->tests; i++)
		history_plan(o, begins, &random, &tests[i]);
	for (size_t r = 0; rc == 0 && r < o->runs; r++) {
		struct flaky_run run = {.id = (int64_t)r,
		    .change = o->commits && begins[r] != r ? FLAKY_SAME : FLAKY_COMMIT,
		    .workers = 4,
		    .elapsed = INT64_C(60000000000)};
		size_t count = 0;

		/* It goes on with a chance of a half. */
		if (outage > 0 ? history_random(&random) < 0.5 : history_random(&random) < o->outages) {
			outage = 0.3 + 0.7 * history_random(&random);
			share = 0.05 + 0.95 * history_random(&random) * history_random(&random);
		} else {
			outage = 0;
		}
		for (size_t i = 0; i < o->tests; i++) {
			struct history_test *t = &tests[i];
			bool hit = outage > 0 && (double)(i * 7919 % o->tests) < share * (double)o->tests;
			bool broken = r >= t->break_at && r < t->mended_at, failed = false;

			for (int attempt = 0; r >= t->from && attempt < 2; attempt++) {
				bool chance = history_random(&random) < t->rate;

				failed = broken || chance || (hit && history_random(&random) < outage);
				t->chance += chance && !broken;
				ends[count++] = (struct flaky_end){
				    .test = i, .failed = failed, .duration = INT64_C(100000000)};
				if (!failed || !o->retries)
					break;
			}
			if (r < t->from)
				continue;
			t->transitions += t->runs && failed != t->last_failed;
			t->last_failed = failed;
			t->runs++;
			t->failures += failed;
		}
		rc = flaky_add(f, &run, ends, count);
	}
	free(begins);
	free(ends);
	return rc;
}

static inline bool
history_found(const struct flaky *f, size_t test)
{
	struct flaky_verdict v;

	flaky_judge(f, test, &v);
	return v.class == FLAKY_CHANCE || v.class == FLAKY_ORDER || v.class == FLAKY_CONTENTION ||
	       v.class == FLAKY_TIMEOUT;
}

#endif
