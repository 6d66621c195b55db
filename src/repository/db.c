/* SPDX-License-Identifier: Apache-2.0 */
#include "db.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

/* Far longer than any transaction takes, also with dozens of processes in the queue. */
#define BUSY_MS 120000
/* A page cache of about 8 MB. */
#define SETTINGS "PRAGMA cache_size = -8000"

struct db_stmt {
	struct db *db;
	struct db_stmt *next;
	const char *sql;
	sqlite3_stmt *stmt;
	bool busy;
};

struct db {
	sqlite3 *handle;
	char *path;
	struct db_stmt *statements;
};

static int
fail(struct db *db, struct err *err)
{
	return err_set(err, ERR_FAILED, "%s: %s", db->path, sqlite3_errmsg(db->handle));
}

int
db_open_sqlite(const char *path, bool create, struct db **out, struct err *err)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);
	struct db *db = calloc(1, sizeof(*db));

	if (!db || !(db->path = slice_dup(slice_str(path)))) {
		free(db);
		return err_nomem(err);
	}
	if (sqlite3_open_v2(path, &db->handle, flags, NULL) != SQLITE_OK ||
	    sqlite3_busy_timeout(db->handle, BUSY_MS)) {
		if (db->handle)
			fail(db, err);
		else
			err_nomem(err);
		db_free(db);
		return -1;
	}
	if (db_execute(db, SETTINGS, err) ||
	    /* The one setting that stays with the file. */
	    (create && db_execute(db, "PRAGMA journal_mode = WAL", err))) {
		db_free(db);
		return -1;
	}
	*out = db;
	return 0;
}

void
db_free(struct db *db)
{
	if (!db)
		return;
	while (db->statements) {
		struct db_stmt *stmt = db->statements;

		db->statements = stmt->next;
		sqlite3_finalize(stmt->stmt);
		free(stmt);
	}
	sqlite3_close(db->handle);
	free(db->path);
	free(db);
}

int
db_begin(struct db *db, bool durable, struct err *err)
{
	if (db_execute(db, durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", err))
		return -1;
	return db_execute(db, "BEGIN IMMEDIATE", err);
}

int
db_commit(struct db *db, struct err *err)
{
	return db_execute(db, "COMMIT", err);
}

void
db_rollback(struct db *db)
{
	if (!sqlite3_get_autocommit(db->handle))
		sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

int
db_version(struct db *db, int64_t *out, struct err *err)
{
	struct db_stmt *stmt = db_prepare(db, "PRAGMA user_version", err);
	int rc = stmt ? db_step(stmt, err) : -1;

	if (rc > 0)
		*out = db_int(stmt, 0);
	db_release(stmt);
	return rc < 0 ? -1 : 0;
}

int
db_set_version(struct db *db, int64_t version, struct err *err)
{
	char sql[64];

	/* A pragma takes no parameters. */
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %lld", (long long)version);
	return db_execute(db, sql, err);
}

int
db_execute(struct db *db, const char *sql, struct err *err)
{
	return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(db, err);
}

struct db_stmt *
db_prepare(struct db *db, const char *sql, struct err *err)
{
	struct db_stmt *stmt;

	/* One that is busy belongs to a walk that is going on. */
	for (stmt = db->statements; stmt; stmt = stmt->next)
		if (stmt->sql == sql && !stmt->busy) {
			stmt->busy = true;
			return stmt;
		}
	stmt = calloc(1, sizeof(*stmt));
	if (!stmt) {
		err_nomem(err);
		return NULL;
	}
	if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt->stmt, NULL) !=
	    SQLITE_OK) {
		fail(db, err);
		free(stmt);
		return NULL;
	}
	stmt->db = db;
	stmt->sql = sql;
	stmt->busy = true;
	stmt->next = db->statements;
	db->statements = stmt;
	return stmt;
}

void
db_release(struct db_stmt *stmt)
{
	if (!stmt)
		return;
	sqlite3_reset(stmt->stmt);
	sqlite3_clear_bindings(stmt->stmt);
	stmt->busy = false;
}

void
db_bind_int(struct db_stmt *stmt, int at, int64_t value)
{
	sqlite3_bind_int64(stmt->stmt, at, value);
}

void
db_bind_unless(struct db_stmt *stmt, int at, int64_t value, int64_t none)
{
	if (value == none)
		sqlite3_bind_null(stmt->stmt, at);
	else
		sqlite3_bind_int64(stmt->stmt, at, value);
}

void
db_bind_text(struct db_stmt *stmt, int at, struct slice text)
{
	sqlite3_bind_text64(stmt->stmt, at, (const char *)text.data, text.len, SQLITE_STATIC, SQLITE_UTF8);
}

void
db_bind_blob(struct db_stmt *stmt, int at, struct slice bytes)
{
	sqlite3_bind_blob64(stmt->stmt, at, bytes.data, bytes.len, SQLITE_STATIC);
}

int
db_step(struct db_stmt *stmt, struct err *err)
{
	switch (sqlite3_step(stmt->stmt)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return fail(stmt->db, err);
	}
}

int64_t
db_run(struct db_stmt *stmt, struct err *err)
{
	int rc = db_step(stmt, err);

	sqlite3_reset(stmt->stmt);
	return rc < 0 ? -1 : sqlite3_changes(stmt->db->handle);
}

void
db_reset(struct db_stmt *stmt)
{
	sqlite3_reset(stmt->stmt);
}

int64_t
db_int(struct db_stmt *stmt, int at)
{
	return sqlite3_column_int64(stmt->stmt, at);
}

int64_t
db_int_or(struct db_stmt *stmt, int at, int64_t none)
{
	return sqlite3_column_type(stmt->stmt, at) == SQLITE_NULL ? none
								  : sqlite3_column_int64(stmt->stmt, at);
}

struct slice
db_text(struct db_stmt *stmt, int at)
{
	const void *text = sqlite3_column_text(stmt->stmt, at);
	size_t len = (size_t)sqlite3_column_bytes(stmt->stmt, at);

	return text ? slice_of(text, len) : SLICE_NONE;
}

struct slice
db_blob(struct db_stmt *stmt, int at)
{
	const void *bytes = sqlite3_column_blob(stmt->stmt, at);
	size_t len = (size_t)sqlite3_column_bytes(stmt->stmt, at);

	/* SQLite gives no address for an empty one. */
	return sqlite3_column_type(stmt->stmt, at) == SQLITE_NULL ? SLICE_NONE : slice_of(bytes, len);
}
