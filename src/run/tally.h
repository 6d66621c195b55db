/* SPDX-License-Identifier: Apache-2.0
 *
 * What becomes of the tests of a run, as far as it is the same for test processes and for test servers: the
 * account, the schedule and the sink are told of each end once, and together.
 *
 * Invariant: a test that has a fate in the account is done for the schedule. */
#ifndef TALLY_H
#define TALLY_H

#include "runner.h"
#include "worker.h"

struct tally {
	struct runner *r;
	struct account *account;
	struct schedule *schedule; /* NULL as long as the tests are not known */
	struct err *err;
	bool failed; /* err is set: everything ends */
};

/* err is set, and nothing can go on. */
void tally_fail(struct tally *t);
/* Nothing more is to be started. */
bool tally_stopping(const struct tally *t);

/* Makes the schedule of all tests in the account (tests[i] tells of the i-th; NULL: nothing is known of them)
 * by `options`; its workers and limits are the runner's. */
int tally_schedule(struct tally *t, const struct runner_test *tests, struct schedule_options options);

/* The planned tests at tests[0..count), as commands are told of them. */
struct template_ids tally_ids(const struct tally *t, const size_t *tests, size_t count);
/* The run was not ended by somebody, so that what ends has to be accounted for: it goes on, or its time is over. */
bool tally_blames(const struct tally *t);

/* Hands an event on. */
int tally_event(struct tally *t, const struct event *e);
int tally_pause(struct tally *t);

/* Each of these returns how many tests it decided. `duration` is that of the result, or -1. */
size_t tally_settle(struct tally *t, size_t test, enum fate fate, int64_t duration);
size_t tally_lose(struct tally *t, size_t test, const char *why);
/* A result of a worker, if it is that of a planned test. */
size_t tally_result(struct tally *t, const struct worker *w, const struct result *r);
/* If the result is that of a class or module that could not be set up, that takes its tests with it: those at
 * tests[0..count), or, with NULL, all of the plan. */
size_t tally_fixture(struct tally *t, const struct result *r, const size_t *tests, size_t count);

/* The process of a worker is over, `what` it is ("test process"), and if it was killed, what for: fails the
 * tests it was in, notes what it left behind and, if `expected` is not set, tells an end outside of tests as
 * an error. Returns how many tests were failed; -1 when that could not be told. */
int tally_end(struct tally *t, struct worker *w, const struct process_end *end, const char *what,
    const char *why, bool expected);

/* At the end: what has no fate is not run, and, if it is for want of time, that is told. Returns how many tests those
 * are. */
size_t tally_close(struct tally *t);

#endif
