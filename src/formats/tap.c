/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"

#include "lines.h"
#include "utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define UTF8_TEXT "text/plain; charset=UTF8"
/* More missing tests than this are told by one event. */
#define MISSING_MAX INT64_C(100000)
#define NUMBER_MAX INT64_C(100000000000000000)
/* A line, each of its bytes replaced. */
#define ID_MAX (3 * TAP_LINE_MAX + 64)

struct tap {
	tap_fn fn;
	void *context;
	struct lines lines;
	bool plan_over; /* no line is the plan any more */
	int64_t planned;
	int64_t next; /* the number that the next test should have */
	/* The test that was seen, but may still get comments. */
	bool pending;
	enum status status;
	struct buf id;
	struct buf comment;
	bool has_comment;
	uint64_t comments_left_out;
};

static bool
is_blank(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static size_t
count_blanks(struct slice s)
{
	size_t n = 0;

	while (n < s.len && is_blank(s.data[n]))
		n++;
	return n;
}

/* Takes digits off the front of *s; a number that is too large becomes NUMBER_MAX. */
static bool
take_number(struct slice *s, int64_t *out)
{
	size_t n = 0;
	int64_t value = 0;

	for (; n < s->len && s->data[n] >= '0' && s->data[n] <= '9'; n++) {
		value = value * 10 + (s->data[n] - '0');
		if (value > NUMBER_MAX)
			value = NUMBER_MAX;
	}
	if (!n)
		return false;
	*s = slice_from(*s, n);
	*out = value;
	return true;
}

static bool
take_text(struct slice *s, struct slice text)
{
	if (!slice_starts(*s, text))
		return false;
	*s = slice_from(*s, text.len);
	return true;
}

/* Takes blanks off the front of *s, at least one. */
static bool
take_blanks(struct slice *s)
{
	size_t n = count_blanks(*s);

	*s = slice_from(*s, n);
	return n > 0;
}

static int
emit_missing(struct tap *t, int64_t from, int64_t to, struct err *err)
{
	char id[64];
	struct event e;
	int len;

	len = from == to ? snprintf(id, sizeof(id), "test %" PRId64, from)
			 : snprintf(id, sizeof(id), "tests %" PRId64 " to %" PRId64, from, to);
	event_init(&e);
	e.id = slice_of(id, (size_t)len);
	e.status = STATUS_FAIL;
	e.runnable = false;
	e.eof = true;
	e.mime = SLICE_LIT(UTF8_TEXT);
	e.file_name = SLICE_LIT("tap meta");
	e.file = SLICE_LIT("test missing from TAP output");
	return t->fn(t->context, &e, err);
}

/* Reports the tests before `end` that should have come. */
static int
skip_to(struct tap *t, int64_t end, struct err *err)
{
	int64_t from = t->next;

	if (end <= from)
		return 0;
	t->next = end;
	if (end - from > MISSING_MAX)
		return emit_missing(t, from, end - 1, err);
	for (; from < end; from++)
		if (emit_missing(t, from, from, err))
			return -1;
	return 0;
}

static int
emit_pending(struct tap *t, struct err *err)
{
	struct event e;
	int rc;

	if (!t->pending)
		return 0;
	if (t->id.failed || t->comment.failed)
		return err_nomem(err);
	if (t->comments_left_out)
		buf_printf(&t->comment, "\n# %" PRIu64 " more lines are left out", t->comments_left_out);
	event_init(&e);
	e.id = buf_get(&t->id);
	e.status = t->status;
	e.runnable = false;
	e.eof = true;
	if (t->has_comment) {
		e.mime = SLICE_LIT(UTF8_TEXT);
		e.file_name = SLICE_LIT("tap comment");
		e.file = buf_get(&t->comment);
	}
	rc = t->fn(t->context, &e, err);
	t->pending = t->has_comment = false;
	t->comments_left_out = 0;
	buf_clear(&t->comment);
	return rc;
}

static void
add_comment(struct tap *t, struct slice text)
{
	/* The room left is that for the line that tells of the rest. */
	if (t->comment.len + text.len + 1 > TAP_COMMENT_MAX) {
		t->comments_left_out++;
		return;
	}
	if (t->has_comment)
		buf_byte(&t->comment, '\n');
	buf_slice(&t->comment, text);
	t->has_comment = true;
}

static int
on_plan(struct tap *t, int64_t planned, bool has_reason, struct slice reason, struct err *err)
{
	struct event e;

	t->plan_over = true;
	t->planned = planned;
	if (planned)
		return 0;
	event_init(&e);
	e.id = SLICE_LIT("file skip");
	e.status = STATUS_SKIP;
	e.eof = true;
	if (has_reason) {
		e.file_name = SLICE_LIT("tap comment");
		e.file = slice_of(reason.data, reason.len);
	}
	return t->fn(t->context, &e, err);
}

/* Each of the three takes the line when it is of its kind: 1, 0 when it is not, -1 with err set. */
static int
take_plan(struct tap *t, struct slice line, struct err *err)
{
	bool has_reason = false;
	int64_t first, last;

	if (t->plan_over || !take_number(&line, &first) || !take_text(&line, SLICE_LIT("..")) ||
	    !take_number(&line, &last))
		return 0;
	take_blanks(&line);
	if (line.len) {
		has_reason = take_text(&line, SLICE_LIT("#")) && take_blanks(&line);
		if (!has_reason)
			return 0;
	}
	return on_plan(t, last, has_reason, line, err) ? -1 : 1;
}

/* What stands on the line of a test behind "ok". */
struct test_line {
	bool numbered;
	int64_t number;
	struct slice description; /* absent when there is none */
	enum status directive;    /* STATUS_NONE when there is none */
	struct slice reason;      /* likewise absent */
};

/* Takes "# TODO why" and the like. Returns false when it is something else. */
static bool
parse_directive(struct slice s, struct test_line *out)
{
	if (!take_text(&s, SLICE_LIT("#")) || !take_blanks(&s))
		return false;
	if (take_text(&s, SLICE_LIT("TODO")) || take_text(&s, SLICE_LIT("todo")))
		out->directive = STATUS_XFAIL;
	else if (take_text(&s, SLICE_LIT("SKIP")) || take_text(&s, SLICE_LIT("skip")))
		out->directive = STATUS_SKIP;
	else
		return false;
	if (!s.len)
		return true;
	if (!take_blanks(&s))
		return false;
	out->reason = slice_of(s.data, s.len);
	return true;
}

static bool
parse_test(struct slice s, struct test_line *out)
{
	struct slice rest = s, text;
	size_t hash;

	*out = (struct test_line){.reason = SLICE_NONE};
	if (s.len && !is_blank(s.data[0]))
		return false;
	take_blanks(&rest);
	/* A number is a word of its own. The reference takes one for the description when nothing but blanks
	 * follows. */
	if (take_number(&rest, &out->number) &&
	    (!rest.len || (is_blank(rest.data[0]) && count_blanks(rest) < rest.len))) {
		out->numbered = true;
		s = rest;
	}
	hash = slice_find(s, '#');
	text = slice_trim(slice_head(s, hash));
	if (text.len)
		out->description = text;
	if (hash == s.len)
		return true;
	return hash > 0 && is_blank(s.data[hash - 1]) && parse_directive(slice_from(s, hash), out);
}

static int
take_test(struct tap *t, struct slice line, struct err *err)
{
	bool bad = take_text(&line, SLICE_LIT("not ")) && slice_starts(line, SLICE_LIT("ok"));
	struct test_line test;

	if (!take_text(&line, SLICE_LIT("ok")) || !parse_test(line, &test))
		return 0;
	if (emit_pending(t, err))
		return -1;
	if (test.reason.data)
		add_comment(t, test.reason);
	if (test.numbered && skip_to(t, test.number, err))
		return -1;
	buf_clear(&t->id);
	buf_printf(&t->id, "test %" PRId64, t->next++);
	if (test.description.data) {
		buf_byte(&t->id, ' ');
		utf8_mend(&t->id, test.description);
	}
	t->status = test.directive ? test.directive : bad ? STATUS_FAIL : STATUS_SUCCESS;
	t->pending = true;
	return 1;
}

static int
take_bail(struct tap *t, struct slice line, struct err *err)
{
	if (!take_text(&line, SLICE_LIT("Bail out!")))
		return 0;
	take_blanks(&line);
	if (emit_pending(t, err))
		return -1;
	buf_clear(&t->id);
	buf_str(&t->id, "Bail out! ");
	utf8_mend(&t->id, line);
	t->status = STATUS_FAIL;
	t->pending = t->plan_over = true;
	return 1;
}

static int
emit_text(struct tap *t, const struct line *line, struct err *err)
{
	struct event e;
	struct buf text;
	int rc;

	buf_init(&text, TAP_LINE_MAX + 1);
	buf_slice(&text, line->text);
	if (line->ended)
		buf_byte(&text, '\n');
	event_init(&e);
	e.mime = SLICE_LIT(UTF8_TEXT);
	e.file_name = SLICE_LIT("stdout");
	e.file = buf_get(&text);
	rc = text.failed ? err_nomem(err) : t->fn(t->context, &e, err);
	buf_release(&text);
	return rc;
}

static int
on_line(void *context, const struct line *line, struct err *err)
{
	struct tap *t = context;
	int taken = 0;

	if (line->ended && !line->piece) {
		taken = take_plan(t, line->text, err);
		if (!taken)
			taken = take_test(t, line->text, err);
		if (!taken)
			taken = take_bail(t, line->text, err);
		if (!taken && slice_starts(line->text, SLICE_LIT("#"))) {
			add_comment(t, line->text);
			taken = 1;
		}
	}
	return taken ? (taken < 0 ? -1 : 0) : emit_text(t, line, err);
}

struct tap *
tap_new(tap_fn fn, void *context)
{
	struct tap *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->fn = fn;
	t->context = context;
	t->next = 1;
	lines_init(&t->lines, TAP_LINE_MAX, on_line, t);
	buf_init(&t->id, ID_MAX);
	buf_init(&t->comment, TAP_COMMENT_MAX + 64);
	return t;
}

void
tap_free(struct tap *t)
{
	if (!t)
		return;
	lines_release(&t->lines);
	buf_release(&t->id);
	buf_release(&t->comment);
	free(t);
}

int
tap_feed(struct tap *t, struct slice bytes, struct err *err)
{
	return lines_feed(&t->lines, bytes, err);
}

int
tap_end(struct tap *t, struct err *err)
{
	if (lines_end(&t->lines, err) || emit_pending(t, err))
		return -1;
	return skip_to(t, t->planned + 1, err);
}
