/* SPDX-License-Identifier: Apache-2.0
 *
 * Format 2: streams/ID holds what was said, as subunit v2; index.sqlite is made from it (index.h).
 *
 * Whoever writes a run holds the lock of its stream file until the end. So a run that the index calls running
 * and whose stream can be locked has lost its writer: who notices it, indexes the stream anew and calls the
 * run interrupted. The same happens to a run whose end could not be written. */
#include "adopt.h"
#include "db_postgres.h"
#include "db_sqlite.h"
#include "fold.h"
#include "holder.h"
#include "index_page.h"
#include "profile.h"
#include "rebuild.h"
#include "remove.h"
#include "replay.h"
#include "repo_backend.h"
#include "run_packet.h"
#include "writer.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STREAMS "streams"
#define INDEX "index.sqlite"
#define READ_SIZE ((size_t)64 << 10)

static char *
join(const struct file_dir *dir, const char *name, struct err *err)
{
	struct buf path;
	char *text;

	buf_init(&path, SIZE_MAX / 4);
	buf_printf(&path, "%s/%s", dir->path, name);
	text = buf_steal(&path);
	buf_release(&path);
	if (!text)
		err_nomem(err);
	return text;
}

static int
sqlite_create(const struct file_dir *dir, struct err *err)
{
	char *path = join(dir, INDEX, err);
	struct db *db = NULL;
	int rc = path ? db_open_sqlite(path, true, &db, err) : -1;

	free(path);
	if (rc == 0)
		rc = index_create(db, false, err);
	db_free(db);
	if (rc == 0 && mkdirat(dir->fd, STREAMS, 0777) && errno != EEXIST)
		rc = file_error(dir, STREAMS, "create", err);
	return rc;
}

static struct repo *
sqlite_allocate(void)
{
	struct sqlite_repo *repo = calloc(1, sizeof(*repo));

	if (!repo)
		return NULL;
	repo->streams.dir.fd = -1;
	return &repo->base;
}

static int
sqlite_open(struct repo *base, struct err *err)
{
	struct sqlite_repo *repo = (struct sqlite_repo *)base;
	char *path = join(&base->dir, INDEX, err);
	int rc = path ? db_open_sqlite(path, false, &repo->db, err) : -1;

	free(path);
	if (rc || index_open(repo->db, &repo->index, err) ||
	    streams_open_dir(&repo->streams, &base->dir, err))
		return -1;
	return writer_repair_all(repo, err);
}

static int
postgres_create(const char *url, struct err *err)
{
	struct db *db;
	int64_t version = 0;
	int rc;

	if (db_open_postgres(url, &db, err))
		return -1;
	rc = db_version(db, &version, err);
	if (rc == 0 && version)
		rc = err_set(err, ERR_FAILED, "%s has a repository already", db_name(db));
	if (rc == 0)
		rc = index_create(db, true, err);
	db_free(db);
	return rc;
}

static int
postgres_open(struct repo *base, struct err *err)
{
	struct sqlite_repo *repo = (struct sqlite_repo *)base;

	if (db_open_postgres(base->url, &repo->db, err))
		return -1;
	base->dir.path = slice_dup(slice_str(db_name(repo->db)));
	if (!base->dir.path)
		return err_nomem(err);
	if (index_open(repo->db, &repo->index, err))
		return -1;
	repo->streams.db = repo->db;
	return writer_repair_all(repo, err);
}

/* One that cannot be asked is there: opening it says why. */
static bool
postgres_exists(const char *url)
{
	struct db *db;
	struct err ignored;
	int64_t version = 0;
	bool exists;

	if (db_open_postgres(url, &db, &ignored))
		return true;
	exists = db_version(db, &version, &ignored) || version;
	db_free(db);
	return exists;
}

/* A new one is there as soon as it is opened. */
static int
memory_create(const char *url, struct err *err)
{
	(void)url;
	(void)err;
	return 0;
}

static bool
memory_exists(const char *url)
{
	(void)url;
	return true;
}

static int
memory_open(struct repo *base, struct err *err)
{
	struct sqlite_repo *repo = (struct sqlite_repo *)base;

	if (db_open_sqlite(":memory:", true, &repo->db, err) || index_create(repo->db, true, err))
		return -1;
	base->dir.path = slice_dup(SLICE_LIT("memory:"));
	if (!base->dir.path)
		return err_nomem(err);
	repo->streams.db = repo->db;
	return index_open(repo->db, &repo->index, err);
}

static void
sqlite_close(struct repo *base)
{
	struct sqlite_repo *repo = (struct sqlite_repo *)base;

	index_free(repo->index);
	streams_release(&repo->streams);
	db_free(repo->db);
}

static int
sqlite_run_count(struct repo *repo, int64_t *out, struct err *err)
{
	return index_run_next(((struct sqlite_repo *)repo)->index, out, err);
}

static int
sqlite_latest(struct repo *repo, int64_t *out, struct err *err)
{
	return index_latest(((struct sqlite_repo *)repo)->index, out, err);
}

static int
sqlite_run_get(struct repo *repo, int64_t id, struct repo_run *out, struct err *err)
{
	int rc = index_run_get(((struct sqlite_repo *)repo)->index, id, out, err);

	return rc == 0 ? repo_no_run(err) : rc > 0 ? 0 : -1;
}

static int
sqlite_runs(struct repo *repo, repo_run_fn fn, void *context, struct err *err)
{
	return index_runs(((struct sqlite_repo *)repo)->index, fn, context, err);
}

static int
sqlite_runs_where(
    struct repo *repo, const struct repo_query *query, repo_run_fn fn, void *context, struct err *err)
{
	return index_runs_where(((struct sqlite_repo *)repo)->index, query, fn, context, err);
}

static int
sqlite_find_uid(struct repo *repo, const char *uid, int64_t *out, struct err *err)
{
	return index_find_uid(((struct sqlite_repo *)repo)->index, uid, out, err);
}

static int
sqlite_meta(struct repo *repo, int64_t id, repo_meta_fn fn, void *context, struct err *err)
{
	struct repo_run run;

	return sqlite_run_get(repo, id, &run, err)
		   ? -1
		   : index_meta(((struct sqlite_repo *)repo)->index, id, fn, context, err);
}

/* The bytes [from, end) of the stream of a run that the index knows, or -1. */
static int
fetch(struct repo *base, int64_t id, uint64_t from, uint64_t end, struct err *err)
{
	struct repo_run run;

	return sqlite_run_get(base, id, &run, err)
		   ? -1
		   : streams_fetch(&((struct sqlite_repo *)base)->streams, id, from, end, err);
}

static int
stored_stream(struct repo *repo, int64_t id, struct err *err)
{
	return fetch(repo, id, 0, UINT64_MAX, err);
}

static int
sqlite_results(
    struct repo *repo, int64_t id, size_t detail_max, repo_result_fn fn, void *context, struct err *err)
{
	int fd = stored_stream(repo, id, err), rc;

	if (fd < 0)
		return -1;
	rc = replay_results(fd, READER_V2, detail_max, fn, context, err);
	close(fd);
	return rc;
}

struct text_walk {
	struct slice name;
	repo_text_fn fn;
	void *context;
};

static int
text_event(void *context, const struct event *e, struct err *err)
{
	struct text_walk *walk = context;

	/* Bytes of no packet are damage here, not text that was stored. */
	if (e->kind != EVENT_PACKET || e->id.data || !e->file_name.data ||
	    !slice_eq(e->file_name, walk->name))
		return 0;
	return walk->fn(walk->context, e->file, err);
}

static int
sqlite_run_text(
    struct repo *repo, int64_t id, struct slice name, repo_text_fn fn, void *context, struct err *err)
{
	struct text_walk walk = {name, fn, context};
	int fd = stored_stream(repo, id, err), rc;

	if (fd < 0)
		return -1;
	rc = replay_events(fd, 0, UINT64_MAX, READER_V2, text_event, &walk, err);
	close(fd);
	return rc;
}

struct failing_walk {
	const struct streams *streams;
	size_t detail_max;
	repo_result_fn fn;
	void *context;
};

static int
failing_row(void *context, int64_t run, const struct result *r, struct err *err)
{
	struct failing_walk *walk = context;
	struct err ignored;
	int fd = streams_fetch(walk->streams, run, r->offset, r->end, &ignored), rc = 0;

	if (fd >= 0) {
		rc = replay_one(fd, r->offset, r->end, walk->detail_max, walk->fn, walk->context, err);
		close(fd);
	}
	/* Without its stream, or with a damaged one, the test fails all the same. */
	return rc ? (rc > 0 ? 0 : -1) : walk->fn(walk->context, r, err);
}

static int
sqlite_failing(struct repo *base, size_t detail_max, repo_result_fn fn, void *context, struct err *err)
{
	struct sqlite_repo *repo = (struct sqlite_repo *)base;
	struct failing_walk walk = {&repo->streams, detail_max, fn, context};

	return fold_settle(repo->index, err) ? -1 : fold_failing(repo->index, failing_row, &walk, err);
}

/* Nothing is known of it. */
#define UNKNOWN_PROFILE INT64_MAX

/* The number of a profile; an absent one stands for all. */
static int
find_profile(struct sqlite_repo *repo, struct slice profile, int64_t *out, struct err *err)
{
	*out = profile.data ? UNKNOWN_PROFILE : PROFILE_ALL;
	return profile.data ? profile_find(repo->db, profile, out, err) : 0;
}

static int
sqlite_failing_ids(struct repo *base, struct slice profile, struct strtab *ids, struct err *err)
{
	struct sqlite_repo *repo = (struct sqlite_repo *)base;
	int64_t number;

	if (find_profile(repo, profile, &number, err) || fold_settle(repo->index, err))
		return -1;
	return number == UNKNOWN_PROFILE ? 0 : fold_failing_ids(repo->index, number, ids, err);
}

static int
sqlite_rows(struct repo *repo, int64_t id, repo_row_fn fn, void *context, struct err *err)
{
	struct repo_run run;

	return sqlite_run_get(repo, id, &run, err)
		   ? -1
		   : index_rows(((struct sqlite_repo *)repo)->index, id, fn, context, err);
}

static int
sqlite_rows_where(struct repo *repo, int64_t id, const struct repo_rows_query *query, repo_row_fn fn,
    void *context, struct err *err)
{
	struct repo_run run;

	return sqlite_run_get(repo, id, &run, err)
		   ? -1
		   : index_rows_where(((struct sqlite_repo *)repo)->index, id, query, fn, context, err);
}

static int
sqlite_tests_where(
    struct repo *repo, const struct repo_tests_query *query, repo_test_fn fn, void *context, struct err *err)
{
	return index_tests_where(((struct sqlite_repo *)repo)->index, query, fn, context, err);
}

static int
sqlite_history(
    struct repo *repo, struct slice test, int64_t limit, repo_row_fn fn, void *context, struct err *err)
{
	return index_history(((struct sqlite_repo *)repo)->index, test, limit, fn, context, err);
}

static int
sqlite_row_result(struct repo *repo, const struct repo_row *row, size_t detail_max, repo_result_fn fn,
    void *context, struct err *err)
{
	int fd = fetch(repo, row->run, row->offset, row->end, err), rc;

	if (fd < 0)
		return -1;
	rc = replay_one(fd, row->offset, row->end, detail_max, fn, context, err);
	close(fd);
	return rc < 0 ? -1 : 0;
}

static int
sqlite_tests(struct repo *repo, repo_test_fn fn, void *context, struct err *err)
{
	return index_tests(((struct sqlite_repo *)repo)->index, fn, context, err);
}

static int
sqlite_stream(struct repo *repo, int64_t id, repo_text_fn fn, void *context, struct err *err)
{
	int fd = stored_stream(repo, id, err), rc = 0;
	uint8_t *piece = fd < 0 ? NULL : malloc(READ_SIZE);
	uint64_t at = 0;
	ssize_t n;

	if (fd < 0)
		return -1;
	if (!piece)
		rc = err_nomem(err);
	while (rc == 0 && (n = file_read_at(fd, piece, READ_SIZE, at)) != 0) {
		rc = n < 0 ? err_sys(err, "cannot read the stream of run %" PRId64, id)
			   : fn(context, slice_of(piece, (size_t)n), err);
		at += n > 0 ? (uint64_t)n : 0;
	}
	free(piece);
	close(fd);
	return rc;
}

static int
sqlite_stream_open(struct repo *repo, int64_t id, uint64_t from, uint64_t end, struct err *err)
{
	return fetch(repo, id, from, end, err);
}

static int
sqlite_remove(struct repo *base, const int64_t *ids, size_t count, struct err *err)
{
	struct sqlite_repo *repo = (struct sqlite_repo *)base;

	return remove_runs(repo->index, &repo->streams, ids, count, err);
}

static int
sqlite_verify(struct repo *base, repo_verify_fn fn, void *context, struct err *err)
{
	struct sqlite_repo *repo = (struct sqlite_repo *)base;

	return rebuild_compare(repo->index, &repo->streams, fn, context, err);
}

static int
sqlite_rebuild(const struct file_dir *dir, const char *url, struct err *err)
{
	struct streams streams;
	int rc;

	(void)url;
	if (streams_open_dir(&streams, dir, err))
		return -1;
	rc = rebuild_file(dir, INDEX, &streams, err);
	streams_release(&streams);
	return rc;
}

static int
postgres_rebuild(const struct file_dir *dir, const char *url, struct err *err)
{
	struct index *ix = NULL;
	struct streams streams;
	struct db *db;
	int rc;

	(void)dir;
	if (db_open_postgres(url, &db, err))
		return -1;
	streams = (struct streams){.dir.fd = -1, .db = db};
	rc = index_open(db, &ix, err) || rebuild(ix, &streams, err) ? -1 : 0;
	index_free(ix);
	db_free(db);
	return rc;
}

static int
sqlite_reserve(struct repo *base, int64_t next, struct err *err)
{
	struct index *ix = ((struct sqlite_repo *)base)->index;

	if (index_begin(ix, false, err))
		return -1;
	if (index_raise(ix, next, 0, err) || index_commit(ix, err)) {
		index_rollback(ix);
		return -1;
	}
	return 0;
}

static int
sqlite_adopt(struct repo *base, struct repo *from, struct err *err)
{
	struct sqlite_repo *repo = (struct sqlite_repo *)base;

	return adopt(repo->index, &repo->streams, from, err);
}

static int
sqlite_durations(
    struct repo *base, struct slice profile, const struct strtab *ids, int64_t *out, struct err *err)
{
	struct sqlite_repo *repo = (struct sqlite_repo *)base;
	int64_t number;

	return find_profile(repo, profile, &number, err) ? -1
							 : fold_durations(repo->index, number, ids, out, err);
}

static int
sqlite_profile_tags(struct repo *repo, struct buf *out, struct err *err)
{
	return profile_setting(((struct sqlite_repo *)repo)->db, out, err);
}

static int
sqlite_set_profiles(struct repo *repo, struct slice tags, struct err *err)
{
	return profile_set(((struct sqlite_repo *)repo)->index, tags, err);
}

static int
sqlite_profiles(struct repo *base, repo_profile_fn fn, void *context, struct err *err)
{
	struct sqlite_repo *repo = (struct sqlite_repo *)base;

	return fold_settle(repo->index, err) ? -1 : profile_walk(repo->db, fn, context, err);
}

static int
database_stamp(struct repo *repo, uint64_t *out, struct err *err)
{
	return index_stamp(((struct sqlite_repo *)repo)->index, out, err);
}

static int
database_size(struct repo *repo, int64_t *out, struct err *err)
{
	return index_size(((struct sqlite_repo *)repo)->index, out, err);
}

static int
keep_process(void *context, struct slice key, struct slice value, struct err *err)
{
	char **name = context;

	if (*name || !slice_eq(key, SLICE_LIT(REPO_META_PROCESS)))
		return 0;
	*name = slice_dup(value);
	return *name ? 0 : err_nomem(err);
}

static int
sqlite_interrupt(struct repo *base, int64_t run, struct err *err)
{
	struct sqlite_repo *repo = (struct sqlite_repo *)base;
	char *name = NULL;
	int fd, rc = sqlite_meta(base, run, keep_process, &name, err);

	/* Another repository's run has no stream yet, and its process is elsewhere. */
	if (rc == 0 && name)
		rc = streams_has(&repo->streams, run, err);
	if (rc > 0) {
		fd = streams_fetch(&repo->streams, run, 0, UINT64_MAX, err);
		rc = fd < 0 ? -1 : holder_signal(slice_str(name), fd, SIGINT, err);
		if (fd >= 0)
			close(fd);
	}
	free(name);
	return rc;
}

#define FUNCTIONS \
	.allocate = sqlite_allocate, .close = sqlite_close, .run_begin = writer_run_begin, \
	.append = writer_append, .meta_set = writer_meta_set, .flush = writer_flush, .room = writer_room, \
	.run_finish = writer_run_finish, .run_count = sqlite_run_count, .latest = sqlite_latest, \
	.run_get = sqlite_run_get, .runs = sqlite_runs, .runs_where = sqlite_runs_where, \
	.find_uid = sqlite_find_uid, .meta = sqlite_meta, .results = sqlite_results, \
	.run_text = sqlite_run_text, .failing = sqlite_failing, .failing_ids = sqlite_failing_ids, \
	.durations = sqlite_durations, .profile_tags = sqlite_profile_tags, \
	.set_profiles = sqlite_set_profiles, .profiles = sqlite_profiles, .rows = sqlite_rows, \
	.history = sqlite_history, .row_result = sqlite_row_result, .tests = sqlite_tests, \
	.stream = sqlite_stream, .stream_open = sqlite_stream_open, .rows_where = sqlite_rows_where, \
	.tests_where = sqlite_tests_where, .import_abort = writer_import_abort, .settle = writer_settle, \
	.remove = sqlite_remove, .verify = sqlite_verify

const struct repo_backend backend_sqlite = {
    .format = 2,
    .directory = ".testrepository",
    .format_text = "2\n",
    .create = sqlite_create,
    .open = sqlite_open,
    .stamp = database_stamp,
    .rebuild = sqlite_rebuild,
    .reserve = sqlite_reserve,
    .adopt = sqlite_adopt,
    .interrupt = sqlite_interrupt,
    FUNCTIONS,
};

/* The streams are in the database as well. */
const struct repo_backend backend_postgres = {
    .format = 2,
    .schemes = "postgresql: postgres:",
    .create_url = postgres_create,
    .exists_url = postgres_exists,
    .open = postgres_open,
    .stamp = database_stamp,
    .size = database_size,
    .rebuild = postgres_rebuild,
    FUNCTIONS,
};

/* Everything is in memory, as long as the repository is open. */
const struct repo_backend backend_memory = {
    .format = 2,
    .schemes = "memory:",
    .create_url = memory_create,
    .exists_url = memory_exists,
    .open = memory_open,
    .size = database_size,
    FUNCTIONS,
};
