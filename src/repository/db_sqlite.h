/* SPDX-License-Identifier: Apache-2.0
 *
 * SQLite as a database of db.h. */
#ifndef DB_SQLITE_H
#define DB_SQLITE_H

#include "db.h"

/* Opens the database in a file, which is made when `create` is set; ":memory:" is one of its own that ends with
 * db_free. */
int db_open_sqlite(const char *path, bool create, struct db **out, struct err *err);

#endif
