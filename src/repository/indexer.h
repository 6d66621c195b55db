/* SPDX-License-Identifier: Apache-2.0
 *
 * Brings one stream into the index, event by event: while it is written, when its writer has died, when the
 * index is made anew. Invariant: what is in the index in the end is what the stream says, whichever it was.
 *
 * The run's row is there before (index_run_insert). Results are written in batches, each a transaction of its
 * own; the end of the run is the caller's transaction. */
#ifndef INDEXER_H
#define INDEXER_H

#include "index.h"

struct indexer {
	struct index *index; /* borrowed */
	struct repo_run run; /* as it is so far; its state is REPO_RUNNING until the stream says otherwise */
	struct outcome *outcome;
	struct index_batch batch;
};

int indexer_init(struct indexer *x, struct index *index, int64_t run, struct err *err);
/* Accepts a zeroed one. */
void indexer_release(struct indexer *x);

/* Takes an event that lies in the stream at its offset. With `facts` also what it says of the run. */
int indexer_event(struct indexer *x, const struct event *e, bool facts, struct err *err);
/* After the last event: takes the tests that never ended. */
int indexer_open_tests(struct indexer *x, struct err *err);
/* Writes what is left over and the facts of the run, in the transaction that is open. */
int indexer_write(struct indexer *x, struct err *err);

#endif
