/* SPDX-License-Identifier: Apache-2.0 */
#include "v1_reader.h"

#include "reader.h"
#include "utf8.h"
#include "v1_details.h"

#include <stdlib.h>
#include <string.h>

enum {
	/* The most bytes of tags that are current at a time; further ones are left out. */
	TAGS_MAX = 16384,
};

enum directive {
	DIRECTIVE_TEST,
	DIRECTIVE_OUTCOME,
	DIRECTIVE_TIME,
	DIRECTIVE_TAGS,
	DIRECTIVE_PROGRESS,
};

struct word {
	const char *text;
	enum directive kind;
	enum status status;
	const char *label;  /* in the report of a lost connection */
	const char *detail; /* the name of details in brackets */
};

static const struct word words[] = {
    {"test", DIRECTIVE_TEST, STATUS_INPROGRESS, NULL, NULL},
    {"testing", DIRECTIVE_TEST, STATUS_INPROGRESS, NULL, NULL},
    {"success", DIRECTIVE_OUTCOME, STATUS_SUCCESS, "success", "message"},
    {"successful", DIRECTIVE_OUTCOME, STATUS_SUCCESS, "success", "message"},
    {"failure", DIRECTIVE_OUTCOME, STATUS_FAIL, "failure", "traceback"},
    {"error", DIRECTIVE_OUTCOME, STATUS_FAIL, "error", "traceback"},
    {"skip", DIRECTIVE_OUTCOME, STATUS_SKIP, "skip", "reason"},
    {"xfail", DIRECTIVE_OUTCOME, STATUS_XFAIL, "xfail", "traceback"},
    {"uxsuccess", DIRECTIVE_OUTCOME, STATUS_UXSUCCESS, "uxsuccess", "traceback"},
    {"time", DIRECTIVE_TIME, STATUS_NONE, NULL, NULL},
    {"tags", DIRECTIVE_TAGS, STATUS_NONE, NULL, NULL},
    {"progress", DIRECTIVE_PROGRESS, STATUS_NONE, NULL, NULL},
};
#define WORD_COUNT (sizeof(words) / sizeof(words[0]))

static const char simple_end[] = " [";
static const char multipart_end[] = " [ multipart";
/* cmocka's reports of an error: on one line, where the text of a failed assertion has no newline. */
static const char inline_begin[] = " [ ";
static const char inline_end[] = " ]";
static const char inline_error[] = " [ Could not run test: ";
static const char *const group_ends[] = {" [ [  FAILED  ] GROUP SETUP ]", " [ [  FAILED  ] GROUP TEARDOWN ]"};
/* What Check calls a test whose fixture failed in the same process. */
static const char fixture[] = "checked_setup";

struct v1_reader {
	bool alone;
	bool mid_line;
	bool glued;     /* the line goes on where an outcome may begin */
	bool suspended; /* a packet was met: only "test:" and "time:" begin v1 again */
	bool v2_open;   /* a v2 test is in progress */

	bool in_test;
	const struct word *outcome; /* inside details: whose */
	struct buf id;
	struct buf raw_id; /* as it came: what outcomes must name */
	size_t matched;    /* how much of it the open line is known to name */
	int64_t time;
	struct buf tags, test_tags; /* each tag followed by a NUL */
	struct slice *tag_list;
	size_t tag_cap;
	struct buf scratch;

	struct v1_details details;

	/* What is to be handed on: this, then what the details have, then this. */
	bool start_due, final_due;
	enum status final_status;
	uint64_t offset;
};

struct v1_reader *
v1_reader_new(bool alone)
{
	struct v1_reader *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	if (v1_details_init(&v->details) < 0) {
		free(v);
		return NULL;
	}
	v->alone = alone;
	v->time = TIME_NONE;
	/* A byte that is no UTF-8 becomes three. */
	buf_init(&v->id, 3 * READER_HELD_MAX);
	buf_init(&v->raw_id, READER_HELD_MAX);
	buf_init(&v->tags, TAGS_MAX);
	buf_init(&v->test_tags, TAGS_MAX);
	buf_init(&v->scratch, 3 * READER_HELD_MAX + 1024);
	return v;
}

void
v1_reader_free(struct v1_reader *v)
{
	if (!v)
		return;
	buf_release(&v->id);
	buf_release(&v->raw_id);
	buf_release(&v->tags);
	buf_release(&v->test_tags);
	buf_release(&v->scratch);
	v1_details_release(&v->details);
	free(v->tag_list);
	free(v);
}

static bool
is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Takes the next tag of a set off the front of *rest. */
static bool
next_tag(struct slice *rest, struct slice *out)
{
	return slice_split(rest, 0, out) && rest->data;
}

static void
tags_add(struct buf *set, struct slice tag)
{
	struct slice rest = buf_get(set), other;

	while (next_tag(&rest, &other)) {
		if (slice_eq(other, tag))
			return;
	}
	if (tag.len >= set->max - set->len)
		return;
	buf_slice(set, tag);
	buf_byte(set, 0);
}

static void
tags_remove(struct buf *set, struct slice tag)
{
	struct slice rest = buf_get(set), other;

	while (next_tag(&rest, &other)) {
		if (slice_eq(other, tag)) {
			size_t at = (size_t)(other.data - set->data);

			memmove(set->data + at, rest.data, rest.len);
			buf_truncate(set, at + rest.len);
			return;
		}
	}
}

/* The additions of a line come before its removals, in whatever order they are written. */
static int
change_tags(struct v1_reader *v, struct slice line)
{
	struct buf *set = v->in_test ? &v->test_tags : &v->tags;

	for (int removing = 0; removing < 2; removing++) {
		struct slice rest = line, tag;

		while (slice_word(&rest, &tag)) {
			if ((tag.data[0] == '-') != removing)
				continue;
			buf_clear(&v->scratch);
			utf8_mend(&v->scratch, slice_from(tag, (size_t)removing));
			if (removing)
				tags_remove(set, buf_get(&v->scratch));
			else
				tags_add(set, buf_get(&v->scratch));
		}
	}
	return v->scratch.failed || set->failed ? -1 : V1_TAKEN;
}

/* The current tags as a list; *count becomes their number. NULL when there are none. */
static const struct slice *
list_tags(struct v1_reader *v, size_t *count)
{
	struct slice rest = buf_get(&v->test_tags), tag;

	*count = 0;
	while (*count < v->tag_cap && next_tag(&rest, &tag))
		v->tag_list[(*count)++] = tag;
	return *count ? v->tag_list : NULL;
}

/* Makes room for the list of all current tags. */
static int
reserve_tags(struct v1_reader *v)
{
	size_t need = 0;
	struct slice *list;

	for (size_t i = 0; i < v->test_tags.len; i++)
		need += v->test_tags.data[i] == 0;
	if (need <= v->tag_cap)
		return 0;
	list = realloc(v->tag_list, need * sizeof(*list));
	if (!list)
		return -1;
	v->tag_list = list;
	v->tag_cap = need;
	return 0;
}

static int
start_test(struct v1_reader *v, struct slice name)
{
	buf_clear(&v->id);
	buf_clear(&v->raw_id);
	buf_clear(&v->test_tags);
	utf8_mend(&v->id, name);
	buf_slice(&v->raw_id, name);
	buf_slice(&v->test_tags, buf_get(&v->tags));
	if (v->id.failed || v->raw_id.failed || v->test_tags.failed)
		return -1;
	v->in_test = true;
	v->suspended = false;
	v->start_due = true;
	return V1_TAKEN;
}

/* Ends the test that is open. */
static int
finish_test(struct v1_reader *v, enum status status)
{
	v->in_test = false;
	v->final_due = true;
	v->final_status = status;
	return reserve_tags(v);
}

static struct slice
details_mime(const struct word *outcome)
{
	bool traceback = strcmp(outcome->detail, "traceback") == 0;

	return slice_str(traceback ? "text/x-traceback; charset=\"utf8\"" : "text/plain");
}

static int
start_bracket(struct v1_reader *v, const struct word *outcome, uint64_t offset)
{
	v->outcome = outcome;
	if (v1_details_bracket(&v->details, details_mime(outcome), slice_str(outcome->detail), offset) < 0)
		return -1;
	return V1_TAKEN;
}

/* " [ text ]" behind the name, or " [ text" that goes on in other lines. */
static int
read_inline(struct v1_reader *v, const struct word *outcome, struct slice end, uint64_t offset)
{
	struct slice mime = details_mime(outcome), name = slice_str(outcome->detail);

	if (!slice_ends(end, slice_str(inline_end))) {
		if (start_bracket(v, outcome, offset) < 0)
			return -1;
		return v1_details_inline(&v->details, slice_from(end, strlen(inline_begin))) < 0 ? -1
												 : V1_TAKEN;
	}
	buf_clear(&v->scratch);
	buf_slice(&v->scratch, slice_head(slice_from(end, strlen(inline_begin)),
				   end.len - strlen(inline_begin) - strlen(inline_end)));
	buf_byte(&v->scratch, '\n');
	if (v->scratch.failed ||
	    v1_details_replace(&v->details, mime, name, buf_get(&v->scratch), offset) < 0)
		return -1;
	return finish_test(v, outcome->status) < 0 ? -1 : V1_TAKEN;
}

static bool
is_error(const struct word *word)
{
	return strcmp(word->text, "error") == 0;
}

static bool
is_inline(const struct word *word, struct slice end)
{
	if (!is_error(word) || !slice_starts(end, slice_str(inline_begin)))
		return false;
	return slice_starts(end, slice_str(inline_error)) ||
	       (end.len > strlen(inline_begin) + strlen(inline_end) &&
		   slice_ends(end, slice_str(inline_end)));
}

/* The length of the name in front of the rest of a line, if it is that of the open test; 0 when it is not. */
static size_t
match_name(const struct v1_reader *v, struct slice rest)
{
	struct slice id = buf_get(&v->raw_id);
	size_t part = slice_find(id, ':') + 1;

	if (slice_starts(rest, id))
		return id.len;
	if (part <= id.len && slice_starts(rest, slice_head(id, part)) &&
	    slice_starts(slice_from(rest, part), slice_str(fixture)))
		return part + strlen(fixture);
	return 0;
}

static int
read_outcome(struct v1_reader *v, const struct word *word, struct slice rest, uint64_t offset)
{
	size_t len = match_name(v, rest);
	struct slice end = slice_from(rest, len);

	if (!len)
		return V1_TEXT;
	if (end.len == 0)
		return finish_test(v, word->status) < 0 ? -1 : V1_TAKEN;
	if (slice_eq(end, slice_str(simple_end)))
		return start_bracket(v, word, offset);
	if (slice_eq(end, slice_str(multipart_end))) {
		v->outcome = word;
		v1_details_multipart(&v->details);
		return V1_TAKEN;
	}
	return is_inline(word, end) ? read_inline(v, word, end, offset) : V1_TEXT;
}

/* cmocka: a group of tests whose own set-up or teardown failed, which is no test that began. */
static int
read_group(struct v1_reader *v, const struct word *word, struct slice rest, uint64_t offset)
{
	for (size_t i = 0; i < sizeof(group_ends) / sizeof(group_ends[0]); i++) {
		struct slice end = slice_str(group_ends[i]);

		if (rest.len <= end.len || !slice_ends(rest, end))
			continue;
		if (start_test(v, slice_head(rest, rest.len - end.len)) < 0)
			return -1;
		return read_inline(v, word, end, offset);
	}
	return V1_TEXT;
}

static int
read_time(struct v1_reader *v, struct slice rest)
{
	int64_t time;
	size_t n = time_parse(rest, v->alone, &time);

	if (n == 0 || (!v->alone && slice_trim(slice_from(rest, n)).len > 0))
		return V1_TEXT;
	/* To microseconds, downwards. */
	v->time = time - (time % 1000 + 1000) % 1000;
	v->suspended = false;
	return V1_TAKEN;
}

static int
read_progress(struct slice rest)
{
	int64_t n;

	rest = slice_trim(rest);
	return slice_eq(rest, SLICE_LIT("push")) || slice_eq(rest, SLICE_LIT("pop")) || slice_int(rest, &n)
		   ? V1_TAKEN
		   : V1_TEXT;
}

static int
read_directive(struct v1_reader *v, const struct word *word, struct slice rest, uint64_t offset)
{
	v->offset = offset;
	switch (word->kind) {
	case DIRECTIVE_TEST:
		return start_test(v, rest);
	case DIRECTIVE_OUTCOME:
		return v->in_test ? read_outcome(v, word, rest, offset) : read_group(v, word, rest, offset);
	case DIRECTIVE_TIME:
		return read_time(v, rest);
	case DIRECTIVE_TAGS:
		return change_tags(v, rest);
	default:
		return read_progress(rest);
	}
}

/* True where this directive is one, in the present state. */
static bool
is_allowed(const struct v1_reader *v, const struct word *word)
{
	if (v->v2_open || (v->glued && word->kind != DIRECTIVE_OUTCOME))
		return false;
	if (word->kind == DIRECTIVE_TEST)
		return !v->in_test;
	if (word->kind == DIRECTIVE_OUTCOME)
		return v->in_test || (is_error(word) && !v->suspended);
	/* An outcome that names the open test cannot be mistaken; these could. */
	return word->kind == DIRECTIVE_TIME || !v->suspended;
}

/* True when what stands behind a name, of which more may come, could still end an outcome. */
static bool
could_be_end(const struct word *word, struct slice end)
{
	return slice_starts(slice_str(multipart_end), end) ||
	       (is_error(word) && (slice_starts(end, slice_str(inline_begin)) ||
				      slice_starts(slice_str(inline_begin), end)));
}

static bool
could_be_fixture(const struct v1_reader *v, struct slice s)
{
	struct slice id = buf_get(&v->raw_id), last = slice_str(fixture), rest;
	size_t part = slice_find(id, ':') + 1;

	if (part > id.len)
		return false;
	if (s.len <= part)
		return slice_starts(id, s);
	rest = slice_from(s, part);
	if (!slice_starts(s, slice_head(id, part)))
		return false;
	return slice_starts(last, rest) || (slice_starts(rest, last) && slice_starts(slice_str(multipart_end),
									    slice_from(rest, last.len)));
}

/* True when s, of which more may come, could still be what the directive wants. */
static bool
could_be(struct v1_reader *v, const struct word *word, struct slice s)
{
	static const char date[] = "dddd-dd-dd";
	struct slice id = buf_get(&v->raw_id);

	if (word->kind == DIRECTIVE_OUTCOME) {
		struct slice named = slice_head(s, id.len);

		if (!v->in_test)
			return true;
		if (!slice_starts(slice_from(id, v->matched), slice_from(named, v->matched)))
			return could_be_fixture(v, s);
		v->matched = named.len;
		return could_be_end(word, slice_from(s, id.len)) || could_be_fixture(v, s);
	}
	if (word->kind != DIRECTIVE_TIME)
		return true;
	for (size_t i = 0; i < s.len && date[i]; i++) {
		if (date[i] == 'd' ? s.data[i] < '0' || s.data[i] > '9' : s.data[i] != '-')
			return false;
	}
	return true;
}

/* True where the directive may do without its colon. */
static bool
is_bare_allowed(const struct v1_reader *v, const struct word *word)
{
	return v->alone && !v->glued && (word->kind != DIRECTIVE_OUTCOME || v->in_test);
}

/* Finds the directive that the line is, or may become when it is not `whole`. *rest becomes what follows the
 * word and one blank. NULL when it is none. */
static const struct word *
find_directive(struct v1_reader *v, struct slice line, bool whole, struct slice *rest)
{
	size_t word_len = 0, bare_len;

	while (word_len < line.len && !is_space(line.data[word_len]))
		word_len++;
	bare_len = word_len;
	while (bare_len > 0 && line.data[bare_len - 1] == ':')
		bare_len--;
	*rest = slice_from(line, word_len + 1);
	for (const struct word *w = words; w < words + WORD_COUNT; w++) {
		struct slice text, bare = slice_head(line, bare_len);

		/* Most lines begin like no word at all. */
		if ((line.len && line.data[0] != (uint8_t)w->text[0]) || !is_allowed(v, w))
			continue;
		text = slice_str(w->text);
		if (word_len == line.len) {
			if (!whole &&
			    (slice_eq(bare, text) || (bare_len == word_len && slice_starts(text, bare))))
				return w;
		} else if (slice_eq(bare, text) && (bare_len < word_len || is_bare_allowed(v, w))) {
			return (whole ? slice_trim(*rest).len > 0 : could_be(v, w, *rest)) ? w : NULL;
		}
	}
	return NULL;
}

/* The length of the longest outcome word that s ends with, or with `part` of its beginning; 0 when there is
 * none. */
static size_t
ending_word(struct slice s, bool part)
{
	size_t longest = 0;

	for (const struct word *w = words; w < words + WORD_COUNT; w++) {
		struct slice text = slice_str(w->text);

		for (size_t len = text.len; w->kind == DIRECTIVE_OUTCOME && len > longest; len--) {
			if (slice_ends(s, slice_head(text, len)))
				longest = len;
			if (!part)
				break;
		}
	}
	return longest;
}

/* A test may print text without a newline, and its outcome stands behind that on the same line. Returns where
 * in the line, from `from` on, that may be; its length when nowhere. */
static size_t
find_glued(const struct v1_reader *v, struct slice line, size_t from, bool whole)
{
	struct slice id = buf_get(&v->raw_id);
	size_t colon = from;

	if (!v->in_test || v->v2_open)
		return line.len;
	for (;; colon++) {
		struct slice rest, before;
		size_t len;

		colon += slice_find(slice_from(line, colon), ':');
		if (colon >= line.len)
			break;
		before = slice_from(slice_head(line, colon), from);
		len = ending_word(before, false);
		rest = slice_from(line, colon + 1);
		if (!len || (rest.len && rest.data[0] != ' '))
			continue;
		rest = slice_from(rest, 1);
		if (slice_starts(rest, id) || (!whole && slice_starts(id, rest)))
			return colon - len;
	}
	return whole ? line.len : line.len - ending_word(slice_from(line, from), true);
}

int
v1_reader_line(
    struct v1_reader *v, struct slice line, enum v1_line_end end, uint64_t offset, size_t *out_text)
{
	bool whole = end == V1_LINE_WHOLE || end == V1_LINE_LAST, tried = false;
	struct slice bare = line;
	int verdict = V1_TEXT;

	if (end == V1_LINE_WHOLE)
		bare.len--;
	if (!v->mid_line && end != V1_LINE_CUT) {
		struct slice rest;
		const struct word *word = find_directive(v, bare, whole, &rest);

		tried = true;
		if (word && !whole)
			return V1_UNDECIDED;
		if (word)
			verdict = read_directive(v, word, rest, offset);
	}
	v->matched = 0;
	v->glued = false;
	*out_text = line.len;
	if (verdict == V1_TEXT && end != V1_LINE_CUT) {
		size_t at = find_glued(v, bare, tried && bare.len ? 1 : 0, whole);

		v->glued = at < bare.len;
		if (v->glued)
			*out_text = at;
	}
	v->mid_line = verdict == V1_TEXT && end != V1_LINE_WHOLE && !v->glued;
	return verdict;
}

void
v1_reader_packet(struct v1_reader *v, const struct event *e)
{
	v->mid_line = v->glued = false;
	if (v->alone)
		return;
	v->suspended = true;
	if (e->id.data)
		v->v2_open = e->status == STATUS_NONE || e->status == STATUS_INPROGRESS;
}

bool
v1_reader_in_details(const struct v1_reader *v)
{
	return v->details.state != V1_DETAILS_NONE;
}

int
v1_reader_details(struct v1_reader *v, struct slice bytes, bool ended, uint64_t offset, size_t *used)
{
	int answer = v1_details_read(&v->details, bytes, ended, offset, used);

	switch (answer) {
	case V1_DETAILS_BROKEN:
		/* What was handed on in part leaves the rest of its line. */
		v->mid_line = v->details.split;
		return finish_test(v, v->outcome->status) < 0 ? -1 : 1;
	case V1_DETAILS_OVER:
		return finish_test(v, v->outcome->status) < 0 ? -1 : 1;
	default:
		return answer;
	}
}

int
v1_reader_end(struct v1_reader *v, uint64_t offset)
{
	if (!v->in_test)
		return 0;
	v->offset = offset;
	buf_clear(&v->scratch);
	buf_str(&v->scratch, "testtools.testresult.real._StringException: lost connection during ");
	if (v1_reader_in_details(v))
		buf_printf(&v->scratch, "%s report of ", v->outcome->label);
	buf_str(&v->scratch, "test '");
	buf_slice(&v->scratch, buf_get(&v->id));
	buf_str(&v->scratch, "'\n");
	if (v->scratch.failed || v1_details_replace(&v->details,
				     SLICE_LIT("text/x-traceback; charset=\"utf8\"; language=\"python\""),
				     SLICE_LIT("traceback"), buf_get(&v->scratch), offset) < 0)
		return -1;
	return finish_test(v, STATUS_FAIL);
}

bool
v1_reader_next(struct v1_reader *v, struct event *out)
{
	struct event e;

	if (!v->start_due && !v->details.due && !v->final_due)
		return false;
	event_init(&e);
	e.id = buf_get(&v->id);
	e.time = v->time;
	e.offset = v->offset;
	if (v->start_due) {
		v->start_due = false;
		e.status = STATUS_INPROGRESS;
	} else if (!v1_details_next(&v->details, &e)) {
		if (!v->final_due)
			return false;
		v->final_due = false;
		e.status = v->final_status;
		e.tags = list_tags(v, &e.tag_count);
	}
	*out = e;
	return true;
}
