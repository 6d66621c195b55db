/* SPDX-License-Identifier: Apache-2.0 */
#include "quarantine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define GOOD \
	"# why\n[a.b]\nreason = it is\nowner = ana\nexpires = 2026-12-01\n\n" \
	"; more\n[test[x-y] z]\r\n  owner=bo = b\r\nexpires=2028-02-29\nreason=é\n"

static void
test_entries(void **state)
{
	struct quarantine q = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(quarantine_parse(&q, SLICE_LIT(GOOD), "q", &err), 0);
	assert_int_equal(q.count, 2);
	assert_string_equal((const char *)q.entries[0].test.data, "a.b");
	assert_string_equal((const char *)q.entries[0].reason.data, "it is");
	assert_string_equal((const char *)q.entries[0].owner.data, "ana");
	assert_string_equal((const char *)q.entries[1].test.data, "test[x-y] z");
	assert_string_equal((const char *)q.entries[1].owner.data, "bo = b");
	assert_int_equal(q.entries[1].line, 8);
	/* The last second of the day, and the first one after it. */
	assert_non_null(quarantine_find(&q, SLICE_LIT("a.b"), INT64_C(1796169599) * 1000000000));
	assert_null(quarantine_find(&q, SLICE_LIT("a.b"), INT64_C(1796169600) * 1000000000));
	assert_null(quarantine_find(&q, SLICE_LIT("a"), 0));
	quarantine_release(&q);
	assert_null(quarantine_find(&q, SLICE_LIT("a.b"), 0));
}

static void
check_error(const char *text, const char *expected)
{
	struct quarantine q = {0};
	struct err err = {0};

	assert_int_equal(quarantine_parse(&q, slice_str(text), "q", &err), -1);
	assert_memory_equal(err.text, expected, strlen(expected));
	quarantine_release(&q);
}

static void
test_errors(void **state)
{
	(void)state;
	check_error("[a]\nowner = x\nexpires = 2026-12-01\n", "q:1: the entry of 'a' lacks \"reason\"");
	check_error("\n[a]\nreason=y\nexpires = 2026-12-01\n[b]\n", "q:2: the entry of 'a' lacks \"owner\"");
	check_error("[a]\nreason=y\nowner = x\n", "q:1: the entry of 'a' lacks \"expires\"");
	check_error("[a]\nreason=\n", "q:2: \"reason\" is empty");
	check_error("[a]\nreason=\xff\n", "q:2: \"reason\" is no line of UTF-8 text");
	check_error("[a]\nreason=x\nreason=y\n", "q:3: 'a' has \"reason\" twice");
	check_error("[a]\nexpires=2026-02-30\n", "q:2: '2026-02-30' is no day");
	check_error("[a]\nexpires=tomorrow\n", "q:2: 'tomorrow' is no day");
	check_error("[a]\nexpires=2026-12-01T10:00\n", "q:2: '2026-12-01T10:00' is no day");
	check_error("reason = x\n", "q:1: \"reason\" belongs below the test");
	check_error("[a]\nticket = 7\n", "q:2: expected [TEST], or one of");
	check_error("[a]\nreason\n", "q:2: expected [TEST], or one of");
	check_error("[a\n", "q:1: a test stands in a line of its own");
	check_error("[]\n", "q:1: a test stands in a line of its own");
	check_error("[ a]\n", "q:1: a test stands in a line of its own");
	check_error(GOOD "[a.b]\n", "q:12: 'a.b' is there already, in line 2");
}

/* What is written is read again. */
static void
test_round_trip(void **state)
{
	struct quarantine_entry e = {.test = SLICE_LIT("a [b] = c"),
	    .reason = SLICE_LIT("# [why]"),
	    .owner = SLICE_LIT("\xc3\xa9 = x"),
	    .expires = SLICE_LIT("2026-12-01")};
	struct quarantine q = {0};
	struct err err = {0};
	struct buf text;

	(void)state;
	buf_init(&text, 1000);
	quarantine_write(&text, &e);
	assert_int_equal(quarantine_parse(&q, buf_get(&text), "q", &err), 0);
	assert_int_equal(q.count, 1);
	assert_true(slice_eq(q.entries[0].test, e.test) && slice_eq(q.entries[0].reason, e.reason) &&
		    slice_eq(q.entries[0].owner, e.owner) && slice_eq(q.entries[0].expires, e.expires));
	quarantine_release(&q);
	buf_release(&text);
	assert_false(quarantine_takes(SLICE_LIT("")));
	assert_false(quarantine_takes(SLICE_LIT(" a")));
	assert_false(quarantine_takes(SLICE_LIT("a\nb")));
}

/* Cut off anywhere it is an error or has whole entries only. */
static void
test_every_cut(void **state)
{
	(void)state;
	for (size_t len = 0; len < sizeof(GOOD); len++) {
		struct quarantine q = {0};
		struct err err = {0};
		int rc = quarantine_parse(&q, slice_of(GOOD, len), "q", &err);

		assert_true(rc == 0 || err.kind == ERR_FAILED);
		for (size_t i = 0; rc == 0 && i < q.count; i++)
			assert_true(q.entries[i].reason.len && q.entries[i].owner.len && q.entries[i].end);
		quarantine_release(&q);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_entries),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_every_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
