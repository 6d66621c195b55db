/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a stored run: it gives the results that the stream gives, a run that broke off gives no more
 * than those, and each result is found again by its place. */
#include "fuzz_events.h"
#include "outcome.h"
#include "replay.h"

#include <sys/mman.h>
#include <unistd.h>

#define RESULTS_MAX 1024

struct seen {
	struct buf log;
	size_t count;
	struct {
		uint64_t offset, end;
		size_t from, to; /* in the log */
		bool ended;
	} results[RESULTS_MAX];
};

static int
see(void *context, const struct result *r, struct err *err)
{
	struct seen *s = context;
	size_t i = s->count++, from = s->log.len;

	(void)err;
	LAW(i < RESULTS_MAX);
	buf_printf(&s->log, "%.*s|%d %.*s|%d %lld %lld %lld %zu %zu\n", SLICE_FMT(r->id),
	    r->route.data != NULL, SLICE_FMT(r->route), (int)r->status, (long long)r->start,
	    (long long)r->stop, (long long)r->latest, r->tag_count, r->detail_count);
	for (size_t k = 0; k < r->tag_count; k++)
		buf_printf(&s->log, "%.*s|", SLICE_FMT(r->tags[k]));
	for (size_t k = 0; k < r->detail_count; k++) {
		buf_printf(&s->log, "%.*s|%llu %zu|", SLICE_FMT(r->details[k].name),
		    (unsigned long long)r->details[k].left_out, r->details[k].cut);
		buf_slice(&s->log, r->details[k].bytes);
	}
	LAW(!s->log.failed);
	s->results[i].offset = r->offset;
	s->results[i].end = r->end;
	s->results[i].from = from;
	s->results[i].to = s->log.len;
	s->results[i].ended = status_is_final(r->status);
	return 0;
}

static struct seen *
seen_new(void)
{
	struct seen *s = calloc(1, sizeof(*s));

	LAW(s != NULL);
	buf_init(&s->log, FUZZ_MAX);
	return s;
}

static void
seen_free(struct seen *s)
{
	buf_release(&s->log);
	free(s);
}

/* The same, from the stream itself. */
static void
fold(struct slice stream, enum reader_mode mode, size_t max, struct seen *s)
{
	struct reader *reader = reader_new(mode);
	struct outcome *o = outcome_new(max);
	const struct result *r;
	struct err err = {0};
	struct event e;

	LAW(reader && o && reader_feed(reader, stream.data, stream.len) == 0);
	reader_end(reader);
	while (reader_next(reader, &e) > 0) {
		LAW(outcome_event(o, &e, &r) == 0);
		if (r)
			see(s, r, &err);
	}
	while ((r = outcome_open_next(o)))
		see(s, r, &err);
	outcome_free(o);
	reader_free(reader);
}

/* Each result that ended is found by its place alone. */
static void
law_of_places(int fd, size_t max, const struct seen *all)
{
	struct err err = {0};

	for (size_t i = 0; i < all->count; i++) {
		struct slice whole = buf_get(&all->log), expected;
		struct seen *one = seen_new();

		expected = slice_head(
		    slice_from(whole, all->results[i].from), all->results[i].to - all->results[i].from);
		LAW(replay_one(fd, all->results[i].offset, all->results[i].end, max, see, one, &err) == 1);
		LAW(one->count == 1);
		LAW(slice_eq(buf_get(&one->log), expected));
		seen_free(one);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size), stream;
	enum reader_mode mode = take_byte(&in) & 1 ? READER_AUTO : READER_V2;
	size_t max = (size_t)take_byte(&in) * 4;
	struct seen *direct = seen_new(), *stored = seen_new(), *torn = seen_new();
	int fd = memfd_create("run", MFD_CLOEXEC);
	struct err err = {0};

	stream = take_stream(&in);
	LAW(fd >= 0 && write(fd, stream.data, stream.len) == (ssize_t)stream.len);
	fold(stream, mode, max, direct);
	LAW(replay_results(fd, mode, max, see, stored, &err) == 0);
	LAW(slice_eq(buf_get(&stored->log), buf_get(&direct->log)));
	LAW(replay_torn(fd, mode, max, see, torn, &err) == 0);
	LAW(torn->count <= stored->count);
	LAW(mode != READER_V2 || slice_starts(buf_get(&stored->log), buf_get(&torn->log)));
	if (mode == READER_V2)
		law_of_places(fd, max, stored);
	LAW(err.kind == ERR_NONE);
	close(fd);
	seen_free(direct);
	seen_free(stored);
	seen_free(torn);
	free((void *)stream.data);
	return 0;
}
