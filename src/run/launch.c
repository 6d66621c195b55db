/* SPDX-License-Identifier: Apache-2.0 */
#include "launch.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const int signal_numbers[] = {SIGINT, SIGTERM, SIGHUP};

void
launch_kill(struct launch *l)
{
	for (size_t i = 0; i < l->live_count; i++)
		process_kill(l->live[i].process);
}

static void
grace_over(void *context)
{
	launch_kill(context);
}

/* Nothing is started any more. */
static void
cancel(void *context, int number)
{
	struct launch *l = context;

	l->ending = true;
	if (l->cancelled) {
		launch_kill(l);
		return;
	}
	l->cancelled = number;
	for (size_t i = 0; i < l->live_count; i++)
		if (l->live[i].cancelled)
			l->live[i].cancelled(l->live[i].context, number);
		else
			process_signal(l->live[i].process, number);
	loop_timer_set(l->grace, LAUNCH_GRACE);
}

static void
limit_over(void *context)
{
	struct launch *l = context;

	if (l->cancelled)
		return;
	l->cancelled = SIGALRM;
	for (size_t i = 0; l->dump_signal && i < l->live_count; i++)
		process_signal(l->live[i].process, l->dump_signal);
	loop_timer_set(l->grace, l->dump_signal ? LAUNCH_DUMP_TIME : 0);
}

void
launch_limit(struct launch *l, int64_t time, int dump_signal)
{
	l->dump_signal = dump_signal;
	if (time)
		loop_timer_set(l->limit, time);
	else
		loop_timer_stop(l->limit);
}

bool
launch_timed_out(const struct launch *l)
{
	return l->cancelled == SIGALRM;
}

int
launch_init(
    struct launch *l, const char *guard, void (*echo)(void *, const char *), void *context, struct err *err)
{
	*l = (struct launch){.guard = guard, .echo = echo, .context = context};
	l->loop = loop_new(err);
	if (!l->loop)
		return -1;
	l->grace = loop_timer_new(l->loop, grace_over, l);
	l->limit = loop_timer_new(l->loop, limit_over, l);
	for (int i = 0; i < 3; i++)
		l->signals[i] = loop_signal_new(l->loop, signal_numbers[i], cancel, l);
	if (!l->grace || !l->limit || !l->signals[0] || !l->signals[1] || !l->signals[2]) {
		launch_release(l);
		return err_nomem(err);
	}
	return 0;
}

void
launch_release(struct launch *l)
{
	bool never = false;

	if (!l->loop)
		return;
	loop_timer_free(l->grace);
	loop_timer_free(l->limit);
	for (int i = 0; i < 3; i++)
		loop_signal_free(l->signals[i]);
	launch_kill(l);
	while (l->live_count > 0)
		loop_run(l->loop, &never);
	loop_free(l->loop);
	for (int i = 0; i < 3 && l->ending; i++)
		signal(signal_numbers[i], SIG_IGN);
	free(l->live);
	*l = (struct launch){0};
}

void
launch_reopen(struct launch *l)
{
	l->cancelled = 0;
}

int
launch_start(struct launch *l, struct process_spec *spec, bool echo, struct process **out, struct err *err)
{
	if (l->cancelled)
		return launch_timed_out(l) ? err_set(err, ERR_FAILED, "the time for the run is over")
					   : err_set(err, ERR_FAILED, "cancelled by signal %d", l->cancelled);
	if (l->live_count == l->live_cap) {
		size_t cap = l->live_cap ? l->live_cap * 2 : 8;
		struct launched *live = realloc(l->live, cap * sizeof(*live));

		if (!live)
			return err_nomem(err);
		l->live = live;
		l->live_cap = cap;
	}
	spec->guard = l->guard;
	if (echo && l->echo)
		l->echo(l->context, spec->command);
	if (process_start(l->loop, spec, out, err) < 0)
		return -1;
	l->live[l->live_count++] = (struct launched){.process = *out};
	return 0;
}

void
launch_tell(
    struct launch *l, const struct process *p, void (*cancelled)(void *context, int number), void *context)
{
	for (size_t i = 0; i < l->live_count; i++)
		if (l->live[i].process == p) {
			l->live[i].cancelled = cancelled;
			l->live[i].context = context;
		}
}

void
launch_ended(struct launch *l, struct process *p)
{
	for (size_t i = 0; i < l->live_count; i++)
		if (l->live[i].process == p)
			l->live[i] = l->live[--l->live_count];
	if (l->live_count == 0 && l->grace)
		loop_timer_stop(l->grace);
	process_free(p);
}

/* One launch_wait. */
struct waiting {
	struct buf *out;
	struct process_end *end;
	uint8_t spare[4096]; /* where output goes that is not wanted any more */
	bool done;
};

static uint8_t *
waiting_room(void *context, size_t *room)
{
	struct waiting *w = context;
	size_t left = w->out->max - w->out->len;
	uint8_t *at;

	*room = left < 65536 ? left : 65536;
	at = *room && !w->out->failed ? buf_space(w->out, *room) : NULL;
	if (at)
		return at;
	w->out->failed = true;
	*room = sizeof(w->spare);
	return w->spare;
}

static void
waiting_output(void *context, size_t len)
{
	struct waiting *w = context;

	if (!w->out->failed)
		buf_commit(w->out, len);
}

static void
waiting_ended(void *context, const struct process_end *end)
{
	struct waiting *w = context;

	*w->end = *end;
	w->done = true;
}

int
launch_wait(struct launch *l, const char *command, char *const *environment, bool echo, bool inherit_input,
    struct buf *out, struct process_end *end, struct err *err)
{
	struct waiting w = {.out = out, .end = end};
	struct process_spec spec = {
	    .command = command,
	    .environment = environment,
	    .inherit_input = inherit_input,
	    .inherit_output = !out,
	    .room = waiting_room,
	    .output = waiting_output,
	    .ended = waiting_ended,
	    .context = &w,
	};
	struct process *p;

	if (launch_start(l, &spec, echo, &p, err) < 0)
		return -1;
	loop_run(l->loop, &w.done);
	launch_ended(l, p);
	return 0;
}
