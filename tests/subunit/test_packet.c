/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "packet.h"
#include "utf8.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

static uint32_t
next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static const size_t borders[] = {
    0, 1, 2, 7, 8, 9, 62, 63, 64, 65, 66, 255, 256, 257, 16381, 16382, 16383, 16384, 16385, 65535};
#define BORDER_COUNT (sizeof(borders) / sizeof(borders[0]))

static uint8_t
    text[70000]; /* valid UTF-8, without a character across the borders of any prefix that is taken */
static uint8_t noise[5 << 20];

static void
fill(void)
{
	uint32_t seed = 7;

	memset(text, 'a', sizeof(text));
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)(next_random(&seed) >> 24);
}

/* A text of about that length, at random with characters of several bytes. */
static struct slice
random_text(uint32_t *seed, size_t len)
{
	static const char *const characters[] = {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xC2\xB3"};
	static uint8_t storage[8][70000];
	static unsigned turn;
	uint8_t *p = storage[turn++ % 8];
	const char *c = characters[next_random(seed) % 4];
	size_t n = strlen(c);

	memcpy(p, text, len);
	if (next_random(seed) % 2 == 0 && len >= n)
		memcpy(p + next_random(seed) % (len - n + 1), c, n);
	return slice_of(p, len);
}

static size_t
random_length(uint32_t *seed)
{
	uint32_t r = next_random(seed);

	/* Long ones are rarer, or the test would take all day. */
	return r % 16 ? borders[(r >> 8) % 11] : borders[(r >> 8) % BORDER_COUNT];
}

static struct slice tag_storage[80];

static struct event
random_event(uint32_t *seed)
{
	static const int64_t nanos[] = {
	    0, 1, 63, 64, 499, 500, 999, 16383, 16384, 4194303, 4194304, 999999000, 999999999};
	static const size_t tag_counts[] = {0, 1, 2, 5, 63, 64, 65};
	uint32_t r = next_random(seed);
	struct event e;

	event_init(&e);
	e.status = (enum status)(next_random(seed) % 8);
	e.runnable = r & 1;
	e.eof = r & 2;
	if (r & 4)
		e.id = random_text(seed, random_length(seed));
	if (r & 8)
		e.route = random_text(seed, random_length(seed));
	if (r & 16)
		e.mime = random_text(seed, random_length(seed));
	if (r & 32) {
		e.file_name = random_text(seed, random_length(seed));
		e.file = slice_of(noise + next_random(seed) % 1000, random_length(seed));
	}
	if (r & 64) {
		e.time = (int64_t)next_random(seed) * TIME_SECOND + nanos[next_random(seed) % 13];
		if (next_random(seed) % 10 == 0)
			e.time = UINT32_MAX * TIME_SECOND + TIME_SECOND - 1;
	}
	if (r & 128) {
		e.tag_count = tag_counts[next_random(seed) % 7];
		e.tags = tag_storage;
		for (size_t i = 0; i < e.tag_count; i++)
			tag_storage[i] = slice_of(text, i % 9);
	}
	return e;
}

static void
assert_same_slice(struct slice a, struct slice b)
{
	assert_int_equal(a.data != NULL, b.data != NULL);
	assert_true(slice_eq(a, b));
}

static void
assert_same_event(const struct event *a, const struct event *b)
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

/* What is written is read, and packets of 64 and of 16384 bytes are never written. */
static void
encode_then_decode(void **state)
{
	struct buf out;
	struct packet_tags tags = {0};
	uint32_t seed = 42;

	(void)state;
	buf_init(&out, 8 << 20);
	for (int i = 0; i < 20000; i++) {
		struct event e = random_event(&seed), back;
		size_t length;

		buf_clear(&out);
		assert_int_equal(packet_encode(&out, &e), 0);
		assert_int_equal(packet_probe(buf_get(&out), &tags, &back, &length), PACKET_WHOLE);
		assert_int_equal(length, out.len);
		assert_true(out.len != 64 && out.len != 16384);
		assert_same_event(&e, &back);
		assert_true(back.raw.data == out.data && back.raw.len == out.len);
		buf_byte(&out, PACKET_SIGNATURE);
		assert_int_equal(packet_probe(buf_get(&out), &tags, &back, &length), PACKET_WHOLE);
		assert_int_equal(length, out.len - 1);
	}
	buf_release(&out);
	packet_tags_release(&tags);
}

/* All sizes of a packet around the borders of the length field. */
static void
every_size(void **state)
{
	struct buf out;
	struct packet_tags tags = {0};
	size_t last = 0;

	(void)state;
	buf_init(&out, 8 << 20);
	for (size_t n = 0; n < 17000; n++) {
		struct event e, back;
		size_t length;

		event_init(&e);
		e.id = slice_of(text, n);
		buf_clear(&out);
		assert_int_equal(packet_encode(&out, &e), 0);
		assert_int_equal(packet_probe(buf_get(&out), &tags, &back, &length), PACKET_WHOLE);
		assert_int_equal(length, out.len);
		assert_true(out.len > last);
		last = out.len;
	}
	buf_release(&out);
	packet_tags_release(&tags);
}

/* Content of any size comes back from the packets that it needs, and the status is where it belongs. */
static void
big_content_is_split(void **state)
{
	static const size_t sizes[] = {PACKET_FILE_MAX - 1, PACKET_FILE_MAX, PACKET_FILE_MAX + 1, 4194200,
	    PACKET_MAX - 20, PACKET_MAX - 19, PACKET_MAX - 18, PACKET_MAX - 17, PACKET_MAX, PACKET_MAX + 1,
	    sizeof(noise)};
	struct buf out, content;
	struct packet_tags tags = {0};
	const struct slice tag = SLICE_LIT("t");

	(void)state;
	buf_init(&out, 16 << 20);
	buf_init(&content, 16 << 20);
	for (size_t i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		enum status status = i % 2 ? STATUS_FAIL : STATUS_INPROGRESS;
		struct event e, part;
		size_t count = 0, at = 0, length;

		event_init(&e);
		e.id = SLICE_LIT("id");
		e.file_name = SLICE_LIT("f");
		e.file = slice_of(noise, sizes[i / 2]);
		e.status = status;
		e.eof = true;
		e.tags = &tag;
		e.tag_count = 1;
		e.time = 5;
		buf_clear(&out);
		buf_clear(&content);
		assert_int_equal(packet_encode(&out, &e), 0);
		for (; at < out.len; at += length, count++) {
			bool last;

			assert_int_equal(
			    packet_probe(slice_from(buf_get(&out), at), &tags, &part, &length), PACKET_WHOLE);
			last = at + length == out.len;
			buf_slice(&content, part.file);
			assert_int_equal(part.eof, last);
			assert_int_equal(part.status, status == STATUS_FAIL ? (last ? status : STATUS_NONE)
									    : (count ? STATUS_NONE : status));
			assert_same_slice(part.id, e.id);
			assert_int_equal(part.tag_count, 1);
			assert_true(part.time == 5);
		}
		assert_int_equal(count, out.len <= PACKET_MAX ? 1 : 2);
		assert_same_slice(buf_get(&content), e.file);
	}
	buf_release(&out);
	buf_release(&content);
	packet_tags_release(&tags);
}

static void
cannot_be_written(void **state)
{
	struct buf out;
	struct event e;

	(void)state;
	buf_init(&out, 8 << 20);
	buf_str(&out, "before");
	event_init(&e);
	e.time = -1;
	assert_int_equal(packet_encode(&out, &e), -1);
	e.time = ((int64_t)UINT32_MAX + 1) * TIME_SECOND;
	assert_int_equal(packet_encode(&out, &e), -1);
	e.time = TIME_NONE;
	e.id = slice_of(noise, PACKET_MAX - 13);
	assert_int_equal(packet_encode(&out, &e), 0);
	buf_truncate(&out, 6);
	e.id = slice_of(noise, PACKET_MAX - 12);
	assert_int_equal(packet_encode(&out, &e), -1);
	e.id = slice_of(noise, SIZE_MAX / 2);
	assert_int_equal(packet_encode(&out, &e), -1);
	e.id = slice_of(noise, PACKET_MAX - 16);
	e.file_name = SLICE_LIT("f");
	e.file = slice_of(noise, 100);
	assert_int_equal(packet_encode(&out, &e), -1);
	assert_same_slice(buf_get(&out), SLICE_LIT("before"));
	buf_release(&out);
}

/* A packet that ends too soon may always become one: looked at afresh, and going on from the last look. */
static void
every_cut_is_partial(void **state)
{
	struct buf out;
	struct packet_tags tags = {0};
	uint32_t seed = 43;

	(void)state;
	buf_init(&out, 8 << 20);
	for (int i = 0; i < 2000; i++) {
		struct event e = random_event(&seed), back;
		struct packet_scan scan = {0};
		size_t length, step;

		buf_clear(&out);
		assert_int_equal(packet_encode(&out, &e), 0);
		step = out.len > 2000 ? 1 + out.len / 50 : 1;
		for (size_t cut = 0; cut < out.len; cut += cut < 64 ? 1 : step) {
			/* A copy of exact size, so that reading past it is found. */
			uint8_t *copy = malloc(cut + 1);

			memcpy(copy, out.data, cut);
			copy = realloc(copy, cut ? cut : 1);
			length = 0;
			assert_int_equal(
			    packet_probe(slice_of(copy, cut), &tags, &back, &length), PACKET_PARTIAL);
			assert_true(length > cut && length <= out.len);
			free(copy);
			assert_int_equal(
			    packet_scan(&scan, slice_head(buf_get(&out), cut), &tags, &back, &length),
			    cut + 4 < out.len ? PACKET_PARTIAL : PACKET_WHOLE);
		}
		assert_int_equal(packet_scan(&scan, buf_get(&out), &tags, &back, &length), PACKET_WHOLE);
		assert_same_event(&e, &back);
	}
	buf_release(&out);
	packet_tags_release(&tags);
}

/* No single bit can flip unnoticed; and where the answer is PACKET_PARTIAL, it is because the length grew. */
static void
every_bit_counts(void **state)
{
	struct buf out;
	struct packet_tags tags = {0};
	uint32_t seed = 44;

	(void)state;
	buf_init(&out, 8 << 20);
	for (int i = 0; i < 500; i++) {
		struct event e = random_event(&seed), back;

		buf_clear(&out);
		assert_int_equal(packet_encode(&out, &e), 0);
		if (out.len > 400)
			continue;
		for (size_t bit = 0; bit < 8 * out.len; bit++) {
			size_t length = 0;
			int answer;

			out.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			answer = packet_probe(buf_get(&out), &tags, &back, &length);
			assert_int_not_equal(answer, PACKET_WHOLE);
			if (answer == PACKET_PARTIAL)
				assert_true(length > out.len && bit >= 24 && bit < 48);
			out.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
	buf_release(&out);
	packet_tags_release(&tags);
}

/* A few bytes that may be a packet, with odd sizes likely. */
static size_t
random_start(uint32_t *seed, uint8_t *bytes)
{
	static const uint8_t likely[] = {
	    0, 1, 2, 3, 5, 8, 20, 0x3F, 0x40, 0x80, 0xC0, 'a', 0xC3, 0xE2, 0xF0, 0xB3};
	size_t n = 2 + next_random(seed) % 14;

	for (size_t i = 0; i < n; i++) {
		uint32_t r = next_random(seed);

		bytes[i] = r & 1 ? (uint8_t)(r >> 8) : likely[(r >> 8) % sizeof(likely)];
	}
	bytes[0] = PACKET_SIGNATURE;
	bytes[1] = (uint8_t)(0x20 | (bytes[1] & 0x0F));
	if (n > 3 && next_random(seed) % 4)
		bytes[3] = next_random(seed) % 2 ? bytes[3] & 0x3F : (uint8_t)(0x40 | (bytes[3] & 1));
	return n;
}

/* An answer never changes by more bytes, except that from PACKET_PARTIAL on. PACKET_PARTIAL is said only
 * where some further bytes make a packet: they are found here by trying. So PACKET_NOT comes as early as it
 * can. */
static void
partial_can_become_whole(void **state)
{
	uint8_t bytes[160];
	struct packet_tags tags = {0};
	uint32_t seed = 45;
	size_t partial = 0;

	(void)state;
	for (int i = 0; i < 30000; i++) {
		size_t n = random_start(&seed, bytes), length = 0;
		int answer = PACKET_PARTIAL;
		struct event e;

		for (size_t have = 0; have <= n; have++) {
			int now = packet_probe(slice_of(bytes, have), &tags, &e, &length);

			if (answer != PACKET_PARTIAL)
				assert_int_equal(now, answer);
			answer = now;
		}
		if (answer != PACKET_PARTIAL || length > sizeof(bytes))
			continue;
		partial++;
		while (answer == PACKET_PARTIAL) {
			unsigned c = next_random(&seed) & 0xFF, tries = 0;

			if (n > 8 && n + 4 >= length) {
				uint32_t crc = libdeflate_crc32(0, bytes, length - 4);

				for (size_t at = n > length - 4 ? n : length - 4; at < length; at++)
					bytes[at] = (uint8_t)(crc >> 8 * (length - 1 - at));
				answer = packet_probe(slice_of(bytes, length), &tags, &e, &length);
				assert_int_equal(answer, PACKET_WHOLE);
				break;
			}
			do {
				assert_true(tries++ < 256);
				bytes[n] = (uint8_t)(c++);
				answer = packet_probe(slice_of(bytes, n + 1), &tags, &e, &length);
			} while (answer == PACKET_NOT);
			n++;
			if (length > sizeof(bytes))
				break;
		}
	}
	assert_true(partial > 2000);
	packet_tags_release(&tags);
}

/* Fills bytes with characters, rarely ones that are none. */
static void
fill_characters(uint8_t *bytes, size_t size, uint32_t *seed)
{
	static const char *const characters[] = {
	    "a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\x80", "\xC3", "\xFF"};
	size_t n = 0;

	while (n + 4 < size) {
		uint32_t r = next_random(seed);
		const char *c = characters[(r >> 8) % 1000 < 998 ? (r >> 20) % 4 : (r >> 20) % 7];

		memcpy(bytes + n, c, strlen(c));
		n += strlen(c);
	}
	memset(bytes + n, 'a', size - n);
}

/* What is known of the text around changes no answer, wherever it begins and ends. */
static void
known_text_changes_nothing(void **state)
{
	uint8_t bytes[1200];
	struct packet_tags tags = {0};
	uint32_t seed = 46;
	size_t answers[3] = {0};

	(void)state;
	for (int i = 0; i < 40000; i++) {
		size_t from = 1 + next_random(&seed) % 700, length = 320 + next_random(&seed) % 100, wanted,
		       size = length - 11;
		struct slice packet = slice_of(bytes + from, next_random(&seed) % 500),
			     all = slice_of(bytes, sizeof(bytes)), run;
		struct packet_scan plain = {0}, knowing = {0};
		struct event e;
		int answer;

		fill_characters(bytes, sizeof(bytes), &seed);
		memcpy(bytes + from, "\xB3\x28\x00", 3);
		bytes[from + 3] = 0x40 | (uint8_t)(length >> 8);
		bytes[from + 4] = (uint8_t)length;
		bytes[from + 5] = 0x40 | (uint8_t)(size >> 8);
		bytes[from + 6] = (uint8_t)size;
		/* All of it may be text, of which the last byte before the id and the first one of it are a
		 * character. */
		if (i % 2)
			memcpy(bytes + from - 1, "\xC3\xB3\x2C\x01\x41\x20\x40\xC3", 8);
		run = slice_head(slice_from(all, next_random(&seed) % 800), next_random(&seed) % 800);
		knowing.known = slice_head(run, utf8_valid_prefix(run));
		answer = packet_scan(&plain, packet, &tags, &e, &wanted);
		assert_int_equal(packet_scan(&knowing, packet, &tags, &e, &wanted), answer);
		answers[answer]++;
	}
	for (size_t i = 0; i < 3; i++)
		assert_true(answers[i] > 500);
	packet_tags_release(&tags);
}

/* A number as the specification has it, byte by byte. Returns false when it reaches past `end`. */
static bool
naive_number(struct slice bytes, size_t *at, size_t end, size_t *out)
{
	size_t width;

	if (*at >= end)
		return false;
	width = 1 + (bytes.data[*at] >> 6);
	*out = bytes.data[*at] & 0x3F;
	if (width > end - *at)
		return false;
	for (size_t i = 1; i < width; i++)
		*out = *out * 256 + bytes.data[*at + i];
	*at += width;
	return true;
}

static bool
naive_text(struct slice bytes, size_t *at, size_t end, bool any)
{
	struct slice part;
	size_t len;

	if (!naive_number(bytes, at, end, &len) || len > end - *at)
		return false;
	part = slice_head(slice_from(bytes, *at), len);
	*at += len;
	return any || (utf8_valid(part) && slice_find(part, 0) == len);
}

/* True for bytes that are a packet in all but its checksum. */
static bool
is_packet_naively(struct slice bytes)
{
	static const unsigned texts[] = {PACKET_MIME, PACKET_FILE, PACKET_ROUTE};
	unsigned flags = bytes.data[1] << 8 | bytes.data[2];
	size_t at = 3, end, n;
	bool good = naive_number(bytes, &at, bytes.len, &end) && at <= 6 && end == bytes.len && end >= at + 4;

	if (!good)
		return false;
	end -= 4;
	if (flags & PACKET_TIME) {
		at += 4;
		good = naive_number(bytes, &at, end, &n);
	}
	good = good && (!(flags & PACKET_ID) || naive_text(bytes, &at, end, false));
	if (good && (flags & PACKET_TAGS)) {
		good = naive_number(bytes, &at, end, &n);
		for (size_t i = 0; good && i < n; i++)
			good = naive_text(bytes, &at, end, false);
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		good = good && (!(flags & texts[i]) || naive_text(bytes, &at, end, false));
		if (flags & texts[i] & PACKET_FILE)
			good = good && naive_text(bytes, &at, end, true);
	}
	return good && at == end;
}

/* All at once, in pieces, and by the specification: one answer. */
static void
same_as_naive(void **state)
{
	uint8_t bytes[64];
	struct packet_tags tags = {0};
	uint32_t seed = 47;
	size_t whole = 0;

	(void)state;
	for (int i = 0; i < 400000; i++) {
		size_t n = 9 + next_random(&seed) % 24, length;
		struct packet_scan at_once = {0}, in_pieces = {0};
		struct event e;
		int answer = PACKET_PARTIAL, expected;

		for (size_t at = 0; at < n; at++) {
			uint32_t r = next_random(&seed);

			bytes[at] = r % 8 ? (uint8_t)(r >> 8 & 3) : (uint8_t)(r >> 8);
		}
		bytes[0] = PACKET_SIGNATURE;
		bytes[1] = (uint8_t)(0x20 | (next_random(&seed) & 0x0F));
		bytes[2] = (uint8_t)next_random(&seed);
		bytes[3] = (uint8_t)n;
		if (i % 4 == 0) {
			bytes[3] = 0x40;
			bytes[4] = (uint8_t)n;
		}
		expected = is_packet_naively(slice_of(bytes, n)) ? PACKET_WHOLE : PACKET_NOT;
		assert_int_equal(packet_scan(&at_once, slice_of(bytes, n), &tags, &e, &length), expected);
		for (size_t have = 0; have <= n - 4 && answer == PACKET_PARTIAL; have++)
			answer = packet_scan(&in_pieces, slice_of(bytes, have), &tags, &e, &length);
		assert_int_equal(answer, expected);
		whole += expected == PACKET_WHOLE;
	}
	assert_true(whole > 1000);
	packet_tags_release(&tags);
}

static int
probe(const char *bytes, size_t len, struct packet_tags *tags)
{
	uint8_t copy[256];
	uint32_t crc = libdeflate_crc32(0, bytes, len - 4);
	struct event e;
	size_t length;

	memcpy(copy, bytes, len);
	for (size_t i = 0; i < 4; i++)
		copy[len - 4 + i] = (uint8_t)(crc >> (24 - 8 * i));
	return packet_probe(slice_of(copy, len), tags, &e, &length);
}
#define PROBE(s) probe(s "....", sizeof(s) + 3, &tags)

/* What is accepted and what is not, each with a right checksum. */
static void
rules(void **state)
{
	struct packet_tags tags = {0};
	struct event e;
	size_t length;

	(void)state;
	assert_int_equal(PROBE("\xB3\x20\x00\x08"), PACKET_WHOLE);
	assert_int_equal(PROBE("\xB3\x20\x08\x08"), PACKET_WHOLE);
	assert_int_equal(PROBE("\xB3\x30\x00\x08"), PACKET_NOT);
	assert_int_equal(PROBE("\xB3\x10\x00\x08"), PACKET_NOT);
	assert_int_equal(PROBE("\xB3\x20\x00\x40\x09"), PACKET_WHOLE);
	assert_int_equal(PROBE("\xB3\x20\x00\x80\x00\x0A"), PACKET_WHOLE);
	assert_int_equal(PROBE("\xB3\x20\x00\xC0\x00\x00\x0B"), PACKET_NOT);
	assert_int_equal(PROBE("\xB3\x20\x00\x07"), PACKET_NOT);
	assert_int_equal(PROBE("\xB3\x20\x00\x09."), PACKET_NOT);
	assert_int_equal(PROBE("\xB3\x28\x00\x0B\xC0\x00\x00\x02id"), PACKET_NOT);
	assert_int_equal(PROBE("\xB3\x28\x00\x0E\xC0\x00\x00\x02id"), PACKET_WHOLE);
	assert_int_equal(PROBE("\xB3\x28\x00\x0B\x02id"), PACKET_WHOLE);
	assert_int_equal(PROBE("\xB3\x28\x00\x0B\x01id"), PACKET_NOT);
	assert_int_equal(PROBE("\xB3\x28\x00\x0B\x03id"), PACKET_NOT);
	assert_int_equal(PROBE("\xB3\x28\x00\x0B\x02i\x00"), PACKET_NOT);
	assert_int_equal(PROBE("\xB3\x28\x00\x0B\x02i\xC3"), PACKET_NOT);
	assert_int_equal(PROBE("\xB3\x28\x00\x0B\x02\xC3\xA9"), PACKET_WHOLE);
	assert_int_equal(PROBE("\xB3\x28\x00\x0B\x02\xC0\x80"), PACKET_NOT);
	assert_int_equal(PROBE("\xB3\x20\x80\x09\x00"), PACKET_WHOLE);
	assert_int_equal(PROBE("\xB3\x20\x80\x0A\x40\x00"), PACKET_WHOLE);
	assert_int_equal(PROBE("\xB3\x20\x80\x0A\x00."), PACKET_NOT);
	assert_int_equal(PROBE("\xB3\x22\x00\x0D....\x05"), PACKET_WHOLE);
	assert_int_equal(PROBE("\xB3\x22\x00\x0E....\x05."), PACKET_NOT);
	assert_int_equal(PROBE("\xB3\x20\x80\x0B\x02\x00\x00"), PACKET_WHOLE);
	assert_int_equal(PROBE("\xB3\x20\x80\x0A\x02\x00"), PACKET_NOT);
	assert_int_equal(PROBE("\xB3\x20\x40\x0C\x01"
			       "f\x01\x00"),
	    PACKET_WHOLE);
	assert_int_equal(PROBE("\xB3\x20\x40\x0C\x01"
			       "f\x02\x00"),
	    PACKET_NOT);
	assert_int_equal(packet_probe(slice_of("\xB3\x20\x00\x08....", 8), &tags, &e, &length), PACKET_NOT);
	assert_int_equal(packet_probe(slice_of("x", 1), &tags, &e, &length), PACKET_NOT);
	packet_tags_release(&tags);
}

/* Nanoseconds may exceed a second, and the sum fits the whole range of seconds. */
static void
times_carry(void **state)
{
	struct packet_tags tags = {0};
	struct event e;
	size_t length;
	uint8_t bytes[] = {
	    0xB3, 0x22, 0x00, 0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0};
	uint32_t crc = libdeflate_crc32(0, bytes, 12);

	(void)state;
	for (size_t i = 0; i < 4; i++)
		bytes[12 + i] = (uint8_t)(crc >> (24 - 8 * i));
	assert_int_equal(packet_probe(slice_of(bytes, 16), &tags, &e, &length), PACKET_WHOLE);
	assert_true(e.time == UINT32_MAX * TIME_SECOND + 0x3FFFFFFF);
	packet_tags_release(&tags);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(encode_then_decode),
	    cmocka_unit_test(every_size),
	    cmocka_unit_test(big_content_is_split),
	    cmocka_unit_test(cannot_be_written),
	    cmocka_unit_test(every_cut_is_partial),
	    cmocka_unit_test(every_bit_counts),
	    cmocka_unit_test(partial_can_become_whole),
	    cmocka_unit_test(known_text_changes_nothing),
	    cmocka_unit_test(same_as_naive),
	    cmocka_unit_test(rules),
	    cmocka_unit_test(times_carry),
	};

	fill();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
