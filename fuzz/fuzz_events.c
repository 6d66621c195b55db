/* SPDX-License-Identifier: Apache-2.0
 *
 * A stream made of events and text that the input describes: every reader finds exactly them, and they are
 * the same after being JSON. */
#include "fuzz_events.h"
#include "event_json.h"

/* Text in which no packet can begin, and that ends between two characters, where the Python reader looks for
 * one. */
static void
add_text(struct buf *stream, struct event_log *log, struct event_log *read, struct slice bytes)
{
	size_t from = stream->len;
	struct event e;

	utf8_replace(stream, bytes);
	for (size_t i = from; i < stream->len; i++)
		if (stream->data[i] == PACKET_SIGNATURE)
			stream->data[i] = 0x80;
	event_init(&e);
	e.kind = EVENT_TEXT;
	e.file = slice_from(buf_get(stream), from);
	if (!e.file.len)
		return;
	log_event(log, &e);
	log_event(read, &e);
}

static void
law_of_json(struct event e)
{
	struct event_json j = {0};
	struct event_log before, after;
	struct event back;
	struct err err = {0};
	struct buf out;

	/* What has the shape of text is read as text. */
	log_init(&before);
	log_init(&after);
	before.as_read = after.as_read = true;
	buf_init(&out, FUZZ_MAX);
	LAW(event_to_json(&out, &e) == 0);
	LAW(slice_find(buf_get(&out), '\n') == out.len - 1);
	LAW(event_from_json(&j, buf_get(&out), &back, &err) == 0);
	LAW(err.kind == ERR_NONE && back.time == e.time);
	law_of_events(&back);
	back.kind = e.kind;
	log_event(&before, &e);
	log_event(&after, &back);
	LAW(log_same(&after, &before));
	event_json_release(&j);
	buf_release(&out);
	log_release(&before);
	log_release(&after);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	struct cuts cuts = take_cuts(&in);
	struct event_log expected, strict, found;
	struct event_store store;
	struct buf stream;
	struct event e;

	log_init(&expected);
	log_init(&strict);
	log_init(&found);
	strict.as_read = true;
	buf_init(&stream, FUZZ_MAX);
	store_init(&store);
	while (in.len) {
		if (take_byte(&in) % 4 == 0) {
			add_text(&stream, &expected, &strict, take_bytes(&in));
			continue;
		}
		take_event(&in, &store, &e);
		LAW(packet_encode(&stream, &e) == 0);
		log_event(&expected, &e);
		log_event(&strict, &e);
		law_of_json(e);
	}
	read_stream(READER_V2, buf_get(&stream), cuts, &found);
	LAW(log_same(&found, &expected));
	log_release(&found);
	log_init(&found);
	found.as_read = true;
	read_stream(READER_STRICT, buf_get(&stream), cuts, &found);
	LAW(log_same(&found, &strict));
	buf_release(&stream);
	store_release(&store);
	log_release(&expected);
	log_release(&strict);
	log_release(&found);
	return 0;
}
