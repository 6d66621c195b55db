/* SPDX-License-Identifier: Apache-2.0 */
#include "server.h"

#include "reader.h"
#include "rpc.h"
#include "template.h"
#include "timefmt.h"
#include "timeouts.h"

#include <stdio.h>
#include <stdlib.h>

/* A writer that pauses longer than this inside a packet is not going to end it soon. */
#define IDLE (INT64_C(1) * 1000000000)
#define OUTPUT_SIZE ((size_t)65536)

struct server {
	struct launch *launch;
	struct server_calls calls;
	struct process *process;
	struct reader *reader; /* of the conversation */
	struct rpc *rpc;
	struct loop_timer *deadline; /* for Hello, for its next word, and for its exit */
	int64_t timeout;
	struct loop_timer *idle;
	uint8_t *output; /* what it prints; NULL when the conversation is held there */
	int64_t nonce;   /* the last one used */
	bool ready;
	bool ending;
	char why[512]; /* empty as long as it was not killed */
};

/* From now on it has this long to say something, if it is asked for anything. */
static void
watch(struct server *s)
{
	if (s->ending)
		return;
	if (rpc_open(s->rpc))
		loop_timer_set(s->deadline, s->timeout);
	else
		loop_timer_stop(s->deadline);
}

static void
say_why(struct server *s, const char *why)
{
	if (!s->why[0])
		snprintf(s->why, sizeof(s->why), "%s", why);
}

void
server_kill(struct server *s, const char *why)
{
	say_why(s, why);
	process_kill(s->process);
}

static void
deadline_over(void *context)
{
	struct server *s = context;

	if (s->ready && !s->ending) {
		watch(s);
		s->calls.silent(s->calls.context);
	} else {
		server_kill(s, s->ready ? "it did not exit after Goodbye" : "it did not say Hello in time");
	}
}

/* Sends a message of ours. One that cannot be said is a fault of ours alone. */
static int
say(struct server *s, const struct rpc_message *m, struct err *err)
{
	struct buf packets;
	int rc;

	buf_init(&packets, PROCESS_SEND_MAX);
	rc = rpc_send(s->rpc, m, &packets);
	if (rc < 0)
		err_set(err, ERR_FAILED, "a message to the test server: %s",
		    rpc_fault_text((enum rpc_fault) - rc));
	else
		rc = process_send(s->process, buf_get(&packets), err);
	if (s->ready)
		watch(s);
	buf_release(&packets);
	return rc < 0 ? -1 : 0;
}

static void
hear_hello(struct server *s)
{
	if (rpc_version(s->rpc) < 0) {
		server_kill(s, "it speaks no version of the conversation that this testr speaks");
		return;
	}
	s->ready = true;
	watch(s);
	s->calls.ready(s->calls.context);
}

static void
hear(struct server *s, const struct rpc_message *m)
{
	switch (m->kind) {
	case RPC_HELLO:
		hear_hello(s);
		break;
	case RPC_DONE:
		s->calls.done(s->calls.context, m->nonce, m->tests, m->test_count);
		break;
	case RPC_PONG:
		s->calls.pong(s->calls.context);
		break;
	case RPC_GOODBYE:
		say_why(s, "it said Goodbye");
		s->ending = true;
		loop_timer_set(s->deadline, s->timeout);
		break;
	default:
		break;
	}
}

static void
hear_fault(struct server *s, enum rpc_fault fault)
{
	char what[256];

	if (fault == RPC_FAULT_VERSION) {
		server_kill(s, "it speaks no version of the conversation that this testr speaks");
		return;
	}
	snprintf(what, sizeof(what), "%s: %.*s", rpc_fault_text(fault),
	    SLICE_FMT(slice_head(rpc_text(s->rpc), 100)));
	s->calls.fault(s->calls.context, what);
}

static void
take_events(struct server *s)
{
	struct rpc_message m;
	enum rpc_fault fault;
	struct event e;
	int rc;

	while ((rc = reader_next(s->reader, &e)) > 0) {
		if (e.kind == EVENT_TEXT) {
			s->calls.output(s->calls.context, e.file);
			continue;
		}
		switch (rpc_receive(s->rpc, &e, &m, &fault)) {
		case RPC_OTHER:
			/* What the test printed was there before it said that it has ended. */
			if (s->output && status_is_final(e.status) && s->process)
				process_take_output(s->process);
			s->calls.event(s->calls.context, &e);
			break;
		case RPC_MESSAGE:
			hear(s, &m);
			break;
		case RPC_FAULT:
			hear_fault(s, fault);
			break;
		case -1:
			rc = -1;
			break;
		}
		if (rc < 0)
			break;
	}
	if (rc < 0)
		server_kill(s, "out of memory");
	s->calls.pause(s->calls.context);
}

static uint8_t *
conversation_room(void *context, size_t *room)
{
	struct server *s = context;

	return reader_space(s->reader, room);
}

static void
conversation_input(void *context, size_t len)
{
	struct server *s = context;

	if (len == 0) {
		/* It may still be about to exit. */
		if (!s->ending)
			say_why(s, "it closed the conversation");
		s->ending = true;
		loop_timer_set(s->deadline, s->timeout);
		return;
	}
	reader_commit(s->reader, len);
	take_events(s);
	if (s->ready)
		watch(s);
	loop_timer_set(s->idle, IDLE);
}

static uint8_t *
output_room(void *context, size_t *room)
{
	struct server *s = context;

	*room = OUTPUT_SIZE;
	return s->output;
}

static void
output_input(void *context, size_t len)
{
	struct server *s = context;

	s->calls.output(s->calls.context, slice_of(s->output, len));
}

static void
server_idle(void *context)
{
	struct server *s = context;

	if (reader_idle(s->reader))
		take_events(s);
}

static void
server_ended(void *context, const struct process_end *end)
{
	struct server *s = context;
	struct server_calls calls = s->calls;

	reader_end(s->reader);
	take_events(s);
	launch_ended(s->launch, s->process);
	s->process = NULL;
	calls.ended(calls.context, end, s->why[0] ? s->why : NULL);
}

static void
server_cancelled(void *context, int number)
{
	struct server *s = context;

	s->calls.cancelled(s->calls.context, number);
}

static int
allocate(struct server *s, bool apart)
{
	s->reader = reader_new(READER_V2);
	s->rpc = rpc_new(RPC_CLIENT);
	s->deadline = loop_timer_new(s->launch->loop, deadline_over, s);
	s->idle = loop_timer_new(s->launch->loop, server_idle, s);
	if (apart)
		s->output = malloc(OUTPUT_SIZE);
	return s->reader && s->rpc && s->deadline && s->idle && (s->output || !apart) ? 0 : -1;
}

static int
start(struct server *s, const struct config *config, char *const *environment, struct slice instance,
    struct err *err)
{
	struct rpc_message hello = {.kind = RPC_HELLO, .min = RPC_VERSION_MIN, .max = RPC_VERSION_MAX};
	struct process_spec spec = {.environment = environment, .ended = server_ended, .context = s};
	struct err ignored;
	char *command = NULL;
	int rc;

	if (s->output) {
		spec.room = output_room;
		spec.output = output_input;
		spec.channel_room = conversation_room;
		spec.channel_input = conversation_input;
	} else {
		spec.room = conversation_room;
		spec.output = conversation_input;
		spec.send_input = true;
	}
	if (template_execute(
		config, instance, config_get(config, "test_server_command"), NULL, &command, err))
		return -1;
	spec.command = command;
	rc = launch_start(s->launch, &spec, true, &s->process, err);
	free(command);
	if (rc == 0)
		launch_tell(s->launch, s->process, server_cancelled, s);
	/* From here on `ended` tells. */
	if (rc == 0 && say(s, &hello, &ignored))
		server_kill(s, ignored.text);
	return rc;
}

int
server_start(struct launch *launch, const struct config *config, char *const *environment,
    struct slice instance, const struct server_calls *calls, struct server **out, struct err *err)
{
	struct server *s = calloc(1, sizeof(*s));
	struct timeouts timeouts;

	if (!s)
		return err_nomem(err);
	s->launch = launch;
	s->calls = *calls;
	if (timeouts_read(config, &timeouts, err) < 0) {
		free(s);
		return -1;
	}
	s->timeout = timeouts.server;
	if (allocate(s, !config_get(config, "instance_execute"))) {
		server_free(s);
		return err_nomem(err);
	}
	if (start(s, config, environment, instance, err)) {
		server_free(s);
		return -1;
	}
	loop_timer_set(s->deadline, s->timeout);
	*out = s;
	return 0;
}

void
server_free(struct server *s)
{
	if (!s)
		return;
	reader_free(s->reader);
	rpc_free(s->rpc);
	loop_timer_free(s->deadline);
	loop_timer_free(s->idle);
	free(s->output);
	free(s);
}

void
server_hand_over(struct server *s, const struct server_calls *calls)
{
	s->calls = *calls;
}

int
server_version(const struct server *s)
{
	return s->ready ? rpc_version(s->rpc) : 0;
}

size_t
server_open(const struct server *s)
{
	return rpc_open(s->rpc);
}

int
server_list(struct server *s, int64_t *nonce, struct err *err)
{
	struct rpc_message list = {.kind = RPC_LIST, .nonce = ++s->nonce};

	*nonce = list.nonce;
	return say(s, &list, err);
}

int
server_run(struct server *s, const struct server_tests *tests, int64_t *nonce, struct err *err)
{
	size_t count = tests->ids.count;
	struct rpc_message run = {.kind = RPC_RUN,
	    .nonce = ++s->nonce,
	    .test_count = count,
	    .profile = tests->profile,
	    .profile_count = tests->profile_count,
	    .attempt = tests->attempt};
	struct slice *list = malloc((count + 1) * sizeof(*list));
	int rc;

	if (!list)
		return err_nomem(err);
	for (size_t i = 0; i < count; i++)
		list[i] = template_id(&tests->ids, i);
	run.tests = list;
	*nonce = run.nonce;
	rc = say(s, &run, err);
	free(list);
	return rc;
}

bool
server_cancel(struct server *s, int64_t nonce)
{
	struct rpc_message cancel = {.kind = RPC_CANCEL, .nonce = nonce};
	struct err ignored;

	return server_version(s) >= 2 && !s->ending && say(s, &cancel, &ignored) == 0;
}

bool
server_ping(struct server *s)
{
	struct rpc_message ping = {.kind = RPC_PING, .nonce = ++s->nonce};
	struct err ignored;

	return server_version(s) >= 2 && say(s, &ping, &ignored) == 0;
}

void
server_end(struct server *s)
{
	struct rpc_message goodbye = {.kind = RPC_GOODBYE};
	struct err ignored;

	if (s->ending)
		return;
	s->ending = true;
	if (s->ready)
		say(s, &goodbye, &ignored);
	process_send_end(s->process);
	loop_timer_set(s->deadline, s->timeout);
}

void
server_signal(struct server *s, int number)
{
	process_signal(s->process, number);
}
