/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests that are run again and again under chosen conditions until their rates of failure are known (sequential.h).
 * Each repetition is a test process of its own and a stored run of its own, of a part of the suite, with the
 * conditions in its metadata. Invariant: no test is run again once its rate is known, and nothing that was started
 * here is alive at the end. */
#ifndef STRESSING_H
#define STRESSING_H

#include "sequential.h"
#include "setup.h"
#include "show_causes.h"

/* The keys of the metadata. */
#define STRESSING_TEST "stress.test"
#define STRESSING_LIST "stress.list"     /* the run whose list of tests goes before the test */
#define STRESSING_COPIES "stress.copies" /* how many at once, when more than one */
#define STRESSING_LOAD "stress.load"     /* "cpu", "io" or "cpu io" */

struct stressed {
	struct slice id;
	struct strtab before; /* what runs before it in its process */
	int64_t list;         /* the run that this is taken from, or -1 */
	struct sequential rate;
	size_t silent; /* repetitions in a row without a result */
	double seconds;
};

/* Why it ended. */
enum stressing_end {
	STRESSING_SETTLED,   /* every rate is known */
	STRESSING_LIMIT,     /* of runs or time */
	STRESSING_CANCELLED, /* by a signal */
	STRESSING_SILENT,    /* a test had no result again and again */
};

struct stressing {
	struct setup *setup;
	struct repo *repo;
	struct stressed *tests;
	size_t count;
	bool shuffle; /* what runs before comes in another order each time */
	uint32_t seed;
	bool cpu, io; /* load beside the tests */
	size_t copies;
	int64_t most; /* repetitions of all together; 0: no limit */
	int64_t time; /* nanoseconds; 0: no limit */
	/* What came of it: */
	enum stressing_end end;
	const struct stressed *silent; /* which test that was */
	int64_t runs;
	int64_t last_failure; /* the run with the last failure of a test, or -1 */
	struct causes causes;
};

/* Runs them. 0, or -1 with the error set. The causes are released by the caller in every case. */
int stressing_run(struct stressing *s);

#endif
