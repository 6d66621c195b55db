/* SPDX-License-Identifier: Apache-2.0
 *
 * What a kind of database is: the functions of db.h with the same names. Private to db.c and the drivers. */
#ifndef DB_DRIVER_H
#define DB_DRIVER_H

#include "db.h"

/* The first member of a driver's own struct. */
struct db {
	const struct db_driver *driver;
	char *name;
	struct db_stmt *statements;
};

/* The first member of a driver's own struct. Made and listed by db.c. */
struct db_stmt {
	struct db *db;
	struct db_stmt *next;
	const char *sql;
	bool walk; /* by db_prepare_walk */
	bool busy;
};

struct db_driver {
	enum db_kind kind;
	/* Of the driver's struct of a statement, which comes zeroed to prepare. */
	size_t stmt_size;
	/* After the statements are gone. */
	void (*close)(struct db *db);
	int (*begin)(struct db *db, bool durable, struct err *err);
	int (*commit)(struct db *db, struct err *err);
	void (*rollback)(struct db *db);
	int (*version)(struct db *db, int64_t *out, struct err *err);
	int (*set_version)(struct db *db, int64_t version, struct err *err);
	int (*execute)(struct db *db, const char *sql, struct err *err);
	int (*lock)(struct db *db, int64_t number, bool wait, struct err *err);
	int (*unlock)(struct db *db, int64_t number, struct err *err);

	int (*prepare)(struct db_stmt *stmt, struct err *err);
	/* Forgets rows and values. */
	void (*clear)(struct db_stmt *stmt);
	/* Of one that was cleared, or whose prepare failed. */
	void (*finalize)(struct db_stmt *stmt);
	void (*bind_int)(struct db_stmt *stmt, int at, int64_t value);
	void (*bind_null)(struct db_stmt *stmt, int at);
	void (*bind_bytes)(struct db_stmt *stmt, int at, struct slice bytes, bool text);
	int (*step)(struct db_stmt *stmt, struct err *err);
	void (*reset)(struct db_stmt *stmt);
	/* After a step that gave no rows. */
	int64_t (*changes)(struct db_stmt *stmt);
	bool (*is_null)(struct db_stmt *stmt, int at);
	int64_t (*column_int)(struct db_stmt *stmt, int at);
	struct slice (*column_bytes)(struct db_stmt *stmt, int at);
};

#endif
