/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs tests of a suite and tells of them, for whoever has chosen them: a client (api_server.c) or a command line
 * (api_main.c). Invariant: a test that was begun was told of before it runs, and is told of with one final status;
 * only the process that made the service tells anything. */
#ifndef SERVICE_H
#define SERVICE_H

#include "buf.h"
#include "event.h"
#include "strtab.h"
#include <subunit2/server.h>

#include <sys/types.h>

#define SERVICE_NONE SIZE_MAX

struct subunit2_server {
	struct subunit2_suite suite;
	struct strtab ids; /* of the tests, at their numbers */
	int out;
	pid_t owner;        /* who may write there */
	int capture;        /* a file that is standard output; -1: it is let alone */
	struct buf pending; /* packets to be written */
	int error;          /* of the first write that failed; nothing is written after it */
	bool gone;          /* because nobody reads any more */
	size_t current;     /* the test that runs, or SERVICE_NONE */
	const size_t *wanted;
	size_t wanted_count, next;
	bool *begun; /* of those */
	bool many;
	const struct slice *tags; /* for all events of tests */
	size_t tag_count;
	int64_t attempt;
	bool stopped;
	/* Called between tests; may set `stopped`. May be NULL. */
	void (*listen)(void *context);
	void *context;
};

/* Takes the suite's ids. 0 or a code; service_release in any case. */
int service_init(struct subunit2_server *s, const struct subunit2_suite *suite, int out);
void service_release(struct subunit2_server *s);

/* Tells that there is this test. */
void service_exists(struct subunit2_server *s, size_t test);
/* Fails a test that there is not. */
void service_unknown(struct subunit2_server *s, struct slice id);
/* Runs tests in this order until it is stopped. begun[i] becomes true for each that was run. */
void service_run(struct subunit2_server *s, const size_t *tests, size_t count, bool *begun);
/* Does what a client says on `in` (api_server.c), until it has no more to say. 0 or a code. */
int service_converse(struct subunit2_server *s, int in);
/* Writes what is pending. 0 or a code. */
int service_flush(struct subunit2_server *s);

#endif
