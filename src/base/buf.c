/* SPDX-License-Identifier: Apache-2.0 */
#include "buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void
buf_over(struct buf *b, void *storage, size_t size)
{
	/* One more than there is: the room for the terminating NUL, which only the other kind writes. */
	*b = (struct buf){.data = storage, .cap = size < SIZE_MAX ? size + 1 : size, .max = size};
}

void
buf_release(struct buf *b)
{
	free(b->data);
	*b = (struct buf){.max = b->max};
}

void
buf_clear(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

/* Makes room for `len` bytes and a terminating NUL, which is not counted in len and max. */
static bool
buf_grow(struct buf *b, size_t len)
{
	size_t cap = b->cap ? b->cap : 64;
	uint8_t *data;

	if (b->failed || len > b->max - b->len) {
		b->failed = true;
		return false;
	}
	if (b->len + len < b->cap)
		return true;
	while (cap && cap <= b->len + len)
		cap *= 2; /* 0 when it is past what can be counted */
	data = cap ? realloc(b->data, cap) : NULL;
	if (!data) {
		b->failed = true;
		return false;
	}
	b->data = data;
	b->cap = cap;
	return true;
}

void
buf_add(struct buf *b, const void *data, size_t len)
{
	if (len == 0 || !buf_grow(b, len))
		return;
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

void
buf_slice(struct buf *b, struct slice s)
{
	buf_add(b, s.data, s.len);
}

void
buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_byte(struct buf *b, uint8_t c)
{
	if (!buf_grow(b, 1))
		return;
	b->data[b->len++] = c;
}

void
buf_vprintf(struct buf *b, const char *format, va_list args)
{
	va_list again;
	int n;

	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (n < 0) {
		b->failed = true;
		return;
	}
	if (n == 0 || !buf_grow(b, (size_t)n))
		return;
	vsnprintf((char *)b->data + b->len, (size_t)n + 1, format, args);
	b->len += (size_t)n;
}

void
buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	buf_vprintf(b, format, args);
	va_end(args);
}

uint8_t *
buf_space(struct buf *b, size_t len)
{
	return buf_grow(b, len) ? b->data + b->len : NULL;
}

void
buf_commit(struct buf *b, size_t len)
{
	b->len += len;
}

void
buf_drop(struct buf *b, size_t len)
{
	if (len > b->len)
		len = b->len;
	if (len == 0)
		return;
	b->len -= len;
	memmove(b->data, b->data + len, b->len);
}

void
buf_truncate(struct buf *b, size_t len)
{
	if (len < b->len)
		b->len = len;
}

struct slice
buf_get(const struct buf *b)
{
	return slice_of(b->data, b->len);
}

const char *
buf_cstr(struct buf *b)
{
	if (b->failed || (!b->data && !buf_grow(b, 0)))
		return NULL;
	b->data[b->len] = '\0';
	return (const char *)b->data;
}

char *
buf_steal(struct buf *b)
{
	char *text = (char *)buf_cstr(b);

	if (text)
		*b = (struct buf){.max = b->max};
	return text;
}
