/* SPDX-License-Identifier: Apache-2.0 */
#include "cause.h"

#include "normal.h"
#include "utf8.h"

#include <string.h>

/* A message goes on in the next line while it is empty or ends in a colon, up to so many lines. */
#define MESSAGE_LINES 3

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_word(uint8_t c)
{
	return is_digit(c) || is_letter(c) || c == '_';
}

static bool
has(struct slice s, size_t at, uint8_t c)
{
	return at < s.len && s.data[at] == c;
}

/* How many digits there are from `at` on. */
static size_t
digits_at(struct slice s, size_t at)
{
	size_t n = 0;

	while (at + n < s.len && is_digit(s.data[at + n]))
		n++;
	return n;
}

static struct slice
last_part(struct slice path)
{
	size_t at = path.len;

	while (at && path.data[at - 1] != '/')
		at--;
	return slice_from(path, at);
}

struct frame {
	struct slice file, function; /* absent where they are not known */
};

/* How well something that was found explains the failure. */
enum rank {
	RANK_NOTHING,
	RANK_TEXT,  /* the first line there is */
	RANK_PLACE, /* said at a place in a source; the first one stays */
	RANK_STACK, /* an exception with its stack; the last one stays */
};

struct block {
	enum rank rank;
	struct slice lines[MESSAGE_LINES];
	size_t line_count;
	bool goes_on; /* the message is not complete */
	struct frame frames[CAUSE_FRAMES], own;
	size_t frame_count;
};

struct search {
	struct slice test;
	struct block best, open;
	enum {
		STACK_NONE,
		STACK_OUTERMOST, /* the outermost frame comes first, the message last: Python */
		STACK_INNERMOST, /* the other way round: all others */
		STACK_PYTEST,    /* the message was there, its place comes */
	} stack;
	struct slice lead; /* what heads the stack that may come */
	bool lead_named;   /* it looks like an exception */
	struct slice before;
	bool over;
};

static bool
contains(struct slice s, const char *words)
{
	return slice_search(s, slice_str(words)) < s.len;
}

/* The text behind the words, or the absent slice. */
static struct slice
behind(struct slice s, const char *words)
{
	return contains(s, words) ? slice_from(s, slice_search(s, slice_str(words)) + strlen(words))
				  : SLICE_NONE;
}

static void
add_line(struct block *b, struct slice line)
{
	if (line.len && b->line_count < MESSAGE_LINES)
		b->lines[b->line_count++] = utf8_head(line, CAUSE_LINE_MAX);
	b->goes_on = b->line_count < MESSAGE_LINES && (!line.len || line.data[line.len - 1] == ':');
}

/* Frames of test frameworks and of the machinery below a language say nothing of the cause. */
static bool
is_machinery(const struct frame *f)
{
	static const char *const functions[] = {"org.junit.", "junit.framework.", "org.hamcrest.",
	    "org.testng.", "java.", "jdk.", "sun.", "runtime.", "testing.", "panic", "__asan",
	    "__interceptor", "__sanitizer"};
	static const char *const files[] = {
	    "/unittest/case.py", "/unittest/mock.py", "/testtools/testcase.py"};

	for (size_t i = 0; f->function.data && i < sizeof(functions) / sizeof(functions[0]); i++)
		if (slice_starts(f->function, slice_str(functions[i])))
			return true;
	for (size_t i = 0; f->file.data && i < sizeof(files) / sizeof(files[0]); i++)
		if (slice_ends(f->file, slice_str(files[i])))
			return true;
	return slice_starts(f->file, SLICE_LIT("node:"));
}

/* True when the test's id has the name of the function, as a whole word, in it. */
static bool
is_own(struct slice test, struct slice function)
{
	size_t from = function.len, at = 0;

	while (from && is_word(function.data[from - 1]))
		from--;
	function = slice_from(function, from);
	while (function.len && at + function.len <= test.len) {
		size_t end;

		at += slice_search(slice_from(test, at), function);
		end = at + function.len;
		if (end <= test.len && (at == 0 || !is_word(test.data[at - 1])) &&
		    (end == test.len || !is_word(test.data[end])))
			return true;
		at++;
	}
	return false;
}

static void
add_frame(struct search *s, struct frame f)
{
	struct block *b = &s->open;

	if (is_machinery(&f))
		return;
	if (is_own(s->test, f.function)) {
		b->own = f;
		return;
	}
	if (s->stack == STACK_OUTERMOST) {
		memmove(b->frames + 1, b->frames, (CAUSE_FRAMES - 1) * sizeof(f));
		b->frames[0] = f;
		b->frame_count += b->frame_count < CAUSE_FRAMES;
	} else if (b->frame_count < CAUSE_FRAMES) {
		b->frames[b->frame_count++] = f;
	}
}

/* "…:12" or "…:12:5", perhaps with a colon behind it: how many bytes of the word are the name of the file; 0 when
 * it is no place in a source. */
static size_t
place_file(struct slice word, size_t *end)
{
	for (size_t at = 1; at + 1 < word.len; at++) {
		size_t digits = word.data[at] == ':' ? digits_at(word, at + 1) : 0, dot = at;

		if (!digits)
			continue;
		while (dot && is_letter(word.data[dot - 1]))
			dot--;
		if (dot < 2 || word.data[dot - 1] != '.' || at - dot > 5 || at == dot)
			continue;
		*end = at + 1 + digits;
		digits = has(word, *end, ':') ? digits_at(word, *end + 1) : 0;
		*end += digits ? 1 + digits : 0;
		return at;
	}
	return 0;
}

/*   File "/a/b.py", line 12, in function */
static bool
frame_python(struct slice line, struct frame *out)
{
	struct slice rest = behind(line, "File \"");

	if (!slice_starts(line, SLICE_LIT("File \"")) || !contains(rest, "\", line "))
		return false;
	*out = (struct frame){slice_head(rest, slice_find(rest, '"')), behind(rest, ", in ")};
	return true;
}

/*   at a.b.C.method(C.java:12)   at function (/a/b.js:1:2)   at /a/b.js:1:2 */
static bool
frame_at(struct slice line, struct frame *out)
{
	struct slice rest = slice_trim(slice_from(line, 3)), inner;
	size_t end, open = slice_find(rest, '('), file;

	if (!slice_starts(line, SLICE_LIT("at ")))
		return false;
	if (open == rest.len) {
		file = place_file(rest, &end);
		*out = (struct frame){slice_head(rest, file), SLICE_NONE};
		return file && end == rest.len;
	}
	if (!slice_ends(rest, SLICE_LIT(")")))
		return false;
	/* The last bracket: names of functions have some too. */
	for (open = rest.len; rest.data[open - 1] != '(';)
		open--;
	inner = slice_head(slice_from(rest, open), rest.len - open - 1);
	file = place_file(inner, &end);
	*out = (struct frame){file ? slice_head(inner, file) : inner, slice_trim(slice_head(rest, open - 1))};
	return true;
}

/*	/a/b.go:12 +0x1d     with the function on the line before */
static bool
frame_go(struct slice raw, struct slice before, struct frame *out)
{
	struct slice line = slice_trim(raw);
	size_t end, file = place_file(line, &end), bracket = before.len;

	if (!slice_starts(raw, SLICE_LIT("\t")) || !file ||
	    !slice_ends(slice_head(line, file), SLICE_LIT(".go")) ||
	    (end < line.len && line.data[end] != ' '))
		return false;
	while (bracket && before.data[bracket - 1] != '(')
		bracket--;
	*out = (struct frame){slice_head(line, file), slice_head(before, bracket ? bracket - 1 : before.len)};
	return true;
}

/*   #0 0x55 in function /a/b.c:12:3 */
static bool
frame_numbered(struct slice line, struct frame *out)
{
	size_t digits = digits_at(line, 1), end, file;
	struct slice rest = behind(line, " in "), word;

	if (!has(line, 0, '#') || !digits || !has(line, 1 + digits, ' ') || !slice_word(&rest, &word))
		return false;
	*out = (struct frame){SLICE_NONE, word};
	while (slice_word(&rest, &word))
		if ((file = place_file(word, &end)))
			out->file = slice_head(word, file);
	return true;
}

/* A place in a source, with what its line says around it. */
struct place {
	struct slice file, before, behind;
};

static bool
names_exception(struct slice line)
{
	struct slice word = slice_head(line, slice_find(line, ':'));

	return slice_starts(line, SLICE_LIT("Caused by: ")) || slice_ends(word, SLICE_LIT("Error")) ||
	       slice_ends(word, SLICE_LIT("Exception")) || slice_ends(word, SLICE_LIT("panic")) ||
	       slice_ends(word, SLICE_LIT("ERROR")) || slice_ends(word, SLICE_LIT("Failure")) ||
	       contains(line, "Error [");
}

/* A block is complete; it takes the place of a lesser one, and of an earlier stack. */
static void
close_block(struct search *s)
{
	if (s->open.rank > s->best.rank || s->open.rank == RANK_STACK)
		s->best = s->open;
	s->open = (struct block){0};
}

static void
take_frame(struct search *s, bool outermost, struct frame f)
{
	struct slice caused = SLICE_LIT("Caused by: ");

	if (s->stack != (outermost ? STACK_OUTERMOST : STACK_INNERMOST) || (!outermost && s->lead_named)) {
		close_block(s);
		if (!outermost) {
			s->open.rank = RANK_STACK;
			add_line(
			    &s->open, slice_from(s->lead, slice_starts(s->lead, caused) ? caused.len : 0));
			s->open.goes_on = false;
		}
		s->stack = outermost ? STACK_OUTERMOST : STACK_INNERMOST;
	}
	s->lead = SLICE_NONE;
	s->lead_named = false;
	add_frame(s, f);
}

/* "E   AssertionError: assert 1 == 2", of which the first line of several in a row counts. */
static bool
take_pytest(struct search *s, struct slice raw)
{
	if (!slice_starts(raw, SLICE_LIT("E   ")))
		return false;
	if (s->stack != STACK_PYTEST) {
		close_block(s);
		s->open.rank = RANK_STACK;
		s->stack = STACK_PYTEST;
		add_line(&s->open, slice_trim(slice_from(raw, 1)));
	}
	return true;
}

/* Where a place in a source is in the line: at its beginning, behind the name of a program, or where it says that
 * there was a panic. */
static bool
find_place(struct slice line, struct slice panic, struct slice cmocka, struct place *out)
{
	struct slice rest = panic.data ? panic : cmocka.data ? cmocka : line, word;
	bool more = true;

	while (more && slice_word(&rest, &word)) {
		size_t end, file = place_file(word, &end);

		if (file) {
			out->file = slice_head(word, file);
			out->before = slice_head(line, (size_t)(word.data - line.data));
			out->behind = slice_from(line, out->before.len + end);
			return true;
		}
		more = panic.data || (word.data == line.data && word.data[word.len - 1] == ':');
	}
	return false;
}

static bool
take_place(struct search *s, struct slice line)
{
	static const char *const dull[] = {"Failure", "FAILED", "Failed", "error: Failure!", "error:"};
	struct slice panic = behind(line, "panicked at "), cmocka = behind(line, "[   LINE   ] --- "), said;
	struct place place;

	if (!find_place(line, panic, cmocka, &place))
		return false;
	if (s->stack == STACK_PYTEST) {
		s->open.goes_on = false;
	} else {
		close_block(s);
		s->open.rank = RANK_PLACE;
		said = slice_trim(slice_from(place.behind, has(place.behind, 0, ':')));
		/* 'a message', src/lib.rs:12:5 */
		if (panic.data && has(panic, 0, '\''))
			said = behind(place.before, "panicked at ");
		for (size_t i = 0; i < sizeof(dull) / sizeof(dull[0]); i++)
			if (slice_eq(said, slice_str(dull[i])))
				said = SLICE_LIT("");
		add_line(&s->open, cmocka.data && !said.len ? s->lead : said);
		s->over = panic.data != NULL;
	}
	s->stack = STACK_NONE;
	add_frame(s, (struct frame){place.file, SLICE_NONE});
	return true;
}

/* A line that is no frame. */
static void
take_text(struct search *s, struct slice raw, struct slice line)
{
	if (s->stack == STACK_OUTERMOST) {
		if (raw.data[0] > ' ') {
			s->open.rank = RANK_STACK;
			add_line(&s->open, line);
			s->stack = STACK_NONE;
		}
		return;
	}
	if (s->open.goes_on && s->open.rank > RANK_TEXT) {
		if (!slice_starts(line, SLICE_LIT("Error Trace:")))
			add_line(&s->open, line);
		return;
	}
	if (take_pytest(s, raw) || take_place(s, line))
		return;
	if (!s->lead.data || names_exception(line)) {
		s->lead = line;
		s->lead_named = names_exception(line);
	}
	if (s->open.goes_on || (s->best.rank == RANK_NOTHING && s->open.rank == RANK_NOTHING)) {
		s->open.rank = RANK_TEXT;
		add_line(&s->open, line);
	}
}

static void
take_line(struct search *s, struct slice raw)
{
	struct slice line = slice_trim(raw);
	struct frame f;

	if (!line.len || s->over) {
		if (line.len && s->open.goes_on)
			add_line(&s->open, line);
		return;
	}
	if (frame_python(line, &f))
		take_frame(s, true, f);
	else if (frame_at(line, &f) || frame_go(raw, s->before, &f) || frame_numbered(line, &f))
		take_frame(s, false, f);
	else
		take_text(s, raw, line);
	s->before = line;
}

void
cause_init(struct cause *c)
{
	buf_init(&c->message, SIZE_MAX / 4);
	buf_init(&c->frames, SIZE_MAX / 4);
}

void
cause_release(struct cause *c)
{
	buf_release(&c->message);
	buf_release(&c->frames);
}

static void
write_frame(struct buf *out, const struct frame *f)
{
	if (f->file.len)
		normal_clean(out, utf8_head(last_part(f->file), CAUSE_LINE_MAX));
	if (f->file.len && f->function.len)
		buf_str(out, ": ");
	if (f->function.len)
		normal_clean(out, utf8_head(f->function, CAUSE_LINE_MAX));
	buf_byte(out, '\n');
}

void
cause_find(struct cause *c, struct slice text, struct slice test)
{
	struct search s = {.test = test};
	struct buf plain;
	struct slice line;

	buf_clear(&c->message);
	buf_clear(&c->frames);
	buf_init(&plain, SIZE_MAX / 4);
	if (slice_find(text, 0x1b) < text.len) {
		normal_uncoloured(&plain, text);
		text = plain.failed ? text : buf_get(&plain);
	}
	while (slice_split(&text, '\n', &line))
		take_line(&s, line);
	close_block(&s);
	for (size_t i = 0; i < s.best.line_count; i++) {
		buf_str(&c->message, i ? " " : "");
		normal_form(&c->message, s.best.lines[i]);
	}
	for (size_t i = 0; i < s.best.frame_count; i++)
		write_frame(&c->frames, &s.best.frames[i]);
	if (!s.best.frame_count && s.best.own.function.data)
		write_frame(&c->frames, &s.best.own);
	buf_release(&plain);
}
