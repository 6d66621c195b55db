/* SPDX-License-Identifier: Apache-2.0 */
#include "schedule.h"

#include "buf.h"
#include "partition.h"
#include "strtab.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum state { STATE_WAITING, STATE_OUT, STATE_DONE };

/* Why a test comes before others. */
enum rank { RANK_FAILED, RANK_NEW, RANK_KNOWN };

/* Nothing at all is known of any test. */
#define GUESS_FIRST 1e8
/* Where a worker's part of the work is less than so many times what a batch costs, it is one batch; else one
 * batch is worth at least COST_LEAST and at most COST_MOST times that. */
#define COST_WHOLE 8
#define COST_LEAST 4
#define COST_MOST 100

#define NO_RANGE UINT32_MAX

/* Tests that are handed out together: a group, or a test that is in none. */
struct unit {
	uint64_t limits;
	int64_t duration; /* of all its tests together */
	uint32_t segment, lead, tests;
	uint32_t owner; /* whose share it is in: a worker's number plus 1, or 0 */
	enum rank rank;
};

/* The tests of one segment that have the same owner and the same limits. What waits of them is a list of
 * ranges of `order`; one that came back stands before those that were never out. */
struct kind {
	uint64_t limits;
	size_t segment;
	uint32_t owner;
	uint32_t head; /* where the first range begins, or NO_RANGE */
	/* What waits: how many tests that nothing is known of, and the sum of the others' durations. */
	size_t unknown;
	double known;
};

struct batch {
	uint32_t from, len;
	struct kind *kind;
};

struct worker {
	struct batch batches[SCHEDULE_DEPTH]; /* the oldest first */
	size_t count;
};

struct segment {
	struct schedule_segment rules;
	/* Its kinds: first the `common` ones without an owner, then the workers' shares, worker 0's first. */
	size_t kind_from, kind_count, common;
	size_t undone;
	size_t active; /* workers that have a batch of it */
};

struct schedule {
	struct schedule_options options; /* without its pointers */
	size_t count, undone, waiting;
	double known_undone; /* as in struct kind, of what is not done */
	size_t unknown_undone;
	bool any_known; /* there is history */

	uint8_t *states;    /* enum state of each test */
	int64_t *durations; /* of each test, from history */
	uint32_t *unit_of;  /* of each test */
	uint32_t *kind_of;  /* of each test */
	struct unit *units;
	size_t unit_count;
	size_t *order; /* the tests, kind after kind */
	/* By the place in `order` where a range of waiting tests begins. */
	uint32_t *range_len, *range_next;

	struct kind *kinds;
	struct segment *segments;
	size_t current; /* segment */
	struct worker *workers;
	size_t limit_max[SCHEDULE_LIMITS_MAX], limit_used[SCHEDULE_LIMITS_MAX];

	double batch_cost;
	double history, seen; /* of the tests that are done and were known: what was predicted, what it was */
	double guess;         /* before any new test was seen */
	double new_sum;
	size_t new_count;
};

/* ---- predictions ---- */

/* How much slower than in history everything is. */
static double
slowdown(const struct schedule *s)
{
	return s->history > 0 && s->seen > 0 ? s->seen / s->history : 1;
}

/* The guess from history counts as much as one test that was seen. */
static double
new_duration(const struct schedule *s)
{
	return (s->guess + s->new_sum) / (1 + (double)s->new_count);
}

static double
work(const struct schedule *s, double known, size_t unknown)
{
	return known * slowdown(s) + (double)unknown * new_duration(s);
}

static int64_t
to_nanoseconds(double d)
{
	return d >= 9.2e18 ? INT64_MAX : (int64_t)d;
}

int64_t
schedule_predict(const struct schedule *s, size_t test)
{
	assert(test < s->count);
	return to_nanoseconds(
	    s->durations[test] < 0 ? new_duration(s) : (double)s->durations[test] * slowdown(s));
}

int64_t
schedule_work(const struct schedule *s)
{
	return to_nanoseconds(work(s, s->known_undone, s->unknown_undone));
}

void
schedule_batch_cost(struct schedule *s, int64_t nanoseconds)
{
	s->batch_cost = (double)nanoseconds;
}

/* Tells the sums that a test waits, or does no more. */
static void
set_waiting(struct schedule *s, size_t test, bool waits)
{
	struct kind *kind = &s->kinds[s->kind_of[test]];

	s->waiting += waits ? 1 : (size_t)-1;
	if (s->durations[test] < 0)
		kind->unknown += waits ? 1 : (size_t)-1;
	else
		kind->known += waits ? (double)s->durations[test] : -(double)s->durations[test];
}

/* ---- the order ---- */

static int
by_priority(const struct unit *x, const struct unit *y)
{
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	if (x->duration != y->duration)
		return x->duration > y->duration ? -1 : 1;
	return x->lead < y->lead ? -1 : x->lead > y->lead;
}

static int
by_kind(const struct unit *x, const struct unit *y)
{
	if (x->segment != y->segment)
		return x->segment < y->segment ? -1 : 1;
	if (x->owner != y->owner)
		return x->owner < y->owner ? -1 : 1;
	return x->limits < y->limits ? -1 : x->limits > y->limits;
}

static int
by_kind_and_priority(const void *a, const void *b)
{
	int order = by_kind(a, b);

	return order ? order : by_priority(a, b);
}

static int
by_kind_and_lead(const void *a, const void *b)
{
	const struct unit *x = a, *y = b;
	int order = by_kind(x, y);

	return order ? order : x->lead < y->lead ? -1 : x->lead > y->lead;
}

static int64_t
add_durations(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/* The group's name within its segment. */
static struct slice
unit_key(const struct schedule_test *test, struct buf *key)
{
	buf_clear(key);
	buf_printf(key, "%zu ", test->segment);
	buf_slice(key, test->group);
	return buf_get(key);
}

/* Gives each test its unit, numbered in the order of their first tests. Returns how many there are, or
 * SIZE_MAX when out of memory. */
static size_t
number_units(struct schedule *s, const struct schedule_test *tests)
{
	uint32_t *named = malloc((s->count + 1) * sizeof(*named)); /* the unit of each name */
	struct strtab names = {0};
	struct buf key;
	size_t units = 0;

	buf_init(&key, SIZE_MAX / 4);
	for (size_t i = 0; named && i < s->count; i++) {
		bool added = true;
		size_t name = 0;

		if (tests[i].group.len) {
			name = strtab_add(&names, unit_key(&tests[i], &key), &added);
			if (name == STRTAB_NONE || key.failed) {
				units = SIZE_MAX;
				break;
			}
			if (added)
				named[name] = (uint32_t)units;
		}
		s->unit_of[i] = added ? (uint32_t)units++ : named[name];
	}
	if (!named)
		units = SIZE_MAX;
	buf_release(&key);
	strtab_release(&names);
	free(named);
	return units;
}

static void
fill_units(struct schedule *s, const struct schedule_test *tests)
{
	for (size_t i = 0; i < s->count; i++) {
		struct unit *u = &s->units[s->unit_of[i]];
		int64_t duration = tests[i].duration >= 0 ? tests[i].duration : to_nanoseconds(s->guess);
		enum rank rank = tests[i].failed         ? RANK_FAILED
				 : tests[i].duration < 0 ? RANK_NEW
							 : RANK_KNOWN;

		if (u->tests == 0) {
			u->segment = (uint32_t)tests[i].segment;
			u->lead = (uint32_t)i;
			u->rank = rank;
		}
		if (rank < u->rank)
			u->rank = rank;
		u->limits |= tests[i].limits;
		u->duration = add_durations(u->duration, duration);
		u->tests++;
	}
}

/* Divides the units of one segment that no limit holds for among the workers. parts is scratch: of each unit.
 */
static int
make_shares(struct schedule *s, size_t segment, struct partition_part *parts)
{
	size_t workers = s->options.workers, count = 0;

	for (size_t i = 0; i < s->unit_count; i++)
		if (s->units[i].segment == segment && !s->units[i].limits)
			parts[count++] = (struct partition_part){s->units[i].duration, s->units[i].tests, 0};
	/* Without any history neighbours are taken to last equally long. */
	if (!s->any_known)
		partition_in_turn(parts, count, workers);
	else if (partition_longest_first(parts, count, workers))
		return -1;
	count = 0;
	for (size_t i = 0; i < s->unit_count; i++)
		if (s->units[i].segment == segment && !s->units[i].limits)
			s->units[i].owner = (uint32_t)parts[count++].worker + 1;
	return 0;
}

static int
share_out(struct schedule *s)
{
	struct partition_part *parts = calloc(s->unit_count + 1, sizeof(*parts));
	int rc = parts ? 0 : -1;

	for (size_t i = 0; rc == 0 && i < s->options.segment_count; i++)
		if (!s->segments[i].rules.isolated)
			rc = make_shares(s, i, parts);
	free(parts);
	return rc;
}

static bool
begins_kind(const struct unit *sorted, size_t i)
{
	return i == 0 || by_kind(&sorted[i - 1], &sorted[i]) != 0;
}

/* Puts the tests into `order`, unit after unit as they are sorted; in a share whose order is a person's, one
 * after the other. place and at are scratch: of each unit, and of each place. */
static void
order_tests(struct schedule *s, const struct unit *sorted, size_t *place, size_t *at)
{
	size_t next = 0, kind = 0;

	for (size_t i = 0; i < s->unit_count; i++) {
		if (begins_kind(sorted, i))
			kind = i;
		at[i] = next;
		place[s->unit_of[sorted[i].lead]] = sorted[i].owner && s->options.keep_order ? kind : i;
		next += sorted[i].tests;
	}
	for (size_t i = 0; i < s->count; i++)
		s->order[at[place[s->unit_of[i]]]++] = i;
}

static void
begin_kind(struct schedule *s, const struct unit *first, size_t index, uint32_t at)
{
	struct segment *seg = &s->segments[first->segment];

	s->kinds[index] = (struct kind){
	    .limits = first->limits, .segment = first->segment, .owner = first->owner, .head = at};
	s->range_next[at] = NO_RANGE;
	if (seg->kind_count++ == 0)
		seg->kind_from = index;
	seg->common += first->owner == 0;
}

/* Each run of sorted units of one kind becomes one. */
static int
make_kinds(struct schedule *s, const struct unit *sorted)
{
	size_t kinds = 0, at = 0;

	for (size_t i = 0; i < s->unit_count; i++)
		kinds += begins_kind(sorted, i);
	s->kinds = calloc(kinds + 1, sizeof(*s->kinds));
	if (!s->kinds)
		return -1;
	kinds = 0;
	for (size_t i = 0; i < s->unit_count; i++) {
		if (begins_kind(sorted, i))
			begin_kind(s, &sorted[i], kinds++, (uint32_t)at);
		s->range_len[s->kinds[kinds - 1].head] += sorted[i].tests;
		for (size_t k = 0; k < sorted[i].tests; k++)
			s->kind_of[s->order[at++]] = (uint32_t)kinds - 1;
	}
	return 0;
}

static int
lay_out(struct schedule *s, const struct schedule_test *tests)
{
	size_t *place = NULL, *at = NULL;
	struct unit *sorted = NULL;
	int result = -1;

	s->unit_count = number_units(s, tests);
	if (s->unit_count == SIZE_MAX)
		return -1;
	s->units = calloc(s->unit_count + 1, sizeof(*s->units));
	sorted = calloc(s->unit_count + 1, sizeof(*sorted));
	place = calloc(s->unit_count + 1, sizeof(*place));
	at = calloc(s->unit_count + 1, sizeof(*at));
	if (!s->units || !sorted || !place || !at)
		goto out;
	fill_units(s, tests);
	if (s->options.shares && share_out(s))
		goto out;
	memcpy(sorted, s->units, s->unit_count * sizeof(*sorted));
	qsort(sorted, s->unit_count, sizeof(*sorted),
	    s->options.keep_order ? by_kind_and_lead : by_kind_and_priority);
	order_tests(s, sorted, place, at);
	result = make_kinds(s, sorted);
out:
	free(place);
	free(at);
	free(sorted);
	return result;
}

/* ---- making one ---- */

/* What history says of all tests together. */
static void
sum_up(struct schedule *s, const struct schedule_test *tests)
{
	size_t known = 0;

	for (size_t i = 0; i < s->count; i++) {
		s->durations[i] = tests[i].duration < 0 ? -1 : tests[i].duration;
		if (tests[i].duration < 0)
			continue;
		s->known_undone += (double)tests[i].duration;
		known++;
	}
	s->any_known = known > 0;
	s->guess = known ? s->known_undone / (double)known : GUESS_FIRST;
	s->unknown_undone = s->count - known;
}

static int
allocate(struct schedule *s)
{
	size_t count = s->count + 1;

	s->states = calloc(count, sizeof(*s->states));
	s->durations = calloc(count, sizeof(*s->durations));
	s->unit_of = calloc(count, sizeof(*s->unit_of));
	s->kind_of = calloc(count, sizeof(*s->kind_of));
	s->order = calloc(count, sizeof(*s->order));
	s->range_len = calloc(count, sizeof(*s->range_len));
	s->range_next = calloc(count, sizeof(*s->range_next));
	s->segments = calloc(s->options.segment_count, sizeof(*s->segments));
	s->workers = calloc(s->options.workers, sizeof(*s->workers));
	return s->states && s->durations && s->unit_of && s->kind_of && s->order && s->range_len &&
		       s->range_next && s->segments && s->workers
		   ? 0
		   : -1;
}

/* Copies what the options point to. */
static void
take_options(struct schedule *s, const struct schedule_options *options)
{
	for (size_t i = 0; options->segments && i < options->segment_count; i++)
		s->segments[i].rules = options->segments[i];
	for (size_t i = 0; i < options->limit_count; i++)
		s->limit_max[i] = options->limits[i];
	s->options.segments = NULL;
	s->options.limits = NULL;
}

struct schedule *
schedule_new(const struct schedule_test *tests, size_t count, const struct schedule_options *options)
{
	struct schedule *s = calloc(1, sizeof(*s));

	assert(options->workers > 0 && options->limit_count <= SCHEDULE_LIMITS_MAX && count < NO_RANGE);
	if (!s)
		return NULL;
	s->options = *options;
	s->count = s->undone = count;
	s->batch_cost = (double)options->batch_cost;
	if (!options->segments)
		s->options.segment_count = 1;
	if (allocate(s)) {
		schedule_free(s);
		return NULL;
	}
	take_options(s, options);
	sum_up(s, tests);
	if (lay_out(s, tests)) {
		schedule_free(s);
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		set_waiting(s, i, true);
		s->segments[tests[i].segment].undone++;
	}
	return s;
}

void
schedule_free(struct schedule *s)
{
	if (!s)
		return;
	free(s->states);
	free(s->durations);
	free(s->unit_of);
	free(s->kind_of);
	free(s->units);
	free(s->order);
	free(s->range_len);
	free(s->range_next);
	free(s->kinds);
	free(s->segments);
	free(s->workers);
	free(s);
}

size_t
schedule_workers(const struct schedule *s)
{
	return s->options.workers < s->unit_count ? s->options.workers : s->unit_count;
}

/* ---- handing out ---- */

/* The first test of a kind that waits, at which its first range then begins; SIZE_MAX when there is none. */
static size_t
kind_head(struct schedule *s, struct kind *kind)
{
	while (kind->head != NO_RANGE) {
		uint32_t from = kind->head, len = s->range_len[from], next = s->range_next[from];

		if (s->states[s->order[from]] == STATE_WAITING)
			return s->order[from];
		kind->head = next;
		if (len > 1) {
			kind->head = from + 1;
			s->range_len[from + 1] = len - 1;
			s->range_next[from + 1] = next;
		}
	}
	return SIZE_MAX;
}

static bool
limits_allow(const struct schedule *s, uint64_t limits)
{
	for (; limits; limits &= limits - 1) {
		int i = __builtin_ctzll(limits);

		if (s->limit_used[i] >= s->limit_max[i])
			return false;
	}
	return true;
}

static void
limits_use(struct schedule *s, uint64_t limits, bool used)
{
	for (; limits; limits &= limits - 1) {
		size_t *n = &s->limit_used[__builtin_ctzll(limits)];

		*n = used ? *n + 1 : *n - 1;
	}
}

static double
kind_work(const struct schedule *s, const struct kind *kind)
{
	return work(s, kind->known, kind->unknown);
}

/* The better one of two kinds, by the tests that are their next. `best` may be NULL. */
static struct kind *
better_kind(struct schedule *s, struct kind *best, struct kind *kind)
{
	size_t head = kind_head(s, kind);
	const struct unit *x, *y;

	if (head == SIZE_MAX)
		return best;
	if (!best)
		return kind;
	x = &s->units[s->unit_of[head]];
	y = &s->units[s->unit_of[s->order[best->head]]];
	return (s->options.keep_order ? x->lead < y->lead : by_priority(x, y) < 0) ? kind : best;
}

/* What is in nobody's share, or in this worker's; NULL for nothing. */
static struct kind *
choose_own(struct schedule *s, size_t worker, bool in_pipe)
{
	const struct segment *seg = &s->segments[s->current];
	struct kind *best = NULL, *kinds = s->kinds + seg->kind_from;

	for (size_t i = 0; i < seg->common; i++)
		if (!kinds[i].limits || (!in_pipe && limits_allow(s, kinds[i].limits)))
			best = better_kind(s, best, &kinds[i]);
	if (worker < seg->kind_count - seg->common)
		best = better_kind(s, best, &kinds[seg->common + worker]);
	return best;
}

/* The share with the most left that is worth a batch of its own, or whose owner is not at work; NULL for
 * none. */
static struct kind *
choose_other(struct schedule *s)
{
	const struct segment *seg = &s->segments[s->current];
	struct kind *best = NULL, *kinds = s->kinds + seg->kind_from;

	for (size_t i = seg->common; i < seg->kind_count; i++) {
		bool idle = s->workers[kinds[i].owner - 1].count == 0;

		if (kind_head(s, &kinds[i]) == SIZE_MAX || (!idle && kind_work(s, &kinds[i]) < s->batch_cost))
			continue;
		if (!best || kind_work(s, &kinds[i]) > kind_work(s, best))
			best = &kinds[i];
	}
	return best;
}

/* How many workers may have tests of this kind at once. */
static size_t
kind_capacity(const struct schedule *s, const struct kind *kind)
{
	size_t n = s->options.workers, concurrency = s->segments[kind->segment].rules.concurrency;

	if (kind->owner)
		return 1;
	if (concurrency && concurrency < n)
		n = concurrency;
	for (uint64_t limits = kind->limits; limits; limits &= limits - 1) {
		size_t max = s->limit_max[__builtin_ctzll(limits)];

		n = max < n ? max : n;
	}
	return n;
}

/* How long the next batch of a kind should take, in nanoseconds. */
static double
batch_work(const struct schedule *s, const struct kind *kind)
{
	size_t capacity = kind_capacity(s, kind);
	double share = kind_work(s, kind) / (double)capacity, cost = s->batch_cost, fair;

	if (s->segments[kind->segment].rules.isolated)
		return 0;
	/* An order that a person chose is one process's, whatever it costs. */
	if (kind->owner && (s->options.keep_order || !s->any_known))
		return HUGE_VAL;
	if (share < cost * COST_WHOLE)
		return capacity == 1 ? HUGE_VAL : share;
	fair = share / 2;
	if (fair < cost * COST_LEAST)
		return cost * COST_LEAST;
	return fair < cost * COST_MOST ? fair : cost * COST_MOST;
}

/* Takes units out of the head of a kind until they make up a batch. The tests that are done close the gap. */
static struct batch
take(struct schedule *s, struct kind *kind)
{
	uint32_t from = kind->head, len = s->range_len[from], next = s->range_next[from], taken = 0, kept = 0;
	double wanted = batch_work(s, kind), sum = 0;

	for (; taken < len; taken++) {
		size_t test = s->order[from + taken];

		if (s->states[test] == STATE_DONE)
			continue;
		if (kept && sum >= wanted && s->unit_of[test] != s->unit_of[s->order[from + kept - 1]])
			break;
		sum += (double)schedule_predict(s, test);
		s->states[test] = STATE_OUT;
		set_waiting(s, test, false);
		s->order[from + kept++] = test;
	}
	kind->head = next;
	if (taken < len) {
		kind->head = from + taken;
		s->range_len[from + taken] = len - taken;
		s->range_next[from + taken] = next;
	}
	return (struct batch){from, kept, kind};
}

static bool
has_batch_of(const struct worker *w, size_t segment)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->batches[i].kind->segment == segment)
			return true;
	return false;
}

bool
schedule_next(struct schedule *s, size_t worker, const size_t **tests, size_t *count)
{
	struct worker *w = &s->workers[worker];
	struct segment *seg = &s->segments[s->current];
	struct batch *batch;
	struct kind *kind;
	bool joins;

	assert(worker < s->options.workers && w->count < SCHEDULE_DEPTH);
	while (seg->undone == 0 && s->current + 1 < s->options.segment_count)
		seg = &s->segments[++s->current];
	joins = !has_batch_of(w, s->current);
	if (joins && seg->rules.concurrency && seg->active >= seg->rules.concurrency)
		return false;
	kind = choose_own(s, worker, w->count > 0);
	if (!kind)
		kind = choose_other(s);
	if (!kind)
		return false;
	seg->active += joins;
	batch = &w->batches[w->count++];
	*batch = take(s, kind);
	limits_use(s, kind->limits, true);
	*tests = s->order + batch->from;
	*count = batch->len;
	return true;
}

void
schedule_done(struct schedule *s, size_t test, int64_t duration)
{
	assert(test < s->count);
	if (s->states[test] == STATE_DONE)
		return;
	if (s->states[test] == STATE_WAITING)
		set_waiting(s, test, false);
	s->states[test] = STATE_DONE;
	s->undone--;
	s->segments[s->kinds[s->kind_of[test]].segment].undone--;
	if (s->durations[test] < 0) {
		s->unknown_undone--;
		s->new_count += duration >= 0;
		s->new_sum += duration >= 0 ? (double)duration : 0;
		return;
	}
	s->known_undone -= (double)s->durations[test];
	if (duration >= 0) {
		s->history += (double)s->durations[test];
		s->seen += (double)duration;
	}
}

size_t
schedule_returned(struct schedule *s, size_t worker)
{
	struct worker *w = &s->workers[worker];
	struct batch batch = w->batches[0];
	uint32_t left = 0;

	assert(worker < s->options.workers);
	if (!w->count)
		return 0;
	for (size_t i = 1; i < w->count; i++)
		w->batches[i - 1] = w->batches[i];
	w->count--;
	s->segments[batch.kind->segment].active -= !has_batch_of(w, batch.kind->segment);
	limits_use(s, batch.kind->limits, false);
	for (uint32_t i = batch.from; i < batch.from + batch.len; i++) {
		size_t test = s->order[i];

		if (s->states[test] == STATE_DONE)
			continue;
		s->states[test] = STATE_WAITING;
		set_waiting(s, test, true);
		s->order[batch.from + left++] = test;
	}
	if (left) {
		s->range_len[batch.from] = left;
		s->range_next[batch.from] = batch.kind->head;
		batch.kind->head = batch.from;
	}
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
