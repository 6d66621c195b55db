/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads that do what may take a while. A job is due at once or later; it is done by one thread, which has a
 * repository of its own for as long as it lives.
 *
 * Invariant: a job that was taken on is run exactly once, also when everything stops. */
#ifndef JOBS_H
#define JOBS_H

#include "err.h"

#include <stdbool.h>
#include <stdint.h>

struct cache;
struct jobs;
struct repo;

/* What a job is run by. */
struct worker {
	struct jobs *jobs;
	struct repo *repo; /* NULL until worker_repo */
	int64_t opened;    /* when that was, monotonic */
	struct cache
	    *cache;    /* of what was made from it while it is open; NULL when there is no memory for it */
	bool stopping; /* everything stops: only what has to be done is to be done */
};

/* The first member of what is to be done. */
struct job {
	void (*run)(struct job *job, struct worker *worker);
	int64_t due;
	struct job *next;
};

/* Starts `count` threads; the URL is borrowed. NULL with err set. */
struct jobs *jobs_new(unsigned count, const char *url, struct err *err);
/* Runs what waits, without waiting for its time, and ends the threads. */
void jobs_stop(struct jobs *jobs);
/* After jobs_stop. Accepts NULL. */
void jobs_free(struct jobs *jobs);

/* Takes a job on, to be run `after` nanoseconds from now. False when everything stops: then it is still the
 * caller's. */
bool jobs_add(struct jobs *jobs, struct job *job, int64_t after);

/* The worker's repository, or NULL with err set. Now and then it is opened anew: that is when runs are found whose
 * writers have died. */
struct repo *worker_repo(struct worker *worker, struct err *err);
/* Closes it, because it failed; the next job opens it again. */
void worker_drop_repo(struct worker *worker);

#endif
