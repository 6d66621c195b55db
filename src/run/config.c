/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "buf.h"
#include "config_text.h"
#include "file.h"
#include "suggest.h"
#include "timeouts.h"

#include <stdlib.h>
#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

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
    "run_timeout",
    "output_timeout",
    "list_timeout",
    "dump_signal",
    "retries",
    "flaky_result",
    "profiles",
    "default_profiles",
};

static const char *const limit_keys[] = {"match", "max"};

/* The kinds of sections that testr has a use for. In those that change the configuration a key of it, a variable, and
 * whatever [DEFAULT] has may stand, besides the keys of their own. */
static const struct kind {
	const char *word;
	const char *const *keys;
	size_t key_count;
	bool overlays;
} kinds[] = {
    {"profile", (const char *const[]){"inherits", "tags"}, 2, true},
    {"limit", limit_keys, LENGTH(limit_keys), false},
};

/* Entries and the names they are found by. */
struct table {
	struct strtab keys;
	struct config_entry *entries; /* entry i is that of key i */
	size_t cap;
};

struct config {
	struct config_text own;         /* empty in an overlay */
	const struct config_text *text; /* own, or that of what is overlaid */
	struct table table;
	struct table *sections;    /* those of text other than [DEFAULT], in order; NULL in an overlay */
	const struct config *base; /* what is overlaid, or the configuration itself */
};

static bool
is_among(const char *const *words, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(key, words[i]) == 0)
			return true;
	return false;
}

static bool
is_known(const char *key)
{
	size_t env = strlen(CONFIG_ENV);

	if (strncmp(key, CONFIG_ENV, env) == 0)
		return key[env] && !strchr(key, '=');
	return is_among(known_keys, LENGTH(known_keys), key);
}

/* Adds a key of the scope, unless it is there. With `known` its value is put together. */
static int
add_entry(struct table *t, const struct text_scope *scope, struct slice key, bool known, struct err *err)
{
	const struct text_item *item;
	struct config_entry *entry;
	size_t section = 0, index;
	bool added;

	index = strtab_add(&t->keys, key, &added);
	if (index == STRTAB_NONE)
		return err_nomem(err);
	if (!added)
		return 0;
	if (index == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 16;
		struct config_entry *entries = realloc(t->entries, cap * sizeof(*entries));

		if (!entries)
			return err_nomem(err);
		t->entries = entries;
		t->cap = cap;
	}
	item = text_scope_find(scope, key, &section);
	entry = &t->entries[index];
	*entry = (struct config_entry){.key = (const char *)strtab_get(&t->keys, index).data,
	    .spelling = item->spelling,
	    .section = scope->text->sections[section].name,
	    .line = item->line,
	    .known = known};
	if (known)
		return text_scope_value(scope, key, &entry->value, err);
	entry->value = slice_dup(slice_str(item->raw));
	return entry->value ? 0 : err_nomem(err);
}

static void
table_release(struct table *t)
{
	for (size_t i = 0; i < t->keys.len && i < t->cap; i++)
		free(t->entries[i].value);
	free(t->entries);
	strtab_release(&t->keys);
}

/* Fills the table of the configuration itself, for the sections of the scope, of which [DEFAULT] is the last. */
static int
fill(struct config *c, const struct text_scope *scope, struct err *err)
{
	for (size_t i = scope->count; i-- > 0;) {
		const struct strtab *keys = &c->text->sections[scope->sections[i]].keys;

		for (size_t k = 0; k < keys->len; k++) {
			struct slice key = strtab_get(keys, k);

			if (add_entry(&c->table, scope, key, is_known((const char *)key.data), err))
				return -1;
		}
	}
	return 0;
}

/* A key whose value says what something counts as. */
static int
check_verdict(const struct config *c, const char *key, struct err *err)
{
	const char *value = config_get(c, key);
	struct text_quoted text;

	if (!value || strcmp(value, "fail") == 0 || strcmp(value, "pass") == 0)
		return 0;
	return err_set(err, ERR_FAILED, "%s:%u: %s is %s: write 'fail' or 'pass'", config_path(c),
	    config_line(c, key), key, text_quote(&text, slice_str(value)));
}

static int
check_values(const struct config *c, struct err *err)
{
	const char *value = config_get(c, "retries");
	struct timeouts ignored;
	struct text_quoted text;
	int64_t number;

	if (check_verdict(c, "unexpected_success", err) || check_verdict(c, "flaky_result", err))
		return -1;
	if (value && (!slice_int(slice_str(value), &number) || number < 0 || number > CONFIG_RETRIES_MAX))
		return err_set(err, ERR_FAILED, "%s:%u: retries is %s: write a number from 0 to %d",
		    config_path(c), config_line(c, "retries"), text_quote(&text, slice_str(value)),
		    CONFIG_RETRIES_MAX);
	return timeouts_read(c, &ignored, err);
}

/* Fails for a key that has no use in its section. */
static int
unknown_key(const struct config *c, const struct config_section *section, const struct kind *kind,
    const struct text_item *item, struct err *err)
{
	struct suggest s;
	struct text_quoted text;

	suggest_init(&s, slice_str(item->spelling));
	for (size_t i = 0; i < kind->key_count; i++)
		suggest_offer(&s, slice_str(kind->keys[i]));
	for (size_t i = 0; kind->overlays && i < LENGTH(known_keys); i++)
		suggest_offer(&s, slice_str(known_keys[i]));
	for (size_t i = 0; kind->overlays && i < c->table.keys.len; i++)
		suggest_offer(&s, strtab_get(&c->table.keys, i));
	return err_set(err, ERR_FAILED, "%s:%u: [%s] has no use for %s%s%.*s%s", config_path(c), item->line,
	    section->name, text_quote(&text, slice_str(item->spelling)),
	    s.nearest.data ? "; did you mean '" : "", SLICE_FMT(s.nearest), s.nearest.data ? "'?" : "");
}

/* The kind of a section, or NULL. Fails when it is of a kind and has no name. */
static int
section_kind(
    const struct config *c, const struct config_section *section, const struct kind **out, struct err *err)
{
	struct slice name;

	*out = NULL;
	for (size_t i = 0; i < LENGTH(kinds) && !*out; i++)
		if (config_section_is(section, kinds[i].word, &name))
			*out = &kinds[i];
	if (*out && !name.len)
		return err_set(err, ERR_FAILED, "%s:%u: a section [%s] needs a name: write [%s NAME]",
		    config_path(c), section->line, section->name, (*out)->word);
	return 0;
}

/* Fills the table of a section. */
static int
fill_section(struct config *c, size_t index, struct err *err)
{
	const size_t order[] = {index + 1, 0};
	const struct text_scope scope = {c->text, order, 2};
	const struct text_section *s = &c->text->sections[index + 1];
	struct config_section section = {s->name, s->line};
	const struct kind *kind;

	if (section_kind(c, &section, &kind, err))
		return -1;
	for (size_t k = 0; k < s->keys.len; k++) {
		struct slice name = strtab_get(&s->keys, k);
		const char *key = (const char *)name.data;
		bool own = kind && is_among(kind->keys, kind->key_count, key);
		bool known = own || (kind && kind->overlays && is_known(key));

		if (kind && !known && (!kind->overlays || strtab_find(&c->table.keys, name) == STRTAB_NONE))
			return unknown_key(c, &section, kind, &s->items[k], err);
		if (add_entry(&c->sections[index], &scope, name, own && !kind->overlays, err))
			return -1;
		c->sections[index].entries[k].known = known;
	}
	return 0;
}

int
config_parse(struct slice text, const char *path, struct config **out, struct err *err)
{
	struct config *c = calloc(1, sizeof(*c));
	const size_t order[] = {0};
	int status;

	if (!c)
		return err_nomem(err);
	c->base = c;
	c->text = &c->own;
	status = config_text_parse(text, path, &c->own, err);
	if (status == 0) {
		c->sections = calloc(c->own.names.len, sizeof(*c->sections));
		status = c->sections ? 0 : err_nomem(err);
	}
	if (status == 0)
		status = fill(c, &(struct text_scope){c->text, order, 1}, err);
	for (size_t i = 0; status == 0 && i + 1 < c->own.names.len; i++)
		status = fill_section(c, i, err);
	if (status == 0)
		status = check_values(c, err);
	if (status == 0)
		*out = c;
	else
		config_free(c);
	return status;
}

int
config_overlay(
    const struct config *c, const size_t *sections, size_t count, struct config **out, struct err *err)
{
	struct config *over = calloc(1, sizeof(*over));
	size_t *order = calloc(count + 1, sizeof(*order));
	int status;

	if (!over || !order) {
		status = err_nomem(err);
		goto out;
	}
	for (size_t i = 0; i < count; i++)
		order[i] = sections[i] + 1;
	over->base = c->base;
	over->text = c->text;
	status = fill(over, &(struct text_scope){c->text, order, count + 1}, err);
	if (status == 0)
		status = check_values(over, err);
	if (status == 0) {
		*out = over;
		over = NULL;
	}
out:
	free(order);
	config_free(over);
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
	buf_init(&text, CONFIG_TEXT_MAX);
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
	for (size_t i = 0; c->sections && i + 1 < c->own.names.len; i++)
		table_release(&c->sections[i]);
	free(c->sections);
	table_release(&c->table);
	config_text_release(&c->own);
	free(c);
}

static const struct config_entry *
table_at(const struct table *t, size_t index)
{
	return index < t->keys.len ? &t->entries[index] : NULL;
}

static const struct config_entry *
table_get(const struct table *t, const char *key)
{
	return table_at(t, strtab_find(&t->keys, slice_str(key)));
}

const struct config_entry *
config_entry(const struct config *c, size_t index)
{
	return table_at(&c->table, index);
}

const char *
config_get(const struct config *c, const char *key)
{
	const struct config_entry *entry = table_get(&c->table, key);

	return entry ? entry->value : NULL;
}

unsigned
config_line(const struct config *c, const char *key)
{
	const struct config_entry *entry = table_get(&c->table, key);

	return entry ? entry->line : 0;
}

const char *
config_path(const struct config *c)
{
	return c->text->path;
}

bool
config_section(const struct config *c, size_t index, struct config_section *out)
{
	const struct text_section *s;

	if (index + 1 >= c->text->names.len)
		return false;
	s = &c->text->sections[index + 1];
	*out = (struct config_section){s->name, s->line};
	return true;
}

bool
config_section_is(const struct config_section *s, const char *kind, struct slice *name)
{
	struct slice rest = slice_str(s->name), word;

	if (!slice_word(&rest, &word) || !slice_eq(word, slice_str(kind)))
		return false;
	*name = slice_trim(rest);
	return true;
}

const struct config_entry *
config_section_entry(const struct config *c, size_t section, size_t index)
{
	return table_at(&c->base->sections[section], index);
}

const struct config_entry *
config_section_get(const struct config *c, size_t section, const char *key)
{
	return table_get(&c->base->sections[section], key);
}

const char *
config_suggestion(const char *key)
{
	struct suggest s;

	suggest_init(&s, slice_str(key));
	for (size_t i = 0; i < LENGTH(known_keys); i++)
		suggest_offer(&s, slice_str(known_keys[i]));
	return (const char *)s.nearest.data;
}

unsigned
config_retries(const struct config *c)
{
	const char *value = config_get(c, "retries");
	int64_t number = 0;

	return value && slice_int(slice_str(value), &number) ? (unsigned)number : 0;
}

bool
config_flaky_fails(const struct config *c)
{
	const char *value = config_get(c, "flaky_result");

	return value && strcmp(value, "fail") == 0;
}

bool
config_uxsuccess_passes(const struct config *c)
{
	const char *value = config_get(c, "unexpected_success");

	return value && strcmp(value, "pass") == 0;
}
