/* SPDX-License-Identifier: Apache-2.0 */
#include "index.h"

#include "repo_backend.h"
#include "sql.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Far longer than any transaction takes, also with dozens of processes in the queue. */
#define BUSY_MS 120000
#define BATCH_ROWS 4096
#define BATCH_BYTES ((size_t)2 << 20)
#define TAGSET_MAX ((size_t)8 << 20)

struct index {
	sqlite3 *db;
	char *path;
};

struct index_row {
	size_t test, tagset; /* in the tables of the batch; STRTAB_NONE for no tags */
	enum status status;
	int64_t start, duration, worker;
	uint64_t offset, end;
};

static int
fail(struct index *ix, struct err *err)
{
	return err_set(err, ERR_FAILED, "%s: %s", ix->path, sqlite3_errmsg(ix->db));
}

static int
execute(struct index *ix, const char *sql, struct err *err)
{
	return sqlite3_exec(ix->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(ix, err);
}

/* NULL with err set. */
static sqlite3_stmt *
prepare(struct index *ix, const char *sql, struct err *err)
{
	sqlite3_stmt *stmt;

	if (sqlite3_prepare_v2(ix->db, sql, -1, &stmt, NULL) != SQLITE_OK) {
		fail(ix, err);
		return NULL;
	}
	return stmt;
}

/* 1 for a row, 0 at the end, or -1. */
static int
step(struct index *ix, sqlite3_stmt *stmt, struct err *err)
{
	switch (sqlite3_step(stmt)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return fail(ix, err);
	}
}

/* Runs a statement that gives no rows and makes it ready for the next values. */
static int
finish(struct index *ix, sqlite3_stmt *stmt, struct err *err)
{
	int rc = step(ix, stmt, err);

	sqlite3_reset(stmt);
	return rc < 0 ? -1 : 0;
}

static void
bind_unless(sqlite3_stmt *stmt, int at, int64_t value, int64_t none)
{
	if (value == none)
		sqlite3_bind_null(stmt, at);
	else
		sqlite3_bind_int64(stmt, at, value);
}

static void
bind_text(sqlite3_stmt *stmt, int at, struct slice s)
{
	sqlite3_bind_text64(stmt, at, (const char *)s.data, s.len, SQLITE_STATIC, SQLITE_UTF8);
}

static int64_t
column_or(sqlite3_stmt *stmt, int at, int64_t none)
{
	return sqlite3_column_type(stmt, at) == SQLITE_NULL ? none : sqlite3_column_int64(stmt, at);
}

static struct slice
column_text(sqlite3_stmt *stmt, int at)
{
	const void *text = sqlite3_column_text(stmt, at);

	return slice_of(text, (size_t)sqlite3_column_bytes(stmt, at));
}

/* The first column of the only row of a query with at most one parameter; *out stays as it is when there is
 * no row or it is NULL. */
static int
get_int(struct index *ix, const char *sql, int64_t parameter, int64_t *out, struct err *err)
{
	sqlite3_stmt *stmt = prepare(ix, sql, err);
	int rc;

	if (!stmt)
		return -1;
	if (sqlite3_bind_parameter_count(stmt))
		sqlite3_bind_int64(stmt, 1, parameter);
	rc = step(ix, stmt, err);
	if (rc > 0)
		*out = column_or(stmt, 0, *out);
	sqlite3_finalize(stmt);
	return rc < 0 ? -1 : 0;
}

static int
open_database(const char *path, int flags, struct index **out, struct err *err)
{
	struct index *ix = calloc(1, sizeof(*ix));

	if (!ix || !(ix->path = slice_dup(slice_str(path)))) {
		free(ix);
		return err_nomem(err);
	}
	if (sqlite3_open_v2(path, &ix->db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK ||
	    sqlite3_busy_timeout(ix->db, BUSY_MS)) {
		if (ix->db)
			fail(ix, err);
		else
			err_nomem(err);
		index_free(ix);
		return -1;
	}
	*out = ix;
	return 0;
}

static int
create_tables(struct index *ix, struct err *err)
{
	int64_t version = 0;
	char set_version[64];

	/* The one setting that stays with the file. */
	if (execute(ix, "PRAGMA journal_mode = WAL", err) || index_begin(ix, true, err) ||
	    get_int(ix, "PRAGMA user_version", 0, &version, err))
		return -1;
	if (version == 0) {
		/* A pragma takes no parameters. */
		snprintf(set_version, sizeof(set_version), "PRAGMA user_version = %d", SQL_SCHEMA_VERSION);
		if (execute(ix, sql_schema, err) || execute(ix, set_version, err))
			return -1;
	}
	return index_commit(ix, err);
}

int
index_create(const char *path, struct err *err)
{
	struct index *ix;
	int rc;

	if (open_database(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &ix, err))
		return -1;
	rc = create_tables(ix, err);
	index_free(ix);
	return rc;
}

int
index_open(const char *path, struct index **out, struct err *err)
{
	struct index *ix;
	int64_t version = 0;

	if (open_database(path, SQLITE_OPEN_READWRITE, &ix, err))
		return -1;
	if (execute(ix, "PRAGMA cache_size = -8000", err) ||
	    get_int(ix, "PRAGMA user_version", 0, &version, err)) {
		index_free(ix);
		return -1;
	}
	if (version != SQL_SCHEMA_VERSION) {
		err_set(err, ERR_FAILED,
		    "%s has schema version %lld and this testr knows version %d: it was written by %s testr",
		    path, (long long)version, SQL_SCHEMA_VERSION,
		    version > SQL_SCHEMA_VERSION ? "a newer" : "no");
		index_free(ix);
		return -1;
	}
	*out = ix;
	return 0;
}

void
index_free(struct index *ix)
{
	if (!ix)
		return;
	sqlite3_close(ix->db);
	free(ix->path);
	free(ix);
}

int
index_begin(struct index *ix, bool durable, struct err *err)
{
	if (execute(ix, durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", err))
		return -1;
	return execute(ix, "BEGIN IMMEDIATE", err);
}

int
index_commit(struct index *ix, struct err *err)
{
	return execute(ix, "COMMIT", err);
}

void
index_rollback(struct index *ix)
{
	if (!sqlite3_get_autocommit(ix->db))
		sqlite3_exec(ix->db, "ROLLBACK", NULL, NULL, NULL);
}

int
index_run_next(struct index *ix, int64_t *out, struct err *err)
{
	return get_int(ix, sql_run_next, 0, out, err);
}

int
index_run_insert(struct index *ix, int64_t id, const struct repo_begin *begin, struct err *err)
{
	sqlite3_stmt *stmt = prepare(ix, sql_run_insert, err);
	int rc;

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, id);
	sqlite3_bind_int(stmt, 2, begin->uxsuccess_passes);
	sqlite3_bind_text(stmt, 3, begin->command, -1, SQLITE_STATIC);
	rc = finish(ix, stmt, err);
	sqlite3_finalize(stmt);
	return rc;
}

int
index_run_update(struct index *ix, const struct repo_run *run, struct err *err)
{
	sqlite3_stmt *stmt = prepare(ix, sql_run_update, err);
	int rc;

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, run->id);
	sqlite3_bind_int(stmt, 2, run->state);
	sqlite3_bind_int(stmt, 3, run->partial);
	bind_unless(stmt, 4, run->exit_status, -1);
	bind_unless(stmt, 5, run->start, TIME_NONE);
	bind_unless(stmt, 6, run->stop, TIME_NONE);
	sqlite3_bind_int64(stmt, 7, run->counts.tests);
	sqlite3_bind_int64(stmt, 8, run->counts.failures);
	sqlite3_bind_int64(stmt, 9, run->counts.skips);
	rc = finish(ix, stmt, err);
	sqlite3_finalize(stmt);
	return rc;
}

/* A row of sql_run_get or sql_runs. */
static struct repo_run
read_run(sqlite3_stmt *stmt)
{
	return (struct repo_run){
	    .id = sqlite3_column_int64(stmt, 0),
	    .state = (enum repo_state)sqlite3_column_int(stmt, 1),
	    .partial = sqlite3_column_int(stmt, 2) != 0,
	    .exit_status = (int)column_or(stmt, 3, -1),
	    .start = column_or(stmt, 4, TIME_NONE),
	    .stop = column_or(stmt, 5, TIME_NONE),
	    .counts = {sqlite3_column_int64(stmt, 6), sqlite3_column_int64(stmt, 7),
		sqlite3_column_int64(stmt, 8)},
	    .uxsuccess_passes = sqlite3_column_int(stmt, 9) != 0,
	};
}

int
index_run_get(struct index *ix, int64_t id, struct repo_run *out, struct err *err)
{
	sqlite3_stmt *stmt = prepare(ix, sql_run_get, err);
	int rc;

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, id);
	rc = step(ix, stmt, err);
	if (rc > 0)
		*out = read_run(stmt);
	sqlite3_finalize(stmt);
	return rc;
}

int
index_runs(struct index *ix, repo_run_fn fn, void *context, struct err *err)
{
	sqlite3_stmt *stmt = prepare(ix, sql_runs, err);
	int rc;

	if (!stmt)
		return -1;
	while ((rc = step(ix, stmt, err)) > 0) {
		struct repo_run run = read_run(stmt);

		rc = fn(context, &run, err);
		if (rc)
			break;
	}
	sqlite3_finalize(stmt);
	return rc;
}

int
index_running(struct index *ix, int64_t after, int64_t *out, struct err *err)
{
	*out = -1;
	return get_int(ix, sql_run_running, after, out, err);
}

int
index_latest(struct index *ix, int64_t *out, struct err *err)
{
	int64_t id = -1;

	if (get_int(ix, sql_run_latest, 0, &id, err))
		return -1;
	*out = id;
	return 0;
}

/* The place of the result's tags, without its worker's, among the batch's; *out is STRTAB_NONE when there are
 * none. */
static int
add_tagset(struct index_batch *batch, const struct result *r, int64_t worker, size_t *out)
{
	struct buf set;
	char worker_tag[32];
	bool added = false;

	snprintf(worker_tag, sizeof(worker_tag), "worker-%lld", (long long)worker);
	buf_init(&set, TAGSET_MAX);
	for (size_t i = 0; i < r->tag_count; i++) {
		if (slice_eq(r->tags[i], slice_str(worker_tag)))
			continue;
		buf_slice(&set, r->tags[i]);
		buf_byte(&set, '\0');
	}
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
	if (row.test == STRTAB_NONE || add_tagset(batch, r, row.worker, &row.tagset))
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

/* FNV-1a. Part of the schema: it must never change. */
static int64_t
hash_name(struct slice s)
{
	uint32_t h = 0x811c9dc5u;

	for (size_t i = 0; i < s.len; i++)
		h = (h ^ s.data[i]) * 0x01000193u;
	return h;
}

/* The row of each test, made where there is none. `durations` has the last of each in the batch, or
 * TIME_NONE. */
static int
intern_tests(
    struct index *ix, const struct strtab *tests, const int64_t *durations, int64_t *ids, struct err *err)
{
	sqlite3_stmt *find = prepare(ix, sql_test_find, err);
	sqlite3_stmt *insert = find ? prepare(ix, sql_test_insert, err) : NULL;
	sqlite3_stmt *update = insert ? prepare(ix, sql_test_set_duration, err) : NULL;
	int rc = update ? 0 : -1;

	for (size_t i = 0; rc == 0 && i < tests->len; i++) {
		struct slice name = strtab_get(tests, i);

		sqlite3_bind_int64(find, 1, hash_name(name));
		bind_text(find, 2, name);
		rc = step(ix, find, err);
		ids[i] = rc > 0 ? sqlite3_column_int64(find, 0) : 0;
		sqlite3_reset(find);
		if (rc == 0) {
			sqlite3_bind_int64(insert, 1, hash_name(name));
			bind_text(insert, 2, name);
			bind_unless(insert, 3, durations[i], TIME_NONE);
			rc = finish(ix, insert, err);
			ids[i] = sqlite3_last_insert_rowid(ix->db);
		} else if (rc > 0 && durations[i] != TIME_NONE) {
			sqlite3_bind_int64(update, 1, ids[i]);
			sqlite3_bind_int64(update, 2, durations[i]);
			rc = finish(ix, update, err);
		}
		rc = rc < 0 ? -1 : 0;
	}
	sqlite3_finalize(find);
	sqlite3_finalize(insert);
	sqlite3_finalize(update);
	return rc;
}

static int
intern_tagsets(struct index *ix, const struct strtab *tagsets, int64_t *ids, struct err *err)
{
	sqlite3_stmt *find = prepare(ix, sql_tagset_find, err);
	sqlite3_stmt *insert = find ? prepare(ix, sql_tagset_insert, err) : NULL;
	int rc = insert ? 0 : -1;

	for (size_t i = 0; rc == 0 && i < tagsets->len; i++) {
		struct slice tags = strtab_get(tagsets, i);

		sqlite3_bind_blob64(find, 1, tags.data, tags.len, SQLITE_STATIC);
		rc = step(ix, find, err);
		ids[i] = rc > 0 ? sqlite3_column_int64(find, 0) : 0;
		sqlite3_reset(find);
		if (rc == 0) {
			sqlite3_bind_blob64(insert, 1, tags.data, tags.len, SQLITE_STATIC);
			rc = finish(ix, insert, err);
			ids[i] = sqlite3_last_insert_rowid(ix->db);
		}
		rc = rc < 0 ? -1 : 0;
	}
	sqlite3_finalize(find);
	sqlite3_finalize(insert);
	return rc;
}

static void
bind_row(sqlite3_stmt *stmt, int64_t run, const struct index_row *row, int64_t test, int64_t tagset)
{
	sqlite3_bind_int64(stmt, 1, run);
	sqlite3_bind_int64(stmt, 2, test);
	sqlite3_bind_int(stmt, 3, row->status);
	bind_unless(stmt, 4, row->start, TIME_NONE);
	bind_unless(stmt, 5, row->duration, TIME_NONE);
	bind_unless(stmt, 6, row->worker, -1);
	bind_unless(stmt, 7, tagset, -1);
	sqlite3_bind_int64(stmt, 8, (int64_t)row->offset);
	sqlite3_bind_int64(stmt, 9, (int64_t)(row->end - row->offset));
}

static int
insert_rows(struct index *ix, int64_t run, const struct index_batch *batch, const int64_t *tests,
    const int64_t *tagsets, struct err *err)
{
	sqlite3_stmt *first = prepare(ix, sql_result_first, err);
	sqlite3_stmt *further = first ? prepare(ix, sql_result_further, err) : NULL;
	int rc = further ? 0 : -1;

	for (size_t i = 0; rc == 0 && i < batch->count; i++) {
		const struct index_row *row = &batch->rows[i];
		int64_t test = tests[row->test],
			tagset = row->tagset == STRTAB_NONE ? -1 : tagsets[row->tagset];

		bind_row(first, run, row, test, tagset);
		rc = finish(ix, first, err);
		if (rc == 0 && sqlite3_changes(ix->db) == 0) {
			bind_row(further, run, row, test, tagset);
			rc = finish(ix, further, err);
		}
	}
	sqlite3_finalize(first);
	sqlite3_finalize(further);
	return rc;
}

int
index_results_add(struct index *ix, int64_t run, const struct index_batch *batch, struct err *err)
{
	int64_t *tests, *tagsets, *durations;
	int rc;

	if (!batch->count)
		return 0;
	tests = calloc(batch->tests.len, sizeof(*tests));
	durations = calloc(batch->tests.len, sizeof(*durations));
	tagsets = calloc(batch->tagsets.len + 1, sizeof(*tagsets));
	rc = tests && durations && tagsets ? 0 : err_nomem(err);
	if (rc == 0) {
		for (size_t i = 0; i < batch->tests.len; i++)
			durations[i] = TIME_NONE;
		for (size_t i = 0; i < batch->count; i++)
			if (batch->rows[i].duration != TIME_NONE)
				durations[batch->rows[i].test] = batch->rows[i].duration;
		rc = intern_tests(ix, &batch->tests, durations, tests, err) ||
			     intern_tagsets(ix, &batch->tagsets, tagsets, err) ||
			     insert_rows(ix, run, batch, tests, tagsets, err)
			 ? -1
			 : 0;
	}
	free(tests);
	free(durations);
	free(tagsets);
	return rc;
}

int
index_results_clear(struct index *ix, int64_t run, struct err *err)
{
	sqlite3_stmt *stmt = prepare(ix, sql_results_delete, err);
	int rc;

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, run);
	rc = finish(ix, stmt, err);
	sqlite3_finalize(stmt);
	return rc;
}

int
index_failing_update(struct index *ix, const struct repo_run *run, bool replace, struct err *err)
{
	sqlite3_stmt *changes, *set, *remove;
	int rc;

	if (replace && execute(ix, sql_failing_clear, err))
		return -1;
	changes = prepare(ix, sql_failing_changes, err);
	set = changes ? prepare(ix, sql_failing_set, err) : NULL;
	remove = set ? prepare(ix, sql_failing_remove, err) : NULL;
	rc = remove ? 0 : -1;
	if (rc == 0) {
		sqlite3_bind_int64(changes, 1, run->id);
		sqlite3_bind_int(changes, 2, run->uxsuccess_passes);
		sqlite3_bind_int(changes, 3, run->state == REPO_FINISHED);
	}
	while (rc == 0 && (rc = step(ix, changes, err)) > 0) {
		bool fails =
		    repo_status_fails((enum status)sqlite3_column_int(changes, 2), run->uxsuccess_passes);
		sqlite3_stmt *stmt = fails ? set : remove;

		sqlite3_bind_int64(stmt, 1, sqlite3_column_int64(changes, 0));
		if (fails) {
			sqlite3_bind_int64(stmt, 2, run->id);
			sqlite3_bind_int64(stmt, 3, sqlite3_column_int64(changes, 1));
		}
		rc = finish(ix, stmt, err);
	}
	sqlite3_finalize(changes);
	sqlite3_finalize(set);
	sqlite3_finalize(remove);
	return rc;
}

int
index_failing(struct index *ix, index_failing_fn fn, void *context, struct err *err)
{
	sqlite3_stmt *stmt = prepare(ix, sql_failing, err);
	int rc;

	if (!stmt)
		return -1;
	while ((rc = step(ix, stmt, err)) > 0) {
		int64_t duration = column_or(stmt, 6, TIME_NONE);
		struct result r = {
		    .offset = (uint64_t)sqlite3_column_int64(stmt, 1),
		    .id = column_text(stmt, 3),
		    .status = (enum status)sqlite3_column_int(stmt, 4),
		    .start = column_or(stmt, 5, TIME_NONE),
		    .stop = TIME_NONE,
		};

		r.end = r.offset + (uint64_t)sqlite3_column_int64(stmt, 2);
		if (duration != TIME_NONE)
			r.stop = r.start + duration;
		rc = fn(context, sqlite3_column_int64(stmt, 0), &r, err);
		if (rc)
			break;
	}
	sqlite3_finalize(stmt);
	return rc;
}

int
index_failing_ids(struct index *ix, struct strtab *ids, struct err *err)
{
	sqlite3_stmt *stmt = prepare(ix, sql_failing_names, err);
	int rc;

	if (!stmt)
		return -1;
	while ((rc = step(ix, stmt, err)) > 0) {
		if (strtab_add(ids, column_text(stmt, 0), NULL) != STRTAB_NONE)
			continue;
		rc = err_nomem(err);
		break;
	}
	sqlite3_finalize(stmt);
	return rc;
}

/* Looks each test up. */
static int
find_durations(struct index *ix, const struct strtab *ids, int64_t *out, struct err *err)
{
	sqlite3_stmt *stmt = prepare(ix, sql_test_duration, err);
	int rc = stmt ? 0 : -1;

	for (size_t i = 0; rc >= 0 && i < ids->len; i++) {
		struct slice name = strtab_get(ids, i);

		sqlite3_bind_int64(stmt, 1, hash_name(name));
		bind_text(stmt, 2, name);
		rc = step(ix, stmt, err);
		if (rc > 0)
			out[i] = column_or(stmt, 0, -1);
		sqlite3_reset(stmt);
	}
	sqlite3_finalize(stmt);
	return rc < 0 ? -1 : 0;
}

/* Goes through all tests that there are. */
static int
scan_durations(struct index *ix, const struct strtab *ids, int64_t *out, struct err *err)
{
	sqlite3_stmt *stmt = prepare(ix, sql_test_durations, err);
	int rc = stmt ? 0 : -1;

	while (rc >= 0 && (rc = step(ix, stmt, err)) > 0) {
		size_t i = strtab_find(ids, column_text(stmt, 0));

		if (i != STRTAB_NONE)
			out[i] = sqlite3_column_int64(stmt, 1);
	}
	sqlite3_finalize(stmt);
	return rc;
}

int
index_durations(struct index *ix, const struct strtab *ids, int64_t *out, struct err *err)
{
	int64_t tests = 0;

	for (size_t i = 0; i < ids->len; i++)
		out[i] = -1;
	if (get_int(ix, sql_test_count, 0, &tests, err))
		return -1;
	/* Finding a row costs about as much as passing ten by. */
	if ((uint64_t)tests / 10 < ids->len)
		return scan_durations(ix, ids, out, err);
	return find_durations(ix, ids, out, err);
}
