/* SPDX-License-Identifier: Apache-2.0 */
#include "../repository/harness.h"
#include "follow.h"

#include <semaphore.h>

static struct place place = {.format = 2, .in_memory = true};
static struct jobs *jobs;
static sem_t woken;

static void
wake(void *context)
{
	(void)context;
	sem_post(&woken);
}

/* What it says to its end, or until there are so many bytes; asked for `room` bytes at a time. Frees it. */
static void
read_all(struct follow *f, size_t room, size_t enough, struct buf *out)
{
	ssize_t n = 0;

	assert_non_null(f);
	buf_init(out, 1 << 20);
	follow_attach(f, jobs, wake, NULL);
	while (n >= 0 && out->len < enough) {
		uint8_t *space = buf_space(out, room);

		assert_non_null(space);
		n = follow_read(f, (char *)space, room);
		if (n > 0) {
			buf_commit(out, (size_t)n);
		} else if (n == 0) {
			assert_true(follow_wait(f));
			while (sem_wait(&woken)) {
			}
		}
	}
	follow_free(f);
}

static void
expect(struct follow *f, size_t room, struct slice expected, bool ends)
{
	struct buf said;

	read_all(f, room, ends ? SIZE_MAX : expected.len, &said);
	assert_int_equal(said.len, expected.len);
	assert_true(slice_eq(buf_get(&said), expected));
	buf_release(&said);
}

/* The id of the first event in the text, and what comes behind that event. */
static struct slice
first_id(struct slice *rest)
{
	size_t end = slice_search(*rest, SLICE_LIT("\n\n"));
	struct slice line;

	assert_true(slice_starts(*rest, SLICE_LIT("id: ")));
	line = slice_head(*rest, slice_find(*rest, '\n'));
	*rest = slice_from(*rest, end + 2);
	return slice_from(line, 4);
}

/* A client that names any event gets exactly those behind it. */
static void
one_run_from_any_place(void **state)
{
	struct slice rest, id;
	struct buf all;
	size_t count = 0;
	int64_t place_of;

	(void)state;
	read_all(follow_new(1, 0), 1000, SIZE_MAX, &all);
	for (rest = buf_get(&all), id = first_id(&rest); slice_int(id, &place_of); id = first_id(&rest)) {
		expect(follow_new(1, (uint64_t)place_of), 1 + count % 100, rest, true);
		count++;
	}
	assert_true(slice_eq(id, SLICE_LIT("end")) && rest.len == 0);
	/* Two for each test but the one that only began, which has its end behind all. */
	assert_int_equal(count, 8);
	buf_release(&all);
}

static void
all_runs_from_any_place(void **state)
{
	struct slice rest, id;
	struct buf all;
	size_t count = 0;
	int64_t begun, over;

	(void)state;
	/* From before the first one. */
	read_all(follow_new_runs(0, 0), 1000, 1, &all);
	for (rest = buf_get(&all); rest.len; count++) {
		size_t dot;

		id = first_id(&rest);
		dot = slice_find(id, '.');
		assert_true(
		    slice_int(slice_head(id, dot), &begun) && slice_int(slice_from(id, dot + 1), &over));
		if (rest.len)
			expect(follow_new_runs(begun, over), 1 + count % 100, rest, false);
	}
	assert_true(count >= 3);
	assert_int_equal(begun, 3);
	buf_release(&all);
}

/* A run while it is written: what was said is the beginning of what is said when it is over. */
static void
a_run_that_goes_on(void **state)
{
	const struct repo_begin begin = {.command = "test"};
	struct repo *repo = open_repo(&place);
	struct repo_writer *w;
	struct buf early, all;
	struct err err;
	int64_t id, begun;

	(void)state;
	ok(repo_run_count(repo, &begun, &err));
	ok(repo_run_begin(repo, &begin, &w, &err));
	ok(simple_result(w, "a", STATUS_FAIL, &err));
	ok(repo_flush(w, &err));
	read_all(follow_new(begun, 0), 64, 1, &early);
	ok(simple_result(w, "b", STATUS_SUCCESS, &err));
	ok(repo_run_finish(w, REPO_FINISHED, false, 1, &id, &err));
	assert_int_equal(id, begun);
	read_all(follow_new(begun, 0), 64, SIZE_MAX, &all);
	assert_true(slice_starts(buf_get(&all), buf_get(&early)));
	assert_true(slice_search(buf_get(&all), SLICE_LIT("id: end\nevent: end\n")) < all.len);
	buf_release(&early);
	buf_release(&all);
	repo_free(repo);
}

static void
places_behind_the_end(void **state)
{
	struct slice rest;
	struct buf all, last;

	(void)state;
	read_all(follow_new(1, 0), 1000, SIZE_MAX, &all);
	read_all(follow_new(1, UINT64_MAX), 1000, SIZE_MAX, &last);
	rest = buf_get(&last);
	assert_true(slice_eq(first_id(&rest), SLICE_LIT("end")) && rest.len == 0);
	assert_true(slice_ends(buf_get(&all), buf_get(&last)));
	/* A run that is not there: nothing is said, not even an end. */
	expect(follow_new(1000, 0), 100, SLICE_LIT(""), true);
	follow_free(NULL);
	buf_release(&all);
	buf_release(&last);
}

static int
add_runs(void)
{
	static const char *const ids[] = {"a", "b\xc3\xa9", "c \"\n\\"};
	const struct repo_begin begin = {.command = "test"};
	struct repo *repo = open_repo(&place);
	struct err err;

	for (int run = 0; run < 3; run++) {
		struct repo_writer *w;
		struct event e;
		int64_t id;

		ok(repo_run_begin(repo, &begin, &w, &err));
		for (size_t i = 0; i < 3; i++)
			ok(simple_result(w, ids[i], i ? STATUS_FAIL : STATUS_SUCCESS, &err));
		event_init(&e);
		e.id = SLICE_LIT("never");
		e.status = STATUS_INPROGRESS;
		e.time = BASE_TIME;
		ok(repo_append(w, &e, &err));
		ok(repo_run_finish(w, run == 2 ? REPO_INTERRUPTED : REPO_FINISHED, false, 1, &id, &err));
	}
	repo_free(repo);
	return 0;
}

static int
start(void **state)
{
	struct err err;
	void *at = &place;

	(void)state;
	if (set_up(&at) || add_runs() || sem_init(&woken, 0, 0))
		return -1;
	jobs = jobs_new(2, place.url, &err);
	return jobs ? 0 : -1;
}

static int
stop(void **state)
{
	void *at = &place;

	(void)state;
	jobs_stop(jobs);
	jobs_free(jobs);
	sem_destroy(&woken);
	return tear_down(&at);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_run_from_any_place),
	    cmocka_unit_test(all_runs_from_any_place),
	    cmocka_unit_test(places_behind_the_end),
	    cmocka_unit_test(a_run_that_goes_on),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
