/* SPDX-License-Identifier: Apache-2.0 */
#include "convert.h"
#include "descriptor.h"
#include "reader.h"

#include <stdlib.h>

struct subunit2_decoder {
	struct reader *reader;
	struct convert_lists lists;
	size_t room; /* what is left of the space handed out */
	bool ended;
};

void
subunit2_event_init_size(struct subunit2_event *event, size_t size)
{
	memset(event, 0, size);
	event->size = size;
	event->runnable = 1;
	event->time = SUBUNIT2_NO_TIME;
}

struct subunit2_decoder *
subunit2_decoder_new(enum subunit2_input input)
{
	static const enum reader_mode modes[] = {
	    [SUBUNIT2_INPUT_V2] = READER_V2,
	    [SUBUNIT2_INPUT_V1] = READER_V1,
	    [SUBUNIT2_INPUT_ANY] = READER_AUTO,
	};
	struct subunit2_decoder *d;

	if ((unsigned)input > SUBUNIT2_INPUT_ANY)
		return NULL;
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->reader = reader_new(modes[input]);
	if (!d->reader) {
		free(d);
		return NULL;
	}
	return d;
}

void
subunit2_decoder_free(struct subunit2_decoder *d)
{
	if (!d)
		return;
	reader_free(d->reader);
	convert_lists_release(&d->lists);
	free(d);
}

int
subunit2_decoder_feed(struct subunit2_decoder *d, const void *data, size_t len)
{
	if (d->ended || (!data && len))
		return SUBUNIT2_ERROR_ARGUMENT;
	d->room = 0;
	return reader_feed(d->reader, data, len) < 0 ? SUBUNIT2_ERROR_MEMORY : 0;
}

void *
subunit2_decoder_space(struct subunit2_decoder *d, size_t *out_room)
{
	uint8_t *space = reader_space(d->reader, &d->room);

	if (space)
		*out_room = d->room;
	else
		d->room = 0;
	return space;
}

int
subunit2_decoder_commit(struct subunit2_decoder *d, size_t len)
{
	if (d->ended || len > d->room)
		return SUBUNIT2_ERROR_ARGUMENT;
	d->room = 0;
	reader_commit(d->reader, len);
	return 0;
}

void
subunit2_decoder_end(struct subunit2_decoder *d)
{
	d->ended = true;
	reader_end(d->reader);
}

int
subunit2_decoder_next(struct subunit2_decoder *d, struct subunit2_event *out)
{
	struct event e;
	int rc;

	if (out->size < sizeof(*out))
		return SUBUNIT2_ERROR_ARGUMENT;
	rc = reader_next(d->reader, &e);
	if (rc > 0)
		rc = convert_event(&d->lists, &e, out) < 0 ? -1 : 1;
	return rc < 0 ? SUBUNIT2_ERROR_MEMORY : rc;
}

int
subunit2_decoder_read(struct subunit2_decoder *d, int fd, struct subunit2_event *out)
{
	for (;;) {
		int rc = subunit2_decoder_next(d, out), n;
		size_t room;
		void *space;

		if (rc != 0 || d->ended)
			return rc;
		space = subunit2_decoder_space(d, &room);
		if (!space)
			return SUBUNIT2_ERROR_MEMORY;
		n = descriptor_read(fd, space, room);
		if (n < 0)
			return n;
		if (n == 0)
			subunit2_decoder_end(d);
		else
			subunit2_decoder_commit(d, (size_t)n);
	}
}

uint64_t
subunit2_decoder_damaged(const struct subunit2_decoder *d, uint64_t *out_offset)
{
	return reader_damaged(d->reader, out_offset);
}
