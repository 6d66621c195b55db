/* SPDX-License-Identifier: Apache-2.0 */
#include "run_packet.h"

#include "packet.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define VERSION 1
/* A packet takes metadata up to about this size; written as JSON it may become six times as long. */
#define META_SIZE ((size_t)256 << 10)

static const char *const state_names[] = {[REPO_FINISHED] = "finished", [REPO_INTERRUPTED] = "interrupted"};

bool
run_packet_is(const struct event *e)
{
	return !e->id.data && slice_eq(e->file_name, SLICE_LIT(RUN_PACKET_NAME));
}

/* Appends a packet with this object, which is released. */
static int
write_object(struct buf *out, json_t *object, struct err *err)
{
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	struct event e;
	int rc = 0;

	json_decref(object);
	if (!text)
		return err_nomem(err);
	event_init(&e);
	e.mime = SLICE_LIT("application/json");
	e.file_name = SLICE_LIT(RUN_PACKET_NAME);
	e.file = slice_str(text);
	if (packet_encode(out, &e))
		rc = err_nomem(err);
	free(text);
	return rc;
}

/* As much of the metadata from *at on as one packet takes; NULL when out of memory. */
static json_t *
meta_object(const struct repo_meta *meta, size_t count, size_t *at)
{
	json_t *object = json_object();
	size_t size = 0;

	for (; object && *at < count && size < META_SIZE; ++*at) {
		struct slice key = meta[*at].key, value = meta[*at].value;
		json_t *text = json_stringn((const char *)value.data, value.len);

		if (json_object_setn_new(object, (const char *)key.data, key.len, text)) {
			json_decref(object);
			return NULL;
		}
		size += key.len + value.len;
	}
	return object;
}

static int
write_meta(struct buf *out, const struct repo_meta *meta, size_t count, size_t at, struct err *err)
{
	while (at < count) {
		json_t *pairs = meta_object(meta, count, &at);

		if (write_object(out, pairs ? json_pack("{so}", "meta", pairs) : NULL, err))
			return -1;
	}
	return 0;
}

int
run_packet_begin(
    struct buf *out, const struct repo_run *run, const struct repo_meta *meta, size_t count, struct err *err)
{
	size_t at = 0;
	json_t *pairs = meta_object(meta, count, &at);
	json_t *object = pairs ? json_pack("{sisssbso}", "version", VERSION, "uid", run->uid,
				     "uxsuccess_passes", run->uxsuccess_passes, "meta", pairs)
			       : NULL;

	return write_object(out, object, err) || write_meta(out, meta, count, at, err) ? -1 : 0;
}

int
run_packet_meta(struct buf *out, const struct repo_meta *meta, struct err *err)
{
	return write_meta(out, meta, 1, 0, err);
}

int
run_packet_end(struct buf *out, const struct repo_run *run, struct err *err)
{
	json_t *status = run->exit_status < 0 ? json_null() : json_integer(run->exit_status);
	json_t *object = status ? json_pack("{sssbsosI}", "state", state_names[run->state], "partial",
				      run->partial, "exit", status, "sequence", (json_int_t)run->sequence)
				: NULL;

	return write_object(out, object, err);
}

bool
run_uid_valid(const char *uid)
{
	return strlen(uid) == 32 && strspn(uid, "0123456789abcdef") == 32;
}

static void
read_facts(const json_t *object, struct repo_run *run)
{
	const char *uid = json_string_value(json_object_get(object, "uid"));
	const char *state = json_string_value(json_object_get(object, "state"));
	const json_t *passes = json_object_get(object, "uxsuccess_passes");
	const json_t *partial = json_object_get(object, "partial");
	const json_t *status = json_object_get(object, "exit");
	const json_t *sequence = json_object_get(object, "sequence");

	if (uid && run_uid_valid(uid))
		memcpy(run->uid, uid, sizeof(run->uid));
	for (enum repo_state s = REPO_FINISHED; state && s <= REPO_INTERRUPTED; s++)
		if (strcmp(state, state_names[s]) == 0)
			run->state = s;
	if (json_is_boolean(passes))
		run->uxsuccess_passes = json_is_true(passes);
	if (json_is_boolean(partial))
		run->partial = json_is_true(partial);
	if (json_is_null(status))
		run->exit_status = -1;
	if (json_is_integer(status) && json_integer_value(status) >= 0 && json_integer_value(status) <= 255)
		run->exit_status = (int)json_integer_value(status);
	if (json_is_integer(sequence) && json_integer_value(sequence) > 0 &&
	    json_integer_value(sequence) <= REPO_SEQUENCE_MAX)
		run->sequence = json_integer_value(sequence);
}

int
run_packet_read(const struct event *e, struct repo_run *run, repo_meta_fn fn, void *context, struct err *err)
{
	json_t *object = json_loadb((const char *)e->file.data, e->file.len, 0, NULL);
	const char *key;
	json_t *value;
	int rc = 0;

	read_facts(object, run);
	json_object_foreach(json_object_get(object, "meta"), key, value)
	{
		struct slice k = slice_str(key);
		struct slice v = slice_of(json_string_value(value), json_string_length(value));

		if (rc || !fn || !json_is_string(value) || !k.len || k.len > REPO_KEY_MAX ||
		    v.len > REPO_VALUE_MAX)
			continue;
		rc = fn(context, k, v, err);
	}
	json_decref(object);
	return rc;
}
