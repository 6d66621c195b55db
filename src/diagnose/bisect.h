/* SPDX-License-Identifier: Apache-2.0
 *
 * Why a test, the victim, fails one time in N: a search that asks for probes, is told how they ended, and stops
 * when one explanation is as sure as was asked. A probe runs a chosen part of the candidates in their order, and
 * then the victim, in a fresh process. Invariant: what it knows and asks next follows from the observations
 * alone, so that telling them again takes a search up where it was. */
#ifndef BISECT_H
#define BISECT_H

#include "posterior.h"

struct bisect_options {
	size_t candidates;     /* the load generator, if there is one, is the last of them */
	const double *seconds; /* what each adds to a probe; copied */
	double overhead;       /* what a probe costs without any */
	bool load;
	double confidence; /* below 1 */
};

struct bisect;
/* NULL out of memory. */
struct bisect *bisect_new(const struct bisect_options *options);
void bisect_free(struct bisect *b);

/* Tells how a probe of those candidates, each named once, ended. 0, or -1 out of memory. */
int bisect_observe(struct bisect *b, const size_t *members, size_t count, bool failed);

/* What a probe costs without any candidate, now that it is known better. */
void bisect_price(struct bisect *b, double overhead);

/* The next probe: its members ascend, borrowed until the next call; *failing is the chance that it fails. 0, or -1
 * out of memory. */
int bisect_next(struct bisect *b, const size_t **members, size_t *count, double *failing);
/* While other probes run: takes each of them as if it had ended as it most likely will, so that the next one asks
 * something else. bisect_forget takes all of these back, and is due before bisect_observe and bisect_verdict. 0, or
 * -1 out of memory. */
int bisect_assume(struct bisect *b, const size_t *members, size_t count, bool failed);
void bisect_forget(struct bisect *b);

/* The likeliest explanation that names its candidates. */
struct bisect_verdict {
	bool settled; /* it is as sure as was asked, and was seen at work by itself */
	enum explanation_kind kind;
	size_t culprits[EXPLANATION_MAX]; /* ascending */
	size_t count;
	double confidence;               /* its posterior */
	double kinds[EXPLANATION_KINDS]; /* the posterior of all explanations of each kind */
	/* The counts of all probes that had the culprits, and of those that had not. For ALONE all are with. */
	struct tally with, without;
	struct tally all;
};

/* 0, or -1 out of memory. */
int bisect_verdict(struct bisect *b, struct bisect_verdict *out);

/* The candidates that are likeliest to have a part in it, the likeliest first, at most `count`; ones that cannot
 * be told apart are one entry. Returns how many were filled. After bisect_verdict or bisect_next. */
struct bisect_suspect {
	size_t candidate; /* the first of them */
	size_t number;    /* of them */
	double weight;    /* the posterior that one of them has a part */
};
size_t bisect_suspects(const struct bisect *b, struct bisect_suspect *out, size_t count);

/* By what factor "the rate changed" explains the probes of the set that was observed last better than "it is one
 * rate": the first half of them against the second. Above BISECT_DRIFT no explanation here fits. */
double bisect_drift(const struct bisect *b);
#define BISECT_DRIFT 300

#endif
