/* SPDX-License-Identifier: Apache-2.0
 *
 * One worker: it executes test processes, one after another, or keeps a test server, and turns what they say
 * into events that carry its tag. Invariant: between worker_start or worker_serve and `ended` the worker
 * belongs to its process; a test that takes longer than it may takes its process, or server, with it, and so
 * does a process that prints nothing for longer than it may. */
#ifndef WORKER_H
#define WORKER_H

#include "outcome.h"
#include "runner.h"

/* What is kept of a process's plain output for the case that it dies. */
#define WORKER_TAIL_MAX ((size_t)4096)
/* A server whose test takes too long is asked whether it is alive, and has that time to answer. Then it, as a
 * process at once, gets dump_signal, on which many runtimes say where they are, and is killed after
 * LAUNCH_DUMP_TIME. */
#define WORKER_PING_TIME (INT64_C(500) * 1000000)

struct worker;

/* What a worker tells of: each event, with its tag and time; a return of -1 stops the worker's process.
 * `closed` is the result that the event closes, or NULL. */
struct worker_calls {
	int (*event)(void *context, struct worker *w, const struct event *e, const struct result *closed);
	/* All events at hand were told. Returns as `event`. */
	int (*pause)(void *context, struct worker *w);
	/* A server can be asked, now that it has started. */
	void (*ready)(void *context, struct worker *w);
	/* The oldest batch that a server was asked for is over; it gives these tests back. */
	void (*done)(void *context, struct worker *w, const struct slice *returned, size_t count);
	/* The process or server is over, and everything it said was told. `why` is what it was killed for, or
	 * NULL. */
	void (*ended)(void *context, struct worker *w, const struct process_end *end, const char *why);
	void *context;
};

/* Worker `number` of a runner; borrowed: the runner. NULL when out of memory. */
struct worker *worker_new(const struct runner *r, unsigned number, struct worker_calls calls);
/* Only when no process runs. Accepts NULL. */
void worker_free(struct worker *w);

/* Starts a process for tests, or, with ids NULL, for whatever the command runs, in a profile of the runner. What ids
 * points to is borrowed until `ended`; it names no file. */
int worker_start(struct worker *w, size_t profile, const struct template_ids *ids, struct err *err);

/* Starts a server in a profile. */
int worker_serve(struct worker *w, size_t profile, struct err *err);
/* Takes a server that is there already, and perhaps ready. */
int worker_take(struct worker *w, struct listing_server *server, struct err *err);
/* Asks the server, which is ready, for tests; as worker_start. */
int worker_ask(struct worker *w, const struct template_ids *ids, struct err *err);
/* Asks the server to exit. */
void worker_dismiss(struct worker *w);

/* It has a process or a server. */
bool worker_busy(const struct worker *w);
/* It has a server that can be asked. */
bool worker_ready(const struct worker *w);
/* How long the process or server took from its start to its first word of a test, in nanoseconds; -1 before that, and of
 * a server that was taken. */
int64_t worker_start_cost(const struct worker *w);
unsigned worker_number(const struct worker *w);
/* The profile that the process or server runs in, or the last one did. */
size_t worker_profile(const struct worker *w);

/* From `ended`: fails each test that the process was in, with the way it ended. Returns how many those were,
 * or -1 when an event was refused. */
int worker_blame(struct worker *w, const struct process_end *end);

/* Appends what it last printed. */
void worker_tail(const struct worker *w, struct buf *out);

/* Tells an error that belongs to no test, as an event. Returns what `event` returned. */
int worker_error(struct worker *w, struct slice text);

#endif
