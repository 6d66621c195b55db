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

/* Of so many groups at most all pairs, and triples, are made. When more may have a part in it, these stand for them:
 * explanations that are left out would seem to be impossible, and what tells of them would not be asked. */
#define PAIRED 96
#define TRIPLED 20
#define MEMO 4096

/* Figures for counts that were met before. */
struct memo {
	uint32_t step;
	struct tally with;
	struct rates rates;
};

int
posterior_init(struct posterior *p, const struct rates_prior *rates, size_t candidates, bool load)
{
	*p = (struct posterior){.rates = rates, .load = load};
	p->memo[0] = calloc(MEMO, sizeof(*p->memo[0]));
	p->memo[1] = calloc(MEMO, sizeof(*p->memo[1]));
	p->active = calloc(candidates + 1, sizeof(*p->active));
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
    size_t count, double scale)
{
	struct explanation x = {.kind = kind,
	    .count = count,
	    .groups = {groups[0], groups[1], count > 2 ? groups[2] : 0},
	    .number = scale * ways(e, groups, count)};

	if (x.number <= 0)
		return 0;
	return add(p, x, look_up(p, e, false, evidence_with(e, groups, count)));
}

/* Adds the groups that were in all probes that failed but `missing`, in the order of their first candidates, which
 * is the same in whatever order the probes came. */
static size_t
add_active(struct posterior *p, const struct evidence *e, uint32_t missing, size_t count)
{
	for (size_t c = 0; c < e->candidates; c++) {
		const struct evidence_group *group = &e->groups[e->group_of[c]];

		if (e->order[group->first] == c && group->with.failures + missing == e->all.failures)
			p->active[count++] = e->group_of[c];
	}
	return count;
}

static size_t
candidates_of(const struct evidence *e, const size_t *groups, size_t count)
{
	size_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += e->groups[groups[i]].count;
	return sum;
}

/* Brings `some` of the groups, from all parts of the list, to its front: they stand for all. Returns for how many
 * sets of so many candidates one in them stands. */
static double
sample(const struct evidence *e, size_t *groups, size_t count, size_t some, size_t set)
{
	double all = (double)candidates_of(e, groups, count), chosen, ratio = 1;

	if (count <= some)
		return 1;
	for (size_t i = 0; i < some; i++) {
		size_t from = i * count / some, g = groups[from];

		groups[from] = groups[i];
		groups[i] = g;
	}
	chosen = (double)candidates_of(e, groups, some);
	for (size_t i = 0; i < set; i++)
		ratio *= (all - (double)i) / (chosen - (double)i);
	return ratio;
}

static int
add_pairs(struct posterior *p, const struct evidence *e, size_t count, double scale)
{
	const size_t *a = p->active;

	for (size_t i = 0; i < count; i++)
		for (size_t j = i; j < count; j++)
			if (add_set(p, e, EXPLANATION_PAIR, (size_t[]){a[i], a[j]}, 2, scale) < 0)
				return -1;
	return 0;
}

static int
add_triples(struct posterior *p, const struct evidence *e, size_t count, double scale)
{
	const size_t *a = p->active;

	for (size_t i = 0; i < count; i++)
		for (size_t j = i; j < count; j++)
			for (size_t k = j; k < count; k++)
				if (add_set(
					p, e, EXPLANATION_TRIPLE, (size_t[]){a[i], a[j], a[k]}, 3, scale) < 0)
					return -1;
	return 0;
}

static int
add_sets(struct posterior *p, const struct evidence *e)
{
	size_t in_all = add_active(p, e, 0, 0), count = in_all;
	double scale;

	/* Of many failures one may be of the background. */
	if (e->all.failures > 4)
		count = add_active(p, e, 1, in_all);
	scale = sample(e, p->active, in_all, PAIRED, 2);
	if (add_pairs(p, e, count < PAIRED ? count : PAIRED, scale) < 0)
		return -1;
	scale = sample(e, p->active, in_all, TRIPLED, 3);
	return add_triples(p, e, count < TRIPLED ? count : TRIPLED, scale);
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
		if (p->list[i].kind == EXPLANATION_ALONE)
			p->alone = p->list[i].weight;
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
