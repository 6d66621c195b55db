/* SPDX-License-Identifier: Apache-2.0
 *
 * A run as server-sent events, from any place in it, as long as it goes on.
 *
 *     start    a test began                 {"test", "worker", "start"}
 *     result   a test ended, or never will  result of docs/json.md, without attempt
 *     end      the run is over              run of docs/json.md
 *
 * Or all runs: "run", a run of docs/json.md, when one begins and when it ends.
 *
 * The id of an event is the place in the run's stream behind the packet that it came from; that of the last is
 * "end". For all runs it is how many had begun and how many had ended. Invariant: what is sent depends on the stream alone, so a client that names the last event it has seen
 * gets exactly the rest, from whatever server. Each client has a reader of its own that goes no further than the
 * client: a slow one costs no memory. */
#ifndef FOLLOW_H
#define FOLLOW_H

#include "jobs.h"
#include "repository.h"

#include <sys/types.h>

struct follow;

/* Those behind the place `after`. NULL when out of memory. */
struct follow *follow_new(int64_t run, uint64_t after);
/* All runs, after so many that had begun and ended; with `begun` -1 after those of this moment, of which those that
 * are running are named first. */
struct follow *follow_new_runs(int64_t begun, int64_t over);
/* When no job of it waits. Accepts NULL. */
void follow_free(struct follow *f);

/* Whom to call when there is something again, from another thread, after a follow_read that gave nothing. */
void follow_attach(struct follow *f, struct jobs *jobs, void (*wake)(void *context), void *context);

/* The next bytes: their number; 0 when there are none for the time being, and then `wake` is called once before
 * follow_read is called again; -1 at the end. */
ssize_t follow_read(struct follow *f, char *out, size_t room);
/* After follow_read has given 0: begins to look for more. False when everything stops. */
bool follow_wait(struct follow *f);

#endif
