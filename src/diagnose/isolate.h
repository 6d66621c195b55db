/* SPDX-License-Identifier: Apache-2.0
 *
 * Which of the tests that ran before a victim make it fail, found by halving, for a victim that fails surely
 * when its polluters ran before it and passes surely otherwise. Pure: it asks "run this subset, then the
 * victim: did it fail?" through a callback. Invariant: culprits are only named when the victim was seen to
 * fail after exactly them and to pass after each part of them that lacks one. */
#ifndef ISOLATE_H
#define ISOLATE_H

#include <stdbool.h>
#include <stddef.h>

enum isolate_verdict {
	ISOLATE_FOUND,          /* the culprits, one or several that are needed together */
	ISOLATE_ALONE,          /* the victim fails with nothing before it */
	ISOLATE_NOT_REPRODUCED, /* it passes although all candidates ran before it */
	ISOLATE_UNSTABLE,       /* the answers contradict each other: chance has a part in it */
};

struct isolate_result {
	enum isolate_verdict verdict;
	size_t *culprits; /* their indexes among the candidates, ascending */
	size_t count;
	size_t probes; /* how often the callback was asked */
};

/* Runs the candidates tests[0..count), which ascend and may be none, and then the victim, in a fresh process;
 * *failed tells how the victim ended. Returns 0, or -1 to end the search. */
typedef int (*isolate_probe_fn)(void *context, const size_t *tests, size_t count, bool *failed);

/* Searches candidates 0..candidates-1, in the order in which they ran. One culprit costs at most
 * log2(candidates) + 3 probes, k of them about (k + 1) * log2(candidates). Returns 0 with *out filled, or -1
 * when a probe ended the search or memory ran out. */
int isolate(size_t candidates, isolate_probe_fn probe, void *context, struct isolate_result *out);

/* Accepts a zeroed result. */
void isolate_release(struct isolate_result *result);

#endif
