/* SPDX-License-Identifier: Apache-2.0 */
#include "limit.h"

#include "config_text.h"

/* The value of a key that the section has to have. */
static const struct config_entry *
need(const struct config *c, size_t index, const struct config_section *s, const char *key, const char *what,
    struct err *err)
{
	const struct config_entry *entry = config_section_get(c, index, key);

	if (entry && *entry->value)
		return entry;
	err_set(
	    err, ERR_FAILED, "%s:%u: [%s] needs a key %s, %s", config_path(c), s->line, s->name, key, what);
	return NULL;
}

static int
add(struct limits *l, const struct config *c, size_t index, const struct config_section *s, struct err *err)
{
	const struct config_entry *match =
	    need(c, index, s, "match", "a regular expression for the ids of its tests", err);
	const struct config_entry *max =
	    match ? need(c, index, s, "max", "how many of its tests may run at once", err) : NULL;
	struct text_quoted text;
	struct err why;
	int64_t number;

	if (!max)
		return -1;
	if (l->count == SCHEDULE_LIMITS_MAX)
		return err_set(err, ERR_FAILED, "%s:%u: [%s]: there can be no more than %d limits",
		    config_path(c), s->line, s->name, SCHEDULE_LIMITS_MAX);
	if (!slice_int(slice_str(max->value), &number) || number < 1 || number > UINT32_MAX)
		return err_set(err, ERR_FAILED, "%s:%u: [%s] max is %s: write a number, 1 or more",
		    config_path(c), max->line, s->name, text_quote(&text, slice_str(max->value)));
	if (pattern_compile(slice_str(match->value), 0, &l->patterns[l->count], &why) < 0)
		return err_set(
		    err, ERR_FAILED, "%s:%u: [%s] match: %s", config_path(c), match->line, s->name, why.text);
	l->max[l->count++] = (size_t)number;
	return 0;
}

int
limit_load(struct limits *l, const struct config *c, struct err *err)
{
	struct config_section s;
	struct slice name;

	for (size_t i = 0; config_section(c, i, &s); i++)
		if (config_section_is(&s, "limit", &name) && add(l, c, i, &s, err) < 0)
			return -1;
	return 0;
}

void
limit_release(struct limits *l)
{
	for (size_t i = 0; i < l->count; i++)
		pattern_free(l->patterns[i]);
	*l = (struct limits){0};
}

int
limit_find(struct limits *l, struct slice id, uint64_t *out, struct err *err)
{
	uint64_t found = 0;

	for (size_t i = 0; i < l->count; i++) {
		int match = pattern_search(l->patterns[i], id, err);

		if (match < 0)
			return -1;
		found |= (uint64_t)match << i;
	}
	*out = found;
	return 0;
}
