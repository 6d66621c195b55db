/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TESTS 200
#define MAX_WORKERS 20
#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static uint64_t
next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

static size_t
below(uint64_t *state, size_t n)
{
	return (size_t)(next_random(state) % n);
}

static const char *const group_names[] = {"", "a", "b", "c", "d", "e", "f", "g", "h", "i"};

enum history { HISTORY_NONE, HISTORY_ALL, HISTORY_SOME };

/* A random suite: about every second test is in one of up to ten groups, and few durations make many ties. */
static size_t
random_tests(uint64_t *state, enum history history, struct schedule_test *tests)
{
	size_t count = below(state, MAX_TESTS), names = 1 + below(state, COUNT(group_names));
	size_t durations = below(state, 2) ? 4 : 1000000;

	for (size_t i = 0; i < count; i++) {
		bool known = history == HISTORY_ALL || (history == HISTORY_SOME && below(state, 2));

		tests[i] = (struct schedule_test){
		    .group = below(state, 2) ? slice_str(group_names[below(state, names)]) : SLICE_NONE,
		    .duration = known ? (int64_t)below(state, durations) : -1,
		    .failed = below(state, 5) == 0,
		};
	}
	return count;
}

/* ---- a plain model of the assignment ---- */

struct part {
	int64_t load;
	size_t tests, worker;
};

static bool
same_group(const struct schedule_test *tests, size_t a, size_t b)
{
	return a == b || (tests[a].group.len && slice_eq(tests[a].group, tests[b].group));
}

static size_t
group_lead(const struct schedule_test *tests, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (same_group(tests, j, i))
			return j;
	return i;
}

/* A stable sort by (load, tests). */
static void
sort_parts(struct part *parts, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct part p = parts[i];
		size_t at = i;

		while (at > 0 && (parts[at - 1].load > p.load ||
				     (parts[at - 1].load == p.load && parts[at - 1].tests > p.tests))) {
			parts[at] = parts[at - 1];
			at--;
		}
		parts[at] = p;
	}
}

/* worker_of[i] becomes the worker of test i, as the original would choose it, empty workers included. */
static void
model(const struct schedule_test *tests, size_t count, size_t workers, size_t *worker_of)
{
	int64_t sum = 0, known = 0, durations[MAX_TESTS] = {0};
	size_t members[MAX_TESTS] = {0}, turn = 0;
	bool assigned[MAX_TESTS] = {false};
	struct part parts[MAX_WORKERS] = {0};

	for (size_t i = 0; i < count; i++) {
		sum += tests[i].duration >= 0 ? tests[i].duration : 0;
		known += tests[i].duration >= 0;
	}
	for (size_t i = 0; i < count; i++) {
		durations[group_lead(tests, i)] += tests[i].duration >= 0 ? tests[i].duration
						   : known                ? sum / known
									  : 0;
		members[group_lead(tests, i)]++;
	}
	for (size_t w = 0; w < workers; w++)
		parts[w].worker = w;
	for (size_t i = 0; i < count && !known; i++)
		worker_of[i] = group_lead(tests, i) == i ? turn++ % workers : worker_of[group_lead(tests, i)];
	for (size_t step = 0; step < count && known; step++) {
		size_t best = SIZE_MAX;

		for (size_t i = 0; i < count; i++)
			if (members[i] && !assigned[i] &&
			    (best == SIZE_MAX || durations[i] > durations[best]))
				best = i;
		if (best == SIZE_MAX)
			break;
		assigned[best] = true;
		for (size_t i = 0; i < count; i++)
			if (group_lead(tests, i) == best)
				worker_of[i] = parts[0].worker;
		parts[0].load += durations[best];
		parts[0].tests += members[best];
		sort_parts(parts, workers);
	}
}

static void
check_against_model(const struct schedule_test *tests, size_t count, size_t workers, bool keep_order)
{
	struct schedule *s = schedule_new(tests, count, workers, keep_order);
	size_t worker_of[MAX_TESTS], share = 0;

	assert_non_null(s);
	assert_int_equal(schedule_undone(s), count);
	assert_int_equal(schedule_waiting(s), count);
	model(tests, count, workers, worker_of);
	for (size_t w = 0; w < workers; w++) {
		const size_t *batch;
		size_t expected = 0, len;
		bool seen[MAX_TESTS] = {false};

		for (size_t i = 0; i < count; i++)
			expected += worker_of[i] == w;
		if (!expected)
			continue;
		assert_true(share < schedule_shares(s));
		assert_true(schedule_next(s, share++, &batch, &len));
		assert_int_equal(len, expected);
		for (size_t i = 0; i < len; i++) {
			assert_true(batch[i] < count);
			assert_false(seen[batch[i]]);
			seen[batch[i]] = true;
			assert_int_equal(worker_of[batch[i]], w);
			if (keep_order && i)
				assert_true(batch[i - 1] < batch[i]);
		}
	}
	assert_int_equal(share, schedule_shares(s));
	assert_int_equal(schedule_undone(s), count);
	assert_int_equal(schedule_waiting(s), 0);
	schedule_free(s);
}

static void
test_assignment(void **state)
{
	struct schedule_test tests[MAX_TESTS];
	uint64_t seed = 1;

	(void)state;
	for (int round = 0; round < 1500; round++) {
		size_t count = random_tests(&seed, (enum history)(round % 3), tests);

		check_against_model(tests, count, 1 + below(&seed, MAX_WORKERS), below(&seed, 2));
	}
}

/* Writes the shares as "2,0|1" and frees the schedule. */
static const char *
shares_text(struct schedule *s, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	assert_non_null(s);
	for (size_t w = 0; w < schedule_shares(s); w++) {
		const size_t *batch;
		size_t count;

		assert_true(schedule_next(s, w, &batch, &count));
		for (size_t i = 0; i < count; i++)
			used += (size_t)snprintf(text + used, size - used, "%s%zu",
			    i   ? ","
			    : w ? "|"
				: "",
			    batch[i]);
	}
	schedule_free(s);
	return text;
}

/* Durations that the original divided so: to two workers as [10,2,1] and [5,4,3,1], to three as [10], [5,2,1]
 * and [4,3,1]. */
static void
test_example(void **state)
{
	static const int64_t seconds[] = {1, 2, 3, 4, 5, 10, 1};
	struct schedule_test tests[COUNT(seconds)];
	char text[100];

	(void)state;
	for (size_t i = 0; i < COUNT(seconds); i++)
		tests[i] = (struct schedule_test){SLICE_NONE, seconds[i] * 1000000000, false};
	assert_string_equal(
	    shares_text(schedule_new(tests, 7, 1, false), text, sizeof(text)), "5,4,3,2,1,0,6");
	assert_string_equal(
	    shares_text(schedule_new(tests, 7, 2, false), text, sizeof(text)), "5,1,0|4,3,2,6");
	assert_string_equal(
	    shares_text(schedule_new(tests, 7, 3, false), text, sizeof(text)), "5|4,1,0|3,2,6");
	assert_string_equal(
	    shares_text(schedule_new(tests, 7, 3, true), text, sizeof(text)), "5|0,1,4|2,3,6");
	assert_string_equal(
	    shares_text(schedule_new(tests, 7, 100, true), text, sizeof(text)), "5|4|3|2|1|0|6");
	assert_string_equal(shares_text(schedule_new(tests, 0, 3, false), text, sizeof(text)), "");
	for (size_t i = 0; i < COUNT(seconds); i++)
		tests[i].duration = -1;
	assert_string_equal(
	    shares_text(schedule_new(tests, 7, 3, false), text, sizeof(text)), "0,3,6|1,4|2,5");
}

/* What failed is first, then what is new, then the longest; a group stands where its first would, in its own
 * order. */
static void
test_order_in_share(void **state)
{
	const struct schedule_test tests[] = {
	    {SLICE_NONE, 10, false},
	    {SLICE_LIT("g"), 5, false},
	    {SLICE_NONE, -1, false},
	    {SLICE_NONE, 7, true},
	    {SLICE_LIT("h"), 9, false},
	    {SLICE_NONE, 30, false},
	    {SLICE_LIT("g"), -1, true},
	    {SLICE_LIT("h"), 20, false},
	    {SLICE_NONE, 8, true},
	    {SLICE_LIT(""), 2, false},
	    {SLICE_LIT(""), 40, false},
	};
	char text[100];

	(void)state;
	/* The unknown ones count as 14, so that the group g, which has the third failed test, is first of
	 * all. */
	assert_string_equal(shares_text(schedule_new(tests, COUNT(tests), 1, false), text, sizeof(text)),
	    "1,6,8,3,2,10,5,4,7,0,9");
	assert_string_equal(shares_text(schedule_new(tests, COUNT(tests), 1, true), text, sizeof(text)),
	    "0,1,2,3,4,5,6,7,8,9,10");
}

/* In every share the tests of a group stand together, in their order. */
static void
test_groups_whole(void **state)
{
	struct schedule_test tests[MAX_TESTS];
	uint64_t seed = 2;

	(void)state;
	for (int round = 0; round < 500; round++) {
		size_t count = random_tests(&seed, (enum history)(round % 3), tests);
		struct schedule *s = schedule_new(tests, count, 1 + below(&seed, MAX_WORKERS), false);
		size_t share_of[MAX_TESTS];

		for (size_t w = 0; w < schedule_shares(s); w++) {
			const size_t *batch;
			size_t len;

			assert_true(schedule_next(s, w, &batch, &len));
			for (size_t i = 0; i < len; i++) {
				share_of[batch[i]] = w;
				if (group_lead(tests, batch[i]) == batch[i])
					continue;
				assert_true(i > 0 && same_group(tests, batch[i - 1], batch[i]));
				assert_true(batch[i - 1] < batch[i]);
			}
		}
		for (size_t i = 0; i < count; i++)
			assert_int_equal(share_of[i], share_of[group_lead(tests, i)]);
		schedule_free(s);
	}
}

/* ---- handing out, by a model that keeps who holds each test ---- */

#define HELD_BY_NONE (-1)
#define HELD_DONE (-2)

struct play {
	struct schedule *s;
	size_t count;
	int holder[MAX_TESTS];
	bool out[MAX_WORKERS];
};

static void
check_counts(const struct play *p)
{
	size_t undone = 0, waiting = 0;

	for (size_t i = 0; i < p->count; i++) {
		undone += p->holder[i] != HELD_DONE;
		waiting += p->holder[i] == HELD_BY_NONE;
	}
	assert_int_equal(schedule_undone(p->s), undone);
	assert_int_equal(schedule_waiting(p->s), waiting);
}

static bool
play_next(struct play *p, size_t w)
{
	const size_t *batch;
	size_t count;

	if (!schedule_next(p->s, w, &batch, &count))
		return false;
	assert_true(count > 0);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(p->holder[batch[i]], HELD_BY_NONE);
		p->holder[batch[i]] = (int)w;
	}
	p->out[w] = true;
	return true;
}

static void
play_returned(struct play *p, size_t w)
{
	size_t left = 0;

	for (size_t i = 0; i < p->count; i++) {
		if (p->holder[i] != (int)w)
			continue;
		p->holder[i] = HELD_BY_NONE;
		left++;
	}
	p->out[w] = false;
	assert_int_equal(schedule_returned(p->s, w), left);
	assert_int_equal(schedule_returned(p->s, w), 0);
}

/* Whatever order workers ask, die and finish in, no test is held twice and none is lost: all get done in the
 * end. */
static void
test_nothing_is_lost(void **state)
{
	struct schedule_test tests[MAX_TESTS];
	uint64_t seed = 3;

	(void)state;
	for (int round = 0; round < 400; round++) {
		struct play p = {.count = random_tests(&seed, (enum history)(round % 3), tests)};
		size_t shares;

		p.s = schedule_new(tests, p.count, 1 + below(&seed, MAX_WORKERS), below(&seed, 2));
		shares = schedule_shares(p.s);
		for (size_t i = 0; i < p.count; i++)
			p.holder[i] = HELD_BY_NONE;
		for (size_t step = 0; step < 4 * p.count; step++) {
			size_t w = below(&seed, shares), test = below(&seed, p.count);

			if (p.out[w] && below(&seed, 2))
				play_returned(&p, w);
			else if (!p.out[w])
				play_next(&p, w);
			/* Mostly a test of a running batch, and sometimes one that waits or was done before. */
			if (p.holder[test] >= 0 || below(&seed, 10) == 0) {
				schedule_done(p.s, test);
				p.holder[test] = HELD_DONE;
			}
			check_counts(&p);
		}
		while (schedule_undone(p.s)) {
			for (size_t w = 0; w < shares; w++)
				if (p.out[w])
					play_returned(&p, w);
			for (size_t w = 0; w < shares; w++) {
				while (play_next(&p, w)) {
					for (size_t i = 0; i < p.count; i++) {
						if (p.holder[i] != (int)w)
							continue;
						schedule_done(p.s, i);
						p.holder[i] = HELD_DONE;
					}
					play_returned(&p, w);
				}
			}
			check_counts(&p);
		}
		for (size_t i = 0; i < p.count; i++)
			assert_int_equal(p.holder[i], HELD_DONE);
		schedule_free(p.s);
	}
}

/* A worker that never takes its share blocks nobody, and what a dead one leaves goes to whoever asks first. */
static void
test_left_overs_move_on(void **state)
{
	const struct schedule_test tests[] = {
	    {SLICE_NONE, 4, false}, {SLICE_NONE, 3, false}, {SLICE_NONE, 2, false}, {SLICE_NONE, 1, false}};
	struct schedule *s = schedule_new(tests, 4, 2, false);
	const size_t *batch;
	size_t count;

	(void)state;
	assert_true(schedule_next(s, 0, &batch, &count));
	assert_int_equal(count, 2);
	assert_int_equal(batch[0], 0);
	schedule_done(s, 0);
	assert_int_equal(schedule_returned(s, 0), 1);
	assert_true(schedule_next(s, 1, &batch, &count));
	assert_int_equal(batch[0], 1);
	schedule_done(s, 1);
	schedule_done(s, 2);
	assert_int_equal(schedule_returned(s, 1), 0);
	assert_true(schedule_next(s, 1, &batch, &count));
	assert_int_equal(count, 1);
	assert_int_equal(batch[0], 3);
	assert_false(schedule_next(s, 0, &batch, &count));
	assert_int_equal(schedule_undone(s), 1);
	assert_int_equal(schedule_waiting(s), 0);
	schedule_free(s);
	schedule_free(NULL);
}

/* Durations that cannot be added up do no harm, and a large run is planned in no time (the limit of the
 * test). */
static void
test_extremes(void **state)
{
	size_t count = 1000000, workers = 10000, seen = 0;
	struct schedule_test *tests = calloc(count, sizeof(*tests));
	uint64_t seed = 4;
	struct schedule *s;

	(void)state;
	for (size_t i = 0; i < 100; i++)
		tests[i].duration = INT64_MAX - (int64_t)below(&seed, 3);
	s = schedule_new(tests, 100, 3, false);
	assert_int_equal(schedule_shares(s), 3);
	for (size_t w = 0; w < 3; w++) {
		const size_t *batch;
		size_t len;

		assert_true(schedule_next(s, w, &batch, &len));
		assert_in_range(len, 33, 34);
	}
	schedule_free(s);
	for (size_t i = 0; i < count; i++)
		tests[i].duration = (int64_t)below(&seed, 1000) - 1;
	s = schedule_new(tests, count, workers, false);
	assert_int_equal(schedule_shares(s), workers);
	for (size_t w = 0; w < workers; w++) {
		const size_t *batch;
		size_t len;

		assert_true(schedule_next(s, w, &batch, &len));
		seen += len;
	}
	assert_int_equal(seen, count);
	schedule_free(s);
	free(tests);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_assignment),
	    cmocka_unit_test(test_example),
	    cmocka_unit_test(test_order_in_share),
	    cmocka_unit_test(test_groups_whole),
	    cmocka_unit_test(test_nothing_is_lost),
	    cmocka_unit_test(test_left_overs_move_on),
	    cmocka_unit_test(test_extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
