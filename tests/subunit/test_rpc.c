/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reader.h"
#include "rpc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t
next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* Two ends of one conversation. */
struct pair {
	struct rpc *client, *server;
};

static void
deliver(struct rpc *from, struct rpc *to, const struct rpc_message *m, struct rpc_message *out)
{
	struct reader *reader = reader_new(READER_V2);
	enum rpc_fault fault;
	struct buf bytes;
	struct event e;
	int rc = 0;

	buf_init(&bytes, SIZE_MAX / 2);
	assert_int_equal(rpc_send(from, m, &bytes), 0);
	assert_int_equal(reader_feed(reader, bytes.data, bytes.len), 0);
	buf_release(&bytes);
	while (reader_next(reader, &e) > 0) {
		assert_int_equal(rc, 0);
		rc = rpc_receive(to, &e, out, &fault);
	}
	assert_int_equal(rc, RPC_MESSAGE);
	reader_free(reader);
}

/* Both have said Hello. */
static struct pair
greeted(int64_t client_max, int64_t server_max)
{
	struct pair p = {rpc_new(RPC_CLIENT), rpc_new(RPC_SERVER)};
	struct rpc_message hello = {.kind = RPC_HELLO, .min = 1, .max = client_max}, out;

	deliver(p.client, p.server, &hello, &out);
	assert_int_equal(out.max, client_max);
	hello.max = server_max;
	assert_int_equal(rpc_version(p.client), 0);
	deliver(p.server, p.client, &hello, &out);
	assert_int_equal(rpc_version(p.client), rpc_version(p.server));
	return p;
}

static void
release(struct pair *p)
{
	rpc_free(p->client);
	rpc_free(p->server);
}

static void
assert_same_texts(const struct slice *a, size_t a_count, const struct slice *b, size_t b_count)
{
	assert_int_equal(a != NULL, b != NULL);
	assert_int_equal(a_count, b_count);
	for (size_t i = 0; i < a_count; i++)
		assert_true(slice_eq(a[i], b[i]));
}

static void
assert_same_message(const struct rpc_message *a, const struct rpc_message *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_true(a->nonce == b->nonce && a->attempt == b->attempt);
	assert_same_texts(a->tests, a->test_count, b->tests, b->test_count);
	assert_same_texts(a->profile, a->profile_count, b->profile, b->profile_count);
	assert_same_texts(a->env, 2 * a->env_count, b->env, 2 * b->env_count);
}

static struct slice texts[8];

static size_t
random_texts(uint32_t *seed, const struct slice **out)
{
	if (next_random(seed) % 3 == 0)
		return 0;
	*out = texts + next_random(seed) % 4;
	return next_random(seed) % 5;
}

/* A request, and the answer to it that is due later. */
static struct rpc_message
random_request(uint32_t *seed, int version)
{
	static const enum rpc_kind kinds[] = {RPC_LIST, RPC_RUN, RPC_RUN, RPC_PING};
	struct rpc_message m = {.kind = kinds[next_random(seed) % (version < 2 ? 3 : 4)]};

	m.nonce = next_random(seed) % 2 ? 1 + next_random(seed) : RPC_NUMBER_MAX - next_random(seed) % 9;
	if (m.kind != RPC_PING)
		m.test_count = random_texts(seed, &m.tests);
	if (m.kind != RPC_RUN || version < 2)
		return m;
	m.profile_count = random_texts(seed, &m.profile);
	m.attempt = next_random(seed) % 4;
	if (next_random(seed) % 2) {
		/* The names are different and no '=' is in them. */
		m.env = texts + 2;
		m.env_count = 1 + next_random(seed) % 2;
	}
	return m;
}

static void
messages_arrive(void **state)
{
	uint32_t seed = 3;

	(void)state;
	for (int version = 1; version <= 2; version++) {
		struct pair p = greeted(2, version);

		assert_int_equal(rpc_version(p.client), version);
		for (int i = 0; i < 3000; i++) {
			struct rpc_message m = random_request(&seed, version), out;
			struct rpc_message answer = {.kind = RPC_DONE, .nonce = m.nonce};

			deliver(p.client, p.server, &m, &out);
			assert_same_message(&m, &out);
			assert_int_equal(rpc_open(p.server), 1);
			if (m.kind == RPC_PING)
				answer.kind = RPC_PONG;
			if (m.kind == RPC_RUN && version == 2 && i % 2) {
				struct rpc_message cancel = {.kind = RPC_CANCEL, .nonce = m.nonce};

				deliver(p.client, p.server, &cancel, &out);
				assert_same_message(&cancel, &out);
				answer.tests = texts;
				answer.test_count = 1 + i % 3;
			}
			deliver(p.server, p.client, &answer, &out);
			assert_same_message(&answer, &out);
			assert_int_equal(rpc_open(p.client), 0);
		}
		release(&p);
	}
}

/* An event that carries these bytes as a part of a message. */
static struct event
piece(struct slice bytes, bool eof)
{
	struct event e;

	event_init(&e);
	e.id = SLICE_LIT(RPC_TEST_ID);
	e.mime = SLICE_LIT("application/json;charset=utf8");
	e.file_name = SLICE_LIT("any name");
	e.file = bytes;
	e.eof = eof;
	return e;
}

static int
receive(struct rpc *r, const char *json, struct rpc_message *out, enum rpc_fault *fault)
{
	struct event e = piece(slice_str(json), true);

	return rpc_receive(r, &e, out, fault);
}

/* A message may come in any pieces, with events of tests between them. */
static void
every_cut(void **state)
{
	static const char json[] = "{\"Run\": {\"nonce\": 7, \"tests\": [\"a\\u00e9b\", \"\xE2\x82\xAC\"],"
				   " \"env\": {\"A\": \"\", \"B\": \"=\"}, \"attempt\": 2, \"later\": [{}]}}";
	size_t len = sizeof(json) - 1;

	(void)state;
	for (size_t cut = 0; cut <= len; cut++) {
		for (size_t again = cut; again <= len; again++) {
			struct rpc_message m;
			enum rpc_fault fault;
			struct event e, test;
			static struct pair p;

			if (!p.client)
				p = greeted(2, 2);
			event_init(&test);
			test.id = SLICE_LIT("a test");
			e = piece(slice_of(json, cut), false);
			assert_int_equal(rpc_receive(p.server, &e, &m, &fault), 0);
			assert_int_equal(rpc_receive(p.server, &test, &m, &fault), RPC_OTHER);
			e = piece(slice_of(json + cut, again - cut), false);
			assert_int_equal(rpc_receive(p.server, &e, &m, &fault), 0);
			e = piece(slice_of(json + again, len - again), true);
			assert_int_equal(rpc_receive(p.server, &e, &m, &fault), RPC_MESSAGE);
			assert_int_equal(m.kind, RPC_RUN);
			assert_int_equal(m.test_count, 2);
			assert_true(slice_eq(m.tests[0], SLICE_LIT("a\xC3\xA9"
								   "b")));
			assert_int_equal(m.env_count, 2);
			assert_int_equal(m.attempt, 2);
			assert_true(slice_eq(rpc_text(p.server), slice_of(json, len)));
			m = (struct rpc_message){.kind = RPC_DONE, .nonce = 7};
			struct buf nowhere;
			buf_init(&nowhere, 10000);
			assert_int_equal(rpc_send(p.server, &m, &nowhere), 0);
			buf_release(&nowhere);
			if (cut == len)
				release(&p);
		}
	}
}

static void
a_million_tests(void **state)
{
	enum { COUNT = 1000000 };
	struct slice *ids = malloc(COUNT * sizeof(*ids));
	char *storage = malloc((size_t)COUNT * 64);
	struct pair p = greeted(2, 2);
	struct rpc_message m = {.kind = RPC_RUN, .nonce = 1, .tests = ids, .test_count = COUNT}, out;

	(void)state;
	assert_non_null(ids);
	assert_non_null(storage);
	for (size_t i = 0; i < COUNT; i++) {
		int n =
		    snprintf(storage + i * 64, 64, "package.tests.test_module.TestCase.test_number_%zu", i);

		ids[i] = slice_of(storage + i * 64, (size_t)n);
	}
	deliver(p.client, p.server, &m, &out);
	assert_same_message(&m, &out);
	release(&p);
	free(ids);
	free(storage);
}

/* In conversations of both versions: what a side makes of a text that the other one sends. */
static void
faults_of_texts(void **state)
{
	static const struct {
		const char *json;
		int version1, version2; /* an rpc_fault, or -1 for nothing said, -2 for a message */
	} cases[] = {
	    {"", RPC_FAULT_JSON, RPC_FAULT_JSON},
	    {"null", RPC_FAULT_JSON, RPC_FAULT_JSON},
	    {"[]", RPC_FAULT_JSON, RPC_FAULT_JSON},
	    {"{}", RPC_FAULT_JSON, RPC_FAULT_JSON},
	    {"{\"Run\":{\"nonce\":1}", RPC_FAULT_JSON, RPC_FAULT_JSON},
	    {"{\"Run\":{\"nonce\":1}}}", RPC_FAULT_JSON, RPC_FAULT_JSON},
	    {"{\"Run\":{\"nonce\":1},\"List\":{\"nonce\":2}}", RPC_FAULT_JSON, RPC_FAULT_JSON},
	    {"{\"Run\":{\"nonce\":1,\"nonce\":1}}", RPC_FAULT_JSON, RPC_FAULT_JSON},
	    {"{\"Run\":[]}", RPC_FAULT_JSON, RPC_FAULT_JSON},
	    {"{\"Run\":{\"nonce\":1,\"tests\":[\"a\\u0000\"]}}", RPC_FAULT_JSON, RPC_FAULT_JSON},
	    {"{\"Run\":{\"nonce\":1,\"tests\":[\"\xFF\"]}}", RPC_FAULT_JSON, RPC_FAULT_JSON},
	    {"{\"Run\":{}}", RPC_FAULT_FIELD, RPC_FAULT_FIELD},
	    {"{\"Run\":{\"nonce\":0}}", RPC_FAULT_FIELD, RPC_FAULT_FIELD},
	    {"{\"Run\":{\"nonce\":1.0}}", RPC_FAULT_FIELD, RPC_FAULT_FIELD},
	    {"{\"Run\":{\"nonce\":\"1\"}}", RPC_FAULT_FIELD, RPC_FAULT_FIELD},
	    {"{\"Run\":{\"nonce\":9007199254740992}}", RPC_FAULT_FIELD, RPC_FAULT_FIELD},
	    {"{\"Run\":{\"nonce\":1,\"tests\":\"a\"}}", RPC_FAULT_FIELD, RPC_FAULT_FIELD},
	    {"{\"Run\":{\"nonce\":1,\"tests\":null}}", RPC_FAULT_FIELD, RPC_FAULT_FIELD},
	    {"{\"Run\":{\"nonce\":1,\"tests\":[1]}}", RPC_FAULT_FIELD, RPC_FAULT_FIELD},
	    {"{\"Run\":{\"nonce\":1,\"attempt\":0}}", -2, RPC_FAULT_FIELD},
	    {"{\"Run\":{\"nonce\":1,\"attempt\":\"x\"}}", -2, RPC_FAULT_FIELD},
	    {"{\"Run\":{\"nonce\":1,\"profile\":\"x\"}}", -2, RPC_FAULT_FIELD},
	    {"{\"Run\":{\"nonce\":1,\"env\":[]}}", -2, RPC_FAULT_FIELD},
	    {"{\"Run\":{\"nonce\":1,\"env\":{\"A=\":\"\"}}}", -2, RPC_FAULT_FIELD},
	    {"{\"Run\":{\"nonce\":1,\"env\":{\"\":\"\"}}}", -2, RPC_FAULT_FIELD},
	    {"{\"Run\":{\"nonce\":1,\"env\":{\"A\":1}}}", -2, RPC_FAULT_FIELD},
	    {"{\"Run\":{\"nonce\":1,\"what\":1}}", -2, -2},
	    {" {\"List\" : {\"tests\":[],\"nonce\":1}}\n", -2, -2},
	    {"{\"Ping\":{\"nonce\":1}}", RPC_FAULT_UNKNOWN, -2},
	    {"{\"Cancel\":{\"nonce\":1}}", RPC_FAULT_UNKNOWN, -1},
	    {"{\"Sing\":{\"nonce\":1}}", RPC_FAULT_UNKNOWN, -1},
	    {"{\"run\":{\"nonce\":1}}", RPC_FAULT_UNKNOWN, -1},
	    {"{\"Done\":{\"nonce\":1}}", RPC_FAULT_ROLE, RPC_FAULT_ROLE},
	    {"{\"Hello\":{\"min\":1,\"max\":1}}", RPC_FAULT_AGAIN, RPC_FAULT_AGAIN},
	    {"{\"Hello\":{\"min\":2,\"max\":1}}", RPC_FAULT_FIELD, RPC_FAULT_FIELD},
	    {"{\"Goodbye\":{}}", -2, -2},
	};

	(void)state;
	for (int version = 1; version <= 2; version++) {
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			struct pair p = greeted(version, 2);
			int wanted = version == 1 ? cases[i].version1 : cases[i].version2;
			enum rpc_fault fault = RPC_FAULT_NONE;
			struct rpc_message m;
			int rc = receive(p.server, cases[i].json, &m, &fault);

			if (rc != (wanted == -1      ? 0
				      : wanted == -2 ? (int)RPC_MESSAGE
						     : (int)RPC_FAULT) ||
			    (wanted > 0 && (int)fault != wanted))
				fail_msg("version %d: %s: %d, %s", version, cases[i].json, rc,
				    rpc_fault_text(fault));
			assert_true(slice_eq(rpc_text(p.server), slice_str(cases[i].json)));
			/* A fault changes nothing. */
			if (rc == RPC_FAULT)
				assert_int_equal(
				    receive(p.server, "{\"Run\":{\"nonce\":1}}", &m, &fault), RPC_MESSAGE);
			release(&p);
		}
	}
}

static void
faults_of_sending(void **state)
{
	static const struct slice nul = {(const uint8_t *)"a\0b", 3};
	static const struct slice env[] = {{(const uint8_t *)"A=B", 3}, {(const uint8_t *)"", 0}};
	static const struct rpc_message wrong[] = {
	    {.kind = RPC_RUN},
	    {.kind = RPC_RUN, .nonce = RPC_NUMBER_MAX + 1},
	    {.kind = RPC_RUN, .nonce = 1, .attempt = -1},
	    {.kind = RPC_RUN, .nonce = 1, .tests = &nul, .test_count = 1},
	    {.kind = RPC_RUN, .nonce = 1, .env = env, .env_count = 1},
	    {.kind = RPC_HELLO, .min = 0, .max = 1},
	    {.kind = RPC_HELLO, .min = 1, .max = 3},
	    {.kind = RPC_HELLO, .min = 2, .max = 1},
	};
	struct pair p = greeted(2, 2);
	struct buf out;

	(void)state;
	buf_init(&out, 100000);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(rpc_send(p.client, &wrong[i], &out), -RPC_FAULT_FIELD);
	for (int i = 1; i <= RPC_OPEN_MAX + 1; i++) {
		struct rpc_message m = {.kind = RPC_RUN, .nonce = i};

		assert_int_equal(rpc_send(p.client, &m, &out), i > RPC_OPEN_MAX ? -RPC_FAULT_MANY : 0);
	}
	release(&p);
	/* Version 1 has no way to give tests back. */
	p = greeted(1, 1);
	buf_clear(&out);
	assert_int_equal(
	    receive(p.server, "{\"Run\":{\"nonce\":1}}", &(struct rpc_message){0}, &(enum rpc_fault){0}),
	    RPC_MESSAGE);
	assert_int_equal(
	    rpc_send(p.server,
		&(struct rpc_message){.kind = RPC_DONE, .nonce = 1, .tests = texts, .test_count = 1}, &out),
	    -RPC_FAULT_FIELD);
	assert_int_equal(rpc_open(p.server), 1);
	assert_int_equal(rpc_send(p.server, &(struct rpc_message){.kind = RPC_DONE, .nonce = 1}, &out), 0);
	buf_release(&out);
	/* What could not be written was not said. */
	buf_init(&out, 10);
	assert_int_equal(
	    rpc_send(p.client, &(struct rpc_message){.kind = RPC_GOODBYE}, &out), -RPC_FAULT_MEMORY);
	assert_int_equal(out.len, 0);
	buf_release(&out);
	buf_init(&out, 1000);
	assert_int_equal(rpc_send(p.client, &(struct rpc_message){.kind = RPC_GOODBYE}, &out), 0);
	buf_release(&out);
	release(&p);
	rpc_free(NULL);
}

/* A message that is too long costs itself, and no more memory than the limit. */
static void
too_long(void **state)
{
	struct slice block = {calloc(1, PACKET_FILE_MAX), PACKET_FILE_MAX};
	struct pair p = greeted(2, 2);
	enum rpc_fault fault = RPC_FAULT_NONE;
	struct rpc_message m;
	struct event e;
	struct buf many;

	(void)state;
	assert_non_null(block.data);
	for (int part = 0; part < 40; part++) {
		bool over = (size_t)(part + 1) * block.len > RPC_TEXT_MAX,
		     before = (size_t)part * block.len > RPC_TEXT_MAX;

		e = piece(block, part == 39);
		assert_int_equal(rpc_receive(p.server, &e, &m, &fault), over && !before ? RPC_FAULT : 0);
	}
	assert_int_equal(fault, RPC_FAULT_LONG);
	assert_int_equal(receive(p.server, "{\"Run\":{\"nonce\":1}}", &m, &fault), RPC_MESSAGE);
	/* Many values need more memory than their text says. */
	buf_init(&many, 64 << 20);
	buf_str(&many, "{\"Run\":{\"nonce\":2,\"x\":[1");
	for (size_t i = 0; i < RPC_VALUES_MAX; i++)
		buf_str(&many, ",1");
	buf_str(&many, "]}}");
	e = piece(buf_get(&many), true);
	assert_int_equal(rpc_receive(p.server, &e, &m, &fault), RPC_FAULT);
	assert_int_equal(fault, RPC_FAULT_LONG);
	/* Commas in ids are no values. */
	buf_clear(&many);
	buf_str(&many, "{\"Run\":{\"nonce\":2,\"tests\":[\"\\\"");
	for (size_t i = 0; i < RPC_VALUES_MAX; i++)
		buf_byte(&many, ',');
	buf_str(&many, "\\\\\"]}}");
	e = piece(buf_get(&many), true);
	assert_int_equal(rpc_receive(p.server, &e, &m, &fault), RPC_MESSAGE);
	assert_int_equal(m.tests[0].len, RPC_VALUES_MAX + 2);
	buf_release(&many);
	/* Another type is no message at all. */
	e = piece(SLICE_LIT("{\"Run\":"), false);
	e.mime = SLICE_NONE;
	assert_int_equal(rpc_receive(p.server, &e, &m, &fault), RPC_FAULT);
	assert_int_equal(fault, RPC_FAULT_MIME);
	assert_int_equal(receive(p.server, "{\"nonce\":3}}", &m, &fault), 0);
	assert_int_equal(receive(p.server, "{\"Run\":{\"nonce\":3}}", &m, &fault), RPC_MESSAGE);
	/* A packet without content says nothing. */
	event_init(&e);
	e.id = SLICE_LIT(RPC_TEST_ID);
	assert_int_equal(rpc_receive(p.server, &e, &m, &fault), 0);
	free((void *)block.data);
	release(&p);
}

/* Messages with some bytes changed, and bytes at random. */
static void
anything(void **state)
{
	static const char *const seeds[] = {
	    "{\"Run\":{\"nonce\":1,\"tests\":[\"a\",\"b\"],\"attempt\":1,\"env\":{\"A\":\"b\"},\"profile\":[\"x\"]}}",
	    "{\"Hello\":{\"min\":1,\"max\":2}}",
	    "{\"Done\":{\"nonce\":1,\"returned\":[\"a\"]}}",
	    "{\"Cancel\":{\"nonce\":1}}",
	};
	static const char typical[] = "{}[]\":,0129.eE+-\\un\0\xFF\xC3 \n";
	uint32_t seed = 99;
	struct pair p = greeted(2, 2);
	size_t faults = 0;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		char bytes[200];
		size_t len = strlen(seeds[i % 4]);
		enum rpc_fault fault = RPC_FAULT_NONE;
		struct rpc_message m;
		struct event e;
		int rc;

		memcpy(bytes, seeds[i % 4], len);
		for (uint32_t n = next_random(&seed) % 4; n > 0; n--)
			bytes[next_random(&seed) % len] = typical[next_random(&seed) % (sizeof(typical) - 1)];
		e = piece(slice_of(bytes, next_random(&seed) % 8 ? len : next_random(&seed) % len),
		    next_random(&seed) % 16 != 0);
		rc = rpc_receive(i % 2 ? p.server : p.client, &e, &m, &fault);
		assert_in_range(rc, 0, RPC_FAULT);
		assert_int_equal(rc == RPC_FAULT, fault != RPC_FAULT_NONE);
		faults += rc == RPC_FAULT;
		if (i % 100 == 99) {
			release(&p);
			p = greeted(2, 2);
		}
	}
	assert_true(faults > 1000);
	release(&p);
}

/* The rules of docs/rpc.md once more, in the plainest way: a check of all orders of messages. */
struct model {
	bool client_hello, server_hello, client_bye, server_bye;
	int version;
	bool run_open, list_open, ping_open; /* nonces 1, 2, 3 */
};

enum model_answer { MODEL_OK, MODEL_FAULT, MODEL_NOTHING };

struct symbol {
	enum rpc_role from;
	struct rpc_message m;
};

static enum model_answer
model_request(struct model *s, bool *open, bool sending)
{
	if (s->server_bye)
		return sending ? MODEL_FAULT : MODEL_NOTHING;
	if (*open)
		return MODEL_FAULT;
	*open = true;
	return MODEL_OK;
}

static enum model_answer
model_client(struct model *s, const struct rpc_message *m, bool sending)
{
	if (m->kind == RPC_HELLO) {
		if (s->client_hello)
			return MODEL_FAULT;
		s->client_hello = true;
		return MODEL_OK;
	}
	if (s->version == 0 || s->client_bye)
		return MODEL_FAULT;
	if (m->kind == RPC_GOODBYE) {
		s->client_bye = true;
		return MODEL_OK;
	}
	if (m->kind == RPC_RUN)
		return model_request(s, &s->run_open, sending);
	if (m->kind == RPC_LIST)
		return model_request(s, &s->list_open, sending);
	if (s->version == 1)
		return MODEL_FAULT;
	if (m->kind == RPC_PING)
		return model_request(s, &s->ping_open, sending);
	if (s->server_bye || !s->run_open)
		return sending ? MODEL_FAULT : MODEL_NOTHING;
	return MODEL_OK;
}

static enum model_answer
model_server(struct model *s, const struct rpc_message *m, bool sending)
{
	if (m->kind == RPC_HELLO) {
		if (s->server_hello || !s->client_hello)
			return MODEL_FAULT;
		s->server_hello = true;
		s->version = m->min == 2 ? -1 : m->max == 1 ? 1 : 2;
		return s->version < 0 && !sending ? MODEL_FAULT : MODEL_OK;
	}
	if (s->version == 0 || s->server_bye || (m->kind == RPC_PONG && s->version == 1))
		return MODEL_FAULT;
	if (m->kind == RPC_GOODBYE) {
		s->server_bye = true;
		return MODEL_OK;
	}
	bool *open = m->kind == RPC_PONG ? &s->ping_open : m->nonce == 1 ? &s->run_open : &s->list_open;
	if (!*open)
		return MODEL_FAULT;
	*open = false;
	return MODEL_OK;
}

static enum model_answer
model_step(struct model *s, const struct symbol *symbol, bool sending)
{
	if (s->version < 0)
		return MODEL_FAULT;
	return symbol->from == RPC_CLIENT ? model_client(s, &symbol->m, sending)
					  : model_server(s, &symbol->m, sending);
}

#define SYMBOLS 10

static const struct symbol symbols[SYMBOLS] = {
    {RPC_CLIENT, {.kind = RPC_HELLO, .min = 1, .max = 2}},
    {RPC_SERVER, {.kind = RPC_HELLO, .min = 1, .max = 2}},
    {RPC_CLIENT, {.kind = RPC_RUN, .nonce = 1}},
    {RPC_SERVER, {.kind = RPC_DONE, .nonce = 1}},
    {RPC_CLIENT, {.kind = RPC_LIST, .nonce = 2}},
    {RPC_CLIENT, {.kind = RPC_CANCEL, .nonce = 1}},
    {RPC_CLIENT, {.kind = RPC_PING, .nonce = 3}},
    {RPC_SERVER, {.kind = RPC_PONG, .nonce = 3}},
    {RPC_CLIENT, {.kind = RPC_GOODBYE}},
    {RPC_SERVER, {.kind = RPC_GOODBYE}},
};

static const char *const symbol_texts[SYMBOLS] = {
    "{\"Hello\":{\"min\":1,\"max\":2}}",
    "{\"Hello\":{\"min\":1,\"max\":2}}",
    "{\"Run\":{\"nonce\":1}}",
    "{\"Done\":{\"nonce\":1}}",
    "{\"List\":{\"nonce\":2}}",
    "{\"Cancel\":{\"nonce\":1}}",
    "{\"Ping\":{\"nonce\":3}}",
    "{\"Pong\":{\"nonce\":3}}",
    "{\"Goodbye\":{}}",
    "{\"Goodbye\":{}}",
};

/* Goes one sequence of messages, `depth` digits of `number`, from one side's view. */
static void
follow(enum rpc_role role, int server_min, int server_max, uint32_t number, int depth)
{
	struct rpc *r = rpc_new(role);
	struct model model = {0};
	uint8_t storage[512];
	char hello[40];

	snprintf(hello, sizeof(hello), "{\"Hello\":{\"min\":%d,\"max\":%d}}", server_min, server_max);
	for (int i = 0; i < depth; i++, number /= SYMBOLS) {
		struct symbol symbol = symbols[number % SYMBOLS];
		const char *text = symbol_texts[number % SYMBOLS];
		bool sending = symbol.from == role;
		enum rpc_fault fault;
		struct rpc_message m;
		enum model_answer wanted, found;
		struct buf out;
		int rc;

		if (symbol.m.kind == RPC_HELLO && symbol.from == RPC_SERVER) {
			symbol.m.min = server_min;
			symbol.m.max = server_max;
			text = hello;
		}
		/* The client of the case without a common version speaks 1 alone. */
		if (symbol.m.kind == RPC_HELLO && symbol.from == RPC_CLIENT && server_min == 2) {
			symbol.m.max = 1;
			text = "{\"Hello\":{\"min\":1,\"max\":1}}";
		}
		wanted = model_step(&model, &symbol, sending);
		buf_over(&out, storage, sizeof(storage));
		rc = sending ? rpc_send(r, &symbol.m, &out) : receive(r, text, &m, &fault);
		found = sending ? (rc ? MODEL_FAULT : MODEL_OK)
				: (rc == RPC_MESSAGE ? MODEL_OK
				      : rc           ? MODEL_FAULT
						     : MODEL_NOTHING);
		if (found != wanted || rpc_version(r) != model.version ||
		    (int)rpc_open(r) != model.run_open + model.list_open + model.ping_open)
			fail_msg("role %d, step %d, %s: %d instead of %d", (int)role, i, text, (int)found,
			    (int)wanted);
	}
	rpc_free(r);
}

static void
all_orders(void **state)
{
	bool longer = getenv("TESTR_LONG") != NULL;
	int depth = longer ? 6 : 4;
	uint32_t count = longer ? 1000000 : 10000;

	(void)state;
	for (int role = RPC_CLIENT; role <= RPC_SERVER; role++) {
		for (uint32_t number = 0; number < count; number++) {
			follow((enum rpc_role)role, 1, 1, number, depth);
			follow((enum rpc_role)role, 1, 2, number, depth);
			follow((enum rpc_role)role, 2, 2, number, depth);
		}
		/* And five more after both have said Hello. */
		for (uint32_t number = 0; number < 100000; number++)
			follow((enum rpc_role)role, 1, 2, number * 100 + 10, 7);
	}
}

/* The bytes of docs/rpc.md are those that we write, and its example keeps the rules. */
static void
example_of_the_page(void **state)
{
	struct pair p = {rpc_new(RPC_CLIENT), rpc_new(RPC_SERVER)};
	char path[4096], line[4096], bytes[4096] = "", found[4096] = "";
	struct rpc_message hello = {.kind = RPC_HELLO, .min = 1, .max = 2}, m;
	enum rpc_fault fault;
	size_t messages = 0, len = 0;
	struct buf out;
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/docs/rpc.md", getenv("TESTR_SOURCE"));
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		bool client = strncmp(line, "    client   rpc  ", 18) == 0;

		line[strcspn(line, "\n")] = '\0';
		if (client || strncmp(line, "    server   rpc  ", 18) == 0) {
			assert_int_equal(
			    receive(client ? p.server : p.client, line + 18, &m, &fault), RPC_MESSAGE);
			buf_init(&out, 1000);
			assert_int_equal(rpc_send(client ? p.client : p.server, &m, &out), 0);
			buf_release(&out);
			messages++;
		} else if (line[0] == ' ' && strspn(line, " 0123456789abcdef") == strlen(line)) {
			for (const char *c = line; *c; c++)
				if (*c != ' ')
					bytes[len++] = *c;
		}
	}
	fclose(f);
	assert_int_equal(messages, 10);
	assert_int_equal(rpc_open(p.client), 0);
	release(&p);
	p.client = rpc_new(RPC_CLIENT);
	buf_init(&out, 1000);
	assert_int_equal(rpc_send(p.client, &hello, &out), 0);
	for (size_t i = 0; i < out.len; i++)
		snprintf(found + 2 * i, 3, "%02x", out.data[i]);
	assert_string_equal(found, bytes);
	buf_release(&out);
	rpc_free(p.client);
}

static int
setup(void **state)
{
	static const char *const all[] = {
	    "", "a.b.c", "A", "\xE2\x82\xAC", "B", "quote\" \\ / \n\x01", "d", "e"};

	(void)state;
	for (size_t i = 0; i < 8; i++)
		texts[i] = slice_str(all[i]);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(messages_arrive),
	    cmocka_unit_test(every_cut),
	    cmocka_unit_test(a_million_tests),
	    cmocka_unit_test(faults_of_texts),
	    cmocka_unit_test(faults_of_sending),
	    cmocka_unit_test(too_long),
	    cmocka_unit_test(anything),
	    cmocka_unit_test(all_orders),
	    cmocka_unit_test(example_of_the_page),
	};

	return cmocka_run_group_tests_name("rpc", tests, setup, NULL);
}
