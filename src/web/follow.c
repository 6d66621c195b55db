/* SPDX-License-Identifier: Apache-2.0 */
#include "follow.h"

#include "clock.h"
#include "file.h"
#include "reader.h"
#include "shape.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

/* How often a run that goes on is looked at. */
#define LOOK (TIME_SECOND / 5)
/* After so long a silence something is sent, so that all on the way see that both ends are there. */
#define SILENCE (15 * TIME_SECOND)
/* What is read from the stream, and made, at one time. */
#define STEP ((size_t)256 << 10)
#define WINDOW (8 * STEP)
#define OUT_MAX ((size_t)64 << 20)

struct follow {
	struct job job;
	struct jobs *jobs;
	void (*wake)(void *context);
	void *context;

	int64_t run;
	uint64_t after; /* nothing of before that place is sent */
	uint64_t read;  /* bytes of the stream given to the reader */
	struct reader *reader;
	struct outcome *outcome;
	bool ended; /* nothing comes after what is in `out` */

	struct buf out;
	size_t sent; /* of that */
	int64_t last;
};

struct follow *
follow_new(int64_t run, uint64_t after)
{
	struct follow *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->run = run;
	f->after = after;
	f->reader = reader_new(READER_V2);
	f->outcome = outcome_new(0);
	buf_init(&f->out, OUT_MAX);
	if (f->reader && f->outcome)
		return f;
	follow_free(f);
	return NULL;
}

void
follow_free(struct follow *f)
{
	if (!f)
		return;
	reader_free(f->reader);
	outcome_free(f->outcome);
	buf_release(&f->out);
	free(f);
}

static int
append(const char *data, size_t len, void *out)
{
	buf_add(out, data, len);
	return 0;
}

/* Takes the data over; it has no line ends of its own. */
static int
say(struct follow *f, const char *id, const char *event, json_t *data, struct err *err)
{
	int rc;

	buf_printf(&f->out, "id: %s\nevent: %s\ndata: ", id, event);
	rc = data ? json_dump_callback(data, append, &f->out, SHAPE_FLAGS) : -1;
	json_decref(data);
	buf_str(&f->out, "\n\n");
	return rc || f->out.failed ? err_nomem(err) : 0;
}

static int
say_at(struct follow *f, uint64_t place, const char *event, json_t *data, struct err *err)
{
	char id[24];

	snprintf(id, sizeof(id), "%" PRIu64, place);
	return say(f, id, event, data, err);
}

static int
say_result(
    struct follow *f, uint64_t place, const struct result *r, const struct repo_run *run, struct err *err)
{
	struct repo_row row = {.run = f->run,
	    .test = r->id,
	    .status = r->status,
	    .start = r->start,
	    .duration = result_duration(r),
	    .worker = result_worker(r)};
	struct buf tags;
	int rc = 0;

	if (place <= f->after)
		return 0;
	buf_init(&tags, SIZE_MAX / 4);
	result_other_tags(&tags, r);
	row.tags = buf_get(&tags);
	rc = tags.failed ? err_nomem(err)
			 : say_at(f, place, "result", shape_row(&row, shape_verdict(r->status, run)), err);
	buf_release(&tags);
	return rc;
}

static int
take_event(struct follow *f, const struct event *e, const struct repo_run *run, struct err *err)
{
	uint64_t place = e->offset + e->raw.len;
	size_t open = outcome_open_count(f->outcome);
	const struct result *r;
	int64_t worker;

	if (outcome_event(f->outcome, e, &r) < 0)
		return err_nomem(err);
	if (r)
		return say_result(f, place, r, run, err);
	if (outcome_open_count(f->outcome) == open || place <= f->after)
		return 0;
	worker = event_worker(e->tags, e->tag_count);
	return say_at(f, place, "start",
	    json_pack("{so, so, so}", "test", shape_text(e->id), "worker",
		worker < 0 ? json_null() : json_integer(worker), "start", shape_time(e->time)),
	    err);
}

static int
take_events(struct follow *f, const struct repo_run *run, struct err *err)
{
	struct event e;
	int rc;

	while ((rc = reader_next(f->reader, &e)) > 0)
		if (take_event(f, &e, run, err) < 0)
			return -1;
	return rc ? err_nomem(err) : 0;
}

/* Reads on until there is something to send or all was read: 1 at the end of what is there. */
static int
read_on(struct follow *f, int fd, const struct repo_run *run, struct err *err)
{
	while (f->out.len < STEP) {
		size_t room;
		uint8_t *space = reader_space(f->reader, &room);
		ssize_t n;

		if (!space)
			return err_nomem(err);
		n = file_read_at(fd, space, room < STEP ? room : STEP, f->read);
		if (n < 0)
			return err_sys(err, "cannot read the stream of run %" PRId64, f->run);
		if (n == 0)
			return 1;
		reader_commit(f->reader, (size_t)n);
		f->read += (uint64_t)n;
		if (take_events(f, run, err) < 0)
			return -1;
	}
	return 0;
}

static int
say_end(struct follow *f, struct repo *repo, const struct repo_run *run, struct err *err)
{
	const struct result *r;
	uint64_t place = f->read;

	f->ended = true;
	reader_end(f->reader);
	if (take_events(f, run, err) < 0)
		return -1;
	/* They never ended: each has a place of its own behind all that is there. */
	while ((r = outcome_open_next(f->outcome)))
		if (say_result(f, ++place, r, run, err) < 0)
			return -1;
	return say(f, "end", "end", shape_run(repo, run, err), err);
}

/* The state is asked for before the stream is read to its end, so that nothing can come behind the end. */
static int
look(struct follow *f, struct repo *repo, struct err *err)
{
	struct repo_run run;
	int fd, rc;

	if (repo_run_get(repo, f->run, &run, err) < 0)
		return -1;
	fd = repo_stream_open(repo, f->run, f->read, f->read + WINDOW, err);
	if (fd < 0)
		return -1;
	rc = read_on(f, fd, &run, err);
	close(fd);
	if (rc > 0)
		rc = run.state == REPO_RUNNING ? 0 : say_end(f, repo, &run, err);
	return rc;
}

/* A failure ends the connection, without an end of the run: the client comes again with the last id it has. */
static void
follow_run(struct job *job, struct worker *worker)
{
	struct follow *f = (struct follow *)job;
	struct err err;
	struct repo *repo = worker->stopping ? NULL : worker_repo(worker, &err);

	if (!repo) {
		f->ended = true;
	} else if (look(f, repo, &err) < 0) {
		worker_drop_repo(worker);
		f->ended = true;
	} else if (f->out.len == 0 && clock_monotonic() - f->last > SILENCE) {
		buf_str(&f->out, ":\n\n");
	}
	if (f->out.len == 0 && !f->ended && jobs_add(f->jobs, job, LOOK))
		return;
	f->wake(f->context);
}

void
follow_attach(struct follow *f, struct jobs *jobs, void (*wake)(void *context), void *context)
{
	f->job.run = follow_run;
	f->jobs = jobs;
	f->wake = wake;
	f->context = context;
	f->last = clock_monotonic();
}

ssize_t
follow_read(struct follow *f, char *out, size_t room)
{
	struct slice rest = slice_from(buf_get(&f->out), f->sent);

	if (rest.len == 0) {
		if (f->ended)
			return -1;
		buf_clear(&f->out);
		f->sent = 0;
		return 0;
	}
	rest = slice_head(rest, room);
	memcpy(out, rest.data, rest.len);
	f->sent += rest.len;
	f->last = clock_monotonic();
	return (ssize_t)rest.len;
}

bool
follow_wait(struct follow *f)
{
	return jobs_add(f->jobs, &f->job, 0);
}
