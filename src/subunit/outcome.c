/* SPDX-License-Identifier: Apache-2.0 */
#include "outcome.h"

#include "buf.h"
#include "detail.h"
#include "packet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Far above the texts of any one event, which a packet or a line bounds. */
#define TEXT_MAX ((size_t)16 << 20)
/* What is kept of a closed test for the next one to use. */
#define SPARE_RECORDS 64
#define SPARE_ATTACHMENTS 4
#define SPARE_BYTES ((size_t)16 * 1024)

struct attachment {
	struct buf text; /* the name, then the MIME type */
	size_t name_len;
	bool has_mime;

	/* What is kept is bytes[0, head) and bytes[tail, len). Nothing was left out as long as `cut` is
	 * false; then head and tail are 0. What lies between is given up and is closed from time to time. */
	struct buf bytes;
	size_t head, tail;
	bool cut;
	uint64_t size;        /* of all that came */
	struct stored stored; /* what came before `bytes` */

	uint64_t *chunks; /* see struct detail */
	size_t chunk_count, chunk_cap;
};

struct record {
	uint64_t hash;
	size_t place;   /* in the order of opening */
	struct buf key; /* the id, then the route */
	size_t id_len;
	bool has_route;
	enum status status;
	int64_t start, stop, latest;
	uint64_t offset, end;

	struct buf tag_text;
	struct slice *tags;
	size_t tag_count, tag_cap;

	struct attachment *items; /* by name; those from item_count to item_cap are empty, ready for use */
	size_t item_count, item_cap;
	size_t level; /* an attachment longer than this is cut to it, so that all of them fit */
	size_t kept;  /* the sum of what is kept */
};

struct outcome {
	size_t detail_max;
	const struct detail_store *store; /* NULL: long attachments are cut */
	size_t memory_max, held;          /* with a store: what `bytes` of all open tests may have, and has */
	struct record **slots;            /* open addressing over the open tests */
	size_t slot_count;
	struct record **open; /* in order of opening, NULL where a test was closed */
	size_t open_len, open_cap, open_count;
	struct record *spare[SPARE_RECORDS];
	size_t spare_count;
	struct record *closed; /* whose result the caller looks at */
	struct result result;
	struct detail *details;
	size_t detail_cap;
};

/* Makes room for one more item of `size` bytes in an array of *cap, of which `len` are used. */
static void *
grow(void *array, size_t len, size_t *cap, size_t size)
{
	size_t more = *cap ? *cap * 2 : size > 64 ? 1 : 8;
	void *grown;

	if (len < *cap)
		return array;
	grown = reallocarray(array, more, size);
	if (grown)
		*cap = more;
	return grown;
}

static void
attachment_release(struct attachment *a)
{
	buf_release(&a->text);
	buf_release(&a->bytes);
	free(a->chunks);
	*a = (struct attachment){0};
}

static void
record_free(struct record *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->item_cap; i++)
		attachment_release(&r->items[i]);
	free(r->items);
	free(r->tags);
	buf_release(&r->tag_text);
	buf_release(&r->key);
	free(r);
}

struct outcome *
outcome_new(size_t detail_max)
{
	struct outcome *o = calloc(1, sizeof(*o));

	if (o)
		o->detail_max = detail_max;
	return o;
}

struct outcome *
outcome_new_stored(size_t memory_max, const struct detail_store *store)
{
	struct outcome *o = outcome_new(SIZE_MAX / 8);

	if (o) {
		o->store = store;
		o->memory_max = memory_max;
	}
	return o;
}

void
outcome_free(struct outcome *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < o->open_len; i++)
		record_free(o->open[i]);
	for (size_t i = 0; i < o->spare_count; i++)
		record_free(o->spare[i]);
	record_free(o->closed);
	free(o->open);
	free(o->slots);
	free(o->details);
	free(o);
}

/* Empties a buffer, and gives back its storage when that is large. */
static void
buf_reuse(struct buf *b)
{
	if (b->cap > SPARE_BYTES)
		buf_release(b);
	buf_clear(b);
}

/* Keeps the record of a closed test for reuse, or frees it. */
static void
recycle(struct outcome *o)
{
	struct record *r = o->closed;

	o->closed = NULL;
	if (!r)
		return;
	for (size_t i = 0; i < r->item_count; i++)
		if (r->items[i].stored.size)
			o->store->drop(o->store->context, &r->items[i].stored);
	if (o->spare_count == SPARE_RECORDS || r->item_cap > SPARE_ATTACHMENTS * 4) {
		record_free(r);
		return;
	}
	buf_reuse(&r->key);
	buf_reuse(&r->tag_text);
	for (size_t i = 0; i < r->item_count; i++) {
		struct attachment *a = &r->items[i], empty = {0};

		if (i >= SPARE_ATTACHMENTS) {
			attachment_release(a);
			continue;
		}
		buf_reuse(&a->text);
		buf_reuse(&a->bytes);
		free(a->chunks);
		empty.text = a->text;
		empty.bytes = a->bytes;
		*a = empty;
	}
	r->item_count = 0;
	r->tag_count = 0;
	o->spare[o->spare_count++] = r;
}

static struct slice
record_id(const struct record *r)
{
	return slice_head(buf_get(&r->key), r->id_len);
}

static struct slice
record_route(const struct record *r)
{
	return r->has_route ? slice_from(buf_get(&r->key), r->id_len) : SLICE_NONE;
}

/* The slot that holds the test, or the free one where it belongs. Needs at least one free slot. */
static size_t
find_slot(const struct outcome *o, uint64_t hash, struct slice id, struct slice route)
{
	size_t mask = o->slot_count - 1;

	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		const struct record *r = o->slots[i];

		if (!r || (r->hash == hash && r->has_route == (route.data != NULL) &&
			      slice_eq(record_id(r), id) && slice_eq(record_route(r), route)))
			return i;
	}
}

static int
grow_slots(struct outcome *o)
{
	size_t old_count = o->slot_count;
	struct record **old = o->slots, **slots;

	if ((o->open_count + 1) * 2 <= old_count)
		return 0;
	slots = calloc(old_count ? old_count * 2 : 64, sizeof(struct record *));
	if (!slots)
		return -1;
	o->slots = slots;
	o->slot_count = old_count ? old_count * 2 : 64;
	for (size_t i = 0; i < old_count; i++)
		if (old[i])
			slots[find_slot(o, old[i]->hash, record_id(old[i]), record_route(old[i]))] = old[i];
	free(old);
	return 0;
}

/* Empties a slot and moves those after it that would no longer be found. */
static void
empty_slot(struct outcome *o, size_t hole)
{
	size_t mask = o->slot_count - 1;

	o->slots[hole] = NULL;
	for (size_t i = (hole + 1) & mask; o->slots[i]; i = (i + 1) & mask) {
		size_t home = o->slots[i]->hash & mask;

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			o->slots[hole] = o->slots[i];
			o->slots[i] = NULL;
			hole = i;
		}
	}
}

/* Closes the gaps that closed tests left in the order of opening. */
static void
close_gaps(struct outcome *o)
{
	size_t n = 0;

	for (size_t i = 0; i < o->open_len; i++) {
		if (!o->open[i])
			continue;
		o->open[n] = o->open[i];
		o->open[n]->place = n;
		n++;
	}
	o->open_len = n;
}

static struct record *
record_new(struct outcome *o)
{
	struct record *r = o->spare_count ? o->spare[--o->spare_count] : calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->key.max = TEXT_MAX;
	r->tag_text.max = TEXT_MAX;
	r->level = o->detail_max;
	r->kept = 0;
	return r;
}

/* The record of the event's test, opened when it is not. NULL when out of memory. */
static struct record *
open_record(struct outcome *o, const struct event *e)
{
	uint64_t hash = slice_hash(slice_hash(0, e->id), e->route);
	struct record *r, **open;
	size_t slot;

	if (grow_slots(o))
		return NULL;
	slot = find_slot(o, hash, e->id, e->route);
	if (o->slots[slot])
		return o->slots[slot];
	open = grow(o->open, o->open_len, &o->open_cap, sizeof(struct record *));
	if (!open)
		return NULL;
	o->open = open;
	r = record_new(o);
	if (!r)
		return NULL;
	r->hash = hash;
	r->id_len = e->id.len;
	r->has_route = e->route.data != NULL;
	r->status = STATUS_NONE;
	r->start = e->time;
	r->latest = TIME_NONE;
	r->offset = r->end = e->offset;
	buf_slice(&r->key, e->id);
	buf_slice(&r->key, e->route);
	if (r->key.failed) {
		record_free(r);
		return NULL;
	}
	r->place = o->open_len;
	o->open[o->open_len++] = r;
	o->open_count++;
	o->slots[slot] = r;
	return r;
}

static int
compare_slices(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

/* Replaces the tags, sorted and each once. */
static int
set_tags(struct record *r, const struct slice *tags, size_t count)
{
	size_t n = 0, at = 0;

	r->tag_count = 0;
	buf_clear(&r->tag_text);
	if (count > r->tag_cap) {
		struct slice *grown = reallocarray(r->tags, count, sizeof(*grown));

		if (!grown)
			return -1;
		r->tags = grown;
		r->tag_cap = count;
	}
	for (size_t i = 0; i < count; i++)
		buf_slice(&r->tag_text, tags[i]);
	if (r->tag_text.failed)
		return -1;
	for (size_t i = 0; i < count; i++) {
		r->tags[i] = slice_head(slice_from(buf_get(&r->tag_text), at), tags[i].len);
		at += tags[i].len;
	}
	if (count > 1)
		qsort(r->tags, count, sizeof(*r->tags), compare_slices);
	for (size_t i = 0; i < count; i++)
		if (n == 0 || !slice_eq(r->tags[i], r->tags[n - 1]))
			r->tags[n++] = r->tags[i];
	r->tag_count = n;
	return 0;
}

/* Takes the bytes out that were given up. */
static void
close_cut(struct attachment *a)
{
	if (a->tail == a->head)
		return;
	memmove(a->bytes.data + a->head, a->bytes.data + a->tail, a->bytes.len - a->tail);
	buf_truncate(&a->bytes, a->bytes.len - (a->tail - a->head));
	a->tail = a->head;
}

/* Gives up the middle of an attachment longer than `level`. */
static void
cut_to(struct attachment *a, size_t level)
{
	size_t head = level - level / 2, tail = level / 2;

	if (a->size <= level)
		return;
	if (!a->cut) {
		a->cut = true;
		a->head = a->tail = head < a->bytes.len ? head : a->bytes.len;
		a->chunk_count = 0;
	}
	if (a->head > head)
		a->head = head;
	if (a->bytes.len - a->tail > tail)
		a->tail = a->bytes.len - tail;
	/* Moving as much as was given up costs nothing on average, however small the pieces are. */
	if (a->tail - a->head > a->bytes.len - a->tail + SPARE_BYTES)
		close_cut(a);
}

/* Lowers the level until everything fits, and cuts what is above it. */
static void
fit_level(struct record *r, size_t max)
{
	size_t level = max / r->item_count, small, large;

	if (r->kept <= max)
		return;
	for (;;) {
		size_t fair;

		small = large = 0;
		for (size_t i = 0; i < r->item_count; i++) {
			if (r->items[i].size <= level)
				small += r->items[i].size;
			else
				large++;
		}
		fair = large ? (max - small) / large : level;
		if (fair <= level)
			break;
		level = fair;
	}
	r->level = level;
	r->kept = small + large * level;
	for (size_t i = 0; i < r->item_count; i++)
		cut_to(&r->items[i], level);
}

/* Where the reference's writer ends its chunks: perhaps behind the last piece, which is counted. */
static int
note_chunk(struct attachment *a)
{
	uint64_t from = a->chunk_count ? a->chunks[a->chunk_count - 1] : 0, *chunks;

	if (a->size - from < DETAIL_CHUNK)
		return 0;
	chunks = grow(a->chunks, a->chunk_count, &a->chunk_cap, sizeof(*chunks));
	if (!chunks)
		return -1;
	a->chunks = chunks;
	a->chunks[a->chunk_count++] = a->size;
	return 0;
}

/* The attachment of that name, made when there is none. *full is set, and NULL returned, when there are too
 * many; NULL without it when out of memory. */
static struct attachment *
find_attachment(struct outcome *o, struct record *r, const struct event *e, bool *full)
{
	size_t low = 0, high = r->item_count;
	struct attachment *items, a;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct attachment *at = &r->items[middle];
		int order = slice_cmp(e->file_name, slice_head(buf_get(&at->text), at->name_len));

		if (order == 0)
			return at;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	*full = r->item_count == DETAIL_COUNT_MAX;
	if (*full)
		return NULL;
	if (r->item_count == r->item_cap) {
		items = grow(r->items, r->item_count, &r->item_cap, sizeof(*items));
		if (!items)
			return NULL;
		r->items = items;
		memset(items + r->item_count, 0, (r->item_cap - r->item_count) * sizeof(*items));
	}
	a = r->items[r->item_count];
	a.text.max = TEXT_MAX;
	/* The two halves, as much again that was given up but not moved, and a piece. */
	a.bytes.max = o->detail_max < SIZE_MAX / 8 ? o->detail_max * 4 + SPARE_BYTES : SIZE_MAX / 2;
	buf_slice(&a.text, e->file_name);
	buf_slice(&a.text, e->mime);
	a.name_len = e->file_name.len;
	a.has_mime = e->mime.data != NULL;
	memmove(r->items + low + 1, r->items + low, (r->item_count - low) * sizeof(a));
	r->items[low] = a;
	r->item_count++;
	return a.text.failed ? NULL : &r->items[low];
}

/* Appends a piece that was counted in `size` and for which the level was found. */
static int
append_piece(struct attachment *a, struct slice piece, size_t level)
{
	size_t head = level - level / 2, tail = level / 2;

	if (a->size <= level) {
		if (note_chunk(a))
			return -1;
		buf_slice(&a->bytes, piece);
		return a->bytes.failed ? -1 : 0;
	}
	if (a->bytes.len < head && a->head == a->bytes.len) {
		struct slice first = slice_head(piece, head - a->bytes.len);

		buf_slice(&a->bytes, first);
		a->head = a->tail = a->bytes.len;
		piece = slice_from(piece, first.len);
	}
	if (piece.len > tail) {
		piece = slice_from(piece, piece.len - tail);
		a->tail = a->bytes.len;
	}
	buf_slice(&a->bytes, piece);
	cut_to(a, level);
	return a->bytes.failed ? -1 : 0;
}

static int
store_attachment(struct outcome *o, struct attachment *a)
{
	if (!a->bytes.len)
		return 0;
	if (o->store->append(o->store->context, &a->stored, buf_get(&a->bytes)))
		return -1;
	o->held -= a->bytes.len;
	buf_release(&a->bytes);
	return 0;
}

static int
store_all(struct outcome *o)
{
	for (size_t i = 0; i < o->open_len; i++)
		for (size_t k = 0; o->open[i] && k < o->open[i]->item_count; k++)
			if (store_attachment(o, &o->open[i]->items[k]))
				return -1;
	return 0;
}

/* As append_piece, with a store. */
static int
keep_piece(struct outcome *o, struct attachment *a, struct slice piece)
{
	a->size += piece.len;
	if (note_chunk(a))
		return -1;
	buf_slice(&a->bytes, piece);
	if (a->bytes.failed)
		return -1;
	o->held += piece.len;
	return o->held > o->memory_max ? store_all(o) : 0;
}

static int
add_file(struct outcome *o, struct record *r, const struct event *e)
{
	bool full = false;
	struct attachment *a = find_attachment(o, r, e, &full);
	size_t before, after;

	if (!a)
		return full ? 0 : -1;
	if (o->store)
		return keep_piece(o, a, e->file);
	before = a->size < r->level ? (size_t)a->size : r->level;
	a->size += e->file.len;
	after = a->size < r->level ? (size_t)a->size : r->level;
	r->kept += after - before;
	cut_to(a, r->level);
	fit_level(r, o->detail_max);
	return append_piece(a, e->file, r->level);
}

static void
record_result(const struct record *r, struct result *out)
{
	out->id = record_id(r);
	out->route = record_route(r);
	out->status = r->status;
	out->start = r->start;
	out->stop = status_is_final(r->status) ? r->stop : TIME_NONE;
	out->latest = r->latest;
	out->tags = r->tags;
	out->tag_count = r->tag_count;
	out->details = NULL;
	out->detail_count = 0;
	out->offset = r->offset;
	out->end = r->end;
}

/* Takes the test out of the open ones and gives its result; NULL when out of memory. */
static const struct result *
close_record(struct outcome *o, struct record *r)
{
	if (r->item_count > o->detail_cap) {
		struct detail *grown = reallocarray(o->details, r->item_count, sizeof(*grown));

		if (!grown)
			return NULL;
		o->details = grown;
		o->detail_cap = r->item_count;
	}
	for (size_t i = 0; i < r->item_count; i++) {
		struct attachment *a = &r->items[i];

		close_cut(a);
		if (a->stored.size && store_attachment(o, a))
			return NULL;
		o->held -= o->store ? a->bytes.len : 0;
		o->details[i] = (struct detail){
		    .name = slice_head(buf_get(&a->text), a->name_len),
		    .mime = a->has_mime ? slice_from(buf_get(&a->text), a->name_len) : SLICE_NONE,
		    .bytes = buf_get(&a->bytes),
		    .left_out = a->size - a->stored.size - a->bytes.len,
		    .cut = a->head,
		    .store = a->stored.size ? o->store : NULL,
		    .stored = a->stored,
		    .chunks = a->chunks,
		    .chunk_count = a->chunk_count,
		};
	}
	empty_slot(o, find_slot(o, r->hash, record_id(r), record_route(r)));
	o->open[r->place] = NULL;
	o->open_count--;
	if (o->open_len > 2 * o->open_count + 64)
		close_gaps(o);
	o->closed = r;
	record_result(r, &o->result);
	o->result.details = o->details;
	o->result.detail_count = r->item_count;
	return &o->result;
}

int
outcome_event(struct outcome *o, const struct event *e, const struct result **out)
{
	struct record *r;

	recycle(o);
	*out = NULL;
	if (!e->id.data || e->status == STATUS_EXISTS)
		return 0;
	r = open_record(o, e);
	if (!r)
		return -1;
	if (e->status != STATUS_NONE)
		r->status = e->status;
	r->stop = e->time;
	if (!status_is_final(e->status))
		r->latest = e->time;
	/* An outcome of version 1 has the place of its line, and comes after the attachments below that. */
	r->offset = e->offset < r->offset ? e->offset : r->offset;
	r->end = e->offset + e->raw.len > r->end ? e->offset + e->raw.len : r->end;
	if (e->tags && set_tags(r, e->tags, e->tag_count))
		return -1;
	if (e->file_name.data && e->file.len && add_file(o, r, e))
		return -1;
	if (!status_is_final(e->status))
		return 0;
	*out = close_record(o, r);
	return *out ? 0 : -1;
}

const struct result *
outcome_open_next(struct outcome *o)
{
	recycle(o);
	while (o->open_len && !o->open[o->open_len - 1])
		o->open_len--;
	if (!o->open_len)
		return NULL;
	return close_record(o, o->open[o->open_len - 1]);
}

size_t
outcome_open_count(const struct outcome *o)
{
	return o->open_count;
}

struct result
outcome_open_get(struct outcome *o, size_t i)
{
	struct result r;

	if (o->open_len != o->open_count)
		close_gaps(o);
	record_result(o->open[i], &r);
	return r;
}

int64_t
result_worker(const struct result *r)
{
	return event_worker(r->tags, r->tag_count);
}

void
result_other_tags(struct buf *out, const struct result *r)
{
	int64_t worker = result_worker(r);
	char tag[32];

	snprintf(tag, sizeof(tag), "worker-%lld", (long long)worker);
	for (size_t i = 0; i < r->tag_count; i++) {
		if (worker >= 0 && slice_eq(r->tags[i], slice_str(tag)))
			continue;
		buf_slice(out, r->tags[i]);
		buf_byte(out, '\0');
	}
}

int64_t
result_duration(const struct result *r)
{
	if (r->start == TIME_NONE || r->stop == TIME_NONE || r->stop < r->start)
		return TIME_NONE;
	return time_between(r->start, r->stop);
}

int
drain_check(const struct drain *drain, const struct buf *out)
{
	return drain && out->len >= DRAIN_SIZE ? drain->fn(drain->context) : 0;
}

struct encoding {
	struct buf *out;
	const struct drain *drain;
	struct event event;
	uint64_t rest; /* of the attachment */
};

static int
encode_piece(void *context, struct slice piece)
{
	struct encoding *x = context;

	x->rest -= piece.len;
	x->event.file = piece;
	x->event.eof = !x->rest;
	if (packet_encode(x->out, &x->event))
		return -1;
	return drain_check(x->drain, x->out);
}

static int
encode_detail(struct encoding *x, const struct detail *d)
{
	struct buf noted;
	int rc;

	x->event.file_name = d->name;
	x->event.mime = d->mime;
	if (d->store) {
		x->rest = d->stored.size;
		return d->store->read(d->store->context, &d->stored, encode_piece, x);
	}
	if (!d->left_out) {
		x->rest = d->bytes.len;
		return encode_piece(x, slice_of(d->bytes.data, d->bytes.len));
	}
	buf_init(&noted, d->bytes.len + DETAIL_NOTE_MAX);
	detail_noted(&noted, d);
	x->rest = noted.len;
	rc = noted.failed ? -1 : encode_piece(x, buf_get(&noted));
	buf_release(&noted);
	return rc;
}

int
result_to_packets(struct buf *out, const struct result *r, const struct drain *drain)
{
	struct encoding x = {.out = out, .drain = drain};
	size_t before = out->len;
	struct event e;
	int rc;

	event_init(&e);
	e.id = r->id;
	e.route = r->route;
	e.status = STATUS_INPROGRESS;
	e.time = r->start;
	rc = packet_encode(out, &e);
	e.status = STATUS_NONE;
	e.time = r->stop;
	x.event = e;
	for (size_t i = 0; rc == 0 && i < r->detail_count; i++)
		rc = encode_detail(&x, &r->details[i]);
	e.status = status_is_final(r->status) ? r->status : STATUS_FAIL;
	if (r->tag_count) {
		e.tags = r->tags;
		e.tag_count = r->tag_count;
	}
	if (rc == 0)
		rc = packet_encode(out, &e);
	if (rc)
		buf_truncate(out, before);
	return rc;
}
