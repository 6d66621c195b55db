/* SPDX-License-Identifier: Apache-2.0
 *
 * The far end of a connection that is nothing but a standard input and a standard output, to another machine or
 * into a container: it runs a command there, and makes one clean stream of all that comes from it.
 *
 *     client ── stdin ──> proxy ── channel ──> test server
 *            <─ stdout ──       <── channel ──
 *                               <── stdout, stderr ── its tests, and whatever they start
 *
 * The client of a test server speaks first. If standard input ends before a byte has come there is none, and the
 * command is one that runs tests once: its events are on its standard output, with other text between them.
 *
 * Packets are passed on as they are. All else becomes the attachment "stdout" or "stderr" of the test that runs,
 * if it is a single one, and of none otherwise. What a test printed before it said that it has ended goes out
 * before that.
 *
 * Invariant: what is written to standard output is whole packets, whatever the command does; and when proxy_run
 * returns, nothing that the command started is alive. When the client is gone the command is killed; when nobody
 * reads, the command has to wait. */
#ifndef PROXY_H
#define PROXY_H

#include "err.h"

/* How long a server may take to exit after it has closed the conversation. */
#define PROXY_GRACE (INT64_C(5) * 1000000000)
/* What may wait for the server to take it. */
#define PROXY_UNSENT_MAX ((size_t)1 << 20)

/* Runs the command, for a shell, to its end. `guard` is the path of our own program. Returns its exit status, 128
 * and a signal's number if that ended it; or -1. */
int proxy_run(const char *guard, const char *command, struct err *err);

#endif
