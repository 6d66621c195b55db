/* SPDX-License-Identifier: Apache-2.0
 *
 * subunit v1, the line protocol. Reading is part of the reader; this is writing, in the layout
 * of the reference's TestProtocolClient, which every v1 reader takes. Pure. */
#ifndef V1_H
#define V1_H

#include "outcome.h"

/* Appends one finished test: "time:" and "tags:" lines as there is something to say, "test:", the outcome
 * with multipart details (also when there are none), and the tags taken back. STATUS_FAIL, STATUS_INPROGRESS
 * and STATUS_NONE are written as "failure". Newlines in the id, which would break the stream, become spaces.
 * Nothing is written for STATUS_EXISTS. 0, or -1 when a store or the drain, which may be NULL, failed. */
int v1_write(struct buf *out, const struct result *result, const struct drain *drain);

#endif
