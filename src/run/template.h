/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of shell commands, made from the templates of a configuration. Pure.
 * A variable is replaced wherever its name stands, also in front of further letters ($IDLISTX is the list and
 * an X); what was put in is not looked at again; nothing is quoted; every other `$word` is left to the shell.
 *
 *     test_command      $IDOPTION $IDFILE $IDLIST $LISTOPT
 *     test_id_option    $IDFILE $IDLIST
 *     instance_*        $INSTANCE_COUNT / $INSTANCE_ID $COMMAND $FILES / $INSTANCE_IDS
 *
 * Every result is freed by the caller. */
#ifndef TEMPLATE_H
#define TEMPLATE_H

#include "config.h"
#include "strtab.h"

/* Longer commands are an error; the system's own limit is far lower. */
#define TEMPLATE_MAX ((size_t)16 * 1024 * 1024)

/* The tests that a command is to run: those at `tests[0..count)` of `table`, in this order. */
struct template_ids {
	const struct strtab *table;
	const size_t *tests;
	size_t count;
	const char *file; /* the file that holds them, for $IDFILE */
	size_t suffix;    /* so many bytes at the end of each string in the table are not the id's */
};

/* The id of the i-th of them. */
struct slice template_id(const struct template_ids *ids, size_t i);

/* Arguments from the command line that are appended to test_command, with a space before each, before
 * anything is replaced. */
struct template_args {
	char *const *args;
	size_t count;
};

/* The command that lists the tests. An error when nothing in it could ask for a listing ($LISTOPT). */
int template_list(const struct config *c, struct template_args args, char **out, struct err *err);

/* The command that runs the tests in ids; with NULL the one that runs whatever there is to run, ids unknown. */
int template_run(const struct config *c, struct template_args args, const struct template_ids *ids,
    char **out, struct err *err);

/* Adds the words of test_id_list_default: the ids of a run that has one worker and was given none. */
int template_default_ids(const struct config *c, struct strtab *ids, struct err *err);

/* True when test_command has a place for ids: $IDOPTION, $IDFILE or $IDLIST. */
bool template_takes_ids(const struct config *c);

/* The command that provides `count` instances. *out is NULL when instance_provision is not set. */
int template_provision(const struct config *c, size_t count, char **out, struct err *err);

/* The command that executes `command` in an instance; a copy of it when instance_execute is not set. `file`
 * may be NULL. */
int template_execute(const struct config *c, struct slice instance, const char *command, const char *file,
    char **out, struct err *err);

/* The command that gives instances back, sorted by name. *out is NULL when instance_dispose is not set. */
int template_dispose(const struct config *c, const struct strtab *instances, char **out, struct err *err);

#endif
