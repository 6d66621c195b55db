/* SPDX-License-Identifier: Apache-2.0 */
#include "streams.h"

#include "sql.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define STREAMS "streams"
/* The longest piece in a database: what has to be fetched for one result. */
#define PIECE ((size_t)64 << 10)

int
streams_open_dir(struct streams *s, const struct file_dir *dir, struct err *err)
{
	struct buf path;
	int fd = file_open(dir, STREAMS, O_RDONLY | O_DIRECTORY, 0, err);

	*s = (struct streams){.dir.fd = fd};
	if (fd < 0)
		return -1;
	buf_init(&path, SIZE_MAX / 4);
	buf_printf(&path, "%s/" STREAMS, dir->path);
	s->dir.path = buf_steal(&path);
	buf_release(&path);
	return s->dir.path ? 0 : err_nomem(err);
}

void
streams_release(struct streams *s)
{
	if (s->dir.fd >= 0)
		close(s->dir.fd);
	free((char *)s->dir.path);
	*s = (struct streams){.dir.fd = -1};
}

/* ---- in a database ---- */

/* The piece with the byte at `at`, until the statement is released: 1, 0 when there is none, or -1. */
static int
find_piece(
    struct db_stmt *find, int64_t run, uint64_t at, uint64_t *start, struct slice *bytes, struct err *err)
{
	int rc;

	db_reset(find);
	db_bind_int(find, 1, run);
	db_bind_int(find, 2, (int64_t)at);
	rc = db_step(find, err);
	if (rc <= 0)
		return rc;
	*start = (uint64_t)db_int(find, 0);
	*bytes = db_bytes(find, 1);
	return at < *start + bytes->len;
}

/* The length of what is there. */
static int
find_size(const struct streams *s, int64_t run, uint64_t *out, struct err *err)
{
	struct db_stmt *find = db_prepare(s->db, sql_chunk_find, err);
	uint64_t start = 0;
	struct slice bytes = SLICE_NONE;
	int rc = find ? find_piece(find, run, INT64_MAX, &start, &bytes, err) : -1;

	*out = start + bytes.len;
	db_release(find);
	return rc;
}

static int
claim_in_db(struct stream *out, struct err *err)
{
	struct db *db = out->streams->db;
	int rc = db_lock(db, out->run, err);
	struct err ignored;

	if (rc <= 0 || find_size(out->streams, out->run, &out->size, err) >= 0)
		return rc;
	db_unlock(db, out->run, &ignored);
	return -1;
}

static int
write_to_db(struct stream *s, struct slice bytes, size_t *written, struct err *err)
{
	struct db_stmt *insert = db_prepare(s->streams->db, sql_chunk_insert, err);
	int rc = insert ? 0 : -1;

	*written = 0;
	while (rc == 0 && bytes.len) {
		struct slice piece = slice_head(bytes, PIECE);

		db_bind_int(insert, 1, s->run);
		db_bind_int(insert, 2, (int64_t)s->size);
		db_bind_blob(insert, 3, piece);
		if (db_run(insert, err) < 0) {
			rc = -1;
			break;
		}
		s->size += piece.len;
		*written += piece.len;
		bytes = slice_from(bytes, piece.len);
	}
	db_release(insert);
	return rc;
}

static int
copy_pieces(const struct streams *s, int64_t run, uint64_t from, uint64_t end, int fd, struct err *err)
{
	struct db_stmt *find = db_prepare(s->db, sql_chunk_find, err);
	int rc = find ? 1 : -1;

	while (rc > 0 && from < end) {
		struct slice bytes;
		uint64_t start;

		rc = find_piece(find, run, from, &start, &bytes, err);
		if (rc <= 0)
			break;
		if (lseek(fd, (off_t)start, SEEK_SET) < 0 || file_write(fd, bytes, NULL))
			rc = err_sys(err, "cannot copy the stream of run %" PRId64, run);
		from = start + bytes.len;
	}
	db_release(find);
	return rc < 0 ? -1 : 0;
}

/* Into a file without a name, at the same places. */
static int
fetch_from_db(const struct streams *s, int64_t run, uint64_t from, uint64_t end, struct err *err)
{
	/* What is small need not see a disk. */
	bool small = end != UINT64_MAX && end - from <= 64 * PIECE;
	int fd = file_scratch(small, err);

	if (fd < 0)
		return -1;
	if (copy_pieces(s, run, from, end, fd, err) == 0)
		return fd;
	close(fd);
	return -1;
}

/* ---- in files ---- */

static int
claim_file(struct stream *out, struct err *err)
{
	const struct file_dir *dir = &out->streams->dir;
	struct stat st;
	int rc;

	out->fd = file_open(dir, out->name, O_RDWR | O_CREAT | O_APPEND, 0666, err);
	if (out->fd < 0)
		return -1;
	rc = file_lock(out->fd, false);
	if (rc < 0)
		return file_error(dir, out->name, "lock", err);
	if (fstat(out->fd, &st))
		return file_error(dir, out->name, "look at", err);
	out->size = (uint64_t)st.st_size;
	return rc;
}

/* ---- both ---- */

int
stream_claim(const struct streams *s, int64_t run, struct stream *out, struct err *err)
{
	int rc;

	*out = (struct stream){.streams = s, .run = run, .fd = -1};
	snprintf(out->name, sizeof(out->name), "%" PRId64, run);
	rc = s->db ? claim_in_db(out, err) : claim_file(out, err);
	if (rc > 0)
		return 1;
	/* A lock that was not had is not given back. */
	if (out->fd >= 0)
		close(out->fd);
	out->streams = NULL;
	return rc;
}

int
stream_write(struct stream *s, struct slice bytes, size_t *written, struct err *err)
{
	int rc;

	if (s->streams->db)
		return write_to_db(s, bytes, written, err);
	rc = file_write(s->fd, bytes, written);
	s->size += *written;
	return rc ? file_error(&s->streams->dir, s->name, "write", err) : 0;
}

int
stream_cut(struct stream *s, uint64_t size, struct err *err)
{
	if (ftruncate(s->fd, (off_t)size))
		return file_error(&s->streams->dir, s->name, "cut", err);
	s->size = size;
	return 0;
}

int
stream_sync(struct stream *s, struct err *err)
{
	if (s->streams->db)
		return 0;
	if (fsync(s->fd))
		return file_error(&s->streams->dir, s->name, "sync", err);
	return file_sync_dir(&s->streams->dir, err);
}

void
stream_close(struct stream *s)
{
	struct err ignored;

	if (!s->streams)
		return;
	if (s->streams->db)
		db_unlock(s->streams->db, s->run, &ignored);
	else
		close(s->fd);
	s->streams = NULL;
}

int
streams_fetch(const struct streams *s, int64_t run, uint64_t from, uint64_t end, struct err *err)
{
	char name[24];

	if (s->db)
		return fetch_from_db(s, run, from, end, err);
	snprintf(name, sizeof(name), "%" PRId64, run);
	return file_open(&s->dir, name, O_RDONLY, 0, err);
}
