/* SPDX-License-Identifier: Apache-2.0
 *
 * A concurrency plan: ordered segments that say which tests may run together. All tests of one segment are done before
 * the next one begins.
 *
 *     {"version": 1, "segments": [
 *       {"name": "alone",  "tests": ["a.b.c"],  "concurrency": 1},
 *       {"name": "api",    "match": ["^api\\."], "concurrency": 8, "isolated": true},
 *       {"name": "others", "rest": true}]}
 *
 * Invariant: a plan that was resolved puts each test into exactly one segment. What is unclear is an error before
 * anything runs, never a guess. */
#ifndef PLAN_H
#define PLAN_H

#include "err.h"
#include "strtab.h"

/* How large a plan's text, and how many segments, may be. */
#define PLAN_MAX ((size_t)256 * 1024 * 1024)
#define PLAN_SEGMENTS_MAX 10000

struct plan;

struct plan_segment {
	const char *name;   /* given, or "segment N" counted from 1 */
	size_t concurrency; /* 0: that of the run */
	bool isolated;      /* each test gets a process of its own */
};

/* Parses the text of a plan; `path` is what errors call it. *out is freed with plan_free. */
int plan_parse(struct slice text, const char *path, struct plan **out, struct err *err);
/* Reads and parses a file. */
int plan_load(const char *path, struct plan **out, struct err *err);
/* Accepts NULL. */
void plan_free(struct plan *plan);

size_t plan_segment_count(const struct plan *plan);
/* The segments in order; borrowed. */
struct plan_segment plan_segment(const struct plan *plan, size_t index);

/* out[i] becomes the segment of test i of `ids`. A test that the plan names and that is none of ids, one that two
 * segments take, and one that none takes are errors. */
int plan_resolve(struct plan *plan, const struct strtab *ids, size_t *out, struct err *err);

#endif
