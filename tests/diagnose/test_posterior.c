/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "posterior.h"

#include <math.h>
#include <string.h>

#define N 7 /* the last one is the load generator */
#define PROBES 24
#define SETS (1 << N)

static uint64_t
next(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

/* One explanation, on its own: which candidates, as bits, and its kind. */
struct naive {
	enum explanation_kind kind;
	unsigned set;
	double weight, fair;
};

static const double priors[EXPLANATION_KINDS] = {0.40, 0.39, 0.10, 0.05, 0.04, 0.02};

static size_t
enumerate(struct naive *out)
{
	size_t count = 0;

	out[count++] = (struct naive){EXPLANATION_ALONE, 0, 0, 0};
	for (unsigned set = 1; set < SETS; set++) {
		int size = __builtin_popcount(set);

		if (size == 1 && set == 1u << (N - 1))
			out[count++] = (struct naive){EXPLANATION_LOAD, set, 0, 0};
		else if (size == 1)
			out[count++] = (struct naive){EXPLANATION_POLLUTER, set, 0, 0};
		if (size == 1 && set != 1u << (N - 1))
			out[count++] = (struct naive){EXPLANATION_SETUP, set, 0, 0};
		if (size == 2 || size == 3)
			out[count++] =
			    (struct naive){size == 2 ? EXPLANATION_PAIR : EXPLANATION_TRIPLE, set, 0, 0};
	}
	return count;
}

/* The posterior of each by itself, from the probes one by one. */
static void
weigh(struct naive *list, size_t count, const struct rates_prior *prior, const unsigned *probes,
    const bool *failed)
{
	double sum = 0, fair = 0;

	for (size_t i = 0; i < count; i++) {
		struct tally with = {0}, without = {0};
		double same = 0;
		struct rates r;

		for (size_t p = 0; p < PROBES; p++) {
			struct tally *t = (probes[p] & list[i].set) == list[i].set ? &with : &without;

			t->failures += failed[p];
			t->passes += !failed[p];
		}
		for (size_t k = 0; k < count; k++)
			same += list[k].kind == list[i].kind;
		r = list[i].kind == EXPLANATION_ALONE   ? rates_single(prior, with)
		    : list[i].kind == EXPLANATION_SETUP ? rates_setup(prior, with, without)
							: rates_polluter(prior, with, without);
		list[i].fair = exp(r.evidence) / same;
		list[i].weight = list[i].fair * priors[list[i].kind];
		sum += list[i].weight;
		fair += list[i].fair;
	}
	for (size_t i = 0; i < count; i++) {
		list[i].weight /= sum;
		list[i].fair /= fair;
	}
}

/* Whether that explanation is one of the entry's. */
static bool
is_in(const struct naive *x, const struct explanation *entry, const struct evidence *e)
{
	size_t wanted[SETS] = {0}, at = 0;

	if (x->kind != entry->kind)
		return false;
	for (size_t i = 0; i < entry->count; i++)
		wanted[entry->groups[i]]++;
	for (size_t i = 0; i < N; i++)
		if (x->set >> i & 1) {
			if (wanted[e->group_of[i]] == 0)
				return false;
			wanted[e->group_of[i]]--;
			at++;
		}
	return at == entry->count;
}

static void
compare(const struct posterior *p, const struct evidence *e, const struct naive *list, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < p->len; i++) {
		double weight = 0, fair = 0, number = 0;

		for (size_t k = 0; k < count; k++)
			if (is_in(&list[k], &p->list[i], e)) {
				weight += list[k].weight;
				fair += list[k].fair;
				number++;
			}
		assert_true(number == p->list[i].number);
		assert_true(fabs(weight - p->list[i].weight) < 1e-9);
		assert_true(fabs(fair - p->list[i].fair) < 1e-9);
		sum += p->list[i].weight;
	}
	assert_true(fabs(sum - 1) < 1e-9);
}

/* With few failures all candidates may be part of a needed set. */
static void
test_is_what_enumeration_gives(void **state)
{
	struct rates_prior *prior = rates_prior_new();
	static struct naive list[2 * SETS];
	size_t count = enumerate(list);

	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		uint64_t luck = seed;
		unsigned probes[PROBES];
		bool failed[PROBES];
		const double seconds[N] = {1, 1, 1, 2, 1, 1, 1};
		struct evidence e;
		struct posterior p;

		assert_int_equal(0, evidence_init(&e, N, seconds, N - 1));
		assert_int_equal(0, posterior_init(&p, prior, N, true));
		for (size_t i = 0; i < PROBES; i++) {
			size_t members[N], size = 0;

			/* The first ones have everything and so do those that failed. */
			failed[i] = seed % 4 && i < seed % 4;
			probes[i] =
			    (unsigned)(failed[i] ? SETS - 1 : next(&luck) % SETS & next(&luck) % SETS);
			for (size_t k = 0; k < N; k++)
				if (probes[i] >> k & 1)
					members[size++] = k;
			assert_int_equal(0, evidence_add(&e, members, size, failed[i]));
		}
		assert_int_equal(0, posterior_update(&p, &e));
		weigh(list, count, prior, probes, failed);
		compare(&p, &e, list, count);
		posterior_release(&p);
		evidence_release(&e);
	}
	rates_prior_free(prior);
}

static void
test_rates_are_near_what_was_counted(void **state)
{
	struct rates_prior *prior = rates_prior_new();
	struct rates r = rates_polluter(prior, (struct tally){30, 270}, (struct tally){0, 300});

	(void)state;
	assert_true(fabs(r.with - 0.1) < 0.03);
	assert_true(r.without < 0.003);
	r = rates_setup(prior, (struct tally){0, 300}, (struct tally){90, 210});
	assert_true(r.with < 0.003);
	assert_true(fabs(r.without - 0.3) < 0.08);
	r = rates_single(prior, (struct tally){300, 0});
	assert_true(r.with > 0.99);
	/* Probabilities of all outcomes of so many probes add up to one. */
	for (uint32_t n = 1; n < 12; n++) {
		double sum = 0, ways = 1;

		for (uint32_t k = 0; k <= n; k++) {
			sum += ways * exp(rates_single(prior, (struct tally){k, n - k}).evidence);
			ways = ways * (n - k) / (k + 1);
		}
		assert_true(fabs(sum - 1) < 1e-9);
	}
	rates_prior_free(prior);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_is_what_enumeration_gives),
	    cmocka_unit_test(test_rates_are_near_what_was_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
