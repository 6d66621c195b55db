/* SPDX-License-Identifier: Apache-2.0
 *
 * A shell command, run under a guard (guard.h) on an event loop.
 *
 * Invariant: `ended` is called exactly once for each started process, after its last `output`, when no
 * process that the command started is alive any more; and it will be, whatever the command leaves behind. */
#ifndef PROCESS_H
#define PROCESS_H

#include "buf.h"
#include "err.h"
#include "loop.h"

struct process;

/* How a command ended. */
struct process_end {
	int code;         /* exit status, or -1 when a signal ended it */
	int signal;       /* that signal, or 0 */
	unsigned left;    /* processes it left behind, which had to be killed */
	char leaver[256]; /* the command line of the first of them */
};

struct process_spec {
	const char *guard;        /* the program that is a guard when called with GUARD_ARGUMENT: our own */
	const char *command;      /* for /bin/sh -c */
	const char *directory;    /* where it runs; NULL for our own working directory */
	char *const *environment; /* NULL for our own */
	bool inherit_input;       /* standard input is ours; otherwise empty */
	bool inherit_output; /* standard output is ours; otherwise it comes through `room` and `output` */
	int error_fd;        /* what standard error is; 0 for ours */
	/* Where the next output goes: returns the place and sets *room to its size, above 0; NULL ends the
	 * reading. */
	uint8_t *(*room)(void *context, size_t *room);
	/* `len` bytes were written there. */
	void (*output)(void *context, size_t len);
	/* Standard input is what process_send sends. Not together with a channel. */
	bool send_input;
	/* With a channel, a socket that the command finds at the descriptor $TESTR_RPC_FD, both are set: the
	 * same for what it says there. `channel_input` with 0 bytes: it has closed it. */
	uint8_t *(*channel_room)(void *context, size_t *room);
	void (*channel_input)(void *context, size_t len);
	/* What process_send was given has all been taken. May be NULL. */
	void (*sent)(void *context);
	/* The process is gone. The callee may call process_free. */
	void (*ended)(void *context, const struct process_end *end);
	void *context;
};

/* Starts it; *out is freed with process_free, after it has ended. The spec's strings are borrowed during the
 * call only. */
int process_start(struct loop *loop, const struct process_spec *spec, struct process **out, struct err *err);
/* Accepts NULL. */
void process_free(struct process *p);

/* What may wait to be taken from the channel: a few of the longest messages. */
#define PROCESS_SEND_MAX ((size_t)1 << 30)

/* Sends bytes, which are copied, on the channel or to standard input. When nobody takes them any more they
 * are lost; the end of the process tells, and SIGPIPE has to be ignored. */
int process_send(struct process *p, struct slice bytes, struct err *err);
/* The bytes that wait to be taken. */
size_t process_unsent(const struct process *p);
/* Hands on what is in the output at this moment, so that it comes before whatever is taken from the channel
 * next. */
void process_take_output(struct process *p);
/* The reverse: hands on what is in the channel. */
void process_take_channel(struct process *p);
/* Says that nothing more will be sent. */
void process_send_end(struct process *p);

/* Sends a signal to the command's process group. */
void process_signal(struct process *p, int number);
/* Kills the command and all that it started. `ended` follows. */
void process_kill(struct process *p);
/* The guard's process id. */
int process_id(const struct process *p);

/* Says how a command ended: "exit status 3", "signal 9 (Killed)"; for the statuses of a shell that report a
 * signal, "exit status 137 (signal 9, Killed)". */
void process_end_words(const struct process_end *end, struct buf *out);

#endif
