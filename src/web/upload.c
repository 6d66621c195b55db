/* SPDX-License-Identifier: Apache-2.0 */
#include "upload.h"

#include "clock.h"
#include "inflate.h"
#include "reader.h"
#include "run_packet.h"
#include "stamp.h"

#include <inttypes.h>
#include <stdlib.h>

/* Text before the first event waits until it is clear that this is a subunit stream at all. */
#define WAITING_MAX ((size_t)1 << 20)
/* What one run may say of itself before its first event. */
#define META_MAX 200
/* Earlier attempts to send the same run that were cut off. */
#define ATTEMPTS_MAX 100

struct upload {
	const char *url;
	const struct tokens *tokens;
	char *key;
	bool partial;

	struct repo *repo;
	struct repo_writer *writer; /* from the first event on */
	struct inflate *inflate;
	struct reader *reader;
	struct stamp stamp;
	struct buf magic;   /* the first bytes, until there are enough of them */
	struct buf waiting; /* text before the first event */

	struct repo_run facts; /* what the stream says of its run */
	bool told;             /* it does */
	struct repo_meta meta[META_MAX];
	size_t meta_count;
	struct strtab texts;
	int64_t before; /* a run of this name that did not come to its end; -1: there is none */
};

struct upload *
upload_new(const struct upload_spec *spec)
{
	struct upload *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	u->url = spec->repository;
	u->tokens = spec->tokens;
	u->partial = spec->partial;
	u->before = -1;
	u->facts = (struct repo_run){.state = REPO_FINISHED, .partial = spec->partial, .exit_status = -1};
	u->reader = reader_new(READER_AUTO);
	stamp_init(&u->stamp, 0);
	stamp_worker(&u->stamp, 0);
	buf_init(&u->magic, INFLATE_MAGIC);
	buf_init(&u->waiting, WAITING_MAX);
	u->key = spec->key.data ? slice_dup(spec->key) : NULL;
	if (u->reader && (u->key || !spec->key.data))
		return u;
	upload_free(u);
	return NULL;
}

void
upload_free(struct upload *u)
{
	struct err ignored;
	int64_t id;

	if (!u)
		return;
	if (u->writer)
		repo_run_finish(u->writer, REPO_INTERRUPTED, true, -1, &id, &ignored);
	repo_free(u->repo);
	inflate_free(u->inflate);
	reader_free(u->reader);
	stamp_release(&u->stamp);
	buf_release(&u->magic);
	buf_release(&u->waiting);
	strtab_release(&u->texts);
	free(u->key);
	free(u);
}

/* ---- the run ---- */

static int
take_meta(void *context, struct slice key, struct slice value, struct err *err)
{
	struct upload *u = context;
	size_t k, v;

	if (u->writer)
		return repo_meta_set(u->writer, key, value, err);
	if (u->meta_count == META_MAX)
		return 0;
	k = strtab_add(&u->texts, key, NULL);
	v = strtab_add(&u->texts, value, NULL);
	if (k == STRTAB_NONE || v == STRTAB_NONE)
		return err_nomem(err);
	u->meta[u->meta_count++] = (struct repo_meta){strtab_get(&u->texts, k), strtab_get(&u->texts, v)};
	return 0;
}

/* The uid of a run that has this name and was not cut off every time before: 0 with `uid`; 1 when the reply is the
 * run that is there; -1. */
static int
choose_uid(struct upload *u, struct slice name, char uid[33], struct reply *out, struct err *err)
{
	struct repo_run run;
	int64_t id;

	for (unsigned attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
		/* A uid names its run itself; only what was cut off has to be called something else. */
		if (attempt == 0 && name.len == 32 && slice_eq(name, slice_str(u->facts.uid)))
			memcpy(uid, u->facts.uid, 33);
		else
			tokens_uid(u->tokens, name, attempt, uid);
		if (repo_find_uid(u->repo, uid, &id, err) < 0)
			return -1;
		if (id < 0)
			return 0;
		if (repo_run_get(u->repo, id, &run, err) < 0)
			return -1;
		if (run.state == REPO_FINISHED) {
			reply_header(out, "Location", "/api/v1/runs/%" PRId64, id);
			return reply_json(out, shape_run(u->repo, &run, err), err) < 0 ? -1 : 1;
		}
		if (run.state == REPO_RUNNING) {
			reply_problem(out, 409, "being-sent",
			    "run %" PRId64 " is this one, and is still being sent", id);
			return 1;
		}
		u->before = id;
	}
	reply_problem(out, 409, "cut-off", "this run was cut off too often; send it under another key");
	return 1;
}

static int
begin(struct upload *u, struct reply *out, struct err *err)
{
	struct slice name = u->key ? slice_str(u->key) : slice_str(u->facts.uid);
	struct repo_begin how = {
	    .uxsuccess_passes = u->facts.uxsuccess_passes, .meta = u->meta, .meta_count = u->meta_count};
	struct event text;
	char uid[33];
	int rc = 0;

	if (repo_open(u->url, &u->repo, err) < 0)
		return -1;
	if (name.len) {
		rc = choose_uid(u, name, uid, out, err);
		how.uid = uid;
	}
	if (rc == 0)
		rc = repo_run_begin(u->repo, &how, &u->writer, err);
	if (rc || !u->waiting.len)
		return rc;
	event_init(&text);
	text.kind = EVENT_TEXT;
	text.file_name = SLICE_LIT("stdout");
	text.file = buf_get(&u->waiting);
	text.time = clock_realtime();
	return repo_append(u->writer, &text, err);
}

static int
store(struct upload *u, struct event *e, struct err *err)
{
	int64_t own = event_worker(e->tags, e->tag_count);

	/* A stream of ours has all that. */
	if (!u->told) {
		stamp_worker(&u->stamp, own < 0 || own > UINT32_MAX ? 0 : (unsigned)own);
		if (stamp_event(&u->stamp, e, clock_realtime()) < 0)
			return err_nomem(err);
	}
	return repo_append(u->writer, e, err);
}

static int
take_event(struct upload *u, struct event *e, struct reply *out, struct err *err)
{
	int rc;

	if (run_packet_is(e)) {
		u->told = true;
		return run_packet_read(e, &u->facts, take_meta, u, err);
	}
	if (!u->writer && e->kind == EVENT_TEXT) {
		/* What has no room is left out: it is no result. */
		if (u->waiting.len + e->file.len <= WAITING_MAX)
			buf_slice(&u->waiting, e->file);
		return 0;
	}
	if (!u->writer) {
		rc = begin(u, out, err);
		if (rc)
			return rc;
	}
	return store(u, e, err);
}

static int
take_events(struct upload *u, struct reply *out, struct err *err)
{
	struct event e;
	int rc;

	while ((rc = reader_next(u->reader, &e)) > 0) {
		rc = take_event(u, &e, out, err);
		if (rc)
			return rc;
	}
	return rc < 0 ? err_nomem(err) : 0;
}

/* ---- the bytes ---- */

static int
take_bytes(struct upload *u, struct slice bytes, struct reply *out, struct err *err)
{
	size_t written, room;

	do {
		uint8_t *space = reader_space(u->reader, &room);
		int rc;

		if (!space)
			return err_nomem(err);
		if (inflate_next(u->inflate, &bytes, space, room, &written) < 0) {
			reply_problem(out, 422, "damaged", "the compressed data are damaged");
			return 1;
		}
		reader_commit(u->reader, written);
		rc = take_events(u, out, err);
		if (rc)
			return rc;
	} while (bytes.len || written == room);
	return 0;
}

/* How it is compressed is told by the first bytes. */
static int
begin_inflate(struct upload *u, struct reply *out, struct err *err)
{
	u->inflate = inflate_new(buf_get(&u->magic));
	return u->inflate ? take_bytes(u, buf_get(&u->magic), out, err) : err_nomem(err);
}

int
upload_piece(struct upload *u, struct slice bytes, struct reply *out, struct err *err)
{
	int rc = 0;

	if (!u->inflate) {
		struct slice first = slice_head(bytes, INFLATE_MAGIC - u->magic.len);

		buf_slice(&u->magic, first);
		bytes = slice_from(bytes, first.len);
		if (u->magic.len < INFLATE_MAGIC)
			return 0;
		rc = begin_inflate(u, out, err);
	}
	if (rc == 0 && bytes.len)
		rc = take_bytes(u, bytes, out, err);
	/* For those that watch the run. */
	if (rc == 0 && u->writer)
		rc = repo_flush(u->writer, err);
	return rc;
}

/* True when the run, which was interrupted where it comes from, was here before: then that one stays and is *run.
 * Only at its end is that known. */
static bool
was_there(struct upload *u, struct repo_run *run)
{
	struct repo_run earlier;
	struct err ignored;

	if (u->before < 0 || run->state != REPO_INTERRUPTED ||
	    repo_run_get(u->repo, u->before, &earlier, &ignored) < 0)
		return false;
	if (memcmp(&earlier.counts, &run->counts, sizeof(run->counts)) != 0 || earlier.start != run->start ||
	    earlier.stop != run->stop || earlier.partial != run->partial ||
	    earlier.exit_status != run->exit_status || repo_remove(u->repo, &run->id, 1, &ignored) < 0)
		return false;
	*run = earlier;
	return true;
}

static int
finish(struct upload *u, struct reply *out, struct err *err)
{
	struct repo_writer *w = u->writer;
	struct repo_run run;
	int64_t id;

	u->writer = NULL;
	if (repo_run_finish(w, u->facts.state == REPO_INTERRUPTED ? REPO_INTERRUPTED : REPO_FINISHED,
		u->facts.partial, u->facts.exit_status, &id, err) < 0 ||
	    repo_run_get(u->repo, id, &run, err) < 0)
		return -1;
	out->status = was_there(u, &run) ? 200 : 201;
	reply_header(out, "Location", "/api/v1/runs/%" PRId64, run.id);
	return reply_json(out, shape_run(u->repo, &run, err), err);
}

int
upload_end(struct upload *u, struct reply *out, struct err *err)
{
	int rc = 0;

	if (!u->inflate)
		rc = begin_inflate(u, out, err);
	if (rc == 0) {
		reader_end(u->reader);
		rc = take_events(u, out, err);
	}
	if (rc)
		return rc;
	if (!inflate_complete(u->inflate)) {
		reply_problem(out, 422, "cut-off", "the compressed data are cut off");
		return 1;
	}
	if (!u->writer && !u->told) {
		reply_problem(
		    out, 422, "no-events", "there is no subunit event in the body, neither v1 nor v2");
		return 1;
	}
	/* A run without a single event is one, too. */
	if (!u->writer)
		rc = begin(u, out, err);
	return rc ? rc : finish(u, out, err);
}
