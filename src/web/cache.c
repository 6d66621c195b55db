/* SPDX-License-Identifier: Apache-2.0 */
#include "cache.h"

#include <stdlib.h>

static struct cache_slot *
slot_of(const struct cache *cache, struct slice key)
{
	return (struct cache_slot *)&cache->slots[slice_hash(0, key) % CACHE_SLOTS];
}

static void
slot_clear(struct cache_slot *slot)
{
	free(slot->key);
	if (slot->key)
		reply_release(&slot->reply);
	*slot = (struct cache_slot){0};
}

void
cache_clear(struct cache *cache)
{
	for (size_t i = 0; i < CACHE_SLOTS; i++)
		slot_clear(&cache->slots[i]);
}

/* What a reply in memory consists of. */
static void
copy(struct reply *to, const struct reply *from)
{
	bool ndjson = to->ndjson;

	to->status = from->status;
	to->type = from->type;
	to->hostile = from->hostile;
	to->immutable = from->immutable;
	to->shared = from->shared;
	to->gzipped = from->gzipped;
	to->ndjson = ndjson;
	buf_slice(&to->body, buf_get(&from->body));
	for (size_t i = 0; i < from->header_count; i++)
		reply_header(to, from->headers[i].name, "%s", from->headers[i].value);
}

bool
cache_find(const struct cache *cache, struct slice key, uint64_t stamp, struct reply *out)
{
	const struct cache_slot *slot = slot_of(cache, key);

	if (!slot->key || slot->stamp != stamp || !slice_eq(slice_str(slot->key), key))
		return false;
	copy(out, &slot->reply);
	return !out->body.failed;
}

void
cache_keep(struct cache *cache, struct slice key, uint64_t stamp, const struct reply *reply)
{
	struct cache_slot *slot = slot_of(cache, key);

	if (reply->body.len > CACHE_BODY)
		return;
	slot_clear(slot);
	slot->key = slice_dup(key);
	if (!slot->key)
		return;
	slot->stamp = stamp;
	reply_init(&slot->reply);
	copy(&slot->reply, reply);
	if (slot->reply.body.failed || slot->reply.header_count != reply->header_count)
		slot_clear(slot);
}
