/* SPDX-License-Identifier: Apache-2.0 */
#include "base64.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_encode(struct buf *out, struct slice s)
{
	uint8_t *p = buf_space(out, (s.len + 2) / 3 * 4);

	if (!p)
		return;
	for (size_t i = 0; i < s.len; i += 3) {
		uint32_t bits = (uint32_t)s.data[i] << 16;

		if (i + 1 < s.len)
			bits |= (uint32_t)s.data[i + 1] << 8;
		if (i + 2 < s.len)
			bits |= s.data[i + 2];
		*p++ = (uint8_t)alphabet[bits >> 18];
		*p++ = (uint8_t)alphabet[bits >> 12 & 63];
		*p++ = i + 1 < s.len ? (uint8_t)alphabet[bits >> 6 & 63] : '=';
		*p++ = i + 2 < s.len ? (uint8_t)alphabet[bits & 63] : '=';
	}
	buf_commit(out, (s.len + 2) / 3 * 4);
}

bool
base64_decode(struct buf *out, struct slice s)
{
	int8_t values[256];
	size_t padding = 0;

	memset(values, -1, sizeof(values));
	for (int i = 0; i < 64; i++)
		values[(uint8_t)alphabet[i]] = (int8_t)i;
	while (padding < 2 && s.len && s.data[s.len - 1] == '=') {
		padding++;
		s.len--;
	}
	if ((s.len + padding) % 4)
		return false;
	for (size_t i = 0; i < s.len; i += 4) {
		size_t n = s.len - i < 4 ? s.len - i : 4;
		uint32_t bits = 0;

		for (size_t k = 0; k < 4; k++) {
			int value = k < n ? values[s.data[i + k]] : 0;

			if (value < 0)
				return false;
			bits = bits << 6 | (uint32_t)value;
		}
		for (size_t k = 0; k + 1 < n; k++)
			buf_byte(out, (uint8_t)(bits >> (16 - 8 * k)));
	}
	return true;
}
