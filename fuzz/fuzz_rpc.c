/* SPDX-License-Identifier: Apache-2.0
 *
 * A conversation, from one side: what it says and hears is any messages, well formed and not, in any pieces. What
 * it hears it could have said from the other side, a fault changes nothing, and what is open is counted right. */
#include "fuzz.h"
#include "rpc.h"
#include "utf8.h"

static const char *const names[] = {
    "Hello", "Goodbye", "List", "Run", "Done", "Ping", "Pong", "Cancel", "Sing"};
#define NAMES (sizeof(names) / sizeof(names[0]))

/* Says some message, whose parts are any bytes of the input. */
static void
say(struct rpc *r, struct slice *in)
{
	struct slice texts[] = {take_bytes(in), take_bytes(in)};
	struct rpc_message m = {
	    .kind = (enum rpc_kind)(take_byte(in) % (NAMES - 1)), .nonce = take_byte(in) % 4};
	size_t open = rpc_open(r);
	int version = rpc_version(r), rc;
	struct buf out;

	m.min = take_byte(in) % 4;
	m.max = take_byte(in) % 4;
	m.attempt = take_byte(in) % 3;
	m.tests = m.attempt ? texts : NULL;
	m.test_count = m.attempt;
	m.env = texts;
	m.env_count = take_byte(in) % 2;
	buf_init(&out, FUZZ_MAX);
	rc = rpc_send(r, &m, &out);
	LAW(rc <= 0 && -rc < RPC_FAULT_MANY + 1 && rc != -RPC_FAULT_MEMORY);
	LAW((rc == 0) == (out.len > 0));
	LAW(rc == 0 || (rpc_open(r) == open && rpc_version(r) == version));
	buf_release(&out);
}

static void
law_of_texts(const struct slice *texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		LAW(texts[i].data && utf8_valid(texts[i]) && slice_find(texts[i], 0) == texts[i].len);
}

/* What was heard could be said by the other side, if it had the same conversation behind it. */
static void
law_of_message(const struct rpc *r, const struct rpc_message *m, size_t open)
{
	bool request = m->kind == RPC_LIST || m->kind == RPC_RUN || m->kind == RPC_PING;
	bool answer = m->kind == RPC_DONE || m->kind == RPC_PONG;

	LAW(rpc_open(r) == open + request - answer);
	LAW(m->kind == RPC_HELLO || rpc_version(r) > 0);
	LAW(m->kind < RPC_PING || rpc_version(r) == 2);
	LAW(m->kind == RPC_HELLO ? m->min >= 1 && m->min <= m->max
				 : m->kind == RPC_GOODBYE || (m->nonce >= 1 && m->nonce <= RPC_NUMBER_MAX));
	law_of_texts(m->tests, m->test_count);
	law_of_texts(m->profile, m->profile_count);
	law_of_texts(m->env, 2 * m->env_count);
}

/* Hears a piece of a message: any bytes, or the frame of one with any bytes inside. */
static void
hear(struct rpc *r, struct slice *in)
{
	uint8_t how = take_byte(in);
	struct slice content = take_bytes(in);
	size_t open = rpc_open(r);
	int version = rpc_version(r), rc;
	enum rpc_fault fault = RPC_FAULT_NONE;
	struct rpc_message m;
	struct buf text;
	struct event e;

	buf_init(&text, FUZZ_MAX);
	if (how & 1)
		buf_printf(&text, "{\"%s\":{\"nonce\":%d,\"min\":1,\"max\":%d%.*s}}",
		    names[(how >> 1) % NAMES], how >> 5, 1 + (how >> 7), SLICE_FMT(content));
	else
		buf_slice(&text, content);
	event_init(&e);
	e.id = how == 254 ? SLICE_LIT("a test") : SLICE_LIT(RPC_TEST_ID);
	e.mime = how == 252 ? SLICE_LIT("text/plain") : SLICE_LIT("application/json");
	e.file_name = how == 250 ? SLICE_NONE : SLICE_LIT("rpc");
	e.file = how == 250 ? SLICE_NONE : buf_get(&text);
	e.eof = how % 64 != 62;
	rc = rpc_receive(r, &e, &m, &fault);
	LAW(rc >= 0 && rc <= RPC_FAULT);
	LAW((rc == RPC_OTHER) == (how == 254));
	LAW((rc == RPC_FAULT) == (fault != RPC_FAULT_NONE));
	if (rc == RPC_MESSAGE)
		law_of_message(r, &m, open);
	else
		LAW(rpc_open(r) == open && (rpc_version(r) == version || fault == RPC_FAULT_VERSION));
	buf_release(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	struct rpc *r = rpc_new(take_byte(&in) % 2 ? RPC_SERVER : RPC_CLIENT);

	LAW(r != NULL);
	while (in.len) {
		if (take_byte(&in) % 2)
			say(r, &in);
		else
			hear(r, &in);
		LAW(rpc_open(r) <= RPC_OPEN_MAX);
	}
	rpc_free(r);
	return 0;
}
