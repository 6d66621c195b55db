/* SPDX-License-Identifier: Apache-2.0
 *
 * The steps of a concurrency plan (plan.h) for one choice of tests. Invariant: after steps_resolve each test
 * is in exactly one step. */
#ifndef STEPS_H
#define STEPS_H

#include "plan.h"
#include "schedule.h"

struct steps {
	struct plan *plan;
	struct schedule_segment *list;
	size_t count;
	size_t *of;    /* the step of each test; NULL before steps_resolve */
	bool isolated; /* one of them is */
};

/* Reads the plan. Zeroed steps are none; steps_release is due in any case. */
int steps_load(struct steps *s, const char *path, struct err *err);
int steps_resolve(struct steps *s, const struct strtab *ids, struct err *err);
void steps_release(struct steps *s);

#endif
