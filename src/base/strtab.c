/* SPDX-License-Identifier: Apache-2.0 */
#include "strtab.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE ((size_t)64 * 1024)

struct strtab_entry {
	const uint8_t *data;
	size_t len;
	uint64_t hash;
};

struct strtab_block {
	struct strtab_block *next;
	size_t used, cap;
	uint8_t data[];
};

void
strtab_release(struct strtab *t)
{
	while (t->blocks) {
		struct strtab_block *next = t->blocks->next;

		free(t->blocks);
		t->blocks = next;
	}
	free(t->entries);
	free(t->slots);
	*t = (struct strtab){0};
}

/* The slot that holds s, or the free one where it belongs. Needs at least one free slot. */
static size_t
find_slot(const struct strtab *t, struct slice s, uint64_t hash)
{
	size_t mask = t->slot_count - 1;

	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		const struct strtab_entry *e;

		if (t->slots[i] == 0)
			return i;
		e = &t->entries[t->slots[i] - 1];
		if (e->hash == hash && slice_eq((struct slice){e->data, e->len}, s))
			return i;
	}
}

static bool
grow_slots(struct strtab *t)
{
	size_t count = t->slot_count ? t->slot_count * 2 : 64;
	uint32_t *slots = calloc(count, sizeof(*slots));

	if (!slots)
		return false;
	for (size_t i = 0; i < t->len; i++) {
		size_t at = t->entries[i].hash & (count - 1);

		while (slots[at])
			at = (at + 1) & (count - 1);
		slots[at] = (uint32_t)(i + 1);
	}
	free(t->slots);
	t->slots = slots;
	t->slot_count = count;
	return true;
}

static bool
grow_entries(struct strtab *t)
{
	size_t cap = t->cap ? t->cap * 2 : 32;
	struct strtab_entry *entries = realloc(t->entries, cap * sizeof(*entries));

	if (!entries)
		return false;
	t->entries = entries;
	t->cap = cap;
	return true;
}

static const uint8_t *
store_bytes(struct strtab *t, struct slice s)
{
	size_t need = s.len + 1;
	struct strtab_block *b = t->blocks;
	uint8_t *at;

	if (!b || b->cap - b->used < need) {
		size_t cap = need > BLOCK_SIZE ? need : BLOCK_SIZE;

		b = malloc(sizeof(*b) + cap);
		if (!b)
			return NULL;
		b->next = t->blocks;
		b->used = 0;
		b->cap = cap;
		t->blocks = b;
	}
	at = b->data + b->used;
	if (s.len)
		memcpy(at, s.data, s.len);
	at[s.len] = '\0';
	b->used += need;
	return at;
}

size_t
strtab_add(struct strtab *t, struct slice s, bool *added)
{
	uint64_t hash = slice_hash(0, s);
	const uint8_t *data;
	size_t slot;

	if ((t->len + 1) * 2 > t->slot_count && !grow_slots(t))
		return STRTAB_NONE;
	slot = find_slot(t, s, hash);
	if (added)
		*added = t->slots[slot] == 0;
	if (t->slots[slot])
		return t->slots[slot] - 1;
	if (t->len >= UINT32_MAX - 1 || (t->len == t->cap && !grow_entries(t)))
		return STRTAB_NONE;
	data = store_bytes(t, s);
	if (!data)
		return STRTAB_NONE;
	t->entries[t->len] = (struct strtab_entry){data, s.len, hash};
	t->slots[slot] = (uint32_t)++t->len;
	return t->len - 1;
}

size_t
strtab_find(const struct strtab *t, struct slice s)
{
	size_t slot;

	if (!t->slot_count)
		return STRTAB_NONE;
	slot = find_slot(t, s, slice_hash(0, s));
	return t->slots[slot] ? t->slots[slot] - 1 : STRTAB_NONE;
}

struct slice
strtab_get(const struct strtab *t, size_t index)
{
	return (struct slice){t->entries[index].data, t->entries[index].len};
}
