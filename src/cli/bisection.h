/* SPDX-License-Identifier: Apache-2.0
 *
 * A search for what makes a test fail (bisect.h) with real test processes. A probe is one process that runs some
 * of the candidates and then the victim; each is a stored run of its own, of a part of the suite, with the search's
 * name in its metadata. Invariant: what the search knows can be read again from the repository, but for the probes
 * that are running. */
#ifndef BISECTION_H
#define BISECTION_H

#include "finding.h"
#include "setup.h"

struct bisection {
	struct setup *setup;
	struct repo *repo;
	const char *name;     /* of the search */
	int64_t budget;       /* nanoseconds */
	struct finding found; /* what is asked, and what came of it; zero but for finding_begin's members */
	bool cancelled;       /* it ended by a signal */
};

/* Searches until there is a verdict or it ends otherwise. The probes that are stored under its name are taken up first.
 * Returns 0, or -1 with the error set. */
int bisection_run(struct bisection *b);

#endif
