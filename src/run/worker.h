/* SPDX-License-Identifier: Apache-2.0
 *
 * One worker: it executes one test process after another and turns what they say into events that carry its
 * tag. Invariant: between worker_start and `ended` the worker belongs to its process; in between nobody
 * touches it. */
#ifndef WORKER_H
#define WORKER_H

#include "outcome.h"
#include "runner.h"

/* What is kept of a process's plain output for the case that it dies. */
#define WORKER_TAIL_MAX ((size_t)4096)

struct worker;

/* What a worker tells of: each event, with its tag and time; a return of -1 stops the worker's process.
 * `closed` is the result that the event closes, or NULL. */
struct worker_calls {
	int (*event)(void *context, struct worker *w, const struct event *e, const struct result *closed);
	/* All events at hand were told. Returns as `event`. */
	int (*pause)(void *context, struct worker *w);
	/* The process is over, and everything it said was told. */
	void (*ended)(void *context, struct worker *w, const struct process_end *end);
	void *context;
};

/* Worker `number` of a runner; borrowed: the runner. NULL when out of memory. */
struct worker *worker_new(const struct runner *r, unsigned number, struct worker_calls calls);
/* Only when no process runs. Accepts NULL. */
void worker_free(struct worker *w);

/* Starts a process for the tests at tests[0..count) of `ids`, or, with ids NULL, for whatever the command
 * runs. `tests` is borrowed until `ended`. */
int worker_start(
    struct worker *w, const struct strtab *ids, const size_t *tests, size_t count, struct err *err);

bool worker_busy(const struct worker *w);
/* How long the process took from its start to its first word of a test, in nanoseconds; -1 before that. */
int64_t worker_start_cost(const struct worker *w);
unsigned worker_number(const struct worker *w);

/* From `ended`: fails each test that the process was in, with the way it ended. Returns how many those were,
 * or -1 when an event was refused. */
int worker_blame(struct worker *w, const struct process_end *end);

/* Tells an error that belongs to no test, as an event. Returns what `event` returned. */
int worker_error(struct worker *w, struct slice text);

#endif
