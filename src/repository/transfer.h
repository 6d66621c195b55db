/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs on their way from one repository to another, as streams that begin with what run_packet.h describes, any
 * number of them one after the other. Invariant: a run is there whole or not at all, and once, however often it
 * comes. */
#ifndef TRANSFER_H
#define TRANSFER_H

#include "repository.h"

struct transfer;

/* Stores into `to`. *out is freed with transfer_free. */
int transfer_new(struct repo *to, struct transfer **out, struct err *err);
/* Accepts NULL. A run that has not ended leaves no trace. */
void transfer_free(struct transfer *t);

/* Takes the next event. Events before the first run are passed over. */
int transfer_event(struct transfer *t, const struct event *e, struct err *err);
/* All events have come: ends the last run. */
int transfer_end(struct transfer *t, struct err *err);

/* How many runs were stored, how many were there already, and the id of the last of either, -1 for none. */
int64_t transfer_stored(const struct transfer *t);
int64_t transfer_known(const struct transfer *t);
int64_t transfer_last(const struct transfer *t);

/* Stores one run of another repository, which has ended. 1, 0 when it is there already, or -1. */
int transfer_run(struct repo *from, int64_t run, struct repo *to, int64_t *id, struct err *err);

#endif
