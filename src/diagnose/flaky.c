/* SPDX-License-Identifier: Apache-2.0 */
#include "flaky.h"

#include <math.h>
#include <stdlib.h>

/* How often, in one run, a test that never fails by chance fails all the same. */
#define NOISE 2e-6
/* The rates at which a test may fail by chance: the first one is "never", the others are as many steps of one
 * factor. */
#define RATES 15
#define RATE_MIN 0.002
#define RATE_MAX 0.75
/* Of how many tests it is expected, before anything is seen. */
#define PRIOR 0.05
/* A commit breaks a given test, and mends one that is broken; and so does an edit. */
#define BREAKS (1.0 / 500)
#define MENDS 0.15
#define EDIT_BREAKS (1.0 / 60)
#define EDIT_MENDS 0.3
/* Of the tests that are seen for the first time. */
#define BROKEN_AT_FIRST 0.05
/* A broken test passes. */
#define PASSES_BROKEN 0.001

/* When in one run so many tests begin to fail that hardly ever failed by chance, and so much more than is usual, it
 * is taken for trouble of the machine. If it is a commit that broke them all, that does no harm: they are broken all
 * the same, as long as they go on to fail. */
#define OUTAGE_TESTS 5
#define OUTAGE_FACTOR 4
#define OUTAGE_QUIET 0.02
#define OUTAGE_USUAL 0.01
/* How likely a test is to fail then, at least and at most. */
#define OUTAGE_DANGER 0.2
#define OUTAGE_DANGER_MAX 0.99
/* A test that failed in so many of these in a row is taken to fail. */
#define OUTAGE_PATIENCE 5

/* Which of two circumstances it takes: the logarithm of 20. */
#define CIRCUMSTANCE 3.0
#define CIRCUMSTANCE_FAILURES 3

/* Failures that belong together. */
struct tally {
	uint64_t failures;
	uint64_t busy[2], later[2]; /* without and with other processes; first in its process, and not */
	double lost;
	int64_t shortest, longest; /* durations, -1 when unknown */
};

struct track {
	double broken[RATES]; /* the chance that it is, if that rate is the right one */
	double likely[RATES]; /* of what was seen, in parts of exp(scale) */
	double scale[RATES];
	uint64_t passes, failures, discounted;
	uint64_t clear; /* passes outside of outages */
	uint64_t pass_busy[2], pass_later[2];
	struct tally chance; /* failures that were followed by passes soon enough */
	struct tally open;   /* failures since the last pass */
	double pass_sum;     /* durations */
	uint64_t pass_timed;
	int64_t pass_longest;
	int64_t last;
	unsigned held; /* failures in outages in a row */
	bool seen;
	bool failing; /* as it was outside of outages */
	/* In the run at hand: */
	bool now, fails_now;
};

struct flaky {
	struct track *tracks;
	size_t count;
	double rates[RATES];
	uint64_t outages;
	double runs, new_failures; /* how many quiet tests began to fail, outages not counted in full */
};

struct flaky *
flaky_new(void)
{
	struct flaky *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->rates[0] = NOISE;
	for (size_t i = 1; i < RATES; i++)
		f->rates[i] = RATE_MIN * exp(log(RATE_MAX / RATE_MIN) * (double)(i - 1) / (RATES - 2));
	return f;
}

void
flaky_free(struct flaky *f)
{
	if (f)
		free(f->tracks);
	free(f);
}

static const struct tally no_tally = {.shortest = -1, .longest = -1};

static void
track_init(struct track *t)
{
	*t = (struct track){.chance = no_tally, .open = no_tally, .pass_longest = -1, .last = -1};
	for (size_t i = 0; i < RATES; i++) {
		t->broken[i] = BROKEN_AT_FIRST;
		t->likely[i] = 1;
	}
}

static int
make_room(struct flaky *f, size_t test)
{
	size_t count = f->count ? f->count : 64;
	struct track *more;

	if (test < f->count)
		return 0;
	while (count <= test && count <= SIZE_MAX / 2)
		count *= 2;
	more = reallocarray(f->tracks, count, sizeof(*more));
	if (!more)
		return -1;
	for (size_t i = f->count; i < count; i++)
		track_init(&more[i]);
	f->tracks = more;
	f->count = count;
	return 0;
}

static double
chance_rate(const struct track *t)
{
	return ((double)t->chance.failures + 0.5) / ((double)(t->chance.failures + t->clear) + 2);
}

/* Whether the failures since the last pass are of a test that was broken, rather than by chance. */
static bool
was_broken(const struct track *t, bool mended)
{
	double broken =
	    log(BREAKS) + (double)(t->open.failures - 1) * log(1 - MENDS) + (mended ? log(MENDS) : 0);

	return broken > (double)t->open.failures * log(chance_rate(t));
}

static void
add_duration(struct tally *t, int64_t duration)
{
	if (duration < 0)
		return;
	if (t->shortest < 0 || duration < t->shortest)
		t->shortest = duration;
	if (duration > t->longest)
		t->longest = duration;
}

static void
add_tally(struct tally *to, const struct tally *t)
{
	to->failures += t->failures;
	for (size_t i = 0; i < 2; i++) {
		to->busy[i] += t->busy[i];
		to->later[i] += t->later[i];
	}
	to->lost += t->lost;
	add_duration(to, t->shortest);
	add_duration(to, t->longest);
}

/* One step of the accounts: for each rate the test is either broken, and fails, or fails at that rate. `danger` is
 * that of failing by trouble of the machine. */
static void
weigh(const struct flaky *f, struct track *t, bool failed, enum flaky_change change, double danger)
{
	double breaks = change == FLAKY_EDIT ? EDIT_BREAKS : BREAKS;
	double mends = change == FLAKY_EDIT ? EDIT_MENDS : MENDS;
	double when_broken = failed ? 1 - PASSES_BROKEN : PASSES_BROKEN;

	for (size_t i = 0; i < RATES; i++) {
		double b = t->broken[i], fails = f->rates[i] + (1 - f->rates[i]) * danger, all;

		if (change != FLAKY_SAME)
			b = b * (1 - mends) + (1 - b) * breaks;
		all = b * when_broken + (1 - b) * (failed ? fails : 1 - fails);
		t->broken[i] = b * when_broken / all;
		t->likely[i] *= all;
		if (t->likely[i] < 1e-200) {
			t->scale[i] += log(t->likely[i]);
			t->likely[i] = 1;
		}
	}
}

static void
take_pass(struct track *t, const struct flaky_run *run, const struct flaky_end *e, bool outage)
{
	if (t->open.failures && !was_broken(t, true))
		add_tally(&t->chance, &t->open);
	t->open = no_tally;
	t->passes++;
	t->clear += !outage;
	if (run->workers)
		t->pass_busy[run->workers > 1]++;
	if (e->worker_known)
		t->pass_later[!e->first]++;
	if (e->duration < 0)
		return;
	t->pass_timed++;
	t->pass_sum += (double)e->duration;
	if (e->duration > t->pass_longest)
		t->pass_longest = e->duration;
}

static void
take_failure(struct track *t, const struct flaky_run *run, const struct flaky_end *e, double share)
{
	t->open.failures++;
	if (run->workers)
		t->open.busy[run->workers > 1]++;
	if (e->worker_known)
		t->open.later[!e->first]++;
	t->open.lost += share;
	add_duration(&t->open, e->duration);
}

/* Finds out how many tests failed, and the danger that each was in. */
static double
find_danger(struct flaky *f, const struct flaky_end *ends, size_t count, size_t *failing)
{
	double limit, danger;
	size_t new = 0, quiet = 0;

	*failing = 0;
	for (size_t i = 0; i < count; i++)
		f->tracks[ends[i].test].now = f->tracks[ends[i].test].fails_now = false;
	for (size_t i = 0; i < count; i++)
		f->tracks[ends[i].test].fails_now |= ends[i].failed;
	for (size_t i = 0; i < count; i++) {
		struct track *t = &f->tracks[ends[i].test];

		if (t->now)
			continue;
		t->now = true;
		*failing += t->fails_now;
		if (t->failing || !t->seen || (t->chance.failures > 1 && chance_rate(t) > OUTAGE_QUIET))
			continue;
		quiet++;
		new += t->fails_now;
	}
	/* Before anything is known one test in a hundred is taken for usual. */
	limit = OUTAGE_FACTOR * (f->new_failures + OUTAGE_USUAL * (double)quiet) / (f->runs + 1);
	limit = limit > OUTAGE_TESTS ? limit : OUTAGE_TESTS;
	f->runs++;
	f->new_failures += (double)new < limit ? (double)new : limit / 2;
	if ((double)new < limit)
		return 0;
	f->outages++;
	danger = (double)new / (double)quiet *OUTAGE_DANGER_MAX;
	return danger > OUTAGE_DANGER ? danger : OUTAGE_DANGER;
}

int
flaky_add(struct flaky *f, const struct flaky_run *run, const struct flaky_end *ends, size_t count)
{
	size_t failing;
	double danger, share;

	for (size_t i = 0; i < count; i++)
		if (make_room(f, ends[i].test) < 0)
			return -1;
	danger = find_danger(f, ends, count, &failing);
	share = failing ? (double)run->elapsed / (double)failing : 0;
	for (size_t i = 0; i < count; i++) {
		const struct flaky_end *e = &ends[i];
		struct track *t = &f->tracks[e->test];

		/* After its first end in a run nothing can have changed, neither the code nor the trouble. */
		if (t->now || danger <= 0)
			weigh(f, t, e->failed, t->now ? run->change : FLAKY_SAME, danger);
		if (e->failed) {
			t->failures++;
			t->last = run->id;
			t->discounted += danger > 0;
			if (danger <= 0)
				take_failure(t, run, e, t->now || !t->open.failures ? share : 0);
		} else {
			take_pass(t, run, e, danger > 0);
		}
		t->now = false;
		t->seen = true;
		t->held = danger > 0 && e->failed ? t->held + 1 : 0;
		if (danger <= 0 || !e->failed || t->held > OUTAGE_PATIENCE)
			t->failing = e->failed;
	}
	return 0;
}

static double
log_beta(double a, double b)
{
	int sign;

	return lgamma_r(a, &sign) + lgamma_r(b, &sign) - lgamma_r(a + b, &sign);
}

/* How much better two rates explain the counts than one, in logarithms, if the second is the higher one. */
static double
compare_rates(const uint64_t failures[2], const uint64_t passes[2])
{
	double f0 = (double)failures[0], f1 = (double)failures[1], p0 = (double)passes[0],
	       p1 = (double)passes[1];

	if (failures[0] + failures[1] < CIRCUMSTANCE_FAILURES || f1 * (f0 + p0) <= f0 * (f1 + p1))
		return 0;
	return log_beta(f0 + 1, p0 + 1) + log_beta(f1 + 1, p1 + 1) - log_beta(f0 + f1 + 1, p0 + p1 + 1);
}

/* What the failures by chance have in common. */
static enum flaky_class
find_circumstance(const struct track *t, const struct tally *chance)
{
	double order = compare_rates(chance->later, t->pass_later);
	double contention = compare_rates(chance->busy, t->pass_busy);

	if (chance->failures >= CIRCUMSTANCE_FAILURES && t->pass_timed &&
	    chance->shortest > t->pass_longest &&
	    (double)chance->shortest > 2 * t->pass_sum / (double)t->pass_timed &&
	    (double)chance->longest < 1.2 * (double)chance->shortest)
		return FLAKY_TIMEOUT;
	if (order >= CIRCUMSTANCE && order > contention)
		return FLAKY_ORDER;
	return contention >= CIRCUMSTANCE ? FLAKY_CONTENTION : FLAKY_CHANCE;
}

/* The probabilities, and the evidence, that the accounts come to. */
static void
conclude(const struct track *t, struct flaky_verdict *out)
{
	double logs[RATES], most = -INFINITY, chance = 0, broken = 0, all;

	for (size_t i = 0; i < RATES; i++) {
		logs[i] = t->scale[i] + log(t->likely[i]);
		if (i && logs[i] > most)
			most = logs[i];
	}
	for (size_t i = 1; i < RATES; i++)
		chance += exp(logs[i] - most) / (RATES - 1);
	out->evidence = most + log(chance) - logs[0];
	all = out->evidence + log(PRIOR / (1 - PRIOR));
	out->probability = 1 / (1 + exp(-all));
	for (size_t i = 1; i < RATES; i++)
		broken += exp(logs[i] - most) / (RATES - 1) / chance * t->broken[i];
	out->broken = out->probability * broken + (1 - out->probability) * t->broken[0];
}

void
flaky_judge(const struct flaky *f, size_t test, struct flaky_verdict *out)
{
	const struct track *t = test < f->count ? &f->tracks[test] : NULL;
	struct tally chance;
	uint64_t tries;

	*out = (struct flaky_verdict){.last = -1, .range = interval_rate(0, 0, 0.95)};
	if (!t || !t->seen)
		return;
	chance = t->chance;
	if (t->open.failures && !was_broken(t, false))
		add_tally(&chance, &t->open);
	conclude(t, out);
	out->passes = t->passes;
	out->failures = t->failures;
	out->chance = chance.failures;
	out->discounted = t->discounted;
	tries = t->clear + chance.failures;
	out->rate = tries ? (double)chance.failures / (double)tries : 0;
	out->range = interval_rate(chance.failures, tries, 0.95);
	out->lost = chance.lost < 9e18 ? (int64_t)chance.lost : INT64_MAX;
	out->last = t->last;
	if (!t->failures)
		out->class = FLAKY_NOT;
	else if (out->probability >= FLAKY_SURE)
		out->class = find_circumstance(t, &chance);
	else if (out->broken >= FLAKY_SURE)
		out->class = FLAKY_BROKEN;
	else
		out->class = out->probability >= FLAKY_UNLIKELY ? FLAKY_UNSURE : FLAKY_NOT;
}

uint64_t
flaky_outages(const struct flaky *f)
{
	return f->outages;
}
