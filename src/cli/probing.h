/* SPDX-License-Identifier: Apache-2.0
 *
 * What experiments on tests (`bisect`, `stress`) have in common: each probe is a test process of its own and a stored
 * run of its own, of a part of the suite, that decides nothing (REPO_META_PROBE). */
#ifndef PROBING_H
#define PROBING_H

#include "setup.h"
#include "worker.h"

/* A runner for workers that the caller starts itself. It borrows the setup. */
struct runner probing_runner(struct setup *s);

/* Begins a stored run with what is recorded of every run, and what is said in `more`. `workers` and `seed`, which may
 * be NULL, as metadata_gather has them. */
int probing_begin(const struct setup *s, struct repo *repo, size_t workers, const uint32_t *seed,
    const struct repo_meta *more, size_t count, struct repo_writer **out, struct err *err);

#endif
