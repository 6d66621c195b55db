/* SPDX-License-Identifier: Apache-2.0
 *
 * A search for what makes a test fail (bisect.h) with real test processes. A probe is one process that runs some
 * of the candidates and then the victim; each is a stored run of its own, of a part of the suite, with the search's
 * name in its metadata. Invariant: what the search knows can be read again from the repository, but for the probes
 * that are running. */
#ifndef BISECTION_H
#define BISECTION_H

#include "bisect.h"
#include "setup.h"
#include "victim.h"

/* Why a search ended. */
enum bisection_end {
	BISECTION_SETTLED,
	BISECTION_BUDGET,    /* the time for it is over */
	BISECTION_CANCELLED, /* by a signal */
	BISECTION_DRIFTING,  /* the rates changed on the way */
	BISECTION_SILENT,    /* probe after probe the victim had no result */
};

struct bisection {
	struct setup *setup;
	struct repo *repo;
	const struct victim *victim;
	const char *name;  /* of the search */
	double confidence; /* that is asked for */
	int64_t budget;    /* nanoseconds */
	bool load;         /* the load generator is a candidate */
	/* What came of it: */
	enum bisection_end end;
	struct bisect_verdict verdict;
	size_t probes, failures; /* with a result of the victim; of this search, also before it was resumed */
	double seconds;          /* that its probes took */
};

/* Searches until it is settled or ended otherwise. The probes that are stored under its name are taken up first.
 * Returns 0, or -1 with the error set. */
int bisection_run(struct bisection *b);

#endif
