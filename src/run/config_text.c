/* SPDX-License-Identifier: Apache-2.0 */
#include "config_text.h"

#include "buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How deep values may refer to each other (ConfigParser's limit) and how often one value may refer to any. */
#define MAX_DEPTH 10
#define MAX_REFERENCES 10000

struct parse {
	struct config_text *text;
	unsigned line;
	struct text_section *section; /* NULL before the first header */
	size_t indent;                /* of the last header or key; what stands deeper continues the value */
	bool in_value;
	struct buf value; /* of the last key */
	struct buf bogus; /* the lines that are nothing, as ConfigParser reports them: all, at the end */
};

const char *
text_quote(struct text_quoted *q, struct slice s)
{
	struct buf out;
	char mark = slice_find(s, '\'') < s.len && slice_find(s, '"') == s.len ? '"' : '\'';

	s = slice_head(s, TEXT_QUOTE_MAX);
	buf_init(&out, sizeof(q->text) - 1);
	buf_byte(&out, (uint8_t)mark);
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i];

		if (c == '\n')
			buf_str(&out, "\\n");
		else if (c == '\t')
			buf_str(&out, "\\t");
		else if (c == '\r')
			buf_str(&out, "\\r");
		else if (c < ' ' || c == 0x7f)
			buf_printf(&out, "\\x%02x", c);
		else if (c == '\\' || c == (uint8_t)mark)
			buf_printf(&out, "\\%c", c);
		else
			buf_byte(&out, c);
	}
	buf_byte(&out, (uint8_t)mark);
	snprintf(q->text, sizeof(q->text), "%.*s", SLICE_FMT(buf_get(&out)));
	buf_release(&out);
	return q->text;
}

static char *
lower_dup(struct slice s)
{
	char *copy = slice_dup(s);

	for (char *c = copy; c && *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return copy;
}

static struct slice
trim_end(struct slice s)
{
	struct slice both = slice_trim(s);

	return slice_head(s, both.len ? (size_t)(both.data - s.data) + both.len : 0);
}

/* Ends the value of the last key. */
static int
end_value(struct parse *p, struct err *err)
{
	char **raw;

	if (!p->in_value)
		return 0;
	raw = &p->section->items[p->section->keys.len - 1].raw;
	free(*raw);
	*raw = p->value.failed ? NULL : slice_dup(trim_end(buf_get(&p->value)));
	return *raw ? 0 : err_nomem(err);
}

/* The section of a name, made if it is new, which *added tells; NULL when out of memory. */
static struct text_section *
add_section(struct config_text *t, struct slice name, bool *added)
{
	size_t index = strtab_add(&t->names, name, added);
	struct text_section *sections;

	if (index == STRTAB_NONE || !*added)
		return index == STRTAB_NONE ? NULL : &t->sections[index];
	if (index == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 8;
		sections = realloc(t->sections, t->cap * sizeof(*sections));
		if (!sections) {
			t->cap = index;
			return NULL;
		}
		t->sections = sections;
	}
	t->sections[index] = (struct text_section){.name = slice_dup(name)};
	return t->sections[index].name ? &t->sections[index] : NULL;
}

static int
begin_section(struct parse *p, struct slice name, struct err *err)
{
	struct text_quoted path, section;
	bool added;

	p->in_value = false;
	p->section = add_section(p->text, name, &added);
	if (!p->section)
		return err_nomem(err);
	if (!added && p->section != p->text->sections)
		return err_set(err, ERR_FAILED, "While reading from %s [line %2u]: section %s already exists",
		    text_quote(&path, slice_str(p->text->path)), p->line, text_quote(&section, name));
	if (!p->section->line)
		p->section->line = p->line;
	return 0;
}

/* Adds an item for the newest key of the section, which is spelt so. */
static bool
add_item(struct parse *p, struct slice spelling)
{
	struct text_section *s = p->section;
	size_t index = s->keys.len - 1;

	if (index == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 16;
		struct text_item *items = realloc(s->items, cap * sizeof(*items));

		if (!items)
			return false;
		s->items = items;
		s->cap = cap;
	}
	s->items[index] = (struct text_item){.spelling = slice_dup(spelling), .line = p->line};
	return s->items[index].spelling;
}

/* A line that is no key; it is reported at the end of the file, unless something worse comes first. */
static int
bogus_line(struct parse *p, struct slice line)
{
	struct text_quoted text;

	buf_printf(&p->bogus, "\n\t[line %2u]: %s", p->line, text_quote(&text, line));
	return 0;
}

static int
key_line(struct parse *p, struct slice line, struct slice text, struct err *err)
{
	size_t equals = slice_find(text, '='), colon = slice_find(text, ':'),
	       at = equals < colon ? equals : colon;
	struct slice spelling = trim_end(slice_head(text, at));
	struct text_quoted path, section, option;
	bool added = false;
	char *key;
	int status = 0;

	if (at == text.len)
		return bogus_line(p, line);
	if (at == 0)
		bogus_line(p, line);
	key = lower_dup(spelling);
	if (!key || strtab_add(&p->section->keys, slice_str(key), &added) == STRTAB_NONE ||
	    (added && !add_item(p, spelling)))
		status = err_nomem(err);
	else if (!added)
		status = err_set(err, ERR_FAILED,
		    "While reading from %s [line %2u]: option %s in section %s already exists",
		    text_quote(&path, slice_str(p->text->path)), p->line, text_quote(&option, slice_str(key)),
		    text_quote(&section, slice_str(p->section->name)));
	free(key);
	p->in_value = at > 0;
	buf_clear(&p->value);
	buf_slice(&p->value, slice_trim(slice_from(text, at + 1)));
	return status;
}

/* One line, with its end if it has one. */
static int
parse_line(struct parse *p, struct slice line, struct err *err)
{
	struct slice text = slice_trim(line);
	struct text_quoted path, quoted;
	const uint8_t *close;
	size_t indent;

	if (text.len && (text.data[0] == '#' || text.data[0] == ';'))
		return 0;
	indent = (size_t)(text.data - line.data);
	if (p->in_value && (!text.len || indent > p->indent)) {
		buf_byte(&p->value, '\n');
		buf_slice(&p->value, text);
		return 0;
	}
	if (!text.len)
		return 0;
	p->indent = indent;
	if (end_value(p, err))
		return -1;
	close = memrchr(text.data, ']', text.len);
	if (text.data[0] == '[' && close && close > text.data + 1)
		return begin_section(p, slice_of(text.data + 1, (size_t)(close - text.data) - 1), err);
	if (!p->section)
		return err_set(err, ERR_FAILED, "File contains no section headers.\nfile: %s, line: %u\n%s",
		    text_quote(&path, slice_str(p->text->path)), p->line, text_quote(&quoted, line));
	return key_line(p, line, text, err);
}

/* Copies text with every line end, be it \n, \r\n or \r, made a \n. */
static int
unify_line_ends(struct slice text, const char *path, struct buf *out, struct err *err)
{
	unsigned line = 1;

	if (text.len > CONFIG_TEXT_MAX)
		return err_set(err, ERR_FAILED, "%s: larger than %zu bytes", path, CONFIG_TEXT_MAX);
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];

		if (c == '\0')
			return err_set(
			    err, ERR_FAILED, "%s:%u: there is a NUL byte in this line", path, line);
		if (c == '\r' && i + 1 < text.len && text.data[i + 1] == '\n')
			continue;
		buf_byte(out, c == '\r' ? '\n' : c);
		line += c == '\r' || c == '\n';
	}
	return out->failed ? err_nomem(err) : 0;
}

static int
parse_lines(struct parse *p, struct slice text, struct err *err)
{
	struct text_quoted path;

	while (text.len) {
		struct slice line = slice_head(text, slice_find(text, '\n') + 1);

		p->line++;
		if (parse_line(p, line, err))
			return -1;
		text = slice_from(text, line.len);
	}
	if (end_value(p, err))
		return -1;
	if (p->bogus.len || p->bogus.failed)
		return err_set(err, ERR_FAILED, "Source contains parsing errors: %s%.*s",
		    text_quote(&path, slice_str(p->text->path)), SLICE_FMT(buf_get(&p->bogus)));
	return 0;
}

int
config_text_parse(struct slice text, const char *path, struct config_text *out, struct err *err)
{
	struct parse p = {.text = out};
	struct buf lines;
	bool added;
	int status = -1;

	*out = (struct config_text){.path = slice_dup(slice_str(path))};
	buf_init(&lines, CONFIG_TEXT_MAX);
	buf_init(&p.value, CONFIG_TEXT_MAX);
	buf_init(&p.bogus, sizeof(err->text));
	if (!out->path || !add_section(out, SLICE_LIT("DEFAULT"), &added))
		err_nomem(err);
	else if (unify_line_ends(text, path, &lines, err) == 0)
		status = parse_lines(&p, buf_get(&lines), err);
	buf_release(&p.bogus);
	buf_release(&p.value);
	buf_release(&lines);
	return status;
}

void
config_text_release(struct config_text *t)
{
	for (size_t i = 0; i < t->names.len && i < t->cap; i++) {
		struct text_section *s = &t->sections[i];

		for (size_t k = 0; k < s->keys.len && k < s->cap; k++) {
			free(s->items[k].spelling);
			free(s->items[k].raw);
		}
		free(s->items);
		strtab_release(&s->keys);
		free(s->name);
	}
	free(t->sections);
	strtab_release(&t->names);
	free(t->path);
}

const struct text_item *
text_scope_find(const struct text_scope *s, struct slice key, size_t *section)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct text_section *in = &s->text->sections[s->sections[i]];
		size_t index = strtab_find(&in->keys, key);

		if (index != STRTAB_NONE) {
			*section = s->sections[i];
			return &in->items[index];
		}
	}
	return NULL;
}

/* A value while it is put together. */
struct expansion {
	const struct text_scope *scope;
	const struct text_item *whole; /* whose value it will be */
	struct slice key;
	const char *section; /* where it stands */
	struct buf out;
	unsigned references;
};

static int expand(struct expansion *x, const struct text_item *at, int depth, struct err *err);

/* The item that a "%(name)s" in `at` refers to; NULL with err set when there is none. */
static const struct text_item *
referred(const struct expansion *x, const struct text_item *at, struct slice name, struct err *err)
{
	const struct text_item *found = NULL;
	struct text_quoted option, section, key, raw;
	char *lower = lower_dup(name);
	size_t where;

	if (lower)
		found = text_scope_find(x->scope, slice_str(lower), &where);
	if (!lower)
		err_nomem(err);
	else if (!found)
		err_set(err, ERR_FAILED,
		    "%s:%u: Bad value substitution: option %s in section %s contains an interpolation "
		    "key %s "
		    "which is not a valid option name. Raw value: %s; a percent sign itself is written %%%%",
		    x->scope->text->path, at->line, text_quote(&option, x->key),
		    text_quote(&section, slice_str(x->section)), text_quote(&key, slice_str(lower)),
		    text_quote(&raw, slice_str(x->whole->raw)));
	free(lower);
	return found;
}

/* Takes a "%(name)s" off the front of *rest, which stands in `at`, and appends what it means. */
static int
expand_reference(
    struct expansion *x, const struct text_item *at, struct slice *rest, int depth, struct err *err)
{
	size_t close = slice_find(*rest, ')');
	const struct text_item *other;
	struct text_quoted text;
	struct slice value;

	if (close < 3 || close + 1 >= rest->len || rest->data[close + 1] != 's')
		return err_set(err, ERR_FAILED,
		    "%s:%u: bad interpolation variable reference %s; a percent sign itself is written %%%%",
		    x->scope->text->path, at->line, text_quote(&text, *rest));
	other = referred(x, at, slice_of(rest->data + 2, close - 2), err);
	if (!other)
		return -1;
	*rest = slice_from(*rest, close + 2);
	if (++x->references > MAX_REFERENCES)
		return err_set(err, ERR_FAILED, "%s:%u: %.*s refers to other keys more than %d times",
		    x->scope->text->path, x->whole->line, SLICE_FMT(x->key), MAX_REFERENCES);
	value = slice_str(other->raw);
	if (slice_find(value, '%') < value.len)
		return expand(x, other, depth + 1, err);
	buf_slice(&x->out, value);
	return 0;
}

/* Appends what the raw value of `at` means. */
static int
expand(struct expansion *x, const struct text_item *at, int depth, struct err *err)
{
	struct slice rest = slice_str(at->raw);
	struct text_quoted text, section, option;
	const char *path = x->scope->text->path;

	if (depth > MAX_DEPTH)
		return err_set(err, ERR_FAILED,
		    "%s:%u: Recursion limit exceeded in value substitution: option %s in section %s "
		    "contains an "
		    "interpolation key which cannot be substituted in %d steps. Raw value: %s",
		    path, x->whole->line, text_quote(&option, x->key),
		    text_quote(&section, slice_str(x->section)), MAX_DEPTH,
		    text_quote(&text, slice_str(x->whole->raw)));
	while (rest.len) {
		size_t plain = slice_find(rest, '%');
		uint8_t next = plain + 1 < rest.len ? rest.data[plain + 1] : '\0';

		buf_slice(&x->out, slice_head(rest, plain));
		rest = slice_from(rest, plain);
		if (next == '%') {
			buf_byte(&x->out, '%');
			rest = slice_from(rest, 2);
		} else if (next == '(') {
			if (expand_reference(x, at, &rest, depth, err))
				return -1;
		} else if (rest.len) {
			return err_set(err, ERR_FAILED,
			    "%s:%u: '%%' must be followed by '%%' or '(', found: %s; a percent sign itself "
			    "is written %%%%",
			    path, at->line, text_quote(&text, rest));
		}
	}
	return 0;
}

int
text_scope_value(const struct text_scope *s, struct slice key, char **out, struct err *err)
{
	struct expansion x = {.scope = s, .key = key};
	char *value;
	size_t section = 0;
	int status;

	x.whole = text_scope_find(s, key, &section);
	x.section = s->text->sections[section].name;
	buf_init(&x.out, CONFIG_TEXT_MAX);
	status = expand(&x, x.whole, 1, err);
	if (status == 0 && x.out.failed) {
		status = err_set(err, ERR_FAILED, "%s:%u: the value of %.*s becomes larger than %zu bytes",
		    s->text->path, x.whole->line, SLICE_FMT(key), CONFIG_TEXT_MAX);
	} else if (status == 0) {
		value = buf_steal(&x.out);
		if (value)
			*out = value;
		else
			status = err_nomem(err);
	}
	buf_release(&x.out);
	return status;
}
