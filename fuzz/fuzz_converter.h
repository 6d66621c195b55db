/* SPDX-License-Identifier: Apache-2.0
 *
 * The laws of the parsers that take bytes as they come and give events: however the bytes are cut the events
 * are the same, and written as packets they are a stream that is nothing but these events. */
#ifndef FUZZ_CONVERTER_H
#define FUZZ_CONVERTER_H

#include "err.h"
#include "fuzz_events.h"
#include "outcome.h"

/* After so many events the sink refuses, which has to come back as it is: a few bytes can stand for very many
 * tests. */
#define CONVERTER_EVENTS 3000

typedef int (*converter_fn)(void *context, const struct event *e, struct err *err);

struct converter {
	void *(*make)(converter_fn fn, void *context);
	int (*feed)(void *parser, struct slice bytes, struct err *err);
	int (*end)(void *parser, struct err *err);
	void (*release)(void *parser);
	size_t slack; /* the most that is made of next to nothing */
};

/* The functions of `struct converter` for a parser NAME that has NAME_new, NAME_feed, NAME_end, NAME_free. */
#define CONVERTER(name, most) \
	static void *converter_make(converter_fn fn, void *context) \
	{ \
		return name##_new(fn, context); \
	} \
	static int converter_feed(void *parser, struct slice bytes, struct err *err) \
	{ \
		return name##_feed(parser, bytes, err); \
	} \
	static int converter_end(void *parser, struct err *err) \
	{ \
		return name##_end(parser, err); \
	} \
	static void converter_release(void *parser) \
	{ \
		name##_free(parser); \
	} \
	static const struct converter converter = { \
	    converter_make, converter_feed, converter_end, converter_release, most}

struct converted {
	struct event_log log;
	struct buf stream;
	size_t events;
	int rc;
	struct err err;
};

static inline int
converter_event(void *context, const struct event *e, struct err *err)
{
	struct converted *c = context;
	struct event written = *e;

	law_of_events(e);
	if (c->events++ == CONVERTER_EVENTS)
		return err_set(err, ERR_FAILED, "enough");
	written.kind = EVENT_PACKET;
	if (packet_encode(&c->stream, &written)) {
		written.time = TIME_NONE;
		LAW(packet_encode(&c->stream, &written) == 0);
	}
	log_event(&c->log, &written);
	return 0;
}

static inline void
convert(const struct converter *with, struct slice bytes, struct cuts cuts, struct converted *c)
{
	void *parser = with->make(converter_event, c);
	struct slice piece;

	*c = (struct converted){0};
	log_init(&c->log);
	buf_init(&c->stream, FUZZ_MAX);
	LAW(parser != NULL);
	while (c->rc == 0 && cuts_next(&cuts, &bytes, &piece)) {
		c->rc = with->feed(parser, piece, &c->err);
		free((void *)piece.data);
	}
	if (c->rc == 0)
		c->rc = with->end(parser, &c->err);
	LAW(c->rc == 0 || c->rc == -1);
	LAW((c->rc != 0) == (c->err.kind != ERR_NONE));
	LAW((c->events > CONVERTER_EVENTS) == (strcmp(c->err.text, "enough") == 0));
	with->release(parser);
}

static inline void
converted_release(struct converted *c)
{
	log_release(&c->log);
	buf_release(&c->stream);
}

/* The stream is nothing but the events, and when the input was good to its end every test in it ended. */
static inline void
law_of_stream(struct converted *c)
{
	struct event_log back;
	struct outcome *o = outcome_new(1024);
	struct reader *r = reader_new(READER_V2);
	const struct result *result;
	struct event e;

	log_init(&back);
	LAW(o && r && reader_feed(r, c->stream.data, c->stream.len) == 0);
	reader_end(r);
	while (reader_next(r, &e) > 0) {
		LAW(e.kind == EVENT_PACKET);
		log_event(&back, &e);
		LAW(outcome_event(o, &e, &result) == 0);
	}
	LAW(log_same(&back, &c->log));
	LAW(c->rc || outcome_open_count(o) == 0);
	log_release(&back);
	outcome_free(o);
	reader_free(r);
}

static inline void
law_of_cuts(const struct converter *with, struct slice bytes, struct cuts cuts, struct converted *whole)
{
	struct converted cut;

	convert(with, bytes, cuts, &cut);
	LAW(cut.rc == whole->rc);
	LAW(log_same(&cut.log, &whole->log));
	converted_release(&cut);
}

/* All of them, for an input that begins with the cuts. */
static inline void
law_of_converters(const struct converter *with, struct slice in)
{
	struct cuts cuts = take_cuts(&in);
	struct converted whole;

	convert(with, in, CUTS_WHOLE, &whole);
	LAW(whole.stream.len <= 64 * in.len + with->slack);
	law_of_stream(&whole);
	law_of_cuts(with, in, cuts, &whole);
	if (in.len <= CUTS_BYTES_MAX)
		law_of_cuts(with, in, CUTS_BYTES, &whole);
	converted_release(&whole);
}

#endif
