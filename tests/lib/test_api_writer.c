/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "random_event.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* A buffer of every size up to the right one: told what is needed, and nothing written beyond it. */
static void
buffers_of_every_size(void **state)
{
	uint32_t seed = 5;
	char bytes[1200];

	(void)state;
	for (int i = 0; i < 300; i++) {
		struct subunit2_slice tags[8];
		struct subunit2_event e = random_event(&seed, tags);
		size_t need, len = 0;

		assert_int_equal(subunit2_encode(&e, NULL, 0, &need), SUBUNIT2_ERROR_SPACE);
		for (size_t size = need - 3; size <= need + 1; size++) {
			memset(bytes, '#', sizeof(bytes));
			assert_int_equal(
			    subunit2_encode(&e, bytes, size, &len), size < need ? SUBUNIT2_ERROR_SPACE : 0);
			assert_int_equal(len, need);
			assert_int_equal(bytes[size], '#');
		}
	}
}

static void
refuses_what_no_packet_says(void **state)
{
	static char large[5 << 20];
	struct subunit2_slice tag = {"\xFF", 1}, many[40];
	struct subunit2_event good, e;
	char bytes[4096];
	size_t len = 99;

	(void)state;
	memset(large, 'x', sizeof(large));
	subunit2_event_init(&good);
	e = good;
	e.id = (struct subunit2_slice){"a\0b", 3};
	assert_int_equal(subunit2_encode(&e, bytes, sizeof(bytes), &len), SUBUNIT2_ERROR_TEXT);
	e = good;
	e.route = subunit2_string("\xC3");
	assert_int_equal(subunit2_encode(&e, bytes, sizeof(bytes), &len), SUBUNIT2_ERROR_TEXT);
	e = good;
	e.tags = &tag;
	e.tag_count = 1;
	assert_int_equal(subunit2_encode(&e, bytes, sizeof(bytes), &len), SUBUNIT2_ERROR_TEXT);
	e = good;
	e.time = -1;
	assert_int_equal(subunit2_encode(&e, bytes, sizeof(bytes), &len), SUBUNIT2_ERROR_TIME);
	e.time = (INT64_C(1) << 32) * 1000000000;
	assert_int_equal(subunit2_encode(&e, bytes, sizeof(bytes), &len), SUBUNIT2_ERROR_TIME);
	e = good;
	e.file = subunit2_string("without a name");
	assert_int_equal(subunit2_encode(&e, bytes, sizeof(bytes), &len), SUBUNIT2_ERROR_ARGUMENT);
	e = good;
	e.status = (enum subunit2_status)8;
	assert_int_equal(subunit2_encode(&e, bytes, sizeof(bytes), &len), SUBUNIT2_ERROR_ARGUMENT);
	e = good;
	e.id = (struct subunit2_slice){large, sizeof(large)};
	assert_int_equal(subunit2_encode(&e, bytes, sizeof(bytes), &len), SUBUNIT2_ERROR_LONG);
	e.id.len = 4194303 - 3;
	assert_int_equal(subunit2_encode(&e, bytes, sizeof(bytes), &len), SUBUNIT2_ERROR_LONG);
	assert_int_equal(len, 99);
	/* More tags than the few that need no memory. */
	e = good;
	for (size_t i = 0; i < 40; i++)
		many[i] = subunit2_string("tag");
	e.tags = many;
	e.tag_count = 40;
	assert_int_equal(subunit2_encode(&e, bytes, sizeof(bytes), &len), 0);
	assert_int_equal(len, 3 + 2 + 1 + 40 * 4 + 4);
}

struct sink {
	char *bytes;
	size_t len, calls, largest;
	int answer;
};

static int
take(void *context, const void *data, size_t len)
{
	struct sink *s = context;

	if (s->answer)
		return s->answer;
	s->bytes = realloc(s->bytes, s->len + len);
	assert_non_null(s->bytes);
	memcpy(s->bytes + s->len, data, len);
	s->len += len;
	s->calls++;
	if (len > s->largest)
		s->largest = len;
	return 0;
}

/* The writer's bytes are those of subunit2_encode, one after the other, in few calls. */
static void
gathers(void **state)
{
	struct sink sink = {0};
	struct subunit2_writer *w = subunit2_writer_new(take, &sink);
	uint32_t seed = 11;
	static char expected[2 << 20];
	size_t len = 0, one;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		struct subunit2_slice tags[8];
		struct subunit2_event e = random_event(&seed, tags);

		assert_int_equal(subunit2_encode(&e, expected + len, sizeof(expected) - len, &one), 0);
		if (i % 3)
			assert_int_equal(subunit2_writer_event(w, &e), 0);
		else
			assert_int_equal(subunit2_writer_bytes(w, expected + len, one), 0);
		len += one;
	}
	memset(expected + len, 'x', 200000);
	assert_int_equal(subunit2_writer_bytes(w, expected + len, 200000), 0);
	len += 200000;
	assert_int_equal(subunit2_writer_flush(w), 0);
	assert_int_equal(subunit2_writer_flush(w), 0);
	assert_int_equal(sink.len, len);
	assert_memory_equal(sink.bytes, expected, len);
	assert_true(sink.calls <= len / 60000 + 2);
	subunit2_writer_free(w);
	free(sink.bytes);
}

/* A file of any size arrives whole, with eof and the status on the last packet only. */
static void
splits_large_files(void **state)
{
	struct sink sink = {0};
	struct subunit2_writer *w = subunit2_writer_new(take, &sink);
	struct subunit2_decoder *d = subunit2_decoder_new(SUBUNIT2_INPUT_V2);
	size_t size = 10 << 20, at = 0, packets = 0;
	char *large = malloc(size);
	struct subunit2_event e;
	int ended = 0;

	(void)state;
	assert_non_null(large);
	for (size_t i = 0; i < size; i++)
		large[i] = (char)(i * 2654435761u >> 16);
	subunit2_event_init(&e);
	e.id = subunit2_string("big");
	e.status = SUBUNIT2_FAIL;
	e.eof = 1;
	e.file_name = subunit2_string("core");
	e.file.data = large;
	e.file.len = size;
	assert_int_equal(subunit2_writer_event(w, &e), 0);
	assert_int_equal(subunit2_writer_flush(w), 0);
	subunit2_decoder_feed(d, sink.bytes, sink.len);
	while (subunit2_decoder_next(d, &e) > 0) {
		assert_int_equal(e.kind, SUBUNIT2_PACKET);
		assert_false(ended);
		assert_memory_equal(e.file.data, large + at, e.file.len);
		at += e.file.len;
		packets++;
		assert_int_equal(e.eof, at == size);
		assert_int_equal(e.status, e.eof ? SUBUNIT2_FAIL : SUBUNIT2_NONE);
		ended = e.eof;
	}
	assert_true(ended);
	assert_int_equal(packets, 3);
	subunit2_decoder_free(d);
	subunit2_writer_free(w);
	free(sink.bytes);
	free(large);
}

static void
passes_errors_on(void **state)
{
	struct sink sink = {.answer = 1};
	struct subunit2_writer *w = subunit2_writer_new(take, &sink);
	struct subunit2_event e;
	int fds[2];

	(void)state;
	subunit2_event_init(&e);
	e.id = subunit2_string("x");
	assert_int_equal(subunit2_writer_event(w, &e), 0);
	assert_int_equal(subunit2_writer_flush(w), SUBUNIT2_ERROR_STOPPED);
	sink.answer = 0;
	assert_int_equal(subunit2_writer_flush(w), 0);
	assert_int_equal(sink.len, 0);
	subunit2_writer_free(w);
	assert_null(subunit2_writer_new(NULL, NULL));
	assert_int_equal(pipe(fds), 0);
	close(fds[1]);
	w = subunit2_writer_new_fd(fds[1]);
	assert_int_equal(subunit2_writer_event(w, &e), 0);
	assert_int_equal(subunit2_writer_flush(w), SUBUNIT2_ERROR_SYSTEM);
	assert_int_equal(errno, EBADF);
	close(fds[0]);
	subunit2_writer_free(w);
	subunit2_writer_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(buffers_of_every_size),
	    cmocka_unit_test(refuses_what_no_packet_says),
	    cmocka_unit_test(gathers),
	    cmocka_unit_test(splits_large_files),
	    cmocka_unit_test(passes_errors_on),
	};

	return cmocka_run_group_tests_name("api_writer", tests, NULL, NULL);
}
