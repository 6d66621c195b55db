/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dbm_dumb.h"
#include "timefmt.h"
#include "times.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
	char path[64];
	struct file_dir dir;
};

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path);
}

static int
set_up(void **state)
{
	struct place *place = *state;

	strcpy(place->path, "/tmp/test_dbm_dumb.XXXXXX");
	if (!mkdtemp(place->path))
		return -1;
	place->dir = (struct file_dir){open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), place->path};
	return place->dir.fd < 0;
}

static int
tear_down(void **state)
{
	struct place *place = *state;

	close(place->dir.fd);
	return nftw(place->path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void
put(const struct place *place, const char *name, const char *text)
{
	struct err err;

	assert_int_equal(file_replace(&place->dir, name, slice_str(text), 0600, &err), 0);
}

static void
expect(struct dbm_dumb *d, struct slice key, const char *value)
{
	struct buf got;
	struct err err;

	buf_init(&got, 1 << 20);
	assert_int_equal(dbm_dumb_get(d, key, &got, &err), value ? 1 : 0);
	assert_true(slice_eq(buf_get(&got), slice_str(value)));
	buf_release(&got);
}

/* Keys of any bytes and values of any length, against arrays, with reopening. */
static void
what_was_set_is_got(void **state)
{
	const struct place *place = *state;
	enum { KEYS = 40 };
	static char values[KEYS][2000];
	bool set[KEYS] = {false};
	struct dbm_dumb *d;
	struct err err;
	uint64_t dice = 12;

	assert_int_equal(dbm_dumb_open_write(&place->dir, "x", &d, &err), 0);
	for (unsigned step = 0; step < 2000; step++) {
		uint8_t key[8];
		size_t k, len;

		dice = dice * 6364136223846793005u + 1442695040888963407u;
		k = (dice >> 33) % KEYS;
		len = (dice >> 40) % (step % 10 ? 40 : sizeof(values[0]) - 1);
		memset(values[k], (int)('a' + k % 26), len);
		values[k][len] = '\0';
		set[k] = true;
		memcpy(key, "\x00\x7f\n'\"\\\xe9", 7);
		key[7] = (uint8_t)(k * 6);
		assert_int_equal(dbm_dumb_set(d, slice_of(key, 8), slice_str(values[k]), &err), 0);
		if (step % 100 != 99)
			continue;
		assert_int_equal(dbm_dumb_commit(d, &err), 0);
		dbm_dumb_free(d);
		assert_int_equal(dbm_dumb_probe(&place->dir, "x", &err), DBM_DUMB);
		assert_int_equal(dbm_dumb_open_write(&place->dir, "x", &d, &err), 0);
		for (k = 0; k < KEYS; k++) {
			key[7] = (uint8_t)(k * 6);
			expect(d, slice_of(key, 8), set[k] ? values[k] : NULL);
		}
	}
	expect(d, SLICE_LIT("nothing"), NULL);
	dbm_dumb_free(d);
}

static void
what_was_not_committed_is_lost(void **state)
{
	const struct place *place = *state;
	struct dbm_dumb *d;
	struct err err;

	assert_int_equal(dbm_dumb_open_write(&place->dir, "x", &d, &err), 0);
	assert_int_equal(dbm_dumb_set(d, SLICE_LIT("a"), SLICE_LIT("1"), &err), 0);
	assert_int_equal(dbm_dumb_commit(d, &err), 0);
	assert_int_equal(dbm_dumb_set(d, SLICE_LIT("b"), SLICE_LIT("2"), &err), 0);
	dbm_dumb_free(d);
	assert_int_equal(dbm_dumb_open(&place->dir, "x", &d, &err), 0);
	expect(d, SLICE_LIT("a"), "1");
	expect(d, SLICE_LIT("b"), NULL);
	dbm_dumb_free(d);
}

/* Lines as Python writes them, and lines that make no sense. */
static void
the_directory_is_read_as_python_writes_it(void **state)
{
	const struct place *place = *state;
	struct dbm_dumb *d;
	struct err err;

	put(place, "x.dat", "0123456789");
	put(place, "x.dir",
	    "'plain', (0, 1)\n"
	    "\"it's\", (1, 1)\n"
	    "'t\xc3\xa9st', (2, 1)\n"
	    "'\\xe6\\x97\\xa5\\'\\\\\\n\\t', (3, 2)\n"
	    "'twice', (0, 1)\n"
	    "'twice', (5, 1)\n"
	    "'past the end', (9, 100)\n"
	    "garbage\n"
	    "'unfinished, (1, 1)\n"
	    "'bad escape \\q', (1, 1)\n"
	    "'no place', 7\n"
	    "'negative', (-1, 1)\n"
	    "'three', (1, 1, 1)\n"
	    "'last', (6, 1)");
	assert_int_equal(dbm_dumb_probe(&place->dir, "x", &err), DBM_DUMB);
	assert_int_equal(dbm_dumb_open(&place->dir, "x", &d, &err), 0);
	expect(d, SLICE_LIT("plain"), "0");
	expect(d, SLICE_LIT("it's"), "1");
	expect(d, SLICE_LIT("t\xc3\xa9st"), "2");
	expect(d, SLICE_LIT("\xe6\x97\xa5'\\\n\t"), "34");
	expect(d, SLICE_LIT("twice"), "5");
	expect(d, SLICE_LIT("past the end"), "9");
	expect(d, SLICE_LIT("no place"), NULL);
	expect(d, SLICE_LIT("negative"), NULL);
	expect(d, SLICE_LIT("three"), NULL);
	expect(d, SLICE_LIT("last"), "6");
	dbm_dumb_free(d);
}

static void
only_what_is_ours_is_touched(void **state)
{
	const struct place *place = *state;
	struct err err;

	assert_int_equal(dbm_dumb_probe(&place->dir, "none", &err), DBM_NONE);
	put(place, "bare", "SQLite format 3");
	assert_int_equal(dbm_dumb_probe(&place->dir, "bare", &err), DBM_OTHER);
	put(place, "bdb.db", "?");
	put(place, "bdb.dat", "");
	put(place, "bdb.dir", "");
	assert_int_equal(dbm_dumb_probe(&place->dir, "bdb", &err), DBM_OTHER);
	put(place, "ndbm.dir", "");
	put(place, "ndbm.pag", "");
	assert_int_equal(dbm_dumb_probe(&place->dir, "ndbm", &err), DBM_OTHER);
	put(place, "empty.dat", "");
	put(place, "empty.dir", "");
	assert_int_equal(dbm_dumb_probe(&place->dir, "empty", &err), DBM_DUMB);
}

/* One value as Python may have written it. */
static void
expect_duration(const struct place *place, const char *value, int64_t want)
{
	char line[64];
	struct strtab ids = {0};
	struct err err;
	int64_t got = -1;

	put(place, "times.dbm.dat", value);
	snprintf(line, sizeof(line), "'a', (0, %zu)\n", strlen(value));
	put(place, "times.dbm.dir", line);
	strtab_add(&ids, SLICE_LIT("a"), NULL);
	assert_int_equal(times_load(&place->dir, TIMES_ID, &ids, &got, &err), 1);
	if (got != want)
		fail_msg("%s is %lld, not %lld", value, (long long)got, (long long)want);
	strtab_release(&ids);
}

static void
floats_of_python_are_durations(void **state)
{
	const struct place *place = *state;

	expect_duration(place, "0.300364", 300364000);
	expect_duration(place, "1.0", TIME_SECOND);
	expect_duration(place, "0.0", 0);
	expect_duration(place, "6.6e-05", 66000);
	expect_duration(place, "1e-06", 1000);
	expect_duration(place, "1e-300", 0);
	expect_duration(place, "0.30000000000000004", 300000000);
	expect_duration(place, "86400.000001", 86400 * TIME_SECOND + 1000);
	expect_duration(place, "1e+16", -1);
	expect_duration(place, "123456789012345678901234567890", -1);
	expect_duration(place, "-2.0", -1);
	expect_duration(place, "nan", -1);
	expect_duration(place, "1.2.3", -1);
	expect_duration(place, "1e", -1);
	expect_duration(place, "", -1);
}

static void
durations_come_back(void **state)
{
	const struct place *place = *state;
	static const int64_t durations[] = {
	    0, 1000, 66000, 999999000, 3600 * TIME_SECOND, 123456789000, TIME_NONE};
	struct strtab ids = {0};
	int64_t got[7];
	struct err err;

	for (size_t i = 0; i < 7; i++) {
		char id[8];

		snprintf(id, sizeof(id), "t%zu", i);
		strtab_add(&ids, slice_str(id), NULL);
		got[i] = -1;
	}
	assert_int_equal(times_load(&place->dir, TIMES_ID, &ids, got, &err), 0);
	assert_int_equal(times_store(&place->dir, TIMES_ID, &ids, durations, &err), 0);
	assert_int_equal(times_load(&place->dir, TIMES_ID, &ids, got, &err), 1);
	for (size_t i = 0; i < 6; i++)
		assert_true(got[i] == durations[i]);
	assert_int_equal(got[6], -1);
	strtab_release(&ids);
}

#define LAW(name) \
	{ \
#name, name, set_up, tear_down, &place \
	}

/* The key of an id for stestr, as its cleanup_test_name makes it. */
static void
stripped_ids_share_a_duration(void **state)
{
	static const char *const pairs[][2] = {{"t.a[x,y]", "t.a"}, {"t.b[x]z", "t.bz"},
	    {"t.c[x][y]", "t.c[y]"}, {"[x]t", "[x]t"}, {"t]d[", "t]d["}, {"t.e[", "t.e["},
	    {"t]f[x]", "t]f[x]"}, {"t.g[]", "t.g"}};
	const struct place *place = *state;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct strtab id = {0}, key = {0};
		int64_t want = (int64_t)(i + 1) * TIME_SECOND, got = -1;
		struct err err;

		strtab_add(&id, slice_str(pairs[i][0]), NULL);
		strtab_add(&key, slice_str(pairs[i][1]), NULL);
		assert_int_equal(times_store(&place->dir, TIMES_ID_STRIPPED, &id, &want, &err), 0);
		assert_int_equal(times_load(&place->dir, TIMES_ID, &key, &got, &err), 1);
		assert_true(got == want);
		got = -1;
		assert_int_equal(times_load(&place->dir, TIMES_ID_STRIPPED, &id, &got, &err), 1);
		assert_true(got == want);
		strtab_release(&id);
		strtab_release(&key);
	}
}

int
main(void)
{
	static struct place place;
	const struct CMUnitTest laws[] = {
	    LAW(what_was_set_is_got),
	    LAW(what_was_not_committed_is_lost),
	    LAW(the_directory_is_read_as_python_writes_it),
	    LAW(only_what_is_ours_is_touched),
	    LAW(floats_of_python_are_durations),
	    LAW(durations_come_back),
	    LAW(stripped_ids_share_a_duration),
	};

	return cmocka_run_group_tests(laws, NULL, NULL);
}
