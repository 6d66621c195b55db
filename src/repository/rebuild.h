/* SPDX-License-Identifier: Apache-2.0
 *
 * An index made again from the streams, and compared with them. Invariant: a rebuild that is cut off leaves the
 * index as it was. */
#ifndef REBUILD_H
#define REBUILD_H

#include "index.h"
#include "streams.h"

/* Makes an index again, whatever is in its tables. A run that is being written, a stream that cannot be read:
 * nothing is changed. Runs without an end are running afterwards, which whoever opens the repository sees to. */
int rebuild(struct index *ix, const struct streams *streams, struct err *err);
/* The same for the file `name` in a directory, whether there is one or not, and whatever is wrong with it. */
int rebuild_file(
    const struct file_dir *dir, const char *name, const struct streams *streams, struct err *err);

/* Compares an index with the streams; as repo_verify. Others may write meanwhile, but for its last moments. */
int rebuild_compare(
    struct index *ix, const struct streams *streams, repo_verify_fn fn, void *context, struct err *err);

#endif
