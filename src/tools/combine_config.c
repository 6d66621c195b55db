/* SPDX-License-Identifier: Apache-2.0 */
#include "combine_config.h"

#include "pattern.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define ENTRY_MAX ((size_t)1 << 20)
#define ARGUMENTS_MAX ((size_t)16 << 20)
/* How far "<<" is followed, which may lead in a circle. */
#define MERGE_DEPTH 16

/* The plain scalars of YAML 1.1 that are no strings: null, truth, numbers, also with base 60, times, and the
 * two signs with a meaning of their own. */
static const char no_string[] =
    "(?:|~|null|Null|NULL|yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF|=|<<"
    "|[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+"
    "|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+"
    "|[-+]?[0-9][0-9_]*\\.[0-9_]*(?:[eE][-+][0-9]+)?|\\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?"
    "|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\\.[0-9_]*|[-+]?\\.(?:inf|Inf|INF)|\\.(?:nan|NaN|NAN)"
    "|[0-9]{4}-[0-9]{2}-[0-9]{2}"
    "|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \\t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\\.[0-9]*)?"
    "(?:[ \\t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?)\\Z";
static const char null_words[] = "(?:|~|null|Null|NULL)\\Z";

struct loader {
	const char *path;
	yaml_document_t document;
	struct pattern *no_string, *null;
	struct buf place; /* where in the file we are, for errors: "commands[0].argv" */
};

int
words_add(struct words *w, struct slice s, struct err *err)
{
	char **grown = w->at;
	char *copy = slice_dup(s);

	/* Room doubles whenever the count is a power of two. */
	if (copy && (w->count & (w->count - 1)) == 0)
		grown = reallocarray(w->at, w->count ? 2 * w->count : 1, sizeof(*grown));
	if (grown)
		w->at = grown;
	if (!copy || !grown) {
		free(copy);
		return err_nomem(err);
	}
	w->at[w->count++] = copy;
	return 0;
}

void
words_release(struct words *w)
{
	for (size_t i = 0; i < w->count; i++)
		free(w->at[i]);
	free(w->at);
	*w = (struct words){0};
}

static int
wrong(struct loader *l, const char *what, struct err *err)
{
	return err_set(err, ERR_FAILED, "%s: %.*s %s", l->path, SLICE_FMT(buf_get(&l->place)), what);
}

static struct slice
scalar_text(const yaml_node_t *node)
{
	return slice_of(node->data.scalar.value, node->data.scalar.length);
}

/* 1 when the node is a plain scalar that the expression matches, 0 when not, -1 with err set. */
static int
is_plain(const yaml_node_t *node, struct pattern *p, struct err *err)
{
	struct slice match;

	if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return 0;
	return pattern_match_start(p, scalar_text(node), &match, err);
}

/* The same for a string. */
static int
is_string(const struct loader *l, const yaml_node_t *node, struct err *err)
{
	int rc;

	if (node->type != YAML_SCALAR_NODE || strcmp((const char *)node->tag, YAML_STR_TAG) != 0)
		return 0;
	if (slice_find(scalar_text(node), '\0') < node->data.scalar.length)
		return 0;
	rc = is_plain(node, l->no_string, err);
	return rc < 0 ? -1 : !rc;
}

/* The value of a key in a mapping, or in those that its "<<" names; NULL when there is none. The last of
 * several counts. */
static yaml_node_t *
get(struct loader *l, const yaml_node_t *map, const char *key, unsigned depth)
{
	yaml_node_t *merged = NULL, *found = NULL;

	if (!map || map->type != YAML_MAPPING_NODE || depth > MERGE_DEPTH)
		return NULL;
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
		yaml_node_t *name = yaml_document_get_node(&l->document, p->key);
		yaml_node_t *value = yaml_document_get_node(&l->document, p->value);

		if (name->type == YAML_SCALAR_NODE && slice_eq(scalar_text(name), slice_str(key)))
			found = value;
		else if (name->type == YAML_SCALAR_NODE && slice_eq(scalar_text(name), SLICE_LIT("<<")))
			merged = value;
	}
	if (found || !merged)
		return found;
	if (merged->type != YAML_SEQUENCE_NODE)
		return get(l, merged, key, depth + 1);
	for (yaml_node_item_t *i = merged->data.sequence.items.start;
	     !found && i < merged->data.sequence.items.top; i++)
		found = get(l, yaml_document_get_node(&l->document, *i), key, depth + 1);
	return found;
}

/* Sets *out to a copy of the string under that key; leaves it alone when there is none, or null. */
static int
get_string(struct loader *l, const yaml_node_t *map, const char *key, char **out, struct err *err)
{
	yaml_node_t *node = get(l, map, key, 0);
	size_t place = l->place.len;
	int rc = node ? is_plain(node, l->null, err) : 1;

	if (rc)
		return rc < 0 ? -1 : 0;
	buf_printf(&l->place, ".%s", key);
	rc = is_string(l, node, err);
	if (rc == 0)
		rc = wrong(l, "must be a string", err);
	if (rc < 0)
		return -1;
	buf_truncate(&l->place, place);
	free(*out);
	*out = slice_dup(scalar_text(node));
	return *out ? 0 : err_nomem(err);
}

static int
get_argv(struct loader *l, const yaml_node_t *map, struct words *out, struct err *err)
{
	yaml_node_t *list = get(l, map, "argv", 0);
	size_t place = l->place.len;
	bool good = list && list->type == YAML_SEQUENCE_NODE &&
		    list->data.sequence.items.start < list->data.sequence.items.top;

	buf_str(&l->place, ".argv");
	if (!good)
		return wrong(l, "must be a list of strings that is not empty", err);
	for (yaml_node_item_t *i = list->data.sequence.items.start; i < list->data.sequence.items.top; i++) {
		yaml_node_t *node = yaml_document_get_node(&l->document, *i);
		int rc = is_string(l, node, err);

		if (rc == 0)
			rc = wrong(
			    l, "must be a list of strings: put numbers and words like yes in quotes", err);
		if (rc < 0 || words_add(out, scalar_text(node), err))
			return -1;
	}
	buf_truncate(&l->place, place);
	return 0;
}

static int
get_env(struct loader *l, const yaml_node_t *map, struct words *out, struct err *err)
{
	yaml_node_t *env = get(l, map, "env", 0);
	size_t place = l->place.len;
	int rc = env ? is_plain(env, l->null, err) : 1;
	struct buf entry;

	if (rc)
		return rc < 0 ? -1 : 0;
	buf_str(&l->place, ".env");
	if (env->type != YAML_MAPPING_NODE)
		return wrong(l, "must be a mapping of strings", err);
	buf_init(&entry, ENTRY_MAX);
	for (yaml_node_pair_t *p = env->data.mapping.pairs.start; rc == 0 && p < env->data.mapping.pairs.top;
	     p++) {
		yaml_node_t *name = yaml_document_get_node(&l->document, p->key);
		yaml_node_t *value = yaml_document_get_node(&l->document, p->value);
		int named = is_string(l, name, err), valued = named < 0 ? -1 : is_string(l, value, err);

		if (named < 0 || valued < 0) {
			rc = -1;
		} else if (!named || !valued) {
			rc = wrong(
			    l, "must be a mapping of strings: put numbers and words like yes in quotes", err);
		} else {
			buf_clear(&entry);
			buf_slice(&entry, scalar_text(name));
			buf_byte(&entry, '=');
			buf_slice(&entry, scalar_text(value));
			rc = entry.failed ? err_nomem(err) : words_add(out, buf_get(&entry), err);
		}
	}
	buf_release(&entry);
	buf_truncate(&l->place, place);
	return rc;
}

static int
load_command(struct loader *l, const yaml_node_t *map, struct combine_command *c, struct err *err)
{
	if (map->type != YAML_MAPPING_NODE)
		return wrong(l, "must be a mapping", err);
	c->prefix = strdup("");
	if (!c->prefix)
		return err_nomem(err);
	if (get_argv(l, map, &c->argv, err) || get_env(l, map, &c->env, err) ||
	    get_string(l, map, "prefix", &c->prefix, err) || get_string(l, map, "cwd", &c->directory, err) ||
	    get_string(l, map, "list_option", &c->list_option, err) ||
	    get_string(l, map, "id_option", &c->id_option, err))
		return -1;
	return 0;
}

static int
load_commands(struct loader *l, struct combine_config *out, struct err *err)
{
	const yaml_node_t *root = yaml_document_get_root_node(&l->document), *list;
	size_t count;

	if (!root || root->type != YAML_MAPPING_NODE)
		return err_set(
		    err, ERR_FAILED, "%s: the whole must be a mapping with \"commands:\"", l->path);
	list = get(l, root, "commands", 0);
	if (!list || list->type != YAML_SEQUENCE_NODE ||
	    list->data.sequence.items.start == list->data.sequence.items.top)
		return err_set(err, ERR_FAILED, "%s: \"commands\" must be a list that is not empty", l->path);
	count = (size_t)(list->data.sequence.items.top - list->data.sequence.items.start);
	out->commands = calloc(count, sizeof(*out->commands));
	if (!out->commands)
		return err_nomem(err);
	for (; out->count < count; out->count++) {
		yaml_node_t *map =
		    yaml_document_get_node(&l->document, list->data.sequence.items.start[out->count]);

		buf_clear(&l->place);
		buf_printf(&l->place, "commands[%zu]", out->count);
		if (load_command(l, map, &out->commands[out->count], err)) {
			out->count++;
			return -1;
		}
	}
	return 0;
}

static int
yaml_wrong(const yaml_parser_t *parser, const char *path, struct err *err)
{
	if (parser->error == YAML_MEMORY_ERROR)
		return err_nomem(err);
	return err_set(err, ERR_FAILED, "%s: line %zu: %s", path, parser->problem_mark.line + 1,
	    parser->problem ? parser->problem : "no YAML");
}

/* Loads the only document there is. */
static int
load_document(struct loader *l, struct slice text, struct combine_config *out, struct err *err)
{
	yaml_parser_t parser;
	yaml_document_t more;
	int rc = -1;

	if (!yaml_parser_initialize(&parser))
		return err_nomem(err);
	yaml_parser_set_input_string(&parser, text.data, text.len);
	if (!yaml_parser_load(&parser, &l->document)) {
		yaml_wrong(&parser, l->path, err);
		goto out;
	}
	if (!yaml_parser_load(&parser, &more)) {
		yaml_wrong(&parser, l->path, err);
	} else {
		if (yaml_document_get_root_node(&more))
			err_set(err, ERR_FAILED, "%s: there is more than one document", l->path);
		else
			rc = load_commands(l, out, err);
		yaml_document_delete(&more);
	}
	yaml_document_delete(&l->document);
out:
	yaml_parser_delete(&parser);
	return rc;
}

int
combine_config_parse(struct combine_config *out, struct slice text, const char *path, struct err *err)
{
	struct loader l = {.path = path};
	struct combine_config config = {0};
	int rc = -1;

	buf_init(&l.place, 4096);
	if (pattern_compile(slice_str(no_string), 0, &l.no_string, err) ||
	    pattern_compile(slice_str(null_words), 0, &l.null, err))
		goto out;
	rc = load_document(&l, text, &config, err);
	if (rc == 0)
		*out = config;
	else
		combine_config_release(&config);
out:
	pattern_free(l.no_string);
	pattern_free(l.null);
	buf_release(&l.place);
	return rc;
}

void
combine_config_release(struct combine_config *c)
{
	for (size_t i = 0; i < c->count; i++) {
		struct combine_command *command = &c->commands[i];

		words_release(&command->argv);
		words_release(&command->env);
		free(command->prefix);
		free(command->directory);
		free(command->list_option);
		free(command->id_option);
	}
	free(c->commands);
	*c = (struct combine_config){0};
}

enum variable { IDFILE, IDLIST, IDOPTION, LISTOPT, VARIABLES };
static const char *const names[] = {"$IDFILE", "$IDLIST", "$IDOPTION", "$LISTOPT"};

/* Replaces the variables in a text, once. Returns whether there was one. */
static bool
substitute(struct buf *out, struct slice text, const struct slice *values)
{
	bool any = false;

	while (text.len) {
		size_t i = 0;

		while (i < VARIABLES && !slice_starts(text, slice_str(names[i])))
			i++;
		if (i < VARIABLES) {
			buf_slice(out, values[i]);
			text = slice_from(text, strlen(names[i]));
			any = true;
		} else {
			buf_byte(out, text.data[0]);
			text = slice_from(text, 1);
		}
	}
	return any;
}

int
combine_arguments(
    struct words *out, const struct combine_command *c, const struct combine_call *call, struct err *err)
{
	struct slice values[VARIABLES] = {0}, in_option[VARIABLES] = {0}, rest, word;
	struct buf list, option, text;
	int rc = 0;

	buf_init(&list, ARGUMENTS_MAX);
	buf_init(&option, ARGUMENTS_MAX);
	buf_init(&text, ARGUMENTS_MAX);
	for (size_t i = 0; call->ids && i < call->ids->count; i++) {
		buf_str(&list, i ? " " : "");
		buf_str(&list, call->ids->at[i]);
	}
	in_option[IDFILE] = values[IDFILE] = slice_str(call->id_file);
	in_option[IDLIST] = values[IDLIST] = buf_get(&list);
	if (call->ids && c->id_option)
		substitute(&option, slice_str(c->id_option), in_option);
	values[IDOPTION] = buf_get(&option);
	values[LISTOPT] = slice_str(call->list ? c->list_option : NULL);
	for (size_t i = 0; rc == 0 && i < c->argv.count; i++) {
		bool any;

		buf_clear(&text);
		any = substitute(&text, slice_str(c->argv.at[i]), values);
		if (text.failed || option.failed || list.failed)
			rc = err_set(err, ERR_FAILED,
			    "the arguments have more than %zu bytes; $IDFILE has room for any number of ids",
			    ARGUMENTS_MAX);
		rest = buf_get(&text);
		if (!any && rc == 0)
			rc = words_add(out, rest, err);
		while (any && rc == 0 && slice_word(&rest, &word))
			rc = words_add(out, word, err);
	}
	buf_release(&list);
	buf_release(&option);
	buf_release(&text);
	return rc;
}
