/* SPDX-License-Identifier: Apache-2.0
 *
 * Marks events as those of one worker: its tag, its route code, and the time where they have none. Pure. */
#ifndef STAMP_H
#define STAMP_H

#include "event.h"

struct stamp {
	char tag[32];     /* "worker-3" */
	char attempt[32]; /* "attempt-2"; "" for a first one */
	char route[16];   /* "3" */
	struct slice *tags;
	size_t cap;
	uint8_t *routes; /* the joined route code of the last event */
	size_t routes_cap;
	bool instead;
	const struct slice *also; /* tags that join as well; borrowed */
	size_t also_count;
};

/* The stamp of worker `number`. */
void stamp_init(struct stamp *s, unsigned number);
void stamp_release(struct stamp *s);

/* From now on events are those of an attempt at tests that were run before; 1: a first one. */
void stamp_attempt(struct stamp *s, unsigned attempt);
/* From now on these tags, which are borrowed, join as well: those of a profile. */
void stamp_profile(struct stamp *s, const struct slice *tags, size_t count);

/* From now on the tag is that of another worker, and takes the place of the workers' tags that events have. */
void stamp_worker(struct stamp *s, unsigned number);

/* Changes e: the worker's tag, and that of the attempt, join its tags, the worker's number goes before its route code ("3", or
 * "3/old"), and `now` becomes its time if it has none. What it adds is valid until the next call on s.
 * Returns 0, or -1 when out of memory. */
int stamp_event(struct stamp *s, struct event *e, int64_t now);

#endif
