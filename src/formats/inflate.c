/* SPDX-License-Identifier: Apache-2.0 */
#include "inflate.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum kind { PLAIN, GZIP, ZSTD };

struct inflate {
	enum kind kind;
	z_stream gzip;
	ZSTD_DStream *zstd;
	bool inside; /* a compressed stream was begun and is not at its end */
};

/* Room for the largest window that zstd uses without being asked for more (--long). */
#define ZSTD_WINDOW_LOG_MAX 27
/* zlib: the largest window, and gzip headers only. */
#define GZIP_WINDOW (15 + 16)

static enum kind
detect(struct slice beginning)
{
	if (slice_starts(beginning, SLICE_LIT("\x1f\x8b\x08")))
		return GZIP;
	return slice_starts(beginning, SLICE_LIT("\x28\xb5\x2f\xfd")) ? ZSTD : PLAIN;
}

struct inflate *
inflate_new(struct slice beginning)
{
	struct inflate *in = calloc(1, sizeof(*in));

	if (!in)
		return NULL;
	in->kind = detect(beginning);
	if (in->kind == GZIP && inflateInit2(&in->gzip, GZIP_WINDOW) != Z_OK) {
		free(in);
		return NULL;
	}
	if (in->kind == ZSTD) {
		in->zstd = ZSTD_createDStream();
		if (!in->zstd) {
			free(in);
			return NULL;
		}
		ZSTD_DCtx_setParameter(in->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX);
	}
	return in;
}

void
inflate_free(struct inflate *in)
{
	if (!in)
		return;
	if (in->kind == GZIP)
		inflateEnd(&in->gzip);
	ZSTD_freeDStream(in->zstd);
	free(in);
}

static int
next_plain(struct slice *input, uint8_t *out, size_t room, size_t *written)
{
	*written = input->len < room ? input->len : room;
	if (*written)
		memcpy(out, input->data, *written);
	*input = slice_from(*input, *written);
	return 0;
}

/* Several gzip members after each other are one file. */
static int
next_gzip(struct inflate *in, struct slice *input, uint8_t *out, size_t room, size_t *written)
{
	z_stream *z = &in->gzip;
	int rc;

	if (input->len && !in->inside && inflateReset(z) != Z_OK)
		return -1;
	if (input->len)
		in->inside = true;
	if (!in->inside)
		return 0;
	z->next_in = (Bytef *)input->data;
	z->avail_in = input->len < UINT_MAX ? (uInt)input->len : UINT_MAX;
	z->next_out = out;
	z->avail_out = room < UINT_MAX ? (uInt)room : UINT_MAX;
	rc = inflate(z, Z_NO_FLUSH);
	if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
		return -1;
	*written = (size_t)(z->next_out - out);
	*input = slice_from(*input, (size_t)(z->next_in - input->data));
	in->inside = rc != Z_STREAM_END;
	return 0;
}

static int
next_zstd(struct inflate *in, struct slice *input, uint8_t *out, size_t room, size_t *written)
{
	ZSTD_inBuffer from = {input->data, input->len, 0};
	ZSTD_outBuffer to = {out, room, 0};
	size_t rc;

	if (!input->len && !in->inside)
		return 0;
	rc = ZSTD_decompressStream(in->zstd, &to, &from);
	if (ZSTD_isError(rc))
		return -1;
	*written = to.pos;
	*input = slice_from(*input, from.pos);
	in->inside = rc != 0;
	return 0;
}

int
inflate_next(struct inflate *in, struct slice *input, uint8_t *out, size_t room, size_t *written)
{
	*written = 0;
	switch (in->kind) {
	case GZIP:
		return next_gzip(in, input, out, room, written);
	case ZSTD:
		return next_zstd(in, input, out, room, written);
	default:
		return next_plain(input, out, room, written);
	}
}

bool
inflate_complete(const struct inflate *in)
{
	return !in->inside;
}
