/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs go from one repository to another: in whichever order they come, and however often it is cut off, both say
 * the same in the end. */
#include "answers.h"
#include "server.h"
#include "transfer.h"

#include <sys/time.h>
#include <sys/wait.h>

#define RUNS 20

static struct place here, there, third;

/* One in a directory, or in a database. */
static void
set_up_at(struct place *place, bool postgres)
{
	void *state = place;

	*place = (struct place){.format = 2, .in_memory = true};
	assert_int_equal(postgres ? server_new_place(&server, place) : set_up(&state), 0);
}

static void
tear_down_at(struct place *place)
{
	void *state = place;

	if (place->directory[0])
		tear_down(&state);
}

static int
note_id(void *context, const struct repo_run *run, struct err *err)
{
	bool *ended = context;

	(void)err;
	ended[run->id] = run->state != REPO_RUNNING;
	return 0;
}

/* Brings all runs over, beginning anywhere. */
static void
bring(struct repo *from, struct repo *to, struct dice *dice)
{
	bool ended[8 * RUNS] = {false};
	size_t first = roll(dice, 8 * RUNS);
	struct err err;
	int64_t id;

	ok(repo_runs(from, note_id, ended, &err));
	for (size_t i = 0; i < 8 * RUNS; i++)
		if (ended[(first + i) % (8 * RUNS)])
			ok(transfer_run(from, (int64_t)((first + i) % (8 * RUNS)), to, &id, &err) < 0);
}

/* *state: whether one of them is in PostgreSQL. */
static void
both_sides_say_the_same(void **state)
{
	bool postgres = *(const bool *)*state;

	for (uint64_t seed = 1; seed <= (postgres ? 2 : 8); seed++) {
		struct model *m = test_malloc(sizeof(*m));
		struct dice dice = {seed * 991};
		struct repo *a, *b, *c;

		set_up_at(&here, false);
		set_up_at(&there, postgres);
		set_up_at(&third, false);
		a = open_repo(&here);
		b = open_repo(&there);
		c = open_repo(&third);
		model_init(m, 2);
		m->scattered = true;
		for (size_t i = 0; i < RUNS; i++) {
			struct repo *one = roll(&dice, 2) ? a : b;
			int64_t id, other;
			struct err err;

			random_run(m, &dice, one);
			/* A third one has them all in the order in which they ended. */
			ok(repo_latest(one, &id, &err));
			ok(transfer_run(one, id, c, &other, &err) != 1);
			if (roll(&dice, 8) == 0)
				bring(a, b, &dice);
			if (roll(&dice, 8) == 0)
				bring(b, a, &dice);
		}
		bring(a, b, &dice);
		bring(b, a, &dice);
		bring(a, b, &dice);
		same_answers(answers_of(a, false, NULL), answers_of(b, false, NULL));
		same_answers(answers_of(a, false, NULL), answers_of(c, false, NULL));
		repo_free(a);
		repo_free(b);
		repo_free(c);
		tear_down_at(&here);
		tear_down_at(&there);
		tear_down_at(&third);
		test_free(m);
	}
}

static int
finish_with(struct repo *repo, const char *test, enum status status, bool partial, int64_t *id)
{
	struct repo_begin begin = {0};
	struct repo_writer *w;
	struct err err;

	ok(repo_run_begin(repo, &begin, &w, &err));
	ok(simple_result(w, test, status, &err));
	ok(repo_run_finish(w, REPO_FINISHED, partial, 0, id, &err));
	return 0;
}

static void
a_late_run_does_not_overturn_newer_ones(void **state)
{
	struct strtab failing = {0};
	struct repo *a, *b;
	struct err err;
	int64_t old, id;

	set_up_at(&here, *(const bool *)*state);
	set_up_at(&there, false);
	a = open_repo(&here);
	b = open_repo(&there);
	/* There "a" failed and "b" too, before "a" was mended here. */
	finish_with(b, "a", STATUS_FAIL, true, &old);
	finish_with(b, "b", STATUS_FAIL, true, &id);
	finish_with(a, "a", STATUS_SUCCESS, true, &id);
	ok(transfer_run(b, old, a, &id, &err) != 1);
	assert_int_equal(id, 1);
	ok(repo_failing_ids(a, &failing, &err));
	assert_int_equal(failing.len, 0);
	ok(transfer_run(b, 1, a, &id, &err) != 1);
	ok(repo_failing_ids(a, &failing, &err));
	assert_int_equal(failing.len, 1);
	assert_true(slice_eq(strtab_get(&failing, 0), SLICE_LIT("b")));
	/* Once is enough. */
	ok(transfer_run(b, 1, a, &id, &err) != 0);
	assert_int_equal(id, 2);
	strtab_release(&failing);
	repo_free(a);
	repo_free(b);
	tear_down_at(&here);
	tear_down_at(&there);
}

/* Brings all runs over in a process that is killed after a while. */
static void
bring_and_die(const struct place *from, const struct place *to, unsigned microseconds)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		/* The alarm ends a process that does not look out for it. */
		struct itimerval alarm = {.it_value = {.tv_usec = microseconds + 1}};
		struct dice dice = {1};
		struct repo *a, *b;

		setitimer(ITIMER_REAL, &alarm, NULL);
		a = open_repo(from);
		b = open_repo(to);
		bring(a, b, &dice);
		_exit(0);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
}

static int
has_ended(void *context, const struct repo_run *run, struct err *err)
{
	(void)context;
	(void)err;
	assert_true(run->state != REPO_RUNNING);
	return 0;
}

/* *state: whether the runs go from a directory to a database, or the other way; or NULL: neither. */
static void
what_was_cut_off_is_done_again(void **state)
{
	const bool *to_postgres = *state;
	struct model *m = test_malloc(sizeof(*m));
	struct dice dice = {4711};
	struct repo *a, *b;
	struct err err;

	set_up_at(&here, to_postgres && !*to_postgres);
	set_up_at(&there, to_postgres && *to_postgres);
	a = open_repo(&here);
	model_init(m, 2);
	for (size_t i = 0; i < RUNS; i++)
		random_run(m, &dice, a);
	repo_free(a);
	for (size_t i = 0; i < 30; i++) {
		bring_and_die(&here, &there, roll(&dice, to_postgres ? 60000 : 12000));
		b = open_repaired(&there);
		ok(repo_runs(b, has_ended, NULL, &err));
		repo_free(b);
	}
	a = open_repo(&here);
	b = open_repo(&there);
	bring(a, b, &dice);
	same_answers(answers_of(a, false, NULL), answers_of(b, false, NULL));
	repo_free(a);
	repo_free(b);
	tear_down_at(&here);
	tear_down_at(&there);
	test_free(m);
}

#define LAW_OF(name, law, state) \
	{ \
		name, law, NULL, NULL, state \
	}

int
main(void)
{
	static bool no = false, yes = true;
	const struct CMUnitTest laws[] = {
	    LAW_OF("both_sides_say_the_same", both_sides_say_the_same, &no),
	    LAW_OF("postgresql.both_sides_say_the_same", both_sides_say_the_same, &yes),
	    LAW_OF("a_late_run_does_not_overturn_newer_ones", a_late_run_does_not_overturn_newer_ones, &no),
	    LAW_OF("postgresql.a_late_run_does_not_overturn_newer_ones",
		a_late_run_does_not_overturn_newer_ones, &yes),
	    LAW_OF("what_was_cut_off_is_done_again", what_was_cut_off_is_done_again, NULL),
	    LAW_OF("to_postgresql.what_was_cut_off_is_done_again", what_was_cut_off_is_done_again, &yes),
	    LAW_OF("from_postgresql.what_was_cut_off_is_done_again", what_was_cut_off_is_done_again, &no),
	};

	return cmocka_run_group_tests(laws, start_server, stop_server);
}
