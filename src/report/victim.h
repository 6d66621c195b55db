/* SPDX-License-Identifier: Apache-2.0
 *
 * The test whose failures are to be explained, and the tests that may have a part in them: those that ran before
 * it in its worker in the run in which it failed and, for what it may lack, in one in which it passed. Invariant:
 * what is taken as an observation is what really ran before it, in its own profile, by the stored stream. */
#ifndef VICTIM_H
#define VICTIM_H

#include "repository.h"

/* The metadata of the runs that are probes of a search: what names the search, the victim, the run in which it
 * failed, what confidence is asked for, how long the probe took, and, "true" or not there, that the load generator
 * ran beside it. One that was broken off has no time. And the profile by its name, where there is one. */
#define VICTIM_SEARCH "bisect.id"
#define VICTIM_TEST "bisect.victim"
#define VICTIM_RUN "bisect.run"
#define VICTIM_CONFIDENCE "bisect.confidence"
#define VICTIM_SECONDS "bisect.seconds"
#define VICTIM_LOAD "bisect.load"
#define VICTIM_PROFILE "bisect.profile"

struct victim {
	char *id;
	const char *profile;  /* by its name; borrowed. NULL: results of any count */
	int64_t run;          /* in which it failed */
	int64_t begun;        /* only runs below it are the past of the search; 0: all are */
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

/* The latest runs of the past in which a test failed, passed, and ran, in a profile; -1: none. */
struct victim_past {
	int64_t failed, passed, any;
};
int victim_past(struct repo *repo, const char *test, const char *profile, int64_t begun,
    struct victim_past *out, struct err *err);

/* Finds the candidates of a test that failed in a run, in a profile. victim_release is due in any case. */
int victim_find(struct victim *v, struct repo *repo, const char *test, const char *profile, int64_t run,
    int64_t begun, struct err *err);
void victim_release(struct victim *v);

/* Leaves out the candidates that are not among `ids`, the tests that there are. */
int victim_restrict(struct victim *v, const struct strtab *ids, size_t *left_out, struct err *err);

int victim_observe(
    const struct victim *v, struct repo *repo, int64_t run, struct observed *out, struct err *err);

/* Calls fn with each run of the past that tells something: of the same commit, as far as it is known, and no probe;
 * the oldest first. */
typedef int (*victim_fn)(void *context, const struct observed *observed, struct err *err);
int victim_history(const struct victim *v, struct repo *repo, victim_fn fn, void *context, struct err *err);

#endif
