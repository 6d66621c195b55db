/* SPDX-License-Identifier: Apache-2.0 */
#include "quarantine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* Makes the change that `entry` says, or removes `test`, and compares the file with what it should be. */
static void
check_change(struct quarantine_file *f, const char *directory, const struct quarantine_entry *entry,
    const char *test, const char *expected)
{
	struct err err;
	struct buf text;

	assert_int_equal(0, quarantine_open(f, directory, true, &err));
	if (entry)
		assert_int_equal(0, quarantine_put(f, entry, &err));
	else
		assert_int_equal(
		    0, quarantine_remove(f, &f->q.entries[strtab_find(&f->q.tests, slice_str(test))], &err));
	buf_init(&text, 4096);
	assert_int_equal(1, file_read(&f->dir, QUARANTINE_FILE, &text, &err));
	assert_string_equal(expected, buf_cstr(&text));
	buf_release(&text);
	quarantine_close(f);
}

static void
test_changes(void **state)
{
	char directory[] = "/tmp/test_quarantine.XXXXXX";
	const struct quarantine_entry b = {.test = SLICE_LIT("b"),
	    .reason = SLICE_LIT("new"),
	    .owner = SLICE_LIT("bo"),
	    .expires = SLICE_LIT("2030-01-01")};
	const struct quarantine_entry d = {.test = SLICE_LIT("d"),
	    .reason = SLICE_LIT("x"),
	    .owner = SLICE_LIT("y"),
	    .expires = SLICE_LIT("2030-01-02")};
	static const char begin[] = "# why\n\n[a]\nreason=1\nowner=2\n\nexpires=2029-01-01\n\n# of b\n[b]\n",
			  old_b[] = "owner=2\nreason=1\nexpires=2029-01-01",
			  end[] = "\n# of c\n\n[c]\nreason=1\nowner=2\nexpires=2029-01-01",
			  new_b[] = "reason = new\nowner = bo\nexpires = 2030-01-01\n",
			  new_d[] = "\n\n[d]\nreason = x\nowner = y\nexpires = 2030-01-02\n";
	struct quarantine_file f;
	struct err err;
	char expected[1000];

	(void)state;
	assert_non_null(mkdtemp(directory));
	assert_int_equal(0, quarantine_open(&f, directory, false, &err));
	assert_int_equal(0, f.q.count);
	snprintf(expected, sizeof(expected), "%s%s\n%s", begin, old_b, end);
	assert_int_equal(0, file_replace(&f.dir, QUARANTINE_FILE, slice_str(expected), 0666, &err));
	quarantine_close(&f);

	snprintf(expected, sizeof(expected), "%s%s%s", begin, new_b, end);
	check_change(&f, directory, &b, NULL, expected);
	snprintf(expected, sizeof(expected), "%s%s%s%s", begin, new_b, end, new_d);
	check_change(&f, directory, &d, NULL, expected);
	snprintf(expected, sizeof(expected), "%.*s\n# of b\n[b]\n%s%s%s", 6, begin, new_b, end, new_d);
	check_change(&f, directory, NULL, "a", expected);
	snprintf(expected, sizeof(expected), "# why\n\n# of b\n[b]\n%s\n# of c\n%s", new_b, new_d + 1);
	check_change(&f, directory, NULL, "c", expected);
	snprintf(expected, sizeof(expected), "# why\n\n# of b\n[b]\n%s\n# of c\n", new_b);
	check_change(&f, directory, NULL, "d", expected);

	assert_int_equal(0, quarantine_open(&f, directory, false, &err));
	assert_int_equal(0, unlinkat(f.dir.fd, QUARANTINE_FILE, 0));
	quarantine_close(&f);
	assert_int_equal(0, rmdir(directory));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_entries),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_every_cut),
	    cmocka_unit_test(test_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
