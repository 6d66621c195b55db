/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON objects as reports hold them: read with more patience than JSON asks for, and their members. Pure. */
#ifndef JSON_RECORD_H
#define JSON_RECORD_H

#include "slice.h"

#include <jansson.h>

/* The object that text is; to be given to json_decref. NULL when it is none, or for want of memory. NUL in
 * strings is fine; what is no text in them, such as half of a surrogate pair, becomes U+FFFD: programs write
 * that for output in another encoding. */
json_t *json_record_read(struct slice text);

/* A member that is a string, borrowed from the object; absent when there is none. */
struct slice json_record_text(const json_t *object, const char *key);
/* A member that is a number. Returns false when there is none. */
bool json_record_number(const json_t *object, const char *key, double *out);

#endif
