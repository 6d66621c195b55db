/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint.h"

#include "packet.h"
#include "replay.h"
#include "tagset.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FACTS "testr-checkpoint"
#define WRITE_SIZE ((size_t)1 << 20)
/* Room for one packet beyond that, or for a result that is made from its parts. */
#define WRITE_MAX ((size_t)128 << 20)
/* Of the ids of a great many runs. */
#define FACTS_MAX ((size_t)256 << 20)

int
checkpoint_begin(struct checkpoint_writer *w, const struct streams *streams, int64_t number, struct err *err)
{
	int64_t stream = STREAMS_CHECKPOINT(number);
	int rc;

	*w = (struct checkpoint_writer){.stream.fd = -1};
	buf_init(&w->out, WRITE_MAX);
	/* One that was given up may be there. */
	rc = streams_remove(streams, stream, err) ? -1 : stream_claim(streams, stream, true, &w->stream, err);
	return rc > 0 ? 0 : rc < 0 ? -1 : err_set(err, ERR_FAILED, "another process is removing runs");
}

void
checkpoint_release(struct checkpoint_writer *w)
{
	stream_close(&w->stream);
	buf_release(&w->out);
}

static int
write_out(struct checkpoint_writer *w, struct err *err)
{
	size_t written;

	if (w->out.failed)
		return err_nomem(err);
	if (stream_write(&w->stream, buf_get(&w->out), &written, err))
		return -1;
	buf_clear(&w->out);
	return 0;
}

static int
add_event(void *context, const struct event *e, struct err *err)
{
	struct checkpoint_writer *w = context;

	if (packet_encode(&w->out, e))
		return err_nomem(err);
	return w->out.len >= WRITE_SIZE ? write_out(w, err) : 0;
}

int
checkpoint_duration(
    struct checkpoint_writer *w, struct slice test, struct slice profile, int64_t duration, struct err *err)
{
	struct slice *tags;
	struct event e;
	int rc;

	/* Such a time no packet can hold; nothing takes so long. */
	if (duration < 0 || duration / TIME_SECOND > UINT32_MAX)
		return 0;
	tags = calloc(profile.len + 1, sizeof(*tags));
	if (!tags)
		return err_nomem(err);
	event_init(&e);
	e.id = test;
	e.tags = tags;
	while (tagset_next(&profile, &tags[e.tag_count]))
		e.tag_count++;
	/* Apart from a result of this test that never ended. */
	e.route = SLICE_LIT("testr-duration");
	e.status = STATUS_INPROGRESS;
	e.time = 0;
	rc = add_event(w, &e, err);
	e.status = STATUS_SUCCESS;
	e.time = duration;
	if (rc == 0)
		rc = add_event(w, &e, err);
	free(tags);
	return rc;
}

int
checkpoint_failing(struct checkpoint_writer *w, const struct result *r, int fd, struct err *err)
{
	uint64_t before = w->stream.size + w->out.len;

	if (fd >= 0 && replay_one_events(fd, r->offset, r->end, add_event, w, err))
		return -1;
	if (w->stream.size + w->out.len == before && result_to_packets(&w->out, r, NULL))
		return err_set(err, ERR_FAILED, "the result of test \"%.*s\" cannot be written as packets",
		    SLICE_FMT(slice_head(r->id, 200)));
	return w->out.len >= WRITE_SIZE ? write_out(w, err) : 0;
}

/* For the caller to free. */
static char *
facts_text(const struct checkpoint_facts *facts)
{
	json_t *removed = json_array(), *object;
	char *text;

	for (size_t i = 0; removed && i < facts->removed_count; i++)
		if (json_array_append_new(removed, json_integer(facts->removed[i]))) {
			json_decref(removed);
			removed = NULL;
		}
	object = removed ? json_pack("{sisIsIsIso}", "version", 1, "sequence", (json_int_t)facts->sequence,
			       "run", (json_int_t)facts->next_run, "last", (json_int_t)facts->last_sequence,
			       "removed", removed)
			 : NULL;
	text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	json_decref(object);
	return text;
}

static int
add_facts(struct checkpoint_writer *w, struct slice text, struct err *err)
{
	struct event e;

	event_init(&e);
	e.file_name = SLICE_LIT(FACTS);
	e.mime = SLICE_LIT("application/json");
	while (text.len) {
		e.file = slice_head(text, PACKET_FILE_MAX);
		text = slice_from(text, e.file.len);
		e.eof = !text.len;
		if (add_event(w, &e, err))
			return -1;
	}
	return write_out(w, err);
}

int
checkpoint_end(struct checkpoint_writer *w, const struct checkpoint_facts *facts, struct err *err)
{
	char *text = facts_text(facts);
	int rc;

	if (!text)
		return err_nomem(err);
	/* What comes last says that the rest is there. */
	rc = write_out(w, err) || stream_sync(&w->stream, err) || add_facts(w, slice_str(text), err) ||
		     stream_sync(&w->stream, err)
		 ? -1
		 : 0;
	free(text);
	return rc;
}

/* ---- reading ---- */

struct reading {
	struct buf text;
	uint64_t damaged;
	bool complete;
};

static int
read_event(void *context, const struct event *e, struct err *err)
{
	struct reading *r = context;

	if (e->kind == EVENT_TEXT)
		r->damaged += e->file.len;
	if (e->kind != EVENT_PACKET || e->id.data || !slice_eq(e->file_name, SLICE_LIT(FACTS)))
		return 0;
	buf_slice(&r->text, e->file);
	r->complete = e->eof;
	return r->text.failed ? err_nomem(err) : 0;
}

static bool
in_range(int64_t number, int64_t max)
{
	return number >= 0 && number <= max;
}

/* 1, 0 when the text says nothing of the kind, or -1. */
static int
read_facts(struct slice text, struct checkpoint_facts *out, struct err *err)
{
	json_t *object = json_loadb((const char *)text.data, text.len, 0, NULL);
	json_t *removed = json_object_get(object, "removed");
	int rc = 0;

	if (object && json_integer_value(json_object_get(object, "version")) == 1 && json_is_array(removed)) {
		out->sequence = json_integer_value(json_object_get(object, "sequence"));
		out->next_run = json_integer_value(json_object_get(object, "run"));
		out->last_sequence = json_integer_value(json_object_get(object, "last"));
		if (!in_range(out->sequence, REPO_SEQUENCE_MAX) ||
		    !in_range(out->last_sequence, REPO_SEQUENCE_MAX) ||
		    !in_range(out->next_run, STREAMS_ID_MAX)) {
			json_decref(object);
			return 0;
		}
		out->removed = calloc(json_array_size(removed) + 1, sizeof(*out->removed));
		rc = out->removed ? 1 : err_nomem(err);
		for (size_t i = 0; rc > 0 && i < json_array_size(removed); i++)
			out->removed[out->removed_count++] = json_integer_value(json_array_get(removed, i));
	}
	json_decref(object);
	return rc;
}

int
checkpoint_read(const struct streams *streams, int64_t number, struct checkpoint_facts *out, struct err *err)
{
	struct reading reading = {.complete = false};
	int64_t stream = STREAMS_CHECKPOINT(number);
	int rc = streams_has(streams, stream, err), fd;

	*out = (struct checkpoint_facts){0};
	if (rc <= 0)
		return rc;
	fd = streams_fetch(streams, stream, 0, UINT64_MAX, err);
	if (fd < 0)
		return -1;
	buf_init(&reading.text, FACTS_MAX);
	rc = replay_events(fd, 0, UINT64_MAX, READER_V2, read_event, &reading, err);
	close(fd);
	if (rc == 0 && reading.complete)
		rc = read_facts(buf_get(&reading.text), out, err);
	buf_release(&reading.text);
	out->damaged = reading.damaged;
	return rc;
}

int
checkpoint_latest(
    const struct streams *streams, int64_t *number, struct checkpoint_facts *facts, struct err *err)
{
	int64_t *list;
	size_t count;
	int rc = 0;

	*facts = (struct checkpoint_facts){0};
	*number = 0;
	if (streams_list(streams, &list, &count, err))
		return -1;
	/* Later ones have lower numbers as streams. */
	for (size_t i = 0; rc == 0 && i < count && list[i] < 0; i++) {
		if (list[i] % 2 == 0)
			continue;
		rc = checkpoint_read(streams, -list[i] / 2, facts, err);
		if (rc > 0)
			*number = -list[i] / 2;
	}
	free(list);
	return rc < 0 ? -1 : 0;
}

void
checkpoint_facts_release(struct checkpoint_facts *facts)
{
	free(facts->removed);
	*facts = (struct checkpoint_facts){0};
}

struct indexing {
	struct index *ix;
	int64_t stream;
	struct index_batch batch;
};

static int
write_batch(struct indexing *x, struct err *err)
{
	int rc = index_results_add(x->ix, x->stream, &x->batch, err);

	index_batch_release(&x->batch);
	return rc;
}

static int
index_result(void *context, const struct result *r, struct err *err)
{
	struct indexing *x = context;

	if (index_batch_add(&x->batch, r, err))
		return -1;
	return index_batch_full(&x->batch) ? write_batch(x, err) : 0;
}

/* Results of tests that never ended come last; their places in the stream say their order. */
static int
index_results(struct indexing *x, const struct streams *streams, struct err *err)
{
	int fd = streams_fetch(streams, x->stream, 0, UINT64_MAX, err), rc;

	if (fd < 0)
		return -1;
	rc = replay_results(fd, READER_V2, 0, index_result, x, err) || write_batch(x, err) ? -1 : 0;
	index_batch_release(&x->batch);
	close(fd);
	return rc;
}

int
checkpoint_to_index(struct index *ix, const struct streams *streams, int64_t number,
    const struct checkpoint_facts *facts, struct err *err)
{
	struct indexing x = {.ix = ix, .stream = STREAMS_CHECKPOINT(number)};
	int64_t place, old;

	if (fold_checkpoint(ix, &place, &old, err) ||
	    (old && index_run_clear(ix, STREAMS_CHECKPOINT(old), err)))
		return -1;
	return index_results(&x, streams, err) || fold_checkpoint_set(ix, facts->sequence, number, err) ||
		       index_raise(ix, facts->next_run, facts->last_sequence, err)
		   ? -1
		   : 0;
}

int
checkpoint_remove_others(const struct streams *streams, int64_t number, struct err *err)
{
	int64_t *list;
	size_t count;
	int rc = 0;

	if (streams_list(streams, &list, &count, err))
		return -1;
	for (size_t i = 0; rc == 0 && i < count && list[i] < 0; i++)
		if (list[i] % 2 && list[i] != STREAMS_CHECKPOINT(number))
			rc = streams_remove(streams, list[i], err);
	free(list);
	return rc;
}
