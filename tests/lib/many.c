/* SPDX-License-Identifier: Apache-2.0
 *
 * A test program with thousands of tests, and some that do what a test should not, for test_server.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <subunit2/server.h>
#include <sys/wait.h>
#include <unistd.h>

#define MANY 5000
static const char *const special[] = {
    "crash", "exit", "print", "fork", "env", "attempt", "none", "wait", "big", "close", "bad \xff name"};

static char name[32];

static const char *
id(void *context, size_t test)
{
	(void)context;
	if (test >= MANY)
		return special[test - MANY];
	snprintf(name, sizeof(name), "many.%04zu", test);
	return name;
}

static enum subunit2_status
fork_and_print(struct subunit2_server *server)
{
	pid_t child = fork();

	if (child == 0) {
		subunit2_server_text(server, "lie", "a child has nothing to say");
		printf("child\n");
		exit(0);
	}
	waitpid(child, NULL, 0);
	return SUBUNIT2_SUCCESS;
}

static enum subunit2_status
attach_much(struct subunit2_server *server)
{
	size_t size = 9u << 20;
	char *data = malloc(size);

	if (!data)
		return SUBUNIT2_FAIL;
	memset(data, 'x', size);
	subunit2_server_attach(server, "big", NULL, data, size);
	free(data);
	return SUBUNIT2_SUCCESS;
}

/* Until whoever holds the other end of the FIFO closes it. */
static enum subunit2_status
wait_for_fifo(void)
{
	const char *fifo = getenv("TESTR_FIFO");
	FILE *f = fifo ? fopen(fifo, "r") : NULL;

	if (!f)
		return SUBUNIT2_FAIL;
	while (getc(f) != EOF)
		;
	fclose(f);
	return SUBUNIT2_SUCCESS;
}

static enum subunit2_status
run(void *context, struct subunit2_server *server, size_t test)
{
	const char *what = id(context, test);
	char text[32];

	if (test < MANY)
		return test % 10 ? SUBUNIT2_SUCCESS : SUBUNIT2_FAIL;
	if (strcmp(what, "crash") == 0)
		abort();
	if (strcmp(what, "exit") == 0)
		exit(0);
	if (strcmp(what, "print") == 0)
		return printf("printed\n") == 8 && system("echo child") == 0 ? SUBUNIT2_SUCCESS
									     : SUBUNIT2_FAIL;
	if (strcmp(what, "fork") == 0)
		return fork_and_print(server);
	if (strcmp(what, "env") == 0)
		return subunit2_server_text(server, "value", getenv("VALUE") ? getenv("VALUE") : "unset")
			   ? SUBUNIT2_FAIL
			   : SUBUNIT2_SUCCESS;
	if (strcmp(what, "big") == 0)
		return attach_much(server);
	if (strcmp(what, "wait") == 0)
		return wait_for_fifo();
	if (strcmp(what, "close") == 0)
		return close(1) ? SUBUNIT2_FAIL : SUBUNIT2_SUCCESS;
	if (strcmp(what, "none") == 0)
		return SUBUNIT2_NONE;
	snprintf(text, sizeof(text), "%d", (int)subunit2_server_attempt(server));
	subunit2_server_text(server, "attempt", text);
	return SUBUNIT2_XFAIL;
}

int
main(int argc, char **argv)
{
	struct subunit2_suite suite;

	subunit2_suite_init(&suite);
	suite.count = MANY + sizeof(special) / sizeof(special[0]);
	suite.id = id;
	suite.run = run;
	return subunit2_main(&suite, argc, argv);
}
