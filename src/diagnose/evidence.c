/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence.h"

#include <stdlib.h>
#include <string.h>

struct priced {
	double seconds;
	size_t candidate;
};

/* By seconds, then by number, so that the order is the same everywhere. */
static int
compare_priced(const void *a, const void *b)
{
	const struct priced *x = a, *y = b;

	if (x->seconds != y->seconds)
		return x->seconds < y->seconds ? -1 : 1;
	return x->candidate < y->candidate ? -1 : x->candidate > y->candidate;
}

/* Puts all candidates but `apart` in the order of their seconds. */
static int
sort(struct evidence *e, size_t apart)
{
	struct priced *priced = calloc(e->candidates + 1, sizeof(*priced));
	size_t count = 0;

	if (!priced)
		return -1;
	for (size_t i = 0; i < e->candidates; i++)
		if (i != apart)
			priced[count++] = (struct priced){e->seconds[i], i};
	qsort(priced, count, sizeof(*priced), compare_priced);
	for (size_t i = 0; i < count; i++)
		e->order[i] = priced[i].candidate;
	free(priced);
	return 0;
}

static void
sum_up(struct evidence *e)
{
	e->sum[0] = 0;
	for (size_t i = 0; i < e->candidates; i++)
		e->sum[i + 1] = e->sum[i] + e->seconds[e->order[i]];
}

static void
add_group(struct evidence *e, size_t first, size_t count, struct tally with)
{
	for (size_t i = first; i < first + count; i++)
		e->group_of[e->order[i]] = e->group_count;
	e->groups[e->group_count++] = (struct evidence_group){first, count, with};
}

int
evidence_init(struct evidence *e, size_t candidates, const double *seconds, size_t apart)
{
	size_t n = candidates, together = apart < n ? n - 1 : n;

	*e = (struct evidence){.candidates = n};
	e->seconds = calloc(n + 1, sizeof(*e->seconds));
	e->order = calloc(n + 1, sizeof(*e->order));
	e->sum = calloc(n + 1, sizeof(*e->sum));
	e->group_of = calloc(n + 1, sizeof(*e->group_of));
	e->groups = calloc(n + 1, sizeof(*e->groups));
	e->member = calloc(n + 1, sizeof(*e->member));
	e->others = calloc(n + 1, sizeof(*e->others));
	if (!e->seconds || !e->order || !e->sum || !e->group_of || !e->groups || !e->member || !e->others)
		return -1;
	if (n)
		memcpy(e->seconds, seconds, n * sizeof(*seconds));
	if (sort(e, apart) < 0)
		return -1;
	if (together)
		add_group(e, 0, together, (struct tally){0});
	if (together < n) {
		e->order[together] = apart;
		add_group(e, together, 1, (struct tally){0});
	}
	sum_up(e);
	return 0;
}

void
evidence_release(struct evidence *e)
{
	free(e->seconds);
	free(e->order);
	free(e->sum);
	free(e->group_of);
	free(e->groups);
	free(e->member);
	free(e->others);
	free(e->failed);
	free(e->columns);
	free(e->records);
	*e = (struct evidence){0};
}

static uint64_t
mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static uint64_t
set_name(const size_t *members, size_t count)
{
	uint64_t name = 0;

	for (size_t i = 0; i < count; i++)
		name += mix(members[i] + UINT64_C(0x9E3779B97F4A7C15));
	return name;
}

static uint64_t *
column(const struct evidence *e, size_t group)
{
	return e->columns + group * e->stride;
}

/* Makes room for one more probe. */
static int
grow(struct evidence *e)
{
	size_t stride = e->stride ? 2 * e->stride : 4;
	uint64_t *columns, *failed;
	struct probe_record *records;

	if (e->probes < 64 * e->stride)
		return 0;
	columns = calloc((e->candidates + 1) * stride, sizeof(*columns));
	failed = calloc(stride, sizeof(*failed));
	records = calloc(64 * stride, sizeof(*records));
	if (!columns || !failed || !records) {
		free(columns);
		free(failed);
		free(records);
		return -1;
	}
	for (size_t g = 0; g < e->group_count && e->stride; g++)
		memcpy(columns + g * stride, column(e, g), e->stride * sizeof(*columns));
	if (e->stride) {
		memcpy(failed, e->failed, e->stride * sizeof(*failed));
		memcpy(records, e->records, e->probes * sizeof(*records));
	}
	free(e->columns);
	free(e->failed);
	free(e->records);
	e->columns = columns;
	e->failed = failed;
	e->records = records;
	e->stride = stride;
	return 0;
}

/* Splits the group into its members that are in the probe, which keep its number, and the others, both in their
 * order. Returns how many are in the probe. */
static size_t
split(struct evidence *e, size_t g)
{
	size_t first = e->groups[g].first, count = e->groups[g].count, in = 0, out = 0;
	struct tally with = e->groups[g].with;

	for (size_t i = first; i < first + count; i++) {
		size_t candidate = e->order[i];

		if (e->member[candidate])
			e->order[first + in++] = candidate;
		else
			e->others[out++] = candidate;
	}
	memcpy(e->order + first + in, e->others, out * sizeof(*e->others));
	if (in == 0 || out == 0)
		return in;
	e->groups[g].count = in;
	if (e->stride)
		memcpy(column(e, e->group_count), column(e, g), e->stride * sizeof(*e->columns));
	add_group(e, first + in, out, with);
	return in;
}

static void
count_one(struct tally *t, bool failed, uint32_t step)
{
	if (failed)
		t->failures += step;
	else
		t->passes += step;
}

static void
set_bit(uint64_t *bits, size_t at, bool value)
{
	uint64_t bit = UINT64_C(1) << at % 64;

	bits[at / 64] = value ? bits[at / 64] | bit : bits[at / 64] & ~bit;
}

int
evidence_add(struct evidence *e, const size_t *members, size_t count, bool failed)
{
	size_t groups = e->group_count;

	if (grow(e) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		e->member[members[i]] = true;
	for (size_t g = 0; g < groups; g++)
		if (split(e, g)) {
			set_bit(column(e, g), e->probes, true);
			count_one(&e->groups[g].with, failed, 1);
		}
	if (e->group_count != groups)
		sum_up(e);
	for (size_t i = 0; i < count; i++)
		e->member[members[i]] = false;
	set_bit(e->failed, e->probes, failed);
	count_one(&e->all, failed, 1);
	e->records[e->probes++] = (struct probe_record){set_name(members, count), count, failed};
	return 0;
}

void
evidence_drop(struct evidence *e)
{
	size_t last = --e->probes;
	bool failed = e->records[last].failed;

	for (size_t g = 0; g < e->group_count; g++)
		if (column(e, g)[last / 64] >> last % 64 & 1) {
			set_bit(column(e, g), last, false);
			count_one(&e->groups[g].with, failed, (uint32_t)-1);
		}
	set_bit(e->failed, last, false);
	count_one(&e->all, failed, (uint32_t)-1);
}

struct tally
evidence_with(const struct evidence *e, const size_t *groups, size_t count)
{
	uint32_t probes = 0, failures = 0;

	if (count == 0)
		return e->all;
	if (count == 1)
		return e->groups[groups[0]].with;
	for (size_t w = 0; 64 * w < e->probes; w++) {
		uint64_t bits = column(e, groups[0])[w];

		for (size_t i = 1; i < count; i++)
			bits &= column(e, groups[i])[w];
		probes += (uint32_t)__builtin_popcountll(bits);
		if (bits & e->failed[w])
			failures += (uint32_t)__builtin_popcountll(bits & e->failed[w]);
	}
	return (struct tally){failures, probes - failures};
}

struct tally
evidence_exactly(const struct evidence *e, const size_t *members, size_t count)
{
	uint64_t name = set_name(members, count);
	struct tally t = {0};

	for (size_t i = 0; i < e->probes; i++)
		if (e->records[i].set == name && e->records[i].count == count)
			count_one(&t, e->records[i].failed, 1);
	return t;
}

void
evidence_halves(const struct evidence *e, struct tally out[2])
{
	size_t count = 0, seen = 0;
	uint64_t set;

	out[0] = out[1] = (struct tally){0};
	if (e->probes == 0)
		return;
	set = e->records[e->probes - 1].set;
	for (size_t i = 0; i < e->probes; i++)
		count += e->records[i].set == set;
	for (size_t i = 0; i < e->probes; i++)
		if (e->records[i].set == set)
			count_one(&out[seen++ >= count / 2], e->records[i].failed, 1);
}

struct tally
evidence_without(const struct evidence *e, struct tally with)
{
	return (struct tally){e->all.failures - with.failures, e->all.passes - with.passes};
}
