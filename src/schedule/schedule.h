/* SPDX-License-Identifier: Apache-2.0
 *
 * Which worker gets which tests, and when. Pure: no clock, no process; events in, decisions out.
 *
 * Tests are handed out while the run goes on, in batches. Which first: those that failed last time, then
 * those never seen, then the longest; of a list that a person ordered, the first. Groups are handed out
 * whole, and tests of different profiles never together. All tests of a segment are done before the next segment's begin, and tests that a limit holds for
 * are with at most so many workers at once. How many at a time: half of a worker's part of the work that is
 * left, by predicted seconds, as long as that is worth what a batch costs beside its tests. Predictions are
 * corrected by what is seen.
 *
 * With shares, which suit test processes, each worker first gets a share of its own: groups go, longest
 * first, to the worker with the least work so far, and a new test is taken to last as long as the mean of the
 * known ones; when nothing is known, groups are dealt out in turn (both are the rules of the original). A
 * share that is worth it is handed out in batches as well; who has done his own takes from the one with the
 * most left. A test that is only one worker's is never another's; of an order that a person chose, each worker
 * keeps to his part of it.
 *
 * Invariant: every test is at any time in exactly one state: waiting, out (with one worker), or done. Nothing
 * is allocated after schedule_new. */
#ifndef SCHEDULE_H
#define SCHEDULE_H

#include "slice.h"

/* How many limits there can be. */
#define SCHEDULE_LIMITS_MAX 64
/* How many batches a worker can have: one in hand and one in the pipe. */
#define SCHEDULE_DEPTH 2

struct schedule_test {
	struct slice group; /* equal groups of one segment stay together; absent or empty: a group of its own.
			       Borrowed during schedule_new only. */
	int64_t duration;   /* nanoseconds from history, or -1 when never seen */
	bool failed;        /* in the last run that had it */
	uint64_t limits;    /* bit i: limit i holds for it. Those of one group hold for all of the group. */
	size_t only;        /* the worker that alone may have it, plus 1; 0: any. That of a group's first test
			       holds for all of the group. */
	size_t segment;     /* below segment_count */
	size_t profile;     /* the configuration that it is run in; groups do not reach across them */
};

/* One step of a plan. */
struct schedule_segment {
	size_t concurrency; /* at most so many workers at once; 0: no bound */
	bool isolated;      /* batches of a single test or group */
};

struct schedule_options {
	size_t workers;     /* at least 1 */
	bool keep_order;    /* that of the list, not the one above */
	bool shares;        /* each worker first gets a share of its own */
	int64_t batch_cost; /* what a batch costs beside its tests, in nanoseconds: the start of a
						    process, or a round trip to a server */
	const struct schedule_segment *segments; /* NULL for one without any rule */
	size_t segment_count;
	const size_t *limits; /* how many workers each allows, at least 1; NULL for none */
	size_t limit_count;   /* at most SCHEDULE_LIMITS_MAX */
};

struct schedule;

/* A schedule of tests 0..count-1, at most 2^32 - 2 of them. What `options` points to is copied. NULL when out
 * of memory. */
struct schedule *schedule_new(
    const struct schedule_test *tests, size_t count, const struct schedule_options *options);
/* Accepts NULL. */
void schedule_free(struct schedule *s);

/* How many workers get something, as far as can be told beforehand, which are the first ones: 0 when there is
 * no test. */
size_t schedule_workers(const struct schedule *s);

/* Corrects batch_cost by what was measured. */
void schedule_batch_cost(struct schedule *s, int64_t nanoseconds);

/* The next batch for a worker, which has fewer than SCHEDULE_DEPTH: *tests and *count, valid until the batch
 * is over. A batch in the pipe is never one that a limit holds for: it would hold others up. False when there
 * is nothing for this worker now: until another batch is over, or for good. */
bool schedule_next(struct schedule *s, size_t worker, const size_t **tests, size_t *count);

/* The same with tests of one profile alone. */
bool schedule_next_of(struct schedule *s, size_t worker, size_t profile, const size_t **tests, size_t *count);
/* A profile, as seen by a worker that might keep to it. */
struct schedule_profile {
	size_t workers;     /* others that keep to it */
	int64_t start_cost; /* what it costs to begin with it, in nanoseconds */
};
/* The profile that a worker without a batch is best used for, if it is to keep to one: of those that have something for
 * it now, the one with the most work that nobody keeps to, for somebody has to begin with that; where there is none, the
 * one with the most work left for each of its workers and this one, if each of its workers has more left than the start
 * costs. There are `count` profiles; `count` when there is nothing that is worth it. */
size_t schedule_profile(
    struct schedule *s, size_t worker, const struct schedule_profile *profiles, size_t count);

/* A test is done: it has a result that took `duration` nanoseconds, or (-1) another end. Valid in any state,
 * also twice. */
void schedule_done(struct schedule *s, size_t test, int64_t duration);

/* The oldest batch of a worker is over; what it left undone is waiting again, before all others of its kind.
 * Returns how many tests that are. Without a batch: 0. */
size_t schedule_returned(struct schedule *s, size_t worker);

/* Tests that are not done, in all and (waiting) not handed out either. */
size_t schedule_undone(const struct schedule *s);
size_t schedule_waiting(const struct schedule *s);
/* How long a test is predicted to take, in nanoseconds, by what is known now. */
int64_t schedule_predict(const struct schedule *s, size_t test);
/* How long all tests that are not done are predicted to take, one after another. */
int64_t schedule_work(const struct schedule *s);

#endif
