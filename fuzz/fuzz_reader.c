/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes, read in any mode, cut anywhere: the events are the same, and where there is no v1 no byte is
 * lost. */
#include "fuzz_events.h"

/* The bytes of all events, with a look for silence after each piece, which may change the events. */
static void
law_of_bytes(struct slice stream, struct cuts cuts, bool silence)
{
	struct reader *r = reader_new(READER_V2);
	struct slice rest = stream, piece;
	struct event e;
	uint64_t at = 0, first;
	size_t room, largest = 0;

	LAW(r != NULL);
	for (bool more = true; more;) {
		more = cuts_next(&cuts, &rest, &piece);
		if (more) {
			LAW(reader_feed(r, piece.data, piece.len) == 0);
			largest = piece.len > largest ? piece.len : largest;
			free((void *)piece.data);
		} else {
			reader_end(r);
		}
		do {
			while (reader_next(r, &e) > 0) {
				LAW(e.offset == at && e.raw.len && e.raw.len <= stream.len - at);
				LAW(memcmp(e.raw.data, stream.data + at, e.raw.len) == 0);
				LAW(e.kind != EVENT_TEXT || e.raw.len <= READER_TEXT_MAX);
				at += e.raw.len;
			}
		} while (silence && reader_idle(r));
		LAW(more || at == stream.len);
		LAW(!more || reader_space(r, &room) != NULL);
		LAW(!more || (room >= 65536 && room < READER_HELD_MAX + largest + (1 << 20)));
	}
	LAW(!reader_damaged(r, &first) || first < stream.len);
	reader_free(r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size), stream;
	uint8_t how = take_byte(&in);
	enum reader_mode mode = (enum reader_mode)(how % (READER_STRICT + 1));
	struct cuts cuts = take_cuts(&in);
	struct event_log whole, cut;

	stream = take_stream(&in);
	log_init(&whole);
	log_init(&cut);
	read_stream(mode, stream, CUTS_WHOLE, &whole);
	read_stream(mode, stream, cuts, &cut);
	LAW(log_same(&cut, &whole));
	if (stream.len <= CUTS_BYTES_MAX) {
		log_release(&cut);
		log_init(&cut);
		read_stream(mode, stream, CUTS_BYTES, &cut);
		LAW(log_same(&cut, &whole));
	}
	if (mode == READER_V2)
		law_of_bytes(stream, cuts, how & 0x80);
	if (reader_guess(stream) == READER_V1)
		LAW(reader_guess(slice_head(stream, 3)) == READER_V2);
	log_release(&whole);
	log_release(&cut);
	free((void *)stream.data);
	return 0;
}
