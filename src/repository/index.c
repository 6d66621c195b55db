/* SPDX-License-Identifier: Apache-2.0 */
#include "index.h"

#include "db.h"
#include "repo_backend.h"
#include "sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct index {
	struct db *db;
	unsigned depth; /* of transactions: only the outermost is one */
};

/* One statement in the words of either database. */
static const char *
choose(const struct index *ix, const char *sqlite, const char *postgres)
{
	return db_kind(ix->db) == DB_POSTGRES ? postgres : sqlite;
}

/* Runs a statement, whose values are bound, once. */
static int
run_once(struct db_stmt *stmt, struct err *err)
{
	int64_t rc = db_run(stmt, err);

	db_release(stmt);
	return rc < 0 ? -1 : 0;
}

/* The first column of the first row; *out stays as it is when there is no row or it is NULL. */
static int
get_int(struct db_stmt *stmt, int64_t *out, struct err *err)
{
	int rc = db_step(stmt, err);

	if (rc > 0)
		*out = db_int_or(stmt, 0, *out);
	db_release(stmt);
	return rc < 0 ? -1 : 0;
}

static int
create_sqlite(struct db *db, bool streams, struct err *err)
{
	int64_t version = 0;

	if (db_version(db, &version, err))
		return -1;
	if (version)
		return 0;
	if (db_execute(db, sql_schema, err) || (streams && db_execute(db, sql_schema_streams, err)))
		return -1;
	return db_set_version(db, SQL_SCHEMA_VERSION, err);
}

/* Brings a schema that is older, or not there at all, to our version. */
static int
migrate(struct db *db, struct err *err)
{
	struct db_stmt *lock = db_prepare(db, sql_migration_lock, err);
	int64_t version = 0;
	int rc = lock ? db_step(lock, err) : -1;

	db_release(lock);
	/* Another may have done it in between. */
	if (rc < 0 || db_version(db, &version, err))
		return -1;
	for (; version < SQL_MIGRATIONS; version++)
		if (db_execute(db, sql_migrations[version], err) || db_set_version(db, version + 1, err))
			return -1;
	return 0;
}

int
index_create(struct db *db, bool streams, struct err *err)
{
	int rc;

	if (db_begin(db, true, err))
		return -1;
	rc = db_kind(db) == DB_POSTGRES ? migrate(db, err) : create_sqlite(db, streams, err);
	if (rc == 0)
		rc = db_commit(db, err);
	if (rc)
		db_rollback(db);
	return rc;
}

static int
check_version(struct db *db, struct err *err)
{
	int64_t version = 0, ours = db_kind(db) == DB_POSTGRES ? SQL_MIGRATIONS : SQL_SCHEMA_VERSION;

	if (db_version(db, &version, err))
		return -1;
	if (version == ours)
		return 0;
	if (db_kind(db) == DB_POSTGRES && version == 0)
		return err_set(err, ERR_FAILED,
		    "No repository found in %s. Create one by running \"testr init\".", db_name(db));
	if (db_kind(db) == DB_POSTGRES && version < ours)
		return index_create(db, false, err);
	if (version == 0)
		return err_set(err, ERR_FAILED, "%s is damaged (it is empty); " INDEX_REBUILD, db_name(db));
	if (version < ours)
		return err_set(err, ERR_FAILED,
		    "%s has schema version %lld and this testr knows version %lld: it was written by an older testr; " INDEX_REBUILD,
		    db_name(db), (long long)version, (long long)ours);
	return err_set(err, ERR_FAILED,
	    "%s has schema version %lld and this testr knows version %lld: it was written by a newer testr",
	    db_name(db), (long long)version, (long long)ours);
}

int
index_open(struct db *db, struct index **out, struct err *err)
{
	struct index *ix;

	if (check_version(db, err))
		return -1;
	ix = calloc(1, sizeof(*ix));
	if (!ix)
		return err_nomem(err);
	ix->db = db;
	*out = ix;
	return 0;
}

void
index_free(struct index *ix)
{
	free(ix);
}

struct db *
index_db(struct index *ix)
{
	return ix->db;
}

int
index_begin(struct index *ix, bool durable, struct err *err)
{
	if (ix->depth == 0 && db_begin(ix->db, durable, err))
		return -1;
	ix->depth++;
	return 0;
}

int
index_commit(struct index *ix, struct err *err)
{
	if (ix->depth == 1 && db_commit(ix->db, err))
		return -1;
	ix->depth--;
	return 0;
}

void
index_rollback(struct index *ix)
{
	db_rollback(ix->db);
	ix->depth = 0;
}

static int
counter_get(struct index *ix, const char *sql, const char *name, int64_t *out, struct err *err)
{
	struct db_stmt *stmt = db_prepare(ix->db, sql, err);

	if (!stmt)
		return -1;
	db_bind_text(stmt, 1, slice_str(name));
	return get_int(stmt, out, err);
}

/* Until the transaction ends nobody else gets it. */
static int
counter_take(struct index *ix, const char *name, int64_t *out, struct err *err)
{
	return counter_get(ix, choose(ix, sql_counter_get, sql_counter_get_postgres), name, out, err);
}

int
index_counter(struct index *ix, const char *name, int64_t *out, struct err *err)
{
	return counter_get(ix, sql_counter_get, name, out, err);
}

int
index_counter_set(struct index *ix, const char *name, int64_t value, struct err *err)
{
	struct db_stmt *stmt = db_prepare(ix->db, sql_counter_set, err);

	if (!stmt)
		return -1;
	db_bind_int(stmt, 1, value);
	db_bind_text(stmt, 2, slice_str(name));
	return run_once(stmt, err);
}

static int
counter_raise(struct index *ix, const char *name, int64_t value, struct err *err)
{
	struct db_stmt *stmt = db_prepare(ix->db, sql_counter_raise, err);

	if (!stmt)
		return -1;
	db_bind_int(stmt, 1, value);
	db_bind_text(stmt, 2, slice_str(name));
	return run_once(stmt, err);
}

int
index_run_next(struct index *ix, int64_t *out, struct err *err)
{
	return counter_take(ix, "run", out, err);
}

int
index_sequence_last(struct index *ix, int64_t *out, struct err *err)
{
	return counter_take(ix, "sequence", out, err);
}

int
index_raise(struct index *ix, int64_t next_run, int64_t sequence, struct err *err)
{
	return counter_raise(ix, "run", next_run, err) || counter_raise(ix, "sequence", sequence, err) ? -1
												       : 0;
}

int
index_run_insert(struct index *ix, const struct repo_run *run, struct err *err)
{
	struct db_stmt *stmt = db_prepare(ix->db, sql_run_insert, err);

	if (!stmt)
		return -1;
	db_bind_int(stmt, 1, run->id);
	db_bind_text(stmt, 2, slice_str(run->uid));
	db_bind_int(stmt, 3, run->uxsuccess_passes);
	return run_once(stmt, err) || counter_raise(ix, "run", run->id + 1, err) ? -1 : 0;
}

int
index_run_update(struct index *ix, const struct repo_run *run, struct err *err)
{
	struct db_stmt *stmt = db_prepare(ix->db, sql_run_update, err);

	if (!stmt)
		return -1;
	db_bind_int(stmt, 1, run->state);
	db_bind_int(stmt, 2, run->partial);
	db_bind_int(stmt, 3, run->uxsuccess_passes);
	db_bind_unless(stmt, 4, run->sequence, 0);
	db_bind_unless(stmt, 5, run->exit_status, -1);
	db_bind_unless(stmt, 6, run->start, TIME_NONE);
	db_bind_unless(stmt, 7, run->stop, TIME_NONE);
	db_bind_int(stmt, 8, run->counts.tests);
	db_bind_int(stmt, 9, run->counts.failures);
	db_bind_int(stmt, 10, run->counts.skips);
	db_bind_int(stmt, 11, run->id);
	return run_once(stmt, err) || counter_raise(ix, "sequence", run->sequence, err) ? -1 : 0;
}

/* A row of a statement whose columns are those of a run. */
static struct repo_run
read_run(struct db_stmt *stmt)
{
	struct repo_run run = {
	    .id = db_int(stmt, 0),
	    .state = (enum repo_state)db_int(stmt, 2),
	    .partial = db_int(stmt, 3) != 0,
	    .uxsuccess_passes = db_int(stmt, 4) != 0,
	    .sequence = db_int(stmt, 5),
	    .exit_status = (int)db_int_or(stmt, 6, -1),
	    .start = db_int_or(stmt, 7, TIME_NONE),
	    .stop = db_int_or(stmt, 8, TIME_NONE),
	    .counts = {db_int(stmt, 9), db_int(stmt, 10), db_int(stmt, 11)},
	};

	snprintf(run.uid, sizeof(run.uid), "%.*s", SLICE_FMT(db_bytes(stmt, 1)));
	return run;
}

int
index_run_get(struct index *ix, int64_t id, struct repo_run *out, struct err *err)
{
	struct db_stmt *stmt = db_prepare(ix->db, sql_run_get, err);
	int rc;

	if (!stmt)
		return -1;
	db_bind_int(stmt, 1, id);
	rc = db_step(stmt, err);
	if (rc > 0)
		*out = read_run(stmt);
	db_release(stmt);
	return rc;
}

/* Calls fn for each row of the statement, which is released. */
static int
walk_runs(struct db_stmt *stmt, repo_run_fn fn, void *context, struct err *err)
{
	int rc;

	while ((rc = db_step(stmt, err)) > 0) {
		struct repo_run run = read_run(stmt);

		rc = fn(context, &run, err);
		if (rc)
			break;
	}
	db_release(stmt);
	return rc;
}

int
index_runs(struct index *ix, repo_run_fn fn, void *context, struct err *err)
{
	struct db_stmt *stmt = db_prepare_walk(ix->db, sql_runs, err);

	return stmt ? walk_runs(stmt, fn, context, err) : -1;
}

int
index_runs_where(
    struct index *ix, const struct repo_query *query, repo_run_fn fn, void *context, struct err *err)
{
	const char *sql = query->newest_first ? sql_runs_newest_first : sql_runs_oldest_first;
	struct db_stmt *stmt = db_prepare_walk(ix->db, sql, err);

	if (!stmt)
		return -1;
	db_bind_int(stmt, 1, query->before ? query->before : INT64_MAX);
	db_bind_unless(stmt, 2, query->since, TIME_NONE);
	db_bind_unless(stmt, 3, query->until, TIME_NONE);
	db_bind_int(stmt, 4, query->states);
	db_bind_text(stmt, 5, query->meta_key);
	db_bind_text(stmt, 6, query->meta_value);
	db_bind_int(stmt, 7, query->no_probes);
	db_bind_int(stmt, 8, query->limit ? query->limit : INT64_MAX);
	return walk_runs(stmt, fn, context, err);
}

int
index_running(struct index *ix, int64_t after, int64_t *out, struct err *err)
{
	struct db_stmt *stmt = db_prepare(ix->db, sql_run_running, err);

	if (!stmt)
		return -1;
	*out = -1;
	db_bind_int(stmt, 1, after);
	return get_int(stmt, out, err);
}

int
index_runs_between(
    struct index *ix, int64_t after, int64_t until, repo_run_fn fn, void *context, struct err *err)
{
	struct db_stmt *stmt = db_prepare_walk(ix->db, sql_runs_between, err);

	if (!stmt)
		return -1;
	db_bind_int(stmt, 1, after);
	db_bind_int(stmt, 2, until);
	return walk_runs(stmt, fn, context, err);
}

int
index_latest(struct index *ix, int64_t *out, struct err *err)
{
	struct db_stmt *stmt = db_prepare(ix->db, sql_run_latest, err);
	int64_t id = -1;

	if (!stmt || get_int(stmt, &id, err))
		return -1;
	*out = id;
	return 0;
}

int
index_find_uid(struct index *ix, const char *uid, int64_t *out, struct err *err)
{
	struct db_stmt *stmt = db_prepare(ix->db, sql_run_of_uid, err);
	int64_t id = -1;

	if (!stmt)
		return -1;
	db_bind_text(stmt, 1, slice_str(uid));
	if (get_int(stmt, &id, err))
		return -1;
	*out = id;
	return 0;
}

int
index_meta_set(struct index *ix, int64_t run, const struct repo_meta *meta, struct err *err)
{
	struct db_stmt *stmt = db_prepare(ix->db, sql_meta_set, err);

	if (!stmt)
		return -1;
	db_bind_int(stmt, 1, run);
	db_bind_text(stmt, 2, meta->key);
	db_bind_text(stmt, 3, meta->value);
	return run_once(stmt, err);
}

int
index_meta(struct index *ix, int64_t run, repo_meta_fn fn, void *context, struct err *err)
{
	struct db_stmt *stmt = db_prepare(ix->db, sql_meta, err);
	int rc;

	if (!stmt)
		return -1;
	db_bind_int(stmt, 1, run);
	while ((rc = db_step(stmt, err)) > 0) {
		rc = fn(context, db_bytes(stmt, 0), db_bytes(stmt, 1), err);
		if (rc)
			break;
	}
	db_release(stmt);
	return rc;
}

int
index_results_add(struct index *ix, int64_t run, const struct index_batch *batch, struct err *err)
{
	return index_batch_write(ix->db, run, batch, err);
}

/* Runs a statement whose only value is a run. */
static int
run_on(struct index *ix, const char *sql, int64_t run, struct err *err)
{
	struct db_stmt *stmt = db_prepare(ix->db, sql, err);

	if (!stmt)
		return -1;
	db_bind_int(stmt, 1, run);
	return run_once(stmt, err);
}

int
index_run_clear(struct index *ix, int64_t run, struct err *err)
{
	return run_on(ix, sql_results_delete, run, err) || run_on(ix, sql_meta_delete, run, err) ? -1 : 0;
}

int
index_run_remove(struct index *ix, int64_t run, struct err *err)
{
	return index_run_clear(ix, run, err) || run_on(ix, sql_run_delete, run, err) ? -1 : 0;
}

int
index_clear(struct index *ix, struct err *err)
{
	return db_execute(ix->db, sql_clear, err);
}

struct repo_row
index_row(struct db_stmt *stmt, struct slice test)
{
	struct repo_row row = {
	    .run = db_int(stmt, 0),
	    .test = test,
	    .attempt = (int)db_int(stmt, 1),
	    .status = (enum status)db_int(stmt, 2),
	    .start = db_int_or(stmt, 3, TIME_NONE),
	    .duration = db_int_or(stmt, 4, TIME_NONE),
	    .worker = db_int_or(stmt, 5, -1),
	    .offset = (uint64_t)db_int(stmt, 6),
	    .tags = db_bytes(stmt, 8),
	};

	row.end = row.offset + (uint64_t)db_int(stmt, 7);
	return row;
}

int
index_rows(struct index *ix, int64_t run, repo_row_fn fn, void *context, struct err *err)
{
	struct db_stmt *stmt = db_prepare_walk(ix->db, sql_rows, err);
	int rc;

	if (!stmt)
		return -1;
	db_bind_int(stmt, 1, run);
	while ((rc = db_step(stmt, err)) > 0) {
		struct repo_row row = index_row(stmt, db_bytes(stmt, 9));

		rc = fn(context, &row, err);
		if (rc)
			break;
	}
	db_release(stmt);
	return rc;
}

int
index_history(
    struct index *ix, struct slice test, int64_t limit, repo_row_fn fn, void *context, struct err *err)
{
	struct db_stmt *stmt = db_prepare(ix->db, sql_test_find, err);
	int64_t id = 0;
	int rc;

	if (!stmt)
		return -1;
	db_bind_int(stmt, 1, index_hash(test));
	db_bind_text(stmt, 2, test);
	rc = get_int(stmt, &id, err);
	if (rc || !id)
		return rc;
	stmt = db_prepare_walk(ix->db, sql_history, err);
	if (!stmt)
		return -1;
	db_bind_int(stmt, 1, id);
	db_bind_int(stmt, 2, limit ? limit : INT64_MAX);
	while ((rc = db_step(stmt, err)) > 0) {
		struct repo_row row = index_row(stmt, test);

		rc = fn(context, &row, err);
		if (rc)
			break;
	}
	db_release(stmt);
	return rc;
}

int
index_tests(struct index *ix, repo_test_fn fn, void *context, struct err *err)
{
	struct db_stmt *stmt = db_prepare_walk(ix->db, sql_tests, err);
	int rc;

	if (!stmt)
		return -1;
	while ((rc = db_step(stmt, err)) > 0) {
		rc = fn(context, db_bytes(stmt, 0), err);
		if (rc)
			break;
	}
	db_release(stmt);
	return rc;
}
