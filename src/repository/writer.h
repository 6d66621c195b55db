/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes runs of a format-2 repository: each event goes to the run's stream, and from there into the index.
 *
 * When the disk is full, the run goes on without its attachments (saving.h), in the stream alone: the index takes
 * room as well, and can be made from it. What still has no room waits in memory. Invariant: the stream says
 * everything that the index says of the run, and is safe before it. */
#ifndef WRITER_H
#define WRITER_H

#include "index.h"
#include "repo_backend.h"
#include "streams.h"

struct sqlite_repo {
	struct repo base;
	struct db *db;
	struct index *index;
	struct streams streams;
};

/* As repo_run_begin and the functions after it. */
int writer_run_begin(
    struct repo *base, const struct repo_begin *begin, struct repo_writer **out, struct err *err);
int writer_append(struct repo_writer *base, const struct event *e, struct err *err);
int writer_meta_set(struct repo_writer *base, const struct repo_meta *meta, struct err *err);
int writer_flush(struct repo_writer *base, struct err *err);
enum repo_room writer_room(const struct repo_writer *base);
int writer_run_finish(struct repo_writer *base, enum repo_state state, bool partial, int exit_status,
    int64_t *id, struct err *err);

void writer_import_abort(struct repo_writer *base);

/* As repo_settle. */
int writer_settle(struct repo *base, int64_t run, struct err *err);
/* Makes all runs interrupted whose writers are gone. Where nothing can be written they stay as they are. */
int writer_repair_all(struct sqlite_repo *repo, struct err *err);

#endif
