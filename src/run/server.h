/* SPDX-License-Identifier: Apache-2.0
 *
 * One test server: a process that is started once and runs tests as often as it is asked to (docs/rpc.md), as
 * seen by whoever asks. It holds the conversation and its deadlines; what tests say is handed on as it comes.
 *
 * Where the command runs here, the conversation has a descriptor of its own and standard output is the
 * tests'. In an instance, which may be reached by nothing but standard input and output, it is held there,
 * and what is printed between packets is taken for the tests' output.
 *
 * Invariant: after server_start succeeded `ended` is called exactly once, whatever the server does, and
 * nothing is called after it. */
#ifndef SERVER_H
#define SERVER_H

#include "config.h"
#include "event.h"
#include "launch.h"
#include "template.h"

struct server;

struct server_calls {
	/* It has said Hello: it can be asked. */
	void (*ready)(void *context);
	/* An event of a test. */
	void (*event)(void *context, struct event *e);
	/* What was printed on standard output. */
	void (*output)(void *context, struct slice text);
	/* The request is done; `returned` are the ids of tests it gives back. */
	void (*done)(void *context, int64_t nonce, const struct slice *returned, size_t count);
	/* There is a request that is not done, and for as long as server_timeout nothing came; told again
	 * after each such time. */
	void (*silent)(void *context);
	/* Everything is cancelled by a signal, which was not passed on to the server. */
	void (*cancelled)(void *context, int number);
	/* It answered a server_ping. */
	void (*pong)(void *context);
	/* No further event is at hand right now. */
	void (*pause)(void *context);
	/* A message that breaks the rules; the server goes on. */
	void (*fault)(void *context, const char *what);
	/* The process is over. `why` is what it was killed for, or what kept it from being used; NULL when it
	 * ended by itself. The callee calls server_free. */
	void (*ended)(void *context, const struct process_end *end, const char *why);
	void *context;
};

/* Starts test_server_command, which has server_timeout to say Hello, in `instance` if that is present. *out
 * is freed with server_free, from `ended` or after it. */
int server_start(struct launch *launch, const struct config *config, char *const *environment,
    struct slice instance, const struct server_calls *calls, struct server **out, struct err *err);
/* Accepts NULL. */
void server_free(struct server *s);

/* From now on another one is called. */
void server_hand_over(struct server *s, const struct server_calls *calls);

/* 0 before it is ready, then the version of the conversation. */
int server_version(const struct server *s);
/* Requests that are not done. */
size_t server_open(const struct server *s);

/* Asks for the ids of all tests, as events with the status exists. *nonce names the request. */
int server_list(struct server *s, int64_t *nonce, struct err *err);
/* What it is asked to run, which tags name the profile that is in, and which attempt it is at the tests, or 0. */
struct server_tests {
	struct template_ids ids; /* without a file */
	const struct slice *profile;
	size_t profile_count;
	unsigned attempt;
};
/* Asks it to run tests, in their order. */
int server_run(struct server *s, const struct server_tests *tests, int64_t *nonce, struct err *err);
/* Asks it to finish the test it is in and give back the others of a request, if that is still open: false when it
 * speaks version 1 and cannot be asked. */
bool server_cancel(struct server *s, int64_t nonce);
/* Asks whether it is alive: false when it speaks version 1 and cannot be asked. */
bool server_ping(struct server *s);

/* Asks it to exit; if it does not within server_timeout, it is killed. */
void server_end(struct server *s);
/* Kills it; `why` is handed to `ended`, and copied. */
void server_kill(struct server *s, const char *why);
/* Sends its process group a signal. */
void server_signal(struct server *s, int number);

#endif
