/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "history.h"

/* Precision and recall that have to be reached, over simulated histories. A flaky test that never failed by chance
 * cannot be found and does not count. */
static void
check_world(struct history_options o, double precision, double recall)
{
	size_t found = 0, right = 0, flaky = 0, covered = 0, ranges = 0;

	o.tests = 400;
	o.flaky_tests = 0.05;
	for (o.seed = 1; o.seed <= 4; o.seed++) {
		struct history_test *tests = calloc(o.tests, sizeof(*tests));
		struct flaky *f = flaky_new();

		assert_non_null(tests);
		assert_non_null(f);
		assert_int_equal(history_tell(&o, f, tests), 0);
		for (size_t i = 0; i < o.tests; i++) {
			struct flaky_verdict v;
			bool ours = history_found(f, i);

			flaky_judge(f, i, &v);
			assert_true(
			    v.probability >= 0 && v.probability <= 1 && v.broken >= 0 && v.broken <= 1);
			assert_true(v.chance + v.discounted <= v.failures);
			assert_true(v.range.low <= v.rate && v.rate <= v.range.high);
			flaky += tests[i].flaky && tests[i].chance;
			found += ours;
			right += ours && tests[i].flaky;
			if (ours && tests[i].flaky && tests[i].break_at == tests[i].mended_at) {
				ranges++;
				covered += v.range.low <= tests[i].rate && tests[i].rate <= v.range.high;
			}
		}
		free(tests);
		flaky_free(f);
	}
	assert_true(flaky > 40);
	assert_true((double)right >= precision * (double)found);
	assert_true((double)right >= recall * (double)flaky);
	/* They are of 95 %, and these are some sixty. */
	assert_true((double)covered >= 0.85 * (double)ranges);
}

static void
test_simulated_histories(void **state)
{
	const struct history_options plain = {.runs = 400,
	    .commits = true,
	    .runs_each = 2,
	    .outages = 0.01,
	    .rate_min = 0.01,
	    .rate_max = 0.5,
	    .breaking = 0.2};
	struct history_options o = plain;

	(void)state;
	check_world(o, 0.95, 0.9);
	o.retries = true;
	check_world(o, 0.95, 0.9);
	o = plain;
	o.commits = false;
	check_world(o, 0.95, 0.9);
	o = plain;
	o.outages = 0.05;
	check_world(o, 0.95, 0.9);
	o = plain;
	o.breaking = 0.8;
	check_world(o, 0.95, 0.9);
}

struct story {
	struct flaky *f;
	int64_t run;
};

/* A run of one test, and of another one that always passes. */
static void
tell(struct story *s, bool same_code, const char *ends)
{
	struct flaky_run run = {
	    .id = s->run++, .change = same_code ? FLAKY_SAME : FLAKY_COMMIT, .elapsed = INT64_C(10000000000)};
	struct flaky_end list[16] = {{.test = 1, .duration = -1}};
	size_t count = 1;

	for (; *ends; ends++)
		list[count++] = (struct flaky_end){.test = 0, .failed = *ends == 'F', .duration = -1};
	assert_int_equal(flaky_add(s->f, &run, list, count), 0);
}

static void
tell_many(struct story *s, size_t runs, const char *ends)
{
	while (runs--)
		tell(s, false, ends);
}

static struct flaky_verdict
judge(struct story *s)
{
	struct flaky_verdict v;

	flaky_judge(s->f, 1, &v);
	assert_int_equal(v.class, FLAKY_NOT);
	flaky_judge(s->f, 0, &v);
	flaky_free(s->f);
	return v;
}

static void
test_broken_and_mended_is_not_flaky(void **state)
{
	(void)state;
	for (size_t length = 1; length < 40; length++) {
		struct story s = {flaky_new(), 0};
		struct flaky_verdict v;

		tell_many(&s, 100, "P");
		tell_many(&s, length, "F");
		tell_many(&s, 50, "P");
		v = judge(&s);
		assert_int_equal(v.class, length == 1 ? FLAKY_UNSURE : FLAKY_NOT);
		assert_int_equal(v.failures, length);
		assert_true(length == 1 || v.chance == 0);
	}
}

static void
test_broken_now(void **state)
{
	struct story s = {flaky_new(), 0};
	struct flaky_verdict v;

	(void)state;
	tell_many(&s, 100, "P");
	tell_many(&s, 3, "F");
	v = judge(&s);
	assert_int_equal(v.class, FLAKY_BROKEN);
	assert_int_equal(v.chance, 0);
	assert_int_equal(v.last, 102);
}

static void
test_contradiction_at_one_commit(void **state)
{
	struct story s = {flaky_new(), 0};
	struct flaky_verdict v;

	(void)state;
	tell_many(&s, 20, "P");
	tell(&s, false, "FP");
	tell_many(&s, 20, "P");
	tell(&s, false, "F");
	tell(&s, true, "P");
	tell_many(&s, 20, "P");
	v = judge(&s);
	assert_int_equal(v.class, FLAKY_CHANCE);
	assert_int_equal(v.failures, 2);
	assert_int_equal(v.chance, 2);
	assert_int_equal(v.passes, 62);
	/* Both runs were spoiled by it alone. */
	assert_int_equal(v.lost, INT64_C(20000000000));
}

static void
test_too_little(void **state)
{
	struct story s = {flaky_new(), 0};

	(void)state;
	tell_many(&s, 100, "P");
	tell(&s, false, "F");
	tell_many(&s, 20, "P");
	tell(&s, false, "F");
	tell_many(&s, 100, "P");
	assert_int_equal(judge(&s).class, FLAKY_UNSURE);
}

static void
test_broken_and_flaky(void **state)
{
	struct story s = {flaky_new(), 0};
	struct flaky_verdict v;

	(void)state;
	for (size_t i = 0; i < 10; i++) {
		tell_many(&s, 9, "P");
		tell(&s, false, "FP");
	}
	tell_many(&s, 60, "F");
	tell_many(&s, 20, "P");
	v = judge(&s);
	assert_int_equal(v.class, FLAKY_CHANCE);
	assert_int_equal(v.failures, 70);
	assert_int_equal(v.chance, 10);
}

/* Everything fails for three runs, twice, and it is the same code. */
static void
test_outages(void **state)
{
	struct flaky *f = flaky_new();
	struct flaky_end ends[100];
	struct flaky_verdict v;

	(void)state;
	for (int64_t r = 0; r < 200; r++) {
		bool outage = (r >= 60 && r < 63) || (r >= 120 && r < 123);
		struct flaky_run run = {.id = r, .change = r % 10 ? FLAKY_SAME : FLAKY_COMMIT, .elapsed = 1};

		for (size_t i = 0; i < 100; i++)
			ends[i] = (struct flaky_end){.test = i, .failed = outage && i >= 10, .duration = -1};
		ends[0].failed = r % 20 == 1;
		assert_int_equal(flaky_add(f, &run, ends, 100), 0);
	}
	assert_int_equal(flaky_outages(f), 6);
	flaky_judge(f, 0, &v);
	assert_int_equal(v.class, FLAKY_CHANCE);
	for (size_t i = 10; i < 100; i++) {
		flaky_judge(f, i, &v);
		assert_int_equal(v.class, FLAKY_NOT);
		assert_int_equal(v.discounted, 6);
	}
	flaky_free(f);
}

/* Fails one time in five where the circumstance is there, and never where not. */
static enum flaky_class
class_under(bool order, bool contention, bool timeout)
{
	struct flaky *f = flaky_new();
	struct flaky_verdict v;
	uint64_t random = 7;

	for (int64_t r = 0; r < 200; r++) {
		bool later = r % 2, busy = r % 3 > 0;
		bool failed = history_random(&random) < 0.2 && (later || !order) && (busy || !contention);
		int64_t seconds = failed && timeout ? 60 + r % 5 : 1 + r % 7;
		struct flaky_run run = {
		    .id = r, .change = FLAKY_COMMIT, .workers = busy ? 4 : 1, .elapsed = 1};
		struct flaky_end end = {.failed = failed,
		    .worker_known = true,
		    .first = !later,
		    .duration = seconds * INT64_C(1000000000)};

		assert_int_equal(flaky_add(f, &run, &end, 1), 0);
	}
	flaky_judge(f, 0, &v);
	flaky_free(f);
	return v.class;
}

static void
test_circumstances(void **state)
{
	(void)state;
	assert_int_equal(class_under(false, false, false), FLAKY_CHANCE);
	assert_int_equal(class_under(true, false, false), FLAKY_ORDER);
	assert_int_equal(class_under(false, true, false), FLAKY_CONTENTION);
	assert_int_equal(class_under(false, false, true), FLAKY_TIMEOUT);
}

static void
test_nothing_told(void **state)
{
	struct flaky *f = flaky_new();
	struct flaky_run run = {.id = 3};
	struct flaky_end far = {.test = 1000, .failed = true, .duration = -1};
	struct flaky_verdict v;

	(void)state;
	flaky_judge(f, 5, &v);
	assert_int_equal(v.class, FLAKY_NOT);
	assert_int_equal(v.last, -1);
	assert_int_equal(flaky_add(f, &run, NULL, 0), 0);
	assert_int_equal(flaky_add(f, &run, &far, 1), 0);
	flaky_judge(f, 999, &v);
	assert_int_equal(v.failures, 0);
	flaky_judge(f, 1000, &v);
	assert_int_equal(v.failures, 1);
	flaky_judge(f, 100000, &v);
	assert_int_equal(v.failures, 0);
	flaky_free(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_simulated_histories),
	    cmocka_unit_test(test_broken_and_mended_is_not_flaky),
	    cmocka_unit_test(test_broken_now),
	    cmocka_unit_test(test_contradiction_at_one_commit),
	    cmocka_unit_test(test_too_little),
	    cmocka_unit_test(test_broken_and_flaky),
	    cmocka_unit_test(test_outages),
	    cmocka_unit_test(test_circumstances),
	    cmocka_unit_test(test_nothing_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
