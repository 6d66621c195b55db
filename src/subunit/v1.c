/* SPDX-License-Identifier: Apache-2.0 */
#include "v1.h"

#include "detail.h"

#include <inttypes.h>

/* Appends a text that has to stay on its line. */
static void
add_line_text(struct buf *out, struct slice s)
{
	struct slice part;

	for (bool more = slice_split(&s, '\n', &part); more;) {
		buf_slice(out, part);
		more = slice_split(&s, '\n', &part);
		if (more)
			buf_byte(out, ' ');
	}
}

static void
add_time(struct buf *out, int64_t time)
{
	if (time == TIME_NONE)
		return;
	buf_str(out, "time: ");
	time_format(out, time_round_us(time), ' ');
	buf_byte(out, '\n');
}

static void
add_tags(struct buf *out, const struct result *r, const char *sign)
{
	if (!r->tag_count)
		return;
	buf_str(out, "tags:");
	for (size_t i = 0; i < r->tag_count; i++) {
		buf_byte(out, ' ');
		buf_str(out, sign);
		add_line_text(out, r->tags[i]);
	}
	buf_byte(out, '\n');
}

struct chunks {
	struct buf *out;
	const struct drain *drain;
	const struct detail *detail;
	size_t next; /* of the known ends */
	uint64_t at, end,
	    all; /* the place in the attachment, the end of the chunk there, of the attachment */
};

static int
add_piece(void *context, struct slice piece)
{
	struct chunks *c = context;

	while (piece.len) {
		struct slice part;

		if (c->at == c->end) {
			c->end = c->next < c->detail->chunk_count ? c->detail->chunks[c->next] : c->all;
			c->next++;
			buf_printf(c->out, "%" PRIX64 "\r\n", c->end - c->at);
		}
		part = slice_head(piece, c->end - c->at < piece.len ? (size_t)(c->end - c->at) : piece.len);
		buf_slice(c->out, part);
		c->at += part.len;
		piece = slice_from(piece, part.len);
	}
	return drain_check(c->drain, c->out);
}

static int
add_bytes(struct chunks *c)
{
	const struct detail *d = c->detail;
	struct buf noted;
	int rc;

	if (d->store) {
		c->all = d->stored.size;
		return d->store->read(d->store->context, &d->stored, add_piece, c);
	}
	if (!d->left_out) {
		c->all = d->bytes.len;
		return add_piece(c, d->bytes);
	}
	buf_init(&noted, c->out->max);
	detail_noted(&noted, d);
	c->all = noted.len;
	rc = add_piece(c, buf_get(&noted));
	c->out->failed |= noted.failed;
	buf_release(&noted);
	return rc;
}

static int
add_detail(struct buf *out, const struct detail *d, const struct drain *drain)
{
	struct chunks chunks = {.out = out, .drain = drain, .detail = d};

	buf_str(out, "Content-Type: ");
	mime_print_v1(out, d->mime);
	buf_byte(out, '\n');
	add_line_text(out, d->name);
	buf_byte(out, '\n');
	if (add_bytes(&chunks))
		return -1;
	buf_str(out, "0\r\n");
	return 0;
}

static const char *
outcome_word(enum status status)
{
	switch (status) {
	case STATUS_SUCCESS:
		return "successful: ";
	case STATUS_UXSUCCESS:
		return "uxsuccess: ";
	case STATUS_SKIP:
		return "skip: ";
	case STATUS_XFAIL:
		return "xfail: ";
	default:
		return "failure: ";
	}
}

int
v1_write(struct buf *out, const struct result *result, const struct drain *drain)
{
	if (result->status == STATUS_EXISTS)
		return 0;
	add_time(out, result->start);
	add_tags(out, result, "");
	buf_str(out, "test: ");
	add_line_text(out, result->id);
	buf_byte(out, '\n');
	add_time(out, result->stop);
	buf_str(out, outcome_word(result->status));
	add_line_text(out, result->id);
	buf_str(out, " [ multipart\n");
	for (size_t i = 0; i < result->detail_count; i++)
		if (add_detail(out, &result->details[i], drain))
			return -1;
	buf_str(out, "]\n");
	add_tags(out, result, "-");
	return 0;
}
