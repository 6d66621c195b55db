/* SPDX-License-Identifier: Apache-2.0 */
#include "index_page.h"

#include "sql.h"

static int
walk(struct db_stmt *stmt, repo_row_fn fn, void *context, struct err *err)
{
	int rc;

	while ((rc = db_step(stmt, err)) > 0) {
		struct repo_row row = index_row(stmt, db_bytes(stmt, 9));

		row.place = db_int(stmt, 10);
		rc = fn(context, &row, err);
		if (rc)
			break;
	}
	db_release(stmt);
	return rc;
}

/* All results of one test, filtered here: they are few. */
struct one_test {
	const struct repo_rows_query *query;
	repo_row_fn fn;
	void *context;
	int64_t given;
};

static int
filter_row(void *context, const struct repo_row *row, struct err *err)
{
	struct one_test *t = context;
	const struct repo_rows_query *q = t->query;

	if ((q->statuses && !(q->statuses & 1u << row->status)) ||
	    (q->worker >= 0 && q->worker != row->worker) ||
	    (q->after_place && row->attempt <= q->after_attempt) ||
	    (q->text.len && slice_search(row->test, q->text) == row->test.len) ||
	    (q->limit && t->given == q->limit))
		return 0;
	t->given++;
	return t->fn(t->context, row, err);
}

static int
rows_of_test(struct index *ix, int64_t run, const struct repo_rows_query *query, repo_row_fn fn,
    void *context, struct err *err)
{
	struct one_test t = {query, fn, context, 0};
	struct db_stmt *stmt = db_prepare_walk(index_db(ix), sql_page_of_test, err);

	if (!stmt)
		return -1;
	db_bind_int(stmt, 1, run);
	db_bind_int(stmt, 2, index_hash(query->test));
	db_bind_text(stmt, 3, query->test);
	return walk(stmt, filter_row, &t, err);
}

static bool
is_everything(const struct repo_rows_query *q)
{
	return q->order == REPO_ROWS_SEEN && !q->statuses && q->worker < 0 && !q->text.len &&
	       !q->after_place && !q->limit;
}

/* The same as the page that is not limited, for less. */
static int
rows_seen(struct index *ix, int64_t run, repo_row_fn fn, void *context, struct err *err)
{
	struct db_stmt *stmt = db_prepare_walk(index_db(ix), sql_rows_seen, err);

	if (!stmt)
		return -1;
	db_bind_int(stmt, 1, run);
	return walk(stmt, fn, context, err);
}

int
index_rows_where(struct index *ix, int64_t run, const struct repo_rows_query *query, repo_row_fn fn,
    void *context, struct err *err)
{
	bool postgres = db_kind(index_db(ix)) == DB_POSTGRES;
	struct db_stmt *stmt;

	if (query->test.data)
		return rows_of_test(ix, run, query, fn, context, err);
	if (is_everything(query))
		return rows_seen(ix, run, fn, context, err);
	stmt = db_prepare_walk(index_db(ix), (postgres ? sql_page_postgres : sql_page)[query->order], err);
	if (!stmt)
		return -1;
	db_bind_int(stmt, 1, run);
	db_bind_int(stmt, 2, query->statuses);
	db_bind_unless(stmt, 3, query->worker, -1);
	db_bind_text(stmt, 4, query->text.len ? query->text : SLICE_NONE);
	db_bind_int(stmt, 5, query->after_place);
	db_bind_int(stmt, 6, query->after_attempt);
	db_bind_int(stmt, 7, query->limit ? query->limit : INT64_MAX);
	return walk(stmt, fn, context, err);
}

/* The first text behind all that begin with the prefix, in `storage`; absent when there is none. */
static struct slice
behind(struct slice prefix, struct buf *storage)
{
	buf_slice(storage, prefix);
	while (storage->len && storage->data[storage->len - 1] == 0xff)
		buf_truncate(storage, storage->len - 1);
	if (!storage->len)
		return SLICE_NONE;
	storage->data[storage->len - 1]++;
	return buf_get(storage);
}

int
index_tests_where(
    struct index *ix, const struct repo_tests_query *query, repo_test_fn fn, void *context, struct err *err)
{
	bool postgres = db_kind(index_db(ix)) == DB_POSTGRES;
	struct db_stmt *stmt =
	    db_prepare_walk(index_db(ix), postgres ? sql_tests_page_postgres : sql_tests_page, err);
	struct buf end;
	int rc;

	if (!stmt)
		return -1;
	buf_init(&end, SIZE_MAX / 4);
	db_bind_text(stmt, 1, query->after.data ? query->after : SLICE_LIT(""));
	db_bind_text(stmt, 2, query->prefix.data ? query->prefix : SLICE_LIT(""));
	db_bind_text(stmt, 3, behind(query->prefix, &end));
	db_bind_text(stmt, 4, query->text.len ? query->text : SLICE_NONE);
	db_bind_int(stmt, 5, query->limit ? query->limit : INT64_MAX);
	while ((rc = db_step(stmt, err)) > 0) {
		rc = fn(context, db_bytes(stmt, 0), err);
		if (rc)
			break;
	}
	db_release(stmt);
	buf_release(&end);
	return rc;
}

int
index_size(struct index *ix, int64_t *out, struct err *err)
{
	bool postgres = db_kind(index_db(ix)) == DB_POSTGRES;
	struct db_stmt *stmt = db_prepare(index_db(ix), postgres ? sql_size_postgres : sql_size, err);
	int rc = stmt ? db_step(stmt, err) : -1;

	if (rc > 0)
		*out = db_int(stmt, 0);
	db_release(stmt);
	return rc < 0 ? -1 : 0;
}

int
index_stamp(struct index *ix, uint64_t *out, struct err *err)
{
	bool postgres = db_kind(index_db(ix)) == DB_POSTGRES;
	struct db_stmt *stmt = db_prepare(index_db(ix), postgres ? sql_stamp_postgres : sql_stamp, err);
	int rc = stmt ? db_step(stmt, err) : -1;

	if (rc > 0)
		*out = postgres ? slice_hash(1, db_bytes(stmt, 0)) : (uint64_t)db_int(stmt, 0);
	db_release(stmt);
	return rc < 0 ? -1 : 0;
}
