/* SPDX-License-Identifier: Apache-2.0
 *
 * A test server whose tests do nothing: what a test costs beside itself. BENCH_TESTS says how many there are. */
#include <stdio.h>
#include <stdlib.h>
#include <subunit2/server.h>

static const char *
id(void *context, size_t test)
{
	char *name = context;

	snprintf(name, 64, "pkg.module%zu.TestClass%zu.test_something_%zu", test % 50, test % 500, test);
	return name;
}

static enum subunit2_status
run(void *context, struct subunit2_server *server, size_t test)
{
	(void)context;
	(void)server;
	(void)test;
	return SUBUNIT2_SUCCESS;
}

int
main(int argc, char **argv)
{
	const char *count = getenv("BENCH_TESTS");
	struct subunit2_suite suite;
	char name[64];

	subunit2_suite_init(&suite);
	suite.count = count ? (size_t)strtoull(count, NULL, 10) : 10000;
	suite.id = id;
	suite.run = run;
	suite.context = name;
	return subunit2_main(&suite, argc, argv);
}
