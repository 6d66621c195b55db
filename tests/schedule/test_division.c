/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dice.h"
#include "division.h"

#include <stdbool.h>
#include <string.h>

#define MAX_PARTS 300
#define MAX_PROFILES 12
#define MAX_WORKERS 9

struct world {
	struct partition_part parts[MAX_PARTS];
	uint32_t profiles[MAX_PARTS];
	size_t count, workers;
	int64_t cost, work, longest;
	bool has[MAX_WORKERS][MAX_PROFILES];
	int64_t loads[MAX_WORKERS]; /* tests and starts */
	size_t starts[MAX_WORKERS];
	size_t profile_count, pairs; /* that there is something of */
};

static void
fill(struct world *w, uint64_t *state)
{
	size_t profiles = 1 + below(state, MAX_PROFILES), scale = below(state, 2) ? 1000 : 3;

	memset(w, 0, sizeof(*w));
	w->count = below(state, MAX_PARTS);
	w->workers = 1 + below(state, MAX_WORKERS);
	w->cost = (int64_t)below(state, 20000);
	for (size_t i = 0; i < w->count; i++) {
		int64_t duration = (int64_t)below(state, scale);

		w->parts[i] = (struct partition_part){.duration = duration, .tests = 1, .worker = SIZE_MAX};
		w->profiles[i] = (uint32_t)(below(state, profiles) * below(state, 2));
		w->work += duration;
		w->longest = duration > w->longest ? duration : w->longest;
	}
}

/* Divides, and sums up who got what. */
static void
divide(struct world *w)
{
	bool there[MAX_PROFILES] = {false};

	assert_int_equal(
	    division_make(w->parts, w->profiles, w->count, MAX_PROFILES, w->workers, w->cost), 0);
	for (size_t i = 0; i < w->count; i++) {
		size_t worker = w->parts[i].worker, profile = w->profiles[i];

		assert_true(worker < w->workers);
		w->loads[worker] += w->parts[i].duration;
		w->profile_count += !there[profile];
		there[profile] = true;
		if (!w->has[worker][profile]) {
			w->has[worker][profile] = true;
			w->starts[worker]++;
			w->loads[worker] += w->cost < INT32_MAX ? w->cost : 0;
			w->pairs++;
		}
	}
}

/* Each profile is started about once, and nobody has much more than his part: that of all work and starts, and what tests that
 * cannot be cut add to it; but a single profile is nobody's too much, where the start of another would cost more. */
static void
few_starts_and_fair_parts(void **context)
{
	uint64_t state = 1;
	struct world w;

	(void)context;
	for (int round = 0; round < 3000; round++) {
		double fair;

		fill(&w, &state);
		divide(&w);
		if (w.count == 0)
			continue;
		assert_true(w.pairs <= w.profile_count + w.workers - 1);
		fair = (double)(w.work + (int64_t)(w.profile_count + w.workers - 1) * w.cost) /
		       (double)w.workers;
		for (size_t i = 0; i < w.workers; i++)
			assert_true(w.starts[i] <= 1 ||
				    (double)w.loads[i] <= fair + (double)(w.longest * (int64_t)w.starts[i]));
	}
}

static const char *
text(struct world *w, char *out)
{
	divide(w);
	for (size_t i = 0; i < w->count; i++)
		out[i] = (char)('0' + w->parts[i].worker);
	out[w->count] = '\0';
	return out;
}

static void
examples(void **context)
{
	/* Six tests each in profiles 0 to 5. */
	struct world w = {.count = 36, .workers = 2, .cost = 10};
	char out[MAX_PARTS + 1];

	(void)context;
	for (size_t i = 0; i < w.count; i++) {
		w.profiles[i] = (uint32_t)(i / 6);
		w.parts[i] = (struct partition_part){.duration = 100, .tests = 1};
	}
	assert_string_equal(text(&w, out), "000000000000000000111111111111111111");
	/* One of them is as long as all others together, and takes two starts at most. */
	w = (struct world){.count = 12, .workers = 2, .cost = 10};
	for (size_t i = 0; i < w.count; i++) {
		w.profiles[i] = i < 6 ? 0 : (uint32_t)(i - 5);
		w.parts[i] = (struct partition_part){.duration = i < 6 ? 100 : 20, .tests = 1};
	}
	divide(&w);
	assert_int_equal(w.pairs, 8);
	/* No start is worth its cost: as few as possible, and still one profile for each worker. */
	w = (struct world){.count = 2, .workers = 8, .cost = INT64_MAX, .profiles = {0, 1}};
	assert_string_equal(text(&w, out), "01");
	w = (struct world){.count = 6, .workers = 2, .cost = INT64_MAX, .profiles = {0, 1, 2, 3, 4, 5}};
	assert_string_equal(text(&w, out), "000111");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(few_starts_and_fair_parts),
	    cmocka_unit_test(examples),
	};

	return cmocka_run_group_tests_name("division", tests, NULL, NULL);
}
