/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs are removed: what is said of the others, and of all together, stays as it was. */
#include "answers.h"
#include "server.h"

#define RUNS 24

static struct place directory = {.format = 2, .in_memory = true}, postgres = {.format = 2},
		    memory = {.format = 2, .url = "memory:"};

static int
new_place(void **state)
{
	if (*state == &memory)
		return 0;
	return *state == &directory ? set_up(state) : server_new_place(&server, *state);
}

static int
old_place(void **state)
{
	return *state == &directory ? tear_down(state) : 0;
}

static void
removing_any_runs_changes_no_other_answer(void **state)
{
	const struct place *place = *state;

	for (uint64_t seed = 1; seed <= (place == &directory ? 8 : 2); seed++) {
		struct model *m = test_malloc(sizeof(*m));
		struct dice dice = {seed * 77};
		bool removed[RUNS] = {false};
		struct repo *repo;

		if (seed > 1) {
			old_place(state);
			new_place(state);
		}
		repo = open_repo(place);
		model_init(m, place->format);
		for (size_t i = 0; i < RUNS; i++) {
			int64_t ids[RUNS];
			size_t count = 0;
			struct err err;
			char *before;

			random_run(m, &dice, repo);
			if (roll(&dice, 4))
				continue;
			for (size_t n = 0; n <= i; n++)
				if (!removed[n] && roll(&dice, 3) == 0) {
					removed[n] = true;
					ids[count++] = (int64_t)n;
				}
			before = answers_of(repo, true, removed);
			ok(repo_remove(repo, ids, count, &err));
			if (roll(&dice, 2) && place != &memory) {
				repo_free(repo);
				repo = open_repo(place);
			}
			same_answers(before, answers_of(repo, true, NULL));
			for (size_t n = 0; n < count; n++) {
				struct repo_run run;

				assert_int_equal(repo_run_get(repo, ids[n], &run, &err), -1);
			}
		}
		check_failing(m, repo);
		check_durations(m, repo);
		repo_free(repo);
		test_free(m);
	}
}

static void
a_run_that_is_written_stays(void **state)
{
	struct repo *repo = open_repo(*state);
	struct repo_begin begin = {0};
	struct repo_writer *w;
	struct err err;
	int64_t ids[2] = {0, 1}, id;

	ok(repo_run_begin(repo, &begin, &w, &err));
	ok(simple_result(w, "a", STATUS_FAIL, &err));
	ok(repo_run_finish(w, REPO_FINISHED, false, 0, &id, &err));
	ok(repo_run_begin(repo, &begin, &w, &err));
	assert_int_equal(repo_remove(repo, ids, 2, &err), -1);
	assert_non_null(strstr(err.text, "run 1 is being written"));
	ids[1] = 7;
	assert_int_equal(repo_remove(repo, ids, 2, &err), -1);
	assert_non_null(strstr(err.text, "there is no run 7"));
	/* Neither was removed, and the run goes on. */
	ok(simple_result(w, "b", STATUS_FAIL, &err));
	ok(repo_run_finish(w, REPO_FINISHED, true, 0, &id, &err));
	assert_int_equal(id, 1);
	ids[1] = 1;
	ok(repo_remove(repo, ids, 2, &err));
	ok(repo_latest(repo, &id, &err));
	assert_int_equal(id, -1);
	/* An id is never used again. */
	ok(repo_run_begin(repo, &begin, &w, &err));
	ok(repo_run_finish(w, REPO_FINISHED, true, 0, &id, &err));
	assert_int_equal(id, 2);
	repo_free(repo);
}

#define EACH(law) \
	{"directory." #law, law, new_place, old_place, &directory}, \
	    {"postgresql." #law, law, new_place, old_place, &postgres}, \
	{ \
		"memory." #law, law, new_place, old_place, &memory \
	}

int
main(void)
{
	const struct CMUnitTest laws[] = {
	    EACH(removing_any_runs_changes_no_other_answer),
	    EACH(a_run_that_is_written_stays),
	};

	return cmocka_run_group_tests(laws, start_server, stop_server);
}
