/* SPDX-License-Identifier: Apache-2.0
 *
 * What a repository without an index says of all its runs together becomes the checkpoint of one that has them. */
#ifndef ADOPT_H
#define ADOPT_H

#include "index.h"
#include "streams.h"

/* The index and its streams have all runs of `from`, and no checkpoint. */
int adopt(struct index *ix, const struct streams *streams, struct repo *from, struct err *err);

#endif
