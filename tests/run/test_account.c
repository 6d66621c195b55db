/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "account.h"

#include <stdio.h>
#include <stdlib.h>

/* planned = result + not run + lost + open, whatever happens in whatever order; the first fate is the last. */
static void
test_balance(void **state)
{
	struct account a = {0};
	enum fate model[500];
	size_t counts[4] = {0};

	(void)state;
	srandom(7);
	for (size_t i = 0; i < 500; i++) {
		char id[32];

		snprintf(id, sizeof(id), "test.%zu", i);
		assert_int_equal(account_plan(&a, slice_str(id)), i);
		assert_int_equal(account_plan(&a, slice_str(id)), i);
		model[i] = FATE_OPEN;
	}
	for (int step = 0; step < 2000; step++) {
		size_t test = (size_t)random() % 500;
		enum fate fate = FATE_RESULT + (int)(random() % 3);

		assert_int_equal(account_settle(&a, test, fate), model[test] == FATE_OPEN);
		if (model[test] == FATE_OPEN)
			model[test] = fate;
	}
	for (size_t i = 0; i < 500; i++) {
		assert_int_equal(a.fates[i], model[i]);
		counts[model[i]]++;
	}
	for (int fate = 0; fate < 4; fate++)
		assert_int_equal(a.counts[fate], counts[fate]);
	account_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_balance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
