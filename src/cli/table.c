/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <stdlib.h>

void
table_init(struct table *t, size_t columns)
{
	*t = (struct table){.columns = columns};
	buf_init(&t->text, SIZE_MAX / 4);
}

void
table_release(struct table *t)
{
	buf_release(&t->text);
	free(t->ends);
}

/* What was appended to the text since the last cell is one. */
static void
end_cell(struct table *t)
{
	if (t->count == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 64;
		size_t *ends = reallocarray(t->ends, cap, sizeof(*ends));

		if (!ends) {
			t->failed = true;
			return;
		}
		t->ends = ends;
		t->cap = cap;
	}
	t->ends[t->count++] = t->text.len;
}

void
table_cell(struct table *t, struct slice text)
{
	buf_slice(&t->text, text);
	end_cell(t);
}

void
table_printf(struct table *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	buf_vprintf(&t->text, format, args);
	va_end(args);
	end_cell(t);
}

int
table_print(struct table *t, struct ui *ui, struct err *err)
{
	struct slice *cells = calloc(t->count + 1, sizeof(*cells));
	size_t at = 0;

	if (!cells || t->failed || t->text.failed) {
		free(cells);
		return err_nomem(err);
	}
	for (size_t i = 0; i < t->count; i++) {
		cells[i] = slice_of(t->text.data + at, t->ends[i] - at);
		at = t->ends[i];
	}
	ui_table(ui, t->columns, cells, t->count);
	free(cells);
	return 0;
}
