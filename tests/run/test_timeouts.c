/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "timeouts.h"

#include <signal.h>
#include <stdlib.h>

#define SECOND INT64_C(1000000000)

static struct timeouts
read_text(const char *text)
{
	struct timeouts t = {0};
	struct config *c = NULL;
	struct err err = {0};

	assert_int_equal(config_parse(slice_str(text), "conf", &c, &err), 0);
	assert_int_equal(timeouts_read(c, &t, &err), 0);
	config_free(c);
	return t;
}

static void
test_keys(void **state)
{
	struct timeouts t;

	(void)state;
	t = read_text("");
	assert_true(t.by_history && t.test == 0 && t.run == 0 && t.output == 0);
	assert_true(t.list == 600 * SECOND && t.server == 60 * SECOND && t.dump_signal == SIGABRT);
	t = read_text("[DEFAULT]\ntest_timeout=auto\nrun_timeout=7\noutput_timeout=8\nlist_timeout=none\n"
		      "server_timeout=9\ndump_signal=QUIT\n");
	assert_true(
	    t.by_history && t.test == TIMEOUTS_UNKNOWN && t.run == 7 * SECOND && t.output == 8 * SECOND);
	assert_true(t.list == 0 && t.server == 9 * SECOND && t.dump_signal == SIGQUIT);
	assert_string_equal(timeouts_signal_name(t.dump_signal), "SIGQUIT");
	t = read_text("[DEFAULT]\ntest_timeout=5\ndump_signal=none\n");
	assert_true(!t.by_history && t.test == 5 * SECOND && t.dump_signal == 0);
	t = read_text("[DEFAULT]\ntest_timeout=none\n");
	assert_true(!t.by_history && t.test == 0);
}

/* By the definition: ten times the smallest duration that 95 of 100 do not exceed, never less than the floor. */
static void
test_history(void **state)
{
	struct timeouts t = {.by_history = true, .test = 77};

	(void)state;
	srandom(3);
	for (int round = 0; round < 2000; round++) {
		int64_t durations[TIMEOUTS_RESULTS], usual = INT64_MAX, allowed;
		size_t count = (size_t)random() % (TIMEOUTS_RESULTS + 1);

		for (size_t i = 0; i < count; i++)
			durations[i] = random() % 2 ? random() % (5 * SECOND) : random() % (900 * SECOND);
		for (size_t i = 0; i < count; i++) {
			size_t within = 0;

			for (size_t k = 0; k < count; k++)
				within += durations[k] <= durations[i];
			if (within * 100 >= count * TIMEOUTS_PERCENT && durations[i] < usual)
				usual = durations[i];
		}
		allowed = timeouts_by_history(&t, durations, count);
		if (count < TIMEOUTS_LEAST)
			assert_int_equal(allowed, 77);
		else
			assert_int_equal(allowed, usual * 10 < TIMEOUTS_FLOOR ? TIMEOUTS_FLOOR : usual * 10);
	}
}

/* What a repository says is not always possible. */
static void
test_extremes(void **state)
{
	struct timeouts t = {.by_history = true};
	int64_t durations[TIMEOUTS_RESULTS];

	(void)state;
	for (size_t i = 0; i < TIMEOUTS_RESULTS; i++)
		durations[i] = INT64_MAX;
	assert_int_equal(timeouts_by_history(&t, durations, TIMEOUTS_RESULTS), TIMEOUTS_MAX * SECOND);
	for (size_t i = 0; i < TIMEOUTS_RESULTS; i++)
		durations[i] = 0;
	assert_int_equal(timeouts_by_history(&t, durations, TIMEOUTS_RESULTS), TIMEOUTS_FLOOR);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_keys),
	    cmocka_unit_test(test_history),
	    cmocka_unit_test(test_extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
