/* SPDX-License-Identifier: Apache-2.0
 *
 * The guard: a small process between us and a shell command, so that nothing the command starts outlives it
 * or us.
 *
 *     testr ── control socket (descriptor 3) ── guard ── /bin/sh -c COMMAND ── …
 *
 * The guard gives the command a process group of its own and adopts what the command orphans (child
 * subreaper). It reads signal numbers, one a byte, from the control socket and sends them to the group; when
 * the socket is closed, which the kernel does for us even if we are killed, it kills everything below it.
 * When the shell has ended it says "exit CODE SIGNAL\n" at once, gives what is left of the command
 * GUARD_DRAIN to end by itself, then says "left PID COMMAND LINE\n" of each process that has not and kills
 * it.
 *
 * Invariant: when the guard has exited by itself, no process that it ever started is alive. */
#ifndef GUARD_H
#define GUARD_H

#include <stdbool.h>

/* The hidden first argument that makes the program a guard; the second is the command. */
#define GUARD_ARGUMENT "--guard"
/* The same with a channel: the command gets descriptor 4, a socket, whose number is the value of the environment
 * variable of this name. */
#define GUARD_CHANNEL_ARGUMENT "--guard-with-channel"
#define GUARD_CHANNEL_VARIABLE "TESTR_RPC_FD"
#define GUARD_CONTROL_FD 3
#define GUARD_CHANNEL_FD 4
/* Milliseconds that processes left behind by the command may take to end by themselves. */
#define GUARD_DRAIN 500

/* True when these are the arguments of a guard; then main calls guard_main first thing, and returns what that
 * returns. */
bool guard_called(int argc, char *const *argv);
/* The guard's whole life. Returns its exit status. */
int guard_main(char *const *argv);

#endif
