/* SPDX-License-Identifier: Apache-2.0
 *
 * A growing byte buffer with a maximum. Invariant: it never holds more than `max` bytes; an
 * append that would pass it, or that runs out of memory, adds nothing and sets `failed`,
 * which stays set until buf_clear. So a series of appends is checked once, at its end. */
#ifndef BUF_H
#define BUF_H

#include "slice.h"

#include <stdarg.h>

struct buf {
	uint8_t *data; /* NULL as long as nothing was ever appended */
	size_t len;
	size_t cap;
	size_t max;
	bool failed;
};

/* An empty buffer that may grow to `max` bytes. Nothing is allocated yet. */
void buf_init(struct buf *b, size_t max);
/* An empty buffer in the caller's `size` bytes, which it never leaves or frees. Not for buf_cstr, buf_steal and
 * buf_release. */
void buf_over(struct buf *b, void *storage, size_t size);
/* Frees the storage. Accepts a zeroed buffer and one that was released. */
void buf_release(struct buf *b);
/* Empties the buffer and forgets a failure, keeping storage and maximum. */
void buf_clear(struct buf *b);

void buf_add(struct buf *b, const void *data, size_t len);
void buf_slice(struct buf *b, struct slice s);
void buf_str(struct buf *b, const char *s);
void buf_byte(struct buf *b, uint8_t c);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *format, va_list args);

/* Room for `len` further bytes, to be filled by the caller and then counted with buf_commit. Returns NULL,
 * with `failed` set, when they do not fit. */
uint8_t *buf_space(struct buf *b, size_t len);
void buf_commit(struct buf *b, size_t len);

/* Takes the first `len` bytes away (all of them when there are fewer). */
void buf_drop(struct buf *b, size_t len);
/* Cuts the contents to `len` bytes when they are longer. */
void buf_truncate(struct buf *b, size_t len);

/* The contents, borrowed until the next change. Never absent. */
struct slice buf_get(const struct buf *b);
/* The contents as a terminated string, borrowed until the next change; NULL when `failed` or out of memory. */
const char *buf_cstr(struct buf *b);
/* The contents as a terminated string that the caller frees, leaving the buffer empty; NULL when `failed` or
 * out of memory. */
char *buf_steal(struct buf *b);

#endif
