/* SPDX-License-Identifier: Apache-2.0
 *
 * Every law of repository.h over every backend: random runs against a model in memory, many writers at once,
 * writers that are killed, and what a repository may look like that is none. */
#include "model.h"
#include "pages.h"
#include "reader.h"
#include "server.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

static void
random_runs_match_the_model(void **state)
{
	const struct place *place = *state;
	struct model *m = test_malloc(sizeof(*m));
	struct dice dice = {20240506};
	struct repo *repo = open_repo(place);
	struct err err;
	int64_t size;

	model_init(m, place->format);
	check_all(m, repo);
	for (size_t i = 0; i < RUNS_MAX; i++) {
		random_run(m, &dice, repo);
		if (roll(&dice, 3) == 0 && strcmp(place->url, "memory:") != 0) {
			repo_free(repo);
			repo = open_repo(place);
		}
		if (i % 4 == 0 || i + 1 == RUNS_MAX)
			check_all(m, repo);
		else
			check_failing(m, repo);
	}
	check_pages(m, &dice, repo);
	ok(repo_size(repo, &size, &err));
	assert_true(size > 0);
	repo_free(repo);
	test_free(m);
}

/* ---- several writers ---- */

#define WRITERS 16
#define RUNS_EACH 3

static int
write_runs(const struct place *place, unsigned writer)
{
	struct repo *repo;
	struct err err;
	int rc = repo_open(place->url, &repo, &err);

	for (unsigned n = 0; rc == 0 && n < RUNS_EACH; n++) {
		struct repo_begin begin = {0};
		struct repo_writer *w;
		char id[32];
		int64_t run;

		snprintf(id, sizeof(id), "writer.%u.%u", writer, n);
		rc = repo_run_begin(repo, &begin, &w, &err) || simple_result(w, id, STATUS_FAIL, &err) ||
		     simple_result(w, "everybody", n % 2 ? STATUS_FAIL : STATUS_SUCCESS, &err) ||
		     repo_run_finish(w, REPO_FINISHED, true, 0, &run, &err);
	}
	if (rc == 0)
		repo_free(repo);
	else
		fprintf(stderr, "# writer %u: %s\n", writer, err.text);
	return rc;
}

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
runs_at_the_same_time_are_all_recorded(void **state)
{
	const struct place *place = *state;
	struct repo *repo;
	struct strtab in_runs = {0}, in_failing = {0};
	struct repo_run run;
	struct err err;
	int64_t count;
	int status;

	for (unsigned i = 0; i < WRITERS; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			_exit(write_runs(place, i) ? 1 : 0);
	}
	for (unsigned i = 0; i < WRITERS; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	repo = open_repo(place);
	ok(repo_run_count(repo, &count, &err));
	assert_int_equal(count, WRITERS * RUNS_EACH);
	for (int64_t id = 0; id < count; id++) {
		ok(repo_run_get(repo, id, &run, &err));
		assert_int_equal(run.state, REPO_FINISHED);
		assert_int_equal(run.counts.tests, 2);
		ok(repo_results(repo, id, 0, note_writer, &in_runs, &err));
		assert_int_equal(in_runs.len, id + 1);
	}
	ok(repo_failing(repo, 0, note_writer, &in_failing, &err));
	assert_int_equal(in_failing.len, WRITERS * RUNS_EACH);
	strtab_release(&in_runs);
	strtab_release(&in_failing);
	repo_free(repo);
}

static void
a_living_writer_is_left_alone(void **state)
{
	const struct place *place = *state;
	struct repo *repo = open_repo(place), *other;
	struct repo_begin begin = {0};
	struct repo_writer *first, *second;
	struct strtab failing = {0};
	struct repo_run run;
	struct err err;
	int64_t latest, first_id, second_id;

	ok(repo_run_begin(repo, &begin, &first, &err));
	ok(repo_run_begin(repo, &begin, &second, &err));
	ok(simple_result(first, "a", STATUS_FAIL, &err));
	ok(simple_result(second, "b", STATUS_FAIL, &err));
	ok(repo_flush(first, &err));
	other = open_repo(place);
	ok(repo_latest(other, &latest, &err));
	assert_int_equal(latest, -1);
	if (place->format == 2) {
		ok(repo_run_get(other, 0, &run, &err));
		assert_int_equal(run.state, REPO_RUNNING);
	}
	ok(simple_result(first, "c", STATUS_SUCCESS, &err));
	ok(repo_run_finish(second, REPO_FINISHED, true, 0, &second_id, &err));
	ok(repo_run_finish(first, REPO_FINISHED, true, 0, &first_id, &err));
	assert_int_equal(first_id + second_id, 1);
	ok(repo_run_get(other, first_id, &run, &err));
	assert_int_equal(run.state, REPO_FINISHED);
	assert_int_equal(run.counts.tests, 2);
	/* In the order of their ends. */
	ok(repo_failing_ids(other, &failing, &err));
	assert_int_equal(failing.len, 2);
	assert_true(slice_eq(strtab_get(&failing, 0), SLICE_LIT("b")));
	strtab_release(&failing);
	repo_free(other);
	repo_free(repo);
}

/* ---- writers that die ---- */

/* Writes results until it is killed: "dead.N" passes for odd N and fails otherwise. *flushed says how many
 * surely survive. */
static void
write_until_killed(const struct place *place, volatile uint64_t *flushed, int tell)
{
	struct repo_begin begin = {0};
	struct repo_writer *w;
	struct repo *repo;
	struct err err;

	if (repo_open(place->url, &repo, &err) || repo_run_begin(repo, &begin, &w, &err))
		_exit(1);
	for (uint64_t n = 0; n < 1000000; n++) {
		char id[32];

		snprintf(id, sizeof(id), "dead.%" PRIu64, n);
		if (simple_result(w, id, n % 2 ? STATUS_SUCCESS : STATUS_FAIL, &err))
			_exit(1);
		if (n % 7 == 0) {
			if (repo_flush(w, &err))
				_exit(1);
			*flushed = n + 1;
			if (write(tell, "x", 1) != 1)
				_exit(1);
		}
	}
	_exit(1);
}

/* Starts a writer, waits until it has flushed `beats` times, and kills it. Returns how many results surely
 * survive. */
static uint64_t
kill_writer(const struct place *place, unsigned beats)
{
	volatile uint64_t *flushed =
	    mmap(NULL, sizeof(*flushed), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t survive;
	int pipes[2], status;
	pid_t pid;

	assert_true(flushed != MAP_FAILED);
	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		write_until_killed(place, flushed, pipes[1]);
	close(pipes[1]);
	for (unsigned i = 0; i < beats; i++) {
		char c;

		assert_int_equal(read(pipes[0], &c, 1), 1);
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	close(pipes[0]);
	survive = *flushed;
	munmap((void *)flushed, sizeof(*flushed));
	return survive;
}

static int
check_dead_result(void *context, const struct result *r, struct err *err)
{
	uint64_t *n = context;
	char id[32];

	(void)err;
	snprintf(id, sizeof(id), "dead.%" PRIu64, *n);
	assert_true(slice_eq(r->id, slice_str(id)));
	/* The last one may have got as far as its first packet. */
	if (status_is_final(r->status))
		assert_int_equal(r->status, *n % 2 ? STATUS_SUCCESS : STATUS_FAIL);
	++*n;
	return 0;
}

static void
a_killed_writer_leaves_an_interrupted_run(void **state)
{
	const struct place *place = *state;
	struct dice dice = {99};

	for (int64_t round = 0; round < 6; round++) {
		uint64_t survive = kill_writer(place, 1 + roll(&dice, 60)), n = 0;
		struct repo *repo = open_repaired(place);
		struct strtab failing = {0};
		struct repo_run run;
		struct err err;
		int64_t latest;

		ok(repo_latest(repo, &latest, &err));
		assert_int_equal(latest, round);
		ok(repo_run_get(repo, latest, &run, &err));
		assert_int_equal(run.state, place->format == 1 ? REPO_FINISHED : REPO_INTERRUPTED);
		assert_int_equal(run.partial, place->format != 1);
		ok(repo_results(repo, latest, 0, check_dead_result, &n, &err));
		assert_true(n >= survive);
		assert_int_equal(run.counts.tests, n);
		/* Every second test fails, those of earlier rounds too; one that never ended does not. */
		ok(repo_failing_ids(repo, &failing, &err));
		assert_true(failing.len >= (survive + 1) / 2);
		for (size_t i = 0; i < failing.len; i++) {
			char id[32];

			snprintf(id, sizeof(id), "dead.%zu", 2 * i);
			assert_true(slice_eq(strtab_get(&failing, i), slice_str(id)));
		}
		strtab_release(&failing);
		repo_free(repo);
	}
}

static void
only_one_of_many_openers_repairs(void **state)
{
	const struct place *place = *state;
	uint64_t survive = kill_writer(place, 800), n = 0;
	struct repo *repo;
	struct err err;
	int64_t count;
	int status;

	for (unsigned i = 0; i < 8; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			if (repo_open(place->url, &repo, &err))
				_exit(1);
			repo_free(repo);
			_exit(0);
		}
	}
	for (unsigned i = 0; i < 8; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	repo = open_repaired(place);
	ok(repo_run_count(repo, &count, &err));
	assert_int_equal(count, 1);
	ok(repo_results(repo, 0, 0, check_dead_result, &n, &err));
	assert_true(n >= survive);
	repo_free(repo);
}

/* Makes runs and tells of each that was finished, until it is killed. */
static void
finish_until_killed(const struct place *place, int tell)
{
	struct repo *repo;
	struct err err;

	if (repo_open(place->url, &repo, &err))
		_exit(1);
	for (;;) {
		struct repo_begin begin = {0};
		struct repo_writer *w;
		int64_t id;

		if (repo_run_begin(repo, &begin, &w, &err) || simple_result(w, "a", STATUS_FAIL, &err) ||
		    simple_result(w, "b", STATUS_SUCCESS, &err) ||
		    repo_run_finish(w, REPO_FINISHED, false, 0, &id, &err) ||
		    write(tell, &id, sizeof(id)) != sizeof(id))
			_exit(1);
	}
}

static void
a_finished_run_survives_a_kill(void **state)
{
	const struct place *place = *state;
	struct dice dice = {7};

	for (unsigned round = 0; round < 6; round++) {
		int pipes[2], status;
		int64_t id, last = -1, count, latest;
		unsigned wanted = 1 + roll(&dice, 8);
		struct strtab failing = {0};
		struct repo *repo;
		struct err err;
		pid_t pid;

		assert_int_equal(pipe(pipes), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			finish_until_killed(place, pipes[1]);
		close(pipes[1]);
		for (unsigned i = 0; i < wanted; i++)
			assert_int_equal(read(pipes[0], &id, sizeof(id)), sizeof(id));
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		while (read(pipes[0], &id, sizeof(id)) == sizeof(id))
			last = id;
		close(pipes[0]);
		repo = open_repaired(place);
		ok(repo_run_count(repo, &count, &err));
		ok(repo_latest(repo, &latest, &err));
		assert_true(count > last);
		/* At most the run that was being made when it was killed is not whole. */
		for (id = 0; id < latest; id++) {
			struct repo_run run;

			if (repo_run_get(repo, id, &run, &err))
				continue;
			assert_true(run.counts.tests == 2 || run.state == REPO_INTERRUPTED);
		}
		for (id = 0; id <= last; id++) {
			struct repo_run run;

			if (repo_run_get(repo, id, &run, &err) == 0 && run.state == REPO_FINISHED)
				assert_int_equal(run.counts.failures, 1);
		}
		ok(repo_failing_ids(repo, &failing, &err));
		assert_int_equal(failing.len, 1);
		strtab_release(&failing);
		repo_free(repo);
	}
}

static void
one_run(struct repo *repo, const struct repo_begin *begin, enum status a, enum status b)
{
	struct repo_writer *w;
	struct err err;
	int64_t id;

	ok(repo_run_begin(repo, begin, &w, &err));
	ok(simple_result(w, "a", a, &err));
	ok(simple_result(w, "b", b, &err));
	ok(repo_run_finish(w, REPO_FINISHED, true, 0, &id, &err));
}

static int
count_runs(void *context, const struct repo_run *run, struct err *err)
{
	(void)run;
	(void)err;
	++*(unsigned *)context;
	return 0;
}

/* "a" alone fails, in the first of two runs. */
static void
check_probed(struct repo *repo)
{
	struct repo_query query = {.since = TIME_NONE, .until = TIME_NONE};
	struct strtab failing = {0};
	unsigned all = 0, others = 0;
	int64_t latest;
	struct err err;

	ok(repo_failing_ids(repo, &failing, &err));
	assert_int_equal(failing.len, 1);
	assert_true(slice_eq(strtab_get(&failing, 0), SLICE_LIT("a")));
	strtab_release(&failing);
	ok(repo_latest(repo, &latest, &err));
	assert_int_equal(latest, 0);
	ok(repo_runs_where(repo, &query, count_runs, &all, &err));
	query.no_probes = true;
	ok(repo_runs_where(repo, &query, count_runs, &others, &err));
	assert_int_equal(all, 2);
	assert_int_equal(others, 1);
}

static void
a_probe_decides_nothing(void **state)
{
	const struct place *place = *state;
	struct repo_meta meta = {SLICE_LIT(REPO_META_PROBE), SLICE_LIT("test")};
	struct repo_begin plain = {0}, probe = {.meta = &meta, .meta_count = 1};
	struct repo *repo = open_repo(place);
	struct err err;

	one_run(repo, &plain, STATUS_FAIL, STATUS_SUCCESS);
	one_run(repo, &probe, STATUS_SUCCESS, STATUS_FAIL);
	check_probed(repo);
	repo_free(repo);
	if (strcmp(place->url, "memory:") == 0)
		return;
	ok(repo_rebuild(place->url, &err));
	repo = open_repo(place);
	check_probed(repo);
	repo_free(repo);
}

/* ---- details and text ---- */

struct keep {
	struct buf bytes;
	size_t count;
	uint64_t left_out;
};

static int
keep_detail(void *context, const struct result *r, struct err *err)
{
	struct keep *keep = context;

	(void)err;
	keep->count++;
	assert_int_equal(r->detail_count, 1);
	keep->left_out = r->details[0].left_out;
	buf_clear(&keep->bytes);
	buf_slice(&keep->bytes, r->details[0].bytes);
	return 0;
}

static void
large_binary_details_come_back(void **state)
{
	const struct place *place = *state;
	static const size_t sizes[] = {1, 4096, (size_t)3 << 20, ((size_t)9 << 20) + 17};
	struct repo *repo = open_repo(place);
	struct keep keep = {0};
	uint8_t *bytes = test_malloc((size_t)10 << 20);
	struct open_test t = {0};
	struct err err;

	buf_init(&keep.bytes, (size_t)64 << 20);
	for (size_t i = 0; i < 4; i++) {
		struct repo_begin begin = {0};
		struct repo_writer *w;
		int64_t id;

		fill_log((uint32_t)i, bytes, sizes[i]);
		ok(repo_run_begin(repo, &begin, &w, &err));
		append(w, &t, STATUS_FAIL, BASE_TIME, SLICE_LIT("core"),
		    SLICE_LIT("application/octet-stream"), slice_of(bytes, sizes[i]));
		ok(repo_run_finish(w, REPO_FINISHED, false, 1, &id, &err));
		keep.count = 0;
		ok(repo_results(repo, id, DETAIL_MAX, keep_detail, &keep, &err));
		assert_int_equal(keep.count, 1);
		assert_true(slice_eq(buf_get(&keep.bytes), slice_of(bytes, sizes[i])));
		ok(repo_failing(repo, DETAIL_MAX, keep_detail, &keep, &err));
		assert_int_equal(keep.count, 2);
		assert_true(slice_eq(buf_get(&keep.bytes), slice_of(bytes, sizes[i])));
		if (sizes[i] > 1000) {
			ok(repo_failing(repo, 1000, keep_detail, &keep, &err));
			assert_int_equal(keep.bytes.len + keep.left_out, sizes[i]);
			assert_true(keep.bytes.len <= 1000);
		}
	}
	buf_release(&keep.bytes);
	test_free(bytes);
	repo_free(repo);
}

static int
keep_text(void *context, struct slice text, struct err *err)
{
	struct keep *keep = context;

	(void)err;
	keep->count++;
	buf_slice(&keep->bytes, text);
	return 0;
}

static void
text_comes_back_by_its_name(void **state)
{
	const struct place *place = *state;
	static const uint8_t error[] = "first\0 and \xb3\xff";
	struct repo *repo = open_repo(place);
	struct repo_begin begin = {0};
	struct keep keep = {0};
	struct repo_writer *w;
	struct event e;
	struct err err;
	int64_t id;

	buf_init(&keep.bytes, 4096);
	ok(repo_run_begin(repo, &begin, &w, &err));
	event_init(&e);
	e.time = BASE_TIME;
	e.kind = EVENT_TEXT;
	e.file_name = SLICE_LIT("stdout");
	e.file = SLICE_LIT("hello ");
	ok(repo_append(w, &e, &err));
	e.kind = EVENT_PACKET;
	e.file_name = SLICE_LIT("testr error");
	e.file = slice_of(error, sizeof(error) - 1);
	ok(repo_append(w, &e, &err));
	/* What belongs to a test is no text of the run. */
	e.file_name = SLICE_LIT("stdout");
	e.id = SLICE_LIT("a");
	e.file = SLICE_LIT("of a test");
	ok(repo_append(w, &e, &err));
	e.id = SLICE_NONE;
	e.kind = EVENT_TEXT;
	e.file = SLICE_LIT("world");
	ok(repo_append(w, &e, &err));
	ok(simple_result(w, "a", STATUS_SUCCESS, &err));
	ok(repo_run_finish(w, REPO_FINISHED, false, 0, &id, &err));

	ok(repo_run_text(repo, id, SLICE_LIT("testr error"), keep_text, &keep, &err));
	assert_int_equal(keep.count, place->format == 1 ? 0 : 1);
	if (place->format == 2)
		assert_true(slice_eq(buf_get(&keep.bytes), slice_of(error, sizeof(error) - 1)));
	buf_clear(&keep.bytes);
	ok(repo_run_text(repo, id, SLICE_LIT("stdout"), keep_text, &keep, &err));
	if (place->format == 2)
		assert_true(slice_eq(buf_get(&keep.bytes), SLICE_LIT("hello world")));
	assert_int_equal(repo_run_text(repo, id + 1, SLICE_LIT("stdout"), keep_text, &keep, &err), -1);
	assert_string_equal(err.text, "No such run.");
	buf_release(&keep.bytes);
	repo_free(repo);
}

static void
a_time_that_no_packet_can_hold_costs_only_itself(void **state)
{
	const struct place *place = *state;
	struct repo *repo = open_repo(place);
	struct repo_begin begin = {0};
	struct repo_writer *w;
	struct repo_run run;
	struct event e;
	struct err err;
	int64_t id;

	ok(repo_run_begin(repo, &begin, &w, &err));
	event_init(&e);
	e.id = SLICE_LIT("old");
	e.status = STATUS_SUCCESS;
	e.time = -TIME_SECOND;
	ok(repo_append(w, &e, &err));
	e.time = INT64_C(5000000000) * TIME_SECOND;
	ok(repo_append(w, &e, &err));
	ok(repo_run_finish(w, REPO_FINISHED, false, 0, &id, &err));
	ok(repo_run_get(repo, id, &run, &err));
	assert_int_equal(run.counts.tests, 2);
	repo_free(repo);
}

static int
stop_walk(void *context, const struct result *r, struct err *err)
{
	++*(int *)context;
	return err_set(err, ERR_USAGE, "stop at %.*s", SLICE_FMT(r->id));
}

static void
a_walk_ends_where_its_function_says(void **state)
{
	struct repo *repo = open_repo(*state);
	struct repo_begin begin = {0};
	struct repo_writer *w;
	struct err err;
	int64_t id;
	int calls = 0;

	ok(repo_run_begin(repo, &begin, &w, &err));
	ok(simple_result(w, "a", STATUS_FAIL, &err));
	ok(simple_result(w, "b", STATUS_FAIL, &err));
	ok(repo_run_finish(w, REPO_FINISHED, false, 0, &id, &err));
	assert_int_equal(repo_results(repo, id, 0, stop_walk, &calls, &err), -1);
	assert_string_equal(err.text, "stop at a");
	assert_int_equal(err.kind, ERR_USAGE);
	assert_int_equal(repo_failing(repo, 0, stop_walk, &calls, &err), -1);
	assert_string_equal(err.text, "stop at a");
	assert_int_equal(calls, 2);
	repo_free(repo);
}

/* ---- the stream and what it says of the run ---- */

static int
append_event(void *context, const struct event *e, struct err *err)
{
	return repo_append(context, e, err);
}

/* Feeds the stream to fn, event by event. */
static void
each_event(struct slice stream, int (*fn)(void *, const struct event *, struct err *), void *context)
{
	struct reader *reader = reader_new(READER_V2);
	struct event e;
	struct err err;

	while (stream.len) {
		size_t room;
		uint8_t *space = reader_space(reader, &room);

		room = room < stream.len ? room : stream.len;
		memcpy(space, stream.data, room);
		reader_commit(reader, room);
		stream = slice_from(stream, room);
		while (reader_next(reader, &e) > 0)
			ok(fn(context, &e, &err));
	}
	reader_end(reader);
	while (reader_next(reader, &e) > 0)
		ok(fn(context, &e, &err));
	reader_free(reader);
}

struct facts {
	size_t packets;
	char first[400], last[400];
};

static int
keep_facts(void *context, const struct event *e, struct err *err)
{
	struct facts *facts = context;

	(void)err;
	if (e->id.data || !slice_eq(e->file_name, SLICE_LIT("testr-run")))
		return 0;
	assert_true(slice_eq(e->mime, SLICE_LIT("application/json")));
	snprintf(
	    facts->packets++ ? facts->last : facts->first, sizeof(facts->last), "%.*s", SLICE_FMT(e->file));
	return 0;
}

static void
a_stream_says_everything_of_its_run(void **state)
{
	struct repo *repo = open_repo(*state);
	struct repo_meta meta = {SLICE_LIT("host"), SLICE_LIT("here")};
	struct repo_begin begin = {.command = "testr load", .meta = &meta, .meta_count = 1};
	struct facts facts = {0};
	struct repo_writer *w;
	struct repo_run run, copy;
	struct keep stream = {0};
	char want[400];
	struct err err;
	int64_t id;

	if (repo_format(repo) == 1) {
		repo_free(repo);
		return;
	}
	buf_init(&stream.bytes, (size_t)1 << 20);
	ok(repo_run_begin(repo, &begin, &w, &err));
	ok(simple_result(w, "a", STATUS_FAIL, &err));
	ok(repo_meta_set(w, SLICE_LIT("host"), SLICE_LIT("there"), &err));
	ok(repo_run_finish(w, REPO_FINISHED, true, 7, &id, &err));
	ok(repo_run_get(repo, id, &run, &err));
	ok(repo_stream(repo, id, keep_text, &stream, &err));
	each_event(buf_get(&stream.bytes), keep_facts, &facts);
	assert_int_equal(facts.packets, 3);
	snprintf(want, sizeof(want),
	    "{\"version\":1,\"uid\":\"%s\",\"uxsuccess_passes\":false,\"meta\":{\"command\":\"testr load\","
	    "\"host\":\"here\"}}",
	    run.uid);
	assert_string_equal(facts.first, want);
	snprintf(want, sizeof(want),
	    "{\"state\":\"finished\",\"partial\":true,\"exit\":7,\"sequence\":%" PRId64 "}", run.sequence);
	assert_string_equal(facts.last, want);

	/* Stored again as it is, it makes a run of its own. */
	begin = (struct repo_begin){.uid = "0123456789abcdef0123456789abcdef"};
	ok(repo_run_begin(repo, &begin, &w, &err));
	each_event(buf_get(&stream.bytes), append_event, w);
	ok(repo_run_finish(w, REPO_INTERRUPTED, false, -1, &id, &err));
	ok(repo_run_get(repo, id, &copy, &err));
	assert_string_equal(copy.uid, begin.uid);
	assert_int_equal(copy.state, REPO_INTERRUPTED);
	assert_int_equal(copy.counts.failures, 1);
	assert_true(copy.sequence > run.sequence);
	assert_int_equal(repo_run_begin(repo, &begin, &w, &err), -1);
	assert_non_null(strstr(err.text, "is there already"));
	begin.uid = "short";
	assert_int_equal(repo_run_begin(repo, &begin, &w, &err), -1);
	buf_release(&stream.bytes);
	repo_free(repo);
}

static int
keep_value(void *context, struct slice key, struct slice value, struct err *err)
{
	if (slice_eq(key, SLICE_LIT("long")))
		assert_int_equal(value.len, REPO_VALUE_MAX);
	return slice_eq(key, SLICE_LIT("odd")) ? keep_text(context, value, err) : 0;
}

static void
metadata_has_limits(void **state)
{
	struct repo *repo = open_repo(*state);
	uint8_t *bytes = test_malloc(REPO_VALUE_MAX + 1);
	struct repo_meta meta = {slice_of(bytes, REPO_KEY_MAX + 1), SLICE_LIT("")};
	struct repo_begin begin = {.meta = &meta, .meta_count = 1};
	struct repo_writer *w;
	struct keep keep = {0};
	struct err err;
	int64_t id;

	memset(bytes, 'x', REPO_VALUE_MAX + 1);
	buf_init(&keep.bytes, 4096);
	assert_int_equal(repo_run_begin(repo, &begin, &w, &err), -1);
	meta.key = SLICE_LIT("");
	assert_int_equal(repo_run_begin(repo, &begin, &w, &err), -1);
	meta = (struct repo_meta){SLICE_LIT("long"), slice_of(bytes, REPO_VALUE_MAX + 1)};
	ok(repo_run_begin(repo, &begin, &w, &err));
	ok(repo_meta_set(w, SLICE_LIT("odd"), slice_of("\0a\xff", 3), &err));
	assert_int_equal(repo_meta_set(w, SLICE_LIT("a\xff"), SLICE_LIT(""), &err), -1);
	ok(repo_run_finish(w, REPO_FINISHED, false, 0, &id, &err));
	if (repo_format(repo) == 2) {
		ok(repo_meta(repo, id, keep_value, &keep, &err));
		assert_true(slice_eq(buf_get(&keep.bytes), SLICE_LIT("\xef\xbf\xbd"
								     "a\xef\xbf\xbd")));
	}
	buf_release(&keep.bytes);
	test_free(bytes);
	repo_free(repo);
}

/* ---- what is no repository ---- */

static void
errors_say_what_is_wrong(void **state)
{
	const struct place *place = *state;
	char path[256], words[400];
	struct err err;

	assert_int_equal(repo_create(place->directory, place->format, &err), -1);
	assert_non_null(strstr(err.text, "is there already"));
	assert_int_equal(repo_create("/nonexistent/place", place->format, &err), -1);
	assert_non_null(strstr(err.text, "/nonexistent/place"));
	assert_int_equal(repo_create(place->directory, 7, &err), -1);

	snprintf(path, sizeof(path), "%s/nothing", place->directory);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(
	    words, sizeof(words), "No repository found in %s. Create one by running \"testr init\".", path);
	must_not_open(path, words);
	must_not_open("/nonexistent/place",
	    "No repository found in /nonexistent/place. Create one by running \"testr init\".");
	/* Half a repository is none, and a second attempt completes it. */
	snprintf(words, sizeof(words), "%s/.testrepository", path);
	assert_int_equal(mkdir(words, 0700), 0);
	must_not_open(path, "No repository found in ");
	ok(repo_create(path, place->format, &err));

	write_file(place, "format", "3\n", 2);
	must_not_open(place->directory, "format \"3\"");
	write_file(place, "format", "", 0);
	must_not_open(place->directory, "format \"\"");
	snprintf(path, sizeof(path), "%s/.testrepository/format", place->directory);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	must_not_open(place->directory, strerror(EISDIR));
	/* A file where the directory should be. */
	must_not_open("/dev/null", strerror(ENOTDIR));
}

/* To add a backend, add its place to main. */
#define LAWS(prefix, place) \
	{prefix "random_runs_match_the_model", random_runs_match_the_model, set_up, tear_down, place}, \
	    {prefix "runs_at_the_same_time_are_all_recorded", runs_at_the_same_time_are_all_recorded, \
		set_up, tear_down, place}, \
	    {prefix "a_living_writer_is_left_alone", a_living_writer_is_left_alone, set_up, tear_down, \
		place}, \
	    {prefix "a_killed_writer_leaves_an_interrupted_run", a_killed_writer_leaves_an_interrupted_run, \
		set_up, tear_down, place}, \
	    {prefix "only_one_of_many_openers_repairs", only_one_of_many_openers_repairs, set_up, tear_down, \
		place}, \
	    {prefix "a_finished_run_survives_a_kill", a_finished_run_survives_a_kill, set_up, tear_down, \
		place}, \
	    {prefix "large_binary_details_come_back", large_binary_details_come_back, set_up, tear_down, \
		place}, \
	    {prefix "text_comes_back_by_its_name", text_comes_back_by_its_name, set_up, tear_down, place}, \
	    {prefix "a_time_that_no_packet_can_hold_costs_only_itself", \
		a_time_that_no_packet_can_hold_costs_only_itself, set_up, tear_down, place}, \
	    {prefix "a_walk_ends_where_its_function_says", a_walk_ends_where_its_function_says, set_up, \
		tear_down, place}, \
	    {prefix "a_stream_says_everything_of_its_run", a_stream_says_everything_of_its_run, set_up, \
		tear_down, place}, \
	    {prefix "metadata_has_limits", metadata_has_limits, set_up, tear_down, place}, \
	{ \
		prefix "errors_say_what_is_wrong", errors_say_what_is_wrong, set_up, tear_down, place \
	}

/* stestr's directory, which only stestr makes, is Python testr's under another name. */
static int
set_up_stestr(void **state)
{
	struct place *place = *state;
	char from[96], to[96];

	if (set_up(state))
		return -1;
	snprintf(from, sizeof(from), "%s/.testrepository", place->directory);
	snprintf(to, sizeof(to), "%s/.stestr", place->directory);
	return rename(from, to);
}

static int
set_up_postgres(void **state)
{
	return server_new_place(&server, *state);
}

static int
set_up_memory(void **state)
{
	struct place *place = *state;

	strcpy(place->url, "memory:");
	return 0;
}

#define POSTGRES(law) \
	{ \
		"postgresql." #law, law, set_up_postgres, NULL, &postgres \
	}

#define MEMORY(law) \
	{ \
		"memory." #law, law, set_up_memory, NULL, &memory \
	}

#define STESTR(law) \
	{ \
		"stestr." #law, law, set_up_stestr, tear_down, &stestr \
	}

int
main(void)
{
	static struct place format2 = {.format = 2}, format1 = {.format = 1}, stestr = {.format = 1};
	static struct place postgres = {.format = 2}, memory = {.format = 2};
	const struct CMUnitTest laws[] = {
	    LAWS("format_2.", &format2),
	    {"format_2.a_probe_decides_nothing", a_probe_decides_nothing, set_up, tear_down, &format2},
	    LAWS("format_1.", &format1),
	    STESTR(random_runs_match_the_model),
	    STESTR(runs_at_the_same_time_are_all_recorded),
	    STESTR(a_living_writer_is_left_alone),
	    STESTR(a_killed_writer_leaves_an_interrupted_run),
	    STESTR(a_finished_run_survives_a_kill),
	    POSTGRES(random_runs_match_the_model),
	    POSTGRES(runs_at_the_same_time_are_all_recorded),
	    POSTGRES(a_living_writer_is_left_alone),
	    POSTGRES(a_killed_writer_leaves_an_interrupted_run),
	    POSTGRES(only_one_of_many_openers_repairs),
	    POSTGRES(a_finished_run_survives_a_kill),
	    POSTGRES(a_probe_decides_nothing),
	    POSTGRES(large_binary_details_come_back),
	    POSTGRES(text_comes_back_by_its_name),
	    POSTGRES(a_time_that_no_packet_can_hold_costs_only_itself),
	    POSTGRES(a_walk_ends_where_its_function_says),
	    POSTGRES(a_stream_says_everything_of_its_run),
	    POSTGRES(metadata_has_limits),
	    MEMORY(a_probe_decides_nothing),
	    MEMORY(random_runs_match_the_model),
	    MEMORY(large_binary_details_come_back),
	    MEMORY(text_comes_back_by_its_name),
	    MEMORY(a_time_that_no_packet_can_hold_costs_only_itself),
	    MEMORY(a_walk_ends_where_its_function_says),
	    MEMORY(a_stream_says_everything_of_its_run),
	    MEMORY(metadata_has_limits),
	};

	return cmocka_run_group_tests(laws, start_server, stop_server);
}
