/* SPDX-License-Identifier: Apache-2.0 */
#include "spool.h"

#include "replay.h"
#include "repo_backend.h"
#include "v1.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The file is written in pieces of about this size. */
#define WRITE_SIZE ((size_t)1 << 20)
#define WRITE_MAX ((size_t)128 << 20)
/* One name is enough: the list is changed under the repository's lock. */
#define FAILING_NEW "testr-failing"

/* What a run has said of one test so far. */
struct seen {
	bool fails, passed;    /* now; ever in this run */
	bool kept;             /* is in the new list of failing tests */
	uint64_t since;        /* the number of the result with which it began to fail */
	uint64_t offset, size; /* of its last failure in the file */
};

void
spool_init(struct spool *s, const struct file_dir *dir, bool uxsuccess_passes)
{
	*s = (struct spool){.dir = dir, .fd = -1, .uxsuccess_passes = uxsuccess_passes};
	buf_init(&s->out, WRITE_MAX);
}

void
spool_release(struct spool *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	buf_release(&s->out);
	strtab_release(&s->ids);
	free(s->seen);
	free(s->durations);
	s->seen = NULL;
	s->durations = NULL;
}

int
spool_flush(struct spool *s, struct err *err)
{
	size_t written;
	int rc = file_write(s->fd, buf_get(&s->out), &written);

	if (rc)
		rc = file_error(s->dir, s->name, "write", err);
	s->written += written;
	buf_drop(&s->out, written);
	return rc;
}

int
spool_sync(struct spool *s, struct err *err)
{
	if (spool_flush(s, err))
		return -1;
	return fsync(s->fd) ? file_error(s->dir, s->name, "sync", err) : 0;
}

static bool
grow(struct spool *s)
{
	size_t cap = s->cap ? s->cap * 2 : 64;
	struct seen *seen = reallocarray(s->seen, cap, sizeof(*seen));
	int64_t *durations;

	if (seen)
		s->seen = seen;
	durations = seen ? reallocarray(s->durations, cap, sizeof(*durations)) : NULL;
	if (!durations)
		return false;
	s->durations = durations;
	s->cap = cap;
	return true;
}

/* Takes note of what a result, which lies at out[from…], says of its test. */
static int
see(struct spool *s, const struct result *r, size_t from)
{
	struct seen *seen;
	bool added;
	size_t i;

	if (s->ids.len == s->cap && !grow(s))
		return -1;
	i = strtab_add(&s->ids, r->id, &added);
	if (i == STRTAB_NONE)
		return -1;
	seen = &s->seen[i];
	if (added) {
		*seen = (struct seen){0};
		s->durations[i] = TIME_NONE;
	}
	if (result_duration(r) != TIME_NONE)
		s->durations[i] = result_duration(r);
	if (!repo_status_fails(r->status, s->uxsuccess_passes)) {
		seen->fails = false;
		seen->passed = true;
		return 0;
	}
	if (!seen->fails)
		seen->since = s->results;
	seen->fails = true;
	seen->offset = s->written + from;
	seen->size = s->out.len - from;
	return 0;
}

int
spool_add(struct spool *s, const struct result *r, bool counts, struct err *err)
{
	size_t from = s->out.len;

	v1_write(&s->out, r, NULL);
	if (s->out.failed) {
		s->out.failed = false;
		buf_truncate(&s->out, from);
		return err_set(err, ERR_FAILED,
		    "the result of the test \"%.*s\" cannot be stored: it is too large",
		    SLICE_FMT(slice_head(r->id, 200)));
	}
	s->results++;
	if (counts && see(s, r, from))
		return err_nomem(err);
	return s->out.len >= WRITE_SIZE ? spool_flush(s, err) : 0;
}

/* The list of failing tests on its way to a new file. */
struct failing_copy {
	struct spool *spool;
	int fd;
	struct buf out;
};

static int
copy_out(struct failing_copy *copy, struct err *err)
{
	if (copy->out.failed)
		return err_nomem(err);
	if (file_write(copy->fd, buf_get(&copy->out), NULL))
		return file_error(copy->spool->dir, FAILING_NEW, "write", err);
	buf_clear(&copy->out);
	return 0;
}

/* Adds the last failure of a test, as it was spooled. */
static int
copy_seen(struct failing_copy *copy, struct seen *seen, struct err *err)
{
	uint8_t *space = buf_space(&copy->out, seen->size);

	seen->kept = true;
	if (space && file_read_at(copy->spool->fd, space, seen->size, seen->offset) != (ssize_t)seen->size)
		return file_error(copy->spool->dir, copy->spool->name, "read", err);
	if (space)
		buf_commit(&copy->out, seen->size);
	return copy_out(copy, err);
}

/* Takes a test over that failed before, unless the run says otherwise. */
static int
copy_old(void *context, const struct result *r, struct err *err)
{
	struct failing_copy *copy = context;
	size_t i = strtab_find(&copy->spool->ids, r->id);
	struct seen *seen = i == STRTAB_NONE ? NULL : &copy->spool->seen[i];

	if (!seen) {
		v1_write(&copy->out, r, NULL);
		return copy_out(copy, err);
	}
	return seen->fails && !seen->passed && !seen->kept ? copy_seen(copy, seen, err) : 0;
}

static int
compare_since(const void *a, const void *b)
{
	const struct seen *x = *(struct seen *const *)a, *y = *(struct seen *const *)b;

	return (x->since > y->since) - (x->since < y->since);
}

/* Adds the tests that have begun to fail, in that order. */
static int
copy_new(struct failing_copy *copy, struct err *err)
{
	struct spool *s = copy->spool;
	struct seen **order = calloc(s->ids.len + 1, sizeof(struct seen *));
	size_t count = 0;
	int rc = 0;

	if (!order)
		return err_nomem(err);
	for (size_t i = 0; i < s->ids.len; i++)
		if (s->seen[i].fails && !s->seen[i].kept)
			order[count++] = &s->seen[i];
	if (count)
		qsort(order, count, sizeof(struct seen *), compare_since);
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = copy_seen(copy, order[i], err);
	free(order);
	return rc;
}

int
spool_failing(struct spool *s, const char *name, bool replace, struct err *err)
{
	struct failing_copy copy = {.spool = s};
	int rc = 0;

	copy.fd = file_open(s->dir, FAILING_NEW, O_RDWR | O_CREAT | O_TRUNC, 0600, err);
	if (copy.fd < 0)
		return -1;
	buf_init(&copy.out, WRITE_MAX);
	if (!replace)
		rc = replay_file(s->dir, name, READER_V1, SPOOL_DETAIL_MAX, copy_old, &copy, err);
	if (rc >= 0)
		rc = copy_new(&copy, err);
	buf_release(&copy.out);
	if (rc == 0 && fsync(copy.fd))
		rc = file_error(s->dir, FAILING_NEW, "sync", err);
	close(copy.fd);
	if (rc == 0 && renameat(s->dir->fd, FAILING_NEW, s->dir->fd, name))
		rc = file_error(s->dir, name, "replace", err);
	return rc;
}
