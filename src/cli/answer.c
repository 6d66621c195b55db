/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include "utf8.h"

/* Fifteen digits are enough for nanoseconds in a run of eleven days, and show 0.1 as that. */
#define ANSWER_FLAGS (JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))

static int
append(const char *data, size_t len, void *ui)
{
	ui_slice(ui, slice_of(data, len));
	return 0;
}

/* Takes the value over. */
static void
write_value(struct answer *a, json_t *value)
{
	if (!value || json_dump_callback(value, append, a->ui, ANSWER_FLAGS))
		a->failed = true;
	json_decref(value);
}

static void
write_key(struct answer *a, const char *key)
{
	ui_printf(a->ui, ",\n");
	write_value(a, json_string(key));
	ui_printf(a->ui, ": ");
}

void
answer_begin(struct answer *a, struct ui *ui, const char *command)
{
	*a = (struct answer){.ui = ui};
	ui_printf(ui, "{\"version\": %d", ANSWER_VERSION);
	answer_set(a, "command", json_string(command));
}

void
answer_set(struct answer *a, const char *key, json_t *value)
{
	write_key(a, key);
	write_value(a, value);
}

void
answer_list(struct answer *a, const char *key)
{
	write_key(a, key);
	ui_printf(a->ui, "[");
	a->first = true;
}

void
answer_item(struct answer *a, json_t *value)
{
	ui_printf(a->ui, a->first ? "\n" : ",\n");
	a->first = false;
	write_value(a, value);
}

void
answer_list_end(struct answer *a)
{
	ui_printf(a->ui, a->first ? "]" : "\n]");
}

int
answer_end(struct answer *a, struct err *err)
{
	ui_printf(a->ui, "}\n");
	return a->failed ? err_nomem(err) : 0;
}

json_t *
answer_text(struct slice s)
{
	struct buf text;
	json_t *value = NULL;

	if (!s.data)
		return json_null();
	if (utf8_valid(s))
		return json_stringn_nocheck((const char *)s.data, s.len);
	buf_init(&text, 3 * s.len);
	utf8_replace(&text, s);
	if (!text.failed)
		value = json_stringn_nocheck((const char *)text.data, text.len);
	buf_release(&text);
	return value;
}

json_t *
answer_time(int64_t time)
{
	struct buf text;
	json_t *value;

	if (time == TIME_NONE)
		return json_null();
	buf_init(&text, 64);
	time_format(&text, time, 'T');
	value = text.failed ? NULL : answer_text(buf_get(&text));
	buf_release(&text);
	return value;
}

json_t *
answer_seconds(int64_t duration)
{
	return duration == TIME_NONE ? json_null() : json_real((double)duration / 1e9);
}
