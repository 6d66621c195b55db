/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer.h"

#include "reader.h"
#include "run_packet.h"

#include <stdlib.h>
#include <string.h>

/* The metadata of one packet. */
struct pairs {
	struct repo_meta *items;
	size_t count, cap;
	struct strtab text;
};

struct transfer {
	struct repo *to;
	struct repo_writer *writer; /* of the run that is being stored; NULL for none */
	struct repo_run facts;      /* what its stream has said so far */
	int64_t stored, known, last;
};

int
transfer_new(struct repo *to, struct transfer **out, struct err *err)
{
	struct transfer *t = calloc(1, sizeof(*t));

	if (!t)
		return err_nomem(err);
	t->to = to;
	t->last = -1;
	*out = t;
	return 0;
}

void
transfer_free(struct transfer *t)
{
	if (!t)
		return;
	repo_import_abort(t->writer);
	free(t);
}

static int
keep_pair(void *context, struct slice key, struct slice value, struct err *err)
{
	struct pairs *pairs = context;
	size_t k = strtab_add(&pairs->text, key, NULL), v = strtab_add(&pairs->text, value, NULL);

	if (k == STRTAB_NONE || v == STRTAB_NONE)
		return err_nomem(err);
	if (pairs->count == pairs->cap) {
		size_t cap = pairs->cap ? pairs->cap * 2 : 16;
		struct repo_meta *more = reallocarray(pairs->items, cap, sizeof(*more));

		if (!more)
			return err_nomem(err);
		pairs->items = more;
		pairs->cap = cap;
	}
	pairs->items[pairs->count++] =
	    (struct repo_meta){strtab_get(&pairs->text, k), strtab_get(&pairs->text, v)};
	return 0;
}

int
transfer_end(struct transfer *t, struct err *err)
{
	struct repo_writer *w = t->writer;

	if (!w)
		return 0;
	t->writer = NULL;
	/* The end of the stream is missing. */
	if (t->facts.state == REPO_RUNNING) {
		t->facts.state = REPO_INTERRUPTED;
		t->facts.partial = true;
		t->facts.exit_status = -1;
		t->facts.sequence = 0;
	}
	if (repo_import_finish(w, &t->facts, &t->last, err))
		return -1;
	t->stored++;
	return 0;
}

/* The id of the run of that uid, or -1. Another process may be storing it, or have died of it. */
static int
find_run(struct repo *to, const char *uid, int64_t *id, struct err *err)
{
	struct repo_run run;

	if (repo_find_uid(to, uid, id, err))
		return -1;
	if (*id < 0)
		return 0;
	if (repo_run_get(to, *id, &run, err))
		return -1;
	if (run.state != REPO_RUNNING)
		return 0;
	return repo_settle(to, *id, err) || repo_find_uid(to, uid, id, err) ? -1 : 0;
}

/* A stream begins, whose first packet has said `first`. */
static int
begin(struct transfer *t, const struct repo_run *first, const struct pairs *pairs, struct err *err)
{
	struct repo_begin begin = {
	    .uxsuccess_passes = first->uxsuccess_passes,
	    .meta = pairs->items,
	    .meta_count = pairs->count,
	    .uid = first->uid,
	    .import = true,
	};
	int64_t there;

	if (transfer_end(t, err) || find_run(t->to, first->uid, &there, err))
		return -1;
	t->facts = *first;
	if (there >= 0) {
		t->known++;
		t->last = there;
		return 0;
	}
	return repo_run_begin(t->to, &begin, &t->writer, err);
}

static int
set_meta(struct transfer *t, const struct pairs *pairs, struct err *err)
{
	for (size_t i = 0; i < pairs->count; i++)
		if (repo_meta_set(t->writer, pairs->items[i].key, pairs->items[i].value, err))
			return -1;
	return 0;
}

static int
take_facts(struct transfer *t, const struct event *e, struct err *err)
{
	struct repo_run first = {.exit_status = -1, .start = TIME_NONE, .stop = TIME_NONE};
	struct pairs pairs = {0};
	int rc = run_packet_read(e, &first, keep_pair, &pairs, err);

	if (rc == 0 && first.uid[0] && strcmp(first.uid, t->facts.uid) != 0)
		rc = begin(t, &first, &pairs, err);
	else if (rc == 0 && t->writer)
		rc = run_packet_read(e, &t->facts, NULL, NULL, err) || set_meta(t, &pairs, err) ? -1 : 0;
	strtab_release(&pairs.text);
	free(pairs.items);
	return rc;
}

int
transfer_event(struct transfer *t, const struct event *e, struct err *err)
{
	if (run_packet_is(e))
		return take_facts(t, e, err);
	/* Bytes of no packet are damage here, not text that was stored. */
	return t->writer && e->kind == EVENT_PACKET ? repo_append(t->writer, e, err) : 0;
}

int64_t
transfer_stored(const struct transfer *t)
{
	return t->stored;
}

int64_t
transfer_known(const struct transfer *t)
{
	return t->known;
}

int64_t
transfer_last(const struct transfer *t)
{
	return t->last;
}

/* One run, of which is known what it is. */
struct pipe {
	struct reader *reader;
	struct transfer transfer;
	struct repo *from;
	struct repo_run facts;
	bool begun;
};

static int
begin_known(struct pipe *p, const struct pairs *pairs, struct err *err)
{
	p->begun = true;
	return begin(&p->transfer, &p->facts, pairs, err);
}

/* With what the index says of it: the beginning of its stream is damaged. */
static int
begin_damaged(struct pipe *p, struct err *err)
{
	struct pairs pairs = {0};
	int rc =
	    repo_meta(p->from, p->facts.id, keep_pair, &pairs, err) || begin_known(p, &pairs, err) ? -1 : 0;

	strtab_release(&pairs.text);
	free(pairs.items);
	return rc;
}

/* Of what the stream says of its run, only metadata counts. */
static int
known_facts(struct pipe *p, const struct event *e, struct err *err)
{
	struct repo_run said = {0};
	struct pairs pairs = {0};
	int rc = run_packet_read(e, &said, keep_pair, &pairs, err);
	bool same = strcmp(said.uid, p->facts.uid) == 0;

	if (rc == 0 && !p->begun)
		rc = same ? begin_known(p, &pairs, err) : begin_damaged(p, err);
	else if (rc == 0 && p->transfer.writer && (same || !said.uid[0]))
		rc = set_meta(&p->transfer, &pairs, err);
	strtab_release(&pairs.text);
	free(pairs.items);
	return rc;
}

static int
known_event(struct pipe *p, const struct event *e, struct err *err)
{
	if (run_packet_is(e))
		return known_facts(p, e, err);
	if (!p->begun && begin_damaged(p, err))
		return -1;
	return transfer_event(&p->transfer, e, err);
}

static int
drain(struct pipe *p, struct err *err)
{
	struct event e;
	int rc;

	while ((rc = reader_next(p->reader, &e)) > 0)
		if (known_event(p, &e, err))
			return -1;
	return rc ? err_nomem(err) : 0;
}

static int
feed(void *context, struct slice bytes, struct err *err)
{
	struct pipe *p = context;

	return reader_feed(p->reader, bytes.data, bytes.len) ? err_nomem(err) : drain(p, err);
}

static int
copy_run(struct pipe *p, struct err *err)
{
	if (repo_export(p->from, p->facts.id, feed, p, err))
		return -1;
	reader_end(p->reader);
	if (drain(p, err) || (!p->begun && begin_damaged(p, err)))
		return -1;
	p->transfer.facts = p->facts;
	return transfer_end(&p->transfer, err);
}

int
transfer_run(struct repo *from, int64_t run, struct repo *to, int64_t *id, struct err *err)
{
	struct pipe p = {.transfer = {.to = to, .last = -1}, .from = from};
	int rc;

	if (repo_run_get(from, run, &p.facts, err) || repo_identify(from, &p.facts, err) ||
	    find_run(to, p.facts.uid, id, err))
		return -1;
	if (*id >= 0)
		return 0;
	p.reader = reader_new(READER_V2);
	rc = p.reader ? copy_run(&p, err) : err_nomem(err);
	if (rc == 0) {
		rc = p.transfer.stored > 0;
		*id = p.transfer.last;
	}
	repo_import_abort(p.transfer.writer);
	reader_free(p.reader);
	return rc;
}
