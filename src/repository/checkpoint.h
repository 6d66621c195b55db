/* SPDX-License-Identifier: Apache-2.0
 *
 * What is kept of runs that are removed: what they had to say about those that stay, as a stream of its own
 * (streams.h). It has, as of a place in the order of ends (fold.h), the last results of all failing tests, with
 * all their packets, in the order in which they began to fail; then, under the route "testr-duration", a passing
 * result for each test whose last duration was known, with this duration. At the very end comes a packet without
 * a test id, file name "testr-checkpoint", with a JSON object:
 *
 *	{"version":1,"sequence":PLACE,"run":NEXT,"last":GREATEST,"removed":[ID,…]}
 *
 * NEXT is the next run's id, GREATEST the greatest place that was given away, and the ids are those of the runs
 * that were removed with it, whose streams may still be there. Invariant: a checkpoint without its last packet is
 * none. */
#ifndef CHECKPOINT_H
#define CHECKPOINT_H

#include "fold.h"
#include "streams.h"

struct checkpoint_writer {
	struct stream stream;
	struct buf out; /* added but not written */
};

/* What its last packet says. */
struct checkpoint_facts {
	int64_t sequence, next_run, last_sequence;
	int64_t *removed;
	size_t removed_count;
	uint64_t damaged; /* bytes of it that are no packets */
};

/* Makes the checkpoint of that number anew. checkpoint_release is due in every case. */
int checkpoint_begin(
    struct checkpoint_writer *w, const struct streams *streams, int64_t number, struct err *err);
void checkpoint_release(struct checkpoint_writer *w);

/* Adds the last duration of a test in a profile, a set of tags. */
int checkpoint_duration(
    struct checkpoint_writer *w, struct slice test, struct slice profile, int64_t duration, struct err *err);
/* Adds a failing test: the result r, whose packets are at its offset in `fd`; where that is -1, or has none of
 * them, they are made from it. */
int checkpoint_failing(struct checkpoint_writer *w, const struct result *r, int fd, struct err *err);
/* Completes it, durably. */
int checkpoint_end(struct checkpoint_writer *w, const struct checkpoint_facts *facts, struct err *err);

/* 1, 0 when the one of that number is not complete, or not there, or -1. The facts are released by the caller. */
int checkpoint_read(
    const struct streams *streams, int64_t number, struct checkpoint_facts *facts, struct err *err);
/* Finds the latest one that is complete: *number is 0 when there is none. */
int checkpoint_latest(
    const struct streams *streams, int64_t *number, struct checkpoint_facts *facts, struct err *err);
void checkpoint_facts_release(struct checkpoint_facts *facts);

/* Makes it the checkpoint of an index, in the transaction that is open, in place of what that had. What follows
 * from it comes with fold_again. */
int checkpoint_to_index(struct index *ix, const struct streams *streams, int64_t number,
    const struct checkpoint_facts *facts, struct err *err);
/* Removes all checkpoints but that one. */
int checkpoint_remove_others(const struct streams *streams, int64_t number, struct err *err);

#endif
