/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dice.h"
#include "partition.h"

#include <stdbool.h>

#define MAX_PARTS 200
#define MAX_WORKERS 20

struct load {
	int64_t duration;
	size_t tests, worker;
};

/* A stable sort by (work, tests). */
static void
sort_loads(struct load *loads, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct load l = loads[i];
		size_t at = i;

		while (
		    at > 0 && (loads[at - 1].duration > l.duration ||
				  (loads[at - 1].duration == l.duration && loads[at - 1].tests > l.tests))) {
			loads[at] = loads[at - 1];
			at--;
		}
		loads[at] = l;
	}
}

/* The original's rule, step by step. */
static void
model(const struct partition_part *parts, size_t count, size_t workers, size_t *worker_of)
{
	struct load loads[MAX_WORKERS] = {0};
	bool assigned[MAX_PARTS] = {false};

	for (size_t w = 0; w < workers; w++)
		loads[w].worker = w;
	for (size_t step = 0; step < count; step++) {
		size_t best = SIZE_MAX;

		for (size_t i = 0; i < count; i++)
			if (!assigned[i] && (best == SIZE_MAX || parts[i].duration > parts[best].duration))
				best = i;
		assigned[best] = true;
		worker_of[best] = loads[0].worker;
		loads[0].duration += parts[best].duration;
		loads[0].tests += parts[best].tests;
		sort_loads(loads, workers);
	}
}

/* Few different durations make many ties. */
static size_t
random_parts(uint64_t *state, struct partition_part *parts)
{
	size_t count = below(state, MAX_PARTS), durations = below(state, 2) ? 4 : 1000000;

	for (size_t i = 0; i < count; i++)
		parts[i] =
		    (struct partition_part){(int64_t)below(state, durations), 1 + below(state, 3), SIZE_MAX};
	return count;
}

static void
longest_first_is_the_originals_rule(void **context)
{
	struct partition_part parts[MAX_PARTS];
	uint64_t state = 1;

	(void)context;
	for (int round = 0; round < 1500; round++) {
		size_t count = random_parts(&state, parts), workers = 1 + below(&state, MAX_WORKERS);
		size_t expected[MAX_PARTS];

		model(parts, count, workers, expected);
		assert_int_equal(partition_longest_first(parts, count, workers), 0);
		for (size_t i = 0; i < count; i++)
			assert_int_equal(parts[i].worker, expected[i]);
	}
}

static void
every_worker_gets_a_part(void **context)
{
	struct partition_part parts[MAX_PARTS];
	uint64_t state = 2;

	(void)context;
	for (int round = 0; round < 500; round++) {
		size_t count = random_parts(&state, parts), workers = 1 + below(&state, MAX_WORKERS),
		       served = 0;
		bool has[MAX_WORKERS] = {false};

		if (round % 2)
			partition_in_turn(parts, count, workers);
		else
			assert_int_equal(partition_longest_first(parts, count, workers), 0);
		for (size_t i = 0; i < count; i++) {
			served += !has[parts[i].worker];
			has[parts[i].worker] = true;
			if (round % 2)
				assert_int_equal(parts[i].worker, i % workers);
		}
		assert_int_equal(served, count < workers ? count : workers);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(longest_first_is_the_originals_rule),
	    cmocka_unit_test(every_worker_gets_a_part),
	};

	return cmocka_run_group_tests_name("partition", tests, NULL, NULL);
}
