/* SPDX-License-Identifier: Apache-2.0
 *
 * A database, as the index needs it: transactions and prepared statements, of SQLite or PostgreSQL.
 *
 * Parameters are written $1, $2, … and each appears for the first time in that order. A statement is prepared
 * once for each text and then kept; the text is a constant, known by its address. Names of tests and other text
 * that is sorted or compared is so by bytes. Invariant: what a statement hands out or was given is borrowed,
 * until its next step and until it is released. */
#ifndef DB_H
#define DB_H

#include "err.h"
#include "slice.h"

struct db;
struct db_stmt;

/* What to do about a database that cannot be used. */
#define INDEX_REBUILD "`testr repository rebuild` makes the index again from the streams"

enum db_kind {
	DB_SQLITE,
	DB_POSTGRES,
};

/* Accepts NULL. All statements are released. */
void db_free(struct db *db);
enum db_kind db_kind(const struct db *db);
/* What it is called in messages; borrowed. */
const char *db_name(const struct db *db);

/* A durable transaction survives also the end of the machine. In SQLite it has the write lock; in PostgreSQL
 * others may write at the same time. */
int db_begin(struct db *db, bool durable, struct err *err);
int db_commit(struct db *db, struct err *err);
/* Accepts that there is no transaction. */
void db_rollback(struct db *db);

/* The version of the schema; 0 where there is none. */
int db_version(struct db *db, int64_t *out, struct err *err);
/* Inside a transaction. */
int db_set_version(struct db *db, int64_t version, struct err *err);

/* Executes statements without parameters and rows, separated by semicolons. */
int db_execute(struct db *db, const char *sql, struct err *err);

/* NULL with err set. */
struct db_stmt *db_prepare(struct db *db, const char *sql, struct err *err);
/* The same for a query that may give more rows than memory holds. */
struct db_stmt *db_prepare_walk(struct db *db, const char *sql, struct err *err);
/* Accepts NULL. */
void db_release(struct db_stmt *stmt);

void db_bind_int(struct db_stmt *stmt, int at, int64_t value);
/* NULL for the value `none`. */
void db_bind_unless(struct db_stmt *stmt, int at, int64_t value, int64_t none);
/* NULL for the absent slice. */
void db_bind_text(struct db_stmt *stmt, int at, struct slice text);
void db_bind_blob(struct db_stmt *stmt, int at, struct slice bytes);

/* 1 for a row, 0 at the end, or -1. */
int db_step(struct db_stmt *stmt, struct err *err);
/* Runs a statement that gives no rows and makes it ready for the next values. The number of rows that it
 * changed, or -1. */
int64_t db_run(struct db_stmt *stmt, struct err *err);
/* Makes a statement ready for the next values after a step. */
void db_reset(struct db_stmt *stmt);

/* Takes a lock of that number, for as long as the database is open. 1, 0 when another process has it and `wait` is
 * false, or -1. */
int db_lock(struct db *db, int64_t number, bool wait, struct err *err);
int db_unlock(struct db *db, int64_t number, struct err *err);

/* Columns of the row, from 0. NULL is 0 and the absent slice. */
int64_t db_int(struct db_stmt *stmt, int at);
int64_t db_int_or(struct db_stmt *stmt, int at, int64_t none);
struct slice db_bytes(struct db_stmt *stmt, int at);

#endif
