/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as lines: all of them come out once, in the same pieces however they were fed. */
#include "fuzz.h"
#include "lines.h"

struct heard {
	struct buf log, bytes;
	size_t max;
};

static int
hear(void *context, const struct line *line, struct err *err)
{
	struct heard *h = context;

	(void)err;
	LAW(line->text.len <= h->max);
	LAW(slice_find(line->text, '\n') == line->text.len);
	buf_slice(&h->bytes, line->text);
	if (line->ended)
		buf_byte(&h->bytes, '\n');
	buf_printf(&h->log, "%zu %d %d\n", line->text.len, line->ended, line->piece);
	return 0;
}

static void
feed(struct heard *h, struct slice bytes, struct cuts cuts, size_t max)
{
	struct lines l;
	struct slice piece;
	struct err err = {0};

	h->max = max;
	buf_init(&h->log, FUZZ_MAX);
	buf_init(&h->bytes, FUZZ_MAX);
	lines_init(&l, max, hear, h);
	while (cuts_next(&cuts, &bytes, &piece)) {
		LAW(lines_feed(&l, piece, &err) == 0);
		free((void *)piece.data);
	}
	LAW(lines_end(&l, &err) == 0 && err.kind == ERR_NONE);
	lines_release(&l);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	struct cuts cuts = take_cuts(&in);
	size_t max = (size_t)take_byte(&in) + 1;
	struct heard whole, cut;

	feed(&whole, in, CUTS_WHOLE, max);
	LAW(slice_eq(buf_get(&whole.bytes), in));
	feed(&cut, in, cuts, max);
	LAW(slice_eq(buf_get(&cut.log), buf_get(&whole.log)));
	LAW(slice_eq(buf_get(&cut.bytes), in));
	buf_release(&whole.log);
	buf_release(&whole.bytes);
	buf_release(&cut.log);
	buf_release(&cut.bytes);
	return 0;
}
