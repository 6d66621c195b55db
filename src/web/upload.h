/* SPDX-License-Identifier: Apache-2.0
 *
 * A run that a client sends: subunit of any version, perhaps compressed, piece by piece.
 *
 * A stream of ours says itself what run it is of: its uid, metadata, whether it was cut off. A run that is there
 * already, whole, is not stored twice. Invariant: what has arrived when the client goes away, or the server stops,
 * is stored as an interrupted run; memory is bounded whatever is sent. */
#ifndef UPLOAD_H
#define UPLOAD_H

#include "reply.h"
#include "token.h"

/* Runs that are received at one time. */
#define UPLOAD_COUNT_MAX 16
/* A piece of a body is at most this long. */
#define UPLOAD_PIECE ((size_t)64 << 10)

struct upload;

struct upload_spec {
	const char *repository; /* a URL, borrowed */
	const struct tokens *tokens;
	struct slice
	    key;      /* names the run, so that sending it again does no harm; absent: only the stream may */
	bool partial; /* a part of the suite, where the stream does not say */
};

/* NULL when out of memory. The key is copied. */
struct upload *upload_new(const struct upload_spec *spec);
/* Interrupts the run if it is not finished. Accepts NULL. */
void upload_free(struct upload *u);

/* Takes a piece. 0; 1 when the reply is decided and nothing more is wanted; -1. */
int upload_piece(struct upload *u, struct slice bytes, struct reply *out, struct err *err);
/* Everything has arrived. */
int upload_end(struct upload *u, struct reply *out, struct err *err);

#endif
