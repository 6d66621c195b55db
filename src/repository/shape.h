/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs and results as JSON, in the words of docs/json.md: the command line and the server say the same.
 *
 * Invariant: whatever bytes a text has, what is made of it is valid UTF-8. */
#ifndef SHAPE_H
#define SHAPE_H

#include "repository.h"

#include <jansson.h>

/* For json_dump: fifteen digits are enough for nanoseconds in a run of eleven days, and show 0.1 as that. */
#define SHAPE_FLAGS (JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))

/* What a result says of its test: nothing when it was skipped, or cut off with its run. */
enum verdict {
	VERDICT_NONE,
	VERDICT_PASS,
	VERDICT_FAIL,
};
/* `run` is the one that the result is of. */
enum verdict shape_verdict(enum status status, const struct repo_run *run);
/* The same when only the run's id is known, which is looked up if need be. */
int shape_verdict_in(struct repo *repo, int64_t run, enum status status, enum verdict *out, struct err *err);

/* "success", …, "unfinished". */
const char *shape_status(enum status status);
/* "running", "finished", "interrupted". */
const char *shape_state(enum repo_state state);
/* "passed", "failed", "interrupted", "running". */
const char *shape_outcome(const struct repo_run *run);

/* What follows returns NULL when out of memory. */

/* Text, with U+FFFD where it is no UTF-8; null when absent. */
json_t *shape_text(struct slice s);
/* "2020-01-01T00:00:00.000000Z"; null for TIME_NONE. */
json_t *shape_time(int64_t time);
/* Nanoseconds as seconds; null for TIME_NONE. */
json_t *shape_seconds(int64_t duration);
/* The tags of a profile, which is a set of them (tagset.h). */
json_t *shape_profile(struct slice profile);
/* NULL with err set. */
json_t *shape_run(struct repo *repo, const struct repo_run *run, struct err *err);
/* "run" and "attempt" are left out where they are negative and 0. */
json_t *shape_row(const struct repo_row *row, enum verdict verdict);
json_t *shape_details(const struct result *r);
/* `frames` are lines. */
json_t *shape_cause(struct slice message, struct slice frames, size_t failures, const struct strtab *tests);

#endif
