/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes as base64 (RFC 4648, section 4), padded and in one line, and back. Pure. Invariant: what was encoded
 * decodes to itself. */
#ifndef BASE64_H
#define BASE64_H

#include "buf.h"

/* Appends s; what does not fit is told by `out`. */
void base64_encode(struct buf *out, struct slice s);
/* Appends what s stands for. Returns false when s is not base64 with its padding; what came before the fault
 * was then appended. */
bool base64_decode(struct buf *out, struct slice s);

#endif
