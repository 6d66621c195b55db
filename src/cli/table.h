/* SPDX-License-Identifier: Apache-2.0
 *
 * A table while it is filled, cell by cell and row by row, the heads first. */
#ifndef TABLE_H
#define TABLE_H

#include "ui.h"

struct table {
	size_t columns; /* at most UI_COLUMNS_MAX */
	struct buf text;
	size_t *ends; /* of each cell, in text */
	size_t count, cap;
	bool failed;
};

void table_init(struct table *t, size_t columns);
void table_release(struct table *t);
void table_cell(struct table *t, struct slice text);
void table_printf(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
int table_print(struct table *t, struct ui *ui, struct err *err);

#endif
