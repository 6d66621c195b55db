/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "buf.h"
#include "file.h"
#include "strtab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_MAX ((size_t)1024 * 1024)
/* A year, in seconds. */
#define TIMEOUT_MAX 31536000
#define SERVER_TIMEOUT (INT64_C(60) * 1000000000)
/* How deep values may refer to each other (ConfigParser's limit) and how often one value may refer to any. */
#define MAX_DEPTH 10
#define MAX_REFERENCES 10000
/* Text of the file that an error quotes. */
#define QUOTE_MAX 400

static const char *const known_keys[] = {
    "test_command",
    "test_id_option",
    "test_list_option",
    "test_id_list_default",
    "test_run_concurrency",
    "group_regex",
    "filter_tags",
    "instance_provision",
    "instance_execute",
    "instance_dispose",
    "unexpected_success",
    "record_environment",
    "repository",
    "test_server_command",
    "test_timeout",
    "server_timeout",
};

struct item {
	struct config_entry entry;
	char *raw; /* as it stands in the file; entry.value may be the same string */
};

struct config {
	char *path;
	struct strtab keys; /* of [DEFAULT]: item i is that of key i */
	struct item *items;
	size_t cap;
};

struct parse {
	struct config *config;
	unsigned line;
	bool in_section, in_default;
	struct slice section;
	size_t indent; /* of the last header or key; what stands deeper continues the value */
	bool in_value;
	struct buf value;   /* of the last key of [DEFAULT] */
	struct strtab seen; /* "SECTION" and "SECTION\0KEY" of all other sections */
	struct buf bogus;   /* the lines that are nothing, as ConfigParser reports them: all, at the end */
};

/* Text in quotes as Python's repr() shows it, which is how ConfigParser's errors show it. */
struct quoted {
	char text[4 * QUOTE_MAX + 3];
};

static const char *
quote(struct quoted *q, struct slice s)
{
	struct buf out;
	char mark = slice_find(s, '\'') < s.len && slice_find(s, '"') == s.len ? '"' : '\'';

	s = slice_head(s, QUOTE_MAX);
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

static bool
is_known(const char *key)
{
	for (size_t i = 0; i < sizeof(known_keys) / sizeof(known_keys[0]); i++)
		if (strcmp(key, known_keys[i]) == 0)
			return true;
	return false;
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
	struct config *c = p->config;
	char **raw;

	if (!p->in_value || !p->in_default)
		return 0;
	raw = &c->items[c->keys.len - 1].raw;
	free(*raw);
	*raw = p->value.failed ? NULL : slice_dup(trim_end(buf_get(&p->value)));
	return *raw ? 0 : err_nomem(err);
}

static int
begin_section(struct parse *p, struct slice name, struct err *err)
{
	struct quoted path, section;
	bool added = true;

	p->section = name;
	p->in_section = true;
	p->in_default = slice_eq(name, SLICE_LIT("DEFAULT"));
	p->in_value = false;
	if (!p->in_default && strtab_add(&p->seen, name, &added) == STRTAB_NONE)
		return err_nomem(err);
	if (!added)
		return err_set(err, ERR_FAILED, "While reading from %s [line %2u]: section %s already exists",
		    quote(&path, slice_str(p->config->path)), p->line, quote(&section, name));
	return 0;
}

/* Adds an item for a new key of [DEFAULT]. */
static bool
add_item(struct parse *p, size_t index)
{
	struct config *c = p->config;

	if (index == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 16;
		struct item *items = realloc(c->items, cap * sizeof(*items));

		if (!items)
			return false;
		c->items = items;
		c->cap = cap;
	}
	c->items[index] =
	    (struct item){.entry = {.key = (const char *)strtab_get(&c->keys, index).data, .line = p->line}};
	return true;
}

/* Notes the key, which is in small letters. *added tells whether it is new to its section. */
static bool
note_key(struct parse *p, const char *key, bool *added)
{
	struct buf name;
	size_t index;

	if (p->in_default) {
		index = strtab_add(&p->config->keys, slice_str(key), added);
		return index != STRTAB_NONE && (!*added || add_item(p, index));
	}
	buf_init(&name, 2 * CONFIG_MAX);
	buf_slice(&name, p->section);
	buf_byte(&name, '\0');
	buf_str(&name, key);
	index = name.failed ? STRTAB_NONE : strtab_add(&p->seen, buf_get(&name), added);
	buf_release(&name);
	return index != STRTAB_NONE;
}

/* A line that is no key; it is reported at the end of the file, unless something worse comes first. */
static int
bogus_line(struct parse *p, struct slice line)
{
	struct quoted text;

	buf_printf(&p->bogus, "\n\t[line %2u]: %s", p->line, quote(&text, line));
	return 0;
}

static int
key_line(struct parse *p, struct slice line, struct slice text, struct err *err)
{
	size_t equals = slice_find(text, '='), colon = slice_find(text, ':'),
	       at = equals < colon ? equals : colon;
	struct quoted path, section, option;
	bool added;
	char *key;
	int status = 0;

	if (at == text.len)
		return bogus_line(p, line);
	if (at == 0)
		bogus_line(p, line);
	key = lower_dup(trim_end(slice_head(text, at)));
	if (!key || !note_key(p, key, &added))
		status = err_nomem(err);
	else if (!added)
		status = err_set(err, ERR_FAILED,
		    "While reading from %s [line %2u]: option %s in section %s already exists",
		    quote(&path, slice_str(p->config->path)), p->line, quote(&option, slice_str(key)),
		    quote(&section, p->section));
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
	struct quoted path, quoted;
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
	if (!p->in_section)
		return err_set(err, ERR_FAILED, "File contains no section headers.\nfile: %s, line: %u\n%s",
		    quote(&path, slice_str(p->config->path)), p->line, quote(&quoted, line));
	return key_line(p, line, text, err);
}

/* Copies text with every line end, be it \n, \r\n or \r, made a \n. */
static int
unify_line_ends(struct slice text, const char *path, struct buf *out, struct err *err)
{
	unsigned line = 1;

	if (text.len > CONFIG_MAX)
		return err_set(err, ERR_FAILED, "%s: larger than %zu bytes", path, CONFIG_MAX);
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
	struct quoted path;

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
		    quote(&path, slice_str(p->config->path)), SLICE_FMT(buf_get(&p->bogus)));
	return 0;
}

/* A value while it is put together. */
struct expansion {
	const struct config *config;
	const struct item *whole; /* whose value it will be */
	struct buf out;
	unsigned references;
};

static int expand(struct expansion *x, const struct item *at, int depth, struct err *err);

/* The item that a "%(name)s" in `at` refers to; NULL with err set when there is none. */
static const struct item *
referred(const struct expansion *x, const struct item *at, struct slice name, struct err *err)
{
	const struct config *c = x->config;
	struct quoted option, key, raw;
	char *lower = lower_dup(name);
	size_t index = lower ? strtab_find(&c->keys, slice_str(lower)) : STRTAB_NONE;

	if (!lower)
		err_nomem(err);
	else if (index == STRTAB_NONE)
		err_set(err, ERR_FAILED,
		    "%s:%u: Bad value substitution: option %s in section 'DEFAULT' contains an interpolation "
		    "key %s "
		    "which is not a valid option name. Raw value: %s; a percent sign itself is written %%%%",
		    c->path, at->entry.line, quote(&option, slice_str(x->whole->entry.key)),
		    quote(&key, slice_str(lower)), quote(&raw, slice_str(x->whole->raw)));
	free(lower);
	return index == STRTAB_NONE ? NULL : &c->items[index];
}

/* Takes a "%(name)s" off the front of *rest, which stands in `at`, and appends what it means. */
static int
expand_reference(struct expansion *x, const struct item *at, struct slice *rest, int depth, struct err *err)
{
	size_t close = slice_find(*rest, ')');
	const struct item *other;
	struct quoted text;
	struct slice value;

	if (close < 3 || close + 1 >= rest->len || rest->data[close + 1] != 's')
		return err_set(err, ERR_FAILED,
		    "%s:%u: bad interpolation variable reference %s; a percent sign itself is written %%%%",
		    x->config->path, at->entry.line, quote(&text, *rest));
	other = referred(x, at, slice_of(rest->data + 2, close - 2), err);
	if (!other)
		return -1;
	*rest = slice_from(*rest, close + 2);
	if (++x->references > MAX_REFERENCES)
		return err_set(err, ERR_FAILED, "%s:%u: %s refers to other keys more than %d times",
		    x->config->path, x->whole->entry.line, x->whole->entry.key, MAX_REFERENCES);
	value = slice_str(other->raw);
	if (slice_find(value, '%') < value.len)
		return expand(x, other, depth + 1, err);
	buf_slice(&x->out, value);
	return 0;
}

/* Appends what the raw value of `at` means. */
static int
expand(struct expansion *x, const struct item *at, int depth, struct err *err)
{
	struct slice rest = slice_str(at->raw);
	struct quoted text, option;

	if (depth > MAX_DEPTH)
		return err_set(err, ERR_FAILED,
		    "%s:%u: Recursion limit exceeded in value substitution: option %s in section 'DEFAULT' "
		    "contains an "
		    "interpolation key which cannot be substituted in %d steps. Raw value: %s",
		    x->config->path, x->whole->entry.line, quote(&option, slice_str(x->whole->entry.key)),
		    MAX_DEPTH, quote(&text, slice_str(x->whole->raw)));
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
			    x->config->path, at->entry.line, quote(&text, rest));
		}
	}
	return 0;
}

/* Gives an item its value. */
static int
evaluate(const struct config *c, struct item *item, struct err *err)
{
	struct expansion x = {.config = c, .whole = item};
	int status;

	item->entry.known = is_known(item->entry.key);
	item->entry.value = item->raw;
	if (!item->entry.known)
		return 0;
	buf_init(&x.out, CONFIG_MAX);
	status = expand(&x, item, 1, err);
	if (status == 0 && x.out.failed) {
		status = err_set(err, ERR_FAILED, "%s:%u: the value of %s becomes larger than %zu bytes",
		    c->path, item->entry.line, item->entry.key, CONFIG_MAX);
	} else if (status == 0) {
		item->entry.value = buf_steal(&x.out);
		if (!item->entry.value)
			status = err_nomem(err);
	}
	buf_release(&x.out);
	return status;
}

/* A number of seconds in nanoseconds; 0 when it is none. */
static int64_t
read_seconds(const char *value)
{
	int64_t seconds = 0;

	if (!slice_int(slice_str(value), &seconds) || seconds < 1 || seconds > TIMEOUT_MAX)
		return 0;
	return seconds * 1000000000;
}

static int
check_values(const struct config *c, struct err *err)
{
	const char *value = config_get(c, "unexpected_success");
	struct quoted text;

	if (value && strcmp(value, "fail") != 0 && strcmp(value, "pass") != 0)
		return err_set(err, ERR_FAILED, "%s:%u: unexpected_success is %s: write 'fail' or 'pass'",
		    c->path, config_line(c, "unexpected_success"), quote(&text, slice_str(value)));
	value = config_get(c, "test_timeout");
	if (value && strcmp(value, "none") != 0 && config_test_timeout(c) <= 0)
		return err_set(err, ERR_FAILED,
		    "%s:%u: test_timeout is %s: write a number of seconds, from 1 to %d, or 'none'", c->path,
		    config_line(c, "test_timeout"), quote(&text, slice_str(value)), TIMEOUT_MAX);
	value = config_get(c, "server_timeout");
	if (value && !read_seconds(value))
		return err_set(err, ERR_FAILED,
		    "%s:%u: server_timeout is %s: write a number of seconds, from 1 to %d", c->path,
		    config_line(c, "server_timeout"), quote(&text, slice_str(value)), TIMEOUT_MAX);
	return 0;
}

int
config_parse(struct slice text, const char *path, struct config **out, struct err *err)
{
	struct parse p = {.config = calloc(1, sizeof(*p.config))};
	struct buf lines;
	int status = -1;

	buf_init(&lines, CONFIG_MAX);
	buf_init(&p.value, CONFIG_MAX);
	buf_init(&p.bogus, sizeof(err->text));
	if (!p.config || !(p.config->path = slice_dup(slice_str(path)))) {
		err_nomem(err);
		goto out;
	}
	if (unify_line_ends(text, path, &lines, err) || parse_lines(&p, buf_get(&lines), err))
		goto out;
	for (size_t i = 0; i < p.config->keys.len; i++)
		if (evaluate(p.config, &p.config->items[i], err))
			goto out;
	if (check_values(p.config, err))
		goto out;
	*out = p.config;
	p.config = NULL;
	status = 0;
out:
	config_free(p.config);
	strtab_release(&p.seen);
	buf_release(&p.bogus);
	buf_release(&p.value);
	buf_release(&lines);
	return status;
}

int
config_load(const char *directory, struct config **out, struct err *err)
{
	size_t len = strlen(directory);
	const char *slash = len == 0 || directory[len - 1] == '/' ? "" : "/";
	struct buf path, text;
	int status = -1;

	buf_init(&path, len + 16);
	buf_init(&text, CONFIG_MAX);
	buf_printf(&path, "%s%s.testr.conf", directory, slash);
	if (buf_cstr(&path))
		status = file_read(&FILE_CWD, buf_cstr(&path), &text, err);
	else
		err_nomem(err);
	if (status == 0)
		status = err_set(err, ERR_FAILED, "No .testr.conf config file");
	else if (status > 0)
		status = config_parse(buf_get(&text), buf_cstr(&path), out, err);
	buf_release(&text);
	buf_release(&path);
	return status;
}

void
config_free(struct config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->keys.len && i < c->cap; i++) {
		if (c->items[i].entry.value != c->items[i].raw)
			free(c->items[i].entry.value);
		free(c->items[i].raw);
	}
	free(c->items);
	strtab_release(&c->keys);
	free(c->path);
	free(c);
}

const struct config_entry *
config_entry(const struct config *c, size_t index)
{
	return index < c->keys.len ? &c->items[index].entry : NULL;
}

static const struct config_entry *
find(const struct config *c, const char *key)
{
	return config_entry(c, strtab_find(&c->keys, slice_str(key)));
}

const char *
config_get(const struct config *c, const char *key)
{
	const struct config_entry *entry = find(c, key);

	return entry ? entry->value : NULL;
}

unsigned
config_line(const struct config *c, const char *key)
{
	const struct config_entry *entry = find(c, key);

	return entry ? entry->line : 0;
}

const char *
config_path(const struct config *c)
{
	return c->path;
}

int64_t
config_test_timeout(const struct config *c)
{
	return read_seconds(config_get(c, "test_timeout"));
}

int64_t
config_server_timeout(const struct config *c)
{
	int64_t timeout = read_seconds(config_get(c, "server_timeout"));

	return timeout ? timeout : SERVER_TIMEOUT;
}

bool
config_uxsuccess_passes(const struct config *c)
{
	const char *value = config_get(c, "unexpected_success");

	return value && strcmp(value, "pass") == 0;
}
