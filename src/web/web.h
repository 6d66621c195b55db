/* SPDX-License-Identifier: Apache-2.0
 *
 * The server: a repository over HTTP, and the pages.
 *
 *     one thread of libmicrohttpd ── struct exchange ─> queue ─> WEB_WORKERS threads, each with its own
 *       reads heads and bodies,      (connection rests)           repository, answer one at a time
 *       sends what is ready  <────── woken up ───────────────────┘
 *
 * Invariant: the thread that talks to clients never waits for the repository, and a worker never waits for a
 * client; so a slow client costs its connection alone.
 *
 * To add an answer: 1. write a handler in api_NAME.c; 2. list it in api.c; 3. describe it in docs/openapi.json,
 * from which tests/web/test_openapi.py makes its tests. Those in the words of openstack-health are in compat.h and
 * api_compat_NAME.c, docs/openstack-health.json and test_compat.py. */
#ifndef WEB_H
#define WEB_H

#include "err.h"
#include "reply.h"
#include "route.h"

#define WEB_WORKERS 4
/* Connections at one time; further ones wait to be accepted. */
#define WEB_CONNECTIONS 2048
/* Seconds that a client may take for the head of a request, or be silent in its body or while it is sent to. */
#define WEB_PATIENCE 30

struct web;

struct web_options {
	const char *repository; /* a URL, see repository.h */
	const char *bind;       /* see listen.h */
	const char *hosts;      /* further names that clients may call us by, separated by commas; or NULL */
	const char *tokens;     /* the path of a file of tokens, see token.h; or NULL */
	const char *project;    /* the directory of the project, whose quarantine may be changed; or NULL */
	bool open;              /* who reads needs no token, wherever from */
	/* Told of each failure that is ours, from any thread. */
	void (*warn)(void *context, const char *text);
	void *context;
};

/* Starts to serve. SIGPIPE has to be ignored. *out is freed with web_stop. */
int web_start(const struct web_options *options, struct web **out, struct err *err);
/* The server's own URL, "http://127.0.0.1:8080/" or "unix:PATH". Borrowed. */
const char *web_url(const struct web *web);
/* Ends it: live views are cut off, what is being stored is stored as interrupted. Accepts NULL. */
void web_stop(struct web *web);

#endif
