/* SPDX-License-Identifier: Apache-2.0 */
#include "results.h"

#include "file.h"
#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Of all open tests together. */
#define MEMORY_MAX ((size_t)4 << 20)
#define READ_SIZE ((size_t)128 << 10)

/* An attachment in the file is a chain of blocks, one behind the other in time, not in place. */
struct block {
	uint64_t next; /* where that begins, 0 at the end */
	uint64_t len;  /* of the bytes behind this */
};

struct results {
	struct detail_store store;
	struct outcome *tests;
	struct err *err;
	bool failed;   /* err is set */
	int fd;        /* of the file, -1 as long as there is none */
	uint64_t end;  /* of the file: where the next block goes */
	uint64_t used; /* bytes of attachments in it */
	uint8_t *room; /* to read into */
};

/* Sets err by errno, once. */
static int
fail(struct results *r, const char *verb)
{
	if (!r->failed)
		err_sys(r->err, "cannot %s a temporary file in %s (TMPDIR names another directory)", verb,
		    scratch_directory());
	r->failed = true;
	return -1;
}

static int
append(void *context, struct stored *where, struct slice bytes)
{
	struct results *r = context;
	struct block block = {.len = bytes.len};
	/* A place of 0 is none. */
	uint64_t at = r->end ? r->end : sizeof(block);

	if (r->fd < 0) {
		r->fd = scratch_file(r->err);
		r->failed |= r->fd < 0;
	}
	if (r->failed)
		return -1;
	if (lseek(r->fd, (off_t)at, SEEK_SET) < 0 ||
	    file_write(r->fd, slice_of(&block, sizeof(block)), NULL) || file_write(r->fd, bytes, NULL))
		return fail(r, "write");
	if (where->last &&
	    pwrite(r->fd, &at, sizeof(at), (off_t)(where->last + offsetof(struct block, next))) != sizeof(at))
		return fail(r, "write");
	if (!where->first)
		where->first = at;
	where->last = at;
	where->size += bytes.len;
	r->used += bytes.len;
	r->end = at + sizeof(block) + bytes.len;
	return 0;
}

/* Reads exactly that much: it was written. */
static int
read_whole(struct results *r, void *data, size_t len, uint64_t at)
{
	errno = EIO;
	return file_read_at(r->fd, data, len, at) == (ssize_t)len ? 0 : fail(r, "read");
}

static int
read_back(void *context, const struct stored *where, piece_fn fn, void *fn_context)
{
	struct results *r = context;
	struct block block;
	int rc = 0;

	for (uint64_t at = where->first; at && rc == 0; at = block.next) {
		uint64_t from = at + sizeof(block), done = 0;

		if (r->failed || read_whole(r, &block, sizeof(block), at))
			return -1;
		while (done < block.len && rc == 0) {
			size_t len = block.len - done < READ_SIZE ? (size_t)(block.len - done) : READ_SIZE;

			if (read_whole(r, r->room, len, from + done))
				return -1;
			rc = fn(fn_context, slice_of(r->room, len));
			done += len;
		}
	}
	return rc;
}

/* Gives the room on the disk back, where the file system can. */
static void
drop(void *context, const struct stored *where)
{
	struct results *r = context;
	struct block block;

	r->used -= where->size;
	if (!r->used) {
		/* Old blocks behind the end do no harm. */
		r->end = ftruncate(r->fd, 0) ? r->end : 0;
		return;
	}
	for (uint64_t at = where->first; at && !r->failed; at = block.next) {
		if (read_whole(r, &block, sizeof(block), at))
			return;
		if (block.len >= READ_SIZE)
			fallocate(r->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at,
			    (off_t)(sizeof(block) + block.len));
	}
}

struct results *
results_new(struct err *err)
{
	struct results *r = calloc(1, sizeof(*r));

	if (!r) {
		err_nomem(err);
		return NULL;
	}
	r->err = err;
	r->fd = -1;
	r->store = (struct detail_store){r, append, read_back, drop};
	r->tests = outcome_new_stored(MEMORY_MAX, &r->store);
	r->room = malloc(READ_SIZE);
	if (r->tests && r->room)
		return r;
	err_nomem(err);
	results_free(r);
	return NULL;
}

void
results_free(struct results *r)
{
	if (!r)
		return;
	outcome_free(r->tests);
	if (r->fd >= 0)
		close(r->fd);
	free(r->room);
	free(r);
}

/* What went wrong in the fold: the store, which has told it, or memory. */
static int
fold_failed(struct results *r)
{
	return r->failed ? -1 : err_nomem(r->err);
}

int
results_event(struct results *r, const struct event *e, const struct result **out)
{
	return outcome_event(r->tests, e, out) || r->failed ? fold_failed(r) : 0;
}

int
results_open_next(struct results *r, const struct result **out)
{
	*out = outcome_open_next(r->tests);
	return (!*out && outcome_open_count(r->tests)) || r->failed ? fold_failed(r) : 0;
}

int
results_drain(void *context)
{
	const struct results_drain *d = context;

	return output_flush(d->to, d->err);
}
