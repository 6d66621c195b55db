/* SPDX-License-Identifier: Apache-2.0 */
#include "strict.h"

#include "reader.h"
#include "utf8.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

enum {
	HEADER_SIZE = 5, /* read at once: flags, and as many bytes as the longest length has */
	SUM_SIZE = 4,
};

enum strict_state {
	STRICT_TEXT,
	STRICT_PACKET,    /* the next byte is a signature */
	STRICT_NO_SIGN,   /* a packet without its signature, which went out as text */
	STRICT_COMPLAINT, /* the second event of a bad packet is due */
	STRICT_DEAD,
};

struct strict {
	enum strict_state state;
	uint8_t pending[4]; /* the beginning of a character, or of one that once was not completed */
	size_t pending_len;
	bool mid_character;
	size_t seen; /* how much of the text at hand was looked at */
	struct packet_tags tags;
	struct buf packet; /* what the event about a bad packet holds */
	struct buf message;
	const char *died;
};

struct strict *
strict_new(void)
{
	struct strict *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	buf_init(&s->packet, PACKET_MAX + 1);
	buf_init(&s->message, 256);
	return s;
}

void
strict_free(struct strict *s)
{
	if (!s)
		return;
	packet_tags_release(&s->tags);
	buf_release(&s->packet);
	buf_release(&s->message);
	free(s);
}

const char *
strict_died(const struct strict *s)
{
	return s->died;
}

/* True when s is good text that ends inside a character. Python counts the first two bytes of a surrogate as
 * such an end, though no third one makes them good. */
static bool
is_cut(struct slice s)
{
	struct slice rest = slice_from(s, utf8_valid_prefix(s));

	if (rest.len == 2 && rest.data[0] == 0xED && rest.data[1] >= 0xA0 && rest.data[1] <= 0xBF)
		return true;
	return rest.len > 0 && utf8_could_be_valid(rest);
}

/* One byte of text through Python's incremental decoder, which keeps what it has when an error occurs. */
static void
decode(struct strict *s, uint8_t c)
{
	struct slice all = {s->pending, s->pending_len + 1};

	if (c < 0x80) {
		s->mid_character = false;
		return;
	}
	s->pending[s->pending_len] = c;
	if (utf8_valid(all)) {
		s->mid_character = false;
		s->pending_len = 0;
	} else {
		s->mid_character = is_cut(all);
		if (s->mid_character)
			s->pending_len++;
	}
}

/* Collects text up to a signature outside a character, the end, or the greatest size. */
static int
read_text(struct strict *s, struct slice bytes, bool ended, size_t *used, struct event *out)
{
	bool stop = false;

	while (s->seen < bytes.len && s->seen < READER_TEXT_MAX && !stop) {
		uint8_t c = bytes.data[s->seen];

		stop = !s->mid_character && c == PACKET_SIGNATURE;
		if (!stop) {
			decode(s, c);
			s->seen++;
		}
	}
	if (stop)
		s->state = STRICT_PACKET;
	else if (s->seen == READER_TEXT_MAX && !s->mid_character &&
		 bytes.data[s->seen - 1] == PACKET_SIGNATURE)
		s->state = STRICT_NO_SIGN;
	else if (s->seen < READER_TEXT_MAX && !ended)
		return 0;
	if (s->seen == 0)
		return 0;
	out->kind = EVENT_TEXT;
	out->file_name = SLICE_LIT("stdout");
	out->file = out->raw = slice_head(bytes, s->seen);
	*used = s->seen;
	s->seen = 0;
	return 1;
}

/* The elements of a packet, read as Python does. After `failed` nothing else counts. */
struct body {
	struct strict *s;
	struct slice bytes;
	size_t at;
	bool failed;
};

static void
die(struct body *b, const char *what)
{
	b->s->died = what;
	b->failed = true;
}

static size_t
left(const struct body *b)
{
	return b->at < b->bytes.len ? b->bytes.len - b->at : 0;
}

/* A fixed number of bytes; too few kill the reader. */
static uint32_t
take_fixed(struct body *b, size_t width)
{
	static const char *const deaths[] = {
	    NULL,
	    "struct.error: unpack requires a buffer of 1 bytes",
	    "struct.error: unpack requires a buffer of 2 bytes",
	    "struct.error: unpack requires a buffer of 3 bytes",
	    "struct.error: unpack requires a buffer of 4 bytes",
	};
	uint32_t value = 0;

	if (b->failed)
		return 0;
	if (left(b) < width) {
		die(b, deaths[width]);
		return 0;
	}
	for (size_t i = 0; i < width; i++)
		value = value << 8 | b->bytes.data[b->at++];
	return value;
}

static size_t
take_number(struct body *b)
{
	uint32_t first = take_fixed(b, 1);
	size_t more = first >> 6;

	if (b->failed || more == 0)
		return first & 0x3F;
	return (first & 0x3F) << (8 * more) | take_fixed(b, more);
}

static void __attribute__((format(printf, 2, 3))) complain(struct body *b, const char *format, ...)
{
	va_list args;

	buf_clear(&b->s->message);
	va_start(args, format);
	buf_vprintf(&b->s->message, format, args);
	va_end(args);
	b->failed = true;
}

static struct slice
take_string(struct body *b)
{
	size_t size = take_number(b);
	struct slice text = slice_head(slice_from(b->bytes, b->at), size);
	long offset = (long)b->at - 2;

	if (b->failed)
		return SLICE_NONE;
	b->at += size;
	if (text.len < size)
		complain(b,
		    "UTF8 string at offset %ld extends past end of packet: claimed %zu bytes, %zu available",
		    offset, size, text.len);
	else if (slice_find(text, 0) < text.len)
		complain(b, "UTF8 string at offset %ld contains NUL byte", offset);
	else if (utf8_valid(text))
		return text;
	else if (is_cut(text))
		complain(b, "Invalid (partially decodable) string at offset %ld, %zu undecoded bytes", offset,
		    text.len - utf8_valid_prefix(text));
	else
		complain(b, "UTF8 string at offset %ld is not UTF8", offset);
	return SLICE_NONE;
}

static int
compare_tags(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

/* The tags, as a set. Returns 0, or -1 when out of memory. */
static int
take_tags(struct body *b, struct event *out)
{
	struct packet_tags *tags = &b->s->tags;
	size_t count = take_number(b), n = 0, unique = 0;

	/* Each takes one byte at least: more than that end in an error before they are all read. */
	if (packet_tags_reserve(tags, count < left(b) ? count : left(b)) < 0)
		return -1;
	for (size_t i = 0; i < count && !b->failed; i++) {
		struct slice tag = take_string(b);

		if (!b->failed)
			tags->items[n++] = tag;
	}
	qsort(tags->items, n, sizeof(*tags->items), compare_tags);
	for (size_t i = 0; i < n; i++) {
		if (unique == 0 || !slice_eq(tags->items[unique - 1], tags->items[i]))
			tags->items[unique++] = tags->items[i];
	}
	out->tags = tags->items;
	out->tag_count = unique;
	return 0;
}

static void
take_file(struct body *b, struct event *out)
{
	size_t size;

	out->file_name = take_string(b);
	size = take_number(b);
	out->file = slice_head(slice_from(b->bytes, b->at), size);
	if (!b->failed && out->file.len < size)
		complain(b, "File content extends past end of packet: claimed %zu bytes, %zu available", size,
		    out->file.len);
	b->at += size;
}

/* Fills *out from the elements. Returns 0, or -1 when out of memory. */
static int
take_elements(struct body *b, unsigned flags, struct event *out)
{
	if (flags & PACKET_TIME) {
		int64_t seconds = take_fixed(b, 4);

		out->time = time_round_us(seconds * TIME_SECOND + (int64_t)take_number(b));
	}
	if (flags & PACKET_ID)
		out->id = take_string(b);
	if ((flags & PACKET_TAGS) && take_tags(b, out) < 0)
		return -1;
	if (flags & PACKET_MIME)
		out->mime = take_string(b);
	if (flags & PACKET_FILE)
		take_file(b, out);
	if (flags & PACKET_ROUTE)
		out->route = take_string(b);
	out->runnable = flags & PACKET_RUNNABLE;
	out->eof = flags & PACKET_EOF;
	out->status = (enum status)(flags & PACKET_STATUS);
	return 0;
}

/* The first of the two events about a bad packet, of which these bytes are kept. */
static int
report(struct strict *s, struct slice kept, struct event *out)
{
	buf_clear(&s->packet);
	buf_byte(&s->packet, PACKET_SIGNATURE);
	buf_slice(&s->packet, kept);
	if (s->packet.failed || s->message.failed)
		return -1;
	s->state = STRICT_COMPLAINT;
	event_init(out);
	out->id = SLICE_LIT("subunit.parser");
	out->eof = true;
	out->file_name = SLICE_LIT("Packet data");
	out->file = buf_get(&s->packet);
	out->mime = SLICE_LIT("application/octet-stream");
	return 1;
}

static int
report_message(struct strict *s, struct event *out)
{
	s->state = STRICT_TEXT;
	out->id = SLICE_LIT("subunit.parser");
	out->status = STATUS_FAIL;
	out->eof = true;
	out->file_name = SLICE_LIT("Parser Error");
	out->file = buf_get(&s->message);
	out->mime = SLICE_LIT("text/plain;charset=utf8");
	return 1;
}

/* A packet that is all there, without its signature; `width` is that of its length. */
static int
read_whole(struct strict *s, struct slice packet, size_t width, struct event *out)
{
	const uint8_t sign = PACKET_SIGNATURE;
	unsigned flags = (unsigned)(packet.data[0] << 8 | packet.data[1]);
	struct body b = {s, packet, width == 3 ? 0 : 2 + width, false};
	size_t sum_at = packet.len - SUM_SIZE;
	struct body stored = {s, packet, sum_at, false};
	uint32_t crc, sum;

	if (width == 3)
		b.bytes = slice_from(packet, HEADER_SIZE);
	if (b.bytes.len < SUM_SIZE) {
		die(&b, "struct.error: unpack requires a buffer of 4 bytes");
	} else {
		b.bytes.len -= SUM_SIZE;
		crc = libdeflate_crc32(libdeflate_crc32(0, &sign, 1), packet.data, sum_at);
		sum = take_fixed(&stored, SUM_SIZE);
		if (crc != sum)
			complain(&b, "Bad checksum - calculated (0x%x), stored (0x%x)", crc, sum);
		else if (take_elements(&b, flags, out) < 0)
			return -1;
	}
	s->state = s->died ? STRICT_DEAD : STRICT_TEXT;
	if (s->died)
		return 0;
	return b.failed ? report(s, packet, out) : 1;
}

/* Reads a packet from the bytes after its signature. `after` becomes the number of them that it took. */
static int
read_packet(struct strict *s, struct slice bytes, bool ended, size_t *after, struct event *out)
{
	struct slice header = slice_head(bytes, HEADER_SIZE);
	struct body b = {s, slice_from(header, 2), 0, false};
	size_t length, size;

	*after = bytes.len;
	if (header.len < HEADER_SIZE) {
		if (!ended)
			return 0;
		complain(&b, "Short read - got %zu bytes, wanted %d bytes", header.len, (int)HEADER_SIZE);
		return report(s, slice_head(header, 0), out);
	}
	if (header.data[2] >> 6 == 3) {
		*after = HEADER_SIZE;
		complain(&b, "3 byte maximum given but 4 byte value found.");
		return report(s, header, out);
	}
	length = take_number(&b);
	/* Reading -1 bytes means all there are; only when there are none is that no error but a short read. */
	if (length == HEADER_SIZE && bytes.len == HEADER_SIZE) {
		if (!ended)
			return 0;
		complain(&b, "Short read - got 0 bytes, wanted -1 bytes");
		return report(s, header, out);
	}
	if (length < 1 + HEADER_SIZE) {
		*after = HEADER_SIZE;
		s->died = "ValueError: read length must be non-negative or -1";
		s->state = STRICT_DEAD;
		return 0;
	}
	size = length - 1;
	if (bytes.len < size) {
		if (!ended)
			return 0;
		complain(&b, "Short read - got %zu bytes, wanted %zu bytes", bytes.len - HEADER_SIZE,
		    size - HEADER_SIZE);
		return report(s, header, out);
	}
	*after = size;
	return read_whole(s, slice_head(bytes, size), b.at, out);
}

int
strict_next(struct strict *s, struct slice bytes, bool ended, size_t *used, struct event *out)
{
	size_t sign, after;
	int rc;

	event_init(out);
	*used = 0;
	if (s->state == STRICT_TEXT && (rc = read_text(s, bytes, ended, used, out)) != 0)
		return rc;
	switch (s->state) {
	case STRICT_PACKET:
	case STRICT_NO_SIGN:
		sign = s->state == STRICT_PACKET;
		rc = read_packet(s, slice_from(bytes, sign), ended, &after, out);
		if (rc > 0) {
			*used = sign + after;
			if (sign && s->state == STRICT_TEXT)
				out->raw = slice_head(bytes, *used);
		}
		return rc;
	case STRICT_COMPLAINT:
		return report_message(s, out);
	default:
		return 0;
	}
}
