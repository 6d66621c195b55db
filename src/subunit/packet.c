/* SPDX-License-Identifier: Apache-2.0 */
#include "packet.h"

#include "utf8.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

enum {
	ELEMENTS = PACKET_ID | PACKET_ROUTE | PACKET_TIME | PACKET_TAGS | PACKET_FILE | PACKET_MIME,
	/* In `pending` only: the content of the file, after its name. */
	PENDING_CONTENT = 0x0001,

	SUM_SIZE = 4,
	LENGTH_MIN = 8,
	/* Texts up to this length are quicker looked at than looked up. */
	SHORT_TEXT = 256,
};

void
packet_tags_release(struct packet_tags *tags)
{
	free(tags->items);
	*tags = (struct packet_tags){0};
}

int
packet_tags_reserve(struct packet_tags *tags, size_t count)
{
	size_t cap = tags->cap ? tags->cap : 8;
	struct slice *items;

	if (tags->items && count <= tags->cap)
		return 0;
	while (cap < count)
		cap *= 2;
	items = realloc(tags->items, cap * sizeof(*items));
	if (!items)
		return -1;
	*tags = (struct packet_tags){items, cap};
	return 0;
}

static uint32_t
get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* A number of which perhaps only the first bytes are there: it is one of low … high. */
struct number {
	size_t width, low, high;
};

static struct number
read_number(struct slice bytes)
{
	struct number n = {.width = 1 + (bytes.data[0] >> 6), .low = bytes.data[0] & 0x3F};
	size_t have = bytes.len < n.width ? bytes.len : n.width, missing = 8 * (n.width - have);

	for (size_t i = 1; i < have; i++)
		n.low = n.low << 8 | bytes.data[i];
	n.low <<= missing;
	n.high = n.low | (((size_t)1 << missing) - 1);
	return n;
}

/* Returns false when there is not even one byte of it. */
static inline bool
peek_number(struct slice bytes, size_t at, struct number *out)
{
	if (at >= bytes.len)
		return false;
	if (bytes.data[at] < 0x40) {
		*out = (struct number){1, bytes.data[at], bytes.data[at]};
	} else if (bytes.data[at] < 0x80 && at + 1 < bytes.len) {
		size_t value = (size_t)(bytes.data[at] & 0x3F) << 8 | bytes.data[at + 1];

		*out = (struct number){2, value, value};
	} else {
		*out = read_number((struct slice){bytes.data + at, bytes.len - at});
	}
	return true;
}

static inline bool
is_whole(const struct number *n)
{
	return n->low == n->high;
}

/* The fewest bytes that the elements with these flags can take: one each, but five for the time and two for a
 * file. */
static inline size_t
least_size(unsigned flags)
{
	return (flags / PACKET_ID & 1) + (flags / PACKET_ROUTE & 1) + 5 * (flags / PACKET_TIME & 1) +
	       (flags / PACKET_TAGS & 1) + 2 * (flags / PACKET_FILE & 1) + (flags / PACKET_MIME & 1);
}

static enum packet_state
scan_header(struct packet_scan *s, struct slice bytes)
{
	struct number n;
	size_t shortest, longest = PACKET_MAX;

	if (bytes.len && bytes.data[0] != PACKET_SIGNATURE)
		return PACKET_NOT;
	if (bytes.len > 1 && (bytes.data[1] & 0xF0) != PACKET_VERSION >> 8)
		return PACKET_NOT;
	if (!peek_number(bytes, 3, &n))
		return PACKET_PARTIAL;
	if (n.width > 3)
		return PACKET_NOT;
	s->flags = (unsigned)(bytes.data[1] << 8 | bytes.data[2]);
	s->pending = s->flags & ELEMENTS;
	if (s->pending & PACKET_FILE)
		s->pending |= PENDING_CONTENT;
	s->at = 3 + n.width;
	s->least = least_size(s->pending);
	shortest = s->at + s->least + SUM_SIZE;
	if (!s->pending)
		longest = shortest;
	else if (s->pending == PACKET_TIME)
		longest = shortest + 3;
	if (n.high < shortest || n.low > longest)
		return PACKET_NOT;
	if (!is_whole(&n))
		return PACKET_PARTIAL;
	s->length = n.low;
	return PACKET_WHOLE;
}

/* The bytes, one to seven, in a word, some of them more than once. */
static inline uint64_t
load_short(const uint8_t *p, size_t len)
{
	uint32_t first, last;

	if (len < sizeof(first))
		return (uint64_t)0x0101010101 << 24 | (uint32_t)(p[0] | p[len / 2] << 8 | p[len - 1] << 16);
	memcpy(&first, p, sizeof(first));
	memcpy(&last, p + len - sizeof(last), sizeof(last));
	return (uint64_t)first << 32 | last;
}

/* True when all bytes are ASCII, none of them NUL. */
static inline bool
is_plain(const uint8_t *p, size_t len)
{
	const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
	uint64_t word, seen = 0;

	if (len == 0)
		return true;
	if (len < sizeof(word)) {
		word = load_short(p, len);
		return !((word | (word - ones)) & tops);
	}
	for (size_t i = 0; i + sizeof(word) <= len; i += sizeof(word)) {
		memcpy(&word, p + i, sizeof(word));
		seen |= word | (word - ones);
	}
	memcpy(&word, p + len - sizeof(word), sizeof(word));
	return !((seen | word | (word - ones)) & tops);
}

/* The length of the longest prefix that is whole characters, none of them NUL. It is found in growing steps,
 * so as not to look far for a NUL behind something that is no character. */
static size_t
text_prefix(struct slice s)
{
	size_t n = 0, more = 1;

	for (size_t step = 64; more > 0 && n < s.len; step *= 2) {
		struct slice part = slice_head(slice_from(s, n), step);

		more = utf8_valid_prefix(slice_head(part, slice_find(part, 0)));
		n += more;
	}
	return n;
}

static inline bool
is_continuation(uint8_t c)
{
	return (c & 0xC0) == 0x80;
}

/* text_prefix for text whose bytes may have been looked at by an earlier scan that began elsewhere. */
static size_t
text_prefix_known(struct packet_scan *s, struct slice text)
{
	const uint8_t *end = s->known.data ? s->known.data + s->known.len : NULL;
	size_t n = 0;

	/* Numbers between two texts are often text as well: then both are one run. */
	if (end && text.data > end && text.data - end <= 4) {
		s->known.len += text_prefix(slice_of(end, (size_t)(text.data - end)));
		end = s->known.data + s->known.len;
	}
	if (end && text.data >= s->known.data && text.data <= end) {
		n = (size_t)(end - text.data);
		if (n > text.len)
			n = text.len;
		if (n && is_continuation(text.data[0]))
			return 0;
		while (n && text.data + n < end && is_continuation(text.data[n]))
			n--;
	} else {
		s->known = slice_head(text, 0);
		end = text.data;
	}
	n += text_prefix(slice_from(text, n));
	if (text.data + n > end)
		s->known.len = (size_t)(text.data + n - s->known.data);
	return n;
}

/* How many bytes the character takes that begins with this byte, which is a valid one but not ASCII. */
static size_t
character_size(uint8_t lead)
{
	return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

/* True when text, the beginning of one of `size` bytes, is right as far as it goes. */
static bool
text_is_right(struct packet_scan *s, struct slice text, size_t size)
{
	size_t n = text_prefix_known(s, text);

	if (n == text.len)
		return true;
	/* The rest can only be a character that is not all there. */
	return text.len < size && text.data[n] != 0 && utf8_could_be_valid(slice_from(text, n)) &&
	       n + character_size(text.data[n]) <= size;
}

/* How many bytes there are for the next element, of which `own` are counted in `least`. */
static inline size_t
room_for(const struct packet_scan *s, size_t own)
{
	return s->length - SUM_SIZE - s->at - (s->least - own);
}

/* Takes one text. */
static inline enum packet_state
scan_string(struct packet_scan *s, struct slice body)
{
	size_t room = room_for(s, 1);
	struct number size;
	struct slice text;

	if (!peek_number(body, s->at, &size))
		return PACKET_PARTIAL;
	if (size.width > room || size.low > room - size.width ||
	    (s->least == 1 && size.high < room - size.width))
		return PACKET_NOT;
	if (!is_whole(&size))
		return PACKET_PARTIAL;
	text = slice_head(slice_from(body, s->at + size.width), size.low);
	if ((size.low > SHORT_TEXT || !is_plain(text.data, text.len)) && !text_is_right(s, text, size.low))
		return PACKET_NOT;
	if (text.len < size.low)
		return PACKET_PARTIAL;
	s->at += size.width + size.low;
	s->least--;
	return PACKET_WHOLE;
}

/* Takes the text that a flag says is there. */
static inline enum packet_state
scan_flagged(struct packet_scan *s, struct slice body, unsigned flag)
{
	enum packet_state state;

	if (!(s->pending & flag))
		return PACKET_WHOLE;
	state = scan_string(s, body);
	if (state == PACKET_WHOLE)
		s->pending ^= flag;
	return state;
}

static enum packet_state
scan_time(struct packet_scan *s, struct slice body)
{
	size_t room = room_for(s, 5) - 4;
	struct number nanos;

	if (!peek_number(body, s->at + 4, &nanos))
		return PACKET_PARTIAL;
	if (nanos.width > room || (s->least == 5 && nanos.width != room))
		return PACKET_NOT;
	if (!is_whole(&nanos))
		return PACKET_PARTIAL;
	s->at += 4 + nanos.width;
	s->least -= 5;
	s->pending ^= PACKET_TIME;
	return PACKET_WHOLE;
}

static enum packet_state
scan_tag_count(struct packet_scan *s, struct slice body)
{
	size_t room = room_for(s, 1);
	struct number count;

	if (!peek_number(body, s->at, &count))
		return PACKET_PARTIAL;
	if (count.width > room || count.low > room - count.width)
		return PACKET_NOT;
	/* Without tags, and with nothing after them, the packet ends here. */
	if (count.high == 0 && s->least == 1 && count.width != room)
		return PACKET_NOT;
	if (!is_whole(&count))
		return PACKET_PARTIAL;
	s->at += count.width;
	s->least += count.low - 1;
	s->tags_left = count.low;
	s->pending ^= PACKET_TAGS;
	return PACKET_WHOLE;
}

/* Takes the tags, or what is left of them. */
static enum packet_state
scan_tags(struct packet_scan *s, struct slice body)
{
	enum packet_state state = PACKET_WHOLE;

	if (s->pending & PACKET_TAGS)
		state = scan_tag_count(s, body);
	while (state == PACKET_WHOLE && s->tags_left) {
		state = scan_string(s, body);
		s->tags_left -= state == PACKET_WHOLE;
	}
	return state;
}

static enum packet_state
scan_file(struct packet_scan *s, struct slice body)
{
	enum packet_state state = scan_flagged(s, body, PACKET_FILE);
	struct number size;
	size_t room;

	if (state != PACKET_WHOLE)
		return state;
	room = room_for(s, 1);
	if (!peek_number(body, s->at, &size))
		return PACKET_PARTIAL;
	if (size.width > room || size.low > room - size.width ||
	    (s->least == 1 && size.high < room - size.width))
		return PACKET_NOT;
	if (!is_whole(&size) || size.low > body.len - s->at - size.width)
		return PACKET_PARTIAL;
	s->at += size.width + size.low;
	s->least--;
	s->pending ^= PENDING_CONTENT;
	return PACKET_WHOLE;
}

/* Takes, of elements that are perhaps not all there, those that an earlier look left, in the order of the
 * stream, which is not that of the flags. */
static enum packet_state
scan_elements(struct packet_scan *s, struct slice body)
{
	enum packet_state state = PACKET_WHOLE;

	if (s->pending & PACKET_TIME)
		state = scan_time(s, body);
	if (state == PACKET_WHOLE)
		state = scan_flagged(s, body, PACKET_ID);
	if (state == PACKET_WHOLE)
		state = scan_tags(s, body);
	if (state == PACKET_WHOLE)
		state = scan_flagged(s, body, PACKET_MIME);
	if (state == PACKET_WHOLE && (s->pending & PENDING_CONTENT))
		state = scan_file(s, body);
	if (state == PACKET_WHOLE)
		state = scan_flagged(s, body, PACKET_ROUTE);
	return state;
}

/* What the elements of a packet are taken from when all of it is there: the bytes from `at` to the checksum.
 * Four bytes from any place in it can be looked at. */
struct body {
	const uint8_t *at, *end;
};

static inline bool
take_number(struct body *b, size_t *out)
{
	uint32_t word = get_u32(b->at), width = 1 + (word >> 30);

	if (width > (size_t)(b->end - b->at))
		return false;
	*out = (word & 0x3FFFFFFF) >> 8 * (4 - width);
	b->at += width;
	return true;
}

static inline bool
take_bytes(struct body *b, struct slice *out)
{
	size_t size;

	if (!take_number(b, &size) || size > (size_t)(b->end - b->at))
		return false;
	*out = (struct slice){b->at, size};
	b->at += size;
	return true;
}

static inline bool
take_text(struct body *b, struct packet_scan *s, struct slice *out)
{
	return take_bytes(b, out) && ((out->len <= SHORT_TEXT && is_plain(out->data, out->len)) ||
					 text_prefix_known(s, *out) == out->len);
}

static inline bool
take_time(struct body *b, int64_t *out)
{
	uint32_t seconds = get_u32(b->at);
	size_t nanos;

	if (b->end - b->at < 5)
		return false;
	b->at += 4;
	if (!take_number(b, &nanos))
		return false;
	*out = (int64_t)seconds * TIME_SECOND + (int64_t)nanos;
	return true;
}

static int
take_tags(struct body *b, struct packet_scan *s, struct packet_tags *tags, struct event *out)
{
	size_t count;

	if (!take_number(b, &count) || count > (size_t)(b->end - b->at))
		return PACKET_NOT;
	if (packet_tags_reserve(tags, count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (!take_text(b, s, &tags->items[i]))
			return PACKET_NOT;
	out->tags = tags->items;
	out->tag_count = count;
	return PACKET_WHOLE;
}

/* Decodes the bytes of a packet, behind its length. */
static int
take_elements(struct body b, struct packet_scan *s, struct packet_tags *tags, struct event *out)
{
	unsigned flags = (unsigned)(out->raw.data[1] << 8 | out->raw.data[2]);

	if ((flags & PACKET_TIME) && !take_time(&b, &out->time))
		return PACKET_NOT;
	if ((flags & PACKET_ID) && !take_text(&b, s, &out->id))
		return PACKET_NOT;
	if (flags & PACKET_TAGS) {
		int state = take_tags(&b, s, tags, out);

		if (state != PACKET_WHOLE)
			return state;
	}
	if ((flags & PACKET_MIME) && !take_text(&b, s, &out->mime))
		return PACKET_NOT;
	if ((flags & PACKET_FILE) && !(take_text(&b, s, &out->file_name) && take_bytes(&b, &out->file)))
		return PACKET_NOT;
	if ((flags & PACKET_ROUTE) && !take_text(&b, s, &out->route))
		return PACKET_NOT;
	out->status = (enum status)(flags & PACKET_STATUS);
	out->runnable = flags & PACKET_RUNNABLE;
	out->eof = flags & PACKET_EOF;
	return b.at == b.end ? PACKET_WHOLE : PACKET_NOT;
}

/* Finds the elements when all of the packet is there. */
static inline bool
find_body(struct slice bytes, struct body *out, size_t *length)
{
	struct body b = {bytes.data + 3, bytes.data + 6};

	if (bytes.len < LENGTH_MIN || bytes.data[0] != PACKET_SIGNATURE ||
	    (bytes.data[1] & 0xF0) != PACKET_VERSION >> 8 || !take_number(&b, length))
		return false;
	if (*length > bytes.len || *length < (size_t)(b.at - bytes.data) + SUM_SIZE)
		return false;
	*out = (struct body){b.at, bytes.data + *length - SUM_SIZE};
	return true;
}

int
packet_scan(
    struct packet_scan *s, struct slice bytes, struct packet_tags *tags, struct event *out, size_t *length)
{
	struct body body;
	int state;

	event_init(out);
	if (find_body(bytes, &body, length)) {
		out->raw = slice_head(bytes, *length);
		return take_elements(body, s, tags, out);
	}
	*length = LENGTH_MIN;
	if (!s->length) {
		state = (int)scan_header(s, bytes);
		if (state != PACKET_WHOLE)
			return state;
	}
	*length = s->length;
	state = (int)scan_elements(s, slice_head(bytes, s->length - SUM_SIZE));
	return state == PACKET_WHOLE && bytes.len < s->length - SUM_SIZE ? PACKET_PARTIAL : state;
}

enum packet_state
packet_sum(uint32_t crc, struct slice stored)
{
	if (stored.len >= SUM_SIZE)
		return get_u32(stored.data) == crc ? PACKET_WHOLE : PACKET_NOT;
	for (size_t i = 0; i < stored.len; i++) {
		if (stored.data[i] != (uint8_t)(crc >> (24 - 8 * i)))
			return PACKET_NOT;
	}
	return PACKET_PARTIAL;
}

int
packet_probe(struct slice bytes, struct packet_tags *tags, struct event *out, size_t *length)
{
	struct packet_scan scan = {0};
	int state = packet_scan(&scan, bytes, tags, out, length);
	size_t sum_at = *length - SUM_SIZE;

	if (state != PACKET_WHOLE)
		return state;
	return (int)packet_sum(libdeflate_crc32(0, bytes.data, sum_at), slice_from(bytes, sum_at));
}

static size_t
number_width(size_t n)
{
	return n < 1u << 6 ? 1 : n < 1u << 14 ? 2 : n < 1u << 22 ? 3 : 4;
}

static uint8_t *
put_bytes(uint8_t *p, struct slice s)
{
	if (s.len)
		memcpy(p, s.data, s.len);
	return p + s.len;
}

static uint8_t *
put_big_endian(uint8_t *p, uint32_t value, size_t width)
{
	for (size_t i = 0; i < width; i++)
		p[i] = (uint8_t)(value >> (8 * (width - 1 - i)));
	return p + width;
}

static uint8_t *
put_number(uint8_t *p, size_t n)
{
	size_t width = number_width(n);

	put_big_endian(p, (uint32_t)n, width);
	*p |= (uint8_t)((width - 1) << 6);
	return p + width;
}

static size_t
string_size(struct slice s)
{
	return number_width(s.len) + s.len;
}

static uint8_t *
put_string(uint8_t *p, struct slice s)
{
	return put_bytes(put_number(p, s.len), s);
}

/* The size of a packet without its length and the content of its file; larger than PACKET_MAX when it is more
 * than that, whatever the true size. */
static size_t
bare_size(const struct event *e)
{
	const struct slice *texts[] = {&e->id, &e->mime, &e->file_name, &e->route};
	size_t size = 3 + SUM_SIZE;

	if (e->time != TIME_NONE)
		size += 4 + number_width((size_t)(e->time % TIME_SECOND));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!texts[i]->data)
			continue;
		if (texts[i]->len > PACKET_MAX)
			return PACKET_MAX + 1;
		size += string_size(*texts[i]);
	}
	if (e->tags)
		size += number_width(e->tag_count);
	for (size_t i = 0; e->tags && i < e->tag_count && size <= PACKET_MAX; i++) {
		if (e->tags[i].len > PACKET_MAX)
			return PACKET_MAX + 1;
		size += string_size(e->tags[i]);
	}
	return size;
}

/* The size of a packet of which all but the length takes `base` bytes; the length counts itself. */
static size_t
total_size(size_t base)
{
	for (size_t width = 1; width <= 3; width++) {
		if (number_width(base + width) == width)
			return base + width;
	}
	return PACKET_MAX + 1;
}

static unsigned
event_flags(const struct event *e)
{
	return PACKET_VERSION | (e->id.data ? PACKET_ID : 0u) | (e->route.data ? PACKET_ROUTE : 0u) |
	       (e->time != TIME_NONE ? PACKET_TIME : 0u) | (e->runnable ? PACKET_RUNNABLE : 0u) |
	       (e->tags ? PACKET_TAGS : 0u) | (e->file_name.data ? PACKET_FILE : 0u) |
	       (e->mime.data ? PACKET_MIME : 0u) | (e->eof ? PACKET_EOF : 0u) | (unsigned)e->status;
}

/* Writes the packet, which is known to take `size` bytes, to p. */
static void
put_packet(uint8_t *p, const struct event *e, size_t size)
{
	uint8_t *start = p;

	*p++ = PACKET_SIGNATURE;
	p = put_big_endian(p, event_flags(e), 2);
	p = put_number(p, size);
	if (e->time != TIME_NONE) {
		p = put_big_endian(p, (uint32_t)(e->time / TIME_SECOND), 4);
		p = put_number(p, (size_t)(e->time % TIME_SECOND));
	}
	if (e->id.data)
		p = put_string(p, e->id);
	if (e->tags)
		p = put_number(p, e->tag_count);
	for (size_t i = 0; e->tags && i < e->tag_count; i++)
		p = put_string(p, e->tags[i]);
	if (e->mime.data)
		p = put_string(p, e->mime);
	if (e->file_name.data)
		p = put_string(put_string(p, e->file_name), e->file);
	if (e->route.data)
		p = put_string(p, e->route);
	put_big_endian(p, libdeflate_crc32(0, start, (size_t)(p - start)), SUM_SIZE);
}

/* Appends one packet. */
static int
encode_one(struct buf *out, const struct event *e, size_t bare)
{
	size_t size = total_size(bare + (e->file_name.data ? string_size(e->file) : 0));
	uint8_t *p = buf_space(out, size);

	if (!p)
		return -1;
	put_packet(p, e, size);
	buf_commit(out, size);
	return 0;
}

int
packet_encode(struct buf *out, const struct event *e)
{
	size_t before = out->len, bare, room, at = 0;

	if (e->time != TIME_NONE && (e->time < 0 || e->time / TIME_SECOND > UINT32_MAX))
		return -1;
	bare = bare_size(e);
	if (bare > PACKET_MAX - 3)
		return -1;
	if (!e->file_name.data)
		return encode_one(out, e, bare);
	/* Three bytes for the length, as many for the size of the content. */
	if (bare + 3 + number_width(e->file.len) + e->file.len <= PACKET_MAX)
		return encode_one(out, e, bare);
	if (bare + 3 + 3 >= PACKET_MAX)
		return -1;
	room = PACKET_MAX - bare - 3 - 3;
	if (room > PACKET_FILE_MAX)
		room = PACKET_FILE_MAX;
	do {
		struct event part = *e;
		bool last = e->file.len - at <= room;

		part.file = slice_head(slice_from(e->file, at), room);
		part.eof = e->eof && last;
		if (status_is_final(e->status) ? !last : at > 0)
			part.status = STATUS_NONE;
		if (encode_one(out, &part, bare) < 0) {
			buf_truncate(out, before);
			return -1;
		}
		at += part.file.len;
	} while (at < e->file.len);
	return 0;
}
