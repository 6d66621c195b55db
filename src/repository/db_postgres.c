/* SPDX-License-Identifier: Apache-2.0 */
#include "db_postgres.h"

#include "buf.h"
#include "db_driver.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARAMETERS_MAX 16
/* Rows of a cursor that are in memory at a time. */
#define FETCH_ROWS 1000
#define ARRAY_MAX ((size_t)256 << 20)
/* The types of PostgreSQL, by the numbers of its catalogue. */
#define OID_BYTEA 17
#define OID_INT8 20
/* The state of an error, in the server's words. */
#define UNDEFINED_TABLE "42P01"
/* To compile a query, as the server does when it takes it for a long one, takes longer than any here runs. */
#define SETTINGS "SET jit TO off; "
/* Who writes a run takes its lock first; what has to be durable is in a transaction that says so. */
#define WRITING "SET synchronous_commit TO off; "

/* The functions of libpq, which is only loaded when it is needed: with all that it needs itself it would take
 * longer to start than most commands take. */
#define FUNCTIONS(X) \
	X(PQclear); \
	X(PQcmdTuples); \
	X(PQconnectdbParams); \
	X(PQdb); \
	X(PQerrorMessage); \
	X(PQexec); \
	X(PQexecParams); \
	X(PQexecPrepared); \
	X(PQfinish); \
	X(PQgetisnull); \
	X(PQgetlength); \
	X(PQgetvalue); \
	X(PQhost); \
	X(PQntuples); \
	X(PQprepare); \
	X(PQresultErrorField); \
	X(PQresultStatus); \
	X(PQsetNoticeProcessor); \
	X(PQstatus); \
	X(PQtransactionStatus);

struct libpq {
#define POINTER(name) __typeof__(name) *name
	FUNCTIONS(POINTER)
};

struct postgres {
	struct db db;
	struct libpq pq;
	PGconn *connection;
	unsigned statements; /* ever made, for their names */
	unsigned walks;      /* cursors that are open in a transaction begun for them */
};

struct parameter {
	const char *value;
	int length, format;
	char number[24];
	struct buf array;
};

struct postgres_stmt {
	struct db_stmt stmt;
	char name[24];
	enum { UNUSED, USED, PREPARED } state;
	int count; /* of parameters, as far as they were bound */
	struct parameter parameters[PARAMETERS_MAX];
	PGresult *rows;
	int row;             /* the next one */
	bool cursor, at_end; /* at_end: nothing is left to be fetched */
};

static struct postgres *
postgres_of(struct db *db)
{
	return (struct postgres *)db;
}

static const struct libpq *
pq_of(struct db *db)
{
	return &postgres_of(db)->pq;
}

static struct postgres_stmt *
stmt_of(struct db_stmt *stmt)
{
	return (struct postgres_stmt *)stmt;
}

/* The server's own words, in one line. */
static struct slice
first_line(const char *message)
{
	struct slice text = slice_str(message ? message : ""), line = text;

	slice_split(&text, '\n', &line);
	return slice_trim(line);
}

static int
fail(struct db *db, struct err *err)
{
	PGconn *c = postgres_of(db)->connection;
	struct slice why = first_line(pq_of(db)->PQerrorMessage(c));

	if (pq_of(db)->PQstatus(c) != CONNECTION_OK)
		return err_set(err, ERR_FAILED,
		    "%s: the connection was lost: %.*s; what was written is kept there", db->name,
		    SLICE_FMT(why));
	return err_set(err, ERR_FAILED, "%s: %.*s", db->name, SLICE_FMT(why));
}

/* Releases the answer. */
static int
check(struct db *db, PGresult *answer, struct err *err)
{
	ExecStatusType status = pq_of(db)->PQresultStatus(answer);

	pq_of(db)->PQclear(answer);
	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? 0 : fail(db, err);
}

static int
postgres_execute(struct db *db, const char *sql, struct err *err)
{
	return check(db, pq_of(db)->PQexec(postgres_of(db)->connection, sql), err);
}

static void
postgres_close(struct db *db)
{
	pq_of(db)->PQfinish(postgres_of(db)->connection);
}

static int
postgres_begin(struct db *db, bool durable, struct err *err)
{
	return postgres_execute(db,
	    durable ? "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit TO on"
		    : "BEGIN ISOLATION LEVEL READ COMMITTED",
	    err);
}

static int
postgres_commit(struct db *db, struct err *err)
{
	return postgres_execute(db, "COMMIT", err);
}

static void
postgres_rollback(struct db *db)
{
	PGconn *c = postgres_of(db)->connection;

	if (pq_of(db)->PQstatus(c) == CONNECTION_OK && pq_of(db)->PQtransactionStatus(c) != PQTRANS_IDLE)
		pq_of(db)->PQclear(pq_of(db)->PQexec(c, "ROLLBACK"));
}

/* The first column of the only row of a query, or 0 when there is no row or it is NULL. */
static int
ask(struct db *db, const char *sql, int64_t *out, struct err *err)
{
	PGresult *answer = pq_of(db)->PQexec(postgres_of(db)->connection, sql);
	int64_t value = 0;

	if (pq_of(db)->PQresultStatus(answer) == PGRES_TUPLES_OK && pq_of(db)->PQntuples(answer) &&
	    !pq_of(db)->PQgetisnull(answer, 0, 0))
		slice_int(slice_str(pq_of(db)->PQgetvalue(answer, 0, 0)), &value);
	if (check(db, answer, err))
		return -1;
	*out = value;
	return 0;
}

/* One round trip, where a failure ends no transaction. 1, 0 when that is not known so, or -1. */
static int
version_at_once(struct db *db, int64_t *out, struct err *err)
{
	const struct libpq *pq = pq_of(db);
	PGconn *c = postgres_of(db)->connection;
	const char *state;
	PGresult *answer;
	int rc = 1;

	if (pq->PQtransactionStatus(c) != PQTRANS_IDLE)
		return 0;
	answer = pq->PQexec(c, SETTINGS "SELECT coalesce(max(version), 0) FROM testr_schema");
	state = pq->PQresultErrorField(answer, PG_DIAG_SQLSTATE);
	*out = 0;
	if (pq->PQresultStatus(answer) == PGRES_TUPLES_OK)
		slice_int(slice_str(pq->PQgetvalue(answer, 0, 0)), out);
	else if (!state || strcmp(state, UNDEFINED_TABLE) != 0)
		rc = fail(db, err);
	pq->PQclear(answer);
	return rc;
}

static int
postgres_version(struct db *db, int64_t *out, struct err *err)
{
	int64_t there = 0;
	int rc = version_at_once(db, out, err);

	if (rc)
		return rc < 0 ? -1 : 0;
	if (ask(db, "SELECT count(*) FROM (SELECT to_regclass('testr_schema') AS t) AS s WHERE t IS NOT NULL",
		&there, err))
		return -1;
	*out = 0;
	return there ? ask(db, "SELECT max(version) FROM testr_schema", out, err) : 0;
}

static int
postgres_set_version(struct db *db, int64_t version, struct err *err)
{
	char sql[96];

	snprintf(sql, sizeof(sql), "INSERT INTO testr_schema (version) VALUES (%" PRId64 ")", version);
	return postgres_execute(db, sql, err);
}

/* The number of the table of runs sets one repository apart from another in the same database. */
#define LOCK_NUMBER "hashtextextended('testr', 'run'::regclass::oid::bigint) # %" PRId64

static int
postgres_lock(struct db *db, int64_t number, bool wait, struct err *err)
{
	char sql[256];
	int64_t got = 0;

	if (wait) {
		snprintf(sql, sizeof(sql), "SELECT pg_advisory_lock(" LOCK_NUMBER ")", number);
		return postgres_execute(db, sql, err) ? -1 : 1;
	}
	snprintf(sql, sizeof(sql), WRITING "SELECT pg_try_advisory_lock(" LOCK_NUMBER ")::int", number);
	return ask(db, sql, &got, err) ? -1 : got != 0;
}

static int
postgres_unlock(struct db *db, int64_t number, struct err *err)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT pg_advisory_unlock(" LOCK_NUMBER ")::int", number);
	return postgres_execute(db, sql, err);
}

static int
postgres_prepare(struct db_stmt *stmt, struct err *err)
{
	struct postgres *p = postgres_of(stmt->db);
	struct postgres_stmt *s = stmt_of(stmt);

	(void)err;
	/* The server hears of it when it is used: many are used only once. */
	snprintf(s->name, sizeof(s->name), "testr_%u", p->statements++);
	return 0;
}

static void
forget_rows(struct postgres_stmt *s)
{
	pq_of(s->stmt.db)->PQclear(s->rows);
	s->rows = NULL;
	s->row = 0;
}

static void
close_cursor(struct postgres_stmt *s)
{
	struct postgres *p = postgres_of(s->stmt.db);
	char sql[64];

	s->cursor = s->at_end = false;
	/* The end of the last walk's transaction takes its cursor along. */
	if (p->walks && --p->walks == 0) {
		postgres_rollback(&p->db);
	} else if (pq_of(s->stmt.db)->PQtransactionStatus(p->connection) == PQTRANS_INTRANS) {
		snprintf(sql, sizeof(sql), "CLOSE %s", s->name);
		pq_of(s->stmt.db)->PQclear(pq_of(s->stmt.db)->PQexec(p->connection, sql));
	}
}

static void
postgres_reset(struct db_stmt *stmt)
{
	struct postgres_stmt *s = stmt_of(stmt);

	forget_rows(s);
	if (s->cursor)
		close_cursor(s);
}

static void
postgres_clear(struct db_stmt *stmt)
{
	struct postgres_stmt *s = stmt_of(stmt);

	postgres_reset(stmt);
	for (int i = 0; i < s->count; i++)
		buf_release(&s->parameters[i].array);
	memset(s->parameters, 0, sizeof(s->parameters));
	s->count = 0;
}

static void
postgres_finalize(struct db_stmt *stmt)
{
	(void)stmt; /* The server forgets it with the connection. */
}

static struct parameter *
parameter(struct db_stmt *stmt, int at)
{
	struct postgres_stmt *s = stmt_of(stmt);

	if (at > s->count)
		s->count = at;
	return &s->parameters[at - 1];
}

/* As text, so that the server may take it for a number of any width. */
static void
postgres_bind_int(struct db_stmt *stmt, int at, int64_t value)
{
	struct parameter *p = parameter(stmt, at);

	snprintf(p->number, sizeof(p->number), "%" PRId64, value);
	p->value = p->number;
	p->format = 0;
}

static void
postgres_bind_null(struct db_stmt *stmt, int at)
{
	parameter(stmt, at)->value = NULL;
}

static void
bind_binary(struct db_stmt *stmt, int at, struct slice bytes)
{
	struct parameter *p = parameter(stmt, at);

	p->value = (const char *)bytes.data;
	p->length = (int)bytes.len;
	p->format = 1;
}

static void
postgres_bind_bytes(struct db_stmt *stmt, int at, struct slice bytes, bool text)
{
	(void)text; /* Either is the bytes as they are. */
	bind_binary(stmt, at, bytes);
}

static void
add_int(struct buf *out, uint64_t value, unsigned bytes)
{
	while (bytes--)
		buf_byte(out, (uint8_t)(value >> (8 * bytes)));
}

/* An array of one dimension, as the server sends and receives it. */
static struct buf *
begin_array(struct db_stmt *stmt, int at, uint32_t type, size_t count)
{
	struct buf *out = &parameter(stmt, at)->array;

	buf_release(out);
	buf_init(out, ARRAY_MAX);
	add_int(out, count ? 1 : 0, 4);
	add_int(out, 1, 4); /* There may be NULLs. */
	add_int(out, type, 4);
	if (count) {
		add_int(out, count, 4);
		add_int(out, 1, 4);
	}
	return out;
}

static int
end_array(struct db_stmt *stmt, int at, const struct buf *array, struct err *err)
{
	if (array->failed)
		return err_nomem(err);
	bind_binary(stmt, at, buf_get(array));
	return 0;
}

int
db_bind_ints(struct db_stmt *stmt, int at, const int64_t *values, size_t count, struct err *err)
{
	struct buf *array = begin_array(stmt, at, OID_INT8, count);

	for (size_t i = 0; i < count; i++) {
		add_int(array, values[i] == INT64_MIN ? UINT32_MAX : 8, 4);
		if (values[i] != INT64_MIN)
			add_int(array, (uint64_t)values[i], 8);
	}
	return end_array(stmt, at, array, err);
}

int
db_bind_texts(struct db_stmt *stmt, int at, const struct slice *values, size_t count, struct err *err)
{
	struct buf *array = begin_array(stmt, at, OID_BYTEA, count);

	for (size_t i = 0; i < count; i++) {
		add_int(array, values[i].len, 4);
		buf_slice(array, values[i]);
	}
	return end_array(stmt, at, array, err);
}

/* A statement that is used for the second time is worth to be prepared. */
static int
prepare_used(struct postgres_stmt *s, struct err *err)
{
	struct db *db = s->stmt.db;

	if (s->state == USED &&
	    check(db, pq_of(db)->PQprepare(postgres_of(db)->connection, s->name, s->stmt.sql, 0, NULL), err))
		return -1;
	s->state = s->state == UNUSED ? USED : PREPARED;
	return 0;
}

/* Sends a statement with the values: the one that was prepared, or the text when there is one. The answer is
 * kept as its rows. */
static int
send_statement(struct postgres_stmt *s, const char *text, struct err *err)
{
	PGconn *c = postgres_of(s->stmt.db)->connection;
	const char *values[PARAMETERS_MAX];
	int lengths[PARAMETERS_MAX], formats[PARAMETERS_MAX];
	ExecStatusType status;

	for (int i = 0; i < s->count; i++) {
		values[i] = s->parameters[i].value;
		lengths[i] = s->parameters[i].length;
		formats[i] = s->parameters[i].format;
	}
	s->rows = text ? pq_of(s->stmt.db)->PQexecParams(c, text, s->count, NULL, values, lengths, formats, 1)
		       : pq_of(s->stmt.db)->PQexecPrepared(c, s->name, s->count, values, lengths, formats, 1);
	status = pq_of(s->stmt.db)->PQresultStatus(s->rows);
	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		return 0;
	forget_rows(s);
	return fail(s->stmt.db, err);
}

/* Takes the answer to a FETCH. */
static int
take_rows(struct postgres_stmt *s, PGresult *rows, struct err *err)
{
	s->rows = rows;
	if (pq_of(s->stmt.db)->PQresultStatus(rows) == PGRES_TUPLES_OK) {
		s->at_end = pq_of(s->stmt.db)->PQntuples(rows) < FETCH_ROWS;
		return 0;
	}
	forget_rows(s);
	return fail(s->stmt.db, err);
}

/* Declares the cursor of a walk and fetches its first rows: without values in one round trip. */
static int
open_cursor(struct postgres_stmt *s, const char *begin, const char *fetch, struct err *err)
{
	struct db *db = s->stmt.db;
	PGconn *c = postgres_of(db)->connection;
	struct buf sql;
	int rc;

	buf_init(&sql, (size_t)1 << 20);
	if (s->count == 0) {
		/* Otherwise the rows of a statement without values come as text. */
		buf_printf(&sql, "%s; DECLARE %s BINARY NO SCROLL CURSOR FOR %s; %s", begin, s->name,
		    s->stmt.sql, fetch);
		rc =
		    buf_cstr(&sql) ? take_rows(s, pq_of(db)->PQexec(c, buf_cstr(&sql)), err) : err_nomem(err);
		buf_release(&sql);
		return rc;
	}
	buf_printf(&sql, "DECLARE %s NO SCROLL CURSOR FOR %s", s->name, s->stmt.sql);
	rc = !buf_cstr(&sql) ? err_nomem(err)
	     : (*begin && postgres_execute(db, begin, err)) || send_statement(s, buf_cstr(&sql), err) ? -1
												      : 0;
	buf_release(&sql);
	forget_rows(s);
	return rc ? -1 : take_rows(s, pq_of(db)->PQexecParams(c, fetch, 0, NULL, NULL, NULL, NULL, 1), err);
}

/* A cursor lives in a transaction: the one that is open, or one for all walks that are under way. */
static int
fetch(struct postgres_stmt *s, struct err *err)
{
	struct postgres *p = postgres_of(s->stmt.db);
	const struct libpq *pq = pq_of(&p->db);
	bool begin = p->walks == 0 && pq->PQtransactionStatus(p->connection) == PQTRANS_IDLE;
	char sql[64];

	snprintf(sql, sizeof(sql), "FETCH %d FROM %s", FETCH_ROWS, s->name);
	forget_rows(s);
	if (s->cursor)
		return take_rows(s, pq->PQexecParams(p->connection, sql, 0, NULL, NULL, NULL, NULL, 1), err);
	s->cursor = true;
	if (begin || p->walks)
		p->walks++;
	return open_cursor(s, begin ? "BEGIN ISOLATION LEVEL READ COMMITTED" : "", sql, err);
}

static int
execute(struct postgres_stmt *s, struct err *err)
{
	return prepare_used(s, err) || send_statement(s, s->state == USED ? s->stmt.sql : NULL, err) ? -1 : 0;
}

static int
postgres_step(struct db_stmt *stmt, struct err *err)
{
	struct postgres_stmt *s = stmt_of(stmt);

	if (s->rows && s->row < pq_of(stmt->db)->PQntuples(s->rows)) {
		s->row++;
		return 1;
	}
	if (stmt->walk && s->at_end)
		return 0;
	if (stmt->walk ? fetch(s, err) : s->rows ? 0 : execute(s, err))
		return -1;
	if (s->row >= pq_of(stmt->db)->PQntuples(s->rows))
		return 0;
	s->row++;
	return 1;
}

static int64_t
postgres_changes(struct db_stmt *stmt)
{
	int64_t changes = 0;

	slice_int(slice_str(pq_of(stmt->db)->PQcmdTuples(stmt_of(stmt)->rows)), &changes);
	return changes;
}

static bool
postgres_is_null(struct db_stmt *stmt, int at)
{
	struct postgres_stmt *s = stmt_of(stmt);

	return pq_of(stmt->db)->PQgetisnull(s->rows, s->row - 1, at) != 0;
}

static struct slice
postgres_column_bytes(struct db_stmt *stmt, int at)
{
	struct postgres_stmt *s = stmt_of(stmt);

	return slice_of(pq_of(stmt->db)->PQgetvalue(s->rows, s->row - 1, at),
	    (size_t)pq_of(stmt->db)->PQgetlength(s->rows, s->row - 1, at));
}

/* Two, four or eight bytes, the highest first. */
static int64_t
postgres_column_int(struct db_stmt *stmt, int at)
{
	struct slice bytes = postgres_column_bytes(stmt, at);
	uint64_t value = bytes.len && bytes.data[0] & 0x80 ? UINT64_MAX : 0;

	for (size_t i = 0; i < bytes.len; i++)
		value = value << 8 | bytes.data[i];
	return (int64_t)value;
}

static const struct db_driver driver = {
    .kind = DB_POSTGRES,
    .stmt_size = sizeof(struct postgres_stmt),
    .close = postgres_close,
    .begin = postgres_begin,
    .commit = postgres_commit,
    .rollback = postgres_rollback,
    .version = postgres_version,
    .set_version = postgres_set_version,
    .execute = postgres_execute,
    .lock = postgres_lock,
    .unlock = postgres_unlock,
    .prepare = postgres_prepare,
    .clear = postgres_clear,
    .finalize = postgres_finalize,
    .bind_int = postgres_bind_int,
    .bind_null = postgres_bind_null,
    .bind_bytes = postgres_bind_bytes,
    .step = postgres_step,
    .reset = postgres_reset,
    .changes = postgres_changes,
    .is_null = postgres_is_null,
    .column_int = postgres_column_int,
    .column_bytes = postgres_column_bytes,
};

static void
ignore_notice(void *context, const char *message)
{
	(void)context;
	(void)message;
}

/* It stays until the end of the process. */
static int
load_libpq(struct libpq *pq, struct err *err)
{
	void *library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL), *symbol;

	if (!library)
		return err_set(err, ERR_FAILED,
		    "PostgreSQL needs its library libpq, in Debian's package libpq5: %s", dlerror());
#define LOAD(name) \
	symbol = dlsym(library, #name); \
	if (!symbol) \
		return err_set(err, ERR_FAILED, "libpq is too old: it has no %s", #name); \
	memcpy(&pq->name, &symbol, sizeof(symbol))
	FUNCTIONS(LOAD)
	return 0;
}

/* "postgresql://HOST/DATABASE", without a password. */
static char *
name_of(const struct libpq *pq, PGconn *c)
{
	const char *host = pq->PQhost(c);
	struct buf name;
	char *text;

	buf_init(&name, 4096);
	buf_printf(
	    &name, "postgresql://%s/%s", host && *host != '/' ? host : "", pq->PQdb(c) ? pq->PQdb(c) : "");
	text = buf_steal(&name);
	buf_release(&name);
	return text;
}

static int
cannot_connect(struct db *db, struct err *err)
{
	struct slice why = first_line(pq_of(db)->PQerrorMessage(postgres_of(db)->connection));
	const char *advice = "is the server running, and is the URL right?";

	if (slice_search(why, SLICE_LIT("does not exist")) < why.len)
		advice = "\"createdb\" makes a database";
	return err_set(err, ERR_FAILED, "cannot open %s: %.*s (%s)", db->name, SLICE_FMT(why), advice);
}

int
db_open_postgres(const char *url, struct db **out, struct err *err)
{
	/* What the URL says of the first two comes later and counts. */
	static const char *const words[] = {
	    "connect_timeout", "fallback_application_name", "dbname", "client_encoding", NULL};
	const char *values[] = {"10", "testr", url, "UTF8", NULL};
	struct postgres *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return err_nomem(err);
	if (load_libpq(&p->pq, err)) {
		free(p);
		return -1;
	}
	p->db.driver = &driver;
	p->connection = p->pq.PQconnectdbParams(words, values, 1);
	p->db.name = p->connection ? name_of(&p->pq, p->connection) : NULL;
	if (!p->db.name) {
		rc = err_nomem(err);
	} else if (p->pq.PQstatus(p->connection) != CONNECTION_OK) {
		rc = cannot_connect(&p->db, err);
	} else {
		p->pq.PQsetNoticeProcessor(p->connection, ignore_notice, NULL);
		rc = 0;
	}
	if (rc) {
		db_free(&p->db);
		return -1;
	}
	*out = &p->db;
	return 0;
}
