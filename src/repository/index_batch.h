/* SPDX-License-Identifier: Apache-2.0
 *
 * Results on their way into the index, many at a time: one by one would cost several times as much.
 * Invariant: a batch holds about as much as BATCH_ROWS and BATCH_BYTES allow, whatever the run's size. */
#ifndef INDEX_BATCH_H
#define INDEX_BATCH_H

#include "db.h"
#include "outcome.h"
#include "strtab.h"

struct index_row {
	size_t test, tagset; /* in the tables of the batch; STRTAB_NONE for no tags */
	enum status status;
	int64_t start, duration, worker;
	uint64_t offset, end;
};

/* A zeroed one is empty. */
struct index_batch {
	struct strtab tests;
	struct strtab tagsets;
	struct index_row *rows;
	size_t count, cap;
	size_t bytes; /* of names and tags */
};

int index_batch_add(struct index_batch *batch, const struct result *r, struct err *err);
/* True when it is time to write it. */
bool index_batch_full(const struct index_batch *batch);
void index_batch_release(struct index_batch *batch);

/* Adds the results to the run, in the transaction that is open. */
int index_batch_write(struct db *db, int64_t run, const struct index_batch *batch, struct err *err);

/* FNV-1a in 32 bits, as table test has it. */
int64_t index_hash(struct slice name);

#endif
