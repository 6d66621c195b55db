/* SPDX-License-Identifier: Apache-2.0
 *
 * How likely each explanation is, given the evidence. Explanations of one kind whose candidates are in the same
 * groups cannot be told apart and are one entry. Invariant: it follows from the evidence alone. */
#ifndef POSTERIOR_H
#define POSTERIOR_H

#include "evidence.h"

enum explanation_kind {
	EXPLANATION_ALONE,    /* the victim fails at one rate, whatever ran before it */
	EXPLANATION_POLLUTER, /* after one candidate */
	EXPLANATION_LOAD,     /* beside the load generator, which is a candidate too */
	EXPLANATION_SETUP,    /* unless one candidate ran */
	EXPLANATION_PAIR,     /* after two */
	EXPLANATION_TRIPLE,   /* after three */
	EXPLANATION_KINDS,
};

#define EXPLANATION_MAX 3

struct explanation {
	enum explanation_kind kind;
	size_t count; /* of the candidates that it names */
	size_t groups[EXPLANATION_MAX];
	double number; /* how many there are of them in these groups, and in groups for which these stand */
	double log_evidence;
	double weight; /* the posterior of all of them together */
	double fair;   /* the same, were all kinds equally likely beforehand */
	double with;   /* the expected rate of a probe that has the candidates; for ALONE, of any */
	double without;
};

struct posterior {
	const struct rates_prior *rates;
	bool load; /* the candidate apart is the load generator */
	struct explanation *list;
	size_t len, cap;
	double alone;   /* the weight of that one */
	size_t *active; /* groups that may be part of a needed set */
	struct memo *memo[2];
	uint32_t step;
};

/* Returns 0, or -1 out of memory; posterior_release is due in any case. */
int posterior_init(struct posterior *p, const struct rates_prior *rates, size_t candidates, bool load);
void posterior_release(struct posterior *p);
/* Makes the list anew. Returns 0, or -1 out of memory. */
int posterior_update(struct posterior *p, const struct evidence *e);

#endif
