/* SPDX-License-Identifier: Apache-2.0
 *
 * Searches in simulated suites whose luck is a function of the cell and the seed.
 * Usage: bisect METHOD KIND N P1 P0 CONFIDENCE FIRST COUNT
 * METHOD is engine, manual (halving, each half as often as shows it at 95 % to who knows the rate) or classic (halving,
 * each half once). Prints a line for each of COUNT seeds from FIRST: right or not, probes, seconds of tests, the
 * confidence that was stated, microseconds of our own CPU time for each probe, the verdict. */
#include "bisect.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PROBES_MAX 20000

struct oracle {
	const char *kind;
	size_t n;
	double p1, p0;
	uint64_t key;
	double *seconds; /* of each candidate, LOAD the last */
	size_t culprits[3], count;
	uint64_t asked;
	double spent;
};

static uint64_t
mix64(uint64_t z)
{
	z ^= z >> 30;
	z *= UINT64_C(0xBF58476D1CE4E5B9);
	z ^= z >> 27;
	z *= UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static double
u01(uint64_t key, uint64_t stream, uint64_t t)
{
	return (double)(mix64(mix64(key ^ mix64(stream)) + (t + 1) * UINT64_C(0x9E3779B97F4A7C15)) >> 11) *
	       0x1p-53;
}

static uint64_t
cell_key(const struct oracle *o, uint64_t seed)
{
	uint64_t c = mix64(1000003 * (uint64_t)o->n + 7919 * (uint64_t)llround(1e6 * o->p1) +
			   (uint64_t)llround(1e6 * o->p0)),
		 name = 0;

	for (size_t i = 0; o->kind[i]; i++)
		name += (uint64_t)(unsigned char)o->kind[i] << 8 * (i % 7);
	return mix64(mix64(c ^ mix64(name)) ^ mix64(seed));
}

static bool
is(const struct oracle *o, const char *kind)
{
	return strcmp(o->kind, kind) == 0;
}

static bool
has_load(const struct oracle *o)
{
	return is(o, "load") || is(o, "pairload");
}

static void
oracle_init(struct oracle *o, uint64_t seed)
{
	size_t wanted = is(o, "single") || is(o, "setter") || is(o, "pairload") ? 1
			: is(o, "pair")                                         ? 2
			: is(o, "triple") || is(o, "alt3")                      ? 3
										: 0;

	o->key = cell_key(o, seed);
	o->asked = 0;
	o->spent = 0;
	o->count = 0;
	for (size_t i = 0; i < o->n; i++) {
		double z =
		    sqrt(-2 * log(1 - u01(o->key, 2, 2 * i))) * cos(2 * acos(-1) * u01(o->key, 2, 2 * i + 1));

		o->seconds[i] = 0.1 * exp(z);
	}
	o->seconds[o->n] = 0.5;
	for (uint64_t t = 0; o->count < wanted; t++) {
		size_t c = (size_t)(u01(o->key, 1, t) * (double)o->n);
		bool seen = false;

		for (size_t i = 0; i < o->count; i++)
			seen |= o->culprits[i] == c;
		if (!seen)
			o->culprits[o->count++] = c;
	}
	if (has_load(o))
		o->culprits[o->count++] = o->n;
}

static double
rate(const struct oracle *o, const size_t *members, size_t count)
{
	size_t present = 0;

	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < o->count; k++)
			present += members[i] == o->culprits[k];
	if (is(o, "alone"))
		return o->p1;
	if (is(o, "alt3"))
		return 1 - (1 - o->p0) * pow(1 - o->p1, (double)present);
	if (is(o, "setter"))
		return present ? o->p0 : o->p1;
	return present == o->count ? o->p1 : o->p0;
}

static bool
oracle_ask(struct oracle *o, const size_t *members, size_t count)
{
	o->spent += 1.2;
	for (size_t i = 0; i < count; i++)
		o->spent += o->seconds[members[i]];
	return u01(o->key, 3, o->asked++) < rate(o, members, count);
}

/* Calls b with what is known at the start. */
static int
tell_history(struct oracle *o, struct bisect *b, size_t *all)
{
	size_t count = o->n + has_load(o), failures = 0;

	for (size_t i = 0; i < count; i++)
		all[i] = i;
	if (is(o, "setter")) {
		for (uint64_t t = 0; t < 2; t++)
			if (bisect_observe(b, all, count, u01(o->key, 4, t) < rate(o, all, count)) < 0)
				return -1;
		return bisect_observe(b, all, 0, true);
	}
	for (uint64_t t = 0; failures < 2; t++) {
		bool failed = u01(o->key, 4, t) < rate(o, all, count);

		failures += failed;
		if (bisect_observe(b, all, count, failed) < 0)
			return -1;
	}
	return 0;
}

static bool
is_right(const struct oracle *o, const struct bisect_verdict *v)
{
	size_t same = 0;

	for (size_t i = 0; i < v->count; i++)
		for (size_t k = 0; k < o->count; k++)
			same += v->culprits[i] == o->culprits[k];
	if (is(o, "alone"))
		return v->kind == EXPLANATION_ALONE;
	if (is(o, "setter"))
		return v->kind == EXPLANATION_SETUP && same == 1;
	if (v->kind == EXPLANATION_SETUP || v->kind == EXPLANATION_ALONE)
		return false;
	return is(o, "alt3") ? v->count == 1 && same == 1 : v->count == o->count && same == o->count;
}

static const char *const kinds[] = {"alone", "polluter", "load", "setup", "pair", "triple"};

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void
print(const struct oracle *o, bool right, double confidence, double own, const char *verdict)
{
	printf("%d %zu %.1f %.4f %.0f %s\n", right, (size_t)o->asked, o->spent, confidence,
	    1e6 * own / (double)(o->asked + 1), verdict);
	fflush(stdout);
}

static int
run_engine(struct oracle *o, double confidence)
{
	struct bisect *b = bisect_new(&(struct bisect_options){
	    .candidates = o->n + 1,
	    .seconds = o->seconds,
	    .overhead = 1.2,
	    .load = true,
	    .confidence = confidence,
	});
	size_t *all = calloc(o->n + 2, sizeof(*all)), count;
	double begin = now(), drift = 0, failing;
	struct bisect_verdict v = {0};
	const size_t *members;
	int rc = -1;

	if (!b || !all || tell_history(o, b, all) < 0)
		goto out;
	for (;;) {
		if (bisect_verdict(b, &v) < 0)
			goto out;
		if (v.settled || drift > BISECT_DRIFT || o->asked >= PROBES_MAX)
			break;
		if (bisect_next(b, &members, &count, &failing) < 0 ||
		    bisect_observe(b, members, count, oracle_ask(o, members, count)) < 0)
			goto out;
		drift = bisect_drift(b);
	}
	print(o, v.settled && is_right(o, &v), v.confidence, now() - begin,
	    v.settled              ? kinds[v.kind]
	    : drift > BISECT_DRIFT ? "drifting"
				   : "unknown");
	rc = 0;
out:
	bisect_free(b);
	free(all);
	return rc;
}

/* Runs the members up to `times` times, until it fails. */
static bool
fails_within(struct oracle *o, const size_t *members, size_t count, size_t times)
{
	for (size_t i = 0; i < times; i++)
		if (oracle_ask(o, members, count))
			return true;
	return false;
}

/* First whether it fails alone, then the halves, the first one first, then whether what is left fails. */
static int
run_halving(struct oracle *o, size_t times)
{
	size_t *left = calloc(o->n + 1, sizeof(*left)), count = o->n, half;
	struct bisect_verdict v = {.kind = EXPLANATION_ALONE};

	if (!left)
		return -1;
	for (size_t i = 0; i < o->n; i++)
		left[i] = i;
	if (!fails_within(o, left, 0, times)) {
		for (; count > 1; count = half) {
			half = (count + 1) / 2;
			if (!fails_within(o, left, half, times)) {
				memmove(left, left + half, (count - half) * sizeof(*left));
				half = count - half;
			}
		}
		v.kind = EXPLANATION_POLLUTER;
		v.culprits[v.count++] = left[0];
		v.settled = fails_within(o, left, 1, times);
	} else {
		v.settled = true;
	}
	print(o, v.settled && is_right(o, &v), 0.95, 0, v.settled ? kinds[v.kind] : "unknown");
	free(left);
	return 0;
}

static int
run(struct oracle *o, const char *method, double confidence)
{
	if (strcmp(method, "manual") == 0)
		return run_halving(o, o->p1 < 1 ? (size_t)ceil(log(0.05) / log1p(-o->p1)) : 1);
	return strcmp(method, "classic") == 0 ? run_halving(o, 1) : run_engine(o, confidence);
}

int
main(int argc, char **argv)
{
	struct oracle o = {0};
	uint64_t first, count;
	int rc = 0;

	if (argc != 9) {
		fprintf(stderr, "usage: bisect METHOD KIND N P1 P0 CONFIDENCE FIRST COUNT\n");
		return 2;
	}
	o.kind = argv[2];
	o.n = strtoul(argv[3], NULL, 10);
	o.p1 = strtod(argv[4], NULL);
	o.p0 = strtod(argv[5], NULL);
	first = strtoul(argv[7], NULL, 10);
	count = strtoul(argv[8], NULL, 10);
	o.seconds = calloc(o.n + 1, sizeof(*o.seconds));
	for (uint64_t seed = first; rc == 0 && o.seconds && seed < first + count; seed++) {
		oracle_init(&o, seed);
		rc = run(&o, argv[1], strtod(argv[6], NULL));
	}
	free(o.seconds);
	return rc != 0;
}
