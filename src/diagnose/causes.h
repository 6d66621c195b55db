/* SPDX-License-Identifier: Apache-2.0
 *
 * Failures gathered by their causes (cause.h). Invariant: every failure that was added is in one group, and a
 * group has each of its tests once. */
#ifndef CAUSES_H
#define CAUSES_H

#include "cause.h"
#include "err.h"
#include "outcome.h"
#include "strtab.h"

struct causes_group {
	struct slice message, frames; /* as a struct cause has them */
	size_t failures;
	struct strtab tests; /* in the order in which they came */
};

/* A zeroed one is empty. */
struct causes {
	struct strtab keys;
	struct causes_group *groups; /* one for each key */
	size_t cap;
	size_t failures;
};

/* Takes a failure, whose attachments are looked at: those called "traceback…", or else all that are text. */
int causes_add(struct causes *c, const struct result *r, struct err *err);
/* The groups by the number of failures, the most first, then in the order in which they came. The array is freed
 * by the caller; NULL when out of memory. */
const struct causes_group **causes_ranked(const struct causes *c);
void causes_release(struct causes *c);

#endif
