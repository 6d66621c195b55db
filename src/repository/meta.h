/* SPDX-License-Identifier: Apache-2.0
 *
 * The metadata of a run on its way into a repository. Invariant: keys and values are UTF-8 without NUL and
 * within their limits. */
#ifndef META_H
#define META_H

#include "repository.h"

struct meta_list {
	struct repo_meta *items;
	size_t count;
	struct strtab store; /* of values that were changed */
};

/* The command, under its key, and all metadata. A key that cannot be one is an error; a value is made one:
 * what is no UTF-8 becomes U+FFFD and what is too long is cut off. */
int meta_list_init(struct meta_list *list, const struct repo_begin *begin, struct err *err);
/* Also of one whose init failed. */
void meta_list_release(struct meta_list *list);

#endif
