/* SPDX-License-Identifier: Apache-2.0
 *
 * The laws of the parsers that take bytes as they come: however these are cut, the events are the same. */
#ifndef FEED_H
#define FEED_H

#include "err.h"
#include "event_json.h"

#include <stdio.h>
#include <string.h>

#define LOG_MAX ((size_t)512 << 20)

typedef int (*feed_fn)(void *context, const struct event *e, struct err *err);

#define FEED_64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
/* 1024 bytes. */
#define FEED_TEXT \
	FEED_64 FEED_64 FEED_64 FEED_64 FEED_64 FEED_64 FEED_64 FEED_64 FEED_64 FEED_64 FEED_64 FEED_64 \
	    FEED_64 FEED_64 FEED_64 FEED_64

/* A parser, by functions that all of them have. */
struct feed_parser {
	void *(*make)(feed_fn fn, void *context);
	int (*feed)(void *parser, struct slice bytes, struct err *err);
	int (*end)(void *parser, struct err *err);
	void (*release)(void *parser);
};

/* `parser`: that of a module whose functions are called NAME_new, NAME_feed, NAME_end and NAME_free. */
#define FEED_PARSER(name) \
	static void *make(feed_fn fn, void *context) \
	{ \
		return name##_new(fn, context); \
	} \
	static int feed_bytes(void *p, struct slice bytes, struct err *err) \
	{ \
		return name##_feed(p, bytes, err); \
	} \
	static int end(void *p, struct err *err) \
	{ \
		return name##_end(p, err); \
	} \
	static void release(void *p) \
	{ \
		name##_free(p); \
	} \
	static const struct feed_parser parser = {make, feed_bytes, end, release}

static inline int
feed_log(void *context, const struct event *e, struct err *err)
{
	(void)err;
	assert_int_equal(event_to_json(context, e), 0);
	return 0;
}

/* Feeds the bytes up to `cut`, then the rest in pieces of `piece` bytes, and appends the events to `log` as
 * JSON. Returns what the parser returns. */
static inline int
feed(const struct feed_parser *p, struct slice bytes, size_t cut, size_t piece, struct buf *log,
    struct err *err)
{
	void *parser = p->make(feed_log, log);
	int rc = p->feed(parser, slice_head(bytes, cut), err);

	assert_non_null(parser);
	for (size_t at = cut; rc == 0 && at < bytes.len; at += piece)
		rc = p->feed(parser, slice_head(slice_from(bytes, at), piece), err);
	if (rc == 0)
		rc = p->end(parser, err);
	p->release(parser);
	return rc;
}

static inline void
assert_same_feed(const struct feed_parser *p, struct slice bytes, size_t cut, size_t piece,
    const struct buf *expected, int expected_rc)
{
	struct err err = {0};
	struct buf log;

	buf_init(&log, LOG_MAX);
	assert_int_equal(feed(p, bytes, cut, piece, &log, &err), expected_rc);
	assert_int_equal(err.kind != ERR_NONE, expected_rc != 0);
	assert_true(slice_eq(buf_get(&log), buf_get(expected)));
	buf_release(&log);
}

/* At once = byte by byte = cut at every offset. */
static inline void
assert_cuts_do_not_matter(const struct feed_parser *p, struct slice bytes)
{
	struct err err = {0};
	struct buf whole;
	int rc;

	buf_init(&whole, LOG_MAX);
	rc = feed(p, bytes, bytes.len, 1, &whole, &err);
	assert_same_feed(p, bytes, 0, 1, &whole, rc);
	for (size_t cut = 0; cut < bytes.len; cut++)
		assert_same_feed(p, bytes, cut, bytes.len, &whole, rc);
	buf_release(&whole);
}

/* Refused with an error that says something, and without a crash at any cut. */
static inline void
assert_broken(const struct feed_parser *p, const char *text, const char *why)
{
	struct err err = {0};
	struct buf log;

	buf_init(&log, LOG_MAX);
	assert_int_equal(feed(p, slice_str(text), 0, 7, &log, &err), -1);
	if (!strstr(err.text, why))
		assert_string_equal(err.text, why);
	buf_release(&log);
	assert_cuts_do_not_matter(p, slice_str(text));
}

/* The ids and statuses of the events, with their attachments: "a inprogress\na fail log=text\n". */
static inline int
feed_brief(void *context, const struct event *e, struct err *err)
{
	struct buf *log = context;

	(void)err;
	buf_printf(log, "%.*s", SLICE_FMT(e->id));
	if (e->status)
		buf_printf(log, " %s", status_name(e->status));
	if (e->file_name.data)
		buf_printf(log, " %.*s=%.*s", SLICE_FMT(e->file_name), SLICE_FMT(e->file));
	buf_byte(log, '\n');
	return 0;
}

static inline void
assert_brief(const struct feed_parser *p, const char *text, const char *expected)
{
	struct err err = {0};
	struct buf log;
	void *parser;

	buf_init(&log, LOG_MAX);
	parser = p->make(feed_brief, &log);
	assert_int_equal(p->feed(parser, slice_str(text), &err), 0);
	assert_int_equal(p->end(parser, &err), 0);
	assert_string_equal(buf_cstr(&log), expected);
	p->release(parser);
	buf_release(&log);
}

/* Feeds `text` `count` times and returns what the parser returns; *events counts, *most is the longest file. */
struct feed_count {
	size_t events, most, bytes;
	char tail[33]; /* the end of the last file */
};

static inline int
feed_counted(void *context, const struct event *e, struct err *err)
{
	struct feed_count *c = context;

	(void)err;
	c->events++;
	c->bytes += e->file.len;
	snprintf(c->tail, sizeof(c->tail), "%.*s",
	    SLICE_FMT(slice_from(e->file, e->file.len < 32 ? 0 : e->file.len - 32)));
	if (e->file.len > c->most)
		c->most = e->file.len;
	return 0;
}

static inline int
feed_often(const struct feed_parser *p, const char *head, const char *text, size_t count, const char *tail,
    struct feed_count *out, struct err *err)
{
	void *parser;
	int rc;

	*out = (struct feed_count){0};
	parser = p->make(feed_counted, out);
	rc = p->feed(parser, slice_str(head), err);
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = p->feed(parser, slice_str(text), err);
	if (rc == 0)
		rc = p->feed(parser, slice_str(tail), err);
	if (rc == 0)
		rc = p->end(parser, err);
	p->release(parser);
	return rc;
}

/* A sink that refuses the n-th event. */
static inline int
feed_refuse(void *context, const struct event *e, struct err *err)
{
	int *left = context;

	(void)e;
	return (*left)-- > 0 ? 0 : err_set(err, ERR_FAILED, "refused");
}

/* An error of the sink comes back as it is, whichever event it is about. */
static inline void
assert_refusals_come_back(const struct feed_parser *p, const char *text, int events)
{
	for (int n = 0; n <= events; n++) {
		struct err err = {0};
		int left = n;
		void *parser = p->make(feed_refuse, &left);
		int rc = p->feed(parser, slice_str(text), &err);

		if (rc == 0)
			rc = p->end(parser, &err);
		assert_int_equal(rc, n < events ? -1 : 0);
		assert_string_equal(err.text, n < events ? "refused" : "");
		p->release(parser);
	}
}

#endif
