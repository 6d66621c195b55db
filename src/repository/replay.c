/* SPDX-License-Identifier: Apache-2.0 */
#include "replay.h"

#include <errno.h>
#include <unistd.h>

static int
drain(struct reader *r, uint64_t base, replay_event_fn fn, void *context, struct err *err)
{
	struct event e;
	int rc;

	while ((rc = reader_next(r, &e)) > 0) {
		e.offset += base;
		if (fn(context, &e, err))
			return -1;
	}
	return rc < 0 ? err_nomem(err) : 0;
}

/* With `torn` nothing is concluded from the end. */
static int
read_events(int fd, uint64_t offset, uint64_t end, enum reader_mode mode, bool torn, replay_event_fn fn,
    void *context, struct err *err)
{
	struct reader *r = reader_new(mode);
	uint64_t at = offset;
	int rc = r ? 0 : err_nomem(err);

	while (rc == 0 && at < end) {
		size_t room;
		uint8_t *space = reader_space(r, &room);
		ssize_t n;

		if (!space) {
			rc = err_nomem(err);
			break;
		}
		if (room > end - at)
			room = (size_t)(end - at);
		n = file_read_at(fd, space, room, at);
		if (n < 0)
			rc = err_sys(err, "cannot read a stored run");
		if (n <= 0)
			break;
		reader_commit(r, (size_t)n);
		at += (uint64_t)n;
		rc = drain(r, offset, fn, context, err);
	}
	if (rc == 0 && !torn) {
		reader_end(r);
		rc = drain(r, offset, fn, context, err);
	}
	reader_free(r);
	return rc;
}

int
replay_events(int fd, uint64_t offset, uint64_t end, enum reader_mode mode, replay_event_fn fn, void *context,
    struct err *err)
{
	return read_events(fd, offset, end, mode, false, fn, context, err);
}

struct fold {
	struct outcome *outcome;
	repo_result_fn fn;
	void *context;
	uint64_t results;
	bool torn;

	/* When `one` is set: only the test of the event at `offset`. */
	bool one, begun, has_route;
	uint64_t offset;
	struct buf key; /* its id, then its route */
	size_t id_len;
};

static bool
is_chosen(struct fold *f, const struct event *e)
{
	if (e->offset == f->offset) {
		f->begun = true;
		buf_slice(&f->key, e->id);
		buf_slice(&f->key, e->route);
		f->id_len = e->id.len;
		f->has_route = e->route.data != NULL;
	}
	return f->begun && f->has_route == (e->route.data != NULL) &&
	       slice_eq(e->id, slice_head(buf_get(&f->key), f->id_len)) &&
	       slice_eq(e->route, slice_from(buf_get(&f->key), f->id_len));
}

static int
give(struct fold *f, const struct result *r, struct err *err)
{
	f->results++;
	return f->fn(f->context, r, err);
}

static int
fold_event(void *context, const struct event *e, struct err *err)
{
	struct fold *f = context;
	const struct result *r;

	if (!e->id.data || (f->one && (!is_chosen(f, e) || f->results)))
		return 0;
	if (f->key.failed || outcome_event(f->outcome, e, &r))
		return err_nomem(err);
	return r ? give(f, r, err) : 0;
}

static int
replay_fold(struct fold *f, int fd, uint64_t end, enum reader_mode mode, size_t detail_max, struct err *err)
{
	const struct result *r;
	int rc;

	buf_init(&f->key, PACKET_MAX);
	f->outcome = outcome_new(detail_max);
	rc = f->outcome ? read_events(fd, f->offset, end, mode, f->torn, fold_event, f, err) : err_nomem(err);
	while (rc == 0 && !f->torn && (r = outcome_open_next(f->outcome)))
		rc = give(f, r, err);
	outcome_free(f->outcome);
	buf_release(&f->key);
	return rc;
}

int
replay_results(
    int fd, enum reader_mode mode, size_t detail_max, repo_result_fn fn, void *context, struct err *err)
{
	struct fold f = {.fn = fn, .context = context};

	return replay_fold(&f, fd, UINT64_MAX, mode, detail_max, err);
}

int
replay_torn(
    int fd, enum reader_mode mode, size_t detail_max, repo_result_fn fn, void *context, struct err *err)
{
	struct fold f = {.fn = fn, .context = context, .torn = true};

	return replay_fold(&f, fd, UINT64_MAX, mode, detail_max, err);
}

int
replay_file(const struct file_dir *dir, const char *name, enum reader_mode mode, size_t detail_max,
    repo_result_fn fn, void *context, struct err *err)
{
	int fd = openat(dir->fd, name, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return errno == ENOENT ? 0 : file_error(dir, name, "open", err);
	rc = replay_results(fd, mode, detail_max, fn, context, err);
	close(fd);
	return rc ? -1 : 1;
}

int
replay_one(int fd, uint64_t offset, uint64_t end, size_t detail_max, repo_result_fn fn, void *context,
    struct err *err)
{
	struct fold f = {.fn = fn, .context = context, .one = true, .offset = offset};

	if (replay_fold(&f, fd, end, READER_V2, detail_max, err))
		return -1;
	return f.results > 0;
}

struct chosen {
	struct fold f;
	replay_event_fn fn;
	void *context;
};

static int
pass_chosen(void *context, const struct event *e, struct err *err)
{
	struct chosen *c = context;

	if (!e->id.data || !is_chosen(&c->f, e))
		return 0;
	return c->f.key.failed ? err_nomem(err) : c->fn(c->context, e, err);
}

int
replay_one_events(int fd, uint64_t offset, uint64_t end, replay_event_fn fn, void *context, struct err *err)
{
	struct chosen c = {.f = {.offset = offset}, .fn = fn, .context = context};
	int rc;

	buf_init(&c.f.key, PACKET_MAX);
	rc = read_events(fd, offset, end, READER_V2, false, pass_chosen, &c, err);
	buf_release(&c.f.key);
	return rc;
}
