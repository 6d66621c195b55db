/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "random_event.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define EVENTS 40
#define STREAM_MAX 65536

/* Events and text in turns, as bytes, and what should come out. */
struct stream {
	struct subunit2_event events[EVENTS];
	struct subunit2_slice tags[EVENTS][8];
	uint64_t offsets[EVENTS];
	char bytes[STREAM_MAX];
	size_t len;
};

static const char *const texts[] = {
    "", "printed\n", "half a packet: \xB3\x2B\x00", "\xE2\x82", "caf\xC3\xA9 "};

static void
make_stream(struct stream *s, uint32_t seed)
{
	s->len = 0;
	for (size_t i = 0; i < EVENTS; i++) {
		const char *text = texts[next_random(&seed) % 5];
		size_t len;

		memcpy(s->bytes + s->len, text, strlen(text));
		s->len += strlen(text);
		s->offsets[i] = s->len;
		s->events[i] = random_event(&seed, s->tags[i]);
		assert_int_equal(
		    subunit2_encode(&s->events[i], s->bytes + s->len, sizeof(s->bytes) - s->len, &len), 0);
		s->len += len;
	}
}

/* Takes all events there are now. *at counts packets, *seen bytes. */
static void
drain(struct subunit2_decoder *d, const struct stream *s, size_t *at, size_t *seen)
{
	struct subunit2_event e;
	int rc;

	subunit2_event_init(&e);
	while ((rc = subunit2_decoder_next(d, &e)) > 0) {
		assert_int_equal(e.size, sizeof(e));
		assert_int_equal(e.offset, *seen);
		assert_memory_equal(e.raw.data, s->bytes + *seen, e.raw.len);
		*seen += e.raw.len;
		if (e.kind == SUBUNIT2_TEXT) {
			assert_int_equal(e.file.len, e.raw.len);
			continue;
		}
		assert_true(*at < EVENTS);
		assert_int_equal(e.offset, s->offsets[*at]);
		assert_same_event(&e, &s->events[*at]);
		++*at;
	}
	assert_int_equal(rc, 0);
}

/* decode(encode(e)) = e, whatever lies between, in two pieces cut anywhere. */
static void
every_cut(void **state)
{
	static struct stream s;

	(void)state;
	for (uint32_t seed = 1; seed <= 3; seed++) {
		make_stream(&s, seed);
		for (size_t cut = 0; cut <= s.len; cut++) {
			struct subunit2_decoder *d = subunit2_decoder_new(SUBUNIT2_INPUT_V2);
			size_t at = 0, seen = 0;

			assert_int_equal(subunit2_decoder_feed(d, s.bytes, cut), 0);
			drain(d, &s, &at, &seen);
			assert_int_equal(subunit2_decoder_feed(d, s.bytes + cut, s.len - cut), 0);
			drain(d, &s, &at, &seen);
			subunit2_decoder_end(d);
			drain(d, &s, &at, &seen);
			assert_int_equal(at, EVENTS);
			assert_int_equal(seen, s.len);
			subunit2_decoder_free(d);
		}
	}
}

static void
byte_by_byte_without_copy(void **state)
{
	static struct stream s;
	struct subunit2_decoder *d = subunit2_decoder_new(SUBUNIT2_INPUT_V2);
	size_t at = 0, seen = 0, room;

	(void)state;
	make_stream(&s, 9);
	for (size_t i = 0; i < s.len; i++) {
		char *space = subunit2_decoder_space(d, &room);

		assert_true(room >= 65536);
		space[0] = s.bytes[i];
		assert_int_equal(subunit2_decoder_commit(d, room + 1), SUBUNIT2_ERROR_ARGUMENT);
		assert_int_equal(subunit2_decoder_commit(d, 1), 0);
		assert_int_equal(subunit2_decoder_commit(d, 1), SUBUNIT2_ERROR_ARGUMENT);
		drain(d, &s, &at, &seen);
	}
	subunit2_decoder_end(d);
	drain(d, &s, &at, &seen);
	assert_int_equal(at, EVENTS);
	assert_int_equal(subunit2_decoder_feed(d, "x", 1), SUBUNIT2_ERROR_ARGUMENT);
	subunit2_decoder_free(d);
}

static void
reads_a_descriptor(void **state)
{
	static struct stream s;
	struct subunit2_decoder *d = subunit2_decoder_new(SUBUNIT2_INPUT_V2);
	struct subunit2_event e;
	int fds[2], rc;
	size_t at = 0;

	(void)state;
	make_stream(&s, 4);
	subunit2_event_init(&e);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(subunit2_decoder_read(d, fds[0], &e), SUBUNIT2_ERROR_SYSTEM);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(write(fds[1], s.bytes, s.len), s.len);
	close(fds[1]);
	while ((rc = subunit2_decoder_read(d, fds[0], &e)) > 0)
		if (e.kind == SUBUNIT2_PACKET)
			assert_same_event(&e, &s.events[at++]);
	assert_int_equal(rc, 0);
	assert_int_equal(at, EVENTS);
	assert_int_equal(subunit2_decoder_read(d, fds[0], &e), 0);
	close(fds[0]);
	subunit2_decoder_free(d);
}

/* A bit that flips costs its packet and nothing else. */
static void
damage_is_counted(void **state)
{
	struct subunit2_decoder *d = subunit2_decoder_new(SUBUNIT2_INPUT_V2);
	struct subunit2_event e;
	char bytes[300];
	size_t len, all = 0, text = 0, packets = 0;
	uint64_t offset = 77;

	(void)state;
	subunit2_event_init(&e);
	e.id = subunit2_string("a test");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(subunit2_encode(&e, bytes + all, sizeof(bytes) - all, &len), 0);
		all += len;
	}
	assert_int_equal(subunit2_decoder_damaged(d, &offset), 0);
	assert_int_equal(offset, 77);
	bytes[len + 8] ^= 1;
	subunit2_decoder_feed(d, bytes, all);
	subunit2_decoder_end(d);
	while (subunit2_decoder_next(d, &e) > 0) {
		packets += e.kind == SUBUNIT2_PACKET;
		text += e.kind == SUBUNIT2_TEXT ? e.raw.len : 0;
	}
	assert_int_equal(packets, 2);
	assert_int_equal(text, len);
	assert_int_equal(subunit2_decoder_damaged(d, &offset), 1);
	assert_int_equal(offset, len);
	subunit2_decoder_free(d);
}

static void
reads_version_1(void **state)
{
	static const char v1[] = "test: old\nsuccess: old\n";
	static const enum subunit2_input inputs[] = {
	    SUBUNIT2_INPUT_V1, SUBUNIT2_INPUT_ANY, SUBUNIT2_INPUT_V2};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct subunit2_decoder *d = subunit2_decoder_new(inputs[i]);
		struct subunit2_event e;
		int passed = 0;

		subunit2_event_init(&e);
		subunit2_decoder_feed(d, v1, sizeof(v1) - 1);
		subunit2_decoder_end(d);
		while (subunit2_decoder_next(d, &e) > 0)
			passed += e.status == SUBUNIT2_SUCCESS && e.id.len == 3;
		assert_int_equal(passed, inputs[i] != SUBUNIT2_INPUT_V2);
		subunit2_decoder_free(d);
	}
}

/* A caller that was built with a longer struct finds the rest of it as _init left it, and one that forgot
 * _init is told. */
static void
structs_of_other_sizes(void **state)
{
	struct {
		struct subunit2_event e;
		char later[16];
	} longer;
	struct subunit2_decoder *d = subunit2_decoder_new(SUBUNIT2_INPUT_V2);
	struct subunit2_event none = {0};
	static const char zeros[sizeof(longer.later)];

	(void)state;
	memset(&longer, 1, sizeof(longer));
	subunit2_event_init_size(&longer.e, sizeof(longer));
	subunit2_decoder_feed(d, "text", 4);
	assert_int_equal(subunit2_decoder_next(d, &longer.e), 1);
	assert_int_equal(longer.e.size, sizeof(longer));
	assert_int_equal(longer.e.raw.len, 4);
	assert_memory_equal(longer.later, zeros, sizeof(zeros));
	assert_int_equal(subunit2_decoder_next(d, &none), SUBUNIT2_ERROR_ARGUMENT);
	assert_null(subunit2_decoder_new((enum subunit2_input)3));
	subunit2_decoder_free(d);
	subunit2_decoder_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_cut),
	    cmocka_unit_test(byte_by_byte_without_copy),
	    cmocka_unit_test(reads_a_descriptor),
	    cmocka_unit_test(damage_is_counted),
	    cmocka_unit_test(reads_version_1),
	    cmocka_unit_test(structs_of_other_sizes),
	};

	return cmocka_run_group_tests_name("api_decoder", tests, NULL, NULL);
}
