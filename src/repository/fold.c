/* SPDX-License-Identifier: Apache-2.0 */
#include "fold.h"

#include "db.h"
#include "profile.h"
#include "repo_backend.h"
#include "sql.h"
#include "streams.h"

/* Counters: whether the failing tests have to be found out anew, and of the checkpoint its place and number. */
#define STALE "stale"
#define CHECKPOINT "checkpoint"
#define NUMBER "file"

/* Goes through the results of one run that have a say in what fails. */
static int
add_results(struct index *ix, const struct repo_run *run, struct err *err)
{
	struct db *db = index_db(ix);
	struct db_stmt *changes = db_prepare(db, sql_failing_changes, err);
	struct db_stmt *set = changes ? db_prepare(db, sql_failing_set, err) : NULL;
	struct db_stmt *drop = set ? db_prepare(db, sql_failing_remove, err) : NULL;
	int rc = drop ? 0 : -1;

	if (rc == 0) {
		db_bind_int(changes, 1, run->id);
		db_bind_int(changes, 2, run->uxsuccess_passes);
		db_bind_int(changes, 3, run->state == REPO_FINISHED);
	}
	while (rc == 0 && (rc = db_step(changes, err)) > 0) {
		bool fails = repo_status_fails((enum status)db_int(changes, 2), run->uxsuccess_passes);
		struct db_stmt *stmt = fails ? set : drop;

		db_bind_int(stmt, 1, db_int(changes, 0));
		db_bind_int(stmt, 2, db_int(changes, 3));
		if (fails) {
			db_bind_int(stmt, 3, run->id);
			db_bind_int(stmt, 4, db_int(changes, 1));
		}
		rc = db_run(stmt, err) < 0 ? -1 : 0;
	}
	db_release(changes);
	db_release(set);
	db_release(drop);
	return rc;
}

/* Whether there are any profiles. */
static int
is_profiled(struct index *ix, bool *out, struct err *err)
{
	struct buf setting;
	int rc;

	buf_init(&setting, SIZE_MAX / 4);
	rc = profile_setting(index_db(ix), &setting, err);
	*out = setting.len > 0;
	buf_release(&setting);
	return rc;
}

/* Forgets what fails, as far as a run of the whole suite says it anew. */
static int
clear_failing(struct index *ix, const struct repo_run *run, struct err *err)
{
	struct db_stmt *stmt;
	bool profiled;
	int64_t rc;

	if (is_profiled(ix, &profiled, err) < 0)
		return -1;
	if (!profiled)
		return db_execute(index_db(ix), sql_failing_clear, err);
	stmt = db_prepare(index_db(ix), sql_failing_clear_profiles, err);
	if (!stmt)
		return -1;
	db_bind_int(stmt, 1, run->id);
	rc = db_run(stmt, err);
	db_release(stmt);
	return rc < 0 ? -1 : 0;
}

/* Changes the failing tests by one run. */
static int
add_failing(void *context, const struct repo_run *run, struct err *err)
{
	struct index *ix = context;
	bool replaces = run->state == REPO_FINISHED && !run->partial;

	if (replaces && clear_failing(ix, run, err))
		return -1;
	return add_results(ix, run, err);
}

/* Adds the durations in one stream, whose place that is. */
static int
add_stream_durations(struct index *ix, int64_t stream, int64_t sequence, struct err *err)
{
	bool postgres = db_kind(index_db(ix)) == DB_POSTGRES;
	struct db_stmt *stmt =
	    db_prepare(index_db(ix), postgres ? sql_durations_set_postgres : sql_durations_set, err);
	int64_t rc;

	if (!stmt)
		return -1;
	db_bind_int(stmt, 1, sequence);
	db_bind_int(stmt, 2, stream);
	rc = db_run(stmt, err);
	db_release(stmt);
	return rc < 0 ? -1 : 0;
}

static int
add_durations(void *context, const struct repo_run *run, struct err *err)
{
	return add_stream_durations(context, run->id, run->sequence, err);
}

/* 1, 0 or -1. */
static int
is_probe(struct index *ix, int64_t run, struct err *err)
{
	struct db_stmt *stmt = db_prepare(index_db(ix), sql_run_is_probe, err);
	int rc;

	if (!stmt)
		return -1;
	db_bind_int(stmt, 1, run);
	rc = db_step(stmt, err);
	db_release(stmt);
	return rc;
}

int
fold_run(struct index *ix, const struct repo_run *run, int64_t last, struct err *err)
{
	int64_t stale = run->sequence <= last, checkpoint = 0;
	int probe = is_probe(ix, run->id, err);

	if (probe < 0 || index_counter(ix, CHECKPOINT, &checkpoint, err))
		return -1;
	if (probe || run->sequence <= checkpoint)
		return 0;
	/* Of several runs at one place the last one counts, whichever came first. */
	if (index_runs_between(ix, run->sequence - 1, run->sequence, add_durations, ix, err) ||
	    (!stale && index_counter(ix, STALE, &stale, err)))
		return -1;
	return stale ? index_counter_set(ix, STALE, 1, err) : add_failing(ix, run, err);
}

/* The place of the last run of the whole suite up to `until`; 0 when there is none. */
static int
last_whole(struct index *ix, int64_t until, int64_t *out, struct err *err)
{
	struct db_stmt *stmt = db_prepare(index_db(ix), sql_fold_start, err);
	int rc;

	if (!stmt)
		return -1;
	db_bind_int(stmt, 1, until);
	rc = db_step(stmt, err);
	*out = rc > 0 ? db_int_or(stmt, 0, 0) : 0;
	db_release(stmt);
	return rc < 0 ? -1 : 0;
}

static int
failing_from_checkpoint(struct index *ix, int64_t number, struct err *err)
{
	struct db_stmt *stmt = db_prepare(index_db(ix), sql_failing_from_checkpoint, err);
	int64_t rc;

	if (!stmt)
		return -1;
	db_bind_int(stmt, 1, STREAMS_CHECKPOINT(number));
	rc = db_run(stmt, err);
	db_release(stmt);
	return rc < 0 ? -1 : 0;
}

int
fold_at(struct index *ix, int64_t sequence, struct err *err)
{
	int64_t whole, kept, number, last;
	bool profiled;

	/* No run may end meanwhile. */
	if (index_sequence_last(ix, &last, err) || is_profiled(ix, &profiled, err) ||
	    fold_checkpoint(ix, &kept, &number, err) || last_whole(ix, sequence, &whole, err) ||
	    db_execute(index_db(ix), sql_failing_clear, err))
		return -1;
	/* A run of the whole suite says it all, unless it may be that of another profile. */
	if (whole > kept && !profiled)
		kept = whole - 1;
	else if (number && failing_from_checkpoint(ix, number, err))
		return -1;
	return index_runs_between(ix, kept, sequence, add_failing, ix, err) ||
		       index_counter_set(ix, STALE, sequence != INT64_MAX, err)
		   ? -1
		   : 0;
}

int
fold_again(struct index *ix, struct err *err)
{
	int64_t kept, number;

	if (fold_at(ix, INT64_MAX, err) || fold_checkpoint(ix, &kept, &number, err) ||
	    db_execute(index_db(ix), sql_durations_clear, err))
		return -1;
	if (number && add_stream_durations(ix, STREAMS_CHECKPOINT(number), kept, err))
		return -1;
	return index_runs_between(ix, kept, INT64_MAX, add_durations, ix, err);
}

int
fold_settle(struct index *ix, struct err *err)
{
	int64_t stale = 0;

	if (index_counter(ix, STALE, &stale, err))
		return -1;
	if (!stale)
		return 0;
	if (index_begin(ix, false, err))
		return -1;
	if (fold_at(ix, INT64_MAX, err) || index_commit(ix, err)) {
		index_rollback(ix);
		return -1;
	}
	return 0;
}

int
fold_checkpoint(struct index *ix, int64_t *sequence, int64_t *number, struct err *err)
{
	*sequence = *number = 0;
	return index_counter(ix, CHECKPOINT, sequence, err) || index_counter(ix, NUMBER, number, err) ? -1
												      : 0;
}

int
fold_checkpoint_set(struct index *ix, int64_t sequence, int64_t number, struct err *err)
{
	return index_counter_set(ix, CHECKPOINT, sequence, err) || index_counter_set(ix, NUMBER, number, err)
		   ? -1
		   : 0;
}

int
fold_failing(struct index *ix, fold_failing_fn fn, void *context, struct err *err)
{
	struct db_stmt *stmt = db_prepare_walk(index_db(ix), sql_failing, err);
	int rc;

	if (!stmt)
		return -1;
	while ((rc = db_step(stmt, err)) > 0) {
		int64_t duration = db_int_or(stmt, 6, TIME_NONE);
		struct result r = {
		    .offset = (uint64_t)db_int(stmt, 1),
		    .id = db_bytes(stmt, 3),
		    .status = (enum status)db_int(stmt, 4),
		    .start = db_int_or(stmt, 5, TIME_NONE),
		    .stop = TIME_NONE,
		};

		r.end = r.offset + (uint64_t)db_int(stmt, 2);
		if (duration != TIME_NONE)
			r.stop = r.start + duration;
		rc = fn(context, db_int(stmt, 0), &r, err);
		if (rc)
			break;
	}
	db_release(stmt);
	return rc;
}

int
fold_failing_ids(struct index *ix, int64_t profile, struct strtab *ids, struct err *err)
{
	struct db_stmt *stmt = db_prepare_walk(index_db(ix), sql_failing_names, err);
	int rc;

	if (!stmt)
		return -1;
	db_bind_int(stmt, 1, profile);
	while ((rc = db_step(stmt, err)) > 0) {
		if (strtab_add(ids, db_bytes(stmt, 0), NULL) != STRTAB_NONE)
			continue;
		rc = err_nomem(err);
		break;
	}
	db_release(stmt);
	return rc;
}

/* Looks each test up. */
static int
find_durations(struct index *ix, int64_t profile, const struct strtab *ids, int64_t *out, struct err *err)
{
	struct db_stmt *stmt = db_prepare(index_db(ix), sql_duration, err);
	int rc = stmt ? 0 : -1;

	for (size_t i = 0; rc >= 0 && i < ids->len; i++) {
		struct slice name = strtab_get(ids, i);

		db_bind_int(stmt, 1, index_hash(name));
		db_bind_text(stmt, 2, name);
		db_bind_int(stmt, 3, profile);
		rc = db_step(stmt, err);
		if (rc > 0)
			out[i] = db_int_or(stmt, 0, -1);
		db_reset(stmt);
	}
	db_release(stmt);
	return rc < 0 ? -1 : 0;
}

/* Goes through all tests that there are. */
static int
scan_durations(struct index *ix, int64_t profile, const struct strtab *ids, int64_t *out, struct err *err)
{
	struct db_stmt *stmt = db_prepare_walk(index_db(ix), sql_durations, err);
	int rc = stmt ? 0 : -1;

	if (stmt)
		db_bind_int(stmt, 1, profile);
	while (rc >= 0 && (rc = db_step(stmt, err)) > 0) {
		size_t i = strtab_find(ids, db_bytes(stmt, 0));

		if (i != STRTAB_NONE && db_int(stmt, 1) > out[i])
			out[i] = db_int(stmt, 1);
	}
	db_release(stmt);
	return rc;
}

int
fold_durations(struct index *ix, int64_t profile, const struct strtab *ids, int64_t *out, struct err *err)
{
	struct db_stmt *stmt = db_prepare(index_db(ix), sql_duration_count, err);
	int64_t tests = 0;
	int rc;

	for (size_t i = 0; i < ids->len; i++)
		out[i] = -1;
	if (!stmt)
		return -1;
	rc = db_step(stmt, err);
	if (rc > 0)
		tests = db_int(stmt, 0);
	db_release(stmt);
	if (rc < 0)
		return -1;
	/* Finding a row costs about as much as passing ten by. */
	if ((uint64_t)tests / 10 < ids->len)
		return scan_durations(ix, profile, ids, out, err);
	return find_durations(ix, profile, ids, out, err);
}

int
fold_durations_all(struct index *ix, fold_duration_fn fn, void *context, struct err *err)
{
	struct db_stmt *stmt = db_prepare_walk(index_db(ix), sql_durations_all, err);
	int rc;

	if (!stmt)
		return -1;
	while ((rc = db_step(stmt, err)) > 0) {
		rc = fn(context, db_bytes(stmt, 0), db_bytes(stmt, 3), db_int(stmt, 1), db_int(stmt, 2), err);
		if (rc)
			break;
	}
	db_release(stmt);
	return rc;
}
