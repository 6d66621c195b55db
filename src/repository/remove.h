/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes runs away for good. Invariant: no answer about what stays changes, neither now nor after a rebuild; and
 * whenever this is cut off, a run is there whole or not at all. */
#ifndef REMOVE_H
#define REMOVE_H

#include "index.h"
#include "streams.h"

/* Removes runs, none of which is being written. */
int remove_runs(
    struct index *ix, const struct streams *streams, const int64_t *ids, size_t count, struct err *err);

#endif
