/* SPDX-License-Identifier: Apache-2.0
 *
 * Divides the work of several profiles among workers beforehand, where each profile that a worker has something of
 * costs it a start. Pure.
 *
 * Each worker in turn is given the longest profiles that have room in its part of all work and starts, and what is then
 * missing out of the longest one left. Invariant: every part gets a worker, and the profiles of all workers together are at most
 * as many as profiles and workers. */
#ifndef DIVISION_H
#define DIVISION_H

#include "partition.h"

/* Part i is of the profile profiles[i], below profile_count; `cost` is that of a start, in nanoseconds. 0, or -1 when out of
 * memory. */
int division_make(struct partition_part *parts, const uint32_t *profiles, size_t count, size_t profile_count,
    size_t workers, int64_t cost);

#endif
