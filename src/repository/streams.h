/* SPDX-License-Identifier: Apache-2.0
 *
 * The streams of all runs: files in a directory, or pieces in a database.
 *
 * Whoever writes a stream has its lock until it is closed or the process dies. Invariant: what was written is
 * never changed, and what stream_write said was written survives the death of this process. */
#ifndef STREAMS_H
#define STREAMS_H

#include "db.h"
#include "file.h"

struct streams {
	struct file_dir dir; /* "streams", held open; its descriptor is -1 without one */
	struct db *db;       /* or the database, borrowed */
};

/* Streams are known by numbers: those of runs by the run's id, others by one below 0. Checkpoints (fold.h) count
 * from 1. */
#define STREAMS_CHECKPOINT(number) (-2 * (number)-1)

/* A stream that is being written. */
struct stream {
	const struct streams *streams; /* NULL when it is closed */
	int64_t run;
	int fd;
	uint64_t size;
	char name[24];
};

/* Opens the directory "streams" in `dir`. */
int streams_open_dir(struct streams *s, const struct file_dir *dir, struct err *err);
void streams_release(struct streams *s);

/* Takes the stream of a run that has no writer, or perhaps a dead one; where there is none it is an empty
 * one. 1, 0 when its writer lives, or -1. */
int stream_claim(const struct streams *s, int64_t run, struct stream *out, struct err *err);
/* Appends; *written, which may be less on failure, says how much. */
int stream_write(struct stream *s, struct slice bytes, size_t *written, struct err *err);
/* Takes back what was written beyond that size, in a file. */
int stream_cut(struct stream *s, uint64_t size, struct err *err);
/* What was written survives the end of the machine: from now on in files, from the next durable transaction
 * on in a database. */
int stream_sync(struct stream *s, struct err *err);
/* Accepts one that is closed. */
void stream_close(struct stream *s);

/* A descriptor to read the bytes [from, end) of a stream from, at their places, or -1. */
int streams_fetch(const struct streams *s, int64_t run, uint64_t from, uint64_t end, struct err *err);

#endif
