/* SPDX-License-Identifier: Apache-2.0 */
#include "rowpage.h"

#include <stdlib.h>

struct rowpage {
	const struct repo_rows_query *query;
	struct repo_row *rows;
	size_t count, cap;
	struct strtab texts;
	int64_t places;
	struct repo_row last; /* of the walk, for its place */
	struct repo_row after;
};

static int
compare_times(int64_t a, int64_t b)
{
	return a == b ? 0 : a == TIME_NONE ? 1 : b == TIME_NONE ? -1 : a < b ? -1 : 1;
}

/* By place and attempt, as all orders do in the end: names come in their own order. */
static int
compare_places(const void *left, const void *right)
{
	const struct repo_row *a = left, *b = right;

	if (a->place != b->place)
		return a->place < b->place ? -1 : 1;
	return a->attempt < b->attempt ? -1 : a->attempt > b->attempt;
}

static int
compare_durations(const void *left, const void *right)
{
	const struct repo_row *a = left, *b = right;
	int order;

	if (a->duration != TIME_NONE && b->duration != TIME_NONE)
		order = compare_times(b->duration, a->duration);
	else
		order = compare_times(a->duration, b->duration);
	return order ? order : compare_places(a, b);
}

static int
compare_starts(const void *left, const void *right)
{
	const struct repo_row *a = left, *b = right;
	int order = compare_times(a->start, b->start);

	return order ? order : compare_places(a, b);
}

static bool
wants(const struct repo_rows_query *q, const struct repo_row *row)
{
	return (!q->test.data || slice_eq(q->test, row->test)) &&
	       (!q->statuses || q->statuses & 1u << row->status) &&
	       (q->worker < 0 || q->worker == row->worker) &&
	       (!q->text.len || slice_search(row->test, q->text) < row->test.len);
}

static int
keep(struct rowpage *p, const struct repo_row *row, struct err *err)
{
	size_t test = strtab_add(&p->texts, row->test, NULL), tags = strtab_add(&p->texts, row->tags, NULL);

	if (p->count == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 64;
		struct repo_row *more = reallocarray(p->rows, cap, sizeof(*more));

		if (!more)
			return err_nomem(err);
		p->rows = more;
		p->cap = cap;
	}
	if (test == STRTAB_NONE || tags == STRTAB_NONE)
		return err_nomem(err);
	p->rows[p->count] = *row;
	p->rows[p->count].test = strtab_get(&p->texts, test);
	p->rows[p->count].tags = strtab_get(&p->texts, tags);
	p->rows[p->count].place = p->places;
	p->count++;
	return 0;
}

static int
take_row(void *context, const struct repo_row *row, struct err *err)
{
	struct rowpage *p = context;
	size_t test;

	/* Rows come by their tests: another name is another place. */
	if (p->places == 0 || !slice_eq(p->last.test, row->test)) {
		test = strtab_add(&p->texts, row->test, NULL);
		if (test == STRTAB_NONE)
			return err_nomem(err);
		p->last.test = strtab_get(&p->texts, test);
		p->places++;
	}
	if (p->places == p->query->after_place && row->attempt == p->query->after_attempt) {
		p->after = *row;
		p->after.place = p->places;
	}
	return wants(p->query, row) ? keep(p, row, err) : 0;
}

int
rowpage_where(struct repo *repo, int64_t run, const struct repo_rows_query *query, repo_row_fn fn,
    void *context, struct err *err)
{
	int (*const compare[])(const void *, const void *) = {[REPO_ROWS_SEEN] = compare_places,
	    [REPO_ROWS_TEST] = compare_places,
	    [REPO_ROWS_SLOWEST] = compare_durations,
	    [REPO_ROWS_START] = compare_starts};
	struct rowpage p = {.query = query};
	/* Those of one test are by attempt. */
	enum repo_rows_order order = query->test.data ? REPO_ROWS_SEEN : query->order;
	int64_t given = 0;
	int rc = repo_rows(repo, run, take_row, &p, err);

	if (p.count)
		qsort(p.rows, p.count, sizeof(*p.rows), compare[order]);
	for (size_t i = 0; rc == 0 && i < p.count && (!query->limit || given < query->limit); i++) {
		if (query->after_place && compare[order](&p.rows[i], &p.after) <= 0)
			continue;
		given++;
		rc = fn(context, &p.rows[i], err);
	}
	free(p.rows);
	strtab_release(&p.texts);
	return rc;
}

struct tests_walk {
	const struct repo_tests_query *query;
	repo_test_fn fn;
	void *context;
	int64_t given;
};

static int
take_test(void *context, struct slice name, struct err *err)
{
	struct tests_walk *w = context;
	const struct repo_tests_query *q = w->query;

	if ((q->limit && w->given == q->limit) || !slice_starts(name, q->prefix) ||
	    (q->after.data && slice_cmp(name, q->after) <= 0) ||
	    (q->text.len && slice_search(name, q->text) == name.len))
		return 0;
	w->given++;
	return w->fn(w->context, name, err);
}

int
rowpage_tests_where(
    struct repo *repo, const struct repo_tests_query *query, repo_test_fn fn, void *context, struct err *err)
{
	struct tests_walk w = {query, fn, context, 0};

	return repo_tests(repo, take_test, &w, err);
}
