/* SPDX-License-Identifier: Apache-2.0 */
#include "schedule.h"

#include "layout.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Nothing at all is known of any test. */
#define GUESS_FIRST 1e8
/* Where a worker's part of the work is less than so many times what a batch costs, it is one batch; else one
 * batch is worth at least COST_LEAST and at most COST_MOST times that. */
#define COST_WHOLE 8
#define COST_LEAST 4
#define COST_MOST 100

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

int64_t
schedule_predict(const struct schedule *s, size_t test)
{
	assert(test < s->count);
	return layout_nanoseconds(
	    s->durations[test] < 0 ? new_duration(s) : (double)s->durations[test] * slowdown(s));
}

int64_t
schedule_work(const struct schedule *s)
{
	return layout_nanoseconds(work(s, s->known_undone, s->unknown_undone));
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
	if (layout_make(s, tests)) {
		schedule_free(s);
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		assert(tests[i].only <= options->workers);
		set_waiting(s, i, true);
		s->segments[tests[i].segment].undone++;
		if (tests[i].only > s->last_bound)
			s->last_bound = tests[i].only;
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
	size_t few = s->options.workers < s->unit_count ? s->options.workers : s->unit_count;

	return few > s->last_bound ? few : s->last_bound;
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
	return (s->options.keep_order ? x->lead < y->lead : layout_by_priority(x, y) < 0) ? kind : best;
}

/* Any profile will do. */
#define ANY_PROFILE SIZE_MAX

static bool
is_of(const struct kind *kind, size_t profile)
{
	return profile == ANY_PROFILE || kind->profile == profile;
}

static bool
may_have(const struct schedule *s, const struct kind *kind, size_t profile, bool in_pipe)
{
	return is_of(kind, profile) && (!kind->limits || (!in_pipe && limits_allow(s, kind->limits)));
}

/* The first of a segment's kinds from..to, which are sorted by their owners, that is the worker's or a later one's; `to`
 * when there is none. */
static size_t
first_owned(const struct schedule *s, const struct segment *seg, size_t from, size_t to, size_t worker)
{
	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (s->kinds[seg->kind_from + middle].owner <= worker)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/* The first of a segment's kinds that are bound to the worker, or to a later one; the number of its kinds when
 * there is none. */
static size_t
first_bound(const struct schedule *s, const struct segment *seg, size_t worker)
{
	return first_owned(s, seg, seg->common + seg->shares, seg->kind_count, worker);
}

/* What is bound to the worker; in an order that a person chose, what comes first has to come first. */
static struct kind *
choose_bound(struct schedule *s, size_t worker, size_t profile, bool in_pipe)
{
	const struct segment *seg = &s->segments[s->current];
	struct kind *best = NULL, *kinds = s->kinds + seg->kind_from;

	for (size_t i = first_bound(s, seg, worker); i < seg->kind_count && kinds[i].owner == worker + 1; i++)
		if (s->options.keep_order || may_have(s, &kinds[i], profile, in_pipe))
			best = better_kind(s, best, &kinds[i]);
	return best && may_have(s, best, profile, in_pipe) ? best : NULL;
}

/* What is in nobody's share, or in this worker's; NULL for nothing. */
static struct kind *
choose_own(struct schedule *s, size_t worker, size_t profile, bool in_pipe)
{
	const struct segment *seg = &s->segments[s->current];
	struct kind *best = choose_bound(s, worker, profile, in_pipe), *kinds = s->kinds + seg->kind_from;
	size_t shares = seg->common + seg->shares;

	for (size_t i = 0; i < seg->common; i++)
		if (may_have(s, &kinds[i], profile, in_pipe))
			best = better_kind(s, best, &kinds[i]);
	for (size_t i = first_owned(s, seg, seg->common, shares, worker);
	     i < shares && kinds[i].owner == worker + 1; i++)
		if (is_of(&kinds[i], profile))
			best = better_kind(s, best, &kinds[i]);
	return best;
}

/* The share with the most left that is worth a batch of its own, or whose owner is not at work; NULL for
 * none. */
static struct kind *
choose_other(struct schedule *s, size_t profile)
{
	const struct segment *seg = &s->segments[s->current];
	struct kind *best = NULL, *kinds = s->kinds + seg->kind_from;

	for (size_t i = seg->common; i < seg->common + seg->shares; i++) {
		bool idle = s->workers[kinds[i].owner - 1].count == 0;

		if (!is_of(&kinds[i], profile) || kind_head(s, &kinds[i]) == SIZE_MAX ||
		    (!idle && kind_work(s, &kinds[i]) < s->batch_cost))
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

/* The work in a kind and, where that is a part of a worker's share, in the other profiles of that. */
static double
share_work(const struct schedule *s, const struct kind *kind)
{
	const struct segment *seg = &s->segments[kind->segment];
	const struct kind *kinds = s->kinds + seg->kind_from;
	size_t end = seg->common + seg->shares;
	double sum = 0;

	if (!kind->owner || kind->bound)
		return kind_work(s, kind);
	for (size_t i = first_owned(s, seg, seg->common, end, kind->owner - 1);
	     i < end && kinds[i].owner == kind->owner; i++)
		sum += kind_work(s, &kinds[i]);
	return sum;
}

/* How long the next batch of a kind should take, in nanoseconds. */
static double
batch_work(const struct schedule *s, const struct kind *kind)
{
	size_t capacity = kind_capacity(s, kind);
	double share = share_work(s, kind) / (double)capacity, cost = s->batch_cost, fair;

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

/* Where an order that a person chose goes on in another of a worker's kinds: the first test of the unit there;
 * SIZE_MAX for nowhere. */
static size_t
next_elsewhere(struct schedule *s, const struct kind *kind)
{
	const struct segment *seg = &s->segments[kind->segment];
	struct kind *kinds = s->kinds + seg->kind_from;
	size_t least = SIZE_MAX;

	if (!kind->bound || !s->options.keep_order)
		return SIZE_MAX;
	for (size_t i = first_bound(s, seg, kind->owner - 1);
	     i < seg->kind_count && kinds[i].owner == kind->owner; i++) {
		size_t head = &kinds[i] == kind ? SIZE_MAX : kind_head(s, &kinds[i]);

		if (head != SIZE_MAX && s->units[s->unit_of[head]].lead < least)
			least = s->units[s->unit_of[head]].lead;
	}
	return least;
}

/* Takes units out of the head of a kind until they make up a batch. The tests that are done close the gap. */
static struct batch
take(struct schedule *s, struct kind *kind)
{
	uint32_t from = kind->head, len = s->range_len[from], next = s->range_next[from], taken = 0, kept = 0;
	double wanted = batch_work(s, kind), sum = 0;
	size_t until = next_elsewhere(s, kind);

	/* What is left of a share's profile should be worth a batch of its own. */
	if (kind->owner && !kind->bound && kind_work(s, kind) - wanted < s->batch_cost * COST_LEAST)
		wanted = HUGE_VAL;
	for (; taken < len; taken++) {
		size_t test = s->order[from + taken];

		if (s->states[test] == STATE_DONE)
			continue;
		if (kept && s->units[s->unit_of[test]].lead > until)
			break;
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

/* What a worker may have next, with in_pipe behind a batch that it has; NULL for nothing. */
static struct kind *
choose(struct schedule *s, size_t worker, size_t profile, bool in_pipe)
{
	const struct worker *w = &s->workers[worker];
	struct segment *seg = &s->segments[s->current];
	struct kind *kind;

	while (seg->undone == 0 && s->current + 1 < s->options.segment_count)
		seg = &s->segments[++s->current];
	if (seg->rules.concurrency && seg->active >= seg->rules.concurrency && !has_batch_of(w, s->current))
		return NULL;
	kind = choose_own(s, worker, profile, in_pipe);
	return kind ? kind : choose_other(s, profile);
}

bool
schedule_next_of(struct schedule *s, size_t worker, size_t profile, const size_t **tests, size_t *count)
{
	struct worker *w = &s->workers[worker];
	struct batch *batch;
	struct kind *kind;

	assert(worker < s->options.workers && w->count < SCHEDULE_DEPTH);
	kind = choose(s, worker, profile, w->count > 0);
	if (!kind)
		return false;
	s->segments[s->current].active += !has_batch_of(w, s->current);
	batch = &w->batches[w->count++];
	*batch = take(s, kind);
	limits_use(s, kind->limits, true);
	*tests = s->order + batch->from;
	*count = batch->len;
	return true;
}

bool
schedule_next(struct schedule *s, size_t worker, const size_t **tests, size_t *count)
{
	return schedule_next_of(s, worker, ANY_PROFILE, tests, count);
}

/* The work of a profile that waits for this worker or any other in the current segment. */
static double
profile_work(const struct schedule *s, size_t worker, size_t profile)
{
	const struct segment *seg = &s->segments[s->current];
	double sum = 0;

	for (size_t i = 0; i < seg->kind_count; i++) {
		const struct kind *kind = &s->kinds[seg->kind_from + i];

		if (is_of(kind, profile) && (!kind->bound || kind->owner == worker + 1))
			sum += kind_work(s, kind);
	}
	return sum;
}

/* Nobody else can, or does, take care of what a profile has for the worker. */
static bool
needs(struct schedule *s, size_t worker, const struct schedule_profile *profiles, size_t profile)
{
	return profiles[profile].workers == 0 || choose_bound(s, worker, profile, false);
}

size_t
schedule_profile(struct schedule *s, size_t worker, const struct schedule_profile *profiles, size_t count)
{
	size_t best = count;
	bool best_needs = false;
	double most = -1;

	for (size_t p = 0; p < count; p++) {
		double others = (double)profiles[p].workers, left;
		bool needed;

		if (!choose(s, worker, p, false))
			continue;
		left = profile_work(s, worker, p);
		needed = needs(s, worker, profiles, p);
		if (!needed && left <= others * (double)profiles[p].start_cost)
			continue;
		if (needed > best_needs || (needed == best_needs && left / (others + 1) > most)) {
			best_needs = needed;
			most = left / (others + 1);
			best = p;
		}
	}
	return best;
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
