/* SPDX-License-Identifier: Apache-2.0
 *
 * The pages, as they are in src/web/pages, and docs/openapi.json: part of the program, made by embed.py. */
#ifndef ASSETS_H
#define ASSETS_H

#include "slice.h"

struct asset {
	const char *name; /* "index.html" */
	const char *type; /* of its content */
	const uint8_t *bytes, *gzip;
	size_t len, gzip_len;
};

/* Sorted by name. */
extern const struct asset assets[];
extern const size_t asset_count;

/* NULL when there is none of that name. */
const struct asset *asset_find(struct slice name);

#endif
