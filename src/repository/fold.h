/* SPDX-License-Identifier: Apache-2.0
 *
 * What follows from all runs of an index together: which tests fail, and how long each took last. Both come of
 * going through the runs in the order of their ends (repo_run.sequence), equal ones by uid. Invariant: the
 * answers depend on the runs alone, not on the order in which they came here, and can be found again from the
 * index alone (fold_again).
 *
 * Both are known of each profile by itself: a result has a say in its own profile alone, and a run of the whole suite
 * in the profiles that it has results of.
 *
 * A run that came late marks the failing tests as stale; who asks for them next finds them out anew
 * (fold_settle). Durations carry the place of their run, so that an older one changes nothing.
 *
 * What runs that were removed had to say is kept in a checkpoint: a stream whose results are, at its place in
 * the order, the failing tests in the order in which they began to fail, and a passing result for each test
 * whose duration is known (checkpoint.h). The fold begins there: a run that ended up to this place changes nothing. */
#ifndef FOLD_H
#define FOLD_H

#include "index.h"

/* Adds a run whose results are all in the index, in the transaction that is open. `last` is the greatest place
 * of an end that was there before. */
int fold_run(struct index *ix, const struct repo_run *run, int64_t last, struct err *err);
/* Before the failing tests are asked for, outside a transaction. */
int fold_settle(struct index *ix, struct err *err);

/* In a transaction: the failing tests become what they were at a place of the order, which has to be at or
 * after the checkpoint's, or, with INT64_MAX, what they are. */
int fold_at(struct index *ix, int64_t sequence, struct err *err);
/* In a transaction: failing tests and durations anew, from all that the index has. */
int fold_again(struct index *ix, struct err *err);

/* The place of the checkpoint and its number (streams.h); 0 where there is none. */
int fold_checkpoint(struct index *ix, int64_t *sequence, int64_t *number, struct err *err);
/* In a transaction: another one, whose results are in the index. What follows from it comes with fold_again. */
int fold_checkpoint_set(struct index *ix, int64_t sequence, int64_t number, struct err *err);

/* One failing test: its last result, without route, tags and details, and the stream that has them: a run's or
 * the checkpoint's. */
typedef int (*fold_failing_fn)(void *context, int64_t stream, const struct result *r, struct err *err);
int fold_failing(struct index *ix, fold_failing_fn fn, void *context, struct err *err);
/* As repo_failing_ids_of and repo_durations_of; `profile` is a number (profile.h) or PROFILE_ALL. */
int fold_failing_ids(struct index *ix, int64_t profile, struct strtab *ids, struct err *err);
int fold_durations(
    struct index *ix, int64_t profile, const struct strtab *ids, int64_t *out, struct err *err);
/* All of them, by test and profile, with the places of their runs. A result that is to say the same has to have the
 * tags of that profile. */
typedef int (*fold_duration_fn)(void *context, struct slice test, struct slice profile, int64_t duration,
    int64_t sequence, struct err *err);
int fold_durations_all(struct index *ix, fold_duration_fn fn, void *context, struct err *err);

#endif
