/* SPDX-License-Identifier: Apache-2.0
 *
 * Profiles against tests: which tests do not do the same in all profiles, and what each does in each of them. Invariant:
 * a test is in it once; what fails is what repo_failing says. */
#ifndef MATRIX_H
#define MATRIX_H

#include "choice.h"

/* Appends "fails only on py39+mysql", "fails on py39, py311", or "fails on all 4 profiles": `count` of `known`. */
void matrix_words(
    const char *verb, const struct slice *profiles, size_t count, size_t known, struct buf *out);

/* What `testr profiles --json` says of one. `run` is that of p->run, if it has one. NULL when out of memory. */
json_t *matrix_profile_json(const struct repo_profile *p, const struct repo_run *run);

struct matrix_test {
	struct slice id;
	size_t fails, skips;  /* in so many profiles; it is skipped in the last run of each */
	const uint8_t *marks; /* of each profile, MATRIX_FAILS or MATRIX_SKIPPED */
};
#define MATRIX_FAILS 1
#define MATRIX_SKIPPED 2

struct matrix {
	struct repo *repo;
	struct choice choice; /* none is chosen */
	struct strtab profiles;
	struct strtab ids;
	uint8_t *marks; /* of each id, for each profile */
	size_t cap;
	int64_t *probes; /* the runs that decide nothing, ascending */
	size_t probe_count, probe_cap;
	/* Those that fail somewhere, then those that are skipped in some profiles and not in others; by their ids. */
	struct matrix_test *list;
	size_t count;
};

/* Finds the tests. matrix_release is due in any case. */
int matrix_read(struct matrix *m, struct repo *repo, struct err *err);
void matrix_release(struct matrix *m);

/* {"test", "failing", "words", "cells"}: its last result in each profile, as far as it has one among those of its latest
 * runs, under the profile's name. NULL with err set. */
json_t *matrix_json(const struct matrix *m, const struct matrix_test *at, struct err *err);

#endif
