/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of a schedule, and how it is laid out: which tests are handed out together, and what comes before
 * what. Pure; only this room uses it.
 *
 * Tests that go together are a unit; units that may be had by the same workers under the same limits are of one
 * kind, and stand in `order` one after the other as they are to be handed out. Invariant: each test is in one
 * unit, of one kind, and once in `order`. */
#ifndef LAYOUT_H
#define LAYOUT_H

#include "schedule.h"

/* What a test is. */
enum state { STATE_WAITING, STATE_OUT, STATE_DONE };

/* Why a test comes before others. */
enum rank { RANK_FAILED, RANK_NEW, RANK_KNOWN };

#define NO_RANGE UINT32_MAX

/* Tests that are handed out together: a group, or a test that is in none. */
struct unit {
	uint64_t limits;
	int64_t duration; /* of all its tests together */
	uint32_t segment, profile, lead, tests;
	uint32_t owner; /* whose share it is in: a worker's number plus 1, or 0 */
	bool bound;     /* to its owner: nobody else may have it */
	enum rank rank;
};

/* The tests of one segment that have the same owner, equally bound to it, the same profile and the same limits. What
 * waits of them is a list of ranges of `order`; one that came back stands before those that were never out. */
struct kind {
	uint64_t limits;
	size_t segment;
	uint32_t owner, profile;
	bool bound;
	uint32_t head; /* where the first range begins, or NO_RANGE */
	/* What waits: how many tests that nothing is known of, and the sum of the others' durations. */
	size_t unknown;
	double known;
};

struct batch {
	uint32_t from, len;
	struct kind *kind;
};

struct worker {
	struct batch batches[SCHEDULE_DEPTH]; /* the oldest first */
	size_t count;
};

struct segment {
	struct schedule_segment rules;
	/* Its kinds: first the `common` ones without an owner, then the workers' `shares`, worker 0's first,
	 * then what is bound to them, in the same order. */
	size_t kind_from, kind_count, common, shares;
	size_t undone;
	size_t active; /* workers that have a batch of it */
};

struct schedule {
	struct schedule_options options; /* without its pointers */
	size_t count, undone, waiting;
	double known_undone; /* as in struct kind, of what is not done */
	size_t unknown_undone;
	bool any_known;    /* there is history */
	size_t last_bound; /* the highest `only` */

	uint8_t *states;    /* enum state of each test */
	int64_t *durations; /* of each test, from history */
	uint32_t *unit_of;  /* of each test */
	uint32_t *kind_of;  /* of each test */
	struct unit *units;
	size_t unit_count;
	size_t *order; /* the tests, kind after kind */
	/* By the place in `order` where a range of waiting tests begins. */
	uint32_t *range_len, *range_next;

	struct kind *kinds;
	struct segment *segments;
	size_t current; /* segment */
	struct worker *workers;
	size_t limit_max[SCHEDULE_LIMITS_MAX], limit_used[SCHEDULE_LIMITS_MAX];

	double batch_cost;
	double history, seen; /* of the tests that are done and were known: what was predicted, what it was */
	double guess;         /* before any new test was seen */
	double new_sum;
	size_t new_count;
};

/* Lays out a schedule whose tests' durations and guess are set, and whose arrays but `units` and `kinds` are
 * there. 0, or -1 when out of memory. */
int layout_make(struct schedule *s, const struct schedule_test *tests);

/* Which of two units comes first when nobody chose an order: below 0 for the first. */
int layout_by_priority(const struct unit *x, const struct unit *y);

/* A duration in nanoseconds, as far as there is a number for it. */
int64_t layout_nanoseconds(double d);

#endif
