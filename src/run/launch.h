/* SPDX-License-Identifier: Apache-2.0
 *
 * Starts shell commands and keeps them in hand: what is to be run is told first, and Ctrl-C reaches all that
 * is running.
 *
 * The first SIGINT, SIGTERM or SIGHUP is passed on to every command, and none is started any more; what still
 * runs after LAUNCH_GRACE is killed; a second signal kills at once. When the time is over that was set everything
 * is cancelled in the same way, but the signal is another, and the grace is LAUNCH_DUMP_TIME. Invariant: after launch_release no
 * command that was started here is alive. */
#ifndef LAUNCH_H
#define LAUNCH_H

#include "process.h"

/* How long commands may take to end after the first signal. */
#define LAUNCH_GRACE (INT64_C(5) * 1000000000)
/* How long what takes too long may say where it is. */
#define LAUNCH_DUMP_TIME (INT64_C(2) * 1000000000)

struct launched {
	struct process *process;
	/* Called, if set, in the place of the first signal. */
	void (*cancelled)(void *context, int number);
	void *context;
};

struct launch {
	struct loop *loop;
	const char *guard;
	void (*echo)(void *context, const char *command);
	void *context;
	int cancelled; /* the signal that cancelled everything, or 0; SIGALRM when the time was over */
	bool ending;   /* there was one, whatever was allowed since */
	struct launched *live;
	size_t live_count, live_cap;
	struct loop_timer *grace;
	struct loop_timer *limit;
	int dump_signal;
	struct loop_signal *signals[3];
};

/* `guard` is the path of our own program (see process_spec); `echo` is told each command that is started,
 * unless it is NULL. Both are borrowed until launch_release. Takes the three signals over. Returns 0; on -1
 * nothing is left to release. */
int launch_init(
    struct launch *l, const char *guard, void (*echo)(void *, const char *), void *context, struct err *err);
/* After a signal the three are ignored from here on: there is nothing left to cancel, and they would only
 * spoil the exit status. */
void launch_release(struct launch *l);

/* Sets the time for all commands from now on, 0 for none, and the signal that those get which are running when it is
 * over, 0 for none. */
void launch_limit(struct launch *l, int64_t time, int dump_signal);
/* The time was over. */
bool launch_timed_out(const struct launch *l);

/* Allows commands again, for what has to be done also after a cancelled run. */
void launch_reopen(struct launch *l);

/* Starts a command (spec->guard is filled in here). When spec->ended is called the process is to be handed to
 * launch_ended. Refuses when cancelled. */
int launch_start(
    struct launch *l, struct process_spec *spec, bool echo, struct process **out, struct err *err);
/* From now on `cancelled` is called in the place of passing the first signal on to this process. */
void launch_tell(
    struct launch *l, const struct process *p, void (*cancelled)(void *context, int number), void *context);
/* Forgets and frees a process that has ended. */
void launch_ended(struct launch *l, struct process *p);

/* Kills whatever runs. */
void launch_kill(struct launch *l);

/* Starts a command in an environment (NULL: ours) and waits for its end. Its output is appended to `out`, as far as that takes it; with a
 * NULL `out` it goes to our own standard output. Returns 0 however the command ended, which *end tells; -1
 * when it did not start. */
int launch_wait(struct launch *l, const char *command, char *const *environment, bool echo,
    bool inherit_input, struct buf *out, struct process_end *end, struct err *err);

#endif
