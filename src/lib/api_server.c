/* SPDX-License-Identifier: Apache-2.0 */
#include "convert.h"
#include "descriptor.h"
#include "reader.h"
#include "rpc.h"
#include "service.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

/* A List or a Run. Tests with numbers from the suite's count on are those of `unknown`. */
struct request {
	struct request *next;
	enum rpc_kind kind;
	int64_t nonce, attempt;
	size_t *tests;
	size_t count;
	struct strtab unknown;
	struct strtab profile;
	char **env; /* a name and a value in turns */
	size_t env_count;
	bool cancelled;
};

struct conversation {
	struct subunit2_server s;
	int in;
	struct reader *reader;
	struct rpc *rpc;
	struct request *first; /* the one that is worked off, and those that wait, in their order */
	bool over;             /* nothing more is to be done */
};

/* ---- requests ---- */

static void
request_free(struct request *q)
{
	if (!q)
		return;
	for (size_t i = 0; q->env && i < 2 * q->env_count; i++)
		free(q->env[i]);
	free(q->env);
	free(q->tests);
	strtab_release(&q->unknown);
	strtab_release(&q->profile);
	free(q);
}

/* The tests of the request, as numbers. */
static int
copy_tests(const struct subunit2_server *s, struct request *q, const struct rpc_message *m)
{
	q->count = m->tests ? m->test_count : s->suite.count;
	q->tests = calloc(q->count + 1, sizeof(*q->tests));
	if (!q->tests)
		return -1;
	for (size_t i = 0; i < q->count; i++) {
		q->tests[i] = m->tests ? strtab_find(&s->ids, m->tests[i]) : i;
		if (q->tests[i] != STRTAB_NONE)
			continue;
		q->tests[i] = strtab_add(&q->unknown, m->tests[i], NULL);
		if (q->tests[i] == STRTAB_NONE)
			return -1;
		q->tests[i] += s->suite.count;
	}
	return 0;
}

static int
copy_rest(struct request *q, const struct rpc_message *m)
{
	for (size_t i = 0; i < m->profile_count; i++)
		if (strtab_add(&q->profile, m->profile[i], NULL) == STRTAB_NONE)
			return -1;
	q->env = calloc(2 * m->env_count + 1, sizeof(*q->env));
	if (!q->env)
		return -1;
	q->env_count = m->env_count;
	for (size_t i = 0; i < 2 * m->env_count; i++)
		if (!(q->env[i] = slice_dup(m->env[i])))
			return -1;
	return 0;
}

/* Out of memory there is nothing sensible to say: the client sees that we end. */
static void
add_request(struct conversation *c, const struct rpc_message *m)
{
	struct request *q = calloc(1, sizeof(*q)), **at = &c->first;

	if (!q || copy_tests(&c->s, q, m) || (m->kind == RPC_RUN && copy_rest(q, m))) {
		request_free(q);
		c->s.error = SUBUNIT2_ERROR_MEMORY;
		c->over = true;
		return;
	}
	q->kind = m->kind;
	q->nonce = m->nonce;
	q->attempt = m->attempt ? m->attempt : 1;
	while (*at)
		at = &(*at)->next;
	*at = q;
}

/* ---- the conversation ---- */

static void
say(struct conversation *c, const struct rpc_message *m)
{
	int rc = rpc_send(c->rpc, m, &c->s.pending);

	if (rc < 0 && c->s.error == 0)
		c->s.error = rc == -RPC_FAULT_LONG ? SUBUNIT2_ERROR_LONG : SUBUNIT2_ERROR_MEMORY;
	service_flush(&c->s);
}

static void
cancel(struct conversation *c, int64_t nonce)
{
	for (struct request *q = c->first; q; q = q->next)
		if (q->nonce == nonce)
			q->cancelled = true;
}

static void
hear(struct conversation *c, const struct rpc_message *m)
{
	struct rpc_message answer = {.kind = RPC_HELLO, .min = RPC_VERSION_MIN, .max = RPC_VERSION_MAX};

	switch (m->kind) {
	case RPC_HELLO:
		say(c, &answer);
		c->over = c->over || rpc_version(c->rpc) < 0;
		break;
	case RPC_LIST:
	case RPC_RUN:
		add_request(c, m);
		break;
	case RPC_PING:
		answer = (struct rpc_message){.kind = RPC_PONG, .nonce = m->nonce};
		say(c, &answer);
		break;
	case RPC_CANCEL:
		cancel(c, m->nonce);
		break;
	case RPC_GOODBYE:
		c->over = true;
		break;
	default:
		break;
	}
}

/* Faults change nothing, and are left to the client, whose they are. */
static void
take_messages(struct conversation *c)
{
	enum rpc_fault fault;
	struct rpc_message m;
	struct event e;
	int rc = 0;

	while (!c->over && rc >= 0 && (rc = reader_next(c->reader, &e)) > 0) {
		rc = e.kind == EVENT_TEXT ? 0 : rpc_receive(c->rpc, &e, &m, &fault);
		if (rc == RPC_MESSAGE)
			hear(c, &m);
	}
	if (rc < 0) {
		c->s.error = SUBUNIT2_ERROR_MEMORY;
		c->over = true;
	}
}

/* Reads what is there; with `wait` until something is. */
static void
hear_some(struct conversation *c, bool wait)
{
	struct pollfd p = {.fd = c->in, .events = POLLIN};
	size_t room;
	uint8_t *at;
	int n;

	if (poll(&p, 1, wait ? -1 : 0) <= 0)
		return;
	at = reader_space(c->reader, &room);
	n = at ? descriptor_read(c->in, at, room) : SUBUNIT2_ERROR_MEMORY;
	if (n < 0 && at && (errno == EAGAIN || errno == EWOULDBLOCK))
		return;
	if (n <= 0) {
		/* A client that broke the connection has gone like one that closed it. */
		if (!at)
			c->s.error = SUBUNIT2_ERROR_MEMORY;
		c->over = true;
		return;
	}
	reader_commit(c->reader, (size_t)n);
	take_messages(c);
}

/* Between tests. */
static void
listen(void *context)
{
	struct conversation *c = context;

	hear_some(c, false);
	c->s.stopped = c->s.stopped || c->over || c->first->cancelled;
}

/* ---- working them off ---- */

/* Exchanges the variables with those of the environment. */
static int
swap_env(struct request *q)
{
	for (size_t i = 0; i < q->env_count; i++) {
		const char *name = q->env[2 * i], *now = getenv(name);
		char *before = now ? strdup(now) : NULL;
		int rc = q->env[2 * i + 1] ? setenv(name, q->env[2 * i + 1], 1) : unsetenv(name);

		if (rc || (now && !before)) {
			free(before);
			return SUBUNIT2_ERROR_MEMORY;
		}
		free(q->env[2 * i + 1]);
		q->env[2 * i + 1] = before;
	}
	return 0;
}

static void
do_list(struct conversation *c, const struct request *q)
{
	for (size_t i = 0; i < q->count; i++)
		if (q->tests[i] < c->s.suite.count)
			service_exists(&c->s, q->tests[i]);
}

/* Runs its tests, and says which of them were begun. */
static void
run_tests(struct conversation *c, const struct request *q, bool *begun)
{
	size_t at = 0, end, suite = c->s.suite.count;

	while (at < q->count && !c->s.stopped) {
		if (q->tests[at] >= suite) {
			service_unknown(&c->s, strtab_get(&q->unknown, q->tests[at] - suite));
			begun[at++] = true;
			continue;
		}
		for (end = at; end < q->count && q->tests[end] < suite;)
			end++;
		service_run(&c->s, q->tests + at, end - at, begun + at);
		at = end;
	}
}

static void
say_done(struct conversation *c, const struct request *q, const bool *begun, struct slice *ids)
{
	struct rpc_message done = {.kind = RPC_DONE, .nonce = q->nonce, .tests = ids};
	size_t suite = c->s.suite.count;

	/* Version 1 cannot say it; the client misses them. */
	for (size_t i = 0; begun && i < q->count && rpc_version(c->rpc) >= 2; i++)
		if (!begun[i])
			ids[done.test_count++] = q->tests[i] < suite
						     ? strtab_get(&c->s.ids, q->tests[i])
						     : strtab_get(&q->unknown, q->tests[i] - suite);
	say(c, &done);
}

static int
do_run(struct conversation *c, struct request *q)
{
	bool *begun = calloc(q->count + 1, sizeof(*begun));
	struct slice *ids = calloc(q->count + 1, sizeof(*ids));
	struct slice *tags = calloc(q->profile.len + 1, sizeof(*tags));
	int rc = begun && ids && tags ? swap_env(q) : SUBUNIT2_ERROR_MEMORY;

	if (rc == 0) {
		for (size_t i = 0; i < q->profile.len; i++)
			tags[i] = strtab_get(&q->profile, i);
		c->s.tags = tags;
		c->s.tag_count = q->profile.len;
		c->s.attempt = q->attempt;
		c->s.stopped = q->cancelled;
		run_tests(c, q, begun);
		c->s.tag_count = 0;
		rc = swap_env(q);
	}
	if (rc == 0 && !c->over)
		say_done(c, q, begun, ids);
	free(begun);
	free(ids);
	free(tags);
	return rc;
}

static void
work_off(struct conversation *c)
{
	struct request *q = c->first;
	int rc = 0;

	if (q->kind == RPC_RUN) {
		rc = do_run(c, q);
	} else {
		do_list(c, q);
		say_done(c, q, NULL, NULL);
	}
	if (rc < 0 && c->s.error == 0)
		c->s.error = rc;
	c->first = q->next;
	request_free(q);
}

int
service_converse(struct subunit2_server *s, int in)
{
	struct conversation c = {.s = *s, .in = in};

	c.reader = reader_new(READER_V2);
	c.rpc = rpc_new(RPC_SERVER);
	c.s.listen = listen;
	c.s.context = &c;
	if (!c.reader || !c.rpc)
		c.s.error = SUBUNIT2_ERROR_MEMORY;
	while (!c.over && c.s.error == 0) {
		if (c.first)
			work_off(&c);
		else
			hear_some(&c, true);
	}
	service_flush(&c.s);
	while (c.first) {
		struct request *q = c.first;

		c.first = q->next;
		request_free(q);
	}
	reader_free(c.reader);
	rpc_free(c.rpc);
	*s = c.s;
	return s->gone ? 0 : s->error;
}

int
subunit2_serve(const struct subunit2_suite *suite, int in, int out)
{
	struct subunit2_server s;
	int rc = service_init(&s, suite, out);

	if (rc == 0)
		rc = service_converse(&s, in);
	service_release(&s);
	return rc;
}
