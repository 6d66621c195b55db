/* SPDX-License-Identifier: Apache-2.0 */
#include "db.h"

#include "db_driver.h"

#include <stdlib.h>

void
db_free(struct db *db)
{
	if (!db)
		return;
	while (db->statements) {
		struct db_stmt *stmt = db->statements;

		db->statements = stmt->next;
		db->driver->clear(stmt);
		db->driver->finalize(stmt);
		free(stmt);
	}
	db->driver->close(db);
	free(db->name);
	free(db);
}

enum db_kind
db_kind(const struct db *db)
{
	return db->driver->kind;
}

const char *
db_name(const struct db *db)
{
	return db->name;
}

int
db_begin(struct db *db, bool durable, struct err *err)
{
	return db->driver->begin(db, durable, err);
}

int
db_commit(struct db *db, struct err *err)
{
	return db->driver->commit(db, err);
}

void
db_rollback(struct db *db)
{
	db->driver->rollback(db);
}

int
db_version(struct db *db, int64_t *out, struct err *err)
{
	return db->driver->version(db, out, err);
}

int
db_set_version(struct db *db, int64_t version, struct err *err)
{
	return db->driver->set_version(db, version, err);
}

int
db_execute(struct db *db, const char *sql, struct err *err)
{
	return db->driver->execute(db, sql, err);
}

int
db_lock(struct db *db, int64_t number, bool wait, struct err *err)
{
	return db->driver->lock(db, number, wait, err);
}

int
db_unlock(struct db *db, int64_t number, struct err *err)
{
	return db->driver->unlock(db, number, err);
}

static struct db_stmt *
prepare(struct db *db, const char *sql, bool walk, struct err *err)
{
	struct db_stmt *stmt;

	/* One that is busy belongs to a walk that is going on. */
	for (stmt = db->statements; stmt; stmt = stmt->next)
		if (stmt->sql == sql && stmt->walk == walk && !stmt->busy) {
			stmt->busy = true;
			return stmt;
		}
	stmt = calloc(1, db->driver->stmt_size);
	if (!stmt) {
		err_nomem(err);
		return NULL;
	}
	*stmt = (struct db_stmt){.db = db, .sql = sql, .walk = walk, .busy = true};
	if (db->driver->prepare(stmt, err)) {
		db->driver->finalize(stmt);
		free(stmt);
		return NULL;
	}
	stmt->next = db->statements;
	db->statements = stmt;
	return stmt;
}

struct db_stmt *
db_prepare(struct db *db, const char *sql, struct err *err)
{
	return prepare(db, sql, false, err);
}

struct db_stmt *
db_prepare_walk(struct db *db, const char *sql, struct err *err)
{
	return prepare(db, sql, true, err);
}

void
db_release(struct db_stmt *stmt)
{
	if (!stmt)
		return;
	stmt->db->driver->clear(stmt);
	stmt->busy = false;
}

void
db_bind_int(struct db_stmt *stmt, int at, int64_t value)
{
	stmt->db->driver->bind_int(stmt, at, value);
}

void
db_bind_unless(struct db_stmt *stmt, int at, int64_t value, int64_t none)
{
	if (value == none)
		stmt->db->driver->bind_null(stmt, at);
	else
		stmt->db->driver->bind_int(stmt, at, value);
}

void
db_bind_text(struct db_stmt *stmt, int at, struct slice text)
{
	if (text.data)
		stmt->db->driver->bind_bytes(stmt, at, text, true);
	else
		stmt->db->driver->bind_null(stmt, at);
}

void
db_bind_blob(struct db_stmt *stmt, int at, struct slice bytes)
{
	if (bytes.data)
		stmt->db->driver->bind_bytes(stmt, at, bytes, false);
	else
		stmt->db->driver->bind_null(stmt, at);
}

int
db_step(struct db_stmt *stmt, struct err *err)
{
	return stmt->db->driver->step(stmt, err);
}

int64_t
db_run(struct db_stmt *stmt, struct err *err)
{
	int rc = db_step(stmt, err);
	int64_t changes = rc < 0 ? -1 : stmt->db->driver->changes(stmt);

	db_reset(stmt);
	return changes;
}

void
db_reset(struct db_stmt *stmt)
{
	stmt->db->driver->reset(stmt);
}

int64_t
db_int(struct db_stmt *stmt, int at)
{
	return stmt->db->driver->column_int(stmt, at);
}

int64_t
db_int_or(struct db_stmt *stmt, int at, int64_t none)
{
	return stmt->db->driver->is_null(stmt, at) ? none : stmt->db->driver->column_int(stmt, at);
}

struct slice
db_bytes(struct db_stmt *stmt, int at)
{
	return stmt->db->driver->is_null(stmt, at) ? SLICE_NONE : stmt->db->driver->column_bytes(stmt, at);
}
