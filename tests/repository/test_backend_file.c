/* SPDX-License-Identifier: Apache-2.0
 *
 * What is true of format 1 alone: the files that it shares with Python's testrepository. */
#include "model.h"

#include "packet.h"

static void
next_stream_is_read_as_python_reads_it(void **state)
{
	const struct place *place = *state;
	struct repo *repo = open_repo(place);
	struct repo_begin begin = {0};
	struct repo_writer *w;
	struct err err;
	int64_t id;

	write_file(place, "next-stream", "abc\n", 4);
	assert_int_equal(repo_run_count(repo, &id, &err), -1);
	assert_string_equal(err.text, "Corrupt next-stream file: 'abc\\n'");
	write_file(place, "next-stream", " 4 \n", 4);
	ok(repo_run_count(repo, &id, &err));
	assert_int_equal(id, 4);
	/* A number that is taken is passed over. */
	write_file(place, "4", "test: x\nsuccess: x\n", 19);
	ok(repo_run_begin(repo, &begin, &w, &err));
	ok(repo_run_finish(w, REPO_FINISHED, true, 0, &id, &err));
	assert_int_equal(id, 5);
	repo_free(repo);
}

static void
other_files_in_format_1_are_left_alone(void **state)
{
	const struct place *place = *state;
	struct repo *repo;
	struct repo_run run;
	struct buf v2;
	struct event e;
	struct err err;
	int64_t latest;
	char path[256];

	write_file(place, "tmpabcdefgh", "test: a\n", 8);
	/* A run that somebody has stored as it came. */
	buf_init(&v2, 4096);
	event_init(&e);
	e.id = SLICE_LIT("b");
	e.status = STATUS_SKIP;
	e.time = BASE_TIME;
	assert_int_equal(packet_encode(&v2, &e), 0);
	write_file(place, "0", v2.data, v2.len);
	buf_release(&v2);
	repo = open_repo(place);
	ok(repo_latest(repo, &latest, &err));
	assert_int_equal(latest, 0);
	ok(repo_run_get(repo, 0, &run, &err));
	assert_int_equal(run.counts.tests, 1);
	assert_int_equal(run.counts.skips, 1);
	repo_free(repo);
	snprintf(path, sizeof(path), "%s/.testrepository/tmpabcdefgh", place->directory);
	assert_int_equal(access(path, F_OK), 0);
}

static void
a_torn_result_of_a_dead_writer_is_left_out(void **state)
{
	static const char spool[] =
	    "test: a\nfailure: a [ multipart\n]\ntags: -worker-0\n"
	    "test: b\nfailure: b [ multipart\nContent-Type: text/plain\ntraceback\n64\r\nhalf of";
	const struct place *place = *state;
	struct repo *repo;
	struct strtab failing = {0};
	struct repo_run run;
	struct err err;

	write_file(place, "testr-spool-abcdefgh", spool, sizeof(spool) - 1);
	/* One that had nothing to say. */
	write_file(place, "testr-spool-hgfedcba", spool, 10);
	repo = open_repo(place);
	ok(repo_run_get(repo, 0, &run, &err));
	assert_int_equal(run.counts.tests, 1);
	assert_int_equal(repo_run_get(repo, 1, &run, &err), -1);
	ok(repo_failing_ids(repo, &failing, &err));
	assert_int_equal(failing.len, 1);
	strtab_release(&failing);
	repo_free(repo);
}

static void
a_run_is_published_once(void **state)
{
	const struct place *place = *state;
	struct repo *repo = open_repo(place);
	struct repo_begin begin = {0};
	struct repo_writer *w;
	struct strtab failing = {0};
	struct err err;
	char run[256], spool[256], list[256];
	int64_t id, count;

	ok(repo_run_begin(repo, &begin, &w, &err));
	ok(simple_result(w, "a", STATUS_FAIL, &err));
	ok(repo_run_finish(w, REPO_FINISHED, false, 0, &id, &err));
	repo_free(repo);
	/* As if its writer had died between the number and the list of failing tests. */
	snprintf(run, sizeof(run), "%s/.testrepository/0", place->directory);
	snprintf(spool, sizeof(spool), "%s/.testrepository/testr-spool-abcdefgh", place->directory);
	snprintf(list, sizeof(list), "%s/.testrepository/failing", place->directory);
	assert_int_equal(link(run, spool), 0);
	assert_int_equal(unlink(list), 0);
	repo = open_repo(place);
	ok(repo_run_count(repo, &count, &err));
	assert_int_equal(count, 1);
	ok(repo_failing_ids(repo, &failing, &err));
	assert_int_equal(failing.len, 1);
	assert_int_equal(access(spool, F_OK), -1);
	strtab_release(&failing);
	repo_free(repo);
}

static void
without_times_the_runs_tell_the_durations(void **state)
{
	const struct place *place = *state;
	struct model *m = test_malloc(sizeof(*m));
	struct dice dice = {5};
	struct repo *repo;

	/* Some Python's database of another kind. */
	write_file(place, "times.dbm.db", "?", 1);
	repo = open_repo(place);
	model_init(m, 1);
	for (size_t i = 0; i < 12; i++) {
		random_run(m, &dice, repo);
		/* There a test that never ended has one, of nothing. */
		for (size_t n = 0; n < m->runs[i].count; n++) {
			const struct expected *x = &m->runs[i].results[n];

			m->durations[x->name] = status_is_final(x->status) ? x->stop - x->start : 0;
		}
		check_durations(m, repo);
	}
	repo_free(repo);
	test_free(m);
}

int
main(void)
{
	static struct place place = {.format = 1};
	const struct CMUnitTest laws[] = {
	    LAW(next_stream_is_read_as_python_reads_it, &place),
	    LAW(other_files_in_format_1_are_left_alone, &place),
	    LAW(a_torn_result_of_a_dead_writer_is_left_out, &place),
	    LAW(a_run_is_published_once, &place),
	    LAW(without_times_the_runs_tell_the_durations, &place),
	};

	return cmocka_run_group_tests(laws, NULL, NULL);
}
