/* SPDX-License-Identifier: Apache-2.0 */
#include "v1.h"

#include "detail.h"

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

static void
add_chunk(struct buf *out, struct slice bytes)
{
	if (!bytes.len)
		return;
	buf_printf(out, "%zX\r\n", bytes.len);
	buf_slice(out, bytes);
}

static void
add_detail(struct buf *out, const struct detail *d)
{
	size_t from = 0;

	buf_str(out, "Content-Type: ");
	mime_print_v1(out, d->mime);
	buf_byte(out, '\n');
	add_line_text(out, d->name);
	buf_byte(out, '\n');
	if (d->left_out) {
		struct buf noted;

		buf_init(&noted, out->max);
		detail_noted(&noted, d);
		add_chunk(out, buf_get(&noted));
		out->failed |= noted.failed;
		buf_release(&noted);
	} else {
		for (size_t i = 0; i < d->chunk_count; i++) {
			add_chunk(out, slice_head(slice_from(d->bytes, from), d->chunks[i] - from));
			from = d->chunks[i];
		}
		add_chunk(out, slice_from(d->bytes, from));
	}
	buf_str(out, "0\r\n");
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

void
v1_write(struct buf *out, const struct result *result)
{
	if (result->status == STATUS_EXISTS)
		return;
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
		add_detail(out, &result->details[i]);
	buf_str(out, "]\n");
	add_tags(out, result, "-");
}
