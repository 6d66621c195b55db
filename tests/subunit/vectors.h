/* SPDX-License-Identifier: Apache-2.0
 *
 * The conformance vectors, for the tests of the readers: streams, and events in a form that can be compared.
 * Text that is handed on in several events is joined, tags are a set, times are in microseconds: all else
 * counts. */
#ifndef VECTORS_H
#define VECTORS_H

#include "event.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VECTOR_MAX ((size_t)64 << 20)

/* A list of events as text, one a line. */
struct event_log {
	struct buf lines;
	bool in_text;
	const char *no_time; /* what is written for no time */
};

static inline void
log_init(struct event_log *log)
{
	*log = (struct event_log){.no_time = "-"};
	buf_init(&log->lines, VECTOR_MAX * 4);
}

static inline void
log_release(struct event_log *log)
{
	buf_release(&log->lines);
}

static inline void
log_clear(struct event_log *log)
{
	buf_clear(&log->lines);
	log->in_text = false;
}

static inline void
log_hex(struct event_log *log, struct slice s)
{
	uint8_t *p = buf_space(&log->lines, 2 * s.len);

	for (size_t i = 0; p && i < s.len; i++) {
		*p++ = (uint8_t) "0123456789abcdef"[s.data[i] >> 4];
		*p++ = (uint8_t) "0123456789abcdef"[s.data[i] & 15];
	}
	if (p)
		buf_commit(&log->lines, 2 * s.len);
}

/* A text for people, but without a doubt about what it is. */
static inline void
log_string(struct event_log *log, const char *name, struct slice s)
{
	buf_printf(&log->lines, " %s=", name);
	if (!s.data) {
		buf_str(&log->lines, "-");
		return;
	}
	buf_byte(&log->lines, '"');
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] < 0x20 || s.data[i] == '"' || s.data[i] == '\\')
			buf_printf(&log->lines, "\\x%02x", s.data[i]);
		else
			buf_byte(&log->lines, s.data[i]);
	}
	buf_byte(&log->lines, '"');
}

static inline int
log_compare(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

static inline void
log_tags(struct event_log *log, const struct slice *tags, size_t count)
{
	struct slice *sorted = malloc((count + 1) * sizeof(*sorted));

	if (count)
		memcpy(sorted, tags, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), log_compare);
	buf_str(&log->lines, tags ? " tags:" : " tags=-");
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || !slice_eq(sorted[i - 1], sorted[i]))
			log_string(log, "tag", sorted[i]);
	}
	free(sorted);
}

static inline bool
log_is_text(const struct event *e)
{
	return e->file_name.data && slice_eq(e->file_name, SLICE_LIT("stdout")) && !e->id.data &&
	       !e->route.data && !e->mime.data && !e->eof && !e->tags && e->status == STATUS_NONE &&
	       e->time == TIME_NONE && e->runnable;
}

/* `time` is the time as text, or NULL to write that of the event. */
static inline void
log_event_at(struct event_log *log, const struct event *e, const char *time)
{
	if (log_is_text(e)) {
		if (!log->in_text)
			buf_str(&log->lines, "text ");
		log->in_text = true;
		log_hex(log, e->file);
		return;
	}
	if (log->in_text)
		buf_str(&log->lines, "\n");
	log->in_text = false;
	buf_printf(&log->lines, "event %s%s%s", e->status ? status_name(e->status) : "-",
	    e->runnable ? " runnable" : "", e->eof ? " eof" : "");
	log_string(log, "id", e->id);
	log_string(log, "route", e->route);
	log_string(log, "mime", e->mime);
	log_string(log, "file", e->file_name);
	buf_str(&log->lines, " ");
	log_hex(log, e->file);
	log_tags(log, e->tags, e->tag_count);
	buf_str(&log->lines, " time=");
	if (time)
		buf_str(&log->lines, time);
	else if (e->time == TIME_NONE)
		buf_str(&log->lines, log->no_time);
	else
		time_format(&log->lines, time_round_us(e->time), 'T');
	buf_str(&log->lines, "\n");
}

static inline void
log_event(struct event_log *log, const struct event *e)
{
	log_event_at(log, e, NULL);
}

/* The log as a terminated string. */
static inline const char *
log_text(struct event_log *log)
{
	return buf_cstr(&log->lines);
}

static inline struct slice
json_slice(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_string(value) ? slice_of(json_string_value(value), json_string_length(value))
				     : SLICE_NONE;
}

/* Decodes base64 to storage that the caller frees. */
static inline struct slice
decode_base64(struct slice s)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t *out;
	size_t n = 0;
	uint32_t bits = 0;
	int have = 0;

	if (!s.data)
		return SLICE_NONE;
	out = malloc(s.len + 1);
	for (size_t i = 0; i < s.len && s.data[i] != '='; i++) {
		const char *digit = strchr(digits, s.data[i]);

		bits = bits << 6 | (uint32_t)(digit - digits);
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[n++] = (uint8_t)(bits >> have);
		}
	}
	return slice_of(out, n);
}

/* Logs one recorded event. */
static inline void
log_json_event(struct event_log *log, const json_t *o)
{
	struct slice file = decode_base64(json_slice(o, "file_bytes")), status = json_slice(o, "test_status");
	const json_t *tags = json_object_get(o, "test_tags");
	const char *time = json_string_value(json_object_get(o, "timestamp"));
	struct slice list[512];
	struct event e;

	event_init(&e);
	e.id = json_slice(o, "test_id");
	e.route = json_slice(o, "route_code");
	e.mime = json_slice(o, "mime_type");
	e.file_name = json_slice(o, "file_name");
	e.file = file;
	e.runnable = json_is_true(json_object_get(o, "runnable"));
	e.eof = json_is_true(json_object_get(o, "eof"));
	if (status.data && !status_from_name(status, &e.status))
		abort();
	if (json_is_array(tags)) {
		e.tags = list;
		e.tag_count = json_array_size(tags);
		for (size_t i = 0; i < e.tag_count; i++)
			list[i] = slice_of(json_string_value(json_array_get(tags, i)),
			    json_string_length(json_array_get(tags, i)));
	}
	/* Text has no time; its events alone are told by that. */
	if (time)
		e.time = 0;
	log_event_at(log, &e, time ? time : "-");
	free((void *)file.data);
}

static inline void
log_json(struct event_log *log, const json_t *events)
{
	for (size_t i = 0; i < json_array_size(events); i++)
		log_json_event(log, json_array_get(events, i));
}

/* The path of a file among the vectors, valid until the next call with the same storage. */
static inline const char *
vector_path(char *path, size_t size, const char *name)
{
	const char *dir = getenv("TESTR_VECTORS");

	snprintf(path, size, "%s/%s", dir ? dir : "tests/vectors", name);
	return path;
}

/* The bytes of a file, of what is in it when it is compressed; false when it cannot be read. */
static inline bool
vector_read(struct buf *out, const char *name)
{
	char path[4096], command[4200];
	size_t len = strlen(name);
	bool packed = len > 3 && strcmp(name + len - 3, ".xz") == 0;
	FILE *f;

	vector_path(path, sizeof(path), name);
	if (access(path, R_OK) != 0)
		return false;
	snprintf(command, sizeof(command), "xz -dc '%s'", path);
	f = packed ? popen(command, "r") : fopen(path, "rb");
	if (!f)
		return false;
	buf_clear(out);
	for (;;) {
		uint8_t *p = buf_space(out, 65536);
		size_t n = p ? fread(p, 1, 65536, f) : 0;

		if (n == 0)
			break;
		buf_commit(out, n);
	}
	return (packed ? pclose(f) : fclose(f)) == 0 && !out->failed;
}

/* A file of records, perhaps a compressed one; NULL when there is none. */
static inline json_t *
vector_json(const char *name)
{
	char path[4096], packed[512];
	struct buf text;
	json_t *json;

	json = json_load_file(vector_path(path, sizeof(path), name), 0, NULL);
	if (json)
		return json;
	snprintf(packed, sizeof(packed), "%s.xz", name);
	buf_init(&text, VECTOR_MAX);
	if (vector_read(&text, packed))
		json = json_loadb((const char *)text.data, text.len, 0, NULL);
	buf_release(&text);
	return json;
}

#endif
