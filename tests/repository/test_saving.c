/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "saving.h"

#include <string.h>

static struct event
event(const char *id, enum status status, const char *name, const char *file)
{
	struct event e;

	event_init(&e);
	if (id)
		e.id = slice_str(id);
	e.status = status;
	if (name) {
		e.file_name = slice_str(name);
		e.file = slice_str(file);
	}
	return e;
}

/* Decodes the packet at *at. */
static struct event
take(struct buf *out, size_t *at)
{
	struct packet_tags tags = {0};
	struct event e;
	size_t length;

	assert_int_equal(packet_probe(slice_from(buf_get(out), *at), &tags, &e, &length), PACKET_WHOLE);
	*at += length;
	packet_tags_release(&tags);
	return e;
}

static void
assert_marked(struct event e, const char *id, enum status status)
{
	if (id)
		assert_true(slice_eq(e.id, slice_str(id)));
	else
		assert_null(e.id.data);
	assert_int_equal(e.status, status);
	assert_true(slice_eq(e.file, SLICE_LIT(SAVING_MARK)));
}

/* One mark for a test, in place of its first attachment; every status stays. */
static void
attachments_are_left_out(void **state)
{
	const struct event events[] = {
	    event("a", STATUS_INPROGRESS, NULL, NULL),
	    event("a", STATUS_NONE, "log", "one"),
	    event("a", STATUS_NONE, "log", "two"),
	    event("b", STATUS_INPROGRESS, NULL, NULL),
	    event("a", STATUS_FAIL, "traceback", "three"),
	    event("b", STATUS_SKIP, "reason", "four"),
	    event(NULL, STATUS_NONE, "stdout", "five"),
	    event(NULL, STATUS_NONE, "stdout", "six"),
	    event(NULL, STATUS_NONE, "testr lost", "c: it has no result"),
	    event(NULL, STATUS_NONE, "testr-run", "{}"),
	};
	struct saving s;
	struct buf direct, packets;
	struct event e;
	size_t at = 0;

	(void)state;
	saving_init(&s);
	buf_init(&direct, 1 << 20);
	buf_init(&packets, 1 << 20);
	for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++) {
		assert_int_equal(saving_encode(&s, &direct, &events[i]), 0);
		assert_int_equal(packet_encode(&packets, &events[i]), 0);
	}
	saving_release(&s);
	/* It is the same for packets that were encoded before. */
	saving_init(&s);
	assert_int_equal(saving_rewrite(&s, &packets), 0);
	assert_true(slice_eq(buf_get(&direct), buf_get(&packets)));

	assert_int_equal(take(&direct, &at).status, STATUS_INPROGRESS);
	assert_marked(take(&direct, &at), "a", STATUS_NONE);
	assert_int_equal(take(&direct, &at).status, STATUS_INPROGRESS);
	e = take(&direct, &at);
	assert_int_equal(e.status, STATUS_FAIL);
	assert_null(e.file.data);
	assert_marked(take(&direct, &at), "b", STATUS_SKIP);
	assert_marked(take(&direct, &at), NULL, STATUS_NONE);
	assert_true(slice_eq(take(&direct, &at).file, SLICE_LIT("c: it has no result")));
	assert_true(slice_eq(take(&direct, &at).file, SLICE_LIT("{}")));
	assert_int_equal(at, direct.len);
	buf_release(&direct);
	buf_release(&packets);
	saving_release(&s);
}

/* Every cut of a series of packets leaves those that are whole. */
static void
whole_packets(void **state)
{
	struct saving s;
	struct buf out;
	size_t ends[6] = {0};

	(void)state;
	saving_init(&s);
	buf_init(&out, 1 << 20);
	for (size_t i = 1; i < 6; i++) {
		struct event e = event("test", STATUS_SUCCESS, "log", "text");

		assert_int_equal(packet_encode(&out, &e), 0);
		ends[i] = out.len;
	}
	for (size_t cut = 0, k = 0; cut <= out.len; cut++) {
		if (k < 5 && cut == ends[k + 1])
			k++;
		assert_int_equal(saving_whole(&s, buf_get(&out), cut), ends[k]);
	}
	buf_release(&out);
	saving_release(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(attachments_are_left_out),
	    cmocka_unit_test(whole_packets),
	};

	return cmocka_run_group_tests_name("saving", tests, NULL, NULL);
}
