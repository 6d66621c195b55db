/* SPDX-License-Identifier: Apache-2.0 */
#include "causes.h"

#include "detail.h"
#include "table.h"
#include "utf8.h"

#include <stdlib.h>

/* How much of a cause, and how many tests, a line shows. */
#define CAUSE_SHOWN 100
#define TESTS_SHOWN 3

static bool
is_traceback(const struct detail *d)
{
	return slice_starts(d->name, SLICE_LIT("traceback")) && detail_is_text(d);
}

/* What the test said of its failure. */
static void
add_text(struct buf *out, const struct result *r)
{
	bool has_traceback = false;

	for (size_t i = 0; i < r->detail_count; i++)
		has_traceback |= is_traceback(&r->details[i]);
	for (size_t i = 0; i < r->detail_count; i++) {
		const struct detail *d = &r->details[i];

		if (has_traceback ? !is_traceback(d) : !detail_is_text(d))
			continue;
		detail_decode(out, d, NULL);
		buf_byte(out, '\n');
	}
}

/* What is known of a failure that has no message. */
static const char *
silent(const struct result *r)
{
	if (!status_is_final(r->status))
		return "no end: the test began and did not end";
	return r->status == STATUS_UXSUCCESS ? "unexpected success" : "no message";
}

/* The group of that cause. */
static struct causes_group *
find_group(struct causes *c, const struct cause *cause, struct err *err)
{
	struct buf key;
	size_t at;
	bool added;

	buf_init(&key, SIZE_MAX / 4);
	buf_slice(&key, buf_get(&cause->message));
	buf_byte(&key, '\n');
	buf_slice(&key, buf_get(&cause->frames));
	at = key.failed ? STRTAB_NONE : strtab_add(&c->keys, buf_get(&key), &added);
	buf_release(&key);
	if (at == STRTAB_NONE) {
		err_nomem(err);
		return NULL;
	}
	if (at == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 16;
		struct causes_group *more = reallocarray(c->groups, cap, sizeof(*more));

		if (!more) {
			err_nomem(err);
			return NULL;
		}
		c->groups = more;
		c->cap = cap;
	}
	if (added) {
		struct slice whole = strtab_get(&c->keys, at);

		c->groups[at] = (struct causes_group){.message = slice_head(whole, cause->message.len),
		    .frames = slice_from(whole, cause->message.len + 1)};
	}
	return &c->groups[at];
}

int
causes_add(struct causes *c, const struct result *r, struct err *err)
{
	struct causes_group *group = NULL;
	struct cause cause;
	struct buf text;
	int rc = 0;

	buf_init(&text, SIZE_MAX / 4);
	cause_init(&cause);
	add_text(&text, r);
	cause_find(&cause, buf_get(&text), r->id);
	if (!cause.message.len)
		buf_str(&cause.message, silent(r));
	if (text.failed || cause.message.failed || cause.frames.failed)
		rc = err_nomem(err);
	else
		group = find_group(c, &cause, err);
	if (group && strtab_add(&group->tests, r->id, NULL) == STRTAB_NONE)
		rc = err_nomem(err);
	if (!group)
		rc = -1;
	if (rc == 0) {
		group->failures++;
		c->failures++;
	}
	cause_release(&cause);
	buf_release(&text);
	return rc;
}

static int
compare_groups(const void *a, const void *b)
{
	const struct causes_group *const *x = a, *const *y = b;

	if ((*x)->failures != (*y)->failures)
		return (*x)->failures < (*y)->failures ? 1 : -1;
	return *x < *y ? -1 : *x > *y;
}

const struct causes_group **
causes_ranked(const struct causes *c)
{
	const struct causes_group **order = calloc(c->keys.len + 1, sizeof(*order));

	for (size_t i = 0; order && i < c->keys.len; i++)
		order[i] = &c->groups[i];
	if (order)
		qsort(order, c->keys.len, sizeof(*order), compare_groups);
	return order;
}

void
causes_release(struct causes *c)
{
	for (size_t i = 0; i < c->keys.len && i < c->cap; i++)
		strtab_release(&c->groups[i].tests);
	free(c->groups);
	strtab_release(&c->keys);
	*c = (struct causes){0};
}

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

/* The frames, or the tests, as a list of texts. */
static json_t *
lines_json(struct slice lines)
{
	json_t *array = json_array();
	struct slice line;

	while (lines.len && slice_split(&lines, '\n', &line))
		if (line.len && json_array_append_new(array, shape_text(line))) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *
tests_json(const struct strtab *tests)
{
	json_t *array = json_array();

	for (size_t i = 0; i < tests->len; i++)
		if (json_array_append_new(array, shape_text(strtab_get(tests, i)))) {
			json_decref(array);
			return NULL;
		}
	return array;
}

int
causes_answer(const struct causes *c, struct answer *a, struct err *err)
{
	const struct causes_group **order = causes_ranked(c);

	if (!order)
		return err_nomem(err);
	answer_list(a, "causes");
	for (size_t i = 0; i < c->keys.len; i++)
		answer_item(a, json_pack("{so, so, sI, so}", "message", shape_text(order[i]->message),
				   "frames", lines_json(order[i]->frames), "failures",
				   (json_int_t)order[i]->failures, "tests", tests_json(&order[i]->tests)));
	answer_list_end(a);
	free(order);
	return 0;
}
