/* SPDX-License-Identifier: Apache-2.0 */
#include "result_json.h"

#include <jansson.h>
#include <stdlib.h>

#define TIME_TEXT_MAX ((size_t)64)

static json_t *
text_json(struct slice s)
{
	return json_stringn_nocheck(s.len ? (const char *)s.data : "", s.len);
}

static json_t *
time_json(int64_t time)
{
	struct buf text;
	json_t *value;

	if (time == TIME_NONE)
		return json_null();
	buf_init(&text, TIME_TEXT_MAX);
	time_format_python(&text, time);
	value = text.failed ? NULL : text_json(buf_get(&text));
	buf_release(&text);
	return value;
}

static json_t *
tags_json(const struct result *r)
{
	json_t *array = json_array();

	for (size_t i = 0; i < r->tag_count; i++)
		if (json_array_append_new(array, text_json(r->tags[i]))) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *
names_json(const struct result *r)
{
	json_t *array = json_array();

	for (size_t i = 0; i < r->detail_count; i++)
		if (json_array_append_new(array, text_json(r->details[i].name))) {
			json_decref(array);
			return NULL;
		}
	return array;
}

/* Python writes the hexadecimal digits of \u001b small. */
static void
append_lowered(struct buf *out, struct slice text)
{
	size_t at = 0;

	while (at < text.len) {
		bool escape = text.data[at] == '\\', hex = escape && text.data[at + 1] == 'u';
		size_t end = at + (hex ? 6 : escape ? 2 : 1);

		for (; at < end; at++) {
			uint8_t c = text.data[at];

			buf_byte(out, hex && c >= 'A' && c <= 'F' ? c | 0x20 : c);
		}
	}
}

int
result_to_json(struct buf *out, const struct result *r)
{
	json_t *object = json_object();
	char *text = NULL;

	if (json_object_set_new(object, "details", names_json(r)) == 0 &&
	    json_object_set_new(object, "id", text_json(r->id)) == 0 &&
	    json_object_set_new(object, "start", time_json(r->start)) == 0 &&
	    json_object_set_new(
		object, "status", json_string(r->status ? status_name(r->status) : "unknown")) == 0 &&
	    json_object_set_new(object, "stop", time_json(r->stop)) == 0 &&
	    json_object_set_new(object, "tags", tags_json(r)) == 0)
		text = json_dumps(object, JSON_SORT_KEYS);
	if (text)
		append_lowered(out, slice_str(text));
	free(text);
	json_decref(object);
	return text ? 0 : -1;
}
