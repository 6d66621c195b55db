/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the types of subunit2.h and those of the rooms below. Invariant: what goes down is valid, as event.h
 * and packet.h demand it; what comes up only borrows. */
#ifndef CONVERT_H
#define CONVERT_H

#include "outcome.h"
#include "packet.h"
#include "subunit2.h"

/* The public forms of the arrays of one event or result. A zeroed one is empty. */
struct convert_lists {
	struct subunit2_slice *tags;
	size_t tag_cap;
	struct subunit2_file *files;
	size_t file_cap;
};
void convert_lists_release(struct convert_lists *lists);

/* What *out points to, the arrays apart, is what *in points to; the arrays live in `lists` until its next use.
 * Returns 0, or a code: _ARGUMENT when *out was not prepared. */
int convert_event(struct convert_lists *lists, const struct event *in, struct subunit2_event *out);
int convert_result(struct convert_lists *lists, const struct result *in, struct subunit2_result *out);

/* The reverse for events: 0 or a code, the tags living in `tags`. */
int convert_to_event(struct packet_tags *tags, const struct subunit2_event *in, struct event *out);

/* True for UTF-8 without NUL. */
bool convert_text_ok(struct slice text);

/* Why packet_encode failed for a valid event that it had room for. */
int convert_encode_error(const struct event *e);

#endif
