/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known of why a test fails (bisect.h): from the runs of the past and from the probes of a search, those that
 * are stored and those that are made now. And how that is said. Invariant: it follows from the stored runs, so that
 * whoever reads them says the same. */
#ifndef FINDING_H
#define FINDING_H

#include "bisect.h"
#include "victim.h"

#include <jansson.h>

/* What is asked for when nothing is said. */
#define FINDING_CONFIDENCE 0.95
/* What the start of a test process is taken to cost before one was seen, in seconds. */
#define FINDING_START_COST 0.5

/* Whether there is a verdict, or why there will be none. */
enum finding_end {
	FINDING_OPEN, /* more probes are needed */
	FINDING_SETTLED,
	FINDING_DRIFTING, /* the rates changed on the way */
	FINDING_SILENT,   /* probe after probe the victim had no result */
};

struct finding {
	const struct victim *victim;
	double confidence; /* that is asked for */
	bool load;         /* the load generator is a candidate, the one behind the victim's */
	struct bisect *engine;
	/* After finding_judge: */
	enum finding_end end;
	struct bisect_verdict verdict;
	/* Of the search's own probes: */
	size_t probes, failures; /* with a result of the victim */
	size_t silent;           /* without one, since the last that had one */
	double seconds;          /* that they took, as far as they had a result */
};

/* Begins with what the past says. The first three members are set, the others zero; finding_release is due in any
 * case. */
int finding_begin(struct finding *f, struct repo *repo, struct err *err);
void finding_release(struct finding *f);

/* The number of candidates, the load generator included. */
size_t finding_candidates(const struct finding *f);

/* A stored probe. */
struct finding_probe {
	const struct repo_run *run;
	struct observed seen; /* the load generator, too, when it ran */
	bool load;            /* it ran */
	bool broken_off;
	double seconds; /* 0 when unknown */
};
typedef int (*finding_probe_fn)(void *context, const struct finding_probe *probe, struct err *err);
/* Takes up the probes that are stored under the name of a search, and calls fn, unless it is NULL, with each of them,
 * the one
 * that ended first first. */
int finding_resume(struct finding *f, struct repo *repo, struct slice search, finding_probe_fn fn,
    void *context, struct err *err);
/* Takes up a probe of the search that has a result. */
int finding_observe(struct finding *f, const struct observed *seen, struct err *err);
int finding_judge(struct finding *f, struct err *err);

/* The name of a candidate. */
struct slice finding_candidate(const struct finding *f, size_t candidate);

/* What follows appends to `out`. The verdict, or that there is none, in one sentence or two, without a line end. */
void finding_sentence(const struct finding *f, struct buf *out);
/* How sure that is and what else it might be; whole lines, perhaps none. */
void finding_remark(const struct finding *f, struct buf *out);
/* A line. */
void finding_cost(const struct finding *f, struct buf *out);

/* How testr was called, for the commands that are shown; a zeroed one for without anything. */
struct finding_call {
	const char *here, *repository;
	char *const *more; /* behind all else */
	size_t more_count;
};
/* A command that shows the failure, for the shell. After a verdict. */
void finding_reproduce(const struct finding *f, const struct finding_call *call, struct buf *out);
/* One that, when it passes, shows with 95% confidence that the rate fell below a tenth. */
void finding_confirm(const struct finding *f, const struct finding_call *call, struct buf *out);

/* What `testr bisect --json` says; NULL when out of memory. */
json_t *finding_json(const struct finding *f, const struct finding_call *call);

#endif
