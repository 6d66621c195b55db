/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as compressed input: what comes out does not depend on the pieces, nor on the room; and what was
 * compressed comes back. */
#include "fuzz.h"
#include "inflate.h"

#include <zlib.h>
#include <zstd.h>

/* Enough of a bomb. */
#define OUTPUT_MAX ((size_t)2 << 20)

enum how { HOW_AS_IT_IS, HOW_GZIP, HOW_ZSTD, HOW_COUNT };

struct inflated {
	struct buf out;
	bool complete, damaged, cut;
};

/* Gives one piece; false when there is enough. */
static bool
give(struct inflate *in, struct slice piece, size_t room, struct inflated *to)
{
	size_t written;

	do {
		uint8_t *exact = malloc(room);
		size_t before = piece.len;

		LAW(exact != NULL);
		to->damaged = inflate_next(in, &piece, exact, room, &written) != 0;
		LAW(written <= room && piece.len <= before);
		LAW(to->damaged || written || piece.len < before || !before);
		buf_add(&to->out, exact, written);
		free(exact);
		to->cut = to->out.len >= OUTPUT_MAX;
	} while (!to->damaged && !to->cut && (piece.len || written == room));
	return !to->damaged && !to->cut;
}

static void
inflate_all(struct slice bytes, struct cuts cuts, size_t room, struct inflated *to)
{
	struct inflate *in = inflate_new(slice_head(bytes, INFLATE_MAGIC));
	struct slice piece;
	bool more = true;

	LAW(in != NULL);
	*to = (struct inflated){0};
	buf_init(&to->out, FUZZ_MAX);
	while (more && cuts_next(&cuts, &bytes, &piece)) {
		more = give(in, piece, room, to);
		free((void *)piece.data);
	}
	to->complete = inflate_complete(in);
	inflate_free(in);
}

static void
law_of_pieces(struct slice bytes, struct cuts cuts, size_t room, const struct inflated *whole)
{
	struct inflated cut;
	struct slice a, b;

	inflate_all(bytes, cuts, room, &cut);
	a = buf_get(&whole->out);
	b = buf_get(&cut.out);
	if (whole->damaged || whole->cut || cut.cut) {
		LAW(slice_starts(a, b) || slice_starts(b, a));
	} else {
		LAW(!cut.damaged && slice_eq(a, b));
		LAW(cut.complete == whole->complete);
	}
	LAW(whole->cut || cut.cut || cut.damaged == whole->damaged);
	buf_release(&cut.out);
}

static void
add_gzip(struct buf *out, struct slice bytes, int level)
{
	z_stream z = {0};
	uint8_t *room = buf_space(out, bytes.len * 2 + 256);

	LAW(room && deflateInit2(&z, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	z.next_in = (Bytef *)bytes.data;
	z.avail_in = (uInt)bytes.len;
	z.next_out = room;
	z.avail_out = (uInt)(bytes.len * 2 + 256);
	LAW(deflate(&z, Z_FINISH) == Z_STREAM_END);
	buf_commit(out, (size_t)(z.next_out - room));
	deflateEnd(&z);
}

static void
add_zstd(struct buf *out, struct slice bytes, int level)
{
	size_t size = ZSTD_compressBound(bytes.len), n;
	uint8_t *room = buf_space(out, size);

	LAW(room != NULL);
	n = ZSTD_compress(room, size, bytes.data, bytes.len, level);
	LAW(!ZSTD_isError(n));
	buf_commit(out, n);
}

/* Compresses the bytes in two members and expects them back. */
static void
law_of_round_trip(struct slice bytes, enum how how, struct cuts cuts, size_t room)
{
	struct slice half = slice_head(bytes, bytes.len / 2), rest = slice_from(bytes, bytes.len / 2);
	struct inflated back;
	struct buf packed;

	buf_init(&packed, FUZZ_MAX);
	if (how == HOW_GZIP) {
		add_gzip(&packed, half, 1);
		add_gzip(&packed, rest, 6);
	} else {
		add_zstd(&packed, half, 1);
		add_zstd(&packed, rest, 3);
	}
	inflate_all(buf_get(&packed), cuts, room, &back);
	LAW(back.complete && !back.damaged && slice_eq(buf_get(&back.out), bytes));
	buf_release(&back.out);
	buf_release(&packed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	enum how how = (enum how)(take_byte(&in) % HOW_COUNT);
	struct cuts cuts = take_cuts(&in);
	size_t room = (size_t)take_byte(&in) + 1;
	struct inflated whole;

	if (how != HOW_AS_IT_IS) {
		law_of_round_trip(in, how, cuts, room);
		return 0;
	}
	inflate_all(in, CUTS_WHOLE, 1 << 16, &whole);
	law_of_pieces(in, cuts, 1 << 16, &whole);
	law_of_pieces(in, cuts, 64 * room, &whole);
	buf_release(&whole.out);
	return 0;
}
