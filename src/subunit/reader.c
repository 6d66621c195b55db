/* SPDX-License-Identifier: Apache-2.0 */
#include "reader.h"

#include "crc_range.h"
#include "strict.h"
#include "v1_reader.h"

#include <stdlib.h>
#include <string.h>

enum {
	ROOM_MIN = 65536,
	SUM_SIZE = 4,
};
/* As long as no larger pieces are fed, the storage does not grow beyond this. */
#define STORAGE_MAX (READER_HELD_MAX + 4 * (size_t)ROOM_MIN)

/* The bytes at hand, in order: handed on | known text | no packet begins here | not looked at yet.
 *                              0 … head …………… text …………………………… settled ……………………………… fill */
struct reader {
	enum reader_mode mode;
	bool ended;

	uint8_t *data;
	size_t cap;
	size_t head, text, settled, fill;
	size_t line_seen; /* no line ends in [text, line_seen) */
	size_t given_up;  /* what begins before this and is no packet yet is none */
	uint64_t base;    /* the offset of data[0] in the stream */

	struct packet_scan scan; /* of what begins at `settled` */
	bool is_packet;          /* that is a packet */

	struct crc_range sums;
	struct packet_tags tags;
	uint64_t damaged, first_damaged;

	struct v1_reader *v1; /* NULL where v1 is not read */
	bool v1_over;         /* READER_PROCESS has met a packet */
	struct strict *strict;
};

struct reader *
reader_new(enum reader_mode mode)
{
	struct reader *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->mode = mode;
	if (mode == READER_STRICT)
		r->strict = strict_new();
	else if (mode != READER_V2)
		r->v1 = v1_reader_new(mode == READER_V1);
	if (mode != READER_V2 && !r->strict && !r->v1) {
		free(r);
		return NULL;
	}
	return r;
}

void
reader_free(struct reader *r)
{
	if (!r)
		return;
	v1_reader_free(r->v1);
	strict_free(r->strict);
	crc_range_release(&r->sums);
	packet_tags_release(&r->tags);
	free(r->data);
	free(r);
}

/* Moves what is held to the front. */
static void
compact(struct reader *r)
{
	size_t gone = r->head;

	if (gone == 0)
		return;
	memmove(r->data, r->data + gone, r->fill - gone);
	r->base += gone;
	r->text -= gone;
	r->settled -= gone;
	r->fill -= gone;
	r->line_seen -= gone < r->line_seen ? gone : r->line_seen;
	r->given_up -= gone < r->given_up ? gone : r->given_up;
	r->head = 0;
	crc_range_forget(&r->sums);
	r->scan.known = SLICE_NONE;
}

/* Makes room for `len` more bytes. Bytes are only moved when that gains ROOM_MIN of room, so that many small
 * pieces do not move much more than they add. */
static int
make_room(struct reader *r, size_t len)
{
	size_t held = r->fill - r->head, need = held + len + ROOM_MIN,
	       cap = r->cap ? 2 * r->cap : 2 * ROOM_MIN;
	uint8_t *data;

	if (held == 0)
		compact(r);
	if (len <= r->cap - r->fill)
		return 0;
	compact(r);
	if (need <= r->cap)
		return 0;
	if (cap > STORAGE_MAX)
		cap = STORAGE_MAX;
	if (cap < need)
		cap = need;
	data = realloc(r->data, cap);
	if (!data)
		return -1;
	r->data = data;
	r->cap = cap;
	r->scan.known = SLICE_NONE;
	return 0;
}

uint8_t *
reader_space(struct reader *r, size_t *room)
{
	if (make_room(r, ROOM_MIN) < 0)
		return NULL;
	*room = r->cap - r->fill;
	return r->data + r->fill;
}

void
reader_commit(struct reader *r, size_t len)
{
	r->fill += len;
}

int
reader_feed(struct reader *r, const void *data, size_t len)
{
	if (len == 0)
		return 0;
	if (make_room(r, len) < 0)
		return -1;
	memcpy(r->data + r->fill, data, len);
	r->fill += len;
	return 0;
}

void
reader_end(struct reader *r)
{
	r->ended = true;
}

static struct slice
held_from(const struct reader *r, size_t at)
{
	return r->data ? slice_of(r->data + at, r->fill - at) : SLICE_LIT("");
}

/* Beside the packet states: right but for the checksum. */
#define PACKET_DAMAGED (PACKET_NOT + 1)

/* Looks at what begins at `at`, going on from `scan`. A packet_state, PACKET_DAMAGED, or -1. */
static int
probe(struct reader *r, size_t at, struct packet_scan *scan, struct event *out)
{
	size_t length, sum_at;
	int state = packet_scan(scan, held_from(r, at), &r->tags, out, &length);

	if (state != PACKET_WHOLE)
		return state;
	sum_at = at + length - SUM_SIZE;
	state = (int)packet_sum(crc_range_sum(&r->sums, held_from(r, 0), at, sum_at), held_from(r, sum_at));
	return state == PACKET_NOT ? PACKET_DAMAGED : state;
}

/* Moves `settled` to the next packet, or what may become one, that begins before `limit`. Returns
 * PACKET_WHOLE, with *out filled, PACKET_PARTIAL, PACKET_NOT when there is none, or -1. */
static int
settle(struct reader *r, size_t limit, struct event *out)
{
	size_t length;

	if (r->is_packet)
		return packet_scan(&r->scan, held_from(r, r->settled), &r->tags, out, &length);
	while (r->settled < limit) {
		const uint8_t *p = r->data + r->settled;
		int state;

		if (*p != PACKET_SIGNATURE) {
			p = memchr(p, PACKET_SIGNATURE, limit - r->settled);
			r->settled = p ? (size_t)(p - r->data) : limit;
			continue;
		}
		/* In text, a signature is mostly the end of a character. */
		if (r->fill - r->settled > 1 && (p[1] & 0xF0) != PACKET_VERSION >> 8) {
			r->settled++;
			continue;
		}
		state = probe(r, r->settled, &r->scan, out);
		r->is_packet = state == PACKET_WHOLE;
		if (state < 0 || r->is_packet)
			return state;
		if (state == PACKET_PARTIAL && !r->ended && r->settled >= r->given_up)
			return state;
		if (state == PACKET_DAMAGED && r->damaged++ == 0)
			r->first_damaged = r->base + r->settled;
		r->settled++;
		r->scan = (struct packet_scan){.known = r->scan.known};
	}
	return PACKET_NOT;
}

/* Everything before `at` is done with. */
static void
advance(struct reader *r, size_t at)
{
	r->head = r->text = r->settled = at;
}

/* Hands on the known text, or as much of it as makes one event. */
static int
take_text(struct reader *r, struct event *out)
{
	event_init(out);
	out->kind = EVENT_TEXT;
	out->file_name = SLICE_LIT("stdout");
	out->file = slice_of(r->data + r->head, r->text - r->head);
	out->file = out->raw = slice_head(out->file, READER_TEXT_MAX);
	out->offset = r->base + r->head;
	r->head += out->file.len;
	return 1;
}

/* Hands on the packet at `settled`, which is in *out. */
static int
take_packet(struct reader *r, struct event *out)
{
	out->offset = r->base + r->head;
	r->is_packet = false;
	if (r->scan.length)
		r->scan = (struct packet_scan){0};
	advance(r, r->head + out->raw.len);
	if (r->v1)
		v1_reader_packet(r->v1, out);
	r->v1_over = r->mode == READER_PROCESS;
	return 1;
}

/* Packets and text. */
static int
next_plain(struct reader *r, struct event *out)
{
	int state = settle(r, r->fill, out);

	if (state < 0)
		return state;
	r->text = r->settled;
	if (r->text > r->head)
		return take_text(r, out);
	return state == PACKET_WHOLE ? take_packet(r, out) : 0;
}

/* Details of a v1 test. Returns 1 when there is more to do, 0 when more bytes are needed, or -1. */
static int
read_details(struct reader *r)
{
	size_t used;
	int rc = v1_reader_details(r->v1, held_from(r, r->head), r->ended, r->base + r->head, &used);

	if (rc < 0)
		return rc;
	/* What is left at the end belongs to the report that broke off. */
	advance(r, rc == 0 && r->ended ? r->fill : r->head + used);
	return rc;
}

/* The end of the line that begins or goes on at `text`, as far as it is there. */
static size_t
find_line_end(struct reader *r)
{
	const uint8_t *p = NULL;

	if (r->line_seen < r->text)
		r->line_seen = r->text;
	if (r->line_seen < r->fill)
		p = memchr(r->data + r->line_seen, '\n', r->fill - r->line_seen);
	r->line_seen = p ? (size_t)(p - r->data) : r->fill;
	return p ? r->line_seen + 1 : r->fill;
}

/* How the bytes between `text` and `settled` end, if the line that they belong to ends at `end`. */
static enum v1_line_end
line_end(const struct reader *r, size_t end)
{
	if (r->settled == end && end > r->line_seen)
		return V1_LINE_WHOLE;
	if (r->is_packet || r->settled - r->text == READER_HELD_MAX)
		return V1_LINE_CUT;
	return r->ended ? V1_LINE_LAST : V1_LINE_OPEN;
}

/* Hands on the text before the line that ends at `settled`, if any, and what begins there when that is a
 * packet, which is then in *out. */
static int
take_before_line(struct reader *r, bool packet, struct event *out)
{
	if (r->text > r->head)
		return take_text(r, out);
	return packet ? take_packet(r, out) : 0;
}

/* Packets, v1 and text. The text of several lines goes into one event. */
static int
next_mixed(struct reader *r, struct event *out)
{
	for (;;) {
		size_t end, limit, text;
		int state, verdict;

		if (v1_reader_next(r->v1, out))
			return 1;
		if (v1_reader_in_details(r->v1)) {
			int rc = read_details(r);

			if (rc <= 0)
				return rc;
			continue;
		}
		if (r->text - r->head >= READER_TEXT_MAX)
			return take_text(r, out);
		end = find_line_end(r);
		limit = end - r->text < READER_HELD_MAX ? end : r->text + READER_HELD_MAX;
		state = settle(r, limit, out);
		if (state < 0)
			return state;
		if (r->settled == r->text)
			return take_before_line(r, state == PACKET_WHOLE, out);
		verdict = v1_reader_line(r->v1, slice_of(r->data + r->text, r->settled - r->text),
		    line_end(r, end), r->base + r->text, &text);
		if (verdict < 0)
			return verdict;
		if (verdict == V1_UNDECIDED)
			return take_before_line(r, false, out);
		if (verdict == V1_TEXT) {
			r->text += text;
		} else if (r->text > r->head) {
			size_t after = r->settled;

			take_text(r, out);
			advance(r, after);
			return 1;
		} else {
			advance(r, r->settled);
		}
	}
}

static int
next_strict(struct reader *r, struct event *out)
{
	struct event e;
	size_t used;
	int rc = strict_next(r->strict, held_from(r, r->head), r->ended, &used, &e);

	if (rc > 0) {
		e.offset = r->base + r->head;
		advance(r, r->head + used);
		*out = e;
	}
	return rc;
}

int
reader_next(struct reader *r, struct event *out)
{
	int rc;

	if (r->strict)
		return next_strict(r, out);
	rc = r->v1 && !r->v1_over ? next_mixed(r, out) : next_plain(r, out);
	if (rc != 0 || !r->ended || !r->v1)
		return rc;
	if (v1_reader_end(r->v1, r->base + r->fill) < 0)
		return -1;
	return v1_reader_next(r->v1, out);
}

bool
reader_idle(struct reader *r)
{
	struct packet_scan scan = {0};
	struct event e;

	if (r->ended || r->is_packet || r->strict || (r->v1 && !r->v1_over && v1_reader_in_details(r->v1)))
		return false;
	for (size_t at = r->settled + 1; at < r->fill; at++) {
		at += slice_find(held_from(r, at), PACKET_SIGNATURE);
		if (at == r->fill)
			break;
		scan = (struct packet_scan){.known = scan.known};
		if (probe(r, at, &scan, &e) == PACKET_WHOLE) {
			r->given_up = at;
			return true;
		}
	}
	return false;
}

uint64_t
reader_damaged(const struct reader *r, uint64_t *first_offset)
{
	if (r->damaged)
		*first_offset = r->first_damaged;
	return r->damaged;
}

const char *
reader_died(const struct reader *r)
{
	return r->strict ? strict_died(r->strict) : NULL;
}

static bool
has_packet(struct slice bytes)
{
	struct packet_tags tags = {0};
	bool found = false;

	for (size_t at = 0; at < bytes.len && !found; at++) {
		struct event e;
		size_t length;

		at += slice_find(slice_from(bytes, at), PACKET_SIGNATURE);
		found =
		    at < bytes.len && packet_probe(slice_from(bytes, at), &tags, &e, &length) == PACKET_WHOLE;
	}
	packet_tags_release(&tags);
	return found;
}

/* "test: name", "testing:: name", or a "time:" line that is one. */
static bool
begins_v1(struct slice line)
{
	size_t colon = slice_find(line, ':');
	struct slice word = slice_head(line, colon), rest = slice_from(line, colon);
	int64_t time;

	while (rest.len && rest.data[0] == ':')
		rest = slice_from(rest, 1);
	if (!rest.len || rest.data[0] != ' ' || !slice_trim(rest).len)
		return false;
	if (slice_eq(word, SLICE_LIT("time")))
		return time_parse(slice_from(rest, 1), false, &time) > 0;
	return slice_eq(word, SLICE_LIT("test")) || slice_eq(word, SLICE_LIT("testing"));
}

enum reader_mode
reader_guess(struct slice beginning)
{
	struct slice rest = beginning, line;

	while (slice_split(&rest, '\n', &line))
		if (begins_v1(line))
			return has_packet(beginning) ? READER_V2 : READER_V1;
	return READER_V2;
}
