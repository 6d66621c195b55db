/* SPDX-License-Identifier: Apache-2.0
 *
 * What was observed: for each probe which candidates ran before the victim, and whether it failed.
 *
 * Candidates that were in the same probes cannot be told apart and form one group. Invariant: what is known of
 * a group is the set of the probes that had it; the groups, but not their numbers, and all counts are the same
 * in whatever order the probes came. */
#ifndef EVIDENCE_H
#define EVIDENCE_H

#include "rates.h"

#include <stdbool.h>
#include <stddef.h>

struct evidence_group {
	size_t first, count; /* its candidates are order[first] … order[first + count - 1], cheapest first */
	struct tally with;   /* of the probes that had it */
};

struct probe_record {
	uint64_t set; /* names the set of its candidates */
	size_t count; /* of its candidates */
	bool failed;
};

struct evidence {
	size_t candidates;
	double *seconds;  /* of each candidate */
	size_t *order;    /* the candidates, group by group */
	double *sum;      /* sum[k]: the seconds of order[0] … order[k - 1] */
	size_t *group_of; /* of each candidate */
	struct evidence_group *groups;
	size_t group_count;
	struct tally all;
	size_t probes;
	uint64_t *failed;  /* a bit a probe: it failed */
	uint64_t *columns; /* of each group, `stride` words: a bit a probe that had it */
	size_t stride;
	struct probe_record *records; /* of each probe */
	bool *member;                 /* scratch, one a candidate */
	size_t *others;               /* the same */
};

/* `seconds` are copied. A candidate `apart` (SIZE_MAX: none) is never grouped with others. Returns 0, or -1 out of
 * memory; evidence_release is due in any case. */
int evidence_init(struct evidence *e, size_t candidates, const double *seconds, size_t apart);
void evidence_release(struct evidence *e);

/* Adds a probe of those candidates, each named once. Returns 0, or -1 out of memory, with nothing added. */
int evidence_add(struct evidence *e, const size_t *members, size_t count, bool failed);
/* Takes the last probe back, apart from the splits that it made. */
void evidence_drop(struct evidence *e);

/* The counts of the probes that had a candidate of each of these groups; the groups may be equal. */
struct tally evidence_with(const struct evidence *e, const size_t *groups, size_t count);
/* The counts of the probes of exactly these candidates. */
struct tally evidence_exactly(const struct evidence *e, const size_t *members, size_t count);
/* The counts of the probes of the same set as the last, those of their first half and those of the second. */
void evidence_halves(const struct evidence *e, struct tally out[2]);
/* The rest of all probes. */
struct tally evidence_without(const struct evidence *e, struct tally with);

#endif
