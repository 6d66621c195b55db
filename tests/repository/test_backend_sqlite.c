/* SPDX-License-Identifier: Apache-2.0
 *
 * What is true of format 2 alone: its index, and streams that were changed behind it. */
#include "harness.h"

#include <sqlite3.h>

static int
note_writer(void *context, const struct result *r, struct err *err)
{
	struct strtab *ids = context;

	(void)err;
	if (slice_starts(r->id, SLICE_LIT("writer.")))
		strtab_add(ids, r->id, NULL);
	return 0;
}

static void
an_index_from_the_future_is_refused(void **state)
{
	const struct place *place = *state;
	char path[256];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/.testrepository/index.sqlite", place->directory);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	must_not_open(place->directory, "schema version 99");
	write_file(
	    place, "index.sqlite", "This is no database, and long enough to be told from an empty one.", 66);
	must_not_open(place->directory, "index.sqlite is damaged (file is not a database)");
	assert_int_equal(unlink(path), 0);
	must_not_open(place->directory, "index.sqlite");
}

static void
a_failing_test_without_its_stream_still_fails(void **state)
{
	const struct place *place = *state;
	struct repo *repo = open_repo(place);
	struct repo_begin begin = {0};
	struct repo_writer *w;
	struct strtab ids = {0};
	struct err err;
	char path[256];
	int64_t id;

	ok(repo_run_begin(repo, &begin, &w, &err));
	ok(simple_result(w, "writer.a", STATUS_FAIL, &err));
	ok(simple_result(w, "writer.b", STATUS_FAIL, &err));
	ok(repo_run_finish(w, REPO_FINISHED, false, 0, &id, &err));
	/* Damage where the second one begins, then no stream at all. */
	snprintf(path, sizeof(path), "%s/.testrepository/streams/0", place->directory);
	assert_int_equal(truncate(path, 60), 0);
	ok(repo_failing(repo, 0, note_writer, &ids, &err));
	assert_int_equal(ids.len, 2);
	strtab_release(&ids);
	assert_int_equal(unlink(path), 0);
	ok(repo_failing(repo, 0, note_writer, &ids, &err));
	assert_int_equal(ids.len, 2);
	strtab_release(&ids);
	repo_free(repo);
}

static void
a_stream_that_the_index_does_not_know_is_not_overwritten(void **state)
{
	const struct place *place = *state;
	struct repo *repo;
	struct repo_begin begin = {0};
	struct repo_writer *w;
	struct stat st;
	struct err err;
	char path[256];
	int64_t id;

	write_file(place, "streams/0", "keep me", 7);
	write_file(place, "streams/1", "", 0);
	repo = open_repo(place);
	ok(repo_run_begin(repo, &begin, &w, &err));
	ok(repo_run_finish(w, REPO_FINISHED, false, 0, &id, &err));
	assert_int_equal(id, 1);
	snprintf(path, sizeof(path), "%s/.testrepository/streams/0", place->directory);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 7);
	repo_free(repo);
}

/* Runs SQL on the index. */
static void
change_index(const struct place *place, const char *sql)
{
	char path[256];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/.testrepository/index.sqlite", place->directory);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static int
keep_host(void *context, struct slice key, struct slice value, struct err *err)
{
	(void)err;
	assert_true(slice_eq(key, SLICE_LIT("host")));
	assert_true(slice_eq(value, SLICE_LIT("here")));
	++*(int *)context;
	return 0;
}

/* The process may die between the last packet and the end of the transaction. */
static void
a_run_whose_end_is_in_its_stream_has_ended(void **state)
{
	const struct place *place = *state;
	struct repo *repo = open_repo(place);
	struct repo_meta meta = {SLICE_LIT("host"), SLICE_LIT("here")};
	struct repo_begin begin = {.meta = &meta, .meta_count = 1, .uxsuccess_passes = true};
	struct repo_run before, after;
	struct strtab failing = {0};
	struct repo_writer *w;
	struct err err;
	int64_t id;
	int pairs = 0;

	ok(repo_run_begin(repo, &begin, &w, &err));
	ok(simple_result(w, "a", STATUS_FAIL, &err));
	ok(simple_result(w, "b", STATUS_UXSUCCESS, &err));
	ok(repo_run_finish(w, REPO_FINISHED, false, 7, &id, &err));
	ok(repo_run_get(repo, id, &before, &err));
	repo_free(repo);
	change_index(place,
	    "UPDATE run SET state = 0, sequence = NULL, exit_status = NULL, uxsuccess_passes = 0;"
	    "DELETE FROM result; DELETE FROM failing; DELETE FROM run_meta;"
	    "UPDATE counter SET value = 5 WHERE name = 'sequence'");
	repo = open_repo(place);
	ok(repo_run_get(repo, id, &after, &err));
	assert_true(after.sequence == before.sequence);
	assert_string_equal(after.uid, before.uid);
	assert_int_equal(after.state, REPO_FINISHED);
	assert_false(after.partial);
	assert_int_equal(after.exit_status, 7);
	assert_true(after.uxsuccess_passes);
	assert_int_equal(after.counts.tests, 2);
	assert_int_equal(after.counts.failures, 1);
	ok(repo_failing_ids(repo, &failing, &err));
	assert_int_equal(failing.len, 1);
	ok(repo_meta(repo, id, keep_host, &pairs, &err));
	assert_int_equal(pairs, 1);
	strtab_release(&failing);
	repo_free(repo);
}

/* The machine may die before anything of the stream is safe. */
static void
a_run_without_its_stream_keeps_its_uid(void **state)
{
	const struct place *place = *state;
	struct repo *repo = open_repo(place);
	struct repo_begin begin = {0};
	struct repo_run before, after;
	struct repo_writer *w;
	struct err err;
	int64_t id;

	ok(repo_run_begin(repo, &begin, &w, &err));
	ok(repo_run_finish(w, REPO_FINISHED, false, 7, &id, &err));
	ok(repo_run_get(repo, id, &before, &err));
	repo_free(repo);
	for (unsigned i = 0; i < 2; i++) {
		change_index(place, "UPDATE run SET state = 0");
		/* The second time, what the first one wrote is read. */
		if (i == 0)
			write_file(place, "streams/0", "\xb3torn", 5);
		repo = open_repo(place);
		ok(repo_run_get(repo, id, &after, &err));
		assert_string_equal(after.uid, before.uid);
		assert_int_equal(after.state, REPO_INTERRUPTED);
		assert_true(after.partial);
		repo_free(repo);
	}
}

int
main(void)
{
	static struct place place = {.format = 2};
	const struct CMUnitTest laws[] = {
	    LAW(an_index_from_the_future_is_refused, &place),
	    LAW(a_failing_test_without_its_stream_still_fails, &place),
	    LAW(a_run_whose_end_is_in_its_stream_has_ended, &place),
	    LAW(a_run_without_its_stream_keeps_its_uid, &place),
	    LAW(a_stream_that_the_index_does_not_know_is_not_overwritten, &place),
	};

	return cmocka_run_group_tests(laws, NULL, NULL);
}
