/* SPDX-License-Identifier: Apache-2.0
 *
 * What all commands of testr share: the command table, the options, the error on its way to the screen.
 *
 * To add a command: 1. write cmd_NAME.c with one `const struct command cmd_NAME`; 2. list it in
 * commands.c; 3. add its options, if new, to args.c; 4. test it in tests/cli. `testr commands` and `testr
 * help` then know it. */
#ifndef CLI_H
#define CLI_H

#include "args.h"
#include "repository.h"
#include "ui.h"

struct cli {
	const struct command *command;
	const char *program; /* the path of our own program, for guards */
	const char *invoked; /* the command line as typed */
	char *here;          /* the project's directory, "~" expanded */
	bool keep_order;     /* test processes are told that the order of their tests matters */
	struct args args;
	struct ui ui;
	struct err err;
};

struct command {
	const char *name;
	const char *summary;   /* one sentence, for `testr commands` */
	const char *about;     /* the text of `testr help NAME`, whole lines, without the summary */
	const char *arguments; /* for the usage line: "testfilters* …", or "" */
	const enum arg *args;  /* the options it takes beside the common ones, ended by ARG_NONE */
	bool takes_positionals;
	bool takes_runs; /* they name runs */
	bool records;    /* it stores runs */
	/* Returns the exit status, or -1 with cli->err set. */
	int (*run)(struct cli *cli);
};

/* All commands in the order of their names, ended by NULL. */
extern const struct command *const commands[];
/* The command of that name, '_' being the same as '-'; NULL when there is none. */
const struct command *command_find(const char *name);

/* The URL of the project's repository (repository.h), for the caller to free: --repository, $TESTR_REPOSITORY,
 * "repository" of the configuration, or else the project's directory. NULL with cli->err set. */
char *cli_repository_url(struct cli *cli);
/* Opens a repository; with `create` it is made first if there is none. */
int cli_repository_at(struct cli *cli, const char *url, bool create, struct repo **out);
/* The same for the project's. It is told which tags name profiles: those of the configuration, if there is one. One that
 * the command line names, and that is only read, may be another project's, and is left as it is. */
int cli_repository(struct cli *cli, bool create, struct repo **out);

struct config;
/* The project's configuration, or NULL in *out when there is none: reading and loading do without. One that
 * is there has to be right. */
int cli_optional_config(struct cli *cli, struct config **out);

/* The id that the text names: a number, "-1" for the latest run, "-2" for the one before it, and so on, or the
 * beginning of a uid, four characters at least. */
int cli_run_id(struct cli *cli, struct repo *repo, const char *text, int64_t *out);
/* The id of the latest run. That there is none is an error. */
int cli_latest(struct cli *cli, struct repo *repo, int64_t *out);

/* Reads a date, a date and time, or an age ("3d"), the value of an option. */
int cli_time(struct cli *cli, const char *option, const char *text, int64_t *out);

/* Reads a length of time ("90m"), the value of an option, in nanoseconds, above 0. */
int cli_duration(struct cli *cli, const char *option, const char *text, int64_t *out);

/* Says that positional arguments were left over, in Python's words, and returns the exit status for that. */
int cli_unexpected(struct cli *cli, char *const *arguments, size_t count);

/* True when the result is a failure; and when it fails its run, which that of a test in quarantine does not. */
bool cli_failed(const struct result *r, bool uxsuccess_passes);
bool cli_fails(const struct result *r, bool uxsuccess_passes);
/* The words of the configuration's filter_tags; `config` may be NULL. */
int cli_filter_tags(struct cli *cli, const struct config *config, struct strtab *out);
/* True when the result has one of these tags. */
bool cli_has_tag(const struct result *r, const struct strtab *tags);
/* The label of its block: "FAIL", "UNEXPECTED SUCCESS", or "QUARANTINED". */
const char *cli_label(const struct result *r);

/* What of an attachment is kept in memory to be shown. */
#define CLI_DETAIL_MAX ((size_t)8 * 1024 * 1024)

#endif
