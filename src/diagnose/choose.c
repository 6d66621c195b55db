/* SPDX-License-Identifier: Apache-2.0 */
#include "choose.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SETS 300 /* needed sets that are looked at, the likeliest */
/* What is learnt late is learnt in small and cheap probes, so that a long one pays that leads there sooner: the
 * information is divided by this power of the seconds. Between 0.6 and 1 the totals differ little; it is least
 * here where there are many candidates, or pairs of them. */
#define PRICE 0.8
#define CLIMBED 24 /* groups of which the best choice is changed in turn */

/* A needed set that is likely enough to matter. */
struct term {
	const struct explanation *x;
	double rise, noise; /* what having it adds to the chance to fail, and to the noise */
};

/* What a choice is worth. */
struct worth {
	double failing; /* the chance that the probe fails, apart from needed sets */
	double noise; /* the entropy, in nats, that its outcome has for who knows the explanation; the same */
	double seconds;
};

struct search {
	const struct evidence *e;
	const struct posterior *p;
	bool fair;
	double overhead;
	/* Of each group: */
	double *rise, *noise; /* what one member adds */
	double *value;        /* how likely a member is a culprit */
	double *setup_value;  /* … a set-up */
	size_t *take, *best;  /* how many members the choice has, the cheapest ones */
	struct term terms[SETS];
	size_t term_count;
	const struct explanation *alone;
	struct worth base;
	double best_score;
};

static double
entropy(double p)
{
	return p <= 0 || p >= 1 ? 0 : -p * log(p) - (1 - p) * log1p(-p);
}

/* Sets are neither listed nor weighed that have less than this of the posterior. */
#define LEAST 1e-4

static double
weight(const struct search *s, const struct explanation *x)
{
	return s->fair ? x->fair : x->weight;
}

static void
add_term(struct search *s, const struct explanation *x)
{
	size_t at = s->term_count;

	for (size_t i = 0; i < x->count; i++)
		s->value[x->groups[i]] += weight(s, x) / (double)s->e->groups[x->groups[i]].count;
	if (weight(s, x) < LEAST)
		return;
	if (at == SETS) {
		at = 0;
		for (size_t i = 1; i < SETS; i++)
			if (weight(s, s->terms[i].x) < weight(s, s->terms[at].x))
				at = i;
		if (weight(s, s->terms[at].x) >= weight(s, x))
			return;
	} else {
		s->term_count++;
	}
	s->terms[at] = (struct term){x, weight(s, x) * (x->with - x->without),
	    weight(s, x) * (entropy(x->with) - entropy(x->without))};
}

static void
prepare(struct search *s)
{
	for (size_t i = 0; i < s->p->len; i++) {
		const struct explanation *x = &s->p->list[i];

		if (x->kind == EXPLANATION_ALONE)
			s->alone = x;
		s->base.failing += weight(s, x) * x->without;
		s->base.noise += weight(s, x) * entropy(x->without);
		if (x->count == 1) {
			size_t g = x->groups[0];
			double each = weight(s, x) / x->number;

			s->rise[g] += each * (x->with - x->without);
			s->noise[g] += each * (entropy(x->with) - entropy(x->without));
			s->value[g] += each;
			s->setup_value[g] += x->kind == EXPLANATION_SETUP ? each : 0;
		} else if (x->count > 1) {
			add_term(s, x);
		}
	}
	s->base.seconds = s->overhead;
}

/* The share of a term's sets that a choice has whole. */
static double
covered(const struct search *s, const struct explanation *x)
{
	double share = 1;
	size_t same = 0;

	for (size_t i = 0; i < x->count; i++) {
		size_t g = x->groups[i];

		same = i && g == x->groups[i - 1] ? same + 1 : 0;
		if (s->take[g] <= same)
			return 0;
		share *= (double)(s->take[g] - same) / (double)(s->e->groups[g].count - same);
	}
	return share;
}

/* The information, in nats, that an outcome of chance p has for who expected q. */
static double
divergence(double p, double q)
{
	return (p > 0 ? p * log(p / q) : 0) + (p < 1 ? (1 - p) * log((1 - p) / (1 - q)) : 0);
}

/* What the probe tells ALONE from all others by, beyond the information of its outcome: that looks at the rates
 * expected now, all others together, and when ALONE is nearly sure it sees hardly anything left to be learnt
 * from the cheapest of probes. */
static double
distinction(const struct search *s, double failing)
{
	double share = weight(s, s->alone), rate = s->alone->with, others;

	if (share < 0.01 || share > 1 - 1e-9)
		return 0;
	others = fmin(fmax((failing - share * rate) / (1 - share), 1e-9), 1 - 1e-9);
	return 0.3 * share * (divergence(rate, others) - divergence(rate, failing));
}

static double
score(const struct search *s, struct worth w)
{
	for (size_t i = 0; i < s->term_count; i++) {
		double share = covered(s, s->terms[i].x);

		w.failing += share * s->terms[i].rise;
		w.noise += share * s->terms[i].noise;
	}
	return (entropy(w.failing) - w.noise + distinction(s, w.failing)) / pow(w.seconds, PRICE);
}

/* Changes how many members of the group the choice has. */
static void
set_take(struct search *s, struct worth *w, size_t g, size_t take)
{
	const struct evidence_group *group = &s->e->groups[g];
	double step = (double)take - (double)s->take[g];

	w->failing += step * s->rise[g];
	w->noise += step * s->noise[g];
	w->seconds += s->e->sum[group->first + take] - s->e->sum[group->first + s->take[g]];
	s->take[g] = take;
}

static bool
keep_if_best(struct search *s, struct worth w)
{
	double now = score(s, w);

	if (now <= s->best_score)
		return false;
	s->best_score = now;
	memcpy(s->best, s->take, s->e->group_count * sizeof(*s->best));
	return true;
}

/* How many of the group's members cost less than that. */
static size_t
cheaper(const struct search *s, size_t g, double seconds)
{
	const struct evidence_group *group = &s->e->groups[g];
	size_t low = 0, high = group->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (s->e->seconds[s->e->order[group->first + middle]] < seconds)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* All choices of the members that are worth at least so much a second (or simply at least so much). */
static void
sweep(struct search *s, const double *value, bool by_cost)
{
	double most = 0, cheapest = 0.02 * s->overhead + 1e-9;

	for (size_t g = 0; g < s->e->group_count; g++) {
		double first = fmax(s->e->seconds[s->e->order[s->e->groups[g].first]], cheapest);

		most = fmax(most, by_cost ? value[g] / first : value[g]);
	}
	for (double least = most * 0.9999; least > most * 1e-9 && most > 0; least /= 1.4) {
		struct worth w = s->base;
		bool all = true;

		memset(s->take, 0, s->e->group_count * sizeof(*s->take));
		for (size_t g = 0; g < s->e->group_count; g++) {
			size_t take = by_cost
					  ? value[g] > least * cheapest ? cheaper(s, g, value[g] / least) : 0
				      : value[g] >= least ? s->e->groups[g].count
							  : 0;

			all &= take == s->e->groups[g].count;
			if (take)
				set_take(s, &w, g, take);
		}
		keep_if_best(s, w);
		if (all)
			break;
	}
}

/* The groups with the likeliest members. */
static size_t
likeliest(const struct search *s, size_t *out)
{
	size_t count = 0;

	for (size_t g = 0; g < s->e->group_count; g++) {
		size_t at = count < CLIMBED ? count++ : CLIMBED;

		while (at > 0 && s->value[out[at - 1]] < s->value[g]) {
			if (at < CLIMBED)
				out[at] = out[at - 1];
			at--;
		}
		if (at < CLIMBED)
			out[at] = g;
	}
	return count;
}

static struct worth
worth_of_best(struct search *s)
{
	struct worth w = s->base;

	memset(s->take, 0, s->e->group_count * sizeof(*s->take));
	for (size_t g = 0; g < s->e->group_count; g++)
		if (s->best[g])
			set_take(s, &w, g, s->best[g]);
	return w;
}

/* Changes one group at a time as long as that is better. */
static void
climb(struct search *s)
{
	size_t groups[CLIMBED], count = likeliest(s, groups);
	bool better = true;

	for (int round = 0; round < 8 && better; round++) {
		struct worth w = worth_of_best(s);

		better = false;
		for (size_t i = 0; i < count; i++) {
			size_t g = groups[i], had = s->take[g], all = s->e->groups[g].count;
			/* Steps of one are not enough: members that cost next to nothing are swept up all together. */
			size_t tries[] = {0, all, had + 1, had - 1, all / 2, had / 2, had + (all - had) / 2};

			for (size_t t = 0; t < sizeof(tries) / sizeof(*tries); t++) {
				if (tries[t] > all || tries[t] == s->take[g])
					continue;
				set_take(s, &w, g, tries[t]);
				if (keep_if_best(s, w)) {
					better = true;
					had = tries[t];
				}
			}
			set_take(s, &w, g, had);
		}
	}
}

static int
allocate(struct search *s)
{
	size_t n = s->e->group_count + 1;

	s->rise = calloc(4 * n, sizeof(*s->rise));
	s->take = calloc(2 * n, sizeof(*s->take));
	if (!s->rise || !s->take)
		return -1;
	s->noise = s->rise + n;
	s->value = s->rise + 2 * n;
	s->setup_value = s->rise + 3 * n;
	s->best = s->take + n;
	return 0;
}

int
choose(const struct evidence *e, const struct posterior *p, bool fair, double overhead, struct choice *choice)
{
	struct search *s = calloc(1, sizeof(*s));
	struct worth w;
	int rc = -1;

	if (!s)
		return -1;
	*s = (struct search){.e = e, .p = p, .fair = fair, .overhead = overhead, .best_score = -1};
	if (allocate(s) < 0)
		goto out;
	prepare(s);
	keep_if_best(s, s->base);
	sweep(s, s->value, true);
	sweep(s, s->value, false);
	sweep(s, s->setup_value, true);
	climb(s);
	w = worth_of_best(s);
	choice->count = 0;
	for (size_t g = 0; g < e->group_count; g++)
		for (size_t i = 0; i < s->take[g]; i++)
			choice->members[choice->count++] = e->order[e->groups[g].first + i];
	choice->failing = w.failing;
	for (size_t i = 0; i < s->term_count; i++)
		choice->failing += covered(s, s->terms[i].x) * s->terms[i].rise;
	rc = 0;
out:
	free(s->rise);
	free(s->take);
	free(s);
	return rc;
}
