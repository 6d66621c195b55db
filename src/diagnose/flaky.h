/* SPDX-License-Identifier: Apache-2.0
 *
 * Which tests fail by chance, by what many runs say of them. For each test the history is weighed against two
 * accounts: that it does not fail but for being broken, which a commit does and a later one mends; and that besides it
 * fails at some rate whatever the commit. So a test that passed and failed at one commit is flaky, one that was
 * broken and mended is not, and without commits only frequent changes tell. Runs in which many tests fail at once
 * that did not before are taken for trouble of the machine, and say little of any of them. Pure. Invariant: memory
 * grows with the number of tests, not with that of runs. */
#ifndef FLAKY_H
#define FLAKY_H

#include "interval.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What was done since the run that was told of before. */
enum flaky_change {
	FLAKY_SAME,   /* nothing: it is the same commit */
	FLAKY_COMMIT, /* it is another commit, or may be */
	FLAKY_EDIT,   /* files were changed by somebody at work: tests break and are mended more often */
};

/* A run of tests. */
struct flaky_run {
	int64_t id;
	enum flaky_change change;
	int64_t workers; /* how many processes ran tests at once; 0 when unknown */
	int64_t elapsed; /* nanoseconds */
};

/* One end of one test in it, that passed or failed. */
struct flaky_end {
	size_t test;
	bool failed;
	bool worker_known; /* `first` says something */
	bool first;        /* its process had run no other test before */
	int64_t duration;  /* nanoseconds, negative when unknown */
};

enum flaky_class {
	FLAKY_NOT,        /* it did not fail, or not by chance */
	FLAKY_CHANCE,     /* it fails by chance, for no reason that shows in the history */
	FLAKY_ORDER,      /* … more often when its process ran other tests before */
	FLAKY_CONTENTION, /* … more often when several processes run tests */
	FLAKY_TIMEOUT,    /* … and takes then about the same long time, longer than it ever took to pass */
	FLAKY_BROKEN,     /* it fails now, and not by chance */
	FLAKY_UNSURE,     /* too little is known */
};

struct flaky_verdict {
	enum flaky_class class;
	double probability; /* that it fails by chance; from FLAKY_SURE on that is believed */
	double evidence; /* the logarithm of how much more likely that makes the history: what to rank by */
	double broken;   /* the probability that it is broken now */
	uint64_t passes, failures;
	uint64_t chance;       /* of the failures: those that were by chance if any were */
	uint64_t discounted;   /* and those in runs with trouble of the machine */
	double rate;           /* of chance ones, outside of such runs */
	struct interval range; /* of the rate, with 95 % confidence */
	int64_t lost; /* nanoseconds: of each run that a chance failure spoiled its share, the others being
				  those of the tests that failed beside it */
	int64_t last; /* the run of its last failure, or -1 */
};

#define FLAKY_SURE 0.9
/* Below this nothing speaks for it. */
#define FLAKY_UNLIKELY 0.1

struct flaky;

/* NULL when out of memory. */
struct flaky *flaky_new(void);
/* Accepts NULL. */
void flaky_free(struct flaky *f);

/* Tells of a run; runs of the same commit come one after the other, otherwise the oldest first. The ends are
 * in the order in which they came, as far as they are of one test. 0, or -1 when out of memory. */
int flaky_add(struct flaky *f, const struct flaky_run *run, const struct flaky_end *ends, size_t count);

/* What has been seen of a test; one that was never told of did not fail. */
void flaky_judge(const struct flaky *f, size_t test, struct flaky_verdict *out);

/* How many runs were taken for trouble of the machine. */
uint64_t flaky_outages(const struct flaky *f);

#endif
