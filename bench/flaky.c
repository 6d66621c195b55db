/* SPDX-License-Identifier: Apache-2.0
 *
 * How well flaky tests are found in simulated histories, beside two simpler rankings, which are given what they
 * cannot have: the threshold that is best for that very history. Those are the number of changes between passing and
 * failing from run to run, which inquest ranks by (from five runs on), and the part of runs that failed. */
#include "history.h"

#include <inttypes.h>
#include <stdio.h>

#define SEEDS 10

struct score {
	double precision, recall;
};

struct ranked {
	double score;
	bool flaky;
};

static int
compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return x->score < y->score ? 1 : x->score > y->score ? -1 : (int)x->flaky - (int)y->flaky;
}

/* The best that a ranking can do, by the harmonic mean of both. */
static struct score
best_cut(struct ranked *ranked, size_t count, size_t flaky)
{
	struct score best = {0, 0};
	double most = 0;
	size_t right = 0;

	qsort(ranked, count, sizeof(*ranked), compare_ranked);
	for (size_t i = 0; i < count && ranked[i].score > 0; i++) {
		double mean;

		right += ranked[i].flaky;
		mean = 2 * (double)right / (double)(i + 1 + flaky);
		if (i + 1 < count && ranked[i + 1].score >= ranked[i].score)
			continue;
		if (mean > most) {
			most = mean;
			best = (struct score){(double)right / (double)(i + 1), (double)right / (double)flaky};
		}
	}
	return best;
}

/* Precision and recall of ours, of counting transitions, and of the fail rate, over all seeds together. A flaky
 * test that never failed by chance is left out: nobody can know of it. */
static int
measure(struct history_options o, struct score out[3])
{
	size_t total = o.tests * SEEDS, count = 0, found = 0, right = 0, flaky = 0;
	struct history_test *tests = calloc(total, sizeof(*tests));
	struct ranked *transitions = calloc(total, sizeof(*transitions)),
		      *rates = calloc(total, sizeof(*rates));
	int rc = tests && transitions && rates ? 0 : -1;

	for (uint64_t seed = 0; rc == 0 && seed < SEEDS; seed++) {
		struct flaky *f = flaky_new();

		o.seed = seed;
		rc = f ? history_tell(&o, f, tests + seed * o.tests) : -1;
		for (size_t i = 0; rc == 0 && i < o.tests; i++) {
			const struct history_test *t = &tests[seed * o.tests + i];
			bool ours = history_found(f, i);

			if (t->flaky && !t->chance)
				continue;
			flaky += t->flaky;
			found += ours;
			right += ours && t->flaky;
			transitions[count].flaky = rates[count].flaky = t->flaky;
			transitions[count].score =
			    t->runs >= 5 ? (double)t->transitions / (double)(t->runs - 1) : 0;
			rates[count++].score = (double)t->failures / (double)t->runs;
		}
		flaky_free(f);
	}
	if (rc == 0) {
		out[0] =
		    (struct score){found ? (double)right / (double)found : 1, (double)right / (double)flaky};
		out[1] = best_cut(transitions, count, flaky);
		out[2] = best_cut(rates, count, flaky);
	}
	free(tests);
	free(transitions);
	free(rates);
	return rc;
}

int
main(void)
{
	const struct history_options worlds[] = {
	    {"commits, 3 runs each", 0, 1000, 400, true, 3, false, 0.01, 0.05, 0.01, 0.5, 0.2},
	    {"commits, 1.3 runs each", 0, 1000, 400, true, 1.3, false, 0.01, 0.05, 0.01, 0.5, 0.2},
	    {"commits, retries", 0, 1000, 400, true, 1.3, true, 0.01, 0.05, 0.01, 0.5, 0.2},
	    {"no commits known", 0, 1000, 400, false, 1.3, false, 0.01, 0.05, 0.01, 0.5, 0.2},
	    {"many outages", 0, 1000, 400, true, 2, false, 0.05, 0.05, 0.01, 0.5, 0.2},
	    {"many breaks", 0, 1000, 400, true, 2, false, 0.01, 0.05, 0.01, 0.5, 0.8},
	    {"few flaky tests", 0, 2000, 400, true, 2, false, 0.01, 0.005, 0.01, 0.5, 0.2},
	    {"short history", 0, 1000, 100, true, 2, false, 0.01, 0.05, 0.04, 0.5, 0.2},
	    {"low rates", 0, 1000, 2000, true, 2, false, 0.01, 0.05, 0.003, 0.05, 0.2},
	};

	printf("%-24s %-20s %-20s %-20s\n", "precision / recall", "testr flaky", "transitions, best cut",
	    "fail rate, best cut");
	for (size_t i = 0; i < sizeof(worlds) / sizeof(worlds[0]); i++) {
		struct score s[3];

		if (measure(worlds[i], s))
			return 1;
		printf("%-24s %.3f / %.3f        %.3f / %.3f        %.3f / %.3f\n", worlds[i].name,
		    s[0].precision, s[0].recall, s[1].precision, s[1].recall, s[2].precision, s[2].recall);
		fflush(stdout);
	}
	return 0;
}
