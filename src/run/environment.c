/* SPDX-License-Identifier: Apache-2.0 */
#include "environment.h"

#include "buf.h"

#include <stdlib.h>
#include <string.h>

extern char **environ;

/* Puts "NAME=VALUE" in the place of that variable, or at the end. */
static int
set(char **variables, size_t *count, const char *name, const char *value, struct err *err)
{
	size_t len = strlen(name), at = 0;
	struct buf text;
	char *variable;

	buf_init(&text, len + strlen(value) + 1);
	buf_printf(&text, "%s=%s", name, value);
	while (at < *count && (strncmp(variables[at], name, len) != 0 || variables[at][len] != '='))
		at++;
	variable = buf_steal(&text);
	buf_release(&text);
	if (!variable)
		return err_nomem(err);
	free(variables[at]);
	variables[at] = variable;
	*count += at == *count;
	return 0;
}

static bool
is_variable(const struct config_entry *e)
{
	return e->known && strncmp(e->key, CONFIG_ENV, strlen(CONFIG_ENV)) == 0;
}

static int
fill(char **variables, size_t count, const struct config *c, const char *profile, bool keep_order,
    struct err *err)
{
	const struct config_entry *e;

	for (size_t i = 0; environ && environ[i]; i++) {
		variables[count] = slice_dup(slice_str(environ[i]));
		if (!variables[count++])
			return err_nomem(err);
	}
	if ((profile && set(variables, &count, ENVIRONMENT_PROFILE, profile, err)) ||
	    (keep_order && set(variables, &count, ENVIRONMENT_ORDER, "1", err)))
		return -1;
	for (size_t i = 0; (e = config_entry(c, i)); i++)
		if (is_variable(e) && set(variables, &count, e->spelling + strlen(CONFIG_ENV), e->value, err))
			return -1;
	return 0;
}

int
environment_make(const struct config *c, const char *profile, bool keep_order, char ***out, struct err *err)
{
	const struct config_entry *e;
	size_t count = 0, changes = (profile != NULL) + keep_order;
	char **variables;

	*out = NULL;
	for (size_t i = 0; (e = config_entry(c, i)); i++)
		changes += is_variable(e);
	if (!changes)
		return 0;
	while (environ && environ[count])
		count++;
	variables = calloc(count + changes + 1, sizeof(*variables));
	if (!variables)
		return err_nomem(err);
	if (fill(variables, 0, c, profile, keep_order, err)) {
		environment_free(variables);
		return -1;
	}
	*out = variables;
	return 0;
}

void
environment_free(char **environment)
{
	for (size_t i = 0; environment && environment[i]; i++)
		free(environment[i]);
	free(environment);
}
