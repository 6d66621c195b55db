/* SPDX-License-Identifier: Apache-2.0 */
#include "convert.h"
#include "descriptor.h"

#include <stdlib.h>

/* Passed on when there are so many bytes. */
#define WRITER_GATHER ((size_t)65536)
/* Tags that need no allocation. */
#define TAGS_FEW 16

struct subunit2_writer {
	subunit2_write_fn write; /* NULL: to fd */
	void *context;
	int fd;
	struct buf pending;
	struct packet_tags tags;
};

/* The length of what did not fit. */
static int
needed(const struct event *e, size_t *out_len)
{
	struct buf all;
	int rc;

	buf_init(&all, SIZE_MAX / 2);
	rc = packet_encode(&all, e) < 0 ? convert_encode_error(e) : SUBUNIT2_ERROR_SPACE;
	if (rc == SUBUNIT2_ERROR_SPACE)
		*out_len = all.len;
	buf_release(&all);
	return rc;
}

int
subunit2_encode(const struct subunit2_event *event, void *buffer, size_t size, size_t *out_len)
{
	struct slice few[TAGS_FEW];
	struct packet_tags few_tags = {few, TAGS_FEW}, many_tags = {0};
	bool is_few = event->size >= sizeof(*event) && event->tag_count <= TAGS_FEW;
	struct event e;
	struct buf out;
	int rc = convert_to_event(is_few ? &few_tags : &many_tags, event, &e);

	if (rc == 0) {
		buf_over(&out, buffer, buffer ? size : 0);
		if (packet_encode(&out, &e) < 0)
			rc = needed(&e, out_len);
		else
			*out_len = out.len;
	}
	packet_tags_release(&many_tags);
	return rc;
}

struct subunit2_writer *
subunit2_writer_new_fd(int fd)
{
	struct subunit2_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->fd = fd;
	buf_init(&w->pending, SIZE_MAX / 2);
	return w;
}

struct subunit2_writer *
subunit2_writer_new(subunit2_write_fn write, void *context)
{
	struct subunit2_writer *w = write ? subunit2_writer_new_fd(-1) : NULL;

	if (!w)
		return NULL;
	w->write = write;
	w->context = context;
	return w;
}

void
subunit2_writer_free(struct subunit2_writer *w)
{
	if (!w)
		return;
	buf_release(&w->pending);
	packet_tags_release(&w->tags);
	free(w);
}

static int
pass_on(struct subunit2_writer *w, const void *data, size_t len)
{
	if (len == 0)
		return 0;
	if (!w->write)
		return descriptor_write(w->fd, data, len);
	return w->write(w->context, data, len) ? SUBUNIT2_ERROR_STOPPED : 0;
}

int
subunit2_writer_flush(struct subunit2_writer *w)
{
	int rc = pass_on(w, w->pending.data, w->pending.len);

	/* What one large event took is not kept for ever. */
	if (w->pending.cap > 4 * WRITER_GATHER)
		buf_release(&w->pending);
	buf_clear(&w->pending);
	return rc;
}

int
subunit2_writer_event(struct subunit2_writer *w, const struct subunit2_event *event)
{
	struct event e;
	int rc = convert_to_event(&w->tags, event, &e);

	if (rc < 0)
		return rc;
	if (packet_encode(&w->pending, &e) < 0) {
		w->pending.failed = false;
		return convert_encode_error(&e);
	}
	return w->pending.len < WRITER_GATHER ? 0 : subunit2_writer_flush(w);
}

int
subunit2_writer_bytes(struct subunit2_writer *w, const void *data, size_t len)
{
	int rc = 0;

	if (!data && len)
		return SUBUNIT2_ERROR_ARGUMENT;
	if (w->pending.len + len >= WRITER_GATHER)
		rc = subunit2_writer_flush(w);
	if (rc == 0 && len >= WRITER_GATHER)
		return pass_on(w, data, len);
	if (rc == 0)
		buf_add(&w->pending, data, len);
	if (w->pending.failed) {
		w->pending.failed = false;
		return SUBUNIT2_ERROR_MEMORY;
	}
	return rc;
}
