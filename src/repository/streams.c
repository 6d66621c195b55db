/* SPDX-License-Identifier: Apache-2.0 */
#include "streams.h"

#include "sql.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define STREAMS "streams"
#define PART ".part"
#define CHECKPOINT "checkpoint."
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

/* A list in the making. */
struct numbers {
	int64_t *list;
	size_t count, cap;
};

static int
add_number(struct numbers *n, int64_t number, struct err *err)
{
	if (n->count == n->cap) {
		size_t cap = n->cap ? n->cap * 2 : 256;
		int64_t *list = reallocarray(n->list, cap, sizeof(*list));

		if (!list)
			return err_nomem(err);
		n->list = list;
		n->cap = cap;
	}
	n->list[n->count++] = number;
	return 0;
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

/* The length of what is there. 1, 0 when there is nothing, or -1. */
static int
find_size(const struct streams *s, int64_t run, uint64_t *out, struct err *err)
{
	struct db_stmt *find = db_prepare(s->db, sql_chunk_find, err);
	uint64_t start = 0;
	struct slice bytes = SLICE_NONE;
	int rc = find ? find_piece(find, run, INT64_MAX, &start, &bytes, err) : -1;

	*out = start + bytes.len;
	db_release(find);
	return rc < 0 ? -1 : *out > 0;
}

/* A run's stream has one lock from its first byte on, also while it is a part. */
static int64_t
lock_of(int64_t number)
{
	return number >= 0 || number % 2 ? number : -number / 2 - 1;
}

static int
claim_in_db(struct stream *out, bool create, struct err *err)
{
	struct db *db = out->streams->db;
	int rc = db_lock(db, lock_of(out->number), false, err), found;
	struct err ignored;

	if (rc <= 0)
		return rc;
	found = find_size(out->streams, out->number, &out->size, err);
	if (found > 0 || (found == 0 && create))
		return 1;
	db_unlock(db, lock_of(out->number), &ignored);
	return found;
}

static int
write_to_db(struct stream *s, struct slice bytes, size_t *written, struct err *err)
{
	struct db_stmt *insert = db_prepare(s->streams->db, sql_chunk_insert, err);
	int rc = insert ? 0 : -1;

	*written = 0;
	while (rc == 0 && bytes.len) {
		struct slice piece = slice_head(bytes, PIECE);

		db_bind_int(insert, 1, s->number);
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

static int
list_db(struct db *db, struct numbers *out, struct err *err)
{
	struct db_stmt *stmt = db_prepare(db, sql_chunk_runs, err);
	int rc = stmt ? 1 : -1;

	while (rc > 0 && (rc = db_step(stmt, err)) > 0)
		rc = add_number(out, db_int(stmt, 0), err) ? -1 : 1;
	db_release(stmt);
	return rc;
}

/* Runs a statement whose values are these numbers. */
static int
change_db(struct db *db, const char *sql, int64_t first, const int64_t *second, struct err *err)
{
	struct db_stmt *stmt = db_prepare(db, sql, err);
	int64_t rc;

	if (!stmt)
		return -1;
	db_bind_int(stmt, 1, first);
	if (second)
		db_bind_int(stmt, 2, *second);
	rc = db_run(stmt, err);
	db_release(stmt);
	return rc < 0 ? -1 : 0;
}

/* ---- in files ---- */

static void
name_of(int64_t number, char out[STREAMS_NAME_MAX])
{
	if (number >= 0)
		snprintf(out, STREAMS_NAME_MAX, "%" PRId64, number);
	else if (number % 2)
		snprintf(out, STREAMS_NAME_MAX, CHECKPOINT "%" PRId64, -number / 2);
	else
		snprintf(out, STREAMS_NAME_MAX, "%" PRId64 PART, -number / 2 - 1);
}

/* The other way round: false for a name that is no stream's. */
static bool
number_of(const char *name, int64_t *out)
{
	char same[STREAMS_NAME_MAX];
	struct slice text = slice_str(name);

	if (slice_starts(text, SLICE_LIT(CHECKPOINT)) && slice_int(slice_from(text, strlen(CHECKPOINT)), out))
		*out = STREAMS_CHECKPOINT(*out & STREAMS_ID_MAX);
	else if (slice_ends(text, SLICE_LIT(PART)) &&
		 slice_int(slice_head(text, text.len - strlen(PART)), out))
		*out = STREAMS_PART(*out & STREAMS_ID_MAX);
	else if (!slice_int(text, out) || *out > STREAMS_ID_MAX)
		return false;
	name_of(*out, same);
	return strcmp(same, name) == 0;
}

static int
claim_file(struct stream *out, bool create, struct err *err)
{
	const struct file_dir *dir = &out->streams->dir;
	struct stat st, named;
	int rc;

	out->fd = openat(dir->fd, out->name, O_RDWR | O_APPEND | O_CLOEXEC | (create ? O_CREAT : 0), 0666);
	if (out->fd < 0)
		return errno == ENOENT && !create ? 0 : file_error(dir, out->name, "open", err);
	rc = file_lock(out->fd, false);
	if (rc < 0)
		return file_error(dir, out->name, "lock", err);
	if (fstat(out->fd, &st))
		return file_error(dir, out->name, "look at", err);
	/* Its writer may have completed it in between, or somebody removed it. */
	if (rc > 0 && !create && (fstatat(dir->fd, out->name, &named, 0) || named.st_ino != st.st_ino))
		return 0;
	out->size = (uint64_t)st.st_size;
	return rc;
}

static int
list_files(const struct file_dir *dir, struct numbers *out, struct err *err)
{
	int fd = file_open(dir, ".", O_RDONLY | O_DIRECTORY, 0, err), rc = 0;
	DIR *names = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	int64_t number;

	if (!names) {
		if (fd >= 0)
			close(fd);
		return fd < 0 ? -1 : file_error(dir, ".", "read", err);
	}
	while (rc == 0 && (entry = readdir(names)))
		if (number_of(entry->d_name, &number))
			rc = add_number(out, number, err);
	closedir(names);
	return rc;
}

/* ---- both ---- */

int
stream_claim(const struct streams *s, int64_t number, bool create, struct stream *out, struct err *err)
{
	int rc;

	*out = (struct stream){.streams = s, .number = number, .fd = -1};
	name_of(number, out->name);
	rc = s->db ? claim_in_db(out, create, err) : claim_file(out, create, err);
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

int
stream_complete(struct stream *s, struct err *err)
{
	const struct file_dir *dir = &s->streams->dir;
	int64_t run = lock_of(s->number);
	char name[STREAMS_NAME_MAX];

	name_of(run, name);
	if (s->streams->db) {
		if (change_db(s->streams->db, sql_chunks_renumber, run, &s->number, err))
			return -1;
	} else if (renameat(dir->fd, s->name, dir->fd, name)) {
		return file_error(dir, s->name, "rename", err);
	}
	s->number = run;
	memcpy(s->name, name, sizeof(name));
	return s->streams->db ? 0 : file_sync_dir(dir, err);
}

void
stream_close(struct stream *s)
{
	struct err ignored;

	if (!s->streams)
		return;
	if (s->streams->db)
		db_unlock(s->streams->db, lock_of(s->number), &ignored);
	else
		close(s->fd);
	s->streams = NULL;
}

int
streams_fetch(const struct streams *s, int64_t number, uint64_t from, uint64_t end, struct err *err)
{
	char name[STREAMS_NAME_MAX];

	if (s->db)
		return fetch_from_db(s, number, from, end, err);
	name_of(number, name);
	return file_open(&s->dir, name, O_RDONLY, 0, err);
}

int
streams_has(const struct streams *s, int64_t number, struct err *err)
{
	char name[STREAMS_NAME_MAX];
	uint64_t size;

	if (s->db)
		return find_size(s, number, &size, err);
	name_of(number, name);
	if (faccessat(s->dir.fd, name, F_OK, 0) == 0)
		return 1;
	return errno == ENOENT ? 0 : file_error(&s->dir, name, "look at", err);
}

static int
busy_in_db(struct db *db, int64_t lock, struct err *err)
{
	int rc = db_lock(db, lock, false, err);

	if (rc <= 0)
		return rc < 0 ? -1 : 1;
	return db_unlock(db, lock, err);
}

int
streams_busy(const struct streams *s, int64_t number, struct err *err)
{
	char name[STREAMS_NAME_MAX];
	int fd, rc;

	if (s->db)
		return busy_in_db(s->db, lock_of(number), err);
	name_of(number, name);
	fd = file_open(&s->dir, name, O_RDONLY, 0, err);
	if (fd < 0)
		return -1;
	rc = file_lock(fd, false);
	if (rc < 0)
		file_error(&s->dir, name, "lock", err);
	close(fd);
	return rc < 0 ? -1 : !rc;
}

int
streams_wait(const struct streams *s, int64_t run, struct err *err)
{
	char name[STREAMS_NAME_MAX];
	int fd, rc;

	if (s->db)
		return db_lock(s->db, run, true, err) < 0 ? -1 : db_unlock(s->db, run, err);
	name_of(STREAMS_PART(run), name);
	fd = openat(s->dir.fd, name, O_RDONLY | O_CLOEXEC);
	/* If it is complete already there is nothing to wait for. */
	if (fd < 0)
		return errno == ENOENT ? 0 : file_error(&s->dir, name, "open", err);
	rc = file_lock(fd, true) < 0 ? file_error(&s->dir, name, "lock", err) : 0;
	close(fd);
	return rc;
}

static int
compare_numbers(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int
streams_list(const struct streams *s, int64_t **out, size_t *count, struct err *err)
{
	struct numbers numbers = {0};

	if (s->db ? list_db(s->db, &numbers, err) : list_files(&s->dir, &numbers, err)) {
		free(numbers.list);
		return -1;
	}
	if (numbers.count)
		qsort(numbers.list, numbers.count, sizeof(*numbers.list), compare_numbers);
	*out = numbers.list;
	*count = numbers.count;
	return 0;
}

int
streams_remove(const struct streams *s, int64_t number, struct err *err)
{
	char name[STREAMS_NAME_MAX];

	if (s->db)
		return change_db(s->db, sql_chunks_delete, number, NULL, err);
	name_of(number, name);
	return unlinkat(s->dir.fd, name, 0) && errno != ENOENT ? file_error(&s->dir, name, "remove", err) : 0;
}
