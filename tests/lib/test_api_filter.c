/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "subunit2.h"

#include <stdio.h>
#include <stdlib.h>

struct bytes {
	char data[65536];
	size_t len;
};

static int
take(void *context, const void *data, size_t len)
{
	struct bytes *b = context;

	if (len > sizeof(b->data) - b->len)
		return -1;
	memcpy(b->data + b->len, data, len);
	b->len += len;
	return 0;
}

static void
say(struct subunit2_writer *w, const char *id, enum subunit2_status status, const char *tag)
{
	struct subunit2_slice slice = subunit2_string(tag);
	struct subunit2_event e;

	subunit2_event_init(&e);
	e.id = subunit2_string(id);
	e.status = status;
	if (tag) {
		e.tags = &slice;
		e.tag_count = 1;
	}
	assert_int_equal(subunit2_writer_event(w, &e), 0);
}

/* Tests of every outcome, with tags and without, text between them, and one that does not end. */
static void
make_stream(struct bytes *out)
{
	struct subunit2_writer *w = subunit2_writer_new(take, out);
	char id[40];

	out->len = 0;
	for (int status = SUBUNIT2_SUCCESS; status <= SUBUNIT2_XFAIL; status++) {
		for (int tagged = 0; tagged < 2; tagged++) {
			snprintf(id, sizeof(id), "%s.%d", subunit2_status_name((enum subunit2_status)status),
			    tagged);
			say(w, id, SUBUNIT2_EXISTS, NULL);
			say(w, id, SUBUNIT2_INPROGRESS, NULL);
			assert_int_equal(subunit2_writer_bytes(w, "printed\n", 8), 0);
			say(w, id, (enum subunit2_status)status, tagged ? "slow" : NULL);
		}
	}
	say(w, "open.0", SUBUNIT2_INPROGRESS, NULL);
	assert_int_equal(subunit2_writer_flush(w), 0);
	subunit2_writer_free(w);
}

/* The tests of a stream as lines: id, status, tags. */
static void
describe(const struct bytes *in, char *out, size_t size, size_t *text)
{
	struct subunit2_decoder *d = subunit2_decoder_new(SUBUNIT2_INPUT_V2);
	struct subunit2_tests *t = subunit2_tests_new(1000);
	struct subunit2_event e;
	struct subunit2_result r;
	size_t len = 0;
	int rc, next;

	*text = 0;
	out[0] = '\0';
	subunit2_event_init(&e);
	subunit2_result_init(&r);
	assert_int_equal(subunit2_decoder_feed(d, in->data, in->len), 0);
	subunit2_decoder_end(d);
	do {
		next = subunit2_decoder_next(d, &e);
		assert_true(next >= 0);
		if (next && e.kind == SUBUNIT2_TEXT)
			*text += e.file.len;
		rc = next ? subunit2_tests_event(t, &e, &r) : subunit2_tests_open(t, &r);
		assert_true(rc >= 0);
		if (rc) {
			struct subunit2_slice events = {in->data + r.offset, (size_t)(r.end - r.offset)};

			/* The offsets hold its events. */
			assert_true(r.end <= in->len && (unsigned char)events.data[0] == 0xB3);
			assert_non_null(memmem(events.data, events.len, r.id.data, r.id.len));
			len += (size_t)snprintf(out + len, size - len, "%.*s %s", (int)r.id.len, r.id.data,
			    subunit2_status_name(r.status));
			for (size_t i = 0; i < r.tag_count; i++)
				len += (size_t)snprintf(
				    out + len, size - len, " %.*s", (int)r.tags[i].len, r.tags[i].data);
			len += (size_t)snprintf(out + len, size - len, "\n");
		}
	} while (next || rc);
	subunit2_tests_free(t);
	subunit2_decoder_free(d);
}

static int
filter(const struct bytes *in, const struct subunit2_rules *rules, struct bytes *out)
{
	struct subunit2_writer *w = subunit2_writer_new(take, out);
	struct subunit2_filter *f = subunit2_filter_new(rules, w);
	struct subunit2_decoder *d = subunit2_decoder_new(SUBUNIT2_INPUT_V2);
	struct subunit2_event e;
	int rc = 0;

	out->len = 0;
	subunit2_event_init(&e);
	assert_int_equal(subunit2_decoder_feed(d, in->data, in->len), 0);
	subunit2_decoder_end(d);
	while (rc == 0 && subunit2_decoder_next(d, &e) > 0)
		rc = subunit2_filter_event(f, &e);
	if (rc == 0)
		rc = subunit2_filter_end(f);
	if (rc == 0)
		rc = subunit2_writer_flush(w);
	subunit2_decoder_free(d);
	subunit2_filter_free(f);
	subunit2_writer_free(w);
	return rc;
}

static int
wants_success_or_open(void *context, const struct subunit2_result *r)
{
	++*(int *)context;
	return r->id.data[0] == 's' || r->status == SUBUNIT2_INPROGRESS;
}

/* What a naive reading of the rules keeps. */
static void
expect(const struct subunit2_rules *rules, char *out, size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	for (int status = SUBUNIT2_SUCCESS; status <= SUBUNIT2_XFAIL + 1; status++) {
		int open = status > SUBUNIT2_XFAIL, result = open ? SUBUNIT2_FAIL : status;
		const char *name = subunit2_status_name((enum subunit2_status)status);

		for (int tagged = 0; tagged < (open ? 1 : 2); tagged++) {
			int slow = tagged && !rules->remove_tags;

			if (!(rules->outcomes >> result & 1) || (rules->with_tags && !tagged) ||
			    (rules->without_tags && tagged) || (rules->wants && !open && name[0] != 's'))
				continue;
			len += (size_t)snprintf(out + len, size - len, "%s.%d %s%s%s\n", open ? "open" : name,
			    tagged, open ? "fail" : name, rules->add_tags ? " new" : "", slow ? " slow" : "");
		}
	}
}

/* All combinations of the rules. */
static void
against_a_model(void **state)
{
	static const char *const slow[] = {"slow", NULL}, *const fresh[] = {"new", NULL};
	static struct bytes in, out;
	char found[2000], wanted[2000];
	size_t text, all_text;
	int calls = 0;

	(void)state;
	make_stream(&in);
	describe(&in, found, sizeof(found), &all_text);
	assert_int_equal(all_text, 80);
	for (unsigned i = 0; i < 32 * 64; i++) {
		struct subunit2_rules rules;

		subunit2_rules_init(&rules);
		rules.with_tags = i & 1 ? slow : NULL;
		rules.without_tags = i & 2 ? slow : NULL;
		rules.remove_tags = i & 4 ? slow : NULL;
		rules.add_tags = i & 8 ? fresh : NULL;
		rules.wants = i & 16 ? wants_success_or_open : NULL;
		rules.context = &calls;
		rules.drop_text = i >> 5 & 1;
		if (i >> 6)
			rules.outcomes = i >> 6 << SUBUNIT2_SUCCESS;
		assert_int_equal(filter(&in, &rules, &out), 0);
		describe(&out, found, sizeof(found), &text);
		expect(&rules, wanted, sizeof(wanted));
		assert_string_equal(found, wanted);
		assert_int_equal(text, rules.drop_text ? 0 : all_text);
	}
	assert_true(calls > 0);
}

static int
stop(void *context, const struct subunit2_result *r)
{
	(void)context;
	(void)r;
	return -1;
}

static void
errors(void **state)
{
	static const char *const bad[] = {"\xFF", NULL};
	static struct bytes in, out;
	struct subunit2_rules rules;

	(void)state;
	make_stream(&in);
	subunit2_rules_init(&rules);
	rules.wants = stop;
	assert_int_equal(filter(&in, &rules, &out), SUBUNIT2_ERROR_STOPPED);
	rules.wants = NULL;
	rules.add_tags = bad;
	assert_int_equal(filter(&in, &rules, &out), SUBUNIT2_ERROR_TEXT);
	rules.size = 0;
	assert_null(subunit2_filter_new(&rules, NULL));
	subunit2_filter_free(NULL);
	subunit2_tests_free(NULL);
}

/* An attachment in several pieces is one; beyond the maximum its middle is left out. */
static void
files_are_joined(void **state)
{
	struct subunit2_tests *t = subunit2_tests_new(10);
	struct subunit2_event e;
	struct subunit2_result r;

	(void)state;
	subunit2_event_init(&e);
	subunit2_result_init(&r);
	e.id = subunit2_string("t");
	e.file_name = subunit2_string("log");
	e.mime = subunit2_string("text/plain");
	e.file = subunit2_string("0123456789");
	e.time = 5;
	assert_int_equal(subunit2_tests_event(t, &e, &r), 0);
	assert_int_equal(subunit2_tests_event(t, &e, &r), 0);
	e.status = SUBUNIT2_SUCCESS;
	e.time = 9;
	assert_int_equal(subunit2_tests_event(t, &e, &r), 1);
	assert_int_equal(r.file_count, 1);
	assert_int_equal(r.start, 5);
	assert_int_equal(r.stop, 9);
	assert_int_equal(r.files[0].content.len + r.files[0].left_out, 30);
	assert_true(r.files[0].content.len <= 10 && r.files[0].cut <= r.files[0].content.len);
	assert_memory_equal(r.files[0].mime.data, "text/plain", r.files[0].mime.len);
	assert_int_equal(subunit2_tests_open(t, &r), 0);
	subunit2_tests_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(against_a_model),
	    cmocka_unit_test(errors),
	    cmocka_unit_test(files_are_joined),
	};

	return cmocka_run_group_tests_name("api_filter", tests, NULL, NULL);
}
