/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sqlite.h"

#include "buf.h"
#include "db_driver.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Far longer than any transaction takes, also with dozens of processes in the queue. */
#define BUSY_MS 120000
/* A page cache of about 20 MB: the names of a million tests find their places in it. */
#define SETTINGS "PRAGMA cache_size = -20000"
/* Reads something of the file. */
#define PROBE "SELECT count(*) FROM sqlite_schema"

struct sqlite {
	struct db db;
	sqlite3 *handle;
};

struct sqlite_stmt {
	struct db_stmt stmt;
	sqlite3_stmt *handle;
};

static sqlite3 *
handle_of(struct db *db)
{
	return ((struct sqlite *)db)->handle;
}

static sqlite3_stmt *
stmt_of(struct db_stmt *stmt)
{
	return ((struct sqlite_stmt *)stmt)->handle;
}

static enum err_kind
kind_of(sqlite3 *handle, int code, int number)
{
	switch (code & 0xff) {
	case SQLITE_FULL:
		return ERR_NO_ROOM;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return ERR_READ_ONLY;
	case SQLITE_IOERR:
		/* The only reason why the shared memory, a file, cannot grow; it comes without a number. */
		return code == SQLITE_IOERR_SHMSIZE ? ERR_NO_ROOM : err_errno_kind(number);
	case SQLITE_CANTOPEN:
		/* That is then one of the files beside it. */
		return sqlite3_db_readonly(handle, "main") == 1 ? ERR_READ_ONLY : err_errno_kind(number);
	default:
		return ERR_FAILED;
	}
}

static int
fail(struct db *db, struct err *err)
{
	int code = sqlite3_extended_errcode(handle_of(db)), number = sqlite3_system_errno(handle_of(db));
	enum err_kind kind = kind_of(handle_of(db), code, number);
	const char *what = sqlite3_errmsg(handle_of(db));

	if (kind == ERR_NO_ROOM)
		return err_set(
		    err, kind, "cannot write %s: %s", db->name, strerror(number ? number : ENOSPC));
	if (kind == ERR_READ_ONLY)
		return err_set(
		    err, kind, "cannot write %s: it, or the directory it is in, is read-only", db->name);
	if ((code & 0xff) == SQLITE_CANTOPEN && number == ENOENT)
		return err_set(err, kind, "%s is missing; " INDEX_REBUILD, db->name);
	if ((code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB)
		return err_set(err, kind, "%s is damaged (%s); " INDEX_REBUILD, db->name, what);
	return err_set(err, kind, "%s: %s", db->name, what);
}

static void
sqlite_close(struct db *db)
{
	sqlite3_close(handle_of(db));
}

static int
sqlite_execute(struct db *db, const char *sql, struct err *err)
{
	return sqlite3_exec(handle_of(db), sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(db, err);
}

static int
sqlite_begin(struct db *db, bool durable, struct err *err)
{
	const char *how = durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL";

	return sqlite_execute(db, how, err) || sqlite_execute(db, "BEGIN IMMEDIATE", err) ? -1 : 0;
}

static int
sqlite_commit(struct db *db, struct err *err)
{
	return sqlite_execute(db, "COMMIT", err);
}

static void
sqlite_rollback(struct db *db)
{
	if (!sqlite3_get_autocommit(handle_of(db)))
		sqlite3_exec(handle_of(db), "ROLLBACK", NULL, NULL, NULL);
}

static int
sqlite_version(struct db *db, int64_t *out, struct err *err)
{
	struct db_stmt *stmt = db_prepare(db, "PRAGMA user_version", err);
	int rc = stmt ? db_step(stmt, err) : -1;

	if (rc > 0)
		*out = db_int(stmt, 0);
	db_release(stmt);
	return rc < 0 ? -1 : 0;
}

static int
sqlite_set_version(struct db *db, int64_t version, struct err *err)
{
	char sql[64];

	/* A pragma takes no parameters. */
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %lld", (long long)version);
	return sqlite_execute(db, sql, err);
}

/* A file is locked by other means, and nobody else has a database in memory. */
static int
sqlite_lock(struct db *db, int64_t number, bool wait, struct err *err)
{
	(void)db;
	(void)number;
	(void)wait;
	(void)err;
	return 1;
}

static int
sqlite_unlock(struct db *db, int64_t number, struct err *err)
{
	(void)db;
	(void)number;
	(void)err;
	return 0;
}

static int
sqlite_prepare(struct db_stmt *stmt, struct err *err)
{
	struct sqlite_stmt *s = (struct sqlite_stmt *)stmt;

	return sqlite3_prepare_v3(handle_of(stmt->db), stmt->sql, -1, SQLITE_PREPARE_PERSISTENT, &s->handle,
		   NULL) == SQLITE_OK
		   ? 0
		   : fail(stmt->db, err);
}

static void
sqlite_clear(struct db_stmt *stmt)
{
	sqlite3_reset(stmt_of(stmt));
	sqlite3_clear_bindings(stmt_of(stmt));
}

static void
sqlite_finalize(struct db_stmt *stmt)
{
	sqlite3_finalize(stmt_of(stmt));
}

static void
sqlite_bind_int(struct db_stmt *stmt, int at, int64_t value)
{
	sqlite3_bind_int64(stmt_of(stmt), at, value);
}

static void
sqlite_bind_null(struct db_stmt *stmt, int at)
{
	sqlite3_bind_null(stmt_of(stmt), at);
}

static void
sqlite_bind_bytes(struct db_stmt *stmt, int at, struct slice bytes, bool text)
{
	const char *chars = (const char *)bytes.data;

	if (text)
		sqlite3_bind_text64(stmt_of(stmt), at, chars, bytes.len, SQLITE_STATIC, SQLITE_UTF8);
	else
		sqlite3_bind_blob64(stmt_of(stmt), at, chars, bytes.len, SQLITE_STATIC);
}

static int
sqlite_step(struct db_stmt *stmt, struct err *err)
{
	switch (sqlite3_step(stmt_of(stmt))) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return fail(stmt->db, err);
	}
}

static void
sqlite_reset(struct db_stmt *stmt)
{
	sqlite3_reset(stmt_of(stmt));
}

static int64_t
sqlite_changes(struct db_stmt *stmt)
{
	return sqlite3_changes(handle_of(stmt->db));
}

static bool
sqlite_is_null(struct db_stmt *stmt, int at)
{
	return sqlite3_column_type(stmt_of(stmt), at) == SQLITE_NULL;
}

static int64_t
sqlite_column_int(struct db_stmt *stmt, int at)
{
	return sqlite3_column_int64(stmt_of(stmt), at);
}

static struct slice
sqlite_column_bytes(struct db_stmt *stmt, int at)
{
	const void *bytes = sqlite3_column_blob(stmt_of(stmt), at);

	return slice_of(bytes, (size_t)sqlite3_column_bytes(stmt_of(stmt), at));
}

static const struct db_driver driver = {
    .kind = DB_SQLITE,
    .stmt_size = sizeof(struct sqlite_stmt),
    .close = sqlite_close,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .version = sqlite_version,
    .set_version = sqlite_set_version,
    .execute = sqlite_execute,
    .lock = sqlite_lock,
    .unlock = sqlite_unlock,
    .prepare = sqlite_prepare,
    .clear = sqlite_clear,
    .finalize = sqlite_finalize,
    .bind_int = sqlite_bind_int,
    .bind_null = sqlite_bind_null,
    .bind_bytes = sqlite_bind_bytes,
    .step = sqlite_step,
    .reset = sqlite_reset,
    .changes = sqlite_changes,
    .is_null = sqlite_is_null,
    .column_int = sqlite_column_int,
    .column_bytes = sqlite_column_bytes,
};

static void
close_handle(struct db *db)
{
	sqlite3_close(handle_of(db));
	((struct sqlite *)db)->handle = NULL;
}

/* Opens the file and makes the settings; nothing is read yet unless they do. */
static int
open_handle(struct db *db, const char *file, int flags, const char *settings, struct err *err)
{
	if (sqlite3_open_v2(file, &((struct sqlite *)db)->handle, flags | SQLITE_OPEN_NOMUTEX, NULL) ==
		SQLITE_OK &&
	    sqlite3_busy_timeout(handle_of(db), BUSY_MS) == SQLITE_OK)
		return sqlite_execute(db, settings, err);
	return handle_of(db) ? fail(db, err) : err_nomem(err);
}

/* The path as a URI with this query. */
static char *
to_uri(const char *path, const char *query)
{
	struct buf uri;
	char *text;

	buf_init(&uri, SIZE_MAX / 4);
	buf_str(&uri, "file:");
	for (; *path; path++)
		buf_printf(&uri, strchr("%?#", *path) ? "%%%02X" : "%c", (unsigned char)*path);
	buf_str(&uri, query);
	text = buf_steal(&uri);
	buf_release(&uri);
	return text;
}

/* True when the log beside the file has something that the file lacks. */
static bool
has_log(const char *path)
{
	struct buf name;
	struct stat st;
	const char *log;

	buf_init(&name, SIZE_MAX / 4);
	buf_printf(&name, "%s-wal", path);
	log = buf_cstr(&name);
	if (!log || stat(log, &st))
		st.st_size = 0;
	buf_release(&name);
	return st.st_size > 0;
}

/* Where the files that go with the database cannot be made, it can be read all the same: alone, on a full disk;
 * and without regard to writers, of which there are none, when its place is read-only. */
static int
open_to_read(struct db *db, const struct err *failure, struct err *err)
{
	char *uri;
	int rc;

	*err = *failure;
	if (failure->kind == ERR_NO_ROOM) {
		close_handle(db);
		return open_handle(db, db->name, SQLITE_OPEN_READWRITE,
		    "PRAGMA locking_mode = EXCLUSIVE; " SETTINGS "; " PROBE, err);
	}
	if (failure->kind != ERR_READ_ONLY || has_log(db->name))
		return -1;
	uri = to_uri(db->name, "?immutable=1");
	if (!uri)
		return err_nomem(err);
	close_handle(db);
	rc = open_handle(db, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, SETTINGS "; " PROBE, err);
	free(uri);
	return rc;
}

static int
open_there(struct db *db, struct err *err)
{
	struct err failure;

	if (open_handle(db, db->name, SQLITE_OPEN_READWRITE, SETTINGS "; " PROBE, &failure) == 0)
		return 0;
	return open_to_read(db, &failure, err);
}
int
db_open_sqlite(const char *path, bool create, struct db **out, struct err *err)
{
	struct sqlite *s = calloc(1, sizeof(*s));
	struct db *db = (struct db *)s;
	int rc;

	if (!s || !(s->db.name = slice_dup(slice_str(path)))) {
		free(s);
		return err_nomem(err);
	}
	s->db.driver = &driver;
	/* The log is the one setting that stays with the file. */
	rc = create ? open_handle(db, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
			  SETTINGS "; PRAGMA journal_mode = WAL", err)
		    : open_there(db, err);
	if (rc) {
		db_free(db);
		return -1;
	}
	*out = db;
	return 0;
}
