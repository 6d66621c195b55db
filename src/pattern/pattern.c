/* SPDX-License-Identifier: Apache-2.0 */
#include "pattern.h"

#include "utf8.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#define EXPRESSION "regular expression"
#define TEXT_MAX ((size_t)1024 * 1024)
#define JIT_STACK_MIN ((size_t)32 * 1024)
#define JIT_STACK_MAX ((size_t)8 * 1024 * 1024)
#define HEAP_MAX_KIB 65536u

/* Steps from one place of a subject: well under a second, and far more than an expression needs that is not
 * hostile. */
#define MATCH_LIMIT 10000000u

/* A part of a replacement: plain text, then a group. */
struct piece {
	struct slice literal;
	uint32_t group;
};

struct replacement {
	uint8_t *literals; /* the bytes of all plain text */
	struct piece *pieces;
	size_t count;
	struct slice tail; /* the plain text behind the last group */
};

struct pattern {
	char *text; /* as it was given, for messages */
	pcre2_code *code;
	pcre2_match_data *match;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
	struct buf valid; /* the last subject that was not UTF-8, made so */
	struct replacement replacement;
};

/* ---- Python's dialect into PCRE2's ---- */

struct translation {
	struct slice rest; /* what is still to be read */
	struct buf out;
	bool in_class, verbose, ascii;
	const char *reason; /* why it cannot go on, or NULL */
};

static bool
is_octal(struct slice s, size_t at)
{
	return at < s.len && s.data[at] >= '0' && s.data[at] <= '7';
}

static bool
is_digit(struct slice s, size_t at)
{
	return at < s.len && s.data[at] >= '0' && s.data[at] <= '9';
}

static bool
is_hex(struct slice s, size_t from, size_t count)
{
	for (size_t i = from; i < from + count; i++)
		if (i >= s.len ||
		    !(is_digit(s, i) || ((s.data[i] | 0x20) >= 'a' && (s.data[i] | 0x20) <= 'f')))
			return false;
	return true;
}

/* Moves the first `len` bytes over as they are. */
static void
copy(struct translation *t, size_t len)
{
	buf_slice(&t->out, slice_head(t->rest, len));
	t->rest = slice_from(t->rest, len);
}

/* Writes `open`, then the bytes from `from` to `end`, then "}", for the first `end` bytes. */
static void
braced(struct translation *t, const char *open, size_t from, size_t end)
{
	buf_str(&t->out, open);
	buf_slice(&t->out, slice_from(slice_head(t->rest, end), from));
	buf_byte(&t->out, '}');
	t->rest = slice_from(t->rest, end);
}

/* The length of the number escape at the front of s (a backslash and a digit), and whether it is a character
 * in octal rather than a group: after a leading 0, with three octal digits, and always in a class. */
static size_t
number_escape(struct slice s, bool in_class, bool *octal)
{
	size_t len = 2;

	*octal = s.data[1] == '0' || (is_octal(s, 1) && (in_class || (is_octal(s, 2) && is_octal(s, 3))));
	while (len < (*octal ? 4 : 3) && (*octal ? is_octal(s, len) : is_digit(s, len)))
		len++;
	return len;
}

static void
translate_escape(struct translation *t)
{
	struct slice s = t->rest;
	uint8_t c = s.len > 1 ? s.data[1] : 0;

	if (is_digit(s, 1)) {
		bool octal;
		size_t len = number_escape(s, t->in_class, &octal);

		braced(t, octal ? "\\o{" : "\\g{", 1, len);
	} else if (c == 'u' && is_hex(s, 2, 4)) {
		braced(t, "\\x{", 2, 6);
	} else if (c == 'U' && is_hex(s, 2, 8)) {
		braced(t, "\\x{", 2, 10);
	} else if (c == 'v') {
		braced(t, "\\x{0b", 2, 2);
	} else if (c == 'Z' && !t->in_class) {
		buf_str(&t->out, "\\z");
		t->rest = slice_from(s, 2);
	} else {
		copy(t, 2);
	}
}

/* Inside a class only "]" and "\" mean something in Python; PCRE2 would read "[:alpha:]" in it. */
static void
translate_in_class(struct translation *t)
{
	if (t->rest.data[0] == '[')
		buf_byte(&t->out, '\\');
	else if (t->rest.data[0] == ']')
		t->in_class = false;
	copy(t, 1);
}

static void
open_class(struct translation *t)
{
	t->in_class = true;
	copy(t, slice_starts(t->rest, SLICE_LIT("[^")) ? 2 : 1);
	if (slice_starts(t->rest, SLICE_LIT("]"))) {
		buf_byte(&t->out, '\\');
		copy(t, 1);
	}
}

/* "{,n}" counts from 0 in Python and is plain text in older PCRE2. */
static void
translate_brace(struct translation *t)
{
	size_t end = 2;

	while (is_digit(t->rest, end))
		end++;
	if (slice_starts(t->rest, SLICE_LIT("{,")) && end < t->rest.len && t->rest.data[end] == '}') {
		buf_str(&t->out, "{0");
		t->rest = slice_from(t->rest, 1);
	}
	copy(t, 1);
}

/* A call of a group as a subroutine, whose compiled code PCRE2's limits do not hold. Python has none either. */
static bool
is_call(struct slice s)
{
	size_t at = slice_starts(s, SLICE_LIT("(?+")) || slice_starts(s, SLICE_LIT("(?-")) ? 3 : 2;

	return slice_starts(s, SLICE_LIT("\\g<")) || slice_starts(s, SLICE_LIT("\\g'")) ||
	       slice_starts(s, SLICE_LIT("(?R")) || slice_starts(s, SLICE_LIT("(?&")) ||
	       slice_starts(s, SLICE_LIT("(?P>")) || (slice_starts(s, SLICE_LIT("(?")) && is_digit(s, at));
}

static void
translate_step(struct translation *t)
{
	struct slice s = t->rest;

	if (!t->in_class && is_call(s))
		t->reason = "calls of groups are not supported";
	else if (s.data[0] == '\\')
		translate_escape(t);
	else if (t->in_class)
		translate_in_class(t);
	else if (s.data[0] == '[')
		open_class(t);
	else if (s.data[0] == '{')
		translate_brace(t);
	else if (slice_starts(s, SLICE_LIT("(?#")))
		copy(t, slice_find(s, ')') + 1);
	else if (t->verbose && s.data[0] == '#')
		copy(t, slice_find(s, '\n') + 1);
	else if (slice_starts(s, SLICE_LIT("(*")))
		t->reason = "nothing to repeat";
	else
		copy(t, 1);
}

/* Python's flags "a" and "u" are no letters of PCRE2, and "(?x)" decides what a "#" is. */
static void
translate_flags(struct translation *t)
{
	struct slice flags = slice_from(slice_head(t->rest, slice_find(t->rest, ')')), 2);

	if (!slice_starts(t->rest, SLICE_LIT("(?")) || flags.len + 2 == t->rest.len)
		return;
	for (size_t i = 0; i < flags.len; i++)
		if (!strchr("aimsux", flags.data[i]))
			return;
	t->rest = slice_from(t->rest, flags.len + 3);
	for (size_t i = 0; i < flags.len; i++) {
		t->ascii |= flags.data[i] == 'a';
		t->verbose |= flags.data[i] == 'x';
		if (!strchr("au", flags.data[i]))
			buf_printf(&t->out, "(?%c)", flags.data[i]);
	}
}

/* Stops when `limit` bytes are written, so that a place in the output can be led back to one in `text`. */
static void
translate(struct translation *t, struct slice text, size_t limit)
{
	*t = (struct translation){.rest = text};
	buf_init(&t->out, 4 * TEXT_MAX); /* nothing becomes more than four times as long */
	translate_flags(t);
	while (t->rest.len && t->out.len < limit && !t->out.failed && !t->reason)
		translate_step(t);
}

/* ---- compiling ---- */

static size_t
count_characters(struct slice s)
{
	size_t count = 0;

	for (size_t i = 0; i < s.len; i++)
		count += (s.data[i] & 0xC0) != 0x80;
	return count;
}

/* The reason comes first, so that a long text cannot push it out of the message. */
static int
bad_text(const char *what, struct slice text, size_t at, const char *reason, struct err *err)
{
	return err_set(err, ERR_FAILED, "%s at position %zu of the %s '%.*s'", reason,
	    count_characters(slice_head(text, at)), what, SLICE_FMT(text));
}

/* The place in `text` that the first `offset` bytes of its translation come from. */
static size_t
place_before(struct slice text, size_t offset)
{
	struct translation t;
	size_t at;

	translate(&t, text, offset);
	at = text.len - t.rest.len;
	buf_release(&t.out);
	return at;
}

static int
compile_code(struct pattern *p, struct slice text, unsigned flags, struct err *err)
{
	/* The search for likely places to start costs matches in releases that are in use: "(?=a)b?a" does
	 * not find "a" in 10.42, nor, compiled, "(a|)b*a". */
	uint32_t options = PCRE2_UTF | PCRE2_NO_START_OPTIMIZE | PCRE2_NEVER_BACKSLASH_C |
			   PCRE2_ALT_CIRCUMFLEX | (flags & PATTERN_MULTILINE ? PCRE2_MULTILINE : 0);
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	struct translation t;
	struct slice translated;
	PCRE2_SIZE offset;
	int code, result = -1;

	translate(&t, text, SIZE_MAX);
	if (!context || t.out.failed) {
		err_nomem(err);
		goto out;
	}
	if (t.reason) {
		bad_text(EXPRESSION, text, text.len - t.rest.len, t.reason, err);
		goto out;
	}
	pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	translated = buf_get(&t.out);
	p->code = pcre2_compile(
	    translated.data, translated.len, options | (t.ascii ? 0 : PCRE2_UCP), &code, &offset, context);
	if (p->code) {
		result = 0;
	} else {
		char reason[256] = "";

		pcre2_get_error_message(code, (PCRE2_UCHAR *)reason, sizeof(reason));
		bad_text(EXPRESSION, text, place_before(text, offset), reason, err);
	}
out:
	buf_release(&t.out);
	pcre2_compile_context_free(context);
	return result;
}

/* The JIT compiler may be missing or forbidden; the interpreter then does the same more slowly. */
static int
prepare_matching(struct pattern *p, struct err *err)
{
	p->match = pcre2_match_data_create_from_pattern(p->code, NULL);
	p->context = pcre2_match_context_create(NULL);
	if (!p->match || !p->context)
		return err_nomem(err);
	pcre2_set_match_limit(p->context, MATCH_LIMIT);
	pcre2_set_heap_limit(p->context, HEAP_MAX_KIB);
	if (pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE) == 0) {
		p->stack = pcre2_jit_stack_create(JIT_STACK_MIN, JIT_STACK_MAX, NULL);
		if (!p->stack)
			return err_nomem(err);
		pcre2_jit_stack_assign(p->context, NULL, p->stack);
	}
	return 0;
}

int
pattern_compile(struct slice text, unsigned flags, struct pattern **out, struct err *err)
{
	struct pattern *p;

	if (text.len > TEXT_MAX)
		return err_set(err, ERR_FAILED, "a regular expression of %zu bytes is too long", text.len);
	p = calloc(1, sizeof(*p));
	if (!p)
		return err_nomem(err);
	buf_init(&p->valid, SIZE_MAX / 2);
	p->text = slice_dup(text);
	if (!p->text) {
		err_nomem(err);
		goto fail;
	}
	if (compile_code(p, text, flags, err) || prepare_matching(p, err))
		goto fail;
	*out = p;
	return 0;
fail:
	pattern_free(p);
	return -1;
}

static void
replacement_release(struct replacement *r)
{
	free(r->literals);
	free(r->pieces);
	*r = (struct replacement){0};
}

void
pattern_free(struct pattern *p)
{
	if (!p)
		return;
	pcre2_match_data_free(p->match);
	pcre2_match_context_free(p->context);
	pcre2_jit_stack_free(p->stack);
	pcre2_code_free(p->code);
	replacement_release(&p->replacement);
	buf_release(&p->valid);
	free(p->text);
	free(p);
}

/* ---- matching ---- */

/* Makes *subject valid UTF-8 and present: PCRE2 need not look at it again, and its own way with invalid text
 * has had its faults. */
static int
make_valid(struct pattern *p, struct slice *subject, struct err *err)
{
	if (utf8_valid(*subject)) {
		*subject = slice_of(subject->data, subject->len);
		return 0;
	}
	buf_clear(&p->valid);
	utf8_replace(&p->valid, *subject);
	*subject = buf_get(&p->valid);
	return p->valid.failed ? err_nomem(err) : 0;
}

/* `subject` went through make_valid. */
static int
match_from(struct pattern *p, struct slice subject, size_t from, uint32_t options, struct err *err)
{
	char reason[256] = "";
	int result;

	options |= PCRE2_NO_UTF_CHECK;
	result = pcre2_match(p->code, subject.data, subject.len, from, options, p->match, p->context);
	/* Deep but harmless nesting outgrows the stack of compiled code; the interpreter's is on the heap. */
	if (result == PCRE2_ERROR_JIT_STACKLIMIT)
		result = pcre2_match(
		    p->code, subject.data, subject.len, from, options | PCRE2_NO_JIT, p->match, p->context);
	if (result >= 0)
		return 1;
	if (result == PCRE2_ERROR_NOMATCH)
		return 0;
	pcre2_get_error_message(result, (PCRE2_UCHAR *)reason, sizeof(reason));
	return err_set(err, ERR_FAILED, "%s for the " EXPRESSION " '%.300s' on '%.*s'", reason, p->text,
	    SLICE_FMT(slice_head(subject, 300)));
}

int
pattern_search(struct pattern *p, struct slice subject, struct err *err)
{
	return make_valid(p, &subject, err) ? -1 : match_from(p, subject, 0, 0, err);
}

/* The part of the subject that a group of the last match took; absent when it took no part. */
static struct slice
group_of(const struct pattern *p, struct slice subject, uint32_t group)
{
	const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(p->match) + 2 * (size_t)group;

	if (ends[0] == PCRE2_UNSET || ends[1] < ends[0])
		return SLICE_NONE;
	return slice_from(slice_head(subject, ends[1]), ends[0]);
}

int
pattern_match_start(struct pattern *p, struct slice subject, struct slice *out_match, struct err *err)
{
	int result = make_valid(p, &subject, err) ? -1 : match_from(p, subject, 0, PCRE2_ANCHORED, err);

	if (result > 0)
		*out_match = group_of(p, subject, 0);
	return result;
}

/* ---- replacing ---- */

/* A replacement while it is read. */
struct template
{
	const struct pattern *pattern;
	struct slice text, rest;
	struct replacement made;
	uint8_t
	    *end; /* of the literals written so far; those from the tail's start on belong to no group yet */
	struct err *err;
};

static int
bad_template(const struct template *t, const char *reason)
{
	return bad_text("replacement", t->text, t->text.len - t->rest.len, reason, t->err);
}

static void
add_literal(struct template *t, struct slice bytes)
{
	if (bytes.len)
		memcpy(t->end, bytes.data, bytes.len);
	t->end += bytes.len;
	t->made.tail.len += bytes.len;
}

static int
add_group(struct template *t, int64_t group)
{
	uint32_t groups = 0;

	pcre2_pattern_info(t->pattern->code, PCRE2_INFO_CAPTURECOUNT, &groups);
	if (group < 0 || group > groups)
		return bad_template(t, "no such group");
	t->made.pieces[t->made.count++] = (struct piece){t->made.tail, (uint32_t)group};
	t->made.tail = (struct slice){t->end, 0};
	return 0;
}

/* "\g<name>" or "\g<number>". */
static int
read_named_group(struct template *t)
{
	struct slice name = slice_from(t->rest, 3);
	char terminated[128];
	int64_t group;

	if (!slice_starts(t->rest, SLICE_LIT("\\g<")) || slice_find(name, '>') == name.len)
		return bad_template(t, "\\g without <name>");
	name = slice_head(name, slice_find(name, '>'));
	if (!is_digit(name, 0) || !slice_int(name, &group)) {
		group = -1;
		if (name.len < sizeof(terminated)) {
			memcpy(terminated, name.data, name.len);
			terminated[name.len] = '\0';
			group = pcre2_substring_number_from_name(t->pattern->code, (PCRE2_SPTR)terminated);
		}
	}
	if (add_group(t, group))
		return -1;
	t->rest = slice_from(t->rest, name.len + 4);
	return 0;
}

/* "\12" names a group, "\0", "\012" and "\123" a character. */
static int
read_number(struct template *t)
{
	bool octal;
	size_t len = number_escape(t->rest, false, &octal);
	int value = 0;

	for (size_t i = 1; i < len; i++)
		value = value * (octal ? 8 : 10) + (t->rest.data[i] - '0');
	if (octal && value > 0377)
		return bad_template(t, "octal escape above \\377");
	if (octal && value < 0x80)
		add_literal(t, slice_of(&(uint8_t){(uint8_t)value}, 1));
	else if (octal)
		add_literal(t, slice_of((uint8_t[]){(uint8_t)(0xC0 | value >> 6), 0x80 | (value & 0x3F)}, 2));
	else if (add_group(t, value))
		return -1;
	t->rest = slice_from(t->rest, len);
	return 0;
}

static int
read_escape(struct template *t)
{
	static const char letters[] = "abfnrtv\\", meanings[] = "\a\b\f\n\r\t\v\\";
	uint8_t c = t->rest.len > 1 ? t->rest.data[1] : 0;
	const char *letter = c ? strchr(letters, c) : NULL;

	if (t->rest.len < 2)
		return bad_template(t, "backslash at the end");
	if (c == 'g')
		return read_named_group(t);
	if (is_digit(t->rest, 1))
		return read_number(t);
	if (!letter && (c | 0x20) >= 'a' && (c | 0x20) <= 'z')
		return bad_template(t, "unknown escape");
	add_literal(t, letter ? slice_of(&meanings[letter - letters], 1) : slice_head(t->rest, 2));
	t->rest = slice_from(t->rest, 2);
	return 0;
}

int
pattern_set_replacement(struct pattern *p, struct slice text, struct err *err)
{
	struct template t = {.pattern = p, .text = text, .rest = text, .err = err};

	if (text.len > TEXT_MAX)
		return err_set(err, ERR_FAILED, "a replacement of %zu bytes is too long", text.len);
	/* No escape is shorter than what it stands for, and a group takes at least two bytes. */
	t.made.literals = t.end = malloc(text.len + 1);
	t.made.pieces = calloc(text.len / 2 + 1, sizeof(*t.made.pieces));
	if (!t.made.literals || !t.made.pieces) {
		err_nomem(err);
		goto fail;
	}
	t.made.tail = (struct slice){t.end, 0};
	while (t.rest.len) {
		size_t plain = slice_find(t.rest, '\\');

		add_literal(&t, slice_head(t.rest, plain));
		t.rest = slice_from(t.rest, plain);
		if (t.rest.len && read_escape(&t))
			goto fail;
	}
	replacement_release(&p->replacement);
	p->replacement = t.made;
	return 0;
fail:
	replacement_release(&t.made);
	return -1;
}

int
pattern_substitute(struct pattern *p, struct slice subject, struct buf *out, struct err *err)
{
	const struct replacement *r = &p->replacement;
	uint32_t options = 0;
	size_t at = 0;
	int result;

	if (make_valid(p, &subject, err))
		return -1;
	while ((result = match_from(p, subject, at, options, err)) > 0) {
		const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(p->match);

		buf_slice(out, slice_from(slice_head(subject, ends[0]), at));
		for (size_t i = 0; i < r->count; i++) {
			buf_slice(out, r->pieces[i].literal);
			buf_slice(out, group_of(p, subject, r->pieces[i].group));
		}
		buf_slice(out, r->tail);
		/* What follows at the place of an empty match must not be empty again. */
		options = ends[0] == ends[1] ? PCRE2_NOTEMPTY_ATSTART : 0;
		at = ends[1];
	}
	buf_slice(out, slice_from(subject, at));
	return result;
}
