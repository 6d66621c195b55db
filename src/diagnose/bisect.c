/* SPDX-License-Identifier: Apache-2.0 */
#include "bisect.h"

#include "choose.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The rates of a case at hand are not drawn from the prior, so that a posterior is a little too sure of itself where
 * they are unusual, most of all with a background of failures: this part of the doubt makes up for that. */
#define CAUTION 0.8

/* What is blamed on others is to be as sure as was asked also for who thought it this much likelier beforehand that
 * the victim fails alone: a wrong verdict of that kind sends people after tests that have no part in it, and at
 * moderate rates it is the likeliest wrong one. */
#define DOUBT 3

/* How often the victim is to be seen failing alone before it is said to. */
#define ALONE_FAILURES 2

struct bisect {
	struct rates_prior *rates;
	struct evidence evidence;
	struct posterior posterior;
	struct choice choice;
	double overhead, confidence;
	size_t assumed;
	bool current; /* the posterior is that of the evidence */
};

struct bisect *
bisect_new(const struct bisect_options *o)
{
	struct bisect *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->overhead = o->overhead;
	b->confidence = 1 - CAUTION * (1 - o->confidence);
	b->rates = rates_prior_new();
	b->choice.members = calloc(o->candidates + 1, sizeof(*b->choice.members));
	if (!b->rates || !b->choice.members ||
	    evidence_init(&b->evidence, o->candidates, o->seconds, o->load ? o->candidates - 1 : SIZE_MAX) <
		0 ||
	    posterior_init(&b->posterior, b->rates, o->candidates, o->load) < 0) {
		bisect_free(b);
		return NULL;
	}
	return b;
}

void
bisect_free(struct bisect *b)
{
	if (!b)
		return;
	evidence_release(&b->evidence);
	posterior_release(&b->posterior);
	rates_prior_free(b->rates);
	free(b->choice.members);
	free(b);
}

int
bisect_observe(struct bisect *b, const size_t *members, size_t count, bool failed)
{
	b->current = false;
	return evidence_add(&b->evidence, members, count, failed);
}

static int
update(struct bisect *b)
{
	if (b->current)
		return 0;
	if (posterior_update(&b->posterior, &b->evidence) < 0)
		return -1;
	b->current = true;
	return 0;
}

static const struct explanation *
likeliest(const struct bisect *b)
{
	const struct explanation *best = NULL;

	for (size_t i = 0; i < b->posterior.len; i++) {
		const struct explanation *x = &b->posterior.list[i];

		if (x->number == 1 && (!best || x->weight > best->weight))
			best = x;
	}
	return best;
}

static int
compare(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return x < y ? -1 : x > y;
}

static size_t
name(const struct bisect *b, const struct explanation *x, size_t *out)
{
	for (size_t i = 0; i < x->count; i++)
		out[i] = b->evidence.order[b->evidence.groups[x->groups[i]].first];
	qsort(out, x->count, sizeof(*out), compare);
	return x->count;
}

/* Whether the explanation was seen at work by itself: probes of nothing but its candidates ended as it says. If
 * not, *members is the probe that would show it. */
static bool
shown(const struct bisect *b, const struct explanation *x, size_t *members, size_t *count)
{
	struct tally t;

	*count = x->kind == EXPLANATION_SETUP ? 0 : name(b, x, members);
	t = evidence_exactly(&b->evidence, members, *count);
	if (t.failures < (x->kind == EXPLANATION_ALONE ? ALONE_FAILURES : 1))
		return false;
	if (x->kind != EXPLANATION_SETUP)
		return true;
	*count = name(b, x, members);
	return evidence_exactly(&b->evidence, members, *count).passes > 0;
}

static bool
sure(const struct bisect *b, const struct explanation *x)
{
	double doubted =
	    x->kind == EXPLANATION_ALONE ? x->weight : x->weight / (1 + (DOUBT - 1) * b->posterior.alone);

	return doubted >= b->confidence && x->fair >= b->confidence;
}

int
bisect_next(struct bisect *b, const size_t **members, size_t *count, double *failing)
{
	const struct explanation *best;
	size_t own[EXPLANATION_MAX], own_count;

	if (update(b) < 0)
		return -1;
	best = likeliest(b);
	if (sure(b, best) && !shown(b, best, own, &own_count)) {
		memcpy(b->choice.members, own, own_count * sizeof(*own));
		b->choice.count = own_count;
		b->choice.failing = own_count || best->kind == EXPLANATION_ALONE ? best->with : best->without;
	} else {
		/* What the usual prior is sure of has to be sure for who thought another kind as likely, too. */
		if (choose(&b->evidence, &b->posterior, best->weight >= b->confidence, b->overhead,
			&b->choice) < 0)
			return -1;
		qsort(b->choice.members, b->choice.count, sizeof(*b->choice.members), compare);
	}
	*members = b->choice.members;
	*count = b->choice.count;
	*failing = b->choice.failing;
	return 0;
}

void
bisect_price(struct bisect *b, double overhead)
{
	b->overhead = overhead;
}

int
bisect_assume(struct bisect *b, const size_t *members, size_t count, bool failed)
{
	if (bisect_observe(b, members, count, failed) < 0)
		return -1;
	b->assumed++;
	return 0;
}

void
bisect_forget(struct bisect *b)
{
	b->current = b->current && !b->assumed;
	for (; b->assumed; b->assumed--)
		evidence_drop(&b->evidence);
}

int
bisect_verdict(struct bisect *b, struct bisect_verdict *out)
{
	const struct explanation *best;
	size_t own[EXPLANATION_MAX], own_count;

	if (update(b) < 0)
		return -1;
	best = likeliest(b);
	*out =
	    (struct bisect_verdict){.kind = best->kind, .confidence = best->weight, .all = b->evidence.all};
	out->count = name(b, best, out->culprits);
	out->with = evidence_with(&b->evidence, best->groups, best->count);
	out->without = evidence_without(&b->evidence, out->with);
	for (size_t i = 0; i < b->posterior.len; i++)
		out->kinds[b->posterior.list[i].kind] += b->posterior.list[i].weight;
	out->settled = sure(b, best) && shown(b, best, own, &own_count);
	return 0;
}

size_t
bisect_suspects(const struct bisect *b, struct bisect_suspect *out, size_t count)
{
	const struct evidence *e = &b->evidence;
	size_t filled = 0;

	for (size_t g = 0; g < e->group_count; g++) {
		struct bisect_suspect s = {e->order[e->groups[g].first], e->groups[g].count, 0};
		size_t at;

		for (size_t i = 0; i < b->posterior.len; i++)
			for (size_t k = 0; k < b->posterior.list[i].count; k++)
				if (b->posterior.list[i].groups[k] == g)
					s.weight += b->posterior.list[i].weight;
		for (size_t i = 1; i < s.number; i++)
			s.candidate = s.candidate < e->order[e->groups[g].first + i]
					  ? s.candidate
					  : e->order[e->groups[g].first + i];
		at = filled < count ? filled++ : count;
		for (; at > 0 && out[at - 1].weight < s.weight; at--)
			if (at < count)
				out[at] = out[at - 1];
		if (at < count)
			out[at] = s;
	}
	return filled;
}

static double
log_beta(struct tally t)
{
	double f = t.failures + 0.5, p = t.passes + 0.5;
	int sign;

	return lgamma_r(f, &sign) + lgamma_r(p, &sign) - lgamma_r(f + p, &sign);
}

double
bisect_drift(const struct bisect *b)
{
	struct tally half[2], both;

	evidence_halves(&b->evidence, half);
	both = (struct tally){half[0].failures + half[1].failures, half[0].passes + half[1].passes};
	return exp(log_beta(half[0]) + log_beta(half[1]) - log_beta((struct tally){0}) - log_beta(both));
}
