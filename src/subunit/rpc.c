/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc.h"

#include "detail.h"
#include "utf8.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[] = {
    [RPC_HELLO] = "Hello",
    [RPC_GOODBYE] = "Goodbye",
    [RPC_LIST] = "List",
    [RPC_RUN] = "Run",
    [RPC_DONE] = "Done",
    [RPC_PING] = "Ping",
    [RPC_PONG] = "Pong",
    [RPC_CANCEL] = "Cancel",
};
#define KINDS (sizeof(kind_names) / sizeof(kind_names[0]))

static const char *const fault_texts[] = {[RPC_FAULT_NONE] = "no fault",
#define X(name, words) [RPC_FAULT_##name] = words,
    RPC_FAULTS(X)
#undef X
};

/* What both sides know of what was said. */
struct session {
	bool hello[2], goodbye[2]; /* by role */
	int64_t min[2], max[2];
	int version;
	struct {
		int64_t nonce;
		enum rpc_kind kind;
	} open[RPC_OPEN_MAX];
	size_t open_count;
};

struct rpc {
	enum rpc_role role;
	struct session session;
	struct buf text;
	bool whole;    /* `text` is a message that was judged */
	bool skipping; /* the rest of this message is of no interest */
	json_t *tree;  /* of the last message, which points into it */
	struct packet_tags tests, profile, env;
};

const char *
rpc_fault_text(enum rpc_fault fault)
{
	return fault_texts[fault];
}

struct rpc *
rpc_new(enum rpc_role role)
{
	struct rpc *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->role = role;
	buf_init(&r->text, RPC_TEXT_MAX);
	return r;
}

void
rpc_free(struct rpc *r)
{
	if (!r)
		return;
	buf_release(&r->text);
	json_decref(r->tree);
	packet_tags_release(&r->tests);
	packet_tags_release(&r->profile);
	packet_tags_release(&r->env);
	free(r);
}

int
rpc_version(const struct rpc *r)
{
	return r->session.version;
}

size_t
rpc_open(const struct rpc *r)
{
	return r->session.open_count;
}

struct slice
rpc_text(const struct rpc *r)
{
	return buf_get(&r->text);
}

/* A step of the conversation, beside faults: it came late, and changes nothing. */
#define STEP_LATE (-1)

/* The index of the open request, or open_count. */
static size_t
find_open(const struct session *s, int64_t nonce)
{
	size_t i = 0;

	while (i < s->open_count && s->open[i].nonce != nonce)
		i++;
	return i;
}

static int
step_hello(struct session *s, enum rpc_role from, bool sending, const struct rpc_message *m)
{
	int64_t low, high;

	if (s->hello[from])
		return RPC_FAULT_AGAIN;
	if (from == RPC_SERVER && !s->hello[RPC_CLIENT])
		return RPC_FAULT_EARLY;
	s->hello[from] = true;
	s->min[from] = m->min;
	s->max[from] = m->max;
	if (from == RPC_CLIENT)
		return RPC_FAULT_NONE;
	low = s->min[0] > s->min[1] ? s->min[0] : s->min[1];
	high = s->max[0] < s->max[1] ? s->max[0] : s->max[1];
	s->version = low <= high ? (int)high : -1;
	/* The server says its Hello all the same, so that the client learns why. */
	return s->version < 0 && !sending ? RPC_FAULT_VERSION : RPC_FAULT_NONE;
}

static int
step_request(struct session *s, const struct rpc_message *m)
{
	if (find_open(s, m->nonce) < s->open_count)
		return RPC_FAULT_USED;
	if (s->open_count == RPC_OPEN_MAX)
		return RPC_FAULT_MANY;
	s->open[s->open_count].nonce = m->nonce;
	s->open[s->open_count++].kind = m->kind;
	return RPC_FAULT_NONE;
}

static int
step_answer(struct session *s, const struct rpc_message *m)
{
	size_t i = find_open(s, m->nonce);

	if (i == s->open_count || (s->open[i].kind == RPC_PING) != (m->kind == RPC_PONG))
		return RPC_FAULT_NONCE;
	s->open_count--;
	memmove(&s->open[i], &s->open[i + 1], (s->open_count - i) * sizeof(s->open[0]));
	return RPC_FAULT_NONE;
}

static int
step_cancel(const struct session *s, bool sending, const struct rpc_message *m)
{
	size_t i = find_open(s, m->nonce);

	if (i < s->open_count && s->open[i].kind == RPC_RUN)
		return RPC_FAULT_NONE;
	/* Its Done may have been on the way. */
	return sending ? RPC_FAULT_NONCE : STEP_LATE;
}

static bool
is_answer(enum rpc_kind kind)
{
	return kind == RPC_DONE || kind == RPC_PONG;
}

/* What a message from that side does to the conversation: an rpc_fault or STEP_LATE. */
static int
step(struct session *s, enum rpc_role from, bool sending, const struct rpc_message *m)
{
	if (s->version < 0)
		return RPC_FAULT_VERSION;
	if (s->goodbye[from])
		return RPC_FAULT_OVER;
	if (m->kind == RPC_HELLO)
		return step_hello(s, from, sending, m);
	if (s->version == 0)
		return RPC_FAULT_EARLY;
	if (m->kind >= RPC_PING && s->version < 2)
		return RPC_FAULT_UNKNOWN;
	if (m->kind == RPC_GOODBYE) {
		s->goodbye[from] = true;
		return RPC_FAULT_NONE;
	}
	if (is_answer(m->kind) != (from == RPC_SERVER))
		return RPC_FAULT_ROLE;
	/* Nobody will answer any more; the client knows that only when it has heard it. */
	if (from == RPC_CLIENT && s->goodbye[RPC_SERVER])
		return sending ? (int)RPC_FAULT_OVER : STEP_LATE;
	if (is_answer(m->kind))
		return step_answer(s, m);
	return m->kind == RPC_CANCEL ? step_cancel(s, sending, m) : step_request(s, m);
}

/* Takes over *value, and forgets *object when either is NULL. */
static void
add(json_t **object, const char *name, json_t *value)
{
	if (*object && json_object_set_new(*object, name, value) == 0)
		return;
	if (!*object)
		json_decref(value);
	json_decref(*object);
	*object = NULL;
}

static json_t *
text_to_json(struct slice s)
{
	return json_stringn(s.data ? (const char *)s.data : "", s.len);
}

static json_t *
texts_to_json(const struct slice *texts, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < count; i++) {
		if (json_array_append_new(array, text_to_json(texts[i])) < 0) {
			json_decref(array);
			array = NULL;
		}
	}
	return array;
}

static json_t *
env_to_json(const struct slice *env, size_t count)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < count; i++) {
		const char *name = (const char *)env[2 * i].data;

		if (json_object_setn_new(object, name, env[2 * i].len, text_to_json(env[2 * i + 1])) < 0) {
			json_decref(object);
			object = NULL;
		}
	}
	return object;
}

/* The JSON of a message; NULL when out of memory. */
static json_t *
message_to_json(const struct rpc_message *m, int version)
{
	json_t *body = json_object(), *whole = json_object();

	if (m->kind == RPC_HELLO) {
		add(&body, "min", json_integer(m->min));
		add(&body, "max", json_integer(m->max));
	} else if (m->kind != RPC_GOODBYE) {
		add(&body, "nonce", json_integer(m->nonce));
	}
	if ((m->kind == RPC_LIST || m->kind == RPC_RUN) && m->tests)
		add(&body, "tests", texts_to_json(m->tests, m->test_count));
	if (m->kind == RPC_DONE && m->test_count)
		add(&body, "returned", texts_to_json(m->tests, m->test_count));
	if (m->kind == RPC_RUN && version >= 2) {
		if (m->profile)
			add(&body, "profile", texts_to_json(m->profile, m->profile_count));
		if (m->attempt)
			add(&body, "attempt", json_integer(m->attempt));
		if (m->env_count)
			add(&body, "env", env_to_json(m->env, m->env_count));
	}
	add(&whole, kind_names[m->kind], body);
	return whole;
}

static bool
is_number(int64_t n)
{
	return n >= 1 && n <= RPC_NUMBER_MAX;
}

static bool
is_env_name(struct slice name)
{
	return name.len && slice_find(name, '=') == name.len;
}

/* True when the texts are such as JSON and its readers take. */
static bool
texts_ok(const struct slice *texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (slice_find(texts[i], 0) < texts[i].len || !utf8_valid(texts[i]))
			return false;
	return true;
}

/* What is to be said has to be right by itself. */
static bool
fields_ok(const struct rpc_message *m)
{
	if (m->kind == RPC_HELLO)
		return m->min >= RPC_VERSION_MIN && m->min <= m->max && m->max <= RPC_VERSION_MAX;
	if (m->kind == RPC_GOODBYE)
		return true;
	for (size_t i = 0; i < m->env_count; i++)
		if (!is_env_name(m->env[2 * i]))
			return false;
	return is_number(m->nonce) && (m->attempt == 0 || is_number(m->attempt)) &&
	       texts_ok(m->tests, m->test_count) && texts_ok(m->profile, m->profile_count) &&
	       texts_ok(m->env, 2 * m->env_count);
}

static int
dump_to_buf(const char *data, size_t len, void *context)
{
	struct buf *text = context;

	buf_add(text, data, len);
	return text->failed ? -1 : 0;
}

/* Appends the packets that carry this text. */
static int
text_to_packets(struct slice text, struct buf *out)
{
	struct event e;

	event_init(&e);
	e.id = SLICE_LIT(RPC_TEST_ID);
	e.runnable = false;
	e.mime = SLICE_LIT("application/json");
	e.file_name = SLICE_LIT("rpc");
	e.file = text;
	e.eof = true;
	return packet_encode(out, &e) < 0 ? -RPC_FAULT_MEMORY : 0;
}

int
rpc_send(struct rpc *r, const struct rpc_message *m, struct buf *out)
{
	struct session after = r->session;
	json_t *json = NULL;
	struct buf text;
	int rc;

	if (!fields_ok(m))
		return -RPC_FAULT_FIELD;
	rc = step(&after, r->role, true, m);
	if (rc > 0)
		return -rc;
	/* What could not be said would be lost. */
	if (m->kind == RPC_DONE && m->test_count && after.version < 2)
		return -RPC_FAULT_FIELD;
	buf_init(&text, RPC_TEXT_MAX);
	json = message_to_json(m, after.version);
	rc = json && json_dump_callback(json, dump_to_buf, &text, JSON_COMPACT) == 0 ? 0 : -RPC_FAULT_MEMORY;
	if (rc < 0 && text.len > RPC_TEXT_MAX / 2)
		rc = -RPC_FAULT_LONG;
	json_decref(json);
	if (rc == 0)
		rc = text_to_packets(buf_get(&text), out);
	buf_release(&text);
	if (rc == 0)
		r->session = after;
	return rc;
}

/* The number of values in JSON text, at most, found without building any. */
static size_t
count_values(struct slice text)
{
	bool in_string = false;
	size_t count = 1;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];

		if (c == '\\' && in_string)
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string)
			count += c == ',' || c == ':' || c == '[' || c == '{';
	}
	return count;
}

/* Reads a number. It is a fault if it is not there, unless `out` has a value for that case already. */
static int
number_field(json_t *body, const char *name, int64_t *out)
{
	json_t *value = json_object_get(body, name);

	if (!value)
		return *out < 0 ? RPC_FAULT_FIELD : RPC_FAULT_NONE;
	if (!json_is_integer(value) || !is_number(json_integer_value(value)))
		return RPC_FAULT_FIELD;
	*out = json_integer_value(value);
	return RPC_FAULT_NONE;
}

static struct slice
json_to_text(json_t *value)
{
	return slice_of(json_string_value(value), json_string_length(value));
}

/* Reads a list of texts, if it is there. */
static int
texts_field(
    json_t *body, const char *name, struct packet_tags *storage, const struct slice **out, size_t *out_count)
{
	json_t *array = json_object_get(body, name);
	size_t count = json_array_size(array);

	if (!array)
		return RPC_FAULT_NONE;
	if (!json_is_array(array))
		return RPC_FAULT_FIELD;
	if (packet_tags_reserve(storage, count) < 0)
		return RPC_FAULT_MEMORY;
	for (size_t i = 0; i < count; i++) {
		if (!json_is_string(json_array_get(array, i)))
			return RPC_FAULT_FIELD;
		storage->items[i] = json_to_text(json_array_get(array, i));
	}
	*out = storage->items;
	*out_count = count;
	return RPC_FAULT_NONE;
}

static int
env_field(json_t *body, struct packet_tags *storage, struct rpc_message *m)
{
	json_t *object = json_object_get(body, "env"), *value;
	const char *name;
	size_t len, i = 0;

	if (!object)
		return RPC_FAULT_NONE;
	if (!json_is_object(object))
		return RPC_FAULT_FIELD;
	if (packet_tags_reserve(storage, 2 * json_object_size(object)) < 0)
		return RPC_FAULT_MEMORY;
	json_object_keylen_foreach(object, name, len, value)
	{
		storage->items[i] = slice_of(name, len);
		if (!json_is_string(value) || !is_env_name(storage->items[i]))
			return RPC_FAULT_FIELD;
		storage->items[i + 1] = json_to_text(value);
		i += 2;
	}
	m->env = storage->items;
	m->env_count = i / 2;
	return RPC_FAULT_NONE;
}

/* Reads the fields that a message of this kind has in this version. */
static int
read_fields(struct rpc *r, json_t *body, struct rpc_message *m)
{
	int version = r->session.version, fault = RPC_FAULT_NONE;

	if (m->kind == RPC_GOODBYE)
		return fault;
	if (m->kind == RPC_HELLO) {
		m->min = m->max = -1;
		fault = number_field(body, "min", &m->min);
		if (fault == RPC_FAULT_NONE)
			fault = number_field(body, "max", &m->max);
		return fault == RPC_FAULT_NONE && m->min > m->max ? RPC_FAULT_FIELD : fault;
	}
	m->nonce = -1;
	fault = number_field(body, "nonce", &m->nonce);
	if (fault == RPC_FAULT_NONE && (m->kind == RPC_LIST || m->kind == RPC_RUN))
		fault = texts_field(body, "tests", &r->tests, &m->tests, &m->test_count);
	if (version < 2)
		return fault;
	if (fault == RPC_FAULT_NONE && m->kind == RPC_DONE)
		fault = texts_field(body, "returned", &r->tests, &m->tests, &m->test_count);
	if (fault == RPC_FAULT_NONE && m->kind == RPC_RUN)
		fault = texts_field(body, "profile", &r->profile, &m->profile, &m->profile_count);
	if (fault == RPC_FAULT_NONE && m->kind == RPC_RUN)
		fault = number_field(body, "attempt", &m->attempt);
	if (fault == RPC_FAULT_NONE && m->kind == RPC_RUN)
		fault = env_field(body, &r->env, m);
	return fault;
}

/* Reads the message in `text`: an rpc_fault, or STEP_LATE for one that a later version may have. */
static int
read_message(struct rpc *r, struct rpc_message *m)
{
	json_error_t error;
	const char *name;
	json_t *body;
	void *first;

	if (count_values(buf_get(&r->text)) > RPC_VALUES_MAX)
		return RPC_FAULT_LONG;
	r->tree = json_loadb((const char *)r->text.data, r->text.len, JSON_REJECT_DUPLICATES, &error);
	if (!r->tree)
		return json_error_code(&error) == json_error_out_of_memory ? RPC_FAULT_MEMORY
									   : RPC_FAULT_JSON;
	first = json_object_iter(r->tree);
	body = json_object_iter_value(first);
	if (json_object_size(r->tree) != 1 || !json_is_object(body))
		return RPC_FAULT_JSON;
	name = json_object_iter_key(first);
	for (size_t i = 0; i < KINDS; i++) {
		if (strcmp(name, kind_names[i]) == 0) {
			*m = (struct rpc_message){.kind = (enum rpc_kind)i};
			return read_fields(r, body, m);
		}
	}
	return r->session.version >= 2 ? STEP_LATE : (int)RPC_FAULT_UNKNOWN;
}

/* Forgets the last message, if it was judged. */
static void
forget_last(struct rpc *r)
{
	json_decref(r->tree);
	r->tree = NULL;
	if (!r->whole)
		return;
	/* What one long message took is not kept for ever. */
	if (r->text.cap > PACKET_MAX)
		buf_release(&r->text);
	buf_clear(&r->text);
	r->whole = false;
}

/* Adds a piece to the message. */
static enum rpc_fault
gather(struct rpc *r, const struct event *e)
{
	struct mime mime = mime_parse(e->mime);

	if (!slice_eq(mime.main, SLICE_LIT("application")) || !slice_eq(mime.sub, SLICE_LIT("json")))
		return RPC_FAULT_MIME;
	if (e->file.len > RPC_TEXT_MAX - r->text.len)
		return RPC_FAULT_LONG;
	buf_slice(&r->text, e->file);
	return r->text.failed ? RPC_FAULT_MEMORY : RPC_FAULT_NONE;
}

static int
report(int found, enum rpc_fault *fault)
{
	if (found == RPC_FAULT_MEMORY)
		return -1;
	if (found == STEP_LATE)
		return 0;
	if (found != RPC_FAULT_NONE)
		*fault = (enum rpc_fault)found;
	return found == RPC_FAULT_NONE ? RPC_MESSAGE : RPC_FAULT;
}

int
rpc_receive(struct rpc *r, const struct event *e, struct rpc_message *out, enum rpc_fault *fault)
{
	enum rpc_role from = r->role == RPC_CLIENT ? RPC_SERVER : RPC_CLIENT;
	struct rpc_message m;
	int found;

	if (!slice_eq(e->id, SLICE_LIT(RPC_TEST_ID)))
		return RPC_OTHER;
	if (!e->file_name.data)
		return 0;
	if (r->skipping) {
		r->skipping = !e->eof;
		return 0;
	}
	forget_last(r);
	found = (int)gather(r, e);
	if (found != RPC_FAULT_NONE) {
		r->whole = true;
		r->skipping = !e->eof;
		return report(found, fault);
	}
	if (!e->eof)
		return 0;
	r->whole = true;
	found = read_message(r, &m);
	if (found == RPC_FAULT_NONE)
		found = step(&r->session, from, false, &m);
	if (found == RPC_FAULT_NONE)
		*out = m;
	return report(found, fault);
}
