/* SPDX-License-Identifier: Apache-2.0
 *
 * The conversation of testr, the client, with a test server: docs/rpc.md says what is on the wire and why. This
 * turns messages into packets and packets into messages, for either side, and knows what may be said when.
 * Pure.
 *
 *     client                                        server
 *     Hello{min,max}                 ──>
 *                                    <──            Hello{min,max}
 *     List{tests?,nonce}             ──>
 *                                    <──            events of tests, Done{nonce}
 *     Run{tests?,nonce}, Ping{nonce} ──>
 *     Cancel{nonce}                  ──>
 *                                    <──            events of tests, Pong{nonce}, Done{nonce,returned?}
 *     Goodbye{}                      ──>
 *
 * Invariant: both sides judge every message, whether said or heard, by the same rules from the same state; what
 * breaks one is a fault, which is reported, is not sent, and changes nothing. What only arrives late, because
 * the other side could not know better, is no fault and is left out. */
#ifndef RPC_H
#define RPC_H

#include "packet.h"

#define RPC_TEST_ID "testrepository-rpc"
/* The versions there are. */
#define RPC_VERSION_MIN 1
#define RPC_VERSION_MAX 2
/* The most that is read of one message: bytes, and values in its JSON. */
#define RPC_TEXT_MAX ((size_t)128 << 20)
#define RPC_VALUES_MAX ((size_t)4 << 20)
/* The most requests whose answer is still to come. */
#define RPC_OPEN_MAX 64
/* Numbers up to this are exact in every JSON library. */
#define RPC_NUMBER_MAX ((INT64_C(1) << 53) - 1)

enum rpc_role {
	RPC_CLIENT,
	RPC_SERVER,
};

enum rpc_kind {
	RPC_HELLO,
	RPC_GOODBYE,
	RPC_LIST,
	RPC_RUN,
	RPC_DONE,
	/* Version 2. */
	RPC_PING,
	RPC_PONG,
	RPC_CANCEL,
};

struct rpc_message {
	enum rpc_kind kind;
	int64_t min, max;          /* Hello: the versions that its sender speaks */
	int64_t nonce;             /* all but Hello and Goodbye: 1 … RPC_NUMBER_MAX, chosen by the client */
	const struct slice *tests; /* List, Run: these ids; NULL: all. Done: those given back (version 2) */
	size_t test_count;
	/* Run in version 2; left out in version 1. */
	const struct slice *profile; /* tags; NULL: none are named */
	size_t profile_count;
	int64_t attempt;         /* 1, 2, …; 0: not said */
	const struct slice *env; /* a name and a value in turns, for the environment of these tests */
	size_t env_count;        /* of pairs */
};

/* What is wrong with a message; the words are for people. */
#define RPC_FAULTS(X) \
	X(MEMORY, "out of memory") \
	X(MIME, "a message is not of type application/json") \
	X(LONG, "a message is too long") \
	X(JSON, "a message is not one JSON object with one member, an object") \
	X(UNKNOWN, "a message of a name that its version does not have") \
	X(FIELD, "a field is missing, or has a value that it cannot have") \
	X(EARLY, "a message before both sides have said Hello, or the server's Hello before the client's") \
	X(AGAIN, "a second Hello") \
	X(VERSION, "the two sides have no version in common") \
	X(OVER, "a message after Goodbye") \
	X(ROLE, "a message that only the other side may send") \
	X(NONCE, "an answer to a request that is not open") \
	X(USED, "a request with the nonce of one that is open") \
	X(MANY, "too many open requests")
enum rpc_fault {
	RPC_FAULT_NONE,
#define X(name, words) RPC_FAULT_##name,
	RPC_FAULTS(X)
#undef X
};
/* The words; for RPC_FAULT_NONE "no fault". */
const char *rpc_fault_text(enum rpc_fault fault);

struct rpc;

/* One side of a conversation. NULL when out of memory. */
struct rpc *rpc_new(enum rpc_role role);
/* Accepts NULL. */
void rpc_free(struct rpc *r);

/* 0 as long as not both have said Hello, then the version, -1 when there is none in common: then every message
 * is a fault. */
int rpc_version(const struct rpc *r);
/* The number of requests whose answer is still to come. */
size_t rpc_open(const struct rpc *r);

/* Appends the packets of a message of ours to out. Returns 0, or the negative of an rpc_fault (-1: out of
 * memory), and then nothing has happened. A Hello may offer RPC_VERSION_MIN … RPC_VERSION_MAX. */
int rpc_send(struct rpc *r, const struct rpc_message *m, struct buf *out);

enum rpc_heard {
	RPC_OTHER = 1, /* the event is none of the conversation: it is about a test */
	RPC_MESSAGE,   /* *out is a message */
	RPC_FAULT,     /* *fault is what is wrong with one */
};

/* Takes the next event from the other side. Returns an rpc_heard; 0 when the event is a part of a message, or
 * one that came late or that later versions have; or -1 when out of memory. What *out points to is valid until
 * the next call of this. */
int rpc_receive(struct rpc *r, const struct event *e, struct rpc_message *out, enum rpc_fault *fault);
/* The text of the message that the last call was about, as far as it came: for showing it. */
struct slice rpc_text(const struct rpc *r);

#endif
