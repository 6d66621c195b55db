/* SPDX-License-Identifier: Apache-2.0
 *
 * The account of a run: what became of every planned test. Pure.
 * Invariant: planned = with a result + not run (for a stated reason) + lost + open; a test leaves "open" once
 * and never returns. */
#ifndef ACCOUNT_H
#define ACCOUNT_H

#include "event.h"
#include "strtab.h"

enum fate {
	FATE_OPEN,    /* planned; nothing has been heard of it */
	FATE_RESULT,  /* it has a result */
	FATE_NOT_RUN, /* it has none, and there is a reason: its fixture failed or was skipped, the run was
			 cancelled */
	FATE_LOST,    /* it has none, and nobody knows why */
};

/* A test that is run in several profiles is as many tests of the plan. */
struct account {
	bool profiled;     /* tests are in profiles; to be set before the first is planned */
	struct strtab ids; /* the plan, in order; of an unplanned run, what was announced. With profiles each
			      is followed by ACCOUNT_SUFFIX bytes, see account_id */
	uint8_t *fates;    /* enum fate of each */
	uint32_t
	    *failed; /* of each: the number of the worker it failed with last, plus 1; 0: it did not fail */
	size_t cap;
	size_t counts[4]; /* of each fate */
};

/* A zeroed struct account is an empty plan. */
void account_release(struct account *a);

/* Adds a test to the plan; its index, also when it was planned before; STRTAB_NONE when out of memory. */
size_t account_plan(struct account *a, struct slice id);
/* The same for a test in a profile, which has no meaning unless the account is profiled; at most
 * ACCOUNT_PROFILES_MAX. */
#define ACCOUNT_SUFFIX ((size_t)3)
#define ACCOUNT_PROFILES_MAX 65536
size_t account_plan_in(struct account *a, size_t profile, struct slice id);
/* The index of a planned test, or STRTAB_NONE, also when out of memory. */
size_t account_find(const struct account *a, size_t profile, struct slice id);
/* The id of a planned test, and the profile it is in: 0 where there are none. */
struct slice account_id(const struct account *a, size_t test);
size_t account_profile(const struct account *a, size_t test);

/* Decides a test's fate, unless it is decided already. Returns true when this decided it. */
bool account_settle(struct account *a, size_t test, enum fate fate);

/* Notes that a test failed, perhaps one that has its fate already. */
void account_fail(struct account *a, size_t test, unsigned worker);

/* Whatever has no fate now was cut off: it is not run. Returns how many tests those are. */
size_t account_close(struct account *a);

#endif
