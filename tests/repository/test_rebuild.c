/* SPDX-License-Identifier: Apache-2.0
 *
 * The index is made again from the streams: every answer is as before; and what is not as the streams say is
 * found. */
#include "answers.h"
#include "server.h"

#include <sqlite3.h>
#include <sys/time.h>
#include <sys/wait.h>

#define RUNS 16

static void
execute(const struct place *place, const char *sql)
{
	char path[256];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/.testrepository/index.sqlite", place->directory);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
}

static void
remove_some(struct repo *repo, struct dice *dice, bool *removed, size_t runs)
{
	int64_t ids[RUNS];
	size_t count = 0;
	struct err err;

	for (size_t i = 0; i < runs; i++)
		if (!removed[i] && roll(dice, 5) == 0) {
			removed[i] = true;
			ids[count++] = (int64_t)i;
		}
	ok(repo_remove(repo, ids, count, &err));
}

/* Random runs, some of them removed. Ended runs alone. */
static struct repo *
fill(const struct place *place, uint64_t seed)
{
	struct model *m = test_malloc(sizeof(*m));
	struct dice dice = {seed};
	bool removed[RUNS] = {false};
	struct repo *repo = open_repo(place);

	model_init(m, 2);
	for (size_t i = 0; i < RUNS; i++) {
		random_run(m, &dice, repo);
		if (seed % 2 && roll(&dice, 4) == 0)
			remove_some(repo, &dice, removed, i + 1);
	}
	test_free(m);
	return repo;
}

static int
note_wrong(void *context, int64_t run, const char *what, struct err *err)
{
	size_t *wrong = context;

	(void)run;
	(void)err;
	assert_true(what[0]);
	++*wrong;
	return 0;
}

static size_t
count_wrong(struct repo *repo)
{
	size_t wrong = 0;
	struct err err;

	ok(repo_verify(repo, note_wrong, &wrong, &err));
	return wrong;
}

/* What may have become of an index. */
static void
spoil(const struct place *place, size_t how)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/.testrepository/index.sqlite", place->directory);
	if (how == 1)
		assert_int_equal(unlink(path), 0);
	if (how == 2)
		assert_int_equal(truncate(path, 5000), 0);
	if (how == 3)
		write_file(place, "index.sqlite", "this is none", 12);
	if (how == 4)
		execute(place, "DELETE FROM run WHERE id = 3; DELETE FROM failing; DELETE FROM duration;"
			       "UPDATE result SET status = 3, position = 7; DELETE FROM run_meta");
	if (how == 5)
		execute(place, "PRAGMA user_version = 1");
}

static void
every_answer_is_as_before(void **state)
{
	const struct place *place = *state;

	for (size_t i = 0; i < 12; i++) {
		struct repo *repo;
		struct err err;
		char *before;

		if (i) {
			tear_down(state);
			set_up(state);
		}
		repo = fill(place, 31 * i + 8);
		before = answers_of(repo, true, NULL);
		assert_int_equal(count_wrong(repo), 0);
		repo_free(repo);
		spoil(place, i % 6);
		if (i % 6 && i % 6 != 4 && i % 6 != 2)
			must_not_open(place->directory, "testr repository rebuild");
		ok(repo_rebuild(place->url, &err));
		repo = open_repo(place);
		same_answers(before, answers_of(repo, true, NULL));
		assert_int_equal(count_wrong(repo), 0);
		repo_free(repo);
	}
}

static void
what_is_wrong_is_found(void **state)
{
	static const char *const changes[] = {
	    "DELETE FROM run WHERE id = 2",
	    "UPDATE run SET tests = tests + 1 WHERE id = 1",
	    "UPDATE run SET exit_status = 77 WHERE id = 4",
	    "UPDATE result SET position = position + 1 WHERE run = (SELECT min(run) FROM result)",
	    "DELETE FROM result WHERE run = (SELECT max(run) FROM result)",
	    "DELETE FROM failing WHERE place = (SELECT max(place) FROM failing)",
	    "UPDATE duration SET duration = 1 WHERE test = (SELECT min(test) FROM duration)",
	    "INSERT INTO run_meta (run, key, value) VALUES (1, 'a', 'b')",
	};
	const struct place *place = *state;

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct repo *repo;
		struct err err;
		char *before;

		tear_down(state);
		set_up(state);
		repo = fill(place, 2 * i);
		before = answers_of(repo, true, NULL);
		execute(place, changes[i]);
		if (!count_wrong(repo))
			fail_msg("nobody saw: %s", changes[i]);
		ok(repo_rebuild(place->url, &err));
		/* A connection that was open before sees the new one. */
		assert_int_equal(count_wrong(repo), 0);
		same_answers(before, answers_of(repo, true, NULL));
		repo_free(repo);
	}
}

static void
a_database_is_made_again_as_well(void **state)
{
	struct place place = {.format = 2};
	char sql[300], *before;
	struct repo *repo;
	struct err err;

	(void)state;
	assert_int_equal(server_new_place(&server, &place), 0);
	repo = fill(&place, 5);
	before = answers_of(repo, true, NULL);
	assert_int_equal(count_wrong(repo), 0);
	snprintf(sql, sizeof(sql),
	    "SET search_path TO %s; DELETE FROM failing; DELETE FROM result WHERE run < 9;"
	    "UPDATE duration SET duration = 1; DELETE FROM run WHERE id > 12",
	    strstr(place.url, "%3D") + 3);
	assert_int_equal(server_execute(&server, sql), 0);
	assert_true(count_wrong(repo) >= 4);
	ok(repo_rebuild(place.url, &err));
	assert_int_equal(count_wrong(repo), 0);
	same_answers(before, answers_of(repo, true, NULL));
	repo_free(repo);
}

static void
damaged_streams_are_found(void **state)
{
	const struct place *place = *state;
	struct repo *repo = fill(place, 4);
	char path[256];
	struct err err;
	int fd;

	snprintf(path, sizeof(path), "%s/.testrepository/streams/3", place->directory);
	fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "?", 1, 20), 1);
	close(fd);
	assert_true(count_wrong(repo) > 0);
	snprintf(path, sizeof(path), "%s/.testrepository/streams/5", place->directory);
	assert_int_equal(truncate(path, 400), 0);
	snprintf(path, sizeof(path), "%s/.testrepository/streams/7", place->directory);
	assert_int_equal(unlink(path), 0);
	assert_true(count_wrong(repo) >= 3);
	repo_free(repo);
	/* The rest is saved. */
	ok(repo_rebuild(place->url, &err));
	repo = open_repo(place);
	assert_int_equal(repo_run_get(repo, 7, &(struct repo_run){0}, &err), -1);
	ok(repo_run_get(repo, 5, &(struct repo_run){0}, &err));
	repo_free(repo);
}

static void
a_run_that_is_written_is_waited_for(void **state)
{
	const struct place *place = *state;
	struct repo *repo = open_repo(place);
	struct repo_begin begin = {0};
	struct repo_writer *w;
	struct err err;
	int64_t id;

	ok(repo_run_begin(repo, &begin, &w, &err));
	ok(simple_result(w, "a", STATUS_FAIL, &err));
	assert_int_equal(repo_rebuild(place->url, &err), -1);
	assert_non_null(strstr(err.text, "run 0 is being written"));
	assert_int_equal(count_wrong(repo), 0);
	ok(repo_run_finish(w, REPO_FINISHED, false, 0, &id, &err));
	ok(repo_rebuild(place->url, &err));
	repo_free(repo);
}

static void
a_rebuild_that_is_killed_changes_nothing(void **state)
{
	const struct place *place = *state;
	struct dice dice = {99};
	struct repo *repo = fill(place, 3);
	char *before = answers_of(repo, true, NULL);

	repo_free(repo);
	for (size_t i = 0; i < 30; i++) {
		pid_t child = fork();
		struct err err;

		if (child == 0) {
			/* The alarm ends a process that does not look out for it. */
			struct itimerval alarm = {.it_value = {.tv_usec = 1 + roll(&dice, 20000)}};

			setitimer(ITIMER_REAL, &alarm, NULL);
			_exit(repo_rebuild(place->url, &err) != 0);
		}
		roll(&dice, 2);
		assert_int_equal(waitpid(child, NULL, 0), child);
		repo = open_repo(place);
		assert_int_equal(count_wrong(repo), 0);
		repo_free(repo);
	}
	repo = open_repo(place);
	same_answers(before, answers_of(repo, true, NULL));
	repo_free(repo);
}

int
main(void)
{
	static struct place place = {.format = 2, .in_memory = true};
	const struct CMUnitTest laws[] = {
	    LAW(every_answer_is_as_before, &place),
	    LAW(what_is_wrong_is_found, &place),
	    LAW(damaged_streams_are_found, &place),
	    LAW(a_run_that_is_written_is_waited_for, &place),
	    LAW(a_rebuild_that_is_killed_changes_nothing, &place),
	    cmocka_unit_test(a_database_is_made_again_as_well),
	};

	return cmocka_run_group_tests(laws, start_server, stop_server);
}
