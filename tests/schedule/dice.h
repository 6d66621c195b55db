/* SPDX-License-Identifier: Apache-2.0
 *
 * Chance for the tests of schedules. Invariant: what comes follows from the state alone, so that a test is the same
 * each time. */
#ifndef DICE_H
#define DICE_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t
next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

/* 0 to n - 1. */
static inline size_t
below(uint64_t *state, size_t n)
{
	return (size_t)(next_random(state) % n);
}

#endif
