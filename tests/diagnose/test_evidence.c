/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "evidence.h"

#include <string.h>

#define N 40
#define PROBES 300

/* The same, kept in the plainest way. */
struct log {
	bool has[PROBES][N], failed[PROBES];
	size_t order[PROBES]; /* in which they are told */
};

static uint64_t
next(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

/* Probes of all sizes, some of them of the same set. */
static void
make(struct log *l, uint64_t seed)
{
	for (size_t p = 0; p < PROBES; p++) {
		size_t part = next(&seed) % 9, same = p && next(&seed) % 3 == 0 ? next(&seed) % p : p;

		for (size_t i = 0; i < N; i++)
			l->has[p][i] = same == p ? next(&seed) % 8 < part : l->has[same][i];
		l->failed[p] = next(&seed) % 4 == 0;
		l->order[p] = p;
	}
}

static size_t
members(const struct log *l, size_t p, size_t *out)
{
	size_t count = 0;

	for (size_t i = N; i > 0; i--)
		if (l->has[p][i - 1])
			out[count++] = i - 1;
	return count;
}

static void
tell(const struct log *l, struct evidence *e, size_t probes)
{
	size_t set[N];

	for (size_t p = 0; p < probes; p++)
		assert_int_equal(
		    0, evidence_add(e, set, members(l, l->order[p], set), l->failed[l->order[p]]));
}

static struct tally
naive_with(const struct log *l, size_t probes, const size_t *candidates, size_t count)
{
	struct tally t = {0};

	for (size_t p = 0; p < probes; p++) {
		bool all = true;

		for (size_t i = 0; i < count; i++)
			all &= l->has[p][candidates[i]];
		t.failures += all && l->failed[p];
		t.passes += all && !l->failed[p];
	}
	return t;
}

static struct tally
naive_exactly(const struct log *l, size_t probes, size_t probe)
{
	struct tally t = {0};

	for (size_t p = 0; p < probes; p++)
		if (memcmp(l->has[p], l->has[probe], sizeof(l->has[p])) == 0) {
			t.failures += l->failed[p];
			t.passes += !l->failed[p];
		}
	return t;
}

static void
assert_tally(struct tally wanted, struct tally got)
{
	assert_int_equal(wanted.failures, got.failures);
	assert_int_equal(wanted.passes, got.passes);
}

/* Of the first `probes` of l. */
static void
check(const struct log *l, const struct evidence *e, size_t probes)
{
	size_t set[N];

	assert_int_equal(probes, e->probes);
	for (size_t i = 0; i < N; i++)
		for (size_t j = i; j < N; j += 3)
			for (size_t k = j; k < N; k += 7) {
				size_t candidates[] = {i, j, k};
				size_t groups[] = {e->group_of[i], e->group_of[j], e->group_of[k]};

				assert_tally(
				    naive_with(l, probes, candidates, 3), evidence_with(e, groups, 3));
				assert_tally(
				    naive_with(l, probes, candidates, 1), evidence_with(e, groups, 1));
			}
	for (size_t p = 0; p < probes; p += 7)
		assert_tally(naive_exactly(l, probes, p), evidence_exactly(e, set, members(l, p, set)));
	assert_tally(naive_with(l, probes, NULL, 0), e->all);
}

static void
begin(struct evidence *e)
{
	double seconds[N];

	for (size_t i = 0; i < N; i++)
		seconds[i] = (double)(i * 7 % 11) / 8;
	assert_int_equal(0, evidence_init(e, N, seconds, N - 1));
}

static void
test_counts_are_those_of_a_plain_log(void **state)
{
	static struct log l;

	(void)state;
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct evidence e;

		make(&l, seed);
		begin(&e);
		tell(&l, &e, 60 * seed);
		check(&l, &e, 60 * seed);
		evidence_release(&e);
	}
}

static void
test_groups_are_the_candidates_of_the_same_probes(void **state)
{
	static struct log l;

	(void)state;
	for (size_t probes = 0; probes < 12; probes++) {
		struct evidence e;
		size_t counted = 0;

		make(&l, 9);
		begin(&e);
		tell(&l, &e, probes);
		for (size_t i = 0; i < N; i++)
			for (size_t j = 0; j < N; j++) {
				bool same = (i == N - 1) == (j == N - 1);

				for (size_t p = 0; p < probes; p++)
					same &= l.has[p][i] == l.has[p][j];
				assert_int_equal(same, e.group_of[i] == e.group_of[j]);
			}
		for (size_t g = 0; g < e.group_count; g++) {
			const struct evidence_group *group = &e.groups[g];

			for (size_t i = group->first; i < group->first + group->count; i++) {
				assert_int_equal(g, e.group_of[e.order[i]]);
				assert_true(
				    i == group->first || e.seconds[e.order[i - 1]] <= e.seconds[e.order[i]]);
				assert_true(e.sum[i + 1] - e.sum[i] == e.seconds[e.order[i]]);
				counted++;
			}
		}
		assert_int_equal(N, counted);
		evidence_release(&e);
	}
}

static void
test_order_does_not_matter(void **state)
{
	static struct log l;
	struct evidence a, b;
	uint64_t seed = 5;

	(void)state;
	make(&l, 2);
	begin(&a);
	tell(&l, &a, PROBES);
	for (size_t p = PROBES - 1; p > 0; p--) {
		size_t other = next(&seed) % (p + 1), kept = l.order[p];

		l.order[p] = l.order[other];
		l.order[other] = kept;
	}
	begin(&b);
	tell(&l, &b, PROBES);
	check(&l, &b, PROBES);
	assert_int_equal(a.group_count, b.group_count);
	for (size_t i = 0; i < N; i++)
		assert_tally(a.groups[a.group_of[i]].with, b.groups[b.group_of[i]].with);
	evidence_release(&a);
	evidence_release(&b);
}

static void
test_dropping_undoes_adding(void **state)
{
	static struct log l;
	struct evidence e;
	size_t set[N];

	(void)state;
	make(&l, 4);
	begin(&e);
	tell(&l, &e, 70);
	for (size_t p = 70; p < PROBES; p++)
		assert_int_equal(0, evidence_add(&e, set, members(&l, p, set), l.failed[p]));
	for (size_t p = 70; p < PROBES; p++)
		evidence_drop(&e);
	check(&l, &e, 70);
	evidence_release(&e);
}

static void
test_halves_are_of_the_last_set_in_time(void **state)
{
	struct tally halves[2];
	struct evidence e;
	size_t one = 3;

	(void)state;
	begin(&e);
	evidence_halves(&e, halves);
	assert_tally((struct tally){0}, halves[0]);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(0, evidence_add(&e, &one, 1, true));
		assert_int_equal(0, evidence_add(&e, NULL, 0, i < 6));
	}
	evidence_halves(&e, halves);
	assert_tally((struct tally){5, 0}, halves[0]);
	assert_tally((struct tally){1, 4}, halves[1]);
	evidence_release(&e);
}

static void
test_without_candidates(void **state)
{
	struct evidence e;

	(void)state;
	assert_int_equal(0, evidence_init(&e, 0, NULL, SIZE_MAX));
	assert_int_equal(0, evidence_add(&e, NULL, 0, true));
	assert_int_equal(0, e.group_count);
	assert_tally((struct tally){1, 0}, evidence_exactly(&e, NULL, 0));
	evidence_release(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_counts_are_those_of_a_plain_log),
	    cmocka_unit_test(test_groups_are_the_candidates_of_the_same_probes),
	    cmocka_unit_test(test_order_does_not_matter),
	    cmocka_unit_test(test_dropping_undoes_adding),
	    cmocka_unit_test(test_halves_are_of_the_last_set_in_time),
	    cmocka_unit_test(test_without_candidates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
