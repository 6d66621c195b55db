/* SPDX-License-Identifier: Apache-2.0
 *
 * What became of a test as one JSON object, as subunit2disk writes it into test.json. Pure. */
#ifndef RESULT_JSON_H
#define RESULT_JSON_H

#include "outcome.h"

/* Appends {"details": [names], "id": …, "start": …, "status": …, "stop": …, "tags": […]} without a newline,
 * the bytes that Python's json.dumps makes. The status of a test of which nothing but attachments came is
 * "unknown". Returns 0, or -1 when out of memory; what does not fit is told by `out`. */
int result_to_json(struct buf *out, const struct result *r);

#endif
