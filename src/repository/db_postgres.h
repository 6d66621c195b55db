/* SPDX-License-Identifier: Apache-2.0
 *
 * PostgreSQL as a database of db.h, by libpq. A walk is a cursor, so that no result is ever in memory as a
 * whole. */
#ifndef DB_POSTGRES_H
#define DB_POSTGRES_H

#include "db.h"

/* Connects to "postgresql://…". The name of the database in messages is without the password. */
int db_open_postgres(const char *url, struct db **out, struct err *err);

/* Arrays as parameters, bigint[] and bytea[], copied. INT64_MIN is NULL. */
int db_bind_ints(struct db_stmt *stmt, int at, const int64_t *values, size_t count, struct err *err);
int db_bind_texts(struct db_stmt *stmt, int at, const struct slice *values, size_t count, struct err *err);

#endif
