/* SPDX-License-Identifier: Apache-2.0
 *
 * The sections [limit NAME] of a configuration: of the tests whose ids the regular expression `match` matches
 * anywhere, at most `max` run at once, whatever the worker. Invariant: what was loaded is whole and right. */
#ifndef LIMIT_H
#define LIMIT_H

#include "config.h"
#include "pattern.h"
#include "schedule.h"

struct limits {
	struct pattern *patterns[SCHEDULE_LIMITS_MAX];
	size_t max[SCHEDULE_LIMITS_MAX];
	size_t count;
};

/* Fills zeroed limits; limit_release is due in every case. */
int limit_load(struct limits *l, const struct config *c, struct err *err);
void limit_release(struct limits *l);

/* *out: bit i is set when limit i holds for the test. */
int limit_find(struct limits *l, struct slice id, uint64_t *out, struct err *err);

#endif
