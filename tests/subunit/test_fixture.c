/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture.h"

static void
test_fixture(void **state)
{
	struct slice name;

	(void)state;
	assert_true(fixture_of(SLICE_LIT("setUpClass (pkg.mod.Class)"), &name));
	assert_true(slice_eq(name, SLICE_LIT("pkg.mod.Class")));
	assert_true(fixture_covers(name, SLICE_LIT("pkg.mod.Class.test_a")));
	assert_false(fixture_covers(name, SLICE_LIT("pkg.mod.Class2.test_a")));
	assert_false(fixture_covers(name, SLICE_LIT("pkg.mod.Class")));
	assert_true(fixture_of(SLICE_LIT("setUpModule (pkg.mod)"), &name));
	assert_true(fixture_covers(name, SLICE_LIT("pkg.mod.Class.test_a")));
	assert_false(fixture_of(SLICE_LIT("setUpClass ()"), &name));
	assert_false(fixture_of(SLICE_LIT("setUpClass (pkg"), &name));
	assert_false(fixture_of(SLICE_LIT("tearDownClass (pkg.mod.Class)"), &name));
	assert_false(fixture_of(SLICE_LIT(""), &name));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_fixture)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
