/* SPDX-License-Identifier: Apache-2.0 */
#include "profile.h"

#include "fold.h"
#include "sql.h"
#include "tagset.h"

#include <stdlib.h>

int
profile_setting(struct db *db, struct buf *out, struct err *err)
{
	struct db_stmt *stmt = db_prepare(db, sql_setting_get, err);
	int rc = stmt ? db_step(stmt, err) : -1;

	if (rc > 0)
		buf_slice(out, db_bytes(stmt, 0));
	db_release(stmt);
	if (rc >= 0 && out->failed)
		return err_nomem(err);
	return rc < 0 ? -1 : 0;
}

static int
change_setting(struct db *db, struct slice tags, struct err *err)
{
	struct db_stmt *stmt = db_prepare(db, sql_setting_set, err);
	int64_t rc;

	if (!stmt)
		return -1;
	db_bind_blob(stmt, 1, tags);
	rc = db_run(stmt, err);
	db_release(stmt);
	return rc < 0 ? -1 : 0;
}

/* The first column of the row of a statement whose one value is a set; *out stays as it is when there is no row. */
static int
ask(struct db *db, const char *sql, struct slice set, int64_t *out, struct err *err)
{
	struct db_stmt *stmt = db_prepare(db, sql, err);
	int rc;

	if (!stmt)
		return -1;
	db_bind_blob(stmt, 1, set);
	rc = db_step(stmt, err);
	if (rc > 0)
		*out = db_int(stmt, 0);
	db_release(stmt);
	return rc < 0 ? -1 : 0;
}

int
profile_find(struct db *db, struct slice profile, int64_t *out, struct err *err)
{
	return ask(db, sql_profile_find, profile, out, err);
}

static int
intern(struct db *db, struct slice profile, int64_t *out, struct err *err)
{
	*out = profile.len ? -1 : PROFILE_NONE;
	if (*out < 0 && profile_find(db, profile, out, err) < 0)
		return -1;
	return *out < 0 ? ask(db, sql_profile_insert, profile, out, err) : 0;
}

int
profile_of(struct db *db, struct slice tags, int64_t *out, struct err *err)
{
	struct buf setting, common;
	int rc;

	buf_init(&setting, SIZE_MAX / 4);
	buf_init(&common, SIZE_MAX / 4);
	rc = profile_setting(db, &setting, err);
	if (rc == 0) {
		tagset_common(tags, buf_get(&setting), &common);
		rc = common.failed ? err_nomem(err) : intern(db, buf_get(&common), out, err);
	}
	buf_release(&setting);
	buf_release(&common);
	return rc;
}

/* All sets of tags there are: their numbers, which the caller frees, and themselves. */
static int
read_tagsets(struct db *db, struct strtab *sets, int64_t **numbers, struct err *err)
{
	struct db_stmt *stmt = db_prepare(db, sql_tagsets, err);
	size_t cap = 0;
	int rc = stmt ? 0 : -1;

	*numbers = NULL;
	while (rc == 0 && (rc = db_step(stmt, err)) > 0) {
		if (sets->len == cap) {
			int64_t *more = reallocarray(*numbers, cap ? cap * 2 : 16, sizeof(*more));

			if (!more) {
				rc = err_nomem(err);
				break;
			}
			cap = cap ? cap * 2 : 16;
			*numbers = more;
		}
		(*numbers)[sets->len] = db_int(stmt, 0);
		rc = strtab_add(sets, db_bytes(stmt, 1), NULL) == STRTAB_NONE ? err_nomem(err) : 0;
	}
	db_release(stmt);
	return rc < 0 ? -1 : 0;
}

static int
assign(struct db *db, int64_t tagset, int64_t profile, struct err *err)
{
	struct db_stmt *stmt = db_prepare(db, sql_tagset_profile, err);
	int64_t rc;

	if (!stmt)
		return -1;
	db_bind_int(stmt, 1, profile);
	db_bind_int(stmt, 2, tagset);
	rc = db_run(stmt, err);
	db_release(stmt);
	return rc < 0 ? -1 : 0;
}

/* Gives each set of tags the profile that it is of now. */
static int
assign_all(struct db *db, struct err *err)
{
	struct strtab sets = {0};
	int64_t *numbers, profile;
	int rc = db_execute(db, sql_profiles_clear, err);

	if (rc == 0)
		rc = read_tagsets(db, &sets, &numbers, err);
	else
		numbers = NULL;
	for (size_t i = 0; rc == 0 && i < sets.len; i++) {
		rc = profile_of(db, strtab_get(&sets, i), &profile, err);
		if (rc == 0)
			rc = assign(db, numbers[i], profile, err);
	}
	strtab_release(&sets);
	free(numbers);
	return rc;
}

/* 1 when the setting is these tags. */
static int
is_set(struct db *db, struct slice tags, struct err *err)
{
	struct buf now;
	int rc;

	buf_init(&now, SIZE_MAX / 4);
	rc = profile_setting(db, &now, err);
	if (rc == 0)
		rc = slice_eq(buf_get(&now), tags);
	buf_release(&now);
	return rc;
}

int
profile_set(struct index *ix, struct slice tags, struct err *err)
{
	struct db *db = index_db(ix);
	int64_t last;
	int rc = is_set(db, tags, err);

	if (rc)
		return rc < 0 ? -1 : 0;
	if (index_begin(ix, true, err) < 0)
		return -1;
	/* Meanwhile no run ends, and no new set of tags comes. */
	rc = index_sequence_last(ix, &last, err);
	if (rc == 0 && db_kind(db) == DB_POSTGRES)
		rc = db_execute(db, sql_tagset_lock_postgres, err);
	if (rc == 0)
		rc = change_setting(db, tags, err) || assign_all(db, err) || fold_again(ix, err) ||
			     index_commit(ix, err)
			 ? -1
			 : 0;
	if (rc)
		index_rollback(ix);
	return rc;
}

int
profile_walk(struct db *db, repo_profile_fn fn, void *context, struct err *err)
{
	struct db_stmt *stmt = db_prepare_walk(db, sql_profiles, err);
	int rc;

	if (!stmt)
		return -1;
	while ((rc = db_step(stmt, err)) > 0) {
		struct repo_profile p = {.tags = db_bytes(stmt, 0),
		    .tests = db_int(stmt, 1),
		    .failing = db_int(stmt, 2),
		    .run = db_int_or(stmt, 3, -1)};

		rc = fn(context, &p, err);
		if (rc)
			break;
	}
	db_release(stmt);
	return rc;
}
