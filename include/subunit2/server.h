/* SPDX-License-Identifier: Apache-2.0
 *
 * A test program that testr runs as a test server: started once, and asked to run tests as often as needed, so that
 * no test pays for the start of a process (docs/rpc.md, versions 1 and 2). The same program runs tests once, in the
 * place of any other test command.
 *
 *     static const char *
 *     id(void *context, size_t test)
 *     {
 *             return tests[test].name;
 *     }
 *
 *     static enum subunit2_status
 *     run(void *context, struct subunit2_server *server, size_t test)
 *     {
 *             return tests[test].function() ? SUBUNIT2_SUCCESS : SUBUNIT2_FAIL;
 *     }
 *
 *     int
 *     main(int argc, char **argv)
 *     {
 *             struct subunit2_suite suite;
 *
 *             subunit2_suite_init(&suite);
 *             suite.count = sizeof(tests) / sizeof(tests[0]);
 *             suite.id = id;
 *             suite.run = run;
 *             return subunit2_main(&suite, argc, argv);
 *     }
 *
 * No thread is started and no signal handler set: what testr says is read between tests, so that a Ping is answered
 * then. A child that a test forks says nothing. The rules of subunit2.h hold here too. */
#ifndef SUBUNIT2_SERVER_H
#define SUBUNIT2_SERVER_H

#include <subunit2.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What tells of tests while they run. */
struct subunit2_server;

/* The tests of a program: `count` of them, numbered from 0. */
struct subunit2_suite {
	size_t size;
	size_t count;
	/* The id of a test, for a moment. No two may be the same; bytes that are not UTF-8 become U+FFFD. */
	const char *(*id)(void *context, size_t test);
	/* Runs a test, and returns how it ended: SUBUNIT2_SUCCESS or one of those below it. Anything else fails it. */
	enum subunit2_status (*run)(void *context, struct subunit2_server *server, size_t test);
	/* Or, for a framework that has a loop of its own: runs these tests, in this order, with
	 * subunit2_server_begin and _end around each. Those that it does not begin are given back. */
	void (*run_many)(void *context, struct subunit2_server *server, const size_t *tests, size_t count);
	void *context;
};

SUBUNIT2_API void subunit2_suite_init_size(struct subunit2_suite *suite, size_t size);
/* Everything absent: to be called once before any other use. */
static inline void
subunit2_suite_init(struct subunit2_suite *suite)
{
	subunit2_suite_init_size(suite, sizeof(*suite));
}

/* All of main: what the command line says, and the exit status.
 *
 *     --server           be a test server, on the descriptor $TESTR_RPC_FD, or else on standard input and output
 *     --list             tell which tests there are
 *     --load-list FILE   run the tests whose ids are the lines of FILE
 *
 * Without any of these it is a server if there is a $TESTR_RPC_FD, and runs all tests otherwise. What is printed on
 * standard output becomes the attachment "stdout" of the test that runs, or of none, and is gone if the test takes
 * the process down; standard error is let alone. The status is 0 whether tests fail or not, 2 when the command line
 * is wrong, and 1 when something else is, which is said on standard error. */
SUBUNIT2_API int subunit2_main(const struct subunit2_suite *suite, int argc, char **argv);

/* A server on two descriptors, which may be the same, and stay the caller's. Returns 0 when the client has said
 * Goodbye, or has gone, or speaks no version that we do. SUBUNIT2_ERROR_ARGUMENT: the suite has no id or run, or two
 * tests have one id. Standard output is let alone. */
SUBUNIT2_API int subunit2_serve(const struct subunit2_suite *suite, int in, int out);

/* ---- For functions that run tests ---- */

/* Attaches `len` bytes to the test that runs, or to none; as subunit2_emit_file. They are there even if the test takes
 * the process down after it. */
SUBUNIT2_API int subunit2_server_attach(
    struct subunit2_server *server, const char *name, const char *mime, const void *data, size_t len);
/* The same for a text. What says why a test failed or was skipped is called "traceback" or "reason". */
SUBUNIT2_API int subunit2_server_text(struct subunit2_server *server, const char *name, const char *text);
/* Which attempt at its tests this is: 1, 2, and so on. */
SUBUNIT2_API int64_t subunit2_server_attempt(const struct subunit2_server *server);

/* In run_many only. SUBUNIT2_ERROR_ARGUMENT for a test that is not wanted, or was begun before the one that runs has
 * ended. */
SUBUNIT2_API int subunit2_server_begin(struct subunit2_server *server, size_t test);
SUBUNIT2_API int subunit2_server_end(struct subunit2_server *server, enum subunit2_status status);
/* 1 when no further test is to begin, else 0. It may become 1 at the end of a test. */
SUBUNIT2_API int subunit2_server_stopped(const struct subunit2_server *server);

#ifdef __cplusplus
}
#endif

#endif
