/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes after a signature: what packet_probe says of them never changes when more of them come, and what
 * it takes for a packet is the same after encoding it. */
#include "fuzz_events.h"

static void
encode_again(const struct event *e, size_t length)
{
	struct packet_tags tags = {0};
	struct event_log before, after;
	struct buf out;
	struct event back;
	size_t again;

	log_init(&before);
	log_init(&after);
	buf_init(&out, FUZZ_MAX);
	if (packet_encode(&out, e) == 0) {
		LAW(out.len <= length);
		LAW(packet_probe(buf_get(&out), &tags, &back, &again) == PACKET_WHOLE);
		LAW(again == out.len);
		log_event(&before, e);
		log_event(&after, &back);
		LAW(log_same(&after, &before));
	} else {
		LAW(e->time / TIME_SECOND > UINT32_MAX);
	}
	packet_tags_release(&tags);
	buf_release(&out);
	log_release(&before);
	log_release(&after);
}

/* Every beginning of the bytes, each in storage of its own. */
static void
probe_beginnings(struct slice bytes, int state, size_t length)
{
	struct packet_tags tags = {0};
	size_t step = bytes.len / 64 + 1, early;

	for (size_t len = 1; len < bytes.len; len += len < 32 ? 1 : step) {
		uint8_t *copy = malloc(len);
		struct event e;
		int said;

		LAW(copy != NULL);
		memcpy(copy, bytes.data, len);
		said = packet_probe(slice_of(copy, len), &tags, &e, &early);
		if (said == PACKET_PARTIAL) {
			LAW(early > len && early <= PACKET_MAX);
			LAW(state != PACKET_WHOLE || (len < length && early <= length));
		} else {
			LAW(said == state);
			LAW(said != PACKET_WHOLE || early == length);
		}
		free(copy);
	}
	packet_tags_release(&tags);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size), stream = take_stream(&in);
	struct packet_tags tags = {0};
	struct event e;
	size_t length;
	int state;

	((uint8_t *)stream.data)[0] = PACKET_SIGNATURE;
	stream.len += !stream.len;
	state = packet_probe(stream, &tags, &e, &length);
	LAW(state >= 0);
	if (state == PACKET_WHOLE) {
		LAW(length >= 8 && length <= stream.len);
		law_of_events(&e);
		encode_again(&e, length);
	}
	probe_beginnings(stream, state, length);
	packet_tags_release(&tags);
	free((void *)stream.data);
	return 0;
}
