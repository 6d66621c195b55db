/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists of tests, one for each profile: what --load-list reads and what --json prints of flat lists,
 *
 *     {"version": 1, "profiles": [{"profile": ["py39"], "tests": ["a.b", "a.c"]}]}
 *
 * A profile is named by its tags as tagset.h writes them. Invariant: profiles and tests keep their order, and no test is
 * in the list of one profile twice. */
#ifndef LISTS_H
#define LISTS_H

#include "answer.h"
#include "cli.h"
#include "tagset.h"

struct lists {
	bool plain; /* what was read names no profiles: its one list is that of each */
	struct strtab profiles;
	struct strtab *tests; /* of each */
	size_t cap;
};

/* Accepts a zeroed one, which is empty. */
void lists_release(struct lists *l);
/* Adds tests to the list of a profile, which is there from then on even if they are none. */
int lists_add(struct lists *l, struct slice profile, const struct strtab *tests, struct err *err);
int lists_add_one(struct lists *l, struct slice profile, struct slice test, struct err *err);
/* The tests of a profile; NULL when there are none. */
const struct strtab *lists_of(const struct lists *l, struct slice profile);

/* Reads a file: ids, one a line, without the blanks around them, or JSON. Of the latter a list "tests" without
 * profiles is taken as well. */
int lists_read(struct lists *l, struct cli *cli, const char *path);

/* Writes the member "profiles". */
void lists_answer(const struct lists *l, struct answer *a);

/* Prints the ids, one a line. Lists of several profiles are an error that names these. */
int lists_print(const struct lists *l, struct cli *cli);

#endif
