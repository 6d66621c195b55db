/* SPDX-License-Identifier: Apache-2.0 */
#include "lines.h"

void
lines_init(struct lines *l, size_t max, line_sink sink, void *context)
{
	*l = (struct lines){.sink = sink, .context = context};
	buf_init(&l->held, max);
}

void
lines_release(struct lines *l)
{
	buf_release(&l->held);
}

/* Hands on what is held. */
static int
hand_on(struct lines *l, bool ended, bool piece, struct err *err)
{
	struct line line = {buf_get(&l->held), ended, piece || l->in_piece};
	int rc;

	l->in_piece = piece;
	rc = l->sink(l->context, &line, err);
	buf_clear(&l->held);
	return rc;
}

static int
hold(struct lines *l, struct slice part, struct err *err)
{
	while (part.len) {
		size_t room = l->held.max - l->held.len;
		struct slice head = slice_head(part, room);

		/* Only when more follows is it known that the line is too long. */
		if (!room) {
			if (hand_on(l, false, true, err))
				return -1;
			continue;
		}
		buf_slice(&l->held, head);
		if (l->held.failed)
			return err_nomem(err);
		part = slice_from(part, head.len);
	}
	return 0;
}

int
lines_feed(struct lines *l, struct slice bytes, struct err *err)
{
	while (bytes.len) {
		size_t len = slice_find(bytes, '\n');

		if (hold(l, slice_head(bytes, len), err))
			return -1;
		if (len == bytes.len)
			return 0;
		if (hand_on(l, true, false, err))
			return -1;
		bytes = slice_from(bytes, len + 1);
	}
	return 0;
}

int
lines_end(struct lines *l, struct err *err)
{
	return l->held.len ? hand_on(l, false, false, err) : 0;
}
