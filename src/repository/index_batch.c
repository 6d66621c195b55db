/* SPDX-License-Identifier: Apache-2.0 */
#include "index_batch.h"

#include "db_postgres.h"
#include "profile.h"
#include "sql.h"

#include <stdlib.h>

/* Each batch writes most pages of the index of names anew, once there are many names. */
#define BATCH_ROWS 32768
#define BATCH_BYTES ((size_t)2 << 20)
#define TAGSET_MAX ((size_t)8 << 20)

/* The place of the result's tags, without its worker's, among the batch's; *out is STRTAB_NONE when there are
 * none. */
static int
add_tagset(struct index_batch *batch, const struct result *r, size_t *out)
{
	struct buf set;
	bool added = false;

	buf_init(&set, TAGSET_MAX);
	result_other_tags(&set, r);
	*out = set.len && !set.failed ? strtab_add(&batch->tagsets, buf_get(&set), &added) : STRTAB_NONE;
	if (added)
		batch->bytes += set.len;
	buf_release(&set);
	return set.failed ? -1 : 0;
}

int
index_batch_add(struct index_batch *batch, const struct result *r, struct err *err)
{
	struct index_row row = {.status = r->status,
	    .start = r->start,
	    .duration = result_duration(r),
	    .worker = result_worker(r),
	    .offset = r->offset,
	    .end = r->end};
	bool added;

	if (batch->count == batch->cap) {
		size_t cap = batch->cap ? batch->cap * 2 : 64;
		struct index_row *rows = reallocarray(batch->rows, cap, sizeof(*rows));

		if (!rows)
			return err_nomem(err);
		batch->rows = rows;
		batch->cap = cap;
	}
	row.test = strtab_add(&batch->tests, r->id, &added);
	if (row.test == STRTAB_NONE || add_tagset(batch, r, &row.tagset))
		return err_nomem(err);
	if (added)
		batch->bytes += r->id.len;
	batch->rows[batch->count++] = row;
	return 0;
}

bool
index_batch_full(const struct index_batch *batch)
{
	return batch->count >= BATCH_ROWS || batch->bytes >= BATCH_BYTES;
}

void
index_batch_release(struct index_batch *batch)
{
	strtab_release(&batch->tests);
	strtab_release(&batch->tagsets);
	free(batch->rows);
	*batch = (struct index_batch){0};
}

/* Part of the schema: it must never change. */
int64_t
index_hash(struct slice name)
{
	uint32_t h = 0x811c9dc5u;

	for (size_t i = 0; i < name.len; i++)
		h = (h ^ name.data[i]) * 0x01000193u;
	return h;
}

/* A batch and what the database knows of it. */
struct known {
	const struct index_batch *batch;
	int64_t run;
	int64_t *tests, *tagsets; /* ids, 0 for those that are not there yet */
	int64_t *attempts;        /* of each test in the run, then of each row */
	size_t *missing;          /* the tests that are not there yet */
	size_t missing_count;
	int64_t first_missing; /* its id and all above are theirs */
	size_t *order;         /* of the tests, then of the rows: that of the database's trees */
};

static int
known_init(struct known *k, int64_t run, const struct index_batch *batch, struct err *err)
{
	*k = (struct known){.batch = batch,
	    .run = run,
	    .tests = calloc(batch->tests.len, sizeof(*k->tests)),
	    .tagsets = calloc(batch->tagsets.len + 1, sizeof(*k->tagsets)),
	    .attempts = calloc(batch->tests.len + batch->count, sizeof(*k->attempts)),
	    .missing = calloc(batch->tests.len, sizeof(*k->missing)),
	    .order = calloc(batch->tests.len + batch->count, sizeof(*k->order))};
	return k->tests && k->tagsets && k->attempts && k->missing && k->order ? 0 : err_nomem(err);
}

static void
known_release(struct known *k)
{
	free(k->tests);
	free(k->tagsets);
	free(k->attempts);
	free(k->missing);
	free(k->order);
}

static int
compare_hashes(const void *a, const void *b, void *context)
{
	const int64_t *hashes = context;
	int64_t ha = hashes[*(const size_t *)a], hb = hashes[*(const size_t *)b];

	return (ha > hb) - (ha < hb);
}

static int
compare_rows(const void *a, const void *b, void *context)
{
	const struct known *k = context;
	size_t ra = *(const size_t *)a, rb = *(const size_t *)b;
	int64_t ta = k->tests[k->batch->rows[ra].test], tb = k->tests[k->batch->rows[rb].test];

	return ta != tb ? (ta > tb) - (ta < tb) : (ra > rb) - (ra < rb);
}

/* The first column of the first row of a statement, whose values are bound; *out stays as it is when there is
 * no row or it is NULL. */
static int
first_int(struct db_stmt *stmt, int64_t *out, struct err *err)
{
	int rc = db_step(stmt, err);

	if (rc > 0)
		*out = db_int_or(stmt, 0, *out);
	db_reset(stmt);
	return rc < 0 ? -1 : 0;
}

/* Binds the values of row i from the parameter `at` on. */
typedef void (*bind_fn)(const struct known *k, size_t i, struct db_stmt *stmt, int at);

/* Inserts `count` rows, SQL_MANY with one statement as long as there are so many. */
static int
insert(struct db *db, const struct known *k, const char *many, const char *one, int columns, bind_fn bind,
    size_t count, struct err *err)
{
	struct db_stmt *stmt = NULL;
	size_t each = SQL_MANY;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i += each) {
		if (!stmt || (each > 1 && count - i < each)) {
			each = count - i < SQL_MANY ? 1 : SQL_MANY;
			db_release(stmt);
			stmt = db_prepare(db, each > 1 ? many : one, err);
		}
		for (size_t n = 0; stmt && n < each; n++)
			bind(k, i + n, stmt, 1 + (int)n * columns);
		rc = stmt && db_run(stmt, err) >= 0 ? 0 : -1;
	}
	db_release(stmt);
	return rc;
}

static void
bind_test(const struct known *k, size_t i, struct db_stmt *stmt, int at)
{
	struct slice name = strtab_get(&k->batch->tests, k->missing[i]);

	db_bind_int(stmt, at, k->tests[k->missing[i]]);
	db_bind_int(stmt, at + 1, index_hash(name));
	db_bind_text(stmt, at + 2, name);
}

/* Finds the tests in the order of their hashes, and numbers those that are not there yet as they came. */
static int
find_tests(struct known *k, const int64_t *hashes, struct db_stmt *find, struct err *err)
{
	int64_t id = k->first_missing;
	int rc = 0;

	for (size_t n = 0; rc == 0 && n < k->batch->tests.len; n++) {
		size_t i = k->order[n];

		db_bind_int(find, 1, hashes[i]);
		db_bind_text(find, 2, strtab_get(&k->batch->tests, i));
		rc = first_int(find, &k->tests[i], err);
	}
	for (size_t i = 0; rc == 0 && i < k->batch->tests.len; i++) {
		if (k->tests[i])
			continue;
		k->tests[i] = id++;
		k->missing[k->missing_count++] = i;
	}
	return rc;
}

static int
intern_tests(struct db *db, struct known *k, struct err *err)
{
	size_t count = k->batch->tests.len;
	int64_t *hashes = calloc(count, sizeof(*hashes));
	struct db_stmt *find = hashes ? db_prepare(db, sql_test_find, err) : NULL;
	struct db_stmt *next = find ? db_prepare(db, sql_test_next, err) : NULL;
	int rc = next ? first_int(next, &k->first_missing, err) : hashes ? -1 : err_nomem(err);

	for (size_t i = 0; hashes && i < count; i++) {
		hashes[i] = index_hash(strtab_get(&k->batch->tests, i));
		k->order[i] = i;
	}
	if (rc == 0) {
		qsort_r(k->order, count, sizeof(*k->order), compare_hashes, hashes);
		rc = find_tests(k, hashes, find, err);
	}
	db_release(find);
	db_release(next);
	free(hashes);
	return rc ? rc
		  : insert(db, k, sql_tests_insert, sql_test_insert, 3, bind_test, k->missing_count, err);
}

static int
intern_tagsets(struct db *db, struct known *k, struct err *err)
{
	struct db_stmt *find = db_prepare(db, sql_tagset_find, err);
	struct db_stmt *add = find ? db_prepare(db, sql_tagset_insert, err) : NULL;
	int64_t profile;
	int rc = add ? 0 : -1;

	for (size_t i = 0; rc == 0 && i < k->batch->tagsets.len; i++) {
		struct slice tags = strtab_get(&k->batch->tagsets, i);

		db_bind_blob(find, 1, tags);
		rc = first_int(find, &k->tagsets[i], err);
		if (rc || k->tagsets[i])
			continue;
		rc = profile_of(db, tags, &profile, err);
		if (rc)
			break;
		db_bind_blob(add, 1, tags);
		db_bind_int(add, 2, profile);
		rc = first_int(add, &k->tagsets[i], err);
	}
	db_release(find);
	db_release(add);
	return rc;
}

/* How many results of each test the run has already. */
static int
find_attempts(struct db *db, struct known *k, struct err *err)
{
	struct db_stmt *any = db_prepare(db, sql_run_has_results, err);
	struct db_stmt *find = any ? db_prepare(db, sql_attempts, err) : NULL;
	int64_t has = 0;
	int rc = -1;

	if (find) {
		db_bind_int(any, 1, k->run);
		rc = first_int(any, &has, err);
	}
	for (size_t i = 0; rc == 0 && has && i < k->batch->tests.len; i++) {
		/* A test that is new has none. */
		if (k->tests[i] >= k->first_missing)
			continue;
		db_bind_int(find, 1, k->run);
		db_bind_int(find, 2, k->tests[i]);
		rc = first_int(find, &k->attempts[i], err);
	}
	db_release(any);
	db_release(find);
	return rc;
}

static void
number_attempts(struct known *k)
{
	int64_t *of_rows = k->attempts + k->batch->tests.len;

	for (size_t i = 0; i < k->batch->count; i++)
		of_rows[i] = ++k->attempts[k->batch->rows[i].test];
}

static void
bind_result(const struct known *k, size_t n, struct db_stmt *stmt, int at)
{
	size_t i = k->order[k->batch->tests.len + n];
	const struct index_row *row = &k->batch->rows[i];

	db_bind_int(stmt, at, k->run);
	db_bind_int(stmt, at + 1, k->tests[row->test]);
	db_bind_int(stmt, at + 2, k->attempts[k->batch->tests.len + i]);
	db_bind_int(stmt, at + 3, row->status);
	db_bind_unless(stmt, at + 4, row->start, TIME_NONE);
	db_bind_unless(stmt, at + 5, row->duration, TIME_NONE);
	db_bind_unless(stmt, at + 6, row->worker, -1);
	db_bind_unless(stmt, at + 7, row->tagset == STRTAB_NONE ? 0 : k->tagsets[row->tagset], 0);
	db_bind_int(stmt, at + 8, (int64_t)row->offset);
	db_bind_int(stmt, at + 9, (int64_t)(row->end - row->offset));
}

static int
write_sqlite(struct db *db, struct known *k, struct err *err)
{
	size_t *rows = k->order + k->batch->tests.len;

	if (intern_tests(db, k, err) || intern_tagsets(db, k, err) || find_attempts(db, k, err))
		return -1;
	number_attempts(k);
	for (size_t i = 0; i < k->batch->count; i++)
		rows[i] = i;
	qsort_r(rows, k->batch->count, sizeof(*rows), compare_rows, k);
	return insert(db, k, sql_results_insert, sql_result_insert, 10, bind_result, k->batch->count, err);
}

/* ---- PostgreSQL: each round trip takes a whole batch ---- */

/* Binds hashes and names of all tests as the first two parameters. */
static int
bind_tests(struct db_stmt *stmt, const struct strtab *tests, struct err *err)
{
	int64_t *hashes = calloc(tests->len, sizeof(*hashes));
	struct slice *names = calloc(tests->len, sizeof(*names));
	int rc = hashes && names ? 0 : err_nomem(err);

	for (size_t i = 0; rc == 0 && i < tests->len; i++) {
		names[i] = strtab_get(tests, i);
		hashes[i] = index_hash(names[i]);
	}
	if (rc == 0)
		rc = db_bind_ints(stmt, 1, hashes, tests->len, err) ||
			     db_bind_texts(stmt, 2, names, tests->len, err)
			 ? -1
			 : 0;
	free(hashes);
	free(names);
	return rc;
}

/* Takes (place, value) rows, places from 1, until the end, and releases the statement. How many, or -1. */
static int64_t
take_pairs(struct db_stmt *stmt, int64_t *values, size_t count, struct err *err)
{
	int64_t taken = 0;
	int rc;

	while ((rc = db_step(stmt, err)) > 0) {
		int64_t place = db_int(stmt, 0);

		if (place < 1 || (uint64_t)place > count)
			continue;
		values[place - 1] = db_int(stmt, 1);
		taken++;
	}
	db_release(stmt);
	return rc < 0 ? -1 : taken;
}

/* How many tests were found, or -1. */
static int64_t
find_tests_postgres(struct db *db, struct known *k, struct err *err)
{
	struct db_stmt *stmt = db_prepare(db, sql_tests_find_postgres, err);

	if (!stmt)
		return -1;
	if (bind_tests(stmt, &k->batch->tests, err)) {
		db_release(stmt);
		return -1;
	}
	return take_pairs(stmt, k->tests, k->batch->tests.len, err);
}

static int
intern_tests_postgres(struct db *db, struct known *k, struct err *err)
{
	size_t count = k->batch->tests.len;
	int64_t found = find_tests_postgres(db, k, err);
	struct db_stmt *stmt;
	int rc;

	if (found < 0 || (size_t)found == count)
		return found < 0 ? -1 : 0;
	stmt = db_execute(db, sql_tests_lock_postgres, err) ? NULL
							    : db_prepare(db, sql_tests_insert_postgres, err);
	if (!stmt)
		return -1;
	rc = bind_tests(stmt, &k->batch->tests, err) || db_run(stmt, err) < 0 ? -1 : 0;
	db_release(stmt);
	return rc || find_tests_postgres(db, k, err) < 0 ? -1 : 0;
}

static int
find_tagset_postgres(struct db *db, struct slice tags, int64_t *out, struct err *err)
{
	struct db_stmt *stmt = db_prepare(db, sql_tagset_find_postgres, err);
	int rc;

	if (!stmt)
		return -1;
	db_bind_blob(stmt, 1, tags);
	rc = first_int(stmt, out, err);
	db_release(stmt);
	return rc;
}

static int
intern_tagsets_postgres(struct db *db, struct known *k, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < k->batch->tagsets.len; i++) {
		struct slice tags = strtab_get(&k->batch->tagsets, i);
		struct db_stmt *stmt;
		int64_t profile;

		if (find_tagset_postgres(db, tags, &k->tagsets[i], err))
			return -1;
		if (k->tagsets[i])
			continue;
		if (db_execute(db, sql_tagset_lock_postgres, err) ||
		    find_tagset_postgres(db, tags, &k->tagsets[i], err))
			return -1;
		if (k->tagsets[i])
			continue;
		if (profile_of(db, tags, &profile, err))
			return -1;
		stmt = db_prepare(db, sql_tagset_insert, err);
		if (!stmt)
			return -1;
		db_bind_blob(stmt, 1, tags);
		db_bind_int(stmt, 2, profile);
		rc = first_int(stmt, &k->tagsets[i], err);
		db_release(stmt);
	}
	return rc;
}

static int
find_attempts_postgres(struct db *db, struct known *k, struct err *err)
{
	struct db_stmt *stmt = db_prepare(db, sql_attempts_postgres, err);

	if (!stmt)
		return -1;
	if (db_bind_ints(stmt, 1, k->tests, k->batch->tests.len, err)) {
		db_release(stmt);
		return -1;
	}
	db_bind_int(stmt, 2, k->run);
	return take_pairs(stmt, k->attempts, k->batch->tests.len, err) < 0 ? -1 : 0;
}

/* The columns of the results, in the order of the statement. */
static void
fill_columns(const struct known *k, int64_t *columns[9])
{
	for (size_t i = 0; i < k->batch->count; i++) {
		const struct index_row *row = &k->batch->rows[i];

		columns[0][i] = k->tests[row->test];
		columns[1][i] = k->attempts[k->batch->tests.len + i];
		columns[2][i] = row->status;
		columns[3][i] = row->start;
		columns[4][i] = row->duration;
		columns[5][i] = row->worker < 0 ? INT64_MIN : row->worker;
		columns[6][i] = row->tagset == STRTAB_NONE ? INT64_MIN : k->tagsets[row->tagset];
		columns[7][i] = (int64_t)row->offset;
		columns[8][i] = (int64_t)(row->end - row->offset);
	}
}

static int
insert_results_postgres(struct db *db, const struct known *k, struct err *err)
{
	struct db_stmt *stmt = db_prepare(db, sql_results_insert_postgres, err);
	int64_t *values = stmt ? calloc(k->batch->count, 9 * sizeof(*values)) : NULL, *columns[9];
	int rc = values ? 0 : stmt ? err_nomem(err) : -1;

	for (size_t i = 0; rc == 0 && i < 9; i++)
		columns[i] = values + i * k->batch->count;
	if (rc == 0) {
		fill_columns(k, columns);
		db_bind_int(stmt, 1, k->run);
	}
	for (size_t i = 0; rc == 0 && i < 9; i++)
		rc = db_bind_ints(stmt, 2 + (int)i, columns[i], k->batch->count, err);
	if (rc == 0)
		rc = db_run(stmt, err) < 0 ? -1 : 0;
	free(values);
	db_release(stmt);
	return rc;
}

static int
write_postgres(struct db *db, struct known *k, struct err *err)
{
	if (intern_tests_postgres(db, k, err) || intern_tagsets_postgres(db, k, err) ||
	    find_attempts_postgres(db, k, err))
		return -1;
	number_attempts(k);
	return insert_results_postgres(db, k, err);
}

int
index_batch_write(struct db *db, int64_t run, const struct index_batch *batch, struct err *err)
{
	struct known k;
	int rc;

	if (!batch->count)
		return 0;
	rc = known_init(&k, run, batch, err);
	if (rc == 0)
		rc = db_kind(db) == DB_POSTGRES ? write_postgres(db, &k, err) : write_sqlite(db, &k, err);
	known_release(&k);
	return rc;
}
