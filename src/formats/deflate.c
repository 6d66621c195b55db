/* SPDX-License-Identifier: Apache-2.0 */
#include "deflate.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#define ROOM ((size_t)64 << 10)
/* zlib: the largest window, and a gzip header. */
#define GZIP_WINDOW (15 + 16)
#define GZIP_MEMORY 8

struct deflate {
	enum deflate_kind kind;
	z_stream gzip;
	ZSTD_CStream *zstd;
};

enum deflate_kind
deflate_kind_of(struct slice name)
{
	if (slice_ends(name, SLICE_LIT(".gz")))
		return DEFLATE_GZIP;
	return slice_ends(name, SLICE_LIT(".zst")) ? DEFLATE_ZSTD : DEFLATE_PLAIN;
}

struct deflate *
deflate_new(enum deflate_kind kind)
{
	struct deflate *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->kind = kind;
	if (kind == DEFLATE_ZSTD)
		d->zstd = ZSTD_createCStream();
	if ((kind == DEFLATE_ZSTD && !d->zstd) ||
	    (kind == DEFLATE_GZIP && deflateInit2(&d->gzip, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW,
					 GZIP_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)) {
		free(d);
		return NULL;
	}
	return d;
}

void
deflate_free(struct deflate *d)
{
	if (!d)
		return;
	if (d->kind == DEFLATE_GZIP)
		deflateEnd(&d->gzip);
	ZSTD_freeCStream(d->zstd);
	free(d);
}

static int
write_gzip(struct deflate *d, struct slice bytes, bool end, struct buf *out)
{
	int rc;

	do {
		uint8_t *space = buf_space(out, ROOM);
		size_t len = bytes.len > UINT_MAX ? UINT_MAX : bytes.len;

		if (!space)
			return -1;
		d->gzip.next_in = (Bytef *)bytes.data;
		d->gzip.avail_in = (uInt)len;
		d->gzip.next_out = space;
		d->gzip.avail_out = ROOM;
		rc = deflate(&d->gzip, end && len == bytes.len ? Z_FINISH : Z_NO_FLUSH);
		buf_commit(out, ROOM - d->gzip.avail_out);
		bytes = slice_from(bytes, len - d->gzip.avail_in);
	} while (rc == Z_OK && (bytes.len || d->gzip.avail_out == 0));
	return rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR ? 0 : -1;
}

static int
write_zstd(struct deflate *d, struct slice bytes, bool end, struct buf *out)
{
	ZSTD_inBuffer in = {bytes.data, bytes.len, 0};
	size_t left;

	do {
		uint8_t *space = buf_space(out, ROOM);
		ZSTD_outBuffer piece = {space, ROOM, 0};

		if (!space)
			return -1;
		left = ZSTD_compressStream2(d->zstd, &piece, &in, end ? ZSTD_e_end : ZSTD_e_continue);
		if (ZSTD_isError(left))
			return -1;
		buf_commit(out, piece.pos);
	} while (in.pos < in.size || (end && left));
	return 0;
}

int
deflate_write(struct deflate *d, struct slice bytes, bool end, struct buf *out)
{
	if (d->kind == DEFLATE_GZIP)
		return write_gzip(d, bytes, end, out);
	if (d->kind == DEFLATE_ZSTD)
		return write_zstd(d, bytes, end, out);
	buf_slice(out, bytes);
	return out->failed ? -1 : 0;
}
