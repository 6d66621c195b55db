/* SPDX-License-Identifier: Apache-2.0 */
#include "partition.h"

#include <stdbool.h>
#include <stdlib.h>

struct load {
	int64_t duration;
	size_t tests;
	int64_t turn; /* the worker served last stands first among its equals */
	size_t worker;
};

struct ranked {
	int64_t duration;
	size_t part;
};

static int64_t
add_durations(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static int
by_duration(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->duration != y->duration)
		return x->duration > y->duration ? -1 : 1;
	return x->part < y->part ? -1 : 1;
}

static bool
less_loaded(const struct load *a, const struct load *b)
{
	if (a->duration != b->duration)
		return a->duration < b->duration;
	if (a->tests != b->tests)
		return a->tests < b->tests;
	return a->turn < b->turn;
}

/* Moves the root of the heap down to where it belongs. */
static void
sift_down(struct load *heap, size_t count)
{
	struct load moved = heap[0];
	size_t at = 0, child;

	while ((child = 2 * at + 1) < count) {
		if (child + 1 < count && less_loaded(&heap[child + 1], &heap[child]))
			child++;
		if (less_loaded(&moved, &heap[child]))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = moved;
}

static int
by_load(const void *a, const void *b)
{
	return less_loaded(a, b) ? -1 : less_loaded(b, a);
}

int
partition_longest_first_into(struct partition_part *parts, size_t count, const int64_t *loads, size_t workers)
{
	struct ranked *ranked = malloc((count + 1) * sizeof(*ranked));
	struct load *heap = malloc(workers * sizeof(*heap));
	int result = -1;

	if (!ranked || !heap)
		goto out;
	for (size_t i = 0; i < count; i++)
		ranked[i] = (struct ranked){parts[i].duration, i};
	qsort(ranked, count, sizeof(*ranked), by_duration);
	for (size_t w = 0; w < workers; w++)
		heap[w] = (struct load){.duration = loads ? loads[w] : 0, .turn = (int64_t)w, .worker = w};
	/* What is sorted is a heap. */
	if (loads)
		qsort(heap, workers, sizeof(*heap), by_load);
	for (size_t i = 0; i < count; i++) {
		struct partition_part *p = &parts[ranked[i].part];

		p->worker = heap[0].worker;
		heap[0].duration = add_durations(heap[0].duration, p->duration);
		heap[0].tests += p->tests;
		heap[0].turn = -1 - (int64_t)i;
		sift_down(heap, workers);
	}
	result = 0;
out:
	free(ranked);
	free(heap);
	return result;
}

int
partition_longest_first(struct partition_part *parts, size_t count, size_t workers)
{
	return partition_longest_first_into(parts, count, NULL, workers);
}

void
partition_in_turn(struct partition_part *parts, size_t count, size_t workers)
{
	for (size_t i = 0; i < count; i++)
		parts[i].worker = i % workers;
}
