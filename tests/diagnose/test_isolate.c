/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "isolate.h"

#include <string.h>

#define MAX_CANDIDATES 64

/* A victim: what ran before it is a set of bits, and so is what it takes to make it fail. */
struct victim {
	uint64_t needed, spoiled_by; /* fails when all of `needed` and none of `spoiled_by` ran before it */
	bool never, random_function, by_chance;
	uint64_t seed;
	size_t candidates;
	size_t asked, stop_at; /* the probe that ends the search, counted from 1; 0: none */
};

static uint64_t
mix(uint64_t z)
{
	z ^= z >> 30;
	z *= 0xBF58476D1CE4E5B9u;
	z ^= z >> 27;
	z *= 0x94D049BB133111EBu;
	return z ^ (z >> 31);
}

static bool
fails_after(const struct victim *v, uint64_t set)
{
	uint64_t all = v->candidates == 64 ? UINT64_MAX : (UINT64_C(1) << v->candidates) - 1;

	if (v->never)
		return false;
	if (v->by_chance)
		return mix(v->seed + v->asked) % 3 == 0 || (v->asked == 1 && set == all);
	if (v->random_function)
		return set == all || (set != 0 && mix(v->seed ^ mix(set)) % 3 == 0);
	return (set & v->needed) == v->needed && !(set & v->spoiled_by);
}

static int
probe(void *context, const size_t *tests, size_t count, bool *failed)
{
	struct victim *v = context;
	uint64_t set = 0;

	for (size_t i = 0; i < count; i++) {
		assert_true(tests[i] < v->candidates);
		assert_true(i == 0 || tests[i - 1] < tests[i]);
		set |= UINT64_C(1) << tests[i];
	}
	if (++v->asked == v->stop_at)
		return -1;
	*failed = fails_after(v, set);
	return 0;
}

static size_t
log2_up(size_t n)
{
	size_t bits = 0;

	while ((size_t)1 << bits < n)
		bits++;
	return bits;
}

static uint64_t
culprits_of(const struct isolate_result *r)
{
	uint64_t set = 0;

	for (size_t i = 0; i < r->count; i++) {
		assert_true(i == 0 || r->culprits[i - 1] < r->culprits[i]);
		set |= UINT64_C(1) << r->culprits[i];
	}
	return set;
}

/* Searches, expects the verdict and exactly the needed set, and returns how many probes it took. */
static size_t
expect(struct victim *v, enum isolate_verdict verdict)
{
	struct isolate_result r = {0};
	size_t probes;

	v->asked = 0;
	assert_int_equal(isolate(v->candidates, probe, v, &r), 0);
	assert_int_equal(r.verdict, verdict);
	assert_int_equal(r.probes, v->asked);
	assert_true(culprits_of(&r) == (verdict == ISOLATE_FOUND ? v->needed : 0));
	probes = r.probes;
	isolate_release(&r);
	assert_null(r.culprits);
	return probes;
}

static void
test_single(void **state)
{
	(void)state;
	for (size_t n = 1; n <= MAX_CANDIDATES; n++) {
		for (size_t i = 0; i < n; i++) {
			struct victim v = {.candidates = n, .needed = UINT64_C(1) << i};

			assert_true(expect(&v, ISOLATE_FOUND) <= log2_up(n) + 3);
		}
	}
}

static void
test_several(void **state)
{
	(void)state;
	for (size_t n = 2; n <= 20; n++) {
		for (size_t i = 0; i < n; i++) {
			for (size_t j = i + 1; j < n; j++) {
				struct victim v = {
				    .candidates = n, .needed = UINT64_C(1) << i | UINT64_C(1) << j};

				assert_true(expect(&v, ISOLATE_FOUND) <= 3 * log2_up(n) + 7);
				for (size_t k = j + 1; k < n; k++) {
					struct victim w = v;

					w.needed |= UINT64_C(1) << k;
					assert_true(expect(&w, ISOLATE_FOUND) <= 4 * log2_up(n) + 9);
				}
			}
		}
	}
}

/* Any number of tests that are needed together, up to all of them. */
static void
test_many(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 500; seed++) {
		struct victim v = {.candidates = MAX_CANDIDATES, .needed = mix(seed)};

		for (uint64_t more = seed % 6; more > 0; more--)
			v.needed &= mix(seed * 100 + more);
		if (v.needed == 0)
			continue;
		expect(&v, ISOLATE_FOUND);
	}
	expect(&(struct victim){.candidates = MAX_CANDIDATES, .needed = UINT64_MAX}, ISOLATE_FOUND);
}

static void
test_alone_and_never(void **state)
{
	(void)state;
	for (size_t n = 0; n <= MAX_CANDIDATES; n++) {
		struct victim alone = {.candidates = n}, never = {.candidates = n, .never = true};

		assert_int_equal(expect(&alone, ISOLATE_ALONE), n ? 2 : 1);
		assert_int_equal(expect(&never, ISOLATE_NOT_REPRODUCED), 1);
		if (n) {
			struct victim spoiled = {.candidates = n, .spoiled_by = UINT64_C(1) << (n - 1)};

			assert_int_equal(expect(&spoiled, ISOLATE_NOT_REPRODUCED), 1);
		}
	}
}

/* However strangely tests work together: as long as the same set always gives the same answer, what is named
 * was seen to fail by itself and nothing in it can be left out. */
static void
test_any_deterministic_victim(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 3000; seed++) {
		struct victim v = {
		    .candidates = 1 + seed % MAX_CANDIDATES, .random_function = true, .seed = mix(seed)};
		struct isolate_result r = {0};
		uint64_t set;

		assert_int_equal(isolate(v.candidates, probe, &v, &r), 0);
		assert_int_equal(r.verdict, ISOLATE_FOUND);
		set = culprits_of(&r);
		assert_true(set != 0 && fails_after(&v, set));
		for (size_t i = 0; i < r.count; i++)
			assert_false(fails_after(&v, set & ~(UINT64_C(1) << r.culprits[i])));
		isolate_release(&r);
	}
}

/* A victim that fails by chance, having failed at first, gets any of the other verdicts, but the search ends. */
static void
test_chance(void **state)
{
	size_t met[4] = {0};

	(void)state;
	for (uint64_t seed = 1; seed <= 2000; seed++) {
		struct victim v = {.candidates = 1 + seed % 8, .by_chance = true, .seed = mix(seed)};
		struct isolate_result r = {0};

		assert_int_equal(isolate(v.candidates, probe, &v, &r), 0);
		assert_in_range(r.verdict, ISOLATE_FOUND, ISOLATE_UNSTABLE);
		assert_true((r.verdict == ISOLATE_FOUND) == (r.count > 0));
		met[r.verdict]++;
		isolate_release(&r);
	}
	assert_true(met[ISOLATE_FOUND] && met[ISOLATE_ALONE] && met[ISOLATE_UNSTABLE]);
}

/* A probe that cannot be run ends the search at once, whichever it is, and leaves the result alone. */
static void
test_probe_fails(void **state)
{
	struct victim whole = {.candidates = 30, .needed = 1 << 3 | 1 << 17};
	size_t probes = expect(&whole, ISOLATE_FOUND);

	(void)state;
	for (size_t stop = 1; stop <= probes; stop++) {
		struct victim v = {.candidates = 30, .needed = whole.needed, .stop_at = stop};
		struct isolate_result r, untouched;

		memset(&r, 0x5A, sizeof(r));
		memset(&untouched, 0x5A, sizeof(untouched));
		assert_int_equal(isolate(v.candidates, probe, &v, &r), -1);
		assert_int_equal(v.asked, stop);
		assert_memory_equal(&r, &untouched, sizeof(r));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_single),
	    cmocka_unit_test(test_several),
	    cmocka_unit_test(test_many),
	    cmocka_unit_test(test_alone_and_never),
	    cmocka_unit_test(test_any_deterministic_victim),
	    cmocka_unit_test(test_chance),
	    cmocka_unit_test(test_probe_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
