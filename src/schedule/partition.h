/* SPDX-License-Identifier: Apache-2.0
 *
 * Divides work among workers beforehand, by the rules of the original. Pure.
 * Invariant: with at least as many parts as workers, every worker gets one. */
#ifndef PARTITION_H
#define PARTITION_H

#include <stddef.h>
#include <stdint.h>

struct partition_part {
	int64_t duration; /* 0 or more */
	size_t tests;
	size_t worker; /* filled in */
};

/* The parts go, longest first, to the worker with the least work so far; among equals to the one with the
 * fewest tests, then to the one that stands first in a list which is stably sorted by (work, tests) after
 * each step. 0, or -1 when out of memory. */
int partition_longest_first(struct partition_part *parts, size_t count, size_t workers);
/* The same where worker w has loads[w] of work before. */
int partition_longest_first_into(
    struct partition_part *parts, size_t count, const int64_t *loads, size_t workers);
/* They are dealt out in turn. */
void partition_in_turn(struct partition_part *parts, size_t count, size_t workers);

#endif
