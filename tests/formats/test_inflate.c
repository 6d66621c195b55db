/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "buf.h"
#include "inflate.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#define SIZE ((size_t)200000)

/* Text that compresses, with a part that does not. */
static void
make_text(struct buf *out)
{
	srandom(11);
	buf_init(out, SIZE);
	while (out->len < SIZE / 2)
		buf_printf(out, "test.number.%ld passed\n", random() % 50);
	while (out->len < SIZE)
		buf_byte(out, (uint8_t)random());
}

static void
add_gzip(struct buf *out, struct slice text)
{
	z_stream z = {0};
	uLong bound;

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	bound = deflateBound(&z, text.len);
	z.next_in = (Bytef *)text.data;
	z.avail_in = (uInt)text.len;
	z.next_out = buf_space(out, bound);
	z.avail_out = (uInt)bound;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	buf_commit(out, z.total_out);
	deflateEnd(&z);
}

static void
add_zstd(struct buf *out, struct slice text)
{
	size_t bound = ZSTD_compressBound(text.len);
	size_t n = ZSTD_compress(buf_space(out, bound), bound, text.data, text.len, 3);

	assert_false(ZSTD_isError(n));
	buf_commit(out, n);
}

/* Feeds it in pieces with little room. Returns -1 when it is damaged, 0 when it is cut off, 1 when it is
 * whole. */
static int
unpack(struct slice packed, size_t piece, size_t room, struct buf *out)
{
	struct inflate *in = inflate_new(slice_head(packed, INFLATE_MAGIC));
	int rc = 0;

	assert_non_null(in);
	while (packed.len && rc == 0) {
		struct slice input = slice_head(packed, piece);
		size_t written;

		packed = slice_from(packed, input.len);
		do {
			uint8_t *at = buf_space(out, room);

			assert_non_null(at);
			rc = inflate_next(in, &input, at, room, &written);
			buf_commit(out, written);
		} while (rc == 0 && (input.len || written == room));
	}
	rc = rc < 0 ? -1 : inflate_complete(in);
	inflate_free(in);
	return rc;
}

static void
check(struct slice packed, struct slice text)
{
	static const size_t sizes[] = {1, 7, 4096, 100000};

	for (int piece = 0; piece < 4; piece++)
		for (int room = 1; room < 4; room++) {
			struct buf out;

			buf_init(&out, 4 * SIZE);
			assert_int_equal(unpack(packed, sizes[piece], sizes[room], &out), 1);
			assert_true(slice_eq(buf_get(&out), text));
			buf_release(&out);
		}
}

static void
test_plain(void **state)
{
	struct buf text;

	(void)state;
	make_text(&text);
	check(buf_get(&text), buf_get(&text));
	check(SLICE_LIT(""), SLICE_LIT(""));
	check(SLICE_LIT("\x1f\x8b"), SLICE_LIT("\x1f\x8b"));
	buf_release(&text);
}

/* One stream, and two after each other, which are the two texts after each other. */
static void
check_packed(void (*add)(struct buf *out, struct slice text))
{
	struct buf text, packed;

	make_text(&text);
	buf_init(&packed, 4 * SIZE);
	add(&packed, buf_get(&text));
	check(buf_get(&packed), buf_get(&text));
	add(&packed, SLICE_LIT("more"));
	buf_release(&text);
	make_text(&text);
	text.max += 4;
	buf_str(&text, "more");
	check(buf_get(&packed), buf_get(&text));
	buf_release(&packed);
	buf_release(&text);
}

static void
test_gzip(void **state)
{
	(void)state;
	check_packed(add_gzip);
}

static void
test_zstd(void **state)
{
	(void)state;
	check_packed(add_zstd);
}

/* A stream that is cut off is never taken for a whole one; damage is found or at least does no harm. */
static void
check_damage(void (*add)(struct buf *out, struct slice text))
{
	struct buf packed, out;

	buf_init(&packed, SIZE);
	add(&packed, SLICE_LIT("a short text, a short text, a short text"));
	for (size_t cut = 5; cut < packed.len; cut++) {
		buf_init(&out, SIZE);
		assert_int_equal(unpack(slice_head(buf_get(&packed), cut), 3, 16, &out), 0);
		buf_release(&out);
	}
	for (size_t bit = 0; bit < packed.len * 8; bit++) {
		packed.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		buf_init(&out, SIZE);
		unpack(buf_get(&packed), 1000, 1000, &out);
		buf_release(&out);
		packed.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	buf_release(&packed);
}

static void
test_damage(void **state)
{
	(void)state;
	check_damage(add_gzip);
	check_damage(add_zstd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_plain),
	    cmocka_unit_test(test_gzip),
	    cmocka_unit_test(test_zstd),
	    cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
