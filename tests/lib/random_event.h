/* SPDX-License-Identifier: Apache-2.0
 *
 * Events at random, for the tests of the library. */
#ifndef RANDOM_EVENT_H
#define RANDOM_EVENT_H

#include "subunit2.h"

static inline uint32_t
next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* Valid text of random length; what it points to is for ever. */
static inline struct subunit2_slice
random_text(uint32_t *seed)
{
	static const char text[] =
	    "a.b \xC3\xA9\xE2\x82\xAC-\xF0\x9F\x98\x80 and some more words that make it longer than 63 bytes";
	static const size_t ends[] = {0, 1, 4, 6, 9, 10, 14, 62, 63, 64, sizeof(text) - 1};
	struct subunit2_slice s = {text, ends[next_random(seed) % (sizeof(ends) / sizeof(ends[0]))]};

	return s;
}

static inline struct subunit2_event
random_event(uint32_t *seed, struct subunit2_slice tags[8])
{
	static const char noise[] = "\xB3\x29\x01\x0C\0\xFF noise \xB3\xB3";
	uint32_t r = next_random(seed);
	struct subunit2_event e;

	subunit2_event_init(&e);
	e.status = (enum subunit2_status)(next_random(seed) % 8);
	e.runnable = r & 1;
	e.eof = r >> 1 & 1;
	if (r & 4)
		e.id = random_text(seed);
	if (r & 8)
		e.route = random_text(seed);
	if (r & 16)
		e.mime = random_text(seed);
	if (r & 32) {
		e.file_name = random_text(seed);
		e.file.data = noise;
		e.file.len = next_random(seed) % sizeof(noise);
	}
	if (r & 64)
		e.time = (int64_t)next_random(seed) * 1000000000 + next_random(seed) % 1000000000;
	if (r & 128) {
		e.tags = tags;
		e.tag_count = next_random(seed) % 9;
		for (size_t i = 0; i < e.tag_count; i++)
			tags[i] = random_text(seed);
	}
	return e;
}

static inline void
assert_same_slice(struct subunit2_slice a, struct subunit2_slice b)
{
	assert_int_equal(a.data != NULL, b.data != NULL);
	assert_int_equal(a.len, b.len);
	if (a.len)
		assert_memory_equal(a.data, b.data, a.len);
}

/* The same but for `raw` and `offset`. */
static inline void
assert_same_event(const struct subunit2_event *a, const struct subunit2_event *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->status, b->status);
	assert_int_equal(a->runnable, b->runnable);
	assert_int_equal(a->eof, b->eof);
	assert_same_slice(a->id, b->id);
	assert_same_slice(a->route, b->route);
	assert_same_slice(a->mime, b->mime);
	assert_same_slice(a->file_name, b->file_name);
	assert_same_slice(a->file, b->file);
	assert_true(a->time == b->time);
	assert_int_equal(a->tags != NULL, b->tags != NULL);
	assert_int_equal(a->tag_count, b->tag_count);
	for (size_t i = 0; i < a->tag_count; i++)
		assert_same_slice(a->tags[i], b->tags[i]);
}

#endif
