/* SPDX-License-Identifier: Apache-2.0
 *
 * One event as one JSON object on a line of its own, and back. Pure.
 *
 *     {"test_id": "a.b", "test_status": "success", "test_tags": ["x"], "runnable": true, "file_name": null,
 *      "file_bytes": null, "eof": false, "mime_type": null, "route_code": null,
 *      "timestamp": "2020-01-01T00:00:00.000000Z"}
 *
 * What an event does not have is null; tags are sorted; file_bytes are base64; the timestamp is rounded to
 * microseconds, halves to even. A time that is no whole number of microseconds is followed by "nanoseconds":
 * those of its second, unrounded (0 to 999999999). Of the times with these nanoseconds the event's is the one
 * at most 500 ns from the timestamp; it lies in the second before when rounding carried into the next.
 *
 * Text is a file called "stdout", not empty, and nothing else, and an object like that is read as text: a
 * packet of that shape becomes text. Otherwise reading gives back what was written, except `raw` and `offset`. */
#ifndef EVENT_JSON_H
#define EVENT_JSON_H

#include "err.h"
#include "event.h"

/* Appends the object and a newline. Returns 0, or -1 when out of memory; what does not fit is told by `out`. */
int event_to_json(struct buf *out, const struct event *e);

/* What the slices of the last event that was read point into. A zeroed one is empty. */
struct event_json {
	struct json_t *object;
	struct slice *tags;
	size_t tag_cap;
	struct buf file;
};
void event_json_release(struct event_json *j);

/* Reads one object, surrounding blanks allowed; *out is valid until the next use of j. Fields may be missing
 * (runnable is then true). The error says which field is wrong. */
int event_from_json(struct event_json *j, struct slice text, struct event *out, struct err *err);

#endif
