/* SPDX-License-Identifier: Apache-2.0 */
#include "convert.h"

#include "utf8.h"

#include <stdlib.h>

void
convert_lists_release(struct convert_lists *lists)
{
	free(lists->tags);
	free(lists->files);
	*lists = (struct convert_lists){0};
}

static struct subunit2_slice
up(struct slice s)
{
	return (struct subunit2_slice){(const char *)s.data, s.len};
}

static struct slice
down(struct subunit2_slice s)
{
	return (struct slice){(const uint8_t *)s.data, s.data ? s.len : 0};
}

/* Makes room for `count` items of `size` bytes, also for 0. */
static int
reserve(void *items, size_t *cap, size_t count, size_t size)
{
	void **array = items;
	void *grown;

	if (*array && count <= *cap)
		return 0;
	if (count < 8)
		count = 8;
	grown = reallocarray(*array, count, 2 * size);
	if (!grown)
		return SUBUNIT2_ERROR_MEMORY;
	*array = grown;
	*cap = 2 * count;
	return 0;
}

static int
convert_tags(struct convert_lists *lists, const struct slice *tags, size_t count)
{
	void *items = lists->tags;
	int rc = reserve(&items, &lists->tag_cap, count, sizeof(*lists->tags));

	lists->tags = items;
	for (size_t i = 0; rc == 0 && i < count; i++)
		lists->tags[i] = up(tags[i]);
	return rc;
}

static int
convert_files(struct convert_lists *lists, const struct detail *details, size_t count)
{
	void *items = lists->files;
	int rc = reserve(&items, &lists->file_cap, count, sizeof(*lists->files));

	lists->files = items;
	for (size_t i = 0; rc == 0 && i < count; i++) {
		const struct detail *d = &details[i];

		lists->files[i] =
		    (struct subunit2_file){up(d->name), up(d->mime), up(d->bytes), d->left_out, d->cut};
	}
	return rc;
}

int
convert_event(struct convert_lists *lists, const struct event *in, struct subunit2_event *out)
{
	if (out->size < sizeof(*out))
		return SUBUNIT2_ERROR_ARGUMENT;
	if (in->tags && convert_tags(lists, in->tags, in->tag_count) < 0)
		return SUBUNIT2_ERROR_MEMORY;
	*out = (struct subunit2_event){
	    .size = out->size,
	    .kind = in->kind == EVENT_TEXT ? SUBUNIT2_TEXT : SUBUNIT2_PACKET,
	    .status = (enum subunit2_status)in->status,
	    .runnable = in->runnable,
	    .eof = in->eof,
	    .id = up(in->id),
	    .route = up(in->route),
	    .mime = up(in->mime),
	    .file_name = up(in->file_name),
	    .file = up(in->file),
	    .tags = in->tags ? lists->tags : NULL,
	    .tag_count = in->tags ? in->tag_count : 0,
	    .time = in->time,
	    .raw = up(in->raw),
	    .offset = in->offset,
	};
	return 0;
}

int
convert_result(struct convert_lists *lists, const struct result *in, struct subunit2_result *out)
{
	if (out->size < sizeof(*out))
		return SUBUNIT2_ERROR_ARGUMENT;
	if (convert_tags(lists, in->tags, in->tag_count) < 0 ||
	    convert_files(lists, in->details, in->detail_count) < 0)
		return SUBUNIT2_ERROR_MEMORY;
	*out = (struct subunit2_result){
	    .size = out->size,
	    .status = (enum subunit2_status)in->status,
	    .id = up(in->id),
	    .route = up(in->route),
	    .start = in->start,
	    .stop = in->stop,
	    .tags = lists->tags,
	    .tag_count = in->tag_count,
	    .files = lists->files,
	    .file_count = in->detail_count,
	    .offset = in->offset,
	    .end = in->end,
	};
	return 0;
}

bool
convert_text_ok(struct slice text)
{
	return slice_find(text, 0) == text.len && utf8_valid(text);
}

static bool
time_ok(int64_t time)
{
	return time == TIME_NONE || (time >= 0 && time / TIME_SECOND <= UINT32_MAX);
}

/* A text of any length: more than a packet is told before it is looked at. */
static int
check_text(struct slice text)
{
	if (text.len > PACKET_MAX)
		return SUBUNIT2_ERROR_LONG;
	return convert_text_ok(text) ? 0 : SUBUNIT2_ERROR_TEXT;
}

static int
take_tags(struct packet_tags *tags, const struct subunit2_event *in, struct event *out)
{
	int rc = 0;

	if (in->tag_count > PACKET_MAX)
		return SUBUNIT2_ERROR_LONG;
	if (packet_tags_reserve(tags, in->tag_count) < 0)
		return SUBUNIT2_ERROR_MEMORY;
	out->tags = tags->items;
	out->tag_count = in->tag_count;
	for (size_t i = 0; rc == 0 && i < in->tag_count; i++) {
		tags->items[i] = down(in->tags[i]);
		rc = check_text(tags->items[i]);
	}
	return rc;
}

int
convert_to_event(struct packet_tags *tags, const struct subunit2_event *in, struct event *out)
{
	struct slice texts[] = {down(in->id), down(in->route), down(in->mime), down(in->file_name)};
	struct event e;
	int rc = 0;

	if (in->size < sizeof(*in) || (unsigned)in->status > SUBUNIT2_XFAIL ||
	    !in->file.data != !in->file_name.data)
		return SUBUNIT2_ERROR_ARGUMENT;
	if (!time_ok(in->time))
		return SUBUNIT2_ERROR_TIME;
	event_init(&e);
	e.kind = in->kind == SUBUNIT2_TEXT ? EVENT_TEXT : EVENT_PACKET;
	e.status = (enum status)in->status;
	e.runnable = in->runnable;
	e.eof = in->eof;
	e.id = texts[0];
	e.route = texts[1];
	e.mime = texts[2];
	e.file_name = texts[3];
	e.file = down(in->file);
	e.time = in->time;
	e.raw = down(in->raw);
	e.offset = in->offset;
	for (size_t i = 0; rc == 0 && i < sizeof(texts) / sizeof(texts[0]); i++)
		rc = check_text(texts[i]);
	if (rc == 0 && in->tags)
		rc = take_tags(tags, in, &e);
	if (rc == 0)
		*out = e;
	return rc;
}

int
convert_encode_error(const struct event *e)
{
	size_t texts = e->id.len + e->route.len + e->mime.len + e->file_name.len;

	for (size_t i = 0; i < e->tag_count && texts <= PACKET_MAX; i++)
		texts += e->tags[i].len + 1 + (e->tags[i].len >= 1u << 6) + (e->tags[i].len >= 1u << 14);
	/* The other numbers and the fixed bytes come to less than this. */
	return texts > PACKET_MAX - 64 ? SUBUNIT2_ERROR_LONG : SUBUNIT2_ERROR_MEMORY;
}
