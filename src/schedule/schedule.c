/* SPDX-License-Identifier: Apache-2.0 */
#include "schedule.h"

#include "strtab.h"

#include <assert.h>
#include <stdlib.h>

enum state { STATE_WAITING, STATE_OUT, STATE_DONE };

/* A share, or what is left of one: a run of `order`. It goes from worker to worker as a whole, so there are
 * never more of them than at the start and none of them ever grows; handing out allocates nothing. */
struct segment {
	size_t from, len;
};

struct worker {
	size_t segment; /* NO_SEGMENT, or what it has out, or its share until it first asks */
	bool out;
};

#define NO_SEGMENT SIZE_MAX

struct schedule {
	size_t count, shares;
	size_t undone, waiting;
	uint8_t *states;          /* enum state of each test */
	size_t *order;            /* the tests, share after share */
	struct segment *segments; /* as many as shares, and so are the next two */
	struct worker *workers;
	size_t *queue; /* a ring of segments that came back */
	size_t queue_from, queue_len;
};

/* ---- who gets what ---- */

/* Why a test comes before others of its share. */
enum rank { RANK_FAILED, RANK_NEW, RANK_KNOWN };

struct group {
	int64_t duration; /* of all its tests together */
	size_t tests;
	size_t worker;
	enum rank rank; /* of its first test in the order of a share */
	int64_t lead_duration;
	size_t lead;
};

/* A test with all that decides its place in its share. */
struct place {
	enum rank rank;
	int64_t duration;
	size_t lead, test;
};

struct load {
	int64_t duration;
	size_t tests;
	int64_t turn; /* the worker served last stands first among its equals */
	size_t worker;
};

struct ranked {
	int64_t duration;
	size_t group;
};

static int64_t
add_durations(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/* The mean of the durations that are known, or -1 when none is. */
static int64_t
mean_duration(const struct schedule_test *tests, size_t count)
{
	int64_t sum = 0, known = 0;

	for (size_t i = 0; i < count; i++) {
		if (tests[i].duration < 0)
			continue;
		sum = add_durations(sum, tests[i].duration);
		known++;
	}
	return known ? sum / known : -1;
}

/* Numbers the groups in the order of their first tests: group_of[i] is the group of test i. Returns how many
 * there are, or SIZE_MAX when out of memory. */
static size_t
number_groups(const struct schedule_test *tests, size_t count, size_t *group_of)
{
	struct strtab names = {0};
	size_t *named = malloc((count + 1) * sizeof(*named)); /* the group of each name */
	size_t groups = 0;

	for (size_t i = 0; named && i < count; i++) {
		bool added = true;
		size_t name = 0;

		if (tests[i].group.len) {
			name = strtab_add(&names, tests[i].group, &added);
			if (name == STRTAB_NONE) {
				groups = SIZE_MAX;
				goto out;
			}
			if (added)
				named[name] = groups;
		}
		group_of[i] = added ? groups++ : named[name];
	}
out:
	strtab_release(&names);
	if (!named)
		return SIZE_MAX;
	free(named);
	return groups;
}

static void
fill_groups(const struct schedule_test *tests, size_t count, const size_t *group_of, struct group *groups)
{
	int64_t mean = mean_duration(tests, count);

	for (size_t i = 0; i < count; i++) {
		struct group *g = &groups[group_of[i]];
		int64_t duration = tests[i].duration >= 0 ? tests[i].duration : mean >= 0 ? mean : 0;
		enum rank rank = tests[i].failed         ? RANK_FAILED
				 : tests[i].duration < 0 ? RANK_NEW
							 : RANK_KNOWN;

		if (g->tests == 0 || rank < g->rank || (rank == g->rank && duration > g->lead_duration)) {
			g->rank = rank;
			g->lead_duration = duration;
			g->lead = i;
		}
		g->duration = add_durations(g->duration, duration);
		g->tests++;
	}
}

static int
by_duration(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->duration != y->duration)
		return x->duration > y->duration ? -1 : 1;
	return x->group < y->group ? -1 : 1;
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

/* Each group, the longest first, goes to the worker with the least work. The order among equals is that of a
 * list which is stably sorted by (work, tests) after each step, its first entry being the one that was
 * served: the original's rule. */
static int
assign_longest_first(struct group *groups, size_t count, size_t workers)
{
	struct ranked *ranked = malloc(count * sizeof(*ranked));
	struct load *heap = malloc(workers * sizeof(*heap));
	int result = -1;

	if (!ranked || !heap)
		goto out;
	for (size_t i = 0; i < count; i++)
		ranked[i] = (struct ranked){groups[i].duration, i};
	qsort(ranked, count, sizeof(*ranked), by_duration);
	for (size_t w = 0; w < workers; w++)
		heap[w] = (struct load){.turn = (int64_t)w, .worker = w};
	for (size_t i = 0; i < count; i++) {
		struct group *g = &groups[ranked[i].group];

		g->worker = heap[0].worker;
		heap[0].duration = add_durations(heap[0].duration, g->duration);
		heap[0].tests += g->tests;
		heap[0].turn = -1 - (int64_t)i;
		sift_down(heap, workers);
	}
	result = 0;
out:
	free(ranked);
	free(heap);
	return result;
}

/* ---- the order in a share ---- */

static int
by_place(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	if (x->duration != y->duration)
		return x->duration > y->duration ? -1 : 1;
	if (x->lead != y->lead)
		return x->lead < y->lead ? -1 : 1;
	return x->test < y->test ? -1 : 1;
}

/* Numbers the shares, leaving out the workers that got nothing, and makes their segments. fill[w] becomes the
 * place of the first test of worker w. */
static void
make_segments(
    struct schedule *s, const struct group *groups, const size_t *group_of, size_t workers, size_t *fill)
{
	size_t from = 0;

	for (size_t i = 0; i < s->count; i++)
		fill[groups[group_of[i]].worker]++;
	for (size_t w = 0; w < workers; w++) {
		size_t len = fill[w];

		fill[w] = from;
		if (!len)
			continue;
		s->workers[s->shares].segment = s->shares;
		s->segments[s->shares++] = (struct segment){from, len};
		from += len;
	}
}

static int
lay_out(
    struct schedule *s, const struct group *groups, const size_t *group_of, size_t workers, bool keep_order)
{
	struct place *places = calloc(s->count + 1, sizeof(*places));
	size_t *fill = calloc(workers + 1, sizeof(*fill));
	int result = -1;

	if (!places || !fill)
		goto out;
	make_segments(s, groups, group_of, workers, fill);
	for (size_t i = 0; i < s->count; i++) {
		const struct group *g = &groups[group_of[i]];

		places[fill[g->worker]++] = (struct place){g->rank, g->lead_duration, g->lead, i};
	}
	for (size_t k = 0; k < s->shares && !keep_order; k++)
		qsort(places + s->segments[k].from, s->segments[k].len, sizeof(*places), by_place);
	for (size_t i = 0; i < s->count; i++)
		s->order[i] = places[i].test;
	result = 0;
out:
	free(places);
	free(fill);
	return result;
}

static int
share_out(struct schedule *s, const struct schedule_test *tests, size_t workers, bool keep_order)
{
	size_t *group_of = malloc((s->count + 1) * sizeof(*group_of));
	size_t count = group_of ? number_groups(tests, s->count, group_of) : SIZE_MAX;
	struct group *groups = count < SIZE_MAX ? calloc(count + 1, sizeof(*groups)) : NULL;
	int result = -1;

	if (!groups)
		goto out;
	fill_groups(tests, s->count, group_of, groups);
	if (workers > count)
		workers = count;
	s->segments = calloc(workers + 1, sizeof(*s->segments));
	s->workers = calloc(workers + 1, sizeof(*s->workers));
	s->queue = calloc(workers + 1, sizeof(*s->queue));
	if (!s->segments || !s->workers || !s->queue)
		goto out;
	/* Without any history the groups are dealt out in turn: neighbours often take equally long. */
	if (mean_duration(tests, s->count) < 0)
		for (size_t i = 0; i < count; i++)
			groups[i].worker = i % workers;
	else if (assign_longest_first(groups, count, workers))
		goto out;
	result = lay_out(s, groups, group_of, workers, keep_order);
out:
	free(groups);
	free(group_of);
	return result;
}

struct schedule *
schedule_new(const struct schedule_test *tests, size_t count, size_t workers, bool keep_order)
{
	struct schedule *s = calloc(1, sizeof(*s));

	assert(workers > 0);
	if (!s)
		return NULL;
	s->count = s->undone = s->waiting = count;
	s->states = calloc(count + 1, sizeof(*s->states));
	s->order = calloc(count + 1, sizeof(*s->order));
	if (!s->states || !s->order || share_out(s, tests, workers, keep_order)) {
		schedule_free(s);
		return NULL;
	}
	return s;
}

void
schedule_free(struct schedule *s)
{
	if (!s)
		return;
	free(s->states);
	free(s->order);
	free(s->segments);
	free(s->workers);
	free(s->queue);
	free(s);
}

size_t
schedule_shares(const struct schedule *s)
{
	return s->shares;
}

/* ---- handing out ---- */

/* Takes the tests that are done out of a segment and hands the others out. */
static void
take_out(struct schedule *s, struct segment *segment)
{
	size_t *tests = s->order + segment->from, kept = 0;

	for (size_t i = 0; i < segment->len; i++) {
		if (s->states[tests[i]] == STATE_DONE)
			continue;
		s->states[tests[i]] = STATE_OUT;
		tests[kept++] = tests[i];
	}
	segment->len = kept;
	s->waiting -= kept;
}

bool
schedule_next(struct schedule *s, size_t w, const size_t **tests, size_t *count)
{
	struct worker *worker = &s->workers[w];
	struct segment *segment;

	assert(w < s->shares && !worker->out);
	for (;;) {
		if (worker->segment == NO_SEGMENT) {
			if (s->queue_len == 0)
				return false;
			worker->segment = s->queue[s->queue_from];
			s->queue_from = (s->queue_from + 1) % s->shares;
			s->queue_len--;
		}
		segment = &s->segments[worker->segment];
		take_out(s, segment);
		if (segment->len)
			break;
		worker->segment = NO_SEGMENT;
	}
	worker->out = true;
	*tests = s->order + segment->from;
	*count = segment->len;
	return true;
}

void
schedule_done(struct schedule *s, size_t test)
{
	assert(test < s->count);
	if (s->states[test] == STATE_DONE)
		return;
	s->undone--;
	s->waiting -= s->states[test] == STATE_WAITING;
	s->states[test] = STATE_DONE;
}

size_t
schedule_returned(struct schedule *s, size_t w)
{
	struct worker *worker = &s->workers[w];
	const struct segment *segment;
	size_t left = 0;

	assert(w < s->shares);
	if (!worker->out)
		return 0;
	segment = &s->segments[worker->segment];
	for (size_t i = segment->from; i < segment->from + segment->len; i++) {
		if (s->states[s->order[i]] == STATE_DONE)
			continue;
		s->states[s->order[i]] = STATE_WAITING;
		left++;
	}
	if (left)
		s->queue[(s->queue_from + s->queue_len++) % s->shares] = worker->segment;
	s->waiting += left;
	worker->segment = NO_SEGMENT;
	worker->out = false;
	return left;
}

size_t
schedule_undone(const struct schedule *s)
{
	return s->undone;
}

size_t
schedule_waiting(const struct schedule *s)
{
	return s->waiting;
}
