/* SPDX-License-Identifier: Apache-2.0
 *
 * A test program that testr can keep as a server: cc server.c -o server $(pkg-config --cflags --libs subunit2)
 *
 *     [DEFAULT]
 *     test_command=./server $LISTOPT $IDOPTION
 *     test_list_option=--list
 *     test_id_option=--load-list $IDFILE
 *     test_server_command=exec ./server --server */
#include <stdio.h>
#include <stdlib.h>
#include <subunit2/server.h>

struct test {
	const char *name;
	enum subunit2_status (*function)(struct subunit2_server *server);
};

static enum subunit2_status
test_sum(struct subunit2_server *server)
{
	if (1 + 1 == 3)
		return SUBUNIT2_SUCCESS;
	subunit2_server_text(server, "traceback", "1 + 1 is 2, not 3\n");
	return SUBUNIT2_FAIL;
}

static enum subunit2_status
test_moon(struct subunit2_server *server)
{
	if (getenv("MOON"))
		return SUBUNIT2_SUCCESS;
	subunit2_server_text(server, "reason", "too far\n");
	return SUBUNIT2_SKIP;
}

static enum subunit2_status
test_print(struct subunit2_server *server)
{
	(void)server;
	printf("what is printed is an attachment\n");
	return SUBUNIT2_SUCCESS;
}

static const struct test tests[] = {
    {"hello.sum", test_sum},
    {"hello.moon", test_moon},
    {"hello.print", test_print},
};

static const char *
id(void *context, size_t test)
{
	(void)context;
	return tests[test].name;
}

static enum subunit2_status
run(void *context, struct subunit2_server *server, size_t test)
{
	(void)context;
	return tests[test].function(server);
}

int
main(int argc, char **argv)
{
	struct subunit2_suite suite;

	subunit2_suite_init(&suite);
	suite.count = sizeof(tests) / sizeof(tests[0]);
	suite.id = id;
	suite.run = run;
	return subunit2_main(&suite, argc, argv);
}
