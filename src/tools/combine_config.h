/* SPDX-License-Identifier: Apache-2.0
 *
 * The configuration of subunit-combine: the commands of a YAML file, and the arguments of one for a call.
 *
 * What is a string is decided as PyYAML does: "yes", "12", "1.5", "~" and dates are none unless they stand in
 * quotes. Invariant: what is read has the kinds that it must have. */
#ifndef COMBINE_CONFIG_H
#define COMBINE_CONFIG_H

#include "buf.h"
#include "err.h"

/* A list of strings, each owned and terminated. */
struct words {
	char **at;
	size_t count;
};

/* Appends a copy of s. */
int words_add(struct words *w, struct slice s, struct err *err);
void words_release(struct words *w);

struct combine_command {
	struct words argv;                         /* at least one */
	struct words env;                          /* NAME=VALUE, to be added to our own */
	char *prefix;                              /* of the test ids; "" when there is none */
	char *directory, *list_option, *id_option; /* NULL when there is none */
};

struct combine_config {
	struct combine_command *commands;
	size_t count;
};

/* Reads the text of a configuration; `path` is for errors. */
int combine_config_parse(struct combine_config *out, struct slice text, const char *path, struct err *err);
/* Accepts a zeroed one. */
void combine_config_release(struct combine_config *c);

/* What a call puts in the place of the variables. */
struct combine_call {
	bool list;               /* $LISTOPT is the command's list_option */
	const struct words *ids; /* NULL when no ids were asked for */
	const char *id_file;     /* NULL when there is none */
};

/* Appends the arguments of the command. Those that name a variable are split at white space afterwards, so
 * that an empty one vanishes. */
int combine_arguments(
    struct words *out, const struct combine_command *c, const struct combine_call *call, struct err *err);

#endif
