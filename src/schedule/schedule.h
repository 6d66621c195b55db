/* SPDX-License-Identifier: Apache-2.0
 *
 * Which worker gets which tests, and when. Pure: no clock, no process; events in, decisions out.
 *
 * Each worker first gets a share of the whole: groups stay whole and go, longest first, to the worker with
 * the least work so far; how long a test takes is known from history, and a new test is taken to last as long
 * as the mean of the known ones; when nothing is known, groups are dealt out in turn. Within a share the
 * tests that failed last time come first, then those never seen, then the longest, a group standing, in its
 * given order, where the first of its tests would. Tests that a dead process leaves behind go back to the
 * queue and to the next worker that is ready.
 *
 * Invariant: every test is at any time in exactly one state: waiting, out (handed to one worker), or done. */
#ifndef SCHEDULE_H
#define SCHEDULE_H

#include "slice.h"

struct schedule_test {
	struct slice group; /* tests with equal groups stay together; absent or empty: a group of its own.
			       Borrowed during schedule_new only. */
	int64_t duration;   /* nanoseconds from history, or -1 when never seen */
	bool failed;        /* in the last run that had it */
};

struct schedule;

/* A schedule of tests 0..count-1 over `workers` (at least 1) workers. With keep_order the tests of a share
 * stay in the order given (a list that a person wrote, or the order of a serial run). NULL when out of
 * memory. */
struct schedule *schedule_new(
    const struct schedule_test *tests, size_t count, size_t workers, bool keep_order);
/* Accepts NULL. */
void schedule_free(struct schedule *s);

/* The number of workers that have a share at the start; the others would never get a test. Shares are
 * numbered 0.. without gaps. */
size_t schedule_shares(const struct schedule *s);

/* The next batch for worker w (below schedule_shares), which has none out: *tests and *count, valid until
 * schedule_returned for the same worker. Returns false when there is nothing for it now. */
bool schedule_next(struct schedule *s, size_t w, const size_t **tests, size_t *count);

/* A test is done: it has a result, or a stated reason for having none. Valid in any state, also twice. */
void schedule_done(struct schedule *s, size_t test);

/* Worker w has finished its batch; what it left undone is waiting again. Returns how many that are. */
size_t schedule_returned(struct schedule *s, size_t w);

/* Tests that are not done, in all and (waiting) not handed out either. */
size_t schedule_undone(const struct schedule *s);
size_t schedule_waiting(const struct schedule *s);

#endif
