/* SPDX-License-Identifier: Apache-2.0
 *
 * Any text as the JSON of an event: what is taken for one is the same after writing and reading it again. */
#include "event_json.h"
#include "fuzz_events.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct event_json first = {0}, second = {0};
	struct event_log before, after;
	struct event e, back;
	struct err err = {0};
	struct buf out;
	int rc = event_from_json(&first, slice_of(data, size), &e, &err);

	LAW((rc != 0) == (err.kind != ERR_NONE) && (rc == 0 || err.text[0]));
	if (rc == 0) {
		law_of_events(&e);
		log_init(&before);
		log_init(&after);
		/* Tags are written as a set. */
		before.as_read = after.as_read = true;
		buf_init(&out, FUZZ_MAX);
		LAW(event_to_json(&out, &e) == 0);
		LAW(out.len <= 6 * size + 1024);
		LAW(event_from_json(&second, buf_get(&out), &back, &err) == 0);
		LAW(back.kind == e.kind && back.time == e.time);
		log_event(&before, &e);
		log_event(&after, &back);
		LAW(log_same(&after, &before));
		log_release(&before);
		log_release(&after);
		buf_release(&out);
	}
	event_json_release(&first);
	event_json_release(&second);
	return 0;
}
