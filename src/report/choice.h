/* SPDX-License-Identifier: Apache-2.0
 *
 * Which profiles a question about stored results is asked of: those that are named, else all. Invariant: where the repository has no profiles every result is of the empty one, and nothing
 * is said of profiles. */
#ifndef CHOICE_H
#define CHOICE_H

#include "shape.h"

struct choice {
	const struct repo *repo;
	bool profiled;           /* the repository has profiles */
	struct strtab chosen;    /* none: all */
	struct buf set, profile; /* scratch */
};

/* choice_release is due in every case. */
void choice_init(struct choice *c, const struct repo *repo);
void choice_release(struct choice *c);
/* Chooses a profile, a set of tags; or the one of a name, its tags with "+" between them. */
int choice_add(struct choice *c, struct slice profile, struct err *err);
int choice_add_named(struct choice *c, struct slice name, struct err *err);

/* The profile of a result, or of a row's tags, borrowed until the next call. */
struct slice choice_profile(struct choice *c, const struct result *r);
struct slice choice_of_tags(struct choice *c, struct slice tags);
/* True when the profile is one of those that were asked for. */
bool choice_has(const struct choice *c, struct slice profile);

/* Appends " (py39+mysql)" where there are profiles. */
void choice_name(const struct choice *c, struct slice profile, struct buf *out);
/* The profile as JSON where there are any, else NULL; for json_object_set_new, which takes that for nothing to do. */
json_t *choice_json(const struct choice *c, struct slice profile);

#endif
