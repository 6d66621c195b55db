/* SPDX-License-Identifier: Apache-2.0
 *
 * The test whose failures are to be explained, and the tests that may have a part in them: those that ran before
 * it in its worker in the run in which it failed and, for what it may lack, in one in which it passed. Invariant:
 * what is taken as an observation is what really ran before it, by the stored stream. */
#ifndef VICTIM_H
#define VICTIM_H

#include "cli.h"

/* The metadata of the runs that are probes of a search: what names the search, the victim, the run in which it
 * failed, how long the probe took, and, "true" or not there, that the load generator ran beside it. */
#define VICTIM_SEARCH "bisect.id"
#define VICTIM_TEST "bisect.victim"
#define VICTIM_RUN "bisect.run"
#define VICTIM_SECONDS "bisect.seconds"
#define VICTIM_LOAD "bisect.load"

struct victim {
	char *id;
	int64_t run;          /* in which it failed */
	struct strtab before; /* the candidates, in the order in which they ran */
	double *seconds;      /* what each takes */
	double own;           /* what it takes itself */
};

/* What a run says: the candidates that ran before the victim in its worker, in their order, and how it ended. */
struct observed {
	size_t *members; /* room for all candidates; the caller's */
	size_t count;
	bool ended; /* it passed or failed; nothing is known otherwise */
	bool failed;
};

/* Finds victim and candidates: `test`, or with NULL the one that failed, in the run that `run` names, or with NULL
 * in the latest one that is no probe. victim_release is due in any case. */
int victim_find(struct victim *v, struct cli *cli, struct repo *repo, const char *test, const char *run);
void victim_release(struct victim *v);

/* Leaves out the candidates that are not among `ids`, the tests that there are. */
int victim_restrict(struct victim *v, const struct strtab *ids, size_t *left_out, struct err *err);

int victim_observe(
    const struct victim *v, struct repo *repo, int64_t run, struct observed *out, struct err *err);

/* Calls fn with each run before the search that tells something: of the same commit, as far as it is known, and no
 * probe; the oldest first. */
typedef int (*victim_fn)(void *context, const struct observed *observed, struct err *err);
int victim_history(const struct victim *v, struct repo *repo, victim_fn fn, void *context, struct err *err);

#endif
