/* SPDX-License-Identifier: Apache-2.0
 *
 * The causes (causes.h) of the failures of a stored run. Invariant: each of its failures that counts is in one of them. */
#ifndef RUN_CAUSES_H
#define RUN_CAUSES_H

#include "causes.h"
#include "repository.h"

/* So much of the attachments of a failure is looked at. */
#define RUN_CAUSES_DETAIL_MAX ((size_t)64 << 10)

/* Says which results count. */
typedef bool (*run_causes_fn)(void *context, const struct result *r);
/* Adds to *causes, which the caller releases in every case; with `counts` NULL all that failed. */
int run_causes_read(struct repo *repo, const struct repo_run *run, run_causes_fn counts, void *context,
    struct causes *causes, struct err *err);

#endif
