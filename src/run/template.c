/* SPDX-License-Identifier: Apache-2.0 */
#include "template.h"

#include "buf.h"

#include <stdio.h>
#include <stdlib.h>

struct variable {
	const char *name; /* with its dollar */
	struct slice value;
};

/* Appends text to out with every variable replaced. Where several names would fit, the first of the list
 * does. */
static void
substitute(struct buf *out, struct slice text, const struct variable *variables, size_t count)
{
	while (text.len) {
		size_t plain = slice_find(text, '$'), i = 0;

		buf_slice(out, slice_head(text, plain));
		text = slice_from(text, plain);
		while (i < count && !slice_starts(text, slice_str(variables[i].name)))
			i++;
		if (i < count) {
			buf_slice(out, variables[i].value);
			text = slice_from(text, slice_str(variables[i].name).len);
		} else {
			buf_slice(out, slice_head(text, 1));
			text = slice_from(text, 1);
		}
	}
}

/* Hands the text over to the caller and releases the buffer. */
static int
finish(struct buf *text, char **out, struct err *err)
{
	char *result = buf_steal(text);

	buf_release(text);
	if (!result)
		return err_set(err, ERR_FAILED,
		    "the command does not fit in memory, or in %zu bytes: use $IDFILE rather than $IDLIST",
		    TEMPLATE_MAX);
	*out = result;
	return 0;
}

static bool
mentions(const char *text, const char *variable)
{
	struct slice s = slice_str(text);

	return slice_search(s, slice_str(variable)) < s.len;
}

/* The value of `key` for a test_command that mentions `variable`; empty when it does not. Only test_command
 * counts, not the arguments from the command line. */
static int
needed(const struct config *c, const char *variable, const char *key, struct slice *out, struct err *err)
{
	const char *value = config_get(c, key);

	if (!mentions(config_get(c, "test_command"), variable))
		value = "";
	if (!value)
		return err_set(err, ERR_FAILED, "No %s option present in .testr.conf", key);
	*out = slice_str(value);
	return 0;
}

/* The template of the test command with the arguments, and the values of the two options that it may mention. */
struct test_command {
	struct buf text;
	struct slice id_option, list_option;
};

static int
test_command_init(struct test_command *t, const struct config *c, struct template_args args, struct err *err)
{
	const char *command = config_get(c, "test_command");

	buf_init(&t->text, TEMPLATE_MAX);
	if (!command)
		return err_set(err, ERR_FAILED, "No test_command option present in .testr.conf");
	if (needed(c, "$IDOPTION", "test_id_option", &t->id_option, err) ||
	    needed(c, "$LISTOPT", "test_list_option", &t->list_option, err))
		return -1;
	buf_str(&t->text, command);
	for (size_t i = 0; i < args.count; i++)
		buf_printf(&t->text, " %s", args.args[i]);
	return t->text.failed ? err_nomem(err) : 0;
}

int
template_list(const struct config *c, struct template_args args, char **out, struct err *err)
{
	const char *default_ids = config_get(c, "test_id_list_default");
	struct test_command t;
	struct buf text;
	int status;

	buf_init(&text, TEMPLATE_MAX);
	status = test_command_init(&t, c, args, err);
	if (status == 0 && slice_search(buf_get(&t.text), SLICE_LIT("$LISTOPT")) == t.text.len)
		status = err_set(err, ERR_FAILED, "LISTOPT not configured in .testr.conf");
	if (status == 0) {
		const struct variable variables[] = {
		    {"$IDOPTION", SLICE_NONE},
		    {"$IDFILE", SLICE_NONE},
		    {"$IDLIST", slice_str(default_ids)},
		    {"$LISTOPT", t.list_option},
		};

		substitute(&text, buf_get(&t.text), variables, 4);
		status = finish(&text, out, err);
	}
	buf_release(&t.text);
	buf_release(&text);
	return status;
}

struct slice
template_id(const struct template_ids *ids, size_t i)
{
	struct slice text = strtab_get(ids->table, ids->tests[i]);

	return slice_head(text, text.len - ids->suffix);
}

static void
join_ids(struct buf *out, const struct template_ids *ids)
{
	for (size_t i = 0; i < ids->count; i++) {
		if (i)
			buf_byte(out, ' ');
		buf_slice(out, template_id(ids, i));
	}
}

int
template_run(const struct config *c, struct template_args args, const struct template_ids *ids, char **out,
    struct err *err)
{
	struct variable variables[] = {{"$IDFILE", SLICE_NONE}, {"$IDLIST", SLICE_NONE},
	    {"$IDOPTION", SLICE_NONE}, {"$LISTOPT", SLICE_NONE}};
	struct buf text, id_list, id_option;
	struct test_command t;
	int status;

	buf_init(&text, TEMPLATE_MAX);
	buf_init(&id_list, TEMPLATE_MAX);
	buf_init(&id_option, TEMPLATE_MAX);
	status = test_command_init(&t, c, args, err);
	if (status)
		goto out;
	if (ids) {
		variables[0].value = slice_str(ids->file);
		join_ids(&id_list, ids);
		variables[1].value = buf_get(&id_list);
		substitute(&id_option, t.id_option, variables, 4);
		variables[2].value = buf_get(&id_option);
	}
	substitute(&text, buf_get(&t.text), variables, 4);
	text.failed |= id_list.failed || id_option.failed;
	status = finish(&text, out, err);
out:
	buf_release(&t.text);
	buf_release(&id_option);
	buf_release(&id_list);
	buf_release(&text);
	return status;
}

int
template_default_ids(const struct config *c, struct strtab *ids, struct err *err)
{
	struct slice rest = slice_str(config_get(c, "test_id_list_default")), id;

	while (slice_word(&rest, &id))
		if (strtab_add(ids, id, NULL) == STRTAB_NONE)
			return err_nomem(err);
	return 0;
}

int
template_provision(const struct config *c, size_t count, char **out, struct err *err)
{
	const char *template = config_get(c, "instance_provision");
	struct variable variable = {.name = "$INSTANCE_COUNT"};
	char digits[24];
	struct buf text;

	*out = NULL;
	if (!template)
		return 0;
	variable.value = slice_of(digits, (size_t)snprintf(digits, sizeof(digits), "%zu", count));
	buf_init(&text, TEMPLATE_MAX);
	substitute(&text, slice_str(template), &variable, 1);
	return finish(&text, out, err);
}

int
template_execute(const struct config *c, struct slice instance, const char *command, const char *file,
    char **out, struct err *err)
{
	const char *template = config_get(c, "instance_execute");
	const struct variable variables[] = {
	    {"$INSTANCE_ID", instance},
	    {"$COMMAND", slice_str(command)},
	    {"$FILES", slice_str(file)},
	};
	struct buf text;

	buf_init(&text, TEMPLATE_MAX);
	substitute(&text, template ? slice_str(template) : SLICE_LIT("$COMMAND"), variables, 3);
	return finish(&text, out, err);
}

static int
compare_slices(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

int
template_dispose(const struct config *c, const struct strtab *instances, char **out, struct err *err)
{
	const char *template = config_get(c, "instance_dispose");
	struct variable variable = {.name = "$INSTANCE_IDS"};
	struct buf text, names;
	struct slice *sorted;
	int status;

	*out = NULL;
	if (!template)
		return 0;
	sorted = calloc(instances->len + 1, sizeof(*sorted));
	if (!sorted)
		return err_nomem(err);
	for (size_t i = 0; i < instances->len; i++)
		sorted[i] = strtab_get(instances, i);
	qsort(sorted, instances->len, sizeof(*sorted), compare_slices);
	buf_init(&text, TEMPLATE_MAX);
	buf_init(&names, TEMPLATE_MAX);
	for (size_t i = 0; i < instances->len; i++) {
		if (i)
			buf_byte(&names, ' ');
		buf_slice(&names, sorted[i]);
	}
	variable.value = buf_get(&names);
	substitute(&text, slice_str(template), &variable, 1);
	text.failed |= names.failed;
	status = finish(&text, out, err);
	buf_release(&names);
	free(sorted);
	return status;
}

bool
template_takes_ids(const struct config *c)
{
	const char *command = config_get(c, "test_command");

	return command && (mentions(command, "$IDOPTION") || mentions(command, "$IDFILE") ||
			      mentions(command, "$IDLIST"));
}
