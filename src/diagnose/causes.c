/* SPDX-License-Identifier: Apache-2.0 */
#include "causes.h"

#include "detail.h"

#include <stdlib.h>

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
