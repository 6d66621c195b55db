/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dice.h"
#include "schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TESTS 120
#define MAX_WORKERS 9
#define MAX_LIMITS 3
#define MAX_SEGMENTS 3
#define MAX_PROFILES 3
#define ROUNDS 3000
#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const char *const group_names[] = {"a", "b", "c", "d", "e", "f", "g"};

struct batch {
	size_t tests[MAX_TESTS];
	size_t count;
	uint64_t limits; /* that hold for one of its tests */
	size_t segment;
};

/* A run and what is known of it without the schedule. */
struct world {
	struct schedule_test tests[MAX_TESTS];
	struct schedule_segment segments[MAX_SEGMENTS];
	size_t limits[MAX_LIMITS];
	struct schedule_options options;
	size_t count;
	struct schedule *schedule;

	enum { WAITING, OUT, DONE } states[MAX_TESTS];
	bool returned[MAX_TESTS]; /* was out and came back */
	struct batch batches[MAX_WORKERS][SCHEDULE_DEPTH];
	size_t depth[MAX_WORKERS];
};

static void
fill(struct world *w, uint64_t *state)
{
	size_t profiles = 1 + below(state, MAX_PROFILES);
	bool history = below(state, 3) > 0, bound = below(state, 3) == 0;

	memset(w, 0, sizeof(*w));
	w->count = below(state, MAX_TESTS);
	w->options = (struct schedule_options){.workers = 1 + below(state, MAX_WORKERS),
	    .keep_order = below(state, 4) == 0,
	    .shares = below(state, 2) == 0,
	    .segments = w->segments,
	    .segment_count = 1 + below(state, MAX_SEGMENTS),
	    .limits = w->limits,
	    .limit_count = below(state, MAX_LIMITS + 1)};
	for (size_t i = 0; i < w->options.segment_count; i++)
		w->segments[i] = (struct schedule_segment){below(state, 4), below(state, 4) == 0};
	for (size_t i = 0; i < MAX_LIMITS; i++)
		w->limits[i] = 1 + below(state, 3);
	for (size_t i = 0; i < w->count; i++)
		w->tests[i] = (struct schedule_test){
		    .group = below(state, 3) ? SLICE_NONE
					     : slice_str(group_names[below(state, COUNT(group_names))]),
		    .duration = history && below(state, 4) ? (int64_t)below(state, 1000000) : -1,
		    .failed = below(state, 6) == 0,
		    .limits = below(state, 3) ? 0 : below(state, (size_t)1 << w->options.limit_count),
		    .only = bound && below(state, 3) ? 1 + below(state, w->options.workers) : 0,
		    .segment = below(state, w->options.segment_count),
		    .profile = below(state, profiles),
		};
	w->schedule = schedule_new(w->tests, w->count, &w->options);
	assert_non_null(w->schedule);
	schedule_batch_cost(w->schedule, below(state, 2) ? (int64_t)below(state, 1000000) : 0);
}

static bool
same_unit(const struct world *w, size_t a, size_t b)
{
	const struct schedule_test *x = &w->tests[a], *y = &w->tests[b];

	return a == b || (x->segment == y->segment && x->profile == y->profile && x->group.len &&
			     slice_eq(x->group, y->group));
}

/* The limits of a test's whole unit. */
static uint64_t
unit_limits(const struct world *w, size_t test)
{
	uint64_t limits = 0;

	for (size_t i = 0; i < w->count; i++)
		if (same_unit(w, i, test))
			limits |= w->tests[i].limits;
	return limits;
}

/* Which worker may have a test's unit, plus 1; 0: any. */
static size_t
unit_only(const struct world *w, size_t test)
{
	for (size_t i = 0; i < test; i++)
		if (same_unit(w, i, test))
			return w->tests[i].only;
	return w->tests[test].only;
}

static size_t
first_open_segment(const struct world *w)
{
	size_t segment = SIZE_MAX;

	for (size_t i = 0; i < w->count; i++)
		if (w->states[i] != DONE && w->tests[i].segment < segment)
			segment = w->tests[i].segment;
	return segment;
}

static size_t
active(const struct world *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->options.workers; i++)
		n += w->depth[i] > 0;
	return n;
}

/* The workers that have a batch of the segment. */
static size_t
active_in(const struct world *w, size_t segment)
{
	size_t n = 0;

	for (size_t i = 0; i < w->options.workers; i++) {
		bool has = false;

		for (size_t k = 0; k < w->depth[i]; k++)
			has |= w->batches[i][k].segment == segment;
		n += has;
	}
	return n;
}

static size_t
limit_used(const struct world *w, size_t limit)
{
	size_t n = 0;

	for (size_t i = 0; i < w->options.workers; i++)
		for (size_t k = 0; k < w->depth[i]; k++)
			n += w->batches[i][k].limits >> limit & 1;
	return n;
}

/* No rule is broken by a batch that a worker has just been given as its last. */
static void
check_batch(const struct world *w, size_t worker)
{
	const struct batch *b = &w->batches[worker][w->depth[worker] - 1];
	size_t segment = first_open_segment(w), concurrency;

	assert_true(b->count > 0);
	concurrency = w->segments[segment].concurrency;
	for (size_t i = 0; i < b->count; i++) {
		assert_int_equal(w->tests[b->tests[i]].segment, segment);
		assert_int_equal(unit_limits(w, b->tests[i]), b->limits);
		assert_int_equal(w->tests[b->tests[i]].profile, w->tests[b->tests[0]].profile);
		assert_true(!unit_only(w, b->tests[i]) || unit_only(w, b->tests[i]) == worker + 1);
		if (w->segments[segment].isolated)
			assert_true(same_unit(w, b->tests[i], b->tests[0]));
	}
	assert_true(!b->limits || w->depth[worker] == 1);
	for (size_t i = 0; i < w->options.limit_count; i++)
		assert_true(limit_used(w, i) <= w->limits[i]);
	assert_true(!concurrency || active_in(w, segment) <= concurrency);
}

/* A group goes out as a whole: nothing of it that was never out is left waiting. */
static void
check_whole(const struct world *w, const struct batch *b)
{
	for (size_t i = 0; i < b->count; i++) {
		if (w->returned[b->tests[i]])
			continue;
		for (size_t k = 0; k < w->count; k++)
			assert_true(
			    !same_unit(w, k, b->tests[i]) || w->states[k] != WAITING || w->returned[k]);
	}
}

static void
check_sums(const struct world *w)
{
	size_t undone = 0, waiting = 0;

	for (size_t i = 0; i < w->count; i++) {
		undone += w->states[i] != DONE;
		waiting += w->states[i] == WAITING;
	}
	assert_int_equal(schedule_undone(w->schedule), undone);
	assert_int_equal(schedule_waiting(w->schedule), waiting);
}

static bool
give(struct world *w, size_t worker)
{
	const size_t *tests;
	struct batch *b = &w->batches[worker][w->depth[worker]];

	if (!schedule_next(w->schedule, worker, &tests, &b->count))
		return false;
	b->limits = unit_limits(w, tests[0]);
	b->segment = w->tests[tests[0]].segment;
	for (size_t i = 0; i < b->count; i++) {
		assert_int_equal(w->states[tests[i]], WAITING);
		w->states[tests[i]] = OUT;
		b->tests[i] = tests[i];
	}
	w->depth[worker]++;
	check_batch(w, worker);
	check_whole(w, b);
	return true;
}

/* The oldest batch of a worker ends, having done its first `done` tests. */
static void
end_batch(struct world *w, size_t worker, size_t done)
{
	struct batch b = w->batches[worker][0];

	for (size_t i = 0; i < b.count; i++) {
		if (i < done) {
			schedule_done(w->schedule, b.tests[i], i % 3 ? (int64_t)i : -1);
			w->states[b.tests[i]] = DONE;
		} else if (w->states[b.tests[i]] != DONE) {
			w->states[b.tests[i]] = WAITING;
			w->returned[b.tests[i]] = true;
		}
	}
	w->batches[worker][0] = w->batches[worker][1];
	w->depth[worker]--;
	schedule_returned(w->schedule, worker);
}

/* When no worker has anything, one of them must get something as long as something is left. */
static void
check_progress(struct world *w)
{
	size_t worker = 0;

	if (active(w) || first_open_segment(w) == SIZE_MAX)
		return;
	while (worker < schedule_workers(w->schedule) && !give(w, worker))
		worker++;
	assert_true(worker < schedule_workers(w->schedule));
}

static void
step(struct world *w, uint64_t *state)
{
	size_t worker = below(state, w->options.workers);

	switch (below(state, 6)) {
	case 0:
	case 1:
		if (w->depth[worker] < SCHEDULE_DEPTH)
			give(w, worker);
		break;
	case 2:
	case 3:
		if (w->depth[worker])
			end_batch(w, worker, w->batches[worker][0].count);
		break;
	case 4: /* a process died */
		if (w->depth[worker])
			end_batch(w, worker, below(state, w->batches[worker][0].count + 1));
		break;
	default: /* a result that nobody asked for, perhaps a second one */
		if (w->count) {
			size_t test = below(state, w->count);

			schedule_done(w->schedule, test, -1);
			w->states[test] = DONE;
		}
		break;
	}
	check_sums(w);
	check_progress(w);
}

static void
keeps_the_rules_whatever_happens(void **context)
{
	uint64_t state = 1;
	struct world *w = malloc(sizeof(*w));

	(void)context;
	assert_non_null(w);
	for (size_t round = 0; round < ROUNDS; round++) {
		fill(w, &state);
		check_sums(w);
		for (size_t steps = 0; first_open_segment(w) != SIZE_MAX; steps++) {
			step(w, &state);
			assert_true(steps < 100000);
		}
		assert_int_equal(schedule_undone(w->schedule), 0);
		assert_int_equal(schedule_work(w->schedule) / 1000000, 0);
		schedule_free(w->schedule);
	}
	free(w);
}

static int
priority(const struct schedule_test *t)
{
	return t->failed ? 0 : t->duration < 0 ? 1 : 2;
}

static void
failed_then_new_then_longest(void **context)
{
	uint64_t state = 2;
	struct schedule_test tests[MAX_TESTS];
	struct schedule_options options = {.workers = 1};

	(void)context;
	for (size_t round = 0; round < 200; round++) {
		size_t count = 1 + below(&state, MAX_TESTS - 1), last = SIZE_MAX;
		struct schedule *s;

		for (size_t i = 0; i < count; i++)
			tests[i] = (struct schedule_test){.failed = below(&state, 5) == 0,
			    .duration = below(&state, 3) ? (int64_t)below(&state, 50) : -1};
		options.keep_order = round % 2;
		s = schedule_new(tests, count, &options);
		for (size_t got = 0; got < count; got++) {
			const size_t *batch;
			size_t len, test;

			assert_true(schedule_next(s, 0, &batch, &len));
			/* A batch that costs nothing is a single test. */
			assert_int_equal(len, 1);
			test = batch[0];
			if (options.keep_order) {
				assert_int_equal(test, got);
			} else if (last != SIZE_MAX) {
				const struct schedule_test *a = &tests[last], *b = &tests[test];

				assert_true(priority(a) <= priority(b));
				if (priority(a) == 2 && priority(b) == 2)
					assert_true(a->duration >= b->duration);
			}
			last = test;
			schedule_done(s, test, -1);
			schedule_returned(s, 0);
		}
		schedule_free(s);
	}
}

/* Each worker gets what is his alone, in the order of the list, whatever limits hold. */
static void
an_order_is_kept_by_each_worker(void **context)
{
	static const struct schedule_segment one = {0};
	uint64_t state = 5;
	struct schedule_test tests[MAX_TESTS];
	size_t limits[] = {1, 2};

	(void)context;
	for (size_t round = 0; round < 300; round++) {
		size_t count = 1 + below(&state, MAX_TESTS - 1), workers = 1 + below(&state, 5), idle = 0;
		size_t last[5] = {0};
		bool busy[5] = {false};
		struct schedule_options options = {.workers = workers,
		    .keep_order = true,
		    .shares = round % 2,
		    .batch_cost = (int64_t)below(&state, 1000),
		    .segments = &one,
		    .segment_count = 1,
		    .limits = limits,
		    .limit_count = 2};
		struct schedule *s;

		for (size_t i = 0; i < count; i++)
			tests[i] = (struct schedule_test){.duration = (int64_t)below(&state, 50),
			    .limits = below(&state, 2) ? 0 : below(&state, 4),
			    .only = 1 + below(&state, workers)};
		s = schedule_new(tests, count, &options);
		for (size_t w = 0; schedule_undone(s); w = (w + 1) % workers) {
			const size_t *batch;
			size_t len;

			assert_true(idle++ < 1000);
			if (busy[w] && below(&state, 2)) {
				schedule_returned(s, w);
				busy[w] = false;
			}
			if (busy[w] || !schedule_next(s, w, &batch, &len))
				continue;
			busy[w] = true;
			idle = 0;
			for (size_t i = 0; i < len; i++) {
				assert_int_equal(tests[batch[i]].only, w + 1);
				assert_true(batch[i] + 1 > last[w]);
				last[w] = batch[i] + 1;
				schedule_done(s, batch[i], 1);
			}
		}
		schedule_free(s);
	}
}

/* The batches of a serial run of equal tests. Returns how many there are. */
static size_t
batches_of(int64_t cost, int64_t duration, size_t workers, size_t *first, size_t *longest)
{
	static struct schedule_test tests[10000];
	struct schedule_options options = {.workers = workers};
	size_t batches = 0, count;
	const size_t *batch;
	struct schedule *s;

	for (size_t i = 0; i < COUNT(tests); i++)
		tests[i] = (struct schedule_test){.duration = duration};
	s = schedule_new(tests, COUNT(tests), &options);
	schedule_batch_cost(s, cost);
	*longest = 0;
	for (; schedule_next(s, 0, &batch, &count); batches++) {
		if (batches == 0)
			*first = count;
		*longest = count > *longest ? count : *longest;
		for (size_t i = 0; i < count; i++)
			schedule_done(s, batch[i], duration);
		schedule_returned(s, 0);
	}
	assert_int_equal(schedule_undone(s), 0);
	schedule_free(s);
	return batches;
}

static void
batches_are_worth_their_cost(void **context)
{
	size_t first, longest, batches;

	(void)context;
	/* Free: one by one. */
	assert_int_equal(batches_of(0, 1000, 4, &first, &longest), 10000);
	/* As dear as ten tests: a fair part at first (half of a fourth of 10,000 tests, but no more than a hundred
	 * times its cost), and never less than four times what it costs, until the end. */
	batches = batches_of(10000, 1000, 4, &first, &longest);
	assert_int_equal(first, 1000);
	assert_int_equal(longest, 1000);
	assert_in_range(batches, 20, 60);
	/* Dearer than everything together: each worker one share. */
	batches_of((int64_t)1 << 50, 1000, 4, &first, &longest);
	assert_int_equal(first, 2500);
}

/* Predictions follow what is seen. */
static void
predictions_are_corrected(void **context)
{
	struct schedule_test tests[] = {
	    {.duration = 100}, {.duration = 300}, {.duration = -1}, {.duration = -1}};
	struct schedule_options options = {.workers = 1};
	struct schedule *s = schedule_new(tests, COUNT(tests), &options);

	(void)context;
	assert_non_null(s);
	/* A new test: as long as the mean of the known ones. */
	assert_int_equal(schedule_predict(s, 2), 200);
	assert_int_equal(schedule_work(s), 800);
	/* Everything takes twice as long as it did. */
	schedule_done(s, 0, 200);
	assert_int_equal(schedule_predict(s, 1), 600);
	/* New tests last longer than the others. */
	schedule_done(s, 2, 1000);
	assert_int_equal(schedule_predict(s, 3), 600);
	assert_int_equal(schedule_work(s), 1200);
	schedule_done(s, 1, -1);
	schedule_done(s, 3, -1);
	assert_int_equal(schedule_work(s), 0);
	schedule_free(s);
}

/* ---- shares ---- */

/* A schedule as for test processes whose start costs more than any of the tests. */
static struct schedule *
shares_new(const struct schedule_test *tests, size_t count, size_t workers, bool keep_order)
{
	struct schedule_options options = {
	    .workers = workers, .keep_order = keep_order, .shares = true, .batch_cost = INT64_MAX};
	struct schedule *s = schedule_new(tests, count, &options);

	assert_non_null(s);
	return s;
}

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

/* Writes the shares as "2,0|1" and frees the schedule. */
static const char *
shares_text(struct schedule *s, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t w = 0; w < schedule_workers(s); w++) {
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
the_originals_example(void **state)
{
	static const int64_t seconds[] = {1, 2, 3, 4, 5, 10, 1};
	struct schedule_test tests[COUNT(seconds)];
	char text[100];

	(void)state;
	for (size_t i = 0; i < COUNT(seconds); i++)
		tests[i] = (struct schedule_test){.duration = seconds[i] * 1000000000, .failed = false};
	assert_string_equal(shares_text(shares_new(tests, 7, 1, false), text, sizeof(text)), "5,4,3,2,1,0,6");
	assert_string_equal(shares_text(shares_new(tests, 7, 2, false), text, sizeof(text)), "5,1,0|4,3,2,6");
	assert_string_equal(shares_text(shares_new(tests, 7, 3, false), text, sizeof(text)), "5|4,1,0|3,2,6");
	assert_string_equal(shares_text(shares_new(tests, 7, 3, true), text, sizeof(text)), "5|0,1,4|2,3,6");
	assert_string_equal(
	    shares_text(shares_new(tests, 7, 100, true), text, sizeof(text)), "5|4|3|2|1|0|6");
	assert_string_equal(shares_text(shares_new(tests, 0, 3, false), text, sizeof(text)), "");
	for (size_t i = 0; i < COUNT(seconds); i++)
		tests[i].duration = -1;
	assert_string_equal(shares_text(shares_new(tests, 7, 3, false), text, sizeof(text)), "0,3,6|1,4|2,5");
}

/* What failed is first, then what is new, then the longest; a group stands where its first would, in its own
 * order. */
static void
failed_first_in_a_share(void **state)
{
	const struct schedule_test tests[] = {
	    {.duration = 10, .failed = false},
	    {.group = SLICE_LIT("g"), .duration = 5, .failed = false},
	    {.duration = -1, .failed = false},
	    {.duration = 7, .failed = true},
	    {.group = SLICE_LIT("h"), .duration = 9, .failed = false},
	    {.duration = 30, .failed = false},
	    {.group = SLICE_LIT("g"), .duration = -1, .failed = true},
	    {.group = SLICE_LIT("h"), .duration = 20, .failed = false},
	    {.duration = 8, .failed = true},
	    {.group = SLICE_LIT(""), .duration = 2, .failed = false},
	    {.group = SLICE_LIT(""), .duration = 40, .failed = false},
	};
	char text[100];

	(void)state;
	/* The unknown ones count as 14, so that the group g, which has the third failed test, is first of
	 * all. */
	assert_string_equal(shares_text(shares_new(tests, COUNT(tests), 1, false), text, sizeof(text)),
	    "1,6,8,3,2,10,5,4,7,0,9");
	assert_string_equal(shares_text(shares_new(tests, COUNT(tests), 1, true), text, sizeof(text)),
	    "0,1,2,3,4,5,6,7,8,9,10");
}

/* In every share the tests of a group stand together, in their order. */
static void
groups_stay_whole_in_a_share(void **state)
{
	struct schedule_test tests[MAX_TESTS];
	uint64_t seed = 2;

	(void)state;
	for (int round = 0; round < 500; round++) {
		size_t count = random_tests(&seed, (enum history)(round % 3), tests);
		struct schedule *s = shares_new(tests, count, 1 + below(&seed, MAX_WORKERS), false);
		size_t share_of[MAX_TESTS];

		for (size_t w = 0; w < schedule_workers(s); w++) {
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

/* A worker that never takes its share blocks nobody, and what a dead one leaves goes to whoever asks first. */
static void
left_overs_move_on(void **state)
{
	const struct schedule_test tests[] = {{.duration = 4, .failed = false},
	    {.duration = 3, .failed = false}, {.duration = 2, .failed = false},
	    {.duration = 1, .failed = false}};
	struct schedule *s = shares_new(tests, 4, 2, false);
	const size_t *batch;
	size_t count;

	(void)state;
	assert_true(schedule_next(s, 0, &batch, &count));
	assert_int_equal(count, 2);
	assert_int_equal(batch[0], 0);
	schedule_done(s, 0, -1);
	assert_int_equal(schedule_returned(s, 0), 1);
	assert_true(schedule_next(s, 1, &batch, &count));
	assert_int_equal(batch[0], 1);
	schedule_done(s, 1, -1);
	schedule_done(s, 2, -1);
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
extremes_do_no_harm(void **state)
{
	size_t count = 1000000, workers = 10000, seen = 0;
	struct schedule_test *tests = calloc(count, sizeof(*tests));
	uint64_t seed = 4;
	struct schedule *s;

	(void)state;
	for (size_t i = 0; i < 100; i++)
		tests[i].duration = INT64_MAX - (int64_t)below(&seed, 3);
	s = shares_new(tests, 100, 3, false);
	assert_int_equal(schedule_workers(s), 3);
	for (size_t w = 0; w < 3; w++) {
		const size_t *batch;
		size_t len;

		assert_true(schedule_next(s, w, &batch, &len));
		assert_in_range(len, 16, 34);
	}
	schedule_free(s);
	for (size_t i = 0; i < count; i++)
		tests[i].duration = (int64_t)below(&seed, 1000) - 1;
	s = shares_new(tests, count, workers, false);
	assert_int_equal(schedule_workers(s), workers);
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
	    cmocka_unit_test(keeps_the_rules_whatever_happens),
	    cmocka_unit_test(failed_then_new_then_longest),
	    cmocka_unit_test(an_order_is_kept_by_each_worker),
	    cmocka_unit_test(batches_are_worth_their_cost),
	    cmocka_unit_test(predictions_are_corrected),
	    cmocka_unit_test(the_originals_example),
	    cmocka_unit_test(failed_first_in_a_share),
	    cmocka_unit_test(groups_stay_whole_in_a_share),
	    cmocka_unit_test(left_overs_move_on),
	    cmocka_unit_test(extremes_do_no_harm),
	};

	return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
