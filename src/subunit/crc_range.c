/* SPDX-License-Identifier: Apache-2.0 */
#include "crc_range.h"

#include <libdeflate.h>
#include <stdlib.h>

enum {
	STEP = 4096,
	/* Up to this length summing afresh is the quicker way. */
	SHORT = 4 * STEP,
};

void
crc_range_release(struct crc_range *c)
{
	free(c->marks);
	*c = (struct crc_range){0};
}

void
crc_range_forget(struct crc_range *c)
{
	c->count = 0;
}

/* The product of two polynomials modulo that of CRC-32, in its reflected form: bit 31 is the coefficient of
 * x^0. */
static uint32_t
multiply(uint32_t a, uint32_t b)
{
	uint32_t product = 0;

	for (uint32_t bit = UINT32_C(1) << 31; bit; bit >>= 1) {
		if (a & bit)
			product ^= b;
		b = b >> 1 ^ (b & 1 ? UINT32_C(0xEDB88320) : 0);
	}
	return product;
}

/* x^(8 * n): what n further bytes multiply a sum by. */
static uint32_t
shift(size_t n)
{
	uint32_t product = UINT32_C(1) << 31, square = UINT32_C(1) << 23;

	for (; n; n >>= 1) {
		if (n & 1)
			product = multiply(product, square);
		square = multiply(square, square);
	}
	return product;
}

/* Sets marks up to the position `to`. Returns false when out of memory. */
static bool
mark(struct crc_range *c, struct slice buffer, size_t to)
{
	size_t need = to / STEP;

	if (need > c->cap) {
		size_t cap = need > 2 * c->cap ? need : 2 * c->cap;
		uint32_t *marks = realloc(c->marks, cap * sizeof(*marks));

		if (!marks)
			return false;
		c->marks = marks;
		c->cap = cap;
	}
	for (; c->count < need; c->count++) {
		uint32_t before = c->count ? c->marks[c->count - 1] : 0;

		c->marks[c->count] = libdeflate_crc32(before, buffer.data + c->count * STEP, STEP);
	}
	return true;
}

static uint32_t
sum_before(const struct crc_range *c, struct slice buffer, size_t at)
{
	size_t whole = at / STEP;

	return libdeflate_crc32(whole ? c->marks[whole - 1] : 0, buffer.data + whole * STEP, at % STEP);
}

uint32_t
crc_range_sum(struct crc_range *c, struct slice buffer, size_t from, size_t to)
{
	if (to - from <= SHORT || !mark(c, buffer, to))
		return libdeflate_crc32(0, buffer.data + from, to - from);
	return sum_before(c, buffer, to) ^ multiply(sum_before(c, buffer, from), shift(to - from));
}
