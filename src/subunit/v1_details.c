/* SPDX-License-Identifier: Apache-2.0 */
#include "v1_details.h"

#include "reader.h"
#include "utf8.h"

#include <stdlib.h>

enum {
	/* The most attachments that are kept before they are handed on. */
	PARTS_MAX = 256,
	/* The names and types of more bytes are handed on as well. */
	TEXTS_MAX = 1048576,
	/* The longest line and the longest number in multipart details. */
	PART_LINE_MAX = 65536,
	CHUNK_DIGITS_MAX = 8,
};

int
v1_details_init(struct v1_details *d)
{
	*d = (struct v1_details){0};
	/* Beside the bytes there are texts; a test id in the report of a lost connection is the longest. */
	buf_init(&d->store, READER_TEXT_MAX + TEXTS_MAX + 6 * PART_LINE_MAX + 3 * READER_HELD_MAX + 1024);
	d->parts = calloc(PARTS_MAX, sizeof(*d->parts));
	return d->parts ? 0 : -1;
}

void
v1_details_release(struct v1_details *d)
{
	buf_release(&d->store);
	free(d->parts);
	d->parts = NULL;
}

static struct v1_part *
last_part(struct v1_details *d)
{
	return &d->parts[d->count - 1];
}

static void
open_part(struct v1_details *d, struct slice mime, uint64_t offset)
{
	struct v1_part *p = &d->parts[d->count++];

	*p = (struct v1_part){.mime = d->store.len, .offset = offset};
	utf8_mend(&d->store, mime);
	p->mime_len = d->store.len - p->mime;
	d->open = true;
	d->split = false;
}

static void
name_part(struct v1_details *d, struct slice name)
{
	struct v1_part *p = last_part(d);

	p->name = d->store.len;
	utf8_mend(&d->store, name);
	p->name_len = d->store.len - p->name;
	p->data = d->store.len;
}

static struct slice
part_name(const struct v1_details *d, const struct v1_part *p)
{
	return slice_of(d->store.data + p->name, p->name_len);
}

int
v1_details_bracket(struct v1_details *d, struct slice mime, struct slice name, uint64_t offset)
{
	d->state = V1_DETAILS_BRACKET;
	d->mid_line = false;
	open_part(d, mime, offset);
	name_part(d, name);
	return d->store.failed ? -1 : 0;
}

void
v1_details_multipart(struct v1_details *d)
{
	d->state = V1_DETAILS_TYPE;
}

int
v1_details_inline(struct v1_details *d, struct slice line)
{
	d->state = V1_DETAILS_INLINE;
	line = slice_head(line, READER_TEXT_MAX - 1);
	buf_slice(&d->store, line);
	buf_byte(&d->store, '\n');
	d->kept = last_part(d)->data_len = line.len + 1;
	return d->store.failed ? -1 : 0;
}

static int
finish(struct v1_details *d, enum v1_details_answer answer)
{
	d->state = V1_DETAILS_NONE;
	d->open = false;
	d->at = d->seen = 0;
	d->due = true;
	return answer;
}

int
v1_details_replace(
    struct v1_details *d, struct slice mime, struct slice name, struct slice bytes, uint64_t offset)
{
	d->count = d->kept = 0;
	buf_clear(&d->store);
	open_part(d, mime, offset);
	name_part(d, name);
	buf_slice(&d->store, bytes);
	last_part(d)->data_len = bytes.len;
	finish(d, V1_DETAILS_OVER);
	return d->store.failed ? -1 : 0;
}

/* Appends what fits of s to the last part and takes it off *s; when something is left, the parts are due. */
static void
append(struct v1_details *d, struct slice *s)
{
	struct slice now = slice_head(*s, READER_TEXT_MAX - d->kept);

	buf_slice(&d->store, now);
	last_part(d)->data_len += now.len;
	d->kept += now.len;
	*s = slice_from(*s, now.len);
	if (s->len)
		d->due = true;
}

/* Returns 1 when the bytes begin with the line "]", 0 when they do not, -1 when that cannot be told yet. */
static int
at_end_marker(struct slice bytes, bool ended)
{
	if (!bytes.len || bytes.data[0] != ']')
		return 0;
	if (bytes.len == 1)
		return ended ? 1 : -1;
	return bytes.data[1] == '\n';
}

/* Details in brackets: lines, until one is "]". A line that begins with " ]" loses its blank. */
static int
read_bracket(struct v1_details *d, struct slice bytes, bool ended, size_t *used)
{
	struct slice rest = bytes;

	while (rest.len) {
		struct slice line;

		if (!d->mid_line) {
			int marker = at_end_marker(rest, ended);

			*used = (size_t)(rest.data - bytes.data);
			if (marker < 0 || (rest.data[0] == ' ' && rest.len == 1 && !ended))
				return V1_DETAILS_MORE;
			if (marker > 0) {
				*used += rest.len == 1 ? 1 : 2;
				return finish(d, V1_DETAILS_OVER);
			}
			if (slice_starts(rest, SLICE_LIT(" ]")))
				rest = slice_from(rest, 1);
		}
		line = slice_head(rest, slice_find(rest, '\n') + 1);
		rest = slice_from(rest, line.len);
		d->mid_line = line.data[line.len - 1] != '\n';
		append(d, &line);
		if (d->due) {
			/* What is left of the line comes again, as the middle of one. */
			d->mid_line = true;
			*used = (size_t)(line.data - bytes.data);
			return V1_DETAILS_PIECES;
		}
	}
	*used = bytes.len;
	return V1_DETAILS_MORE;
}

/* Details without an end of their own. A longer line than PART_LINE_MAX is taken in pieces. */
static int
read_inline(struct v1_details *d, struct slice bytes, bool ended, size_t *used)
{
	for (*used = 0; *used < bytes.len;) {
		struct slice rest = slice_from(bytes, *used), line = slice_head(rest, slice_find(rest, '\n'));
		bool whole = line.len < rest.len,
		     last = slice_ends(line, SLICE_LIT(" ]")) && (whole || ended);
		size_t taken = line.len + whole;

		if (!whole && !ended && line.len <= PART_LINE_MAX)
			return V1_DETAILS_MORE;
		if (!whole && !ended) {
			/* Its end may be in what is to come. */
			taken = line.len = PART_LINE_MAX;
		} else if (last) {
			line.len -= 2;
		}
		append(d, &line);
		if (line.len) {
			*used = (size_t)(line.data - bytes.data);
			return V1_DETAILS_PIECES;
		}
		*used += taken;
		if (whole || last) {
			struct slice newline = SLICE_LIT("\n");

			append(d, &newline);
		}
		if (last)
			return finish(d, V1_DETAILS_OVER);
		if (d->due)
			return V1_DETAILS_PIECES;
	}
	return V1_DETAILS_MORE;
}

/* Takes the next line of a part. Returns 1, 0 when more bytes are needed, or -1 when it is too long. */
static int
read_line(struct v1_details *d, struct slice bytes, struct slice *out)
{
	size_t end;

	if (d->seen < d->at)
		d->seen = d->at;
	end = d->seen + slice_find(slice_from(bytes, d->seen), '\n');
	d->seen = end;
	if (end - d->at > PART_LINE_MAX)
		return -1;
	if (end == bytes.len)
		return 0;
	*out = slice_of(bytes.data + d->at, end - d->at);
	d->at = end + 1;
	return 1;
}

/* "Content-Type: type/subtype": the word before the blank counts for nothing. Returns 1, 0 for more bytes, or
 * -1 when it is not that. */
static int
read_type(struct v1_details *d, struct slice bytes, uint64_t offset)
{
	struct slice value, word, type;
	int rc = read_line(d, bytes, &value);

	if (rc <= 0)
		return rc;
	slice_split(&value, ' ', &word);
	if (!value.data)
		return -1;
	type = value;
	slice_split(&type, '/', &word);
	if (!type.data || slice_find(type, '/') < type.len)
		return -1;
	open_part(d, value, offset);
	d->state = V1_DETAILS_NAME;
	return 1;
}

/* The open part is whole. One of the same name that is still here gives way to it, as in the reference. */
static void
close_part(struct v1_details *d)
{
	struct v1_part *p = last_part(d), *other = d->parts;

	d->state = V1_DETAILS_TYPE;
	d->open = false;
	while (other < p && !slice_eq(part_name(d, other), part_name(d, p)))
		other++;
	if (other < p) {
		*other = *p;
		d->count--;
	}
	if (d->count == PARTS_MAX || d->store.len - d->kept > TEXTS_MAX)
		d->due = true;
}

/* The size of a chunk: hexadecimal digits, CR, LF. Returns 1, 0 for more bytes, -1 when it is not that. */
static int
read_size(struct v1_details *d, struct slice bytes)
{
	struct slice rest = slice_from(bytes, d->at);
	size_t n = 0, size = 0;

	for (; n < rest.len && n <= CHUNK_DIGITS_MAX; n++) {
		uint8_t c = rest.data[n], lower = c | 0x20;

		if (c >= '0' && c <= '9')
			size = size << 4 | (size_t)(c - '0');
		else if (lower >= 'a' && lower <= 'f')
			size = size << 4 | (size_t)(lower - 'a' + 10);
		else
			break;
	}
	if (n > CHUNK_DIGITS_MAX || (n < rest.len && (n == 0 || rest.data[n] != '\r')) ||
	    (n + 1 < rest.len && rest.data[n + 1] != '\n'))
		return -1;
	if (n + 2 > rest.len)
		return 0;
	d->at += n + 2;
	d->chunk_left = size;
	d->state = V1_DETAILS_DATA;
	if (size == 0)
		close_part(d);
	return 1;
}

/* Returns 1 when the chunk is done, 0 when more bytes are needed or the parts are due. */
static int
read_chunk(struct v1_details *d, struct slice bytes)
{
	struct slice data = slice_head(slice_from(bytes, d->at), d->chunk_left), left = data;

	append(d, &left);
	d->at += data.len - left.len;
	d->chunk_left -= data.len - left.len;
	if (d->chunk_left)
		return 0;
	d->state = V1_DETAILS_SIZE;
	/* Small chunks take many more bytes than their data. */
	if (d->at > 2 * READER_TEXT_MAX)
		d->due = true;
	return 1;
}

/* Takes the next piece of the open part, or begins one. Returns 1, 0 when more bytes are needed, -1 when it
 * is malformed. */
static int
read_part(struct v1_details *d, struct slice bytes, uint64_t offset)
{
	struct slice line;
	int rc;

	switch (d->state) {
	case V1_DETAILS_TYPE:
		return read_type(d, bytes, offset);
	case V1_DETAILS_NAME:
		rc = read_line(d, bytes, &line);
		if (rc > 0) {
			name_part(d, line);
			d->state = V1_DETAILS_SIZE;
		}
		return rc;
	case V1_DETAILS_SIZE:
		return read_size(d, bytes);
	default:
		return read_chunk(d, bytes);
	}
}

/* Multipart details. The bytes of a part are used up when it is whole, or when it is too long to be kept. */
static int
read_multipart(struct v1_details *d, struct slice bytes, bool ended, uint64_t offset, size_t *used)
{
	*used = 0;
	for (;;) {
		struct slice rest = slice_from(bytes, *used);
		int rc = 0;

		if (d->state == V1_DETAILS_TYPE)
			rc = at_end_marker(rest, ended);
		if (rc < 0)
			return V1_DETAILS_MORE;
		if (rc > 0) {
			*used += rest.len == 1 ? 1 : 2;
			return finish(d, V1_DETAILS_OVER);
		}
		rc = read_part(d, rest, offset + *used);
		if (rc < 0) {
			if (d->open && !d->split)
				d->count--;
			return finish(d, V1_DETAILS_BROKEN);
		}
		if (d->at && (d->state == V1_DETAILS_TYPE || d->split || d->due)) {
			*used += d->at;
			d->at = d->seen = 0;
		}
		if (d->due || rc == 0)
			return d->due ? V1_DETAILS_PIECES : V1_DETAILS_MORE;
	}
}

int
v1_details_read(struct v1_details *d, struct slice bytes, bool ended, uint64_t offset, size_t *used)
{
	int answer;

	if (d->state == V1_DETAILS_BRACKET)
		answer = read_bracket(d, bytes, ended, used);
	else if (d->state == V1_DETAILS_INLINE)
		answer = read_inline(d, bytes, ended, used);
	else
		answer = read_multipart(d, bytes, ended, offset, used);

	return d->store.failed ? -1 : answer;
}

/* Forgets what was handed on, but for the texts of a part that goes on. */
static void
forget(struct v1_details *d)
{
	struct v1_part p;

	d->due = false;
	d->given = 0;
	d->kept = 0;
	if (!d->open) {
		d->count = 0;
		buf_clear(&d->store);
		return;
	}
	/* The texts stand together before the bytes. */
	p = *last_part(d);
	buf_truncate(&d->store, p.data);
	buf_drop(&d->store, p.mime);
	d->parts[0] = (struct v1_part){0, p.mime_len, p.mime_len, p.name_len, d->store.len, 0, p.offset};
	d->count = 1;
	d->split = true;
}

bool
v1_details_next(struct v1_details *d, struct event *out)
{
	const struct v1_part *p = &d->parts[d->given];

	if (!d->due)
		return false;
	if (d->given == d->count) {
		forget(d);
		return false;
	}
	d->given++;
	out->mime = slice_of(d->store.data + p->mime, p->mime_len);
	out->file_name = part_name(d, p);
	out->file = slice_of(d->store.data + p->data, p->data_len);
	out->eof = d->given < d->count || !d->open;
	out->offset = p->offset;
	return true;
}
