/* SPDX-License-Identifier: Apache-2.0 */
#include "show_causes.h"

#include "table.h"
#include "utf8.h"

#include <stdlib.h>

/* How much of a cause, and how many tests, a line shows. */
#define CAUSE_SHOWN 100
#define TESTS_SHOWN 3

/* "message [net.py: connect < pool.py: open]" */
static void
add_cause(struct table *t, const struct causes_group *g)
{
	struct slice message = utf8_head(g->message, CAUSE_SHOWN), frames = g->frames, frame;
	struct buf text;

	buf_init(&text, SIZE_MAX / 4);
	buf_slice(&text, message);
	buf_str(&text, message.len < g->message.len ? "…" : "");
	for (size_t i = 0; slice_split(&frames, '\n', &frame) && frame.len; i++) {
		buf_str(&text, i ? " < " : " [");
		buf_slice(&text, frame);
	}
	buf_str(&text, g->frames.len ? "]" : "");
	t->failed |= text.failed;
	table_cell(t, buf_get(&text));
	buf_release(&text);
}

static void
add_examples(struct table *t, const struct causes_group *g)
{
	struct buf text;

	buf_init(&text, SIZE_MAX / 4);
	for (size_t i = 0; i < g->tests.len && i < TESTS_SHOWN; i++) {
		buf_str(&text, i ? ", " : "");
		buf_slice(&text, strtab_get(&g->tests, i));
	}
	if (g->tests.len > TESTS_SHOWN)
		buf_printf(&text, ", %zu more", g->tests.len - TESTS_SHOWN);
	t->failed |= text.failed;
	table_cell(t, buf_get(&text));
	buf_release(&text);
}

int
causes_print(const struct causes *c, struct ui *ui, struct err *err)
{
	const struct causes_group **order = causes_ranked(c);
	struct table table;
	int rc;

	if (!order)
		return err_nomem(err);
	table_init(&table, 3);
	table_cell(&table, SLICE_LIT("failures"));
	table_cell(&table, SLICE_LIT("cause"));
	table_cell(&table, SLICE_LIT("tests"));
	for (size_t i = 0; i < c->keys.len; i++) {
		table_printf(&table, "%zu", order[i]->failures);
		add_cause(&table, order[i]);
		add_examples(&table, order[i]);
	}
	rc = table_print(&table, ui, err);
	table_release(&table);
	free(order);
	return rc;
}

int
causes_answer(const struct causes *c, struct answer *a, struct err *err)
{
	const struct causes_group **order = causes_ranked(c);

	if (!order)
		return err_nomem(err);
	answer_list(a, "causes");
	for (size_t i = 0; i < c->keys.len; i++)
		answer_item(a,
		    shape_cause(order[i]->message, order[i]->frames, order[i]->failures, &order[i]->tests));
	answer_list_end(a);
	free(order);
	return 0;
}
