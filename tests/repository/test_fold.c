/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs that come in any order, also with the same place, say together what they say in their own order; in
 * either database, with and without a checkpoint, and whenever it is found out anew. */
#include "fold.h"

#include "db_postgres.h"
#include "db_sqlite.h"
#include "server.h"
#include "sql.h"
#include "streams.h"

#include <inttypes.h>

#define TESTS 7
#define RESULTS 6
#define RUNS 18

struct entry {
	size_t test;
	enum status status;
	int64_t duration;
};

struct made_run {
	struct repo_run facts;
	struct entry results[RESULTS];
	size_t count;
};

struct failing_test {
	size_t test;
	int64_t stream;
	enum status status;
};

/* What is expected of all runs together. */
struct answer {
	struct failing_test failing[TESTS];
	size_t count;
	int64_t durations[TESTS], places[TESTS]; /* TIME_NONE: unknown */
};

static struct db *
new_db(bool postgres)
{
	char url[256];
	struct db *db = NULL;
	struct err err;

	if (postgres) {
		assert_int_equal(server_new_schema(&server, url, sizeof(url)), 0);
		ok(db_open_postgres(url, &db, &err));
	} else {
		ok(db_open_sqlite(":memory:", true, &db, &err));
	}
	ok(index_create(db, true, &err));
	return db;
}

/* ---- the rules in their plainest form ---- */

static bool
entry_fails(const struct made_run *run, const struct entry *x)
{
	return x->status == STATUS_FAIL || !status_is_final(x->status) ||
	       (x->status == STATUS_UXSUCCESS && !run->facts.uxsuccess_passes);
}

static void
change_failing(struct answer *a, const struct made_run *run, const struct entry *x)
{
	size_t at = 0;

	while (at < a->count && a->failing[at].test != x->test)
		at++;
	if (entry_fails(run, x)) {
		a->failing[at] = (struct failing_test){x->test, run->facts.id, x->status};
		a->count += at == a->count;
	} else if (at < a->count) {
		memmove(&a->failing[at], &a->failing[at + 1], (a->count - at - 1) * sizeof(a->failing[0]));
		a->count--;
	}
}

static void
answer_add(struct answer *a, const struct made_run *run)
{
	bool finished = run->facts.state == REPO_FINISHED;

	if (finished && !run->facts.partial)
		a->count = 0;
	for (size_t i = 0; i < run->count; i++)
		if (status_is_final(run->results[i].status))
			change_failing(a, run, &run->results[i]);
	/* Tests that never ended come last, the one that began last first. */
	for (size_t i = run->count; i--;)
		if (!status_is_final(run->results[i].status) && finished)
			change_failing(a, run, &run->results[i]);
	for (size_t i = 0; i < run->count; i++)
		if (run->results[i].duration != TIME_NONE) {
			a->durations[run->results[i].test] = run->results[i].duration;
			a->places[run->results[i].test] = run->facts.sequence;
		}
}

static bool
comes_first(const struct made_run *a, const struct made_run *b)
{
	return a->facts.sequence < b->facts.sequence ||
	       (a->facts.sequence == b->facts.sequence && strcmp(a->facts.uid, b->facts.uid) < 0);
}

/* After these runs, all in the order in which they came, on top of a checkpoint at `from`. */
static struct answer
expect(const struct made_run *runs, size_t count, const struct answer *checkpoint, int64_t from)
{
	struct answer a = *checkpoint;
	bool done[RUNS] = {false};

	for (;;) {
		size_t next = RUNS;

		for (size_t i = 0; i < count; i++)
			if (!done[i] && runs[i].facts.sequence > from &&
			    (next == RUNS || comes_first(&runs[i], &runs[next])))
				next = i;
		if (next == RUNS)
			return a;
		done[next] = true;
		answer_add(&a, &runs[next]);
	}
}

/* ---- making ---- */

static void
make_run(struct dice *dice, int64_t id, struct made_run *run)
{
	static const enum status statuses[] = {STATUS_SUCCESS, STATUS_SUCCESS, STATUS_FAIL, STATUS_FAIL,
	    STATUS_SKIP, STATUS_UXSUCCESS, STATUS_INPROGRESS};

	*run = (struct made_run){.facts = {.id = id,
				     .state = roll(dice, 4) ? REPO_FINISHED : REPO_INTERRUPTED,
				     .partial = roll(dice, 3) != 0,
				     .uxsuccess_passes = roll(dice, 2),
				     .start = TIME_NONE,
				     .stop = TIME_NONE,
				     .exit_status = -1,
				     .sequence = 1 + roll(dice, 12)}};
	snprintf(run->facts.uid, sizeof(run->facts.uid), "%08x%08x%08x%08x", roll(dice, UINT32_MAX),
	    (unsigned)id, 0u, 0u);
	run->count = roll(dice, RESULTS + 1);
	for (size_t i = 0; i < run->count; i++) {
		struct entry *x = &run->results[i];

		x->test = roll(dice, TESTS);
		x->status = statuses[roll(dice, sizeof(statuses) / sizeof(statuses[0]))];
		x->duration =
		    status_is_final(x->status) && roll(dice, 4) ? (int64_t)roll(dice, 1000) : TIME_NONE;
	}
}

static void
add_results(struct index *ix, int64_t stream, const struct entry *results, size_t count)
{
	struct index_batch batch = {0};
	struct err err;

	for (size_t i = 0; i < count; i++) {
		char name[8];
		struct result r = {.status = results[i].status, .start = 0, .stop = results[i].duration};

		snprintf(name, sizeof(name), "t%zu", results[i].test);
		r.id = slice_str(name);
		r.offset = 100 * i;
		r.end = r.offset + 50;
		ok(index_batch_add(&batch, &r, &err));
	}
	ok(index_results_add(ix, stream, &batch, &err));
	index_batch_release(&batch);
}

static void
add_run(struct index *ix, const struct made_run *run)
{
	int64_t last = 0;
	struct err err;

	ok(index_begin(ix, false, &err));
	ok(index_run_insert(ix, &run->facts, &err));
	ok(index_sequence_last(ix, &last, &err));
	add_results(ix, run->facts.id, run->results, run->count);
	ok(index_run_update(ix, &run->facts, &err));
	ok(fold_run(ix, &run->facts, last, &err));
	ok(index_commit(ix, &err));
}

/* Durations first, then what fails, in its order. */
static struct answer
add_checkpoint(struct index *ix, struct dice *dice, int64_t place)
{
	struct entry results[2 * TESTS];
	struct answer a = {.count = 0};
	size_t count = 0;
	struct err err;

	for (size_t i = 0; i < TESTS; i++) {
		a.places[i] = place;
		a.durations[i] = roll(dice, 2) ? (int64_t)roll(dice, 1000) : TIME_NONE;
		if (a.durations[i] != TIME_NONE)
			results[count++] = (struct entry){i, STATUS_SUCCESS, a.durations[i]};
	}
	for (size_t i = TESTS; i--;) {
		enum status status = roll(dice, 2) ? STATUS_FAIL : STATUS_INPROGRESS;

		if (roll(dice, 2))
			continue;
		a.failing[a.count++] = (struct failing_test){i, STREAMS_CHECKPOINT(3), status};
		results[count++] = (struct entry){i, status, TIME_NONE};
	}
	ok(index_begin(ix, false, &err));
	add_results(ix, STREAMS_CHECKPOINT(3), results, count);
	ok(fold_checkpoint_set(ix, place, 3, &err));
	ok(fold_again(ix, &err));
	ok(index_commit(ix, &err));
	return a;
}

/* ---- checking ---- */

struct walk {
	const struct answer *want;
	size_t seen;
};

static int
check_failing(void *context, int64_t stream, const struct result *r, struct err *err)
{
	struct walk *walk = context;
	const struct failing_test *x = &walk->want->failing[walk->seen];
	char name[8];

	(void)err;
	assert_true(walk->seen < walk->want->count);
	snprintf(name, sizeof(name), "t%zu", x->test);
	assert_true(slice_eq(r->id, slice_str(name)));
	assert_int_equal(stream, x->stream);
	assert_int_equal(r->status, x->status);
	walk->seen++;
	return 0;
}

static int
check_duration(void *context, struct slice test, struct slice profile, int64_t duration, int64_t sequence,
    struct err *err)
{
	struct walk *walk = context;
	size_t i = (size_t)(test.data[1] - '0');

	(void)err;
	assert_int_equal(profile.len, 0);
	assert_true(duration == walk->want->durations[i]);
	assert_int_equal(sequence, walk->want->places[i]);
	walk->seen++;
	return 0;
}

static void
check(struct index *ix, const struct answer *want)
{
	struct walk failing = {want, 0}, durations = {want, 0};
	size_t known = 0;
	struct err err;

	ok(fold_settle(ix, &err));
	ok(fold_failing(ix, check_failing, &failing, &err));
	assert_int_equal(failing.seen, want->count);
	ok(fold_durations_all(ix, check_duration, &durations, &err));
	for (size_t i = 0; i < TESTS; i++)
		known += want->durations[i] != TIME_NONE;
	assert_int_equal(durations.seen, known);
}

static void
runs_say_the_same_in_any_order(bool postgres, unsigned rounds)
{
	for (unsigned seed = 0; seed < rounds; seed++) {
		struct dice dice = {seed};
		struct made_run runs[RUNS];
		struct db *db = new_db(postgres);
		struct answer none = {.count = 0}, want;
		struct index *ix;
		int64_t place = 0;
		struct err err;

		for (size_t i = 0; i < TESTS; i++)
			none.durations[i] = TIME_NONE;
		ok(index_open(db, &ix, &err));
		if (seed % 2) {
			place = 1 + roll(&dice, 6);
			none = add_checkpoint(ix, &dice, place);
		}
		for (size_t i = 0; i < RUNS; i++) {
			make_run(&dice, (int64_t)i, &runs[i]);
			add_run(ix, &runs[i]);
			if (roll(&dice, 3))
				continue;
			want = expect(runs, i + 1, &none, place);
			check(ix, &want);
		}
		want = expect(runs, RUNS, &none, place);
		check(ix, &want);
		ok(index_begin(ix, false, &err));
		ok(db_execute(
		    db, "DELETE FROM failing; UPDATE duration SET duration = 7, sequence = 99", &err));
		ok(fold_again(ix, &err));
		ok(index_commit(ix, &err));
		check(ix, &want);
		index_free(ix);
		db_free(db);
	}
}

static void
in_sqlite_runs_say_the_same_in_any_order(void **state)
{
	(void)state;
	runs_say_the_same_in_any_order(false, 150);
}

static void
in_postgresql_runs_say_the_same_in_any_order(void **state)
{
	(void)state;
	runs_say_the_same_in_any_order(true, 6);
}

/* An index in PostgreSQL from before durations knew their place, and anything its profile. */
static void
an_older_schema_is_brought_to_ours(void **state)
{
	struct dice dice = {4711};
	struct made_run runs[RUNS];
	struct db *db = new_db(true);
	struct answer want = {.count = 0};
	struct index *ix;
	struct err err;

	(void)state;
	for (size_t i = 0; i < TESTS; i++)
		want.durations[i] = TIME_NONE;
	ok(index_open(db, &ix, &err));
	for (size_t i = 0; i < RUNS; i++) {
		make_run(&dice, (int64_t)i, &runs[i]);
		runs[i].facts.sequence = (int64_t)i + 1;
		add_run(ix, &runs[i]);
		answer_add(&want, &runs[i]);
	}
	index_free(ix);
	ok(db_execute(db,
	    "DROP TABLE setting; DROP TABLE profile; ALTER TABLE tagset DROP COLUMN profile;"
	    "ALTER TABLE failing DROP COLUMN profile, ADD CONSTRAINT failing_test_key UNIQUE (test);"
	    "ALTER TABLE duration DROP COLUMN profile, ADD CONSTRAINT duration_pkey PRIMARY KEY (test);"
	    "ALTER TABLE duration DROP COLUMN sequence; DROP INDEX run_sequence;"
	    "DELETE FROM counter WHERE name NOT IN ('run', 'sequence');"
	    "DELETE FROM testr_schema WHERE version > 1",
	    &err));
	ok(index_open(db, &ix, &err));
	check(ix, &want);
	index_free(ix);
	db_free(db);
}

int
main(void)
{
	const struct CMUnitTest laws[] = {
	    cmocka_unit_test(in_sqlite_runs_say_the_same_in_any_order),
	    cmocka_unit_test(in_postgresql_runs_say_the_same_in_any_order),
	    cmocka_unit_test(an_older_schema_is_brought_to_ours),
	};

	return cmocka_run_group_tests(laws, start_server, stop_server);
}
