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

/* Runs at a time whose end is waited for; when there are more, that of the others is not told. */
#define RUNNING_MAX 256
/* Ended runs that are looked through for those that a client has not seen. */
#define CATCH_UP 10000

struct follow {
	struct job job;
	struct jobs *jobs;
	void (*wake)(void *context);
	void *context;

	int (*look)(struct follow *f, struct repo *repo, struct err *err);

	/* Of all runs. */
	int64_t begun, over; /* how many have begun and ended, as far as was told */
	int64_t running[RUNNING_MAX];
	size_t running_count;
	bool joined; /* it was looked at once */

	/* Of one. */
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

/* ---- one run ---- */

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
look_at_run(struct follow *f, struct repo *repo, struct err *err)
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

/* ---- all runs ---- */

static int
say_run(struct follow *f, struct repo *repo, const struct repo_run *run, struct err *err)
{
	char id[48];

	snprintf(id, sizeof(id), "%" PRId64 ".%" PRId64, f->begun, f->over);
	return say(f, id, "run", shape_run(repo, run, err), err);
}

/* Ends that were not told yet. */
struct ends {
	struct repo_run *runs;
	size_t count, cap;
};

static int
add_end(struct ends *e, const struct repo_run *run, struct err *err)
{
	if (e->count == e->cap) {
		size_t cap = e->cap ? e->cap * 2 : 16;
		struct repo_run *more = reallocarray(e->runs, cap, sizeof(*more));

		if (!more)
			return err_nomem(err);
		e->runs = more;
		e->cap = cap;
	}
	e->runs[e->count++] = *run;
	return 0;
}

static int
compare_ends(const void *a, const void *b)
{
	int64_t x = ((const struct repo_run *)a)->sequence, y = ((const struct repo_run *)b)->sequence;

	return x < y ? -1 : x > y;
}

/* In the order in which they ended, so that the id of each says that all before it were told. */
static int
say_ends(struct follow *f, struct repo *repo, struct ends *e, struct err *err)
{
	int rc = 0;

	if (e->count)
		qsort(e->runs, e->count, sizeof(*e->runs), compare_ends);
	for (size_t i = 0; rc == 0 && i < e->count; i++) {
		f->over = e->runs[i].sequence;
		rc = say_run(f, repo, &e->runs[i], err);
	}
	free(e->runs);
	return rc;
}

struct joining {
	struct follow *f;
	struct ends ends;
	int64_t over; /* the last end of all */
};

static int
join_run(void *context, const struct repo_run *run, struct err *err)
{
	struct joining *j = context;
	struct follow *f = j->f;

	if (run->sequence > j->over)
		j->over = run->sequence;
	if (run->state == REPO_RUNNING) {
		if (f->running_count < RUNNING_MAX)
			f->running[f->running_count++] = run->id;
		return 0;
	}
	return f->over >= 0 && run->sequence > f->over && run->id < f->begun ? add_end(&j->ends, run, err)
									     : 0;
}

/* The first time: from where the client left off, or from this moment on. */
static int
join_runs(struct follow *f, struct repo *repo, struct err *err)
{
	struct repo_query query = {
	    .since = TIME_NONE, .until = TIME_NONE, .newest_first = true, .limit = CATCH_UP};
	struct joining j = {.f = f};
	bool fresh = f->begun < 0;
	int rc = 0;

	f->joined = true;
	if (fresh)
		rc = repo_run_count(repo, &f->begun, err);
	query.before = f->begun;
	if (rc == 0 && f->begun)
		rc = repo_runs_where(repo, &query, join_run, &j, err);
	if (rc) {
		free(j.ends.runs);
		return -1;
	}
	if (!fresh)
		return say_ends(f, repo, &j.ends, err);
	f->over = j.over;
	for (size_t i = 0; rc == 0 && i < f->running_count; i++) {
		struct repo_run run;

		rc = repo_run_find(repo, f->running[i], &run, err);
		if (rc > 0)
			rc = say_run(f, repo, &run, err);
	}
	return rc;
}

/* Runs that have begun since. */
static int
look_at_new(struct follow *f, struct repo *repo, struct ends *ends, struct err *err)
{
	int64_t count;

	if (repo_run_count(repo, &count, err) < 0)
		return -1;
	while (f->begun < count) {
		struct repo_run run;
		int rc = repo_run_find(repo, f->begun++, &run, err);

		if (rc > 0 && run.state != REPO_RUNNING)
			rc = add_end(ends, &run, err);
		else if (rc > 0 && f->running_count < RUNNING_MAX)
			f->running[f->running_count++] = run.id;
		if (rc < 0 || (rc > 0 && say_run(f, repo, &run, err) < 0))
			return -1;
	}
	return 0;
}

/* What has ended of those that were running. */
static int
look_at_running(struct follow *f, struct repo *repo, struct ends *ends, struct err *err)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->running_count; i++) {
		struct repo_run run;
		int rc = repo_run_find(repo, f->running[i], &run, err);

		if (rc < 0 || (rc > 0 && run.state != REPO_RUNNING && add_end(ends, &run, err) < 0))
			return -1;
		if (rc > 0 && run.state == REPO_RUNNING)
			f->running[kept++] = run.id;
	}
	f->running_count = kept;
	return 0;
}

static int
look_at_runs(struct follow *f, struct repo *repo, struct err *err)
{
	struct ends ends = {0};

	if (!f->joined && join_runs(f, repo, err) < 0)
		return -1;
	if (look_at_running(f, repo, &ends, err) < 0 || look_at_new(f, repo, &ends, err) < 0) {
		free(ends.runs);
		return -1;
	}
	return say_ends(f, repo, &ends, err);
}

/* ---- both ---- */

struct follow *
follow_new(int64_t run, uint64_t after)
{
	struct follow *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->look = look_at_run;
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

struct follow *
follow_new_runs(int64_t begun, int64_t over)
{
	struct follow *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->look = look_at_runs;
	f->begun = begun;
	f->over = over;
	buf_init(&f->out, OUT_MAX);
	return f;
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
	} else if (f->look(f, repo, &err) < 0) {
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
