/* SPDX-License-Identifier: Apache-2.0
 *
 * Events for the fuzz targets: made from an input, compared, and read back from a stream. */
#ifndef FUZZ_EVENTS_H
#define FUZZ_EVENTS_H

#include "fuzz.h"
#include "packet.h"
#include "reader.h"
#include "utf8.h"

#include <libdeflate.h>

/* A list of events, written so that two lists are equal exactly when their logs are; neighbouring text is one
 * event. */
struct event_log {
	struct buf out;
	size_t text;  /* the length of the text that is being logged */
	bool as_read; /* times are rounded, tags a sorted set: what the Python reader makes of events */
};

static inline void
log_init(struct event_log *log)
{
	*log = (struct event_log){0};
	buf_init(&log->out, FUZZ_MAX);
}

static inline void
log_release(struct event_log *log)
{
	buf_release(&log->out);
}

static inline void
log_slice(struct event_log *log, const char *name, struct slice s)
{
	buf_str(&log->out, name);
	if (!s.data)
		return;
	buf_printf(&log->out, "%zu:", s.len);
	buf_slice(&log->out, s);
}

static inline int
log_compare(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

static inline void
log_tags(struct event_log *log, const struct slice *tags, size_t count)
{
	struct slice *sorted = malloc((count + 1) * sizeof(*sorted));

	LAW(sorted != NULL);
	for (size_t i = 0; i < count; i++)
		sorted[i] = tags[i];
	if (log->as_read)
		qsort(sorted, count, sizeof(*sorted), log_compare);
	buf_str(&log->out, tags ? " tags" : " no tags");
	for (size_t i = 0; i < count; i++)
		if (!log->as_read || i == 0 || !slice_eq(sorted[i - 1], sorted[i]))
			log_slice(log, " ", sorted[i]);
	free(sorted);
}

static inline void
log_end_text(struct event_log *log)
{
	if (log->text)
		buf_printf(&log->out, " %zu\n", log->text);
	log->text = 0;
}

static inline void
log_event(struct event_log *log, const struct event *e)
{
	if (e->kind == EVENT_TEXT) {
		if (!log->text)
			buf_str(&log->out, "text ");
		log->text += e->file.len;
		buf_slice(&log->out, e->file);
		return;
	}
	log_end_text(log);
	buf_printf(&log->out, "event %d %d %d %lld", (int)e->status, e->runnable, e->eof,
	    (long long)(log->as_read ? time_round_us(e->time) : e->time));
	log_slice(log, " id ", e->id);
	log_slice(log, " route ", e->route);
	log_slice(log, " mime ", e->mime);
	log_slice(log, " name ", e->file_name);
	log_slice(log, " file ", e->file);
	log_tags(log, e->tags, e->tag_count);
	buf_byte(&log->out, '\n');
}

static inline bool
log_same(struct event_log *a, struct event_log *b)
{
	log_end_text(a);
	log_end_text(b);
	LAW(!a->out.failed && !b->out.failed);
	if (slice_eq(buf_get(&a->out), buf_get(&b->out)))
		return true;
	fprintf(stderr, "%.*s\nis not\n%.*s\n", SLICE_FMT(buf_get(&a->out)), SLICE_FMT(buf_get(&b->out)));
	return false;
}

static inline bool
is_text(struct slice s)
{
	return utf8_valid(s) && slice_find(s, 0) == s.len;
}

/* What event.h promises of every event. */
static inline void
law_of_events(const struct event *e)
{
	LAW(is_text(e->id) && is_text(e->route) && is_text(e->mime) && is_text(e->file_name));
	LAW((e->file_name.data != NULL) == (e->file.data != NULL));
	LAW(e->tags || !e->tag_count);
	for (size_t i = 0; i < e->tag_count; i++)
		LAW(e->tags[i].data && is_text(e->tags[i]));
	LAW((unsigned)e->status <= STATUS_XFAIL);
	if (e->kind == EVENT_TEXT)
		LAW(slice_eq(e->file_name, SLICE_LIT("stdout")) && e->file.len);
}

/* Reads the events of a stream, fed in these pieces, into a log. */
static inline void
read_stream(enum reader_mode mode, struct slice stream, struct cuts cuts, struct event_log *log)
{
	struct reader *r = reader_new(mode);
	struct slice piece;
	struct event e;
	int rc = 0;

	LAW(r != NULL);
	for (bool more = true; more;) {
		more = cuts_next(&cuts, &stream, &piece);
		if (more) {
			LAW(reader_feed(r, piece.data, piece.len) == 0);
			free((void *)piece.data);
		} else {
			reader_end(r);
		}
		while ((rc = reader_next(r, &e)) > 0) {
			law_of_events(&e);
			log_event(log, &e);
		}
		LAW(rc == 0);
	}
	reader_free(r);
}

/* Makes the checksums right of whatever looks like a packet but for them: no search finds one by chance. */
static inline void
mend_checksums(uint8_t *data, size_t size)
{
	for (size_t at = 0; at + 8 <= size;) {
		size_t width = data[at + 3] >> 6, length = data[at + 3] & 0x3F;
		uint32_t crc;

		for (size_t i = 1; width < 3 && i <= width; i++)
			length = length << 8 | data[at + 3 + i];
		if (data[at] != PACKET_SIGNATURE || width == 3 || length < 8 || length > size - at) {
			at++;
			continue;
		}
		crc = libdeflate_crc32(0, data + at, length - 4);
		for (size_t i = 0; i < 4; i++)
			data[at + length - 4 + i] = (uint8_t)(crc >> (24 - 8 * i));
		at += length;
	}
}

/* The rest of the input as a stream, in storage that the caller frees, with its checksums made right when the
 * next byte of the input is odd. */
static inline struct slice
take_stream(struct slice *in)
{
	bool mend = take_byte(in) & 1;
	uint8_t *copy = malloc(in->len + 1);

	LAW(copy != NULL);
	if (in->len)
		memcpy(copy, in->data, in->len);
	if (mend)
		mend_checksums(copy, in->len);
	return slice_of(copy, in->len);
}

/* What the slices of an event that was made from an input point into. */
struct event_store {
	struct buf text;
	struct buf file;
	struct slice tags[256];
};

/* A text made of the next bytes, whatever they are. Appended to the store, which has room. */
static inline struct slice
take_text(struct slice *in, struct buf *store)
{
	struct slice bytes = take_bytes(in);
	size_t from = store->len;

	utf8_replace(store, bytes);
	LAW(!store->failed);
	for (size_t i = from; i < store->len; i++)
		if (!store->data[i])
			store->data[i] = '0';
	return slice_from(buf_get(store), from);
}

/* Some bytes, perhaps many times over: long enough that a packet needs three bytes for their number. */
static inline struct slice
take_file(struct slice *in, struct buf *store)
{
	struct slice bytes = take_bytes(in);
	int times = take_byte(in) - 0xF7;

	buf_clear(store);
	buf_slice(store, bytes);
	for (int i = 0; i < 40 * times; i++)
		buf_slice(store, bytes);
	LAW(!store->failed);
	return buf_get(store);
}

enum event_part {
	PART_ID = 1,
	PART_ROUTE = 2,
	PART_MIME = 4,
	PART_FILE = 8,
	PART_TAGS = 16,
	PART_TIME = 32,
	PART_EOF = 64,
	PART_RUNNABLE = 128,
};

static inline int64_t
take_time(struct slice *in)
{
	int64_t seconds = (int64_t)take_number(in) << 16;
	int64_t nanos = (int64_t)take_number(in) << 14;

	seconds |= (int64_t)take_number(in);
	nanos |= take_byte(in);
	return seconds * TIME_SECOND + nanos % TIME_SECOND;
}

static inline void
store_init(struct event_store *store)
{
	buf_init(&store->text, FUZZ_MAX);
	buf_init(&store->file, FUZZ_MAX);
}

static inline void
store_release(struct event_store *store)
{
	buf_release(&store->text);
	buf_release(&store->file);
}

/* Makes an event that a packet can hold. It is valid until the next use of the store. */
static inline void
take_event(struct slice *in, struct event_store *store, struct event *out)
{
	uint8_t parts = take_byte(in);

	event_init(out);
	out->status = (enum status)(take_byte(in) % (STATUS_XFAIL + 1));
	out->eof = parts & PART_EOF;
	out->runnable = parts & PART_RUNNABLE;
	/* It must not move: every text is at most three times as long as its bytes. */
	buf_clear(&store->text);
	LAW(buf_space(&store->text, 3 * in->len + 1) != NULL);
	if (parts & PART_ID)
		out->id = take_text(in, &store->text);
	if (parts & PART_ROUTE)
		out->route = take_text(in, &store->text);
	if (parts & PART_MIME)
		out->mime = take_text(in, &store->text);
	if (parts & PART_FILE) {
		out->file_name = take_text(in, &store->text);
		out->file = take_file(in, &store->file);
	}
	if (parts & PART_TIME)
		out->time = take_time(in);
	if (parts & PART_TAGS) {
		out->tag_count = take_byte(in);
		out->tags = store->tags;
		for (size_t i = 0; i < out->tag_count; i++)
			store->tags[i] = take_text(in, &store->text);
	}
}

#endif
