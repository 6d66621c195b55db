/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as the file of tests in quarantine. */
#include "fuzz.h"
#include "quarantine.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct quarantine q = {0}, again = {0};
	struct err err = {0};
	struct buf text;
	int rc = quarantine_parse(&q, slice_of(data, size), "q", &err);

	LAW(rc == 0 || (err.kind != ERR_NONE && err.text[0]));
	buf_init(&text, FUZZ_MAX);
	for (size_t i = 0; rc == 0 && i < q.count; i++) {
		const struct quarantine_entry *e = &q.entries[i];

		LAW(quarantine_takes(e->test) && quarantine_takes(e->reason) && quarantine_takes(e->owner));
		LAW(quarantine_find(&q, e->test, e->end - 1) == e && !quarantine_find(&q, e->test, e->end));
		quarantine_write(&text, e);
	}
	/* What is right is read as the same when it is written again. */
	if (rc == 0) {
		LAW(quarantine_parse(&again, buf_get(&text), "q", &err) == 0 && again.count == q.count);
		for (size_t i = 0; i < q.count; i++)
			LAW(slice_eq(again.entries[i].test, q.entries[i].test) &&
			    slice_eq(again.entries[i].reason, q.entries[i].reason) &&
			    again.entries[i].end == q.entries[i].end);
	}
	buf_release(&text);
	quarantine_release(&q);
	quarantine_release(&again);
	return 0;
}
