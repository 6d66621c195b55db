/* SPDX-License-Identifier: Apache-2.0
 *
 * Simulates runs under the online schedule and under a static partition, which is the rule of Python's testr
 * and of stestr (partition.h), and prints how long each takes as a multiple of the lower bound: max(all work
 * / workers, the longest test). Also what one decision costs.
 *
 *     schedule [TESTS [WORKERS]] */
#include "schedule.h"
#include "partition.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MILLISECOND 1e6

enum durations { PARETO, BIMODAL, UNIFORM };
enum history { KNOWN, NONE, STALE };

static const char *const duration_names[] = {"Pareto 1.5", "bimodal 1:20", "uniform"};
static const char *const history_names[] = {"history", "no history", "stale history"};

struct suite {
	size_t count, workers;
	int64_t *real, *known;
	double total, longest;
};

static double
next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return ((double)(*state >> 11) + 0.5) / 9007199254740992.0;
}

/* Mean 1 to 3 tenths of a second. */
static double
duration(enum durations kind, uint64_t *state)
{
	double u = next_random(state);

	switch (kind) {
	case PARETO:
		return 50 * MILLISECOND * pow(u, -1 / 1.5);
	case BIMODAL:
		return u < 0.05 ? 2000 * MILLISECOND : 100 * MILLISECOND;
	default:
		return 200 * MILLISECOND * u;
	}
}

/* What history says of a test: the same within a few percent; nothing; or, for a third of the tests,
 * something quite different or nothing. */
static int64_t
recorded(enum history history, double real, uint64_t *state)
{
	double u = next_random(state), noise = 0.95 + 0.1 * next_random(state);

	if (history == NONE || (history == STALE && u < 0.1))
		return -1;
	if (history == STALE && u < 0.35)
		noise *= 0.25 + 3.75 * next_random(state);
	return (int64_t)(real * noise);
}

static void
fill(struct suite *s, enum durations durations, enum history history)
{
	uint64_t state = 42;

	s->total = s->longest = 0;
	for (size_t i = 0; i < s->count; i++) {
		double real = duration(durations, &state);

		s->real[i] = (int64_t)real;
		s->known[i] = recorded(history, real, &state);
		s->total += real;
		s->longest = real > s->longest ? real : s->longest;
	}
}

static double
cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Workers by the time at which they are free, in a heap. */
struct turn {
	double at;
	size_t worker;
};

static void
sift_down(struct turn *heap, size_t count)
{
	struct turn moved = heap[0];
	size_t at = 0, child;

	while ((child = 2 * at + 1) < count) {
		if (child + 1 < count && heap[child + 1].at < heap[child].at)
			child++;
		if (moved.at <= heap[child].at)
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = moved;
}

/* The end of the last test under the online schedule. *decision becomes the cost of one, in microseconds of
 * processor time: handing out a batch and taking note of its end. */
static double
run_online(const struct suite *s, struct schedule_test *tests, double *decision)
{
	struct schedule_options options = {.workers = s->workers};
	struct schedule *q = schedule_new(tests, s->count, &options);
	struct turn *heap = calloc(s->workers, sizeof(*heap));
	size_t batches = 0, left = s->workers;
	double end = 0, started = cpu_seconds();

	if (!q || !heap)
		abort();
	for (size_t w = 0; w < s->workers; w++)
		heap[w] = (struct turn){0, w};
	while (left) {
		struct turn *now = &heap[0];
		const size_t *batch;
		size_t count;

		/* Its tests end at this moment; until then nothing was to be decided for this worker. */
		schedule_returned(q, now->worker);
		if (!schedule_next(q, now->worker, &batch, &count)) {
			heap[0] = heap[--left];
		} else {
			for (size_t i = 0; i < count; i++) {
				now->at += (double)s->real[batch[i]];
				schedule_done(q, batch[i], s->real[batch[i]]);
			}
			end = now->at > end ? now->at : end;
			batches++;
		}
		if (left)
			sift_down(heap, left);
	}
	*decision = (cpu_seconds() - started) / (double)batches * 1e6;
	if (schedule_undone(q))
		abort();
	schedule_free(q);
	free(heap);
	return end;
}

static double
run_static(const struct suite *s)
{
	struct partition_part *parts = calloc(s->count, sizeof(*parts));
	double *loads = calloc(s->workers, sizeof(*loads)), sum = 0, end = 0;
	size_t known = 0;

	if (!parts || !loads)
		abort();
	for (size_t i = 0; i < s->count; i++)
		if (s->known[i] >= 0) {
			sum += (double)s->known[i];
			known++;
		}
	/* A new test counts as much as the mean of the others. */
	for (size_t i = 0; i < s->count; i++) {
		double guess = known ? sum / (double)known : 0;

		parts[i] = (struct partition_part){s->known[i] >= 0 ? s->known[i] : (int64_t)guess, 1, 0};
	}
	if (!known)
		partition_in_turn(parts, s->count, s->workers);
	else if (partition_longest_first(parts, s->count, s->workers))
		abort();
	for (size_t i = 0; i < s->count; i++)
		loads[parts[i].worker] += (double)s->real[i];
	for (size_t w = 0; w < s->workers; w++)
		end = loads[w] > end ? loads[w] : end;
	free(parts);
	free(loads);
	return end;
}

static void
compare(struct suite *s, enum durations durations, enum history history)
{
	struct schedule_test *tests = calloc(s->count, sizeof(*tests));
	double bound, decision, ours, theirs;

	if (!tests)
		abort();
	fill(s, durations, history);
	for (size_t i = 0; i < s->count; i++)
		tests[i].duration = s->known[i];
	bound = s->total / (double)s->workers;
	bound = bound > s->longest ? bound : s->longest;
	ours = run_online(s, tests, &decision);
	theirs = run_static(s);
	printf("%-14s %-14s bound %9.1f s   ours %6.3f   testr, stestr %6.3f   %5.2f us a decision\n",
	    duration_names[durations], history_names[history], bound / 1e9, ours / bound, theirs / bound,
	    decision);
	free(tests);
}

int
main(int argc, char **argv)
{
	struct suite s = {.count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000,
	    .workers = argc > 2 ? strtoull(argv[2], NULL, 10) : 10000};

	if (!s.count || !s.workers)
		return 2;
	s.real = calloc(s.count, sizeof(*s.real));
	s.known = calloc(s.count, sizeof(*s.known));
	if (!s.real || !s.known)
		return 1;
	for (enum durations d = PARETO; d <= UNIFORM; d++)
		for (enum history h = KNOWN; h <= STALE; h++)
			compare(&s, d, h);
	free(s.real);
	free(s.known);
	return 0;
}
