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

/* The hidden first argument that makes the program a guard; the second is the command. */
#define GUARD_ARGUMENT "--guard"
#define GUARD_CONTROL_FD 3
/* Milliseconds that processes left behind by the command may take to end by themselves. */
#define GUARD_DRAIN 500

/* The guard's whole life. Returns its exit status; it is to be called first thing in main. */
int guard_main(const char *command);

#endif
