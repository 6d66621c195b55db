/* SPDX-License-Identifier: Apache-2.0
 *
 * Replies that a worker made before, for as long as the repository has not changed. There are CACHE_SLOTS of them
 * at most, none larger than CACHE_BODY; a newer one takes the slot of an older one. Invariant: a reply is only found
 * under the stamp with which it was kept (repo_stamp). */
#ifndef CACHE_H
#define CACHE_H

#include "reply.h"

#define CACHE_SLOTS 32
#define CACHE_BODY ((size_t)128 << 10)

struct cache {
	struct cache_slot {
		char *key; /* NULL: empty */
		uint64_t stamp;
		struct reply reply;
	} slots[CACHE_SLOTS];
};

/* A zeroed one is empty. */
void cache_clear(struct cache *cache);
/* Copies the reply to *out, which is a new one. False when there is none. */
bool cache_find(const struct cache *cache, struct slice key, uint64_t stamp, struct reply *out);
/* Keeps a copy if it is small enough; what has no room is not kept. */
void cache_keep(struct cache *cache, struct slice key, uint64_t stamp, const struct reply *reply);

#endif
