/* SPDX-License-Identifier: Apache-2.0
 *
 * repo_rows_where and repo_tests_where against a naive reading of what they promise: all rows, filtered one by
 * one; pages, one behind the other, are the whole. */
#ifndef PAGES_H
#define PAGES_H

#include "model.h"

#define PAGES_ROWS_MAX 4096

struct pages_rows {
	struct repo_row rows[PAGES_ROWS_MAX];
	size_t count;
	struct strtab texts;
};

static inline int
pages_keep(void *context, const struct repo_row *row, struct err *err)
{
	struct pages_rows *all = context;

	(void)err;
	assert_true(all->count < PAGES_ROWS_MAX);
	all->rows[all->count] = *row;
	all->rows[all->count].test = strtab_get(&all->texts, strtab_add(&all->texts, row->test, NULL));
	all->rows[all->count++].tags = strtab_get(&all->texts, strtab_add(&all->texts, row->tags, NULL));
	return 0;
}

static inline bool
pages_wants(const struct repo_rows_query *q, const struct repo_row *row)
{
	if (q->test.data && !slice_eq(q->test, row->test))
		return false;
	if (q->statuses && !(q->statuses >> row->status & 1))
		return false;
	if (q->worker >= 0 && q->worker != row->worker)
		return false;
	return q->text.len == 0 || slice_search(row->test, q->text) < row->test.len;
}

static inline bool
pages_same(const struct repo_row *a, const struct repo_row *b)
{
	return a->run == b->run && slice_eq(a->test, b->test) && a->attempt == b->attempt &&
	       a->status == b->status && a->start == b->start && a->duration == b->duration &&
	       a->worker == b->worker && slice_eq(a->tags, b->tags) && a->offset == b->offset &&
	       a->end == b->end;
}

/* Whether b may come behind a. */
static inline bool
pages_ordered(enum repo_rows_order order, const struct repo_row *a, const struct repo_row *b)
{
	int64_t x = 0, y = 0;

	if (order == REPO_ROWS_TEST && !slice_eq(a->test, b->test))
		return slice_cmp(a->test, b->test) < 0;
	if (order == REPO_ROWS_SLOWEST) {
		x = a->duration == TIME_NONE ? INT64_MAX : -a->duration;
		y = b->duration == TIME_NONE ? INT64_MAX : -b->duration;
	} else if (order == REPO_ROWS_START) {
		x = a->start == TIME_NONE ? INT64_MAX : a->start;
		y = b->start == TIME_NONE ? INT64_MAX : b->start;
	}
	if (x != y)
		return x < y;
	return a->place < b->place || (a->place == b->place && a->attempt < b->attempt);
}

static inline void
pages_of_query(struct repo *repo, int64_t run, struct repo_rows_query q, struct pages_rows *all)
{
	struct pages_rows *got = test_calloc(1, sizeof(*got));
	size_t wanted = 0, before;
	struct err err;

	do {
		before = got->count;
		ok(repo_rows_where(repo, run, &q, pages_keep, got, &err));
		if (got->count > before) {
			assert_true(!q.limit || got->count - before <= (size_t)q.limit);
			q.after_place = got->rows[got->count - 1].place;
			q.after_attempt = got->rows[got->count - 1].attempt;
		}
	} while (got->count > before && q.limit);
	for (size_t i = 0; i < all->count; i++) {
		size_t found = 0;

		if (!pages_wants(&q, &all->rows[i]))
			continue;
		wanted++;
		for (size_t j = 0; j < got->count; j++)
			found += pages_same(&all->rows[i], &got->rows[j]);
		assert_int_equal(found, 1);
	}
	assert_int_equal(wanted, got->count);
	for (size_t i = 1; i < got->count; i++)
		assert_true(
		    pages_ordered(q.test.data ? REPO_ROWS_SEEN : q.order, &got->rows[i - 1], &got->rows[i]));
	strtab_release(&got->texts);
	test_free(got);
}

static inline int
pages_keep_name(void *context, struct slice name, struct err *err)
{
	(void)err;
	strtab_add(context, name, NULL);
	return 0;
}

static inline void
pages_of_tests(struct repo *repo, struct dice *dice)
{
	static const char *const parts[] = {"", "t", "te", "1", "é", "\xff", "."};
	struct strtab all = {0}, wanted = {0}, got = {0};
	struct repo_tests_query q = {.limit = 1 + roll(dice, 5)};
	struct err err;
	size_t before;

	q.prefix = slice_str(parts[roll(dice, 7)]);
	q.text = slice_str(parts[roll(dice, 7)]);
	ok(repo_tests(repo, pages_keep_name, &all, &err));
	for (size_t i = 0; i < all.len; i++) {
		struct slice name = strtab_get(&all, i);

		if (slice_starts(name, q.prefix) && (!q.text.len || slice_search(name, q.text) < name.len))
			strtab_add(&wanted, name, NULL);
	}
	do {
		before = got.len;
		ok(repo_tests_where(repo, &q, pages_keep_name, &got, &err));
		if (got.len > before)
			q.after = strtab_get(&got, got.len - 1);
	} while (got.len > before);
	assert_int_equal(got.len, wanted.len);
	for (size_t i = 0; i < got.len; i++)
		assert_true(slice_eq(strtab_get(&got, i), strtab_get(&wanted, i)));
	strtab_release(&all);
	strtab_release(&wanted);
	strtab_release(&got);
}

static inline void
check_pages(const struct model *m, struct dice *dice, struct repo *repo)
{
	static const char *const texts[] = {"", "t", "1", "est", "é"};
	struct err err;

	for (size_t run = 0; run < m->run_count; run++) {
		struct pages_rows *all = test_calloc(1, sizeof(*all));

		ok(repo_rows(repo, (int64_t)run, pages_keep, all, &err));
		for (unsigned n = 0; n < 12; n++) {
			struct repo_rows_query q = {.worker = -1, .order = (enum repo_rows_order)(n % 4)};

			if (roll(dice, 3) == 0)
				q.statuses = 1 + roll(dice, 255);
			if (roll(dice, 3) == 0)
				q.worker = roll(dice, 3);
			if (roll(dice, 3) == 0)
				q.text = slice_str(texts[roll(dice, 5)]);
			if (roll(dice, 4) == 0 && all->count)
				q.test = all->rows[roll(dice, (uint32_t)all->count)].test;
			q.limit = roll(dice, 8);
			pages_of_query(repo, (int64_t)run, q, all);
		}
		strtab_release(&all->texts);
		test_free(all);
	}
	for (unsigned n = 0; n < 20; n++)
		pages_of_tests(repo, dice);
}

#endif
