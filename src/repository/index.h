/* SPDX-License-Identifier: Apache-2.0
 *
 * The index of a format-2 repository: what the streams say, in tables. It can always be made again from them.
 *
 * Everything that changes it happens between index_begin and index_commit, which may hold locks that others wait
 * for, so never for long. A function that fails inside leaves the transaction open, for index_rollback. */
#ifndef INDEX_H
#define INDEX_H

#include "index_batch.h"
#include "repository.h"

struct index;

/* Creates the tables, or finds them there. With `streams` the database is to have these as well, as
 * PostgreSQL always has. */
int index_create(struct db *db, bool streams, struct err *err);
/* The database is borrowed. A schema that is not ours is an error, but an older one in PostgreSQL is brought to
 * our version. *out is freed with index_free. */
int index_open(struct db *db, struct index **out, struct err *err);
/* Accepts NULL. */
void index_free(struct index *ix);

/* A durable transaction survives also the end of the machine. One that begins inside another is a part of it. */
int index_begin(struct index *ix, bool durable, struct err *err);
int index_commit(struct index *ix, struct err *err);
/* Ends the outermost. Accepts that there is no transaction. */
void index_rollback(struct index *ix);

/* The id of the next run. */
int index_run_next(struct index *ix, int64_t *out, struct err *err);
/* Later runs have ids from next_run on, and later ends are after `sequence`. */
int index_raise(struct index *ix, int64_t next_run, int64_t sequence, struct err *err);
/* The greatest place of an end; 0 before the first. Until the transaction ends no other run does. */
int index_sequence_last(struct index *ix, int64_t *out, struct err *err);
/* A running run: its id, uid and uxsuccess_passes. Later ids are greater. */
int index_run_insert(struct index *ix, const struct repo_run *run, struct err *err);
/* Writes all facts but id and uid. Later places of ends are greater than its sequence. */
int index_run_update(struct index *ix, const struct repo_run *run, struct err *err);
/* 1, 0 when there is none, or -1. */
int index_run_get(struct index *ix, int64_t id, struct repo_run *out, struct err *err);
int index_runs(struct index *ix, repo_run_fn fn, void *context, struct err *err);
int index_runs_where(
    struct index *ix, const struct repo_query *query, repo_run_fn fn, void *context, struct err *err);
/* The first running run with an id above `after`, or -1. */
int index_running(struct index *ix, int64_t after, int64_t *out, struct err *err);
int index_latest(struct index *ix, int64_t *out, struct err *err);
int index_find_uid(struct index *ix, const char *uid, int64_t *out, struct err *err);

int index_meta_set(struct index *ix, int64_t run, const struct repo_meta *meta, struct err *err);
int index_meta(struct index *ix, int64_t run, repo_meta_fn fn, void *context, struct err *err);

int index_results_add(struct index *ix, int64_t run, const struct index_batch *batch, struct err *err);
/* Takes all results and metadata of a run away. */
int index_run_clear(struct index *ix, int64_t run, struct err *err);
/* Takes the run itself away as well. */
int index_run_remove(struct index *ix, int64_t run, struct err *err);
/* Takes everything away; ids and places of ends go on from where they are. */
int index_clear(struct index *ix, struct err *err);

/* As repo_rows, repo_history and repo_tests. */
int index_rows(struct index *ix, int64_t run, repo_row_fn fn, void *context, struct err *err);
int index_history(
    struct index *ix, struct slice test, int64_t limit, repo_row_fn fn, void *context, struct err *err);
int index_tests(struct index *ix, repo_test_fn fn, void *context, struct err *err);

/* A row of a statement that begins with the columns of a result (sql.c). */
struct repo_row index_row(struct db_stmt *stmt, struct slice test);

/* What fold.c needs beside. The values of the table "counter": */
int index_counter(struct index *ix, const char *name, int64_t *out, struct err *err);
int index_counter_set(struct index *ix, const char *name, int64_t value, struct err *err);
/* The runs whose ends have a place after `after` up to `until`, in the order of place and uid. */
int index_runs_between(
    struct index *ix, int64_t after, int64_t until, repo_run_fn fn, void *context, struct err *err);
struct db *index_db(struct index *ix);

#endif
