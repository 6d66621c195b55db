/* SPDX-License-Identifier: Apache-2.0
 *
 * Format 2: streams/ID holds what was said, as subunit v2; index.sqlite is made from it (index.h).
 *
 * Whoever writes a run holds the lock of its stream file until the end. So a run that the index calls running
 * and whose stream can be locked has lost its writer: who notices it, indexes the stream anew and calls the
 * run interrupted. The same happens to a run whose end could not be written. */
#include "indexer.h"
#include "packet.h"
#include "replay.h"
#include "repo_backend.h"
#include "run_packet.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define STREAMS "streams"
#define INDEX "index.sqlite"
/* The stream is written in pieces of about this size. */
#define WRITE_SIZE ((size_t)1 << 20)
#define READ_SIZE ((size_t)64 << 10)
/* Room for one event beyond that. */
#define WRITE_MAX ((size_t)64 << 20)
/* The first second that the time of a packet cannot say. */
#define PACKET_TIME_END (INT64_C(1) << 32)

struct sqlite_repo {
	struct repo base;
	struct index *index;
	struct file_dir streams;
};

struct sqlite_writer {
	struct repo_writer base;
	struct indexer indexer;
	int fd;
	char name[24];    /* of the stream */
	struct buf out;   /* appended but not written */
	uint64_t written; /* bytes of the stream that are in the file */
};

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
	int rc = path ? index_create(path, err) : -1;

	free(path);
	if (rc == 0 && mkdirat(dir->fd, STREAMS, 0777) && errno != EEXIST)
		rc = file_error(dir, STREAMS, "create", err);
	return rc;
}

static void
writer_free(struct sqlite_writer *w)
{
	if (!w)
		return;
	if (w->fd >= 0)
		close(w->fd);
	buf_release(&w->out);
	indexer_release(&w->indexer);
	free(w);
}

/* NULL with err set. */
static struct sqlite_writer *
writer_new(struct sqlite_repo *repo, int64_t id, struct err *err)
{
	struct sqlite_writer *w = calloc(1, sizeof(*w));

	if (!w) {
		err_nomem(err);
		return NULL;
	}
	w->base.repo = &repo->base;
	w->fd = -1;
	snprintf(w->name, sizeof(w->name), "%" PRId64, id);
	buf_init(&w->out, WRITE_MAX);
	if (indexer_init(&w->indexer, repo->index, id, err)) {
		writer_free(w);
		return NULL;
	}
	return w;
}

static struct sqlite_repo *
writer_repo(const struct sqlite_writer *w)
{
	return (struct sqlite_repo *)w->base.repo;
}

static int
write_out(struct sqlite_writer *w, struct err *err)
{
	size_t written;
	int rc = file_write(w->fd, buf_get(&w->out), &written);

	if (rc)
		rc = file_error(&writer_repo(w)->streams, w->name, "write", err);
	w->written += written;
	buf_drop(&w->out, written);
	return rc;
}

/* Writes the rest of the stream, durably. */
static int
sync_stream(struct sqlite_writer *w, struct err *err)
{
	if (write_out(w, err))
		return -1;
	return fsync(w->fd) ? file_error(&writer_repo(w)->streams, w->name, "sync", err) : 0;
}

/* In the transaction that ends the run: the last of its stream and everything that follows from it. */
static int
write_end(struct sqlite_writer *w, struct err *err)
{
	struct index *ix = writer_repo(w)->index;
	struct repo_run *run = &w->indexer.run;

	if (index_sequence_last(ix, &run->sequence, err))
		return -1;
	run->sequence++;
	if (run_packet_end(&w->out, run, err) || sync_stream(w, err))
		return -1;
	return indexer_write(&w->indexer, err) || index_fold(ix, run, err) ? -1 : 0;
}

/* Ends the run as its facts say. What was appended to the stream is durable before. */
static int
end_run(struct sqlite_writer *w, struct err *err)
{
	struct index *ix = writer_repo(w)->index;

	if (indexer_open_tests(&w->indexer, err) || sync_stream(w, err) ||
	    file_sync_dir(&writer_repo(w)->streams, err) || index_begin(ix, true, err))
		return -1;
	if (write_end(w, err) || index_commit(ix, err)) {
		index_rollback(ix);
		return -1;
	}
	return 0;
}

static int
repair_event(void *context, const struct event *e, struct err *err)
{
	return indexer_event(context, e, true, err);
}

/* Indexes the stream of a run anew whose lock the writer w has, and ends the run. `known` is what the index
 * says of it. */
static int
reindex(struct sqlite_writer *w, const struct repo_run *known, struct err *err)
{
	struct index *ix = writer_repo(w)->index;
	struct repo_run *run = &w->indexer.run;

	run->uxsuccess_passes = known->uxsuccess_passes;
	if (index_begin(ix, false, err))
		return -1;
	if (index_run_clear(ix, run->id, err) || index_commit(ix, err)) {
		index_rollback(ix);
		return -1;
	}
	if (replay_events(w->fd, 0, UINT64_MAX, READER_V2, repair_event, &w->indexer, err))
		return -1;
	/* The machine may have died before the first packet was safe. */
	if (!run->uid[0] && run_packet_begin(&w->out, known, NULL, 0, err))
		return -1;
	/* A writer that got as far as its last packet had nothing left to say. */
	if (run->state == REPO_RUNNING) {
		run->state = REPO_INTERRUPTED;
		run->partial = true;
		run->exit_status = -1;
	}
	return end_run(w, err);
}

/* Makes a running run interrupted if nobody writes it any more. */
static int
repair(struct sqlite_repo *repo, int64_t id, struct err *err)
{
	struct sqlite_writer *w = writer_new(repo, id, err);
	struct repo_run run;
	int rc;

	if (!w)
		return -1;
	/* A stream that somebody has removed counts as an empty one. */
	w->fd = file_open(&repo->streams, w->name, O_RDWR | O_CREAT | O_APPEND, 0666, err);
	rc = w->fd < 0 ? -1 : file_lock(w->fd, false);
	if (rc < 0 && w->fd >= 0)
		file_error(&repo->streams, w->name, "lock", err);
	/* Between the search and the lock it may have ended, or been repaired. */
	if (rc > 0)
		rc = index_run_get(repo->index, id, &run, err);
	if (rc > 0 && run.state == REPO_RUNNING)
		rc = reindex(w, &run, err);
	writer_free(w);
	return rc < 0 ? err_wrap(err, "run %" PRId64, id) : 0;
}

static struct repo *
sqlite_allocate(void)
{
	struct sqlite_repo *repo = calloc(1, sizeof(*repo));

	if (!repo)
		return NULL;
	repo->streams.fd = -1;
	return &repo->base;
}

static int
sqlite_open(struct repo *base, struct err *err)
{
	struct sqlite_repo *repo = (struct sqlite_repo *)base;
	int64_t id = -1;
	char *path = join(&base->dir, INDEX, err);
	int rc = path ? index_open(path, &repo->index, err) : -1;

	free(path);
	if (rc)
		return -1;
	repo->streams.path = join(&base->dir, STREAMS, err);
	if (!repo->streams.path)
		return -1;
	repo->streams.fd = file_open(&base->dir, STREAMS, O_RDONLY | O_DIRECTORY, 0, err);
	if (repo->streams.fd < 0)
		return -1;
	do
		rc = index_running(repo->index, id, &id, err) || (id >= 0 && repair(repo, id, err));
	while (rc == 0 && id >= 0);
	return rc;
}

static void
sqlite_close(struct repo *base)
{
	struct sqlite_repo *repo = (struct sqlite_repo *)base;

	index_free(repo->index);
	if (repo->streams.fd >= 0)
		close(repo->streams.fd);
	free((char *)repo->streams.path);
}

/* Opens and locks the stream of a new run. 1; 0 when there is a stream of that name already: one that the
 * index does not know, perhaps because the machine died; or -1. */
static int
open_stream(struct sqlite_writer *w, struct err *err)
{
	const struct file_dir *streams = &writer_repo(w)->streams;
	struct stat st;
	int rc;

	w->fd = file_open(streams, w->name, O_RDWR | O_CREAT | O_APPEND, 0666, err);
	if (w->fd < 0)
		return -1;
	rc = file_lock(w->fd, false);
	if (rc < 0)
		return file_error(streams, w->name, "lock", err);
	if (rc > 0 && fstat(w->fd, &st))
		return file_error(streams, w->name, "look at", err);
	return rc > 0 && st.st_size == 0;
}

/* A uid that no other run has. */
static int
new_uid(char out[33], struct err *err)
{
	uint8_t bits[16];

	if (getrandom(bits, sizeof(bits), 0) != sizeof(bits))
		return err_sys(err, "cannot get random bits");
	for (size_t i = 0; i < sizeof(bits); i++)
		snprintf(out + 2 * i, 3, "%02x", bits[i]);
	return 0;
}

static int
choose_uid(struct sqlite_repo *repo, const char *wanted, char out[33], struct err *err)
{
	int64_t other;

	if (!wanted)
		return new_uid(out, err);
	if (!run_uid_valid(wanted))
		return err_set(err, ERR_FAILED, "\"%s\" is not the uid of a run", wanted);
	if (index_find_uid(repo->index, wanted, &other, err))
		return -1;
	if (other >= 0)
		return err_set(err, ERR_FAILED, "the run %s is there already, as %" PRId64, wanted, other);
	memcpy(out, wanted, 33);
	return 0;
}

/* The first packets of the stream and the rows that say the same. */
static int
write_begin(struct sqlite_writer *w, const struct repo_begin *begin, struct err *err)
{
	struct index *ix = writer_repo(w)->index;
	const struct repo_run *run = &w->indexer.run;

	if (run_packet_begin(&w->out, run, begin->meta, begin->meta_count, err) || write_out(w, err) ||
	    index_run_insert(ix, run, err))
		return -1;
	for (size_t i = 0; i < begin->meta_count; i++)
		if (index_meta_set(ix, run->id, &begin->meta[i], err))
			return -1;
	return index_commit(ix, err);
}

/* Allocates the id. The row and the locked stream become visible together. */
static int
begin_run(
    struct sqlite_repo *repo, const struct repo_begin *begin, struct sqlite_writer **out, struct err *err)
{
	char uid[33];
	int64_t id;
	int rc = choose_uid(repo, begin->uid, uid, err) || index_run_next(repo->index, &id, err) ? -1 : 0;

	while (rc == 0) {
		writer_free(*out);
		*out = writer_new(repo, id, err);
		rc = *out ? open_stream(*out, err) : -1;
		id++;
	}
	if (rc < 0)
		return -1;
	memcpy((*out)->indexer.run.uid, uid, sizeof(uid));
	(*out)->indexer.run.uxsuccess_passes = begin->uxsuccess_passes;
	return write_begin(*out, begin, err);
}

static int
sqlite_run_begin(struct repo *base, const struct repo_begin *begin, struct repo_writer **out, struct err *err)
{
	struct sqlite_repo *repo = (struct sqlite_repo *)base;
	struct sqlite_writer *w = NULL;

	if (index_begin(repo->index, false, err))
		return -1;
	if (begin_run(repo, begin, &w, err)) {
		index_rollback(repo->index);
		writer_free(w);
		return -1;
	}
	*out = &w->base;
	return 0;
}

static int
sqlite_meta_set(struct repo_writer *base, const struct repo_meta *meta, struct err *err)
{
	struct sqlite_writer *w = (struct sqlite_writer *)base;
	struct index *ix = writer_repo(w)->index;

	if (run_packet_meta(&w->out, meta, err) || index_begin(ix, false, err))
		return -1;
	if (index_meta_set(ix, w->indexer.run.id, meta, err) || index_commit(ix, err)) {
		index_rollback(ix);
		return -1;
	}
	return 0;
}

static int
sqlite_append(struct repo_writer *base, const struct event *e, struct err *err)
{
	struct sqlite_writer *w = (struct sqlite_writer *)base;
	struct event stored = *e;
	size_t from = w->out.len;

	/* That is another run's, of a stream that is stored again. */
	if (run_packet_is(e))
		return 0;
	if (stored.time < 0 || stored.time / TIME_SECOND >= PACKET_TIME_END)
		stored.time = TIME_NONE;
	if (packet_encode(&w->out, &stored)) {
		w->out.failed = false;
		return err_set(err, ERR_FAILED,
		    "an event of the test \"%.*s\" cannot be stored: it is too large",
		    SLICE_FMT(slice_head(e->id, 200)));
	}
	stored.offset = w->written + from;
	stored.raw = slice_from(buf_get(&w->out), from);
	if (indexer_event(&w->indexer, &stored, false, err))
		return -1;
	return w->out.len >= WRITE_SIZE ? write_out(w, err) : 0;
}

static int
sqlite_flush(struct repo_writer *base, struct err *err)
{
	return write_out((struct sqlite_writer *)base, err);
}

static int
sqlite_run_finish(struct repo_writer *base, enum repo_state state, bool partial, int exit_status, int64_t *id,
    struct err *err)
{
	struct sqlite_writer *w = (struct sqlite_writer *)base;
	struct repo_run *run = &w->indexer.run;
	int rc;

	assert(state != REPO_RUNNING);
	run->state = state;
	run->partial = partial;
	run->exit_status = exit_status;
	rc = end_run(w, err);
	if (rc == 0)
		*id = run->id;
	writer_free(w);
	return rc;
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

/* The stream of a run that the index knows, or -1. */
static int
stored_stream(struct repo *base, int64_t id, struct err *err)
{
	struct sqlite_repo *repo = (struct sqlite_repo *)base;
	struct repo_run run;
	char name[24];

	if (sqlite_run_get(base, id, &run, err))
		return -1;
	snprintf(name, sizeof(name), "%" PRId64, id);
	return file_open(&repo->streams, name, O_RDONLY, 0, err);
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
	const struct file_dir *streams;
	size_t detail_max;
	repo_result_fn fn;
	void *context;
	int64_t run; /* whose stream is open as fd; -1 for none */
	int fd;      /* -1 also for a stream that is not there */
};

static int
failing_row(void *context, int64_t run, const struct result *r, struct err *err)
{
	struct failing_walk *walk = context;
	int rc = 0;

	if (run != walk->run) {
		char name[24];
		struct err ignored;

		if (walk->fd >= 0)
			close(walk->fd);
		snprintf(name, sizeof(name), "%" PRId64, run);
		walk->fd = file_open(walk->streams, name, O_RDONLY, 0, &ignored);
		walk->run = run;
	}
	if (walk->fd >= 0)
		rc = replay_one(walk->fd, r->offset, r->end, walk->detail_max, walk->fn, walk->context, err);
	/* Without its stream, or with a damaged one, the test fails all the same. */
	return rc ? (rc > 0 ? 0 : -1) : walk->fn(walk->context, r, err);
}

static int
sqlite_failing(struct repo *base, size_t detail_max, repo_result_fn fn, void *context, struct err *err)
{
	struct sqlite_repo *repo = (struct sqlite_repo *)base;
	struct failing_walk walk = {&repo->streams, detail_max, fn, context, -1, -1};
	int rc = index_failing(repo->index, failing_row, &walk, err);

	if (walk.fd >= 0)
		close(walk.fd);
	return rc;
}

static int
sqlite_failing_ids(struct repo *repo, struct strtab *ids, struct err *err)
{
	return index_failing_ids(((struct sqlite_repo *)repo)->index, ids, err);
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
sqlite_history(
    struct repo *repo, struct slice test, int64_t limit, repo_row_fn fn, void *context, struct err *err)
{
	return index_history(((struct sqlite_repo *)repo)->index, test, limit, fn, context, err);
}

static int
sqlite_row_result(struct repo *repo, const struct repo_row *row, size_t detail_max, repo_result_fn fn,
    void *context, struct err *err)
{
	int fd = stored_stream(repo, row->run, err), rc;

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
sqlite_durations(struct repo *repo, const struct strtab *ids, int64_t *out, struct err *err)
{
	return index_durations(((struct sqlite_repo *)repo)->index, ids, out, err);
}

const struct repo_backend backend_sqlite = {
    .format = 2,
    .directory = ".testrepository",
    .format_text = "2\n",
    .create = sqlite_create,
    .allocate = sqlite_allocate,
    .open = sqlite_open,
    .close = sqlite_close,
    .run_begin = sqlite_run_begin,
    .append = sqlite_append,
    .meta_set = sqlite_meta_set,
    .flush = sqlite_flush,
    .run_finish = sqlite_run_finish,
    .run_count = sqlite_run_count,
    .latest = sqlite_latest,
    .run_get = sqlite_run_get,
    .runs = sqlite_runs,
    .runs_where = sqlite_runs_where,
    .find_uid = sqlite_find_uid,
    .meta = sqlite_meta,
    .results = sqlite_results,
    .run_text = sqlite_run_text,
    .failing = sqlite_failing,
    .failing_ids = sqlite_failing_ids,
    .durations = sqlite_durations,
    .rows = sqlite_rows,
    .history = sqlite_history,
    .row_result = sqlite_row_result,
    .tests = sqlite_tests,
    .stream = sqlite_stream,
};
