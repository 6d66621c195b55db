/* SPDX-License-Identifier: Apache-2.0 */
#include "deflate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "inflate.h"

#include <stdlib.h>

#define SIZE ((size_t)300000)

static uint32_t
roll(uint64_t *state, uint32_t below)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33) % below;
}

static void
give_back(struct slice packed, struct slice want)
{
	struct inflate *in = inflate_new(slice_head(packed, INFLATE_MAGIC));
	uint8_t *got = malloc(want.len + 1);
	size_t len = 0, written;

	assert_non_null(in);
	assert_non_null(got);
	do {
		assert_true(inflate_next(in, &packed, got + len, want.len + 1 - len, &written) >= 0);
		len += written;
	} while (packed.len);
	assert_true(inflate_complete(in));
	assert_true(slice_eq(slice_of(got, len), want));
	free(got);
	inflate_free(in);
}

/* In pieces of any size. */
static void
what_is_written_comes_back(void **state)
{
	static const enum deflate_kind kinds[] = {DEFLATE_PLAIN, DEFLATE_GZIP, DEFLATE_ZSTD};
	uint8_t *bytes = malloc(SIZE);
	uint64_t dice = 5;

	(void)state;
	assert_non_null(bytes);
	for (size_t i = 0; i < SIZE; i++)
		bytes[i] = (uint8_t)(i % 1000 < 700 ? 'x' : roll(&dice, 256));
	for (unsigned round = 0; round < 12; round++) {
		struct slice all = slice_of(bytes, round < 3 ? 0 : 1 + roll(&dice, SIZE)), rest = all;
		struct deflate *d = deflate_new(kinds[round % 3]);
		struct buf out;

		assert_non_null(d);
		buf_init(&out, 4 * SIZE);
		while (rest.len) {
			struct slice piece = slice_head(rest, 1 + roll(&dice, 50000));

			assert_int_equal(deflate_write(d, piece, false, &out), 0);
			rest = slice_from(rest, piece.len);
		}
		assert_int_equal(deflate_write(d, SLICE_NONE, true, &out), 0);
		if (kinds[round % 3] != DEFLATE_PLAIN && all.len > 10000)
			assert_true(out.len < all.len);
		give_back(buf_get(&out), all);
		buf_release(&out);
		deflate_free(d);
	}
	free(bytes);
}

static void
the_name_says_how(void **state)
{
	(void)state;
	assert_int_equal(deflate_kind_of(SLICE_LIT("runs.gz")), DEFLATE_GZIP);
	assert_int_equal(deflate_kind_of(SLICE_LIT("runs.zst")), DEFLATE_ZSTD);
	assert_int_equal(deflate_kind_of(SLICE_LIT("runs.gz.subunit")), DEFLATE_PLAIN);
	assert_int_equal(deflate_kind_of(SLICE_LIT("")), DEFLATE_PLAIN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_written_comes_back),
	    cmocka_unit_test(the_name_says_how),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
