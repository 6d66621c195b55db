/* SPDX-License-Identifier: Apache-2.0
 *
 * What changed from one run to another, test by test. What a test did in the end counts: its last attempt in each
 * run. With profiles a test is as many tests as profiles it was run in. Invariant: that a test is absent from a run
 * that was cut off, or of a part of the suite, or has nothing of its profile, says nothing. */
#ifndef RUNDIFF_H
#define RUNDIFF_H

#include "repository.h"

/* Kinds of change, in the order in which they are shown. A test that is new and fails is of two kinds. */
enum rundiff_change {
	RUNDIFF_NEW_FAILURE,
	RUNDIFF_FIXED,
	RUNDIFF_STILL_FAILING,
	RUNDIFF_SKIPPED, /* failed before */
	RUNDIFF_APPEARED,
	RUNDIFF_VANISHED,
	RUNDIFF_CHANGES,
};

struct rundiff {
	struct repo_run runs[2]; /* the old one and the new one */
	size_t side;             /* the one being read */
	const struct repo *repo;
	struct strtab tests;       /* ids; with profiles there follow a NUL and the profile */
	struct strtab profiles[2]; /* that there are results of, where there are profiles */
	uint8_t (*states)[2];      /* of each test, in each run */
	size_t cap;
	size_t *order; /* the tests by their ids */
};

/* A zeroed *d with both runs set; rundiff_release either way. */
int rundiff_read(struct rundiff *d, struct repo *repo, struct err *err);
void rundiff_release(struct rundiff *d);

/* The key of that kind of change in docs/json.md. */
const char *rundiff_key(enum rundiff_change change);
/* True when the run is the whole suite, so that absence from it counts. */
bool rundiff_is_whole(const struct repo_run *run);
/* Calls fn for each test that has changed so, in the order of their ids. `profile` is a set of tags. */
typedef int (*rundiff_fn)(void *context, struct slice id, struct slice profile, struct err *err);
int rundiff_each(
    const struct rundiff *d, enum rundiff_change change, rundiff_fn fn, void *context, struct err *err);

#endif
