/* SPDX-License-Identifier: Apache-2.0 */
#include "event_json.h"

#include "base64.h"
#include "packet.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static json_t *
text_or_null(struct slice s)
{
	return s.data ? json_stringn_nocheck((const char *)s.data, s.len) : json_null();
}

static int
compare_slices(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

static json_t *
tags_or_null(const struct event *e)
{
	struct slice *sorted;
	json_t *array;

	if (!e->tags)
		return json_null();
	sorted = reallocarray(NULL, e->tag_count + 1, sizeof(*sorted));
	array = json_array();
	if (sorted && array) {
		memcpy(sorted, e->tags, e->tag_count * sizeof(*sorted));
		qsort(sorted, e->tag_count, sizeof(*sorted), compare_slices);
		for (size_t i = 0; i < e->tag_count; i++) {
			if (i && slice_eq(sorted[i], sorted[i - 1]))
				continue;
			if (json_array_append_new(array, text_or_null(sorted[i])) == 0)
				continue;
			json_decref(array);
			array = NULL;
			break;
		}
	} else {
		json_decref(array);
		array = NULL;
	}
	free(sorted);
	return array;
}

static json_t *
file_or_null(const struct event *e)
{
	struct buf text;
	json_t *value;

	if (!e->file_name.data)
		return json_null();
	buf_init(&text, (size_t)2 * PACKET_MAX);
	base64_encode(&text, e->file);
	value = text.failed ? NULL : text_or_null(buf_get(&text));
	buf_release(&text);
	return value;
}

static json_t *
time_or_null(int64_t time)
{
	struct buf text;
	json_t *value;

	if (time == TIME_NONE)
		return json_null();
	buf_init(&text, 64);
	time_format(&text, time_round_us(time), 'T');
	value = text_or_null(buf_get(&text));
	buf_release(&text);
	return value;
}

static int64_t
nanoseconds_of(int64_t time)
{
	int64_t nanos = time % TIME_SECOND;

	return nanos < 0 ? nanos + TIME_SECOND : nanos;
}

static int
append(const char *data, size_t len, void *out)
{
	buf_add(out, data, len);
	return 0;
}

int
event_to_json(struct buf *out, const struct event *e)
{
	json_t *object = json_object();
	int rc;

	rc = json_object_set_new_nocheck(object, "test_id", text_or_null(e->id));
	rc |= json_object_set_new_nocheck(
	    object, "test_status", text_or_null(slice_str(status_name(e->status))));
	rc |= json_object_set_new_nocheck(object, "test_tags", tags_or_null(e));
	rc |= json_object_set_new_nocheck(object, "runnable", json_boolean(e->runnable));
	rc |= json_object_set_new_nocheck(object, "file_name", text_or_null(e->file_name));
	rc |= json_object_set_new_nocheck(object, "file_bytes", file_or_null(e));
	rc |= json_object_set_new_nocheck(object, "eof", json_boolean(e->eof));
	rc |= json_object_set_new_nocheck(object, "mime_type", text_or_null(e->mime));
	rc |= json_object_set_new_nocheck(object, "route_code", text_or_null(e->route));
	rc |= json_object_set_new_nocheck(object, "timestamp", time_or_null(e->time));
	if (e->time != TIME_NONE && nanoseconds_of(e->time) % 1000)
		rc |=
		    json_object_set_new_nocheck(object, "nanoseconds", json_integer(nanoseconds_of(e->time)));
	if (rc == 0) {
		rc = json_dump_callback(object, append, out, 0);
		buf_byte(out, '\n');
	}
	json_decref(object);
	return rc ? -1 : 0;
}

void
event_json_release(struct event_json *j)
{
	json_decref(j->object);
	free(j->tags);
	buf_release(&j->file);
	*j = (struct event_json){0};
}

static int
wrong(struct err *err, const char *name, const char *wanted)
{
	return err_set(err, ERR_FAILED, "%s is not %s", name, wanted);
}

/* The text of a value that is a string or null. Like every text of an event it has no NUL: the parser refuses
 * them. */
static int
take_text(const json_t *value, const char *name, struct slice *out, struct err *err)
{
	if (json_is_null(value))
		return 0;
	if (!json_is_string(value))
		return wrong(err, name, "a string or null");
	*out = slice_of(json_string_value(value), json_string_length(value));
	return 0;
}

static int
take_flag(const json_t *value, const char *name, bool *out, struct err *err)
{
	if (!json_is_boolean(value))
		return wrong(err, name, "true or false");
	*out = json_is_true(value);
	return 0;
}

static int
take_tags(struct event_json *j, const json_t *value, struct event *out, struct err *err)
{
	size_t count = json_array_size(value);

	if (json_is_null(value))
		return 0;
	if (!json_is_array(value))
		return wrong(err, "test_tags", "a list or null");
	if (count >= j->tag_cap) {
		struct slice *grown = reallocarray(j->tags, count + 1, sizeof(*grown));

		if (!grown)
			return err_nomem(err);
		j->tags = grown;
		j->tag_cap = count + 1;
	}
	for (size_t i = 0; i < count; i++) {
		const json_t *tag = json_array_get(value, i);

		if (!json_is_string(tag))
			return wrong(err, "test_tags", "a list of strings");
		j->tags[i] = slice_of(json_string_value(tag), json_string_length(tag));
	}
	out->tags = j->tags;
	out->tag_count = count;
	return 0;
}

static int
take_file(struct event_json *j, struct slice text, struct event *out, struct err *err)
{
	buf_release(&j->file);
	buf_init(&j->file, text.len);
	if (!text.data)
		return 0;
	if (!base64_decode(&j->file, text))
		return wrong(err, "file_bytes", "base64 or null");
	if (j->file.failed)
		return err_nomem(err);
	out->file = buf_get(&j->file);
	return 0;
}

/* Joins the rounded time with the nanoseconds that it was rounded from. */
static int
take_time(struct slice text, const json_t *nanoseconds, struct event *out, struct err *err)
{
	int64_t rounded, exact, nanos = json_integer_value(nanoseconds);

	if (nanoseconds && !text.data)
		return err_set(err, ERR_FAILED, "nanoseconds without a timestamp");
	if (!text.data)
		return 0;
	if (text.len == 0 || time_parse(text, false, &rounded) != text.len)
		return wrong(err, "timestamp", "a time like 2020-01-01T00:00:00.000000Z");
	out->time = rounded;
	if (!nanoseconds)
		return 0;
	if (!json_is_integer(nanoseconds) || nanos < 0 || nanos >= TIME_SECOND)
		return wrong(err, "nanoseconds", "a whole number from 0 to 999999999");
	exact = rounded - nanoseconds_of(rounded) + nanos;
	if (exact - rounded > 500)
		exact -= TIME_SECOND;
	if (exact - rounded > 500 || rounded - exact > 500)
		return err_set(err, ERR_FAILED, "nanoseconds and timestamp are not the same time");
	out->time = exact;
	return 0;
}

static bool
looks_like_text(const struct event *e)
{
	return slice_eq(e->file_name, SLICE_LIT("stdout")) && e->file.len && e->status == STATUS_NONE &&
	       e->runnable && !e->eof && !e->id.data && !e->route.data && !e->mime.data && !e->tags &&
	       e->time == TIME_NONE;
}

static int
take_field(struct event_json *j, const char *name, const json_t *value, struct event *e, struct slice *bytes,
    struct slice *time, struct err *err)
{
	struct slice status = SLICE_NONE;

	if (strcmp(name, "test_id") == 0)
		return take_text(value, name, &e->id, err);
	if (strcmp(name, "test_tags") == 0)
		return take_tags(j, value, e, err);
	if (strcmp(name, "runnable") == 0)
		return take_flag(value, name, &e->runnable, err);
	if (strcmp(name, "file_name") == 0)
		return take_text(value, name, &e->file_name, err);
	if (strcmp(name, "file_bytes") == 0)
		return take_text(value, name, bytes, err);
	if (strcmp(name, "eof") == 0)
		return take_flag(value, name, &e->eof, err);
	if (strcmp(name, "mime_type") == 0)
		return take_text(value, name, &e->mime, err);
	if (strcmp(name, "route_code") == 0)
		return take_text(value, name, &e->route, err);
	if (strcmp(name, "timestamp") == 0)
		return take_text(value, name, time, err);
	if (strcmp(name, "nanoseconds") == 0)
		return 0;
	if (strcmp(name, "test_status") != 0)
		return err_set(err, ERR_FAILED, "unknown field \"%s\"", name);
	if (take_text(value, name, &status, err))
		return -1;
	if (status.data && !status_from_name(status, &e->status))
		return wrong(err, name, "a status");
	return 0;
}

int
event_from_json(struct event_json *j, struct slice text, struct event *out, struct err *err)
{
	struct slice bytes = SLICE_NONE, time = SLICE_NONE;
	json_error_t error;
	struct event e;
	const char *name;
	json_t *value;

	json_decref(j->object);
	j->object = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &error);
	if (!j->object)
		return err_set(err, ERR_FAILED, "%s (at byte %d)", error.text, error.position);
	if (!json_is_object(j->object))
		return err_set(err, ERR_FAILED, "not a JSON object");
	event_init(&e);
	json_object_foreach(j->object, name, value)
	{
		if (take_field(j, name, value, &e, &bytes, &time, err))
			return -1;
	}
	if (take_file(j, bytes, &e, err) ||
	    take_time(time, json_object_get(j->object, "nanoseconds"), &e, err))
		return -1;
	if ((e.file_name.data != NULL) != (bytes.data != NULL))
		return err_set(err, ERR_FAILED, "file_name and file_bytes do not come together");
	if (looks_like_text(&e))
		e.kind = EVENT_TEXT;
	*out = e;
	return 0;
}
