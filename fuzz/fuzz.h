/* SPDX-License-Identifier: Apache-2.0
 *
 * What the fuzz targets have in common: inputs taken apart, and laws that must not be broken. A target is one
 * file with one function, LLVMFuzzerTestOneInput, that is given any bytes and returns 0.
 *
 * To add one: write fuzz_NAME.c, add its line to `fuzz_targets` in meson.build, put a few small inputs into
 * corpus/NAME, and words that are typical of them into NAME.dict if it helps. `fuzz/run NAME` runs it.
 *
 * Invariant: what a target does depends on the input's bytes alone. */
#ifndef FUZZ_H
#define FUZZ_H

#include "buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LAW(condition) ((condition) ? (void)0 : law_broken(__FILE__, __LINE__, #condition))

static inline _Noreturn void
law_broken(const char *file, int line, const char *law)
{
	fprintf(stderr, "%s:%d: broken law: %s\n", file, line, law);
	abort();
}

/* More than anything that is made of one input. */
#define FUZZ_MAX ((size_t)256 << 20)

/* The next byte of the input, 0 when there is none. */
static inline uint8_t
take_byte(struct slice *in)
{
	uint8_t c = in->len ? in->data[0] : 0;

	*in = slice_from(*in, 1);
	return c;
}

/* A number below 65536. */
static inline size_t
take_number(struct slice *in)
{
	size_t high = take_byte(in);

	return high << 8 | take_byte(in);
}

/* Some bytes, as many as a byte before them says, or the rest. */
static inline struct slice
take_bytes(struct slice *in)
{
	size_t len = take_byte(in);
	struct slice bytes = slice_head(*in, len);

	*in = slice_from(*in, len);
	return bytes;
}

/* How an input is cut into pieces: by turns of one length and of another, 0 being a long one. */
struct cuts {
	uint8_t lengths[2];
	unsigned turn;
};

static inline struct cuts
take_cuts(struct slice *in)
{
	struct cuts cuts = {0};

	cuts.lengths[0] = take_byte(in);
	cuts.lengths[1] = take_byte(in);
	return cuts;
}

/* The three ways in which the same bytes are fed: at once, cut as the input says, and byte by byte. */
#define CUTS_WHOLE ((struct cuts){{0, 0}, 0})
#define CUTS_BYTES ((struct cuts){{1, 1}, 0})
#define CUTS_LONG ((size_t)1 << 20)
/* Longer inputs are not fed byte by byte. */
#define CUTS_BYTES_MAX 256

/* Takes the next piece off the front of *rest, in storage of its own that is freed by the caller, so that the
 * least access beyond it, or after its time, is seen. False when nothing is left. */
static inline bool
cuts_next(struct cuts *cuts, struct slice *rest, struct slice *out)
{
	size_t len = cuts->lengths[cuts->turn++ % 2];
	uint8_t *copy;

	if (!rest->len)
		return false;
	*out = slice_head(*rest, len ? len : CUTS_LONG);
	*rest = slice_from(*rest, out->len);
	copy = malloc(out->len);
	LAW(copy != NULL);
	memcpy(copy, out->data, out->len);
	out->data = copy;
	return true;
}

#endif
