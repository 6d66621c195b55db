/* SPDX-License-Identifier: Apache-2.0
 *
 * What a client asks for, taken apart: the path in decoded segments and the parameters behind the '?'. Pure: it
 * reads text that anybody may send.
 *
 * Invariant: every text that is handed out is valid UTF-8 without NUL. */
#ifndef REQUEST_H
#define REQUEST_H

#include "buf.h"
#include "slice.h"

#define REQUEST_SEGMENTS_MAX 12
#define REQUEST_PARAMS_MAX 32
/* Of the path and the parameters together, as sent. */
#define REQUEST_TARGET_MAX ((size_t)24 << 10)

struct request_param {
	struct slice key, value;
};

/* All text lies in the storage that was given to request_parse. */
struct request {
	struct slice path; /* as sent */
	struct slice raw[REQUEST_SEGMENTS_MAX];
	struct slice segments[REQUEST_SEGMENTS_MAX];
	size_t segment_count;
	struct request_param params[REQUEST_PARAMS_MAX];
	size_t param_count;
};

/* Takes a target apart ("/runs/1?limit=2"). `storage` has room for twice its bytes and stays as long as *out is
 * used. NULL, or what is wrong with it, in words. */
const char *request_parse(struct request *out, struct slice target, uint8_t *storage);

/* The value of a parameter; absent when it is not there. Of several the first counts. */
struct slice request_param(const struct request *r, const char *key);

/* True when a list of a header ("a, b;q=0.5") has the word with a weight above 0. "*" is no word. */
bool request_accepts(const char *header, const char *word);
/* True when the entity tag is among those of If-None-Match, or that is "*". */
bool request_tag_matches(const char *header, struct slice tag);
/* The host of "host:port" or "[::1]:port", without the port; absent when it is neither. */
struct slice request_host(struct slice authority);

/* A header "Range: bytes=A-B" of something of `size` bytes: 1 with the range [*from, *end), 0 when everything is
 * to be sent (another unit, several ranges, no range), -1 when the range lies outside. */
int request_range(const char *header, uint64_t size, uint64_t *from, uint64_t *end);

/* Appends text so that it can stand in a path or behind the '?': letters, digits and "-._~" as they are, all
 * else as %XX. */
void request_encode(struct buf *out, struct slice text);

#endif
