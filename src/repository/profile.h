/* SPDX-License-Identifier: Apache-2.0
 *
 * Profiles in the index: which tags name them, and to which profile each set of tags belongs. Results have sets of tags
 * (tagset.h); the profile of a set is what it has in common with the setting. Invariant: the set of tags of each result,
 * the failing tests and the durations are those of the setting that is stored. */
#ifndef PROFILE_H
#define PROFILE_H

#include "buf.h"
#include "db.h"
#include "repository.h"

struct index;

/* The number of the profile without tags. */
#define PROFILE_NONE 0
/* Stands for all profiles. */
#define PROFILE_ALL (-1)

/* Appends the tags that name profiles, as a set. */
int profile_setting(struct db *db, struct buf *out, struct err *err);
/* Changes them, and what follows from history with them, unless they are these already. */
int profile_set(struct index *ix, struct slice tags, struct err *err);

/* In a transaction: the number of the profile of a set of tags, which is given one if it is new. */
int profile_of(struct db *db, struct slice tags, int64_t *out, struct err *err);
/* The number of a profile; *out stays as it is when nothing is known of it. */
int profile_find(struct db *db, struct slice profile, int64_t *out, struct err *err);

/* As repo_profiles. */
int profile_walk(struct db *db, repo_profile_fn fn, void *context, struct err *err);

#endif
