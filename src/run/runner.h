/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs tests: the workers, joined to the schedule.
 *
 *     test process ── bytes ─> reader ── event ─> worker (tag, route, time) ─> sink
 *                                                   │
 *                                 account: what became of every planned test
 *
 * A test process that ends while a test is running costs that one test: it fails, with how the process ended
 * and what it last printed. The rest of its list is given to another process, as long as each process settles
 * at least one test (one that was killed before it did gets a second chance). Where the tests were not known
 * beforehand and the process did not announce them, the project is asked for its list then. Invariant: when
 * runner_run returns 0 every planned test has a result, a reason for having none, or is reported as lost. */
#ifndef RUNNER_H
#define RUNNER_H

#include "account.h"
#include "instances.h"
#include "listing.h"
#include "schedule.h"
#include "timeouts.h"

/* The name of the attachment without test id that says what went wrong with a test process outside any test. */
#define RUNNER_ERROR_NAME "testr error"
/* And the one that names lost tests, "ID: why", one a line. */
#define RUNNER_LOST_NAME "testr lost"

/* And the one that names tests that were not run because the time for the run was over, in the same form. */
#define RUNNER_NOT_RUN_NAME "testr not run"

/* Where everything goes that a run says. */
struct runner_sink {
	/* An event of a worker. A return of -1 with err set cancels the run. */
	int (*event)(void *context, const struct event *e, struct err *err);
	/* No further event is at hand right now: a good moment to make the earlier ones safe. Returns as
	 * `event`. */
	int (*pause)(void *context, struct err *err);
	/* A test that is lost, and why. Returns as `event`. */
	int (*lost)(void *context, struct slice id, const char *why, struct err *err);
	/* Something worth a warning that fails nothing. */
	void (*note)(void *context, const char *text);
	/* How long a test may take, by its history; 0 for no limit. Only for timeouts by history. */
	int64_t (*allowed)(void *context, size_t profile, struct slice id);
	void *context;
};

/* A configuration that tests are run in. */
struct runner_profile {
	const char *name;         /* "py39+mysql"; NULL where there are no profiles */
	const struct slice *tags; /* that its events get */
	size_t tag_count;
	const struct config *config;
	struct instances *instances;
	struct timeouts timeouts; /* that of the run is the launch's business */
	int64_t start_cost;       /* of a test server, in nanoseconds, as far as is known; else 0 */
};

struct runner {
	const struct config *config; /* what holds for the whole run */
	struct template_args args;
	struct launch *launch;
	const struct runner_profile *profiles; /* several only with an account that is profiled, and tests */
	size_t profile_count;                  /* at least 1 */
	size_t workers;                        /* how many may run at once, at least 1 */
	bool isolated;                         /* one process a test */
	bool serves;                           /* tests that are known are run by test servers */
	/* That are there already. */
	struct listing_servers servers;
	unsigned attempt;                        /* at these tests; 0 and 1: the first */
	const struct schedule_segment *segments; /* the steps of a plan; NULL for none */
	size_t segment_count;
	const size_t *limits; /* see schedule_options */
	size_t limit_count;
	listing_dump_fn dump; /* see listing_run; gets sink.context */
	struct runner_sink sink;
};

/* What is known of a planned test from history; see schedule_test. */
struct runner_test {
	struct slice group;
	int64_t duration;
	bool failed;
	size_t only; /* a worker's number plus 1; at most `workers` */
	uint64_t limits;
	size_t segment; /* of the plan */
};

struct runner_report {
	size_t interrupted; /* tests that were running or waiting when the run was cancelled */
};

/* Runs the tests in account (tests[i] tells of the i-th), or, with tests NULL, the test command as it stands,
 * whose announced tests become the plan. With keep_order each process gets its tests in the order of the
 * plan. All else is told to the sink. Returns 0 with *out filled, also when tests failed, were lost or the
 * run was cancelled (launch->cancelled); -1 when nothing sensible could be done. */
int runner_run(struct runner *r, struct account *account, const struct runner_test *tests, bool keep_order,
    struct runner_report *out, struct err *err);

#endif
