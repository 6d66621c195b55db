/* SPDX-License-Identifier: Apache-2.0 */
#include "writer.h"

#include "clock.h"
#include "fold.h"
#include "indexer.h"
#include "packet.h"
#include "replay.h"
#include "run_packet.h"
#include "saving.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* The stream is written in pieces of about this size. */
#define WRITE_SIZE ((size_t)1 << 20)
/* Room for one event beyond that. */
#define WRITE_MAX ((size_t)64 << 20)
/* What waits for room at most. */
#define WAITING_MAX ((size_t)32 << 20)
/* The first second that the time of a packet cannot say. */
#define PACKET_TIME_END (INT64_C(1) << 32)

struct sqlite_writer {
	struct repo_writer base;
	struct indexer indexer;
	struct stream stream;
	struct buf out; /* appended but not written to the stream */
	bool import;    /* another repository's run: it becomes whole or vanishes */
	struct saving saving;
	size_t retry; /* how much is to wait before it is tried again to write it */
	bool losing;  /* results had to be left out */
};

static void
writer_free(struct sqlite_writer *w)
{
	if (!w)
		return;
	stream_close(&w->stream);
	buf_release(&w->out);
	indexer_release(&w->indexer);
	saving_release(&w->saving);
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
	buf_init(&w->out, WRITE_MAX);
	saving_init(&w->saving);
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
	int rc = stream_write(&w->stream, buf_get(&w->out), &written, err);

	/* Also then the stream ends with a whole packet. */
	if (rc && err->kind == ERR_NO_ROOM) {
		size_t whole = saving_whole(&w->saving, buf_get(&w->out), written);

		if (stream_cut(&w->stream, w->stream.size - (written - whole), err))
			return -1;
		written = whole;
	}
	buf_drop(&w->out, written);
	return rc;
}

/* A full disk is no error as long as the run goes on. */
static int
write_saving(struct sqlite_writer *w, struct err *err)
{
	struct err failure;
	int rc = write_out(w, &failure);

	if (rc && failure.kind != ERR_NO_ROOM) {
		*err = failure;
		return -1;
	}
	w->retry = w->out.len + WRITE_SIZE;
	return 0;
}

/* After `failure`: when it is for want of room, the run goes on without what it can do without. */
static int
start_saving(struct sqlite_writer *w, const struct err *failure, struct err *err)
{
	if (failure->kind != ERR_NO_ROOM || w->saving.on || w->import) {
		*err = *failure;
		return -1;
	}
	saving_start(&w->saving, w->stream.fd, w->stream.size);
	if (saving_rewrite(&w->saving, &w->out))
		return err_nomem(err);
	return write_saving(w, err);
}

/* Writes the rest of the stream, durably. */
static int
sync_stream(struct sqlite_writer *w, struct err *err)
{
	return write_out(w, err) || stream_sync(&w->stream, err) ? -1 : 0;
}

/* In the transaction that ends the run: the last of its stream and everything that follows from it. */
static int
write_end(struct sqlite_writer *w, struct err *err)
{
	struct index *ix = writer_repo(w)->index;
	struct repo_run *run = &w->indexer.run;
	int64_t last = 0, now = clock_realtime();

	if (index_sequence_last(ix, &last, err))
		return -1;
	/* What the stream says already stays so. */
	if (!run->sequence) {
		/* Runs may share the last place there is. */
		run->sequence = w->base.sequence           ? w->base.sequence
				: now > last               ? now
				: last < REPO_SEQUENCE_MAX ? last + 1
							   : last;
		if (run_packet_end(&w->out, run, err))
			return -1;
	}
	if (sync_stream(w, err) || (w->import && stream_complete(&w->stream, err)))
		return -1;
	return indexer_write(&w->indexer, err) || fold_run(ix, run, last, err) ? -1 : 0;
}

/* Ends the run as its facts say. What was appended to the stream is durable before. */
static int
end_run(struct sqlite_writer *w, struct err *err)
{
	struct index *ix = writer_repo(w)->index;

	if (indexer_open_tests(&w->indexer, err) || sync_stream(w, err) || index_begin(ix, true, err))
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
	int fd, rc;

	run->uxsuccess_passes = known->uxsuccess_passes;
	if (index_begin(ix, false, err))
		return -1;
	if (index_run_clear(ix, run->id, err) || index_commit(ix, err)) {
		index_rollback(ix);
		return -1;
	}
	fd = streams_fetch(&writer_repo(w)->streams, run->id, 0, UINT64_MAX, err);
	if (fd < 0)
		return -1;
	rc = replay_events(fd, 0, UINT64_MAX, READER_V2, repair_event, &w->indexer, err);
	close(fd);
	if (rc)
		return -1;
	/* The machine may have died before the first packet was safe. */
	if (!run->uid[0] && run_packet_begin(&w->out, known, NULL, 0, err))
		return -1;
	/* A writer that got as far as its last packet had nothing left to say. */
	if (run->state == REPO_RUNNING) {
		run->state = REPO_INTERRUPTED;
		run->partial = true;
		run->exit_status = -1;
		run->sequence = 0;
	}
	return end_run(w, err);
}

/* Ends a run that had to save: in the stream, and in the index if that has room. */
static int
end_saving(struct sqlite_writer *w, struct err *err)
{
	struct repo_run *run = &w->indexer.run, known;
	struct err ignored;

	saving_end(&w->saving);
	/* Tests that are not there must not be taken for tests that do not fail. */
	if (w->losing)
		run->state = REPO_INTERRUPTED;
	run->partial |= w->losing;
	run->sequence = 0;
	if (run_packet_end(&w->out, run, err) || sync_stream(w, err))
		return -1;
	/* Frees what was set aside for it. */
	if (stream_cut(&w->stream, w->stream.size, err))
		return -1;
	known = *run;
	indexer_release(&w->indexer);
	if (indexer_init(&w->indexer, writer_repo(w)->index, known.id, err))
		return -1;
	/* Otherwise it is taken for one whose writer died, and that does the rest. */
	reindex(w, &known, &ignored);
	return 0;
}

/* Takes away a run that has not become whole and whose lock the writer has. */
static int
remove_import(struct sqlite_writer *w, struct err *err)
{
	struct sqlite_repo *repo = writer_repo(w);

	if (index_begin(repo->index, false, err))
		return -1;
	if (index_run_remove(repo->index, w->indexer.run.id, err) ||
	    streams_remove(&repo->streams, STREAMS_PART(w->indexer.run.id), err) ||
	    streams_remove(&repo->streams, w->indexer.run.id, err) || index_commit(repo->index, err)) {
		index_rollback(repo->index);
		return -1;
	}
	return 0;
}

/* Makes a running run interrupted if nobody writes it any more; another repository's vanishes unless it is
 * whole. */
static int
repair(struct sqlite_repo *repo, int64_t id, struct err *err)
{
	struct sqlite_writer *w = writer_new(repo, id, err);
	struct repo_run run;
	int rc;

	if (!w)
		return -1;
	rc = streams_has(&repo->streams, STREAMS_PART(id), err);
	if (rc > 0) {
		rc = stream_claim(&repo->streams, STREAMS_PART(id), false, &w->stream, err);
		rc = rc > 0 ? remove_import(w, err) : rc;
		writer_free(w);
		return rc < 0 ? err_wrap(err, "run %" PRId64, id) : 0;
	}
	if (rc == 0)
		rc = stream_claim(&repo->streams, id, true, &w->stream, err);
	/* Between the search and the lock it may have ended, or been repaired. */
	if (rc > 0)
		rc = index_run_get(repo->index, id, &run, err);
	if (rc > 0 && run.state == REPO_RUNNING)
		rc = reindex(w, &run, err);
	writer_free(w);
	return rc < 0 ? err_wrap(err, "run %" PRId64, id) : 0;
}

int
writer_settle(struct repo *base, int64_t run, struct err *err)
{
	struct sqlite_repo *repo = (struct sqlite_repo *)base;

	return streams_wait(&repo->streams, run, err) ? -1 : repair(repo, run, err);
}

int
writer_repair_all(struct sqlite_repo *repo, struct err *err)
{
	int64_t id = -1;
	struct err failure;
	int rc;

	do {
		rc = index_running(repo->index, id, &id, err);
		if (rc == 0 && id >= 0 && repair(repo, id, &failure)) {
			/* It is done when something can be written again. */
			rc = failure.kind == ERR_NO_ROOM || failure.kind == ERR_READ_ONLY ? 0 : -1;
			if (rc)
				*err = failure;
		}
	} while (rc == 0 && id >= 0);
	return rc;
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

static int
look_for_results(void *context, const struct event *e, struct err *err)
{
	bool *found = context;

	(void)err;
	/* Text after what begins like a packet is one that broke off. */
	if (e->kind == EVENT_PACKET)
		*found |= !run_packet_is(e);
	else if (e->offset == 0)
		*found |= e->file.data[0] != PACKET_SIGNATURE;
	return 0;
}

/* There may be a stream that the index does not know: when the machine died, that of a whole run, which is left
 * alone; when only its writer did, no more than its beginning, which is nothing that anybody has seen. 1 when
 * the stream can be written, 0, or -1. */
static int
take_place(struct sqlite_writer *w, struct err *err)
{
	int64_t id = w->indexer.run.id;
	bool found = false;
	int fd, rc;

	rc = streams_has(w->stream.streams, w->import ? id : STREAMS_PART(id), err);
	if (rc)
		return rc < 0 ? -1 : 0;
	if (w->stream.size == 0)
		return 1;
	if (w->import)
		return w->stream.streams->db ? 0 : stream_cut(&w->stream, 0, err) ? -1 : 1;
	if (w->stream.streams->db || w->stream.size > WRITE_SIZE)
		return 0;
	fd = streams_fetch(w->stream.streams, w->stream.number, 0, UINT64_MAX, err);
	if (fd < 0)
		return -1;
	if (replay_events(fd, 0, UINT64_MAX, READER_V2, look_for_results, &found, err)) {
		close(fd);
		return -1;
	}
	close(fd);
	if (found)
		return 0;
	return stream_cut(&w->stream, 0, err) ? -1 : 1;
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
		rc = *out ? stream_claim(&repo->streams, begin->import ? STREAMS_PART(id) : id, true,
				&(*out)->stream, err)
			  : -1;
		if (rc > 0)
			(*out)->import = begin->import;
		if (rc > 0)
			rc = take_place(*out, err);
		id++;
	}
	if (rc < 0)
		return -1;
	memcpy((*out)->indexer.run.uid, uid, sizeof(uid));
	(*out)->indexer.run.uxsuccess_passes = begin->uxsuccess_passes;
	return write_begin(*out, begin, err);
}

int
writer_run_begin(struct repo *base, const struct repo_begin *begin, struct repo_writer **out, struct err *err)
{
	struct sqlite_repo *repo = (struct sqlite_repo *)base;
	struct sqlite_writer *w = NULL;

	if (index_begin(repo->index, false, err))
		return err_wrap(err, "no run can be stored");
	if (begin_run(repo, begin, &w, err)) {
		index_rollback(repo->index);
		writer_free(w);
		return err_wrap(err, "no run can be stored");
	}
	/* After the run has what it cannot do without. */
	if (!w->import)
		saving_reserve(&w->saving, &repo->streams.dir);
	*out = &w->base;
	return 0;
}

int
writer_meta_set(struct repo_writer *base, const struct repo_meta *meta, struct err *err)
{
	struct sqlite_writer *w = (struct sqlite_writer *)base;
	struct index *ix = writer_repo(w)->index;
	struct err failure;

	if (run_packet_meta(&w->out, meta, err))
		return -1;
	if (w->saving.on)
		return 0;
	if (index_begin(ix, false, &failure) == 0 &&
	    index_meta_set(ix, w->indexer.run.id, meta, &failure) == 0 && index_commit(ix, &failure) == 0)
		return 0;
	index_rollback(ix);
	return start_saving(w, &failure, err);
}

/* Encodes an event, and writes what has gathered when the run saves already. */
static int
append_saving(struct sqlite_writer *w, const struct event *e, struct err *err)
{
	if (w->out.len > WAITING_MAX) {
		w->losing = true;
		return 0;
	}
	if (saving_encode(&w->saving, &w->out, e))
		return err_nomem(err);
	return w->out.len >= w->retry ? write_saving(w, err) : 0;
}

int
writer_append(struct repo_writer *base, const struct event *e, struct err *err)
{
	struct sqlite_writer *w = (struct sqlite_writer *)base;
	struct event stored = *e;
	size_t from = w->out.len;
	struct err failure;

	/* That is another run's, of a stream that is stored again. */
	if (run_packet_is(e))
		return 0;
	if (stored.time < 0 || stored.time / TIME_SECOND >= PACKET_TIME_END)
		stored.time = TIME_NONE;
	if (w->saving.on)
		return append_saving(w, &stored, err);
	if (packet_encode(&w->out, &stored)) {
		w->out.failed = false;
		return err_set(err, ERR_FAILED,
		    "an event of the test \"%.*s\" cannot be stored: it is too large",
		    SLICE_FMT(slice_head(e->id, 200)));
	}
	stored.offset = w->stream.size + from;
	stored.raw = slice_from(buf_get(&w->out), from);
	if (indexer_event(&w->indexer, &stored, false, &failure) == 0 &&
	    (w->out.len < WRITE_SIZE || write_out(w, &failure) == 0))
		return 0;
	return start_saving(w, &failure, err);
}

int
writer_flush(struct repo_writer *base, struct err *err)
{
	struct sqlite_writer *w = (struct sqlite_writer *)base;
	struct err failure;

	if (w->saving.on)
		return write_saving(w, err);
	return write_out(w, &failure) ? start_saving(w, &failure, err) : 0;
}

enum repo_room
writer_room(const struct repo_writer *base)
{
	const struct sqlite_writer *w = (const struct sqlite_writer *)base;

	return w->losing ? REPO_ROOM_NONE : w->saving.on ? REPO_ROOM_LITTLE : REPO_ROOM_ENOUGH;
}

int
writer_run_finish(struct repo_writer *base, enum repo_state state, bool partial, int exit_status, int64_t *id,
    struct err *err)
{
	struct sqlite_writer *w = (struct sqlite_writer *)base;
	struct repo_run *run = &w->indexer.run;
	struct err failure;
	int rc = 0;

	assert(state != REPO_RUNNING);
	run->state = state;
	run->partial = partial;
	run->exit_status = exit_status;
	if (!w->saving.on && end_run(w, &failure))
		rc = start_saving(w, &failure, err);
	if (rc == 0 && w->saving.on)
		rc = end_saving(w, err);
	if (rc == 0)
		*id = run->id;
	if (rc && w->import)
		remove_import(w, &failure);
	writer_free(w);
	return rc;
}

void
writer_import_abort(struct repo_writer *base)
{
	struct sqlite_writer *w = (struct sqlite_writer *)base;
	struct err ignored;

	/* What cannot be removed now is removed when the repository is opened again. */
	remove_import(w, &ignored);
	writer_free(w);
}
