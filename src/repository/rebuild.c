/* SPDX-License-Identifier: Apache-2.0 */
#include "rebuild.h"

#include "checkpoint.h"
#include "db_sqlite.h"
#include "indexer.h"
#include "profile.h"
#include "replay.h"
#include "run_packet.h"
#include "v1_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Streams on their way into an index. */
struct build {
	struct index *ix;
	const struct streams *streams;
	repo_verify_fn fn; /* NULL when the index is the repository's own: then no run may be being written */
	void *context;

	struct indexer indexer;
	uint64_t noise; /* bytes of the stream that are no packets */
};

static int
tell(struct build *b, int64_t run, const char *what, struct err *err)
{
	return b->fn ? b->fn(b->context, run, what, err) : 0;
}

struct search {
	struct repo_run run;
	bool found;
};

static int
search_uid(void *context, const struct event *e, struct err *err)
{
	struct search *search = context;

	if (!run_packet_is(e))
		return 0;
	if (run_packet_read(e, &search->run, NULL, NULL, err))
		return -1;
	search->found = search->run.uid[0] != '\0';
	/* That is all that is wanted. */
	return search->found ? err_set(err, ERR_FAILED, "there is more") : 0;
}

/* The uid that the stream names first; one made from the stream when it names none, or another run has it. */
static int
find_uid(struct build *b, int fd, struct repo_run *run, struct err *err)
{
	struct search search = {.found = false};
	struct err stop;
	int64_t other = -1;

	if (replay_events(fd, 0, UINT64_MAX, READER_V2, search_uid, &search, &stop) && !search.found) {
		*err = stop;
		return -1;
	}
	if (search.found && index_find_uid(b->ix, search.run.uid, &other, err))
		return -1;
	if (search.found && other < 0) {
		memcpy(run->uid, search.run.uid, sizeof(run->uid));
		return 0;
	}
	if (tell(b, run->id,
		search.found ? "another run has the same uid" : "its stream does not say which run it is",
		err))
		return -1;
	/* What is appended when it is repaired must not change it. */
	if (search.found)
		v1_run_uid_of(run->id, slice_str(search.run.uid), run->uid);
	return search.found ? 0 : v1_run_uid(fd, run->id, run->uid, err);
}

static int
add_event(void *context, const struct event *e, struct err *err)
{
	struct build *b = context;

	if (e->kind == EVENT_TEXT)
		b->noise += e->file.len;
	return indexer_event(&b->indexer, e, true, err);
}

static int
add_stream(struct build *b, int64_t id, int fd, struct err *err)
{
	struct repo_run run = {.id = id};
	char what[96];

	b->noise = 0;
	if (find_uid(b, fd, &run, err) || index_run_insert(b->ix, &run, err) ||
	    replay_events(fd, 0, UINT64_MAX, READER_V2, add_event, b, err))
		return -1;
	if (b->noise) {
		snprintf(what, sizeof(what), "%" PRIu64 " bytes of its stream are damaged", b->noise);
		if (tell(b, id, what, err))
			return -1;
	}
	if (b->indexer.run.state == REPO_RUNNING)
		b->indexer.run.sequence = 0;
	return indexer_open_tests(&b->indexer, err) || indexer_write(&b->indexer, err) ? -1 : 0;
}

/* Adds a run that the index does not know yet. */
static int
add_run(struct build *b, int64_t id, struct err *err)
{
	struct repo_run known;
	int rc = index_run_get(b->ix, id, &known, err), fd;

	if (rc)
		return rc < 0 ? -1 : 0;
	fd = streams_fetch(b->streams, id, 0, UINT64_MAX, err);
	if (fd < 0)
		return -1;
	rc = indexer_init(&b->indexer, b->ix, id, err);
	if (rc == 0)
		rc = add_stream(b, id, fd, err);
	indexer_release(&b->indexer);
	close(fd);
	return rc;
}

static bool
is_removed(const struct checkpoint_facts *facts, int64_t id)
{
	for (size_t i = 0; i < facts->removed_count; i++)
		if (facts->removed[i] == id)
			return true;
	return false;
}

/* A run, or what is there of one that another repository was sending. */
static int
take_stream(struct build *b, int64_t stream, const struct checkpoint_facts *facts, struct err *err)
{
	int busy;

	/* Another checkpoint; a run that the latest one says is gone. */
	if ((stream < 0 && stream % 2) || is_removed(facts, stream))
		return 0;
	busy = streams_busy(b->streams, stream, err);
	if (busy < 0)
		return -1;
	if (busy && !b->fn)
		return err_set(err, ERR_FAILED,
		    "run %" PRId64 " is being written: try again when it has ended",
		    stream >= 0 ? stream : -stream / 2 - 1);
	if (busy)
		return 0;
	if (stream >= 0)
		return add_run(b, stream, err);
	return b->fn ? 0 : streams_remove(b->streams, stream, err);
}

static int
add_checkpoint(struct build *b, int64_t number, const struct checkpoint_facts *facts, struct err *err)
{
	char what[96];

	if (facts->damaged) {
		snprintf(
		    what, sizeof(what), "%" PRIu64 " bytes of the checkpoint are damaged", facts->damaged);
		if (tell(b, -1, what, err))
			return -1;
	}
	return checkpoint_to_index(b->ix, b->streams, number, facts, err);
}

/* Brings into the index what it has not yet. */
static int
add_streams(struct build *b, struct err *err)
{
	struct checkpoint_facts facts = {0};
	int64_t number, place, known, *list = NULL;
	size_t count = 0;
	int rc = checkpoint_latest(b->streams, &number, &facts, err);

	if (rc == 0)
		rc = fold_checkpoint(b->ix, &place, &known, err);
	if (rc == 0 && number != known)
		rc = add_checkpoint(b, number, &facts, err);
	if (rc == 0)
		rc = streams_list(b->streams, &list, &count, err);
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = take_stream(b, list[i], &facts, err);
	free(list);
	checkpoint_facts_release(&facts);
	return rc == 0 ? fold_again(b->ix, err) : -1;
}

int
rebuild(struct index *ix, const struct streams *streams, struct err *err)
{
	struct build b = {.ix = ix, .streams = streams};
	int64_t next, last;

	if (index_begin(ix, true, err))
		return -1;
	/* No run begins or ends meanwhile. */
	if (index_sequence_last(ix, &last, err) || index_run_next(ix, &next, err) || index_clear(ix, err) ||
	    add_streams(&b, err) || index_commit(ix, err)) {
		index_rollback(ix);
		return -1;
	}
	return 0;
}

/* A path for those who take no directories. */
static char *
join(const struct file_dir *dir, const char *name, struct err *err)
{
	struct buf path;
	char *text;

	buf_init(&path, 65536);
	buf_printf(&path, "%s/%s", dir->path, name);
	text = buf_steal(&path);
	buf_release(&path);
	if (!text)
		err_nomem(err);
	return text;
}

/* Removes a database and what goes with it; or only that. */
static void
remove_index(const struct file_dir *dir, const char *name, bool itself)
{
	static const char *const suffixes[] = {"-wal", "-shm", "-journal", ""};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]) - !itself; i++) {
		char file[64];

		snprintf(file, sizeof(file), "%s%s", name, suffixes[i]);
		unlinkat(dir->fd, file, 0);
	}
}

/* Makes an index of that path and fills it. */
static int
build_file(const char *path, const struct streams *streams, struct err *err)
{
	struct index *ix = NULL;
	struct db *db;
	int rc;

	if (db_open_sqlite(path, true, &db, err))
		return -1;
	rc = index_create(db, false, err) || index_open(db, &ix, err) || rebuild(ix, streams, err) ? -1 : 0;
	index_free(ix);
	/* The last connection takes the log with it. */
	db_free(db);
	return rc;
}

/* Makes the file `name` a new index, whether there is one or not. */
static int
replace_file(const struct file_dir *dir, const char *name, const struct streams *streams, struct err *err)
{
	static const char new[] = "index.new";
	char *path = join(dir, new, err);
	int rc;

	if (!path)
		return -1;
	remove_index(dir, new, true);
	rc = build_file(path, streams, err);
	free(path);
	if (rc) {
		remove_index(dir, new, true);
		return -1;
	}
	/* A log that stayed behind belongs to the old index, and would be played into the new one. */
	remove_index(dir, name, false);
	if (renameat(dir->fd, new, dir->fd, name))
		return file_error(dir, name, "replace", err);
	return file_sync_dir(dir, err);
}

static bool
is_sound(struct db *db)
{
	struct err ignored;
	struct db_stmt *stmt = db_prepare(db, "PRAGMA integrity_check(1)", &ignored);
	bool sound = stmt && db_step(stmt, &ignored) > 0 && slice_eq(db_bytes(stmt, 0), SLICE_LIT("ok"));

	db_release(stmt);
	return sound;
}

int
rebuild_file(const struct file_dir *dir, const char *name, const struct streams *streams, struct err *err)
{
	char *path = join(dir, name, err);
	struct index *ix = NULL;
	struct db *db = NULL;
	struct err ignored;
	bool usable;
	int rc;

	if (!path)
		return -1;
	/* An index that can be used is changed in one transaction, so that others may use it meanwhile. */
	usable = db_open_sqlite(path, false, &db, &ignored) == 0 && index_open(db, &ix, &ignored) == 0 &&
		 is_sound(db);
	rc = usable ? rebuild(ix, streams, err) : 0;
	index_free(ix);
	db_free(db);
	if (!usable)
		rc = replace_file(dir, name, streams, err);
	free(path);
	return rc;
}

/* ---- comparing ---- */

struct digest {
	uint64_t h;
};

static void
mix(struct digest *d, struct slice bytes)
{
	d->h = slice_hash(d->h, bytes);
}

static void
mix_number(struct digest *d, int64_t number)
{
	mix(d, slice_of(&number, sizeof(number)));
}

static int
mix_row(void *context, const struct repo_row *row, struct err *err)
{
	struct digest *d = context;

	(void)err;
	mix(d, row->test);
	mix(d, row->tags);
	mix_number(d, row->attempt);
	mix_number(d, row->status);
	mix_number(d, row->start);
	mix_number(d, row->duration);
	mix_number(d, row->worker);
	mix_number(d, (int64_t)row->offset);
	mix_number(d, (int64_t)row->end);
	return 0;
}

static int
mix_meta(void *context, struct slice key, struct slice value, struct err *err)
{
	struct digest *d = context;

	(void)err;
	mix(d, key);
	mix(d, value);
	return 0;
}

static int
mix_failing(void *context, int64_t stream, const struct result *r, struct err *err)
{
	struct digest *d = context;

	(void)err;
	mix_number(d, stream);
	mix(d, r->id);
	mix_number(d, r->status);
	mix_number(d, (int64_t)r->offset);
	return 0;
}

static int
mix_duration(void *context, struct slice test, struct slice profile, int64_t duration, int64_t sequence,
    struct err *err)
{
	struct digest *d = context;

	(void)err;
	mix(d, test);
	mix(d, profile);
	mix_number(d, duration);
	mix_number(d, sequence);
	return 0;
}

static bool
same_run(const struct repo_run *a, const struct repo_run *b)
{
	return strcmp(a->uid, b->uid) == 0 && a->state == b->state && a->partial == b->partial &&
	       a->uxsuccess_passes == b->uxsuccess_passes && a->exit_status == b->exit_status &&
	       a->sequence == b->sequence && a->start == b->start && a->stop == b->stop &&
	       a->counts.tests == b->counts.tests && a->counts.failures == b->counts.failures &&
	       a->counts.skips == b->counts.skips;
}

struct comparison {
	struct index *index, *made; /* what is compared with what the streams say */
	const struct streams *streams;
	repo_verify_fn fn;
	void *context;
};

static int
compare_run(void *context, const struct repo_run *run, struct err *err)
{
	struct comparison *c = context;
	struct digest rows[2] = {{0}}, meta[2] = {{0}};
	struct repo_run said;
	int rc = index_run_get(c->made, run->id, &said, err);

	/* One that is not there is found at the end, when nothing changes any more. */
	if (rc <= 0 || run->state == REPO_RUNNING)
		return rc < 0 ? -1 : 0;
	if (said.state == REPO_RUNNING)
		return c->fn(c->context, run->id, "the end of its stream is missing", err);
	if (index_rows(c->index, run->id, mix_row, &rows[0], err) ||
	    index_rows(c->made, run->id, mix_row, &rows[1], err) ||
	    index_meta(c->index, run->id, mix_meta, &meta[0], err) ||
	    index_meta(c->made, run->id, mix_meta, &meta[1], err))
		return -1;
	if (!same_run(run, &said) || meta[0].h != meta[1].h)
		rc = c->fn(c->context, run->id, "the index says something else of it than its stream", err);
	else
		rc = 0;
	if (rc == 0 && rows[0].h != rows[1].h)
		rc = c->fn(c->context, run->id, "its results in the index are not those of its stream", err);
	return rc;
}

static int
find_missing(void *context, const struct repo_run *run, struct err *err)
{
	struct comparison *c = context;
	struct repo_run said;
	int rc = run->state == REPO_RUNNING ? 1 : index_run_get(c->made, run->id, &said, err);

	return rc ? (rc < 0 ? -1 : 0) : c->fn(c->context, run->id, "its stream is missing", err);
}

static int
find_strange(void *context, const struct repo_run *run, struct err *err)
{
	struct comparison *c = context;
	struct repo_run known;
	int rc = index_run_get(c->index, run->id, &known, err);

	if (rc)
		return rc < 0 ? -1 : 0;
	/* Its run may have been removed meanwhile. */
	rc = streams_has(c->streams, run->id, err);
	return rc > 0 ? c->fn(c->context, run->id, "the index does not know its stream", err) : rc;
}

static int
compare_whole(struct comparison *c, struct err *err)
{
	struct digest failing[2] = {{0}}, durations[2] = {{0}};
	int rc = 0;

	if (fold_settle(c->index, err) || fold_failing(c->index, mix_failing, &failing[0], err) ||
	    fold_failing(c->made, mix_failing, &failing[1], err) ||
	    fold_durations_all(c->index, mix_duration, &durations[0], err) ||
	    fold_durations_all(c->made, mix_duration, &durations[1], err))
		return -1;
	if (failing[0].h != failing[1].h)
		rc =
		    c->fn(c->context, -1, "the list of failing tests is not what follows from the runs", err);
	if (rc == 0 && durations[0].h != durations[1].h)
		rc = c->fn(c->context, -1, "the durations of tests are not those of the runs", err);
	return rc;
}

/* What SQLite finds wrong with its file. */
static int
compare_file(struct comparison *c, struct err *err)
{
	struct db *db = index_db(c->index);
	struct db_stmt *stmt;
	int rc;

	if (db_kind(db) != DB_SQLITE)
		return 0;
	stmt = db_prepare(db, "PRAGMA integrity_check(20)", err);
	if (!stmt)
		return -1;
	while ((rc = db_step(stmt, err)) > 0) {
		char what[256];

		if (slice_eq(db_bytes(stmt, 0), SLICE_LIT("ok")))
			continue;
		snprintf(what, sizeof(what), "the index is damaged: %.*s",
		    SLICE_FMT(slice_head(db_bytes(stmt, 0), 200)));
		rc = c->fn(c->context, -1, what, err);
		if (rc)
			break;
	}
	db_release(stmt);
	return rc;
}

/* Now that nothing changes: what has ended since is added, and what follows from all runs is compared. */
static int
compare_end(struct comparison *c, struct build *b, struct err *err)
{
	int64_t next, last;

	return index_sequence_last(c->index, &last, err) || index_run_next(c->index, &next, err) ||
		       add_streams(b, err) || index_runs(c->index, find_missing, c, err) ||
		       index_runs(c->made, find_strange, c, err) || compare_whole(c, err)
		   ? -1
		   : 0;
}

static int
compare(struct comparison *c, struct err *err)
{
	struct build b = {.ix = c->made, .streams = c->streams, .fn = c->fn, .context = c->context};
	struct err failure;
	int rc;

	if (compare_file(c, err) || index_begin(c->made, false, err))
		return -1;
	if (add_streams(&b, err) || index_runs(c->index, compare_run, c, err))
		return -1;
	rc = index_begin(c->index, false, &failure);
	/* Where it cannot be written, nothing changes anyway. */
	if (rc && failure.kind != ERR_READ_ONLY) {
		*err = failure;
		return -1;
	}
	rc = compare_end(c, &b, err);
	index_rollback(c->index);
	return rc;
}

/* What is made has to mean by profiles what the index does. */
static int
copy_setting(struct comparison *c, struct err *err)
{
	struct buf setting;
	int rc;

	buf_init(&setting, SIZE_MAX / 4);
	rc = profile_setting(index_db(c->index), &setting, err);
	if (rc == 0)
		rc = profile_set(c->made, buf_get(&setting), err);
	buf_release(&setting);
	return rc;
}

int
rebuild_compare(
    struct index *ix, const struct streams *streams, repo_verify_fn fn, void *context, struct err *err)
{
	struct comparison c = {.index = ix, .streams = streams, .fn = fn, .context = context};
	struct db *db;
	int rc;

	/* A temporary one, of no name. */
	if (db_open_sqlite("", true, &db, err))
		return -1;
	rc = index_create(db, false, err) || index_open(db, &c.made, err) || copy_setting(&c, err) ||
		     compare(&c, err)
		 ? -1
		 : 0;
	if (c.made)
		index_rollback(c.made);
	index_free(c.made);
	db_free(db);
	return rc;
}
