/* SPDX-License-Identifier: Apache-2.0
 *
 * Which candidates the next probe should have: those from which the most is learnt in a second. Invariant: the
 * choice follows from the evidence and the posterior alone. */
#ifndef CHOOSE_H
#define CHOOSE_H

#include "posterior.h"

struct choice {
	size_t *members; /* room for all candidates */
	size_t count;
	double failing; /* the chance that it fails */
};

/* Fills choice->members, cheapest first within a group. With
 * `fair` all kinds of explanations were equally likely beforehand. A probe costs `overhead` seconds and those of its members.
 * Returns 0, or -1 out of memory. */
int choose(
    const struct evidence *e, const struct posterior *p, bool fair, double overhead, struct choice *choice);

#endif
