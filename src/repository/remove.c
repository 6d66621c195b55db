/* SPDX-License-Identifier: Apache-2.0 */
#include "remove.h"

#include "checkpoint.h"
#include "db.h"
#include "sql.h"

#include <inttypes.h>
#include <unistd.h>

/* A new checkpoint in the making. */
struct keeping {
	struct checkpoint_writer w;
	struct checkpoint_facts facts;
	const struct streams *streams;
	int64_t number;
};

static int
keep_failing(void *context, int64_t stream, const struct result *r, struct err *err)
{
	struct keeping *k = context;
	struct err ignored;
	/* A result whose stream is gone keeps what the index says of it. */
	int fd = streams_fetch(k->streams, stream, r->offset, r->end, &ignored);
	int rc = checkpoint_failing(&k->w, r, fd, err);

	if (fd >= 0)
		close(fd);
	return rc;
}

static int
keep_duration(void *context, struct slice test, struct slice profile, int64_t duration, int64_t sequence,
    struct err *err)
{
	struct keeping *k = context;

	return sequence <= k->facts.sequence ? checkpoint_duration(&k->w, test, profile, duration, err) : 0;
}

/* The place of the order at which the new checkpoint is: after everything that is removed. */
static int
choose_place(
    struct index *ix, const int64_t *ids, size_t count, struct checkpoint_facts *facts, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		struct repo_run run;
		int rc = index_run_get(ix, ids[i], &run, err);

		if (rc < 0)
			return -1;
		if (rc == 0)
			return err_set(err, ERR_FAILED, "there is no run %" PRId64, ids[i]);
		if (run.state == REPO_RUNNING)
			return err_set(err, ERR_FAILED,
			    "run %" PRId64 " is being written: it can be removed when it has ended", ids[i]);
		if (run.sequence > facts->sequence)
			facts->sequence = run.sequence;
	}
	return index_run_next(ix, &facts->next_run, err);
}

static int
write_checkpoint(struct keeping *k, struct index *ix, struct err *err)
{
	return checkpoint_begin(&k->w, k->streams, k->number, err) ||
		       fold_failing(ix, keep_failing, k, err) ||
		       fold_durations_all(ix, keep_duration, k, err) || checkpoint_end(&k->w, &k->facts, err)
		   ? -1
		   : 0;
}

/* What the checkpoint says has the place of the checkpoint. */
static int
move_durations(struct index *ix, int64_t sequence, struct err *err)
{
	struct db_stmt *stmt = db_prepare(index_db(ix), sql_durations_move, err);
	int64_t rc;

	if (!stmt)
		return -1;
	db_bind_int(stmt, 1, sequence);
	rc = db_run(stmt, err);
	db_release(stmt);
	return rc < 0 ? -1 : 0;
}

/* Writes the checkpoint and makes the index as it is to be, in the transaction that is open. */
static int
change_index(struct keeping *k, struct index *ix, const int64_t *ids, size_t count, struct err *err)
{
	struct checkpoint_facts *facts = &k->facts;

	/* First, so that no run ends meanwhile. */
	if (index_sequence_last(ix, &facts->last_sequence, err) ||
	    fold_checkpoint(ix, &facts->sequence, &k->number, err))
		return -1;
	k->number++;
	if (choose_place(ix, ids, count, facts, err) || fold_at(ix, facts->sequence, err) ||
	    write_checkpoint(k, ix, err) || checkpoint_to_index(ix, k->streams, k->number, facts, err) ||
	    move_durations(ix, facts->sequence, err))
		return -1;
	for (size_t i = 0; i < count; i++)
		if (index_run_remove(ix, ids[i], err))
			return -1;
	return fold_at(ix, INT64_MAX, err);
}

static int
remove_streams(const struct streams *streams, const struct checkpoint_facts *facts, struct err *err)
{
	for (size_t i = 0; i < facts->removed_count; i++)
		if (streams_remove(streams, facts->removed[i], err))
			return -1;
	return 0;
}

/* Streams that the last removal has left, when it was cut off: the next checkpoint does not name them. */
static int
finish_earlier(struct index *ix, const struct streams *streams, struct err *err)
{
	struct checkpoint_facts facts = {0};
	int64_t place, number;
	int rc = fold_checkpoint(ix, &place, &number, err);

	if (rc == 0 && number)
		rc = checkpoint_read(streams, number, &facts, err);
	if (rc >= 0)
		rc = remove_streams(streams, &facts, err);
	checkpoint_facts_release(&facts);
	return rc;
}

int
remove_runs(
    struct index *ix, const struct streams *streams, const int64_t *ids, size_t count, struct err *err)
{
	struct keeping k = {.streams = streams, .w = {.stream.fd = -1}};
	struct err ignored;
	bool begun;
	int rc;

	if (!count)
		return 0;
	k.facts.removed = (int64_t *)ids;
	k.facts.removed_count = count;
	if (index_begin(ix, true, err))
		return -1;
	rc =
	    finish_earlier(ix, streams, err) || change_index(&k, ix, ids, count, err) || index_commit(ix, err)
		? -1
		: 0;
	begun = k.w.stream.streams != NULL;
	checkpoint_release(&k.w);
	if (rc) {
		index_rollback(ix);
		if (begun)
			streams_remove(streams, STREAMS_CHECKPOINT(k.number), &ignored);
		return -1;
	}
	/* From here on the streams are nobody's; should they stay, the checkpoint says so. */
	return remove_streams(streams, &k.facts, err) || checkpoint_remove_others(streams, k.number, err) ? -1
													  : 0;
}
