/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

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
	if (!value || json_dump_callback(value, append, a->ui, SHAPE_FLAGS))
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
