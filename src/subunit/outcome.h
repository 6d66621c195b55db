/* SPDX-License-Identifier: Apache-2.0
 *
 * Folds events into results: what became of each test. Pure.
 *
 * A test is an id and a route: the same id under two routes is two tests. Its first event (an "exists" apart,
 * which folds into nothing) opens it; success, uxsuccess, skip, fail and xfail close it and give a result;
 * later events open a new one. Tags are those of the last event that carried a tag vector; attachments with
 * the same name are joined, the MIME type being the first one's; empty attachments leave no trace; start is
 * the first event's time and stop the last one's. These are the reference's rules (its _StreamToTestRecord).
 *
 * Invariant: every opened test comes out exactly once, closed or by outcome_open_next. Memory holds the
 * open tests only, each with at most `detail_max` bytes of attachments; or, with a store, all of them together
 * with few, and nothing is left out. */
#ifndef OUTCOME_H
#define OUTCOME_H

#include "buf.h"
#include "event.h"

/* The most attachments of one test; further ones leave no trace. */
#define DETAIL_COUNT_MAX 4096

/* Takes a piece of something long. 0; anything else ends it. */
typedef int (*piece_fn)(void *context, struct slice piece);

/* Where a store has an attachment; all zero: it has nothing of it. */
struct stored {
	uint64_t first, last; /* the store's own business */
	uint64_t size;
};

/* What keeps long attachments elsewhere than in memory. */
struct detail_store {
	void *context;
	/* Appends bytes to one attachment. 0, or -1. */
	int (*append)(void *context, struct stored *where, struct slice bytes);
	/* Gives all its bytes to fn, in order. 0, what fn returned when that was not 0, or -1. */
	int (*read)(void *context, const struct stored *where, piece_fn fn, void *fn_context);
	/* It is not needed any more. What is open when an outcome is freed is not dropped. */
	void (*drop)(void *context, const struct stored *where);
};

/* What empties a buffer to which something long is appended; it may leave some of it there. 0, or -1. */
struct drain {
	int (*fn)(void *context);
	void *context;
};
/* What a buffer has when it is drained at the latest, but for one piece. */
#define DRAIN_SIZE ((size_t)64 << 10)
/* Drains when it is time. Without a drain everything stays. */
int drain_check(const struct drain *drain, const struct buf *out);

struct detail {
	struct slice name;
	struct slice mime; /* as it came; absent when the packets had none */
	struct slice bytes;
	uint64_t left_out; /* bytes left out of the middle, at `cut` in `bytes`, for want of room */
	size_t cut;
	/* What has the bytes when `bytes` has none of them, valid as long as the result; else NULL. */
	const struct detail_store *store;
	struct stored stored;
	/* Where, in the bytes, the reference's v1 writer ends a chunk, which depends on the pieces they came
	 * in; one more chunk holds the rest. None are known when bytes were left out. */
	const uint64_t *chunks;
	size_t chunk_count;
};

struct result {
	struct slice id;
	struct slice route;
	enum status status;  /* a final one; STATUS_INPROGRESS or STATUS_NONE for a test that never ended */
	int64_t start, stop; /* TIME_NONE when unknown; stop also when the test never ended */
	int64_t latest; /* the time of its last event that did not end it, TIME_NONE when there was none */
	const struct slice *tags; /* sorted, each once */
	size_t tag_count;
	const struct detail *details; /* sorted by name */
	size_t detail_count;
	/* Of the first byte of its events, and one past the last; of a line of version 1 the first byte counts. */
	uint64_t offset, end;
};

struct outcome;

/* `detail_max` bounds the bytes of attachments kept for one test. When there are more, the longest
 * attachments are cut to one common length, keeping their first and last halves; 0 keeps only names and
 * types. NULL when out of memory. */
struct outcome *outcome_new(size_t detail_max);
/* With a store, which the caller keeps: attachments go there when those of all open tests have more than
 * `memory_max` bytes. */
struct outcome *outcome_new_stored(size_t memory_max, const struct detail_store *store);
/* Accepts NULL. */
void outcome_free(struct outcome *o);

/* Takes one event; *out becomes the result that it closes, valid until the next call on o, or NULL. Events
 * without a test id and "exists" are ignored. Returns 0, or -1 when out of memory or the store failed. */
int outcome_event(struct outcome *o, const struct event *e, const struct result **out);

/* After the last event: the next test that never ended, latest first (as the reference does), valid until the
 * next call on o, or NULL when there are no more, or there are and it failed. */
const struct result *outcome_open_next(struct outcome *o);

/* The number of tests open now, and the i-th of them (in order of opening), without its details, valid
 * until the next event. */
size_t outcome_open_count(const struct outcome *o);
struct result outcome_open_get(struct outcome *o, size_t i);

/* The number N of the tag "worker-N" among the result's tags, or -1. */
int64_t result_worker(const struct result *r);

/* Appends the result's tags, each ended by a NUL, without that of its worker. */
void result_other_tags(struct buf *out, const struct result *r);

/* stop - start, or TIME_NONE when either is unknown or the clock went backwards. */
int64_t result_duration(const struct result *r);

/* Appends the events that make this result again, as packets: inprogress with the start time, one event an
 * attachment with eof, then the final status with the tags, both with the stop time. A test that never ended
 * is written as fail. An attachment in a store is several events, one a piece. Returns 0; -1 when a packet
 * cannot be written, and nothing was appended that was not drained, or when the store or the drain, which may
 * be NULL, failed. */
int result_to_packets(struct buf *out, const struct result *r, const struct drain *drain);

#endif
