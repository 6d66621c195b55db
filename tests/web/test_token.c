/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* SHA-256 of "r" and of "w", by sha256sum. */
#define HASH_R "454349e422f05297191ead13e21d3db520e5abef52055e4964b82fb213f593a1"
#define HASH_W "50e721e49c013f00c62cf59f2163542a9d8df02464efeb615d31051b0fddc326"

static char directory[] = "/tmp/test_token.XXXXXX";
static char path[64];

static int
make_directory(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/tokens", directory);
	return 0;
}

static int
remove_directory(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

static void
write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static int
read_text(struct tokens *t, const char *text, struct err *err)
{
	write_file(text);
	return tokens_read(t, path, err);
}

static void
headers_that_name_a_token(void **state)
{
	static const struct {
		const char *header;
		unsigned scopes;
	} cases[] = {
	    {"Bearer r", TOKEN_READ},
	    {"bearer r", TOKEN_READ},
	    {"Bearer  r \t", TOKEN_READ},
	    {"Bearer w", TOKEN_READ | TOKEN_WRITE},
	    {NULL, 0},
	    {"", 0},
	    {"Bearer", 0},
	    {"Bearer ", 0},
	    {"Bearer R", 0},
	    {"Bearer r w", 0},
	    {"Bearer rr", 0},
	    {"Basic r", 0},
	    {"r", 0},
	    {"Bearer " HASH_R, 0},
	};
	struct tokens t;
	struct err err;

	(void)state;
	assert_int_equal(
	    read_text(&t, "# of two people\n\n" HASH_R " read r\n" HASH_W "\tread,write w w\n", &err), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(tokens_scopes(&t, cases[i].header, NULL), cases[i].scopes);
	tokens_release(&t);
	assert_int_equal(tokens_read(&t, NULL, &err), 0);
	assert_int_equal(tokens_scopes(&t, "Bearer r", NULL), 0);
	assert_int_equal(tokens_refresh(&t, &err), 0);
	tokens_release(&t);
}

/* No hash that differs in one digit is that of the token. */
static void
each_digit_counts(void **state)
{
	(void)state;
	for (size_t i = 0; i < 64; i++) {
		char text[] = HASH_R " write\n";
		struct tokens t;
		struct err err;

		text[i] = text[i] == '0' ? '1' : '0';
		assert_int_equal(read_text(&t, text, &err), 0);
		assert_int_equal(tokens_scopes(&t, "Bearer r", NULL), 0);
		tokens_release(&t);
	}
}

static void
lines_that_are_none(void **state)
{
	static const char *const lines[] = {"x", HASH_R, HASH_R " ", HASH_R " all", HASH_R " read,",
	    HASH_R " ,read", HASH_R " Read", HASH_R "0 read", "g" HASH_R " read", ("read " HASH_W)};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char text[200];
		struct tokens t;
		struct err err;

		snprintf(text, sizeof(text), HASH_W " read\n%s\n", lines[i]);
		assert_int_equal(read_text(&t, text, &err), -1);
		assert_non_null(strstr(err.text, "line 2"));
		tokens_release(&t);
	}
}

static void
as_many_as_there_may_be(void **state)
{
	char *text = malloc((TOKEN_COUNT_MAX + 1) * 80 + 1), *at = text;
	struct tokens t;
	struct err err;

	(void)state;
	assert_non_null(text);
	for (int i = 0; i < TOKEN_COUNT_MAX - 1; i++)
		at += sprintf(at, "%064x read\n", i);
	sprintf(at, HASH_R " read\n");
	assert_int_equal(read_text(&t, text, &err), 0);
	assert_int_equal(tokens_scopes(&t, "Bearer r", NULL), TOKEN_READ);
	tokens_release(&t);
	strcat(text, HASH_W " read\n");
	assert_int_equal(read_text(&t, text, &err), -1);
	tokens_release(&t);
	free(text);
}

static void
files_that_are_refused(void **state)
{
	struct tokens t;
	struct err err;

	(void)state;
	write_file("");
	assert_int_equal(chmod(path, 0602), 0);
	assert_int_equal(tokens_read(&t, path, &err), -1);
	tokens_release(&t);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(tokens_read(&t, path, &err), -1);
	tokens_release(&t);
}

/* Of each change of the file the next question knows, however fast they follow. */
static void
changes_of_the_file(void **state)
{
	struct tokens t;
	struct err err;

	(void)state;
	assert_int_equal(read_text(&t, HASH_R " read\n", &err), 0);
	for (int i = 0; i < 100; i++) {
		/* As long as the one before. */
		write_file(i % 2 ? HASH_R " read\n" : HASH_W " read\n");
		assert_int_equal(tokens_refresh(&t, &err), 0);
		assert_int_equal(tokens_scopes(&t, "Bearer r", NULL), i % 2 ? TOKEN_READ : 0);
		assert_int_equal(tokens_scopes(&t, "Bearer w", NULL), i % 2 ? 0 : TOKEN_READ);
	}
	write_file(HASH_W " nonsense\n");
	assert_int_equal(tokens_refresh(&t, &err), -1);
	assert_non_null(strstr(err.text, "line 1"));
	assert_int_equal(tokens_refresh(&t, &err), 0);
	assert_int_equal(tokens_scopes(&t, "Bearer r", NULL), TOKEN_READ);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(tokens_refresh(&t, &err), 0);
	assert_int_equal(tokens_scopes(&t, "Bearer r", NULL), 0);
	write_file(HASH_R " write\n");
	assert_int_equal(tokens_refresh(&t, &err), 0);
	assert_int_equal(tokens_scopes(&t, "Bearer r", NULL), TOKEN_READ | TOKEN_WRITE);
	tokens_release(&t);
}

static int
compare_uids(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void
names_of_runs(void **state)
{
	const char *const texts[] = {"", "a", "b", "ab", "ba", "a\xff"};
	char uids[sizeof(texts) / sizeof(texts[0]) * 300][33];
	size_t count = 0;
	struct tokens t;
	struct err err;

	(void)state;
	assert_int_equal(tokens_read(&t, NULL, &err), 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (unsigned number = 0; number < 300; number++) {
			char again[33];

			tokens_uid(&t, slice_str(texts[i]), number, uids[count]);
			tokens_uid(&t, slice_str(texts[i]), number, again);
			assert_string_equal(uids[count], again);
			assert_int_equal(strspn(uids[count], "0123456789abcdef"), 32);
			assert_int_equal(strlen(uids[count++]), 32);
		}
	qsort(uids, count, sizeof(uids[0]), compare_uids);
	for (size_t i = 1; i < count; i++)
		assert_string_not_equal(uids[i - 1], uids[i]);
	tokens_release(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(headers_that_name_a_token),
	    cmocka_unit_test(each_digit_counts),
	    cmocka_unit_test(lines_that_are_none),
	    cmocka_unit_test(as_many_as_there_may_be),
	    cmocka_unit_test(files_that_are_refused),
	    cmocka_unit_test(changes_of_the_file),
	    cmocka_unit_test(names_of_runs),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
