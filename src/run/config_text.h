/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of `.testr.conf` by the rules of Python's ConfigParser, without any knowledge of what its keys are for:
 * sections of `key = value` or `key: value`, keys in any case, deeper indented lines that continue a value (their line
 * ends are kept), whole-line comments with # or ;, and %(key)s and %% inside values. Text is taken as bytes; blanks and
 * letter case are those of ASCII; errors have ConfigParser's words. Invariant: section 0 is [DEFAULT], whether it stands
 * in the file or not; keys are unique within a section. */
#ifndef CONFIG_TEXT_H
#define CONFIG_TEXT_H

#include "err.h"
#include "strtab.h"

/* How large the text, and each value made of it, may be. */
#define CONFIG_TEXT_MAX ((size_t)1024 * 1024)

struct text_item {
	char *spelling; /* the key as it stands in the file */
	char *raw;      /* the value as it stands in the file */
	unsigned line;
};

struct text_section {
	char *name; /* what stands between the brackets */
	unsigned line;
	struct strtab keys;      /* in small letters, in the order of the file */
	struct text_item *items; /* item i is that of key i */
	size_t cap;
};

struct config_text {
	char *path;                    /* what errors call it */
	struct strtab names;           /* of the sections */
	struct text_section *sections; /* section i is that of name i */
	size_t cap;
};

/* Parses a text. *out is overwritten, and due for config_text_release in every case. */
int config_text_parse(struct slice text, const char *path, struct config_text *out, struct err *err);
/* Accepts a zeroed struct. */
void config_text_release(struct config_text *t);

/* What values may refer to, besides to keys of their own section: each of these sections in turn. */
struct text_scope {
	const struct config_text *text;
	const size_t *sections; /* indexes; the first that has a key decides */
	size_t count;
};

/* The item of a key (in small letters) in a scope, and in *section where it was found; NULL when it is nowhere. */
const struct text_item *text_scope_find(const struct text_scope *s, struct slice key, size_t *section);

/* The value of a key that is in the scope, with its references replaced; the caller frees *out. */
int text_scope_value(const struct text_scope *s, struct slice key, char **out, struct err *err);

/* Text in quotes as Python's repr() shows it, which is how ConfigParser's errors show it; a long one is cut. */
#define TEXT_QUOTE_MAX 400
struct text_quoted {
	char text[4 * TEXT_QUOTE_MAX + 3];
};
const char *text_quote(struct text_quoted *q, struct slice s);

#endif
