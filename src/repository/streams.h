/* SPDX-License-Identifier: Apache-2.0
 *
 * The streams of all runs: files in a directory, or pieces in a database.
 *
 * Streams are known by numbers: those of runs by the run's id, others by one below 0. Whoever writes a run's
 * stream has its lock until it is closed or the process dies. Invariant: what was written is never changed, and
 * what stream_write said was written survives the death of this process. */
#ifndef STREAMS_H
#define STREAMS_H

#include "db.h"
#include "file.h"

struct streams {
	struct file_dir dir; /* "streams", held open; its descriptor is -1 without one */
	struct db *db;       /* or the database, borrowed */
};

/* No id of a run or number of a checkpoint is greater: far from where numbers end. */
#define STREAMS_ID_MAX (INT64_MAX >> 2)
/* Checkpoints (checkpoint.h) count from 1: the file "checkpoint.N". */
#define STREAMS_CHECKPOINT(n) (-2 * (n)-1)
/* Another repository's run with the id that it is to have here, as long as it is not complete: the file
 * "ID.part". */
#define STREAMS_PART(id) (-2 * (id)-2)

#define STREAMS_NAME_MAX 40

/* A stream that is being written. */
struct stream {
	const struct streams *streams; /* NULL when it is closed */
	int64_t number;
	int fd;
	uint64_t size;
	char name[STREAMS_NAME_MAX];
};

/* Opens the directory "streams" in `dir`. */
int streams_open_dir(struct streams *s, const struct file_dir *dir, struct err *err);
void streams_release(struct streams *s);

/* Takes a stream that has no writer, or perhaps a dead one; where there is none it is, with `create`, an empty
 * one. 1, 0 when its writer lives or there is none, or -1. */
int stream_claim(const struct streams *s, int64_t number, bool create, struct stream *out, struct err *err);
/* Appends; *written, which may be less on failure, says how much. */
int stream_write(struct stream *s, struct slice bytes, size_t *written, struct err *err);
/* Takes back what was written beyond that size, in a file. */
int stream_cut(struct stream *s, uint64_t size, struct err *err);
/* What was written survives the end of the machine: from now on in files, from the next durable transaction
 * on in a database. */
int stream_sync(struct stream *s, struct err *err);
/* Makes a STREAMS_PART the stream of its run: at once in files, with the transaction in a database. */
int stream_complete(struct stream *s, struct err *err);
/* Accepts one that is closed. */
void stream_close(struct stream *s);

/* A descriptor to read the bytes [from, end) of a stream from, at their places, or -1. */
int streams_fetch(const struct streams *s, int64_t number, uint64_t from, uint64_t end, struct err *err);
/* 1, 0 when there is no such stream, or -1. */
int streams_has(const struct streams *s, int64_t number, struct err *err);
/* 1 when a stream that is there is being written, 0 when not, or -1. */
int streams_busy(const struct streams *s, int64_t number, struct err *err);
/* Waits until nobody writes another repository's run any more. */
int streams_wait(const struct streams *s, int64_t run, struct err *err);
/* The numbers of all streams, ascending, for the caller to free. */
int streams_list(const struct streams *s, int64_t **out, size_t *count, struct err *err);
/* Takes a stream away, if it is there: at once in files, with the transaction in a database. */
int streams_remove(const struct streams *s, int64_t number, struct err *err);

#endif
