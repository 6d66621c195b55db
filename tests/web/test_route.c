/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "route.h"

static int
handler(struct call *call, struct reply *out, struct err *err)
{
	(void)call;
	(void)out;
	(void)err;
	return 0;
}

static const struct route table[] = {
    {METHOD_GET, "/", "", handler},
    {METHOD_GET, "/runs", "limit meta.", handler},
    {METHOD_POST, "/runs", "", handler},
    {METHOD_GET, "/runs/latest", "", handler},
    {METHOD_GET, "/runs/{run}", "", handler},
    {METHOD_GET, "/runs/{run}/x/{test}", "", handler},
    {METHOD_GET, "/key/{key}/{value...}/recent", "limit *", handler},
    {METHOD_GET, "/key/{key}/{value...}", "", handler},
};
#define COUNT (sizeof(table) / sizeof(table[0]))

/* The row that answers, or -1, and what it took. */
static int
row(unsigned method, const char *target, struct route_match *m)
{
	static uint8_t storage[200];
	struct request r;

	assert_null(request_parse(&r, slice_str(target), storage));
	return route_find(table, COUNT, method, &r, m) ? (int)(m->route - table) : -1;
}

static void
test_rows(void **state)
{
	struct route_match m;

	(void)state;
	assert_int_equal(0, row(METHOD_GET, "/", &m));
	assert_int_equal(1, row(METHOD_GET, "/runs?limit=1", &m));
	assert_int_equal(2, row(METHOD_POST, "/runs", &m));
	assert_int_equal(3, row(METHOD_GET, "/runs/latest", &m));
	assert_int_equal(4, row(METHOD_GET, "/runs/a%2Fx%2Fb", &m));
	assert_true(slice_eq(SLICE_LIT("a/x/b"), m.parts[0]));
	assert_true(slice_eq(SLICE_LIT("a%2Fx%2Fb"), m.raw[0]));
	assert_int_equal(5, row(METHOD_GET, "/runs/1/x/t", &m));
	assert_true(slice_eq(SLICE_LIT("t"), m.parts[1]));
}

static void
test_several_segments(void **state)
{
	struct route_match m;

	(void)state;
	assert_int_equal(6, row(METHOD_GET, "/key/a/b/recent", &m));
	assert_true(slice_eq(SLICE_LIT("a"), m.parts[0]));
	assert_true(slice_eq(SLICE_LIT("b"), m.parts[1]));
	assert_int_equal(6, row(METHOD_GET, "/key/a/b%2F/c/recent/recent", &m));
	assert_true(slice_eq(SLICE_LIT("b%2F/c/recent"), m.raw[1]));
	assert_int_equal(7, row(METHOD_GET, "/key/a/recent", &m));
	assert_true(slice_eq(SLICE_LIT("recent"), m.parts[1]));
	assert_int_equal(7, row(METHOD_GET, "/key/a%2Fb/c%20/d?recent", &m));
	assert_true(slice_eq(SLICE_LIT("a/b"), m.parts[0]));
	assert_true(slice_eq(SLICE_LIT("c%20/d"), m.raw[1]));
	assert_int_equal(-1, row(METHOD_GET, "/key/a", &m));
	assert_int_equal(-1, row(METHOD_GET, "/key/a/", &m));
}

static void
test_no_row(void **state)
{
	struct route_match m;

	(void)state;
	assert_int_equal(-1, row(METHOD_GET, "/runs/", &m));
	assert_int_equal(0, m.methods);
	assert_int_equal(-1, row(METHOD_GET, "/run", &m));
	assert_int_equal(-1, row(METHOD_GET, "/runs/1/x", &m));
	assert_int_equal(-1, row(METHOD_GET, "/runs/1/x/t/u", &m));
	assert_int_equal(-1, row(METHOD_POST, "/runs/1", &m));
	assert_int_equal(METHOD_GET, m.methods);
	assert_int_equal(-1, row(0, "/runs", &m));
	assert_int_equal(METHOD_GET | METHOD_POST, m.methods);
}

static void
test_parameters(void **state)
{
	static const char *const known[] = {"/runs", "/runs?limit=1", "/runs?meta.git.branch=x&limit"};
	static const char *const unknown[] = {"/runs?Limit=1", "/runs?meta.=x", "/runs?limits=1", "/runs?=1"};
	uint8_t storage[200];
	struct request r;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_null(request_parse(&r, slice_str(known[i]), storage));
		assert_null(route_unknown_param(&table[1], &r).data);
	}
	for (size_t i = 0; i < 4; i++) {
		assert_null(request_parse(&r, slice_str(unknown[i]), storage));
		assert_non_null(route_unknown_param(&table[1], &r).data);
		assert_null(route_unknown_param(&table[6], &r).data);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_several_segments),
	    cmocka_unit_test(test_no_row),
	    cmocka_unit_test(test_parameters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
