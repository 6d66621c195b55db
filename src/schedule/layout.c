/* SPDX-License-Identifier: Apache-2.0 */
#include "layout.h"

#include "buf.h"
#include "division.h"
#include "partition.h"
#include "strtab.h"

#include <stdlib.h>
#include <string.h>

int64_t
layout_nanoseconds(double d)
{
	return d >= 9.2e18 ? INT64_MAX : (int64_t)d;
}

int
layout_by_priority(const struct unit *x, const struct unit *y)
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
	if (x->bound != y->bound)
		return x->bound ? 1 : -1;
	if (x->owner != y->owner)
		return x->owner < y->owner ? -1 : 1;
	if (x->profile != y->profile)
		return x->profile < y->profile ? -1 : 1;
	return x->limits < y->limits ? -1 : x->limits > y->limits;
}

static int
by_kind_and_priority(const void *a, const void *b)
{
	int order = by_kind(a, b);

	return order ? order : layout_by_priority(a, b);
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

/* The group's name within its segment and profile. */
static struct slice
unit_key(const struct schedule_test *test, struct buf *key)
{
	buf_clear(key);
	buf_printf(key, "%zu %zu ", test->segment, test->profile);
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
		int64_t duration = tests[i].duration >= 0 ? tests[i].duration : layout_nanoseconds(s->guess);
		enum rank rank = tests[i].failed         ? RANK_FAILED
				 : tests[i].duration < 0 ? RANK_NEW
							 : RANK_KNOWN;

		if (u->tests == 0) {
			u->segment = (uint32_t)tests[i].segment;
			u->profile = (uint32_t)tests[i].profile;
			u->lead = (uint32_t)i;
			u->rank = rank;
			u->owner = (uint32_t)tests[i].only;
			u->bound = tests[i].only > 0;
		}
		if (rank < u->rank)
			u->rank = rank;
		u->limits |= tests[i].limits;
		u->duration = add_durations(u->duration, duration);
		u->tests++;
	}
}

static bool
is_shared_out(const struct unit *u, size_t segment)
{
	return u->segment == segment && !u->limits && !u->bound;
}

/* What share_out needs of each unit. */
struct sharing {
	struct partition_part *parts;
	uint32_t *profiles; /* of each part */
	size_t profile_count;
};

/* By the rules of the original, or, where there are several, by profiles. */
static int
divide(struct schedule *s, struct sharing *sharing, size_t count)
{
	size_t workers = s->options.workers;

	if (sharing->profile_count > 1)
		return division_make(sharing->parts, sharing->profiles, count, sharing->profile_count,
		    workers, s->options.batch_cost);
	if (s->any_known)
		return partition_longest_first(sharing->parts, count, workers);
	/* Without any history neighbours are taken to last equally long. */
	partition_in_turn(sharing->parts, count, workers);
	return 0;
}

/* Divides the units of one segment that no limit holds for among the workers. */
static int
make_shares(struct schedule *s, size_t segment, struct sharing *sharing)
{
	size_t count = 0;

	sharing->profile_count = 0;
	for (size_t i = 0; i < s->unit_count; i++) {
		const struct unit *u = &s->units[i];

		if (!is_shared_out(u, segment))
			continue;
		sharing->parts[count] = (struct partition_part){u->duration, u->tests, 0};
		sharing->profiles[count++] = u->profile;
		if (u->profile >= sharing->profile_count)
			sharing->profile_count = u->profile + (size_t)1;
	}
	if (divide(s, sharing, count))
		return -1;
	count = 0;
	for (size_t i = 0; i < s->unit_count; i++)
		if (is_shared_out(&s->units[i], segment))
			s->units[i].owner = (uint32_t)sharing->parts[count++].worker + 1;
	return 0;
}

static int
share_out(struct schedule *s)
{
	struct sharing sharing = {.parts = calloc(s->unit_count + 1, sizeof(*sharing.parts)),
	    .profiles = calloc(s->unit_count + 1, sizeof(*sharing.profiles))};
	int rc = sharing.parts && sharing.profiles ? 0 : -1;

	for (size_t i = 0; rc == 0 && i < s->options.segment_count; i++)
		if (!s->segments[i].rules.isolated)
			rc = make_shares(s, i, &sharing);
	free(sharing.parts);
	free(sharing.profiles);
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
		place[s->unit_of[sorted[i].lead]] =
		    sorted[i].owner && !sorted[i].bound && s->options.keep_order ? kind : i;
		next += sorted[i].tests;
	}
	for (size_t i = 0; i < s->count; i++)
		s->order[at[place[s->unit_of[i]]]++] = i;
}

static void
begin_kind(struct schedule *s, const struct unit *first, size_t index, uint32_t at)
{
	struct segment *seg = &s->segments[first->segment];

	s->kinds[index] = (struct kind){.limits = first->limits,
	    .segment = first->segment,
	    .owner = first->owner,
	    .profile = first->profile,
	    .bound = first->bound,
	    .head = at};
	s->range_next[at] = NO_RANGE;
	if (seg->kind_count++ == 0)
		seg->kind_from = index;
	seg->common += first->owner == 0;
	seg->shares += first->owner && !first->bound;
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

int
layout_make(struct schedule *s, const struct schedule_test *tests)
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
