/* SPDX-License-Identifier: Apache-2.0 */
#include "posterior.h"

#include <math.h>
#include <stdlib.h>

/* How likely each kind is before anything was seen. */
static const double kind_prior[EXPLANATION_KINDS] = {
    [EXPLANATION_ALONE] = 0.40,
    [EXPLANATION_POLLUTER] = 0.39,
    [EXPLANATION_LOAD] = 0.10,
    [EXPLANATION_SETUP] = 0.05,
    [EXPLANATION_PAIR] = 0.04,
    [EXPLANATION_TRIPLE] = 0.02,
};

#define PAIRED 96  /* groups at most of which pairs are made */
#define TRIPLED 20 /* … triples */
#define MEMO 4096

/* Figures for counts that were met before. */
struct memo {
	uint32_t step;
	struct tally with;
	struct rates rates;
};

int
posterior_init(struct posterior *p, const struct rates_prior *rates, bool load)
{
	*p = (struct posterior){.rates = rates, .load = load};
	p->memo[0] = calloc(MEMO, sizeof(*p->memo[0]));
	p->memo[1] = calloc(MEMO, sizeof(*p->memo[1]));
	p->active = calloc(PAIRED + 1, sizeof(*p->active));
	return p->memo[0] && p->memo[1] && p->active ? 0 : -1;
}

void
posterior_release(struct posterior *p)
{
	free(p->list);
	free(p->active);
	free(p->memo[0]);
	free(p->memo[1]);
	*p = (struct posterior){0};
}

static struct rates
look_up(struct posterior *p, const struct evidence *e, bool setup, struct tally with)
{
	struct memo *m = &p->memo[setup][(with.failures * 2654435761u + with.passes * 40503u) % MEMO];

	if (m->step == p->step && m->with.failures == with.failures && m->with.passes == with.passes)
		return m->rates;
	m->rates = setup ? rates_setup(p->rates, with, evidence_without(e, with))
			 : rates_polluter(p->rates, with, evidence_without(e, with));
	m->with = with;
	m->step = p->step;
	return m->rates;
}

static int
add(struct posterior *p, struct explanation x, struct rates r)
{
	if (x.number <= 0)
		return 0;
	if (p->len == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 256;
		struct explanation *list = realloc(p->list, cap * sizeof(*list));

		if (!list)
			return -1;
		p->list = list;
		p->cap = cap;
	}
	x.log_evidence = r.evidence;
	x.with = r.with;
	x.without = r.without;
	p->list[p->len++] = x;
	return 0;
}

static int
add_singles(struct posterior *p, const struct evidence *e)
{
	for (size_t g = 0; g < e->group_count; g++) {
		const struct evidence_group *group = &e->groups[g];
		bool load = p->load && e->order[group->first] == e->candidates - 1;
		struct explanation x = {.kind = load ? EXPLANATION_LOAD : EXPLANATION_POLLUTER,
		    .count = 1,
		    .groups = {g},
		    .number = (double)group->count};

		if (add(p, x, look_up(p, e, false, group->with)) < 0)
			return -1;
		x.kind = EXPLANATION_SETUP;
		if (!load && add(p, x, look_up(p, e, true, group->with)) < 0)
			return -1;
	}
	return 0;
}

/* In how many ways two, or three, candidates can be taken from groups, of which the same may be named more than
 * once; equal ones are neighbours. */
static double
ways(const struct evidence *e, const size_t *groups, size_t count)
{
	double product = 1;
	size_t same = 0;

	for (size_t i = 0; i < count; i++) {
		same = i && groups[i] == groups[i - 1] ? same + 1 : 0;
		product *= ((double)e->groups[groups[i]].count - (double)same) / (double)(same + 1);
	}
	return product > 0 ? product : 0;
}

static int
add_set(struct posterior *p, const struct evidence *e, enum explanation_kind kind, const size_t *groups,
    size_t count)
{
	struct explanation x = {.kind = kind,
	    .count = count,
	    .groups = {groups[0], groups[1], count > 2 ? groups[2] : 0},
	    .number = ways(e, groups, count)};

	if (x.number <= 0)
		return 0;
	return add(p, x, look_up(p, e, false, evidence_with(e, groups, count)));
}

/* The groups that were in (nearly) all probes that failed; of too many, those that passed least. */
static size_t
find_active(struct posterior *p, const struct evidence *e)
{
	size_t count = 0;

	for (uint32_t missing = 0; missing <= (e->all.failures > 4); missing++)
		for (size_t g = 0; g < e->group_count && count < PAIRED; g++)
			if (e->groups[g].with.failures + missing == e->all.failures)
				p->active[count++] = g;
	return count;
}

static int
add_sets(struct posterior *p, const struct evidence *e)
{
	size_t count = find_active(p, e), third = count < TRIPLED ? count : TRIPLED;

	for (size_t i = 0; i < count; i++)
		for (size_t j = i; j < count; j++) {
			size_t groups[EXPLANATION_MAX] = {p->active[i], p->active[j]};

			if (add_set(p, e, EXPLANATION_PAIR, groups, 2) < 0)
				return -1;
			for (size_t k = j; k < third; k++) {
				groups[2] = p->active[k];
				if (add_set(p, e, EXPLANATION_TRIPLE, groups, 3) < 0)
					return -1;
			}
		}
	return 0;
}

static void
weigh(struct posterior *p, const struct evidence *e)
{
	double n = (double)e->candidates - p->load, share[EXPLANATION_KINDS], most = -INFINITY, sum = 0,
	       fair = 0;

	share[EXPLANATION_ALONE] = share[EXPLANATION_LOAD] = 1;
	share[EXPLANATION_POLLUTER] = share[EXPLANATION_SETUP] = 1 / fmax(n, 1);
	share[EXPLANATION_PAIR] = 2 / fmax((double)e->candidates * ((double)e->candidates - 1), 2);
	share[EXPLANATION_TRIPLE] = share[EXPLANATION_PAIR] * 3 / fmax((double)e->candidates - 2, 3);
	for (size_t i = 0; i < p->len; i++)
		most = fmax(most, p->list[i].log_evidence);
	for (size_t i = 0; i < p->len; i++) {
		struct explanation *x = &p->list[i];

		x->fair = x->log_evidence - most < -300
			      ? 0
			      : x->number * share[x->kind] * exp(x->log_evidence - most);
		x->weight = kind_prior[x->kind] * x->fair;
		sum += x->weight;
		fair += x->fair;
	}
	for (size_t i = 0; i < p->len; i++) {
		p->list[i].weight /= sum;
		p->list[i].fair /= fair;
	}
}

int
posterior_update(struct posterior *p, const struct evidence *e)
{
	struct explanation alone = {.kind = EXPLANATION_ALONE, .number = 1};

	p->len = 0;
	p->step++;
	if (add(p, alone, rates_single(p->rates, e->all)) < 0 || add_singles(p, e) < 0 || add_sets(p, e) < 0)
		return -1;
	weigh(p, e);
	return 0;
}
