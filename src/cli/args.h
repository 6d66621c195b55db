/* SPDX-License-Identifier: Apache-2.0
 *
 * The options of all commands, each defined once. */
#ifndef ARGS_H
#define ARGS_H

#include "buf.h"
#include "optparse.h"

/* Every option there is; also the `id` in its struct option. */
enum arg {
	ARG_NONE,
	ARG_ALL,
	ARG_ANALYZE_ISOLATION,
	ARG_BEFORE,
	ARG_BELOW,
	ARG_BIND,
	ARG_BUDGET,
	ARG_CONCURRENCY,
	ARG_CONFIDENCE,
	ARG_CPU_LOAD,
	ARG_DRY_RUN,
	ARG_EXPIRES,
	ARG_FACTOR,
	ARG_FAILING,
	ARG_FOR,
	ARG_FORCE_INIT,
	ARG_FORMAT,
	ARG_FULL_RESULTS,
	ARG_HELP,
	ARG_HERE,
	ARG_HOST,
	ARG_IN_LIST,
	ARG_IO_LOAD,
	ARG_ISOLATED,
	ARG_JSON,
	ARG_KEEP,
	ARG_LIMIT,
	ARG_LIST,
	ARG_LOAD,
	ARG_LOAD_LIST,
	ARG_MAX_RUNS,
	ARG_META,
	ARG_NO_TESTS,
	ARG_OLDER_THAN,
	ARG_OPEN,
	ARG_ORDER,
	ARG_OUTPUT,
	ARG_OWNER,
	ARG_PARALLEL,
	ARG_PARTIAL,
	ARG_PLAN,
	ARG_PROFILE,
	ARG_PULL,
	ARG_PUSH,
	ARG_QUIET,
	ARG_REASON,
	ARG_REPLAY,
	ARG_REPOSITORY,
	ARG_RESUME,
	ARG_RETRIES,
	ARG_RUN,
	ARG_SEED,
	ARG_SINCE,
	ARG_STATE,
	ARG_SUBUNIT,
	ARG_TAG,
	ARG_TEST_TIMEOUT,
	ARG_TIMEOUT,
	ARG_TO,
	ARG_TOKEN_FILE,
	ARG_UNTIL,
	ARG_UNTIL_FAILURE,
	ARG_WINDOW,
	ARG_WORKER,
	ARG_COUNT
};

/* The most times that --meta, --profile or --tag may be given. */
#define ARGS_META_MAX 64

/* The values of an option that may be given several times. */
struct args_list {
	const char *values[ARGS_META_MAX];
	size_t count;
};

struct args {
	bool set[ARG_COUNT];
	const char *text[ARG_COUNT];     /* of those that have a value */
	long number[ARG_COUNT];          /* of those whose value is a number */
	const char *meta[ARGS_META_MAX]; /* the value of each --meta */
	size_t meta_count;
	struct args_list profiles, tags; /* of --profile and --tag */
	char **positionals;              /* borrowed from the argument vector */
	size_t positional_count;
};

/* Reads a command's arguments by its list of options (ended by ARG_NONE) and the common ones. With `runs` the
 * positional arguments name runs, so that "-1" is one of them. The vector is rearranged and has to stay.
 * ERR_USAGE when they are wrong. */
int args_parse(
    struct args *a, const enum arg *allowed, char **argv, size_t count, bool runs, struct err *err);

/* True when the argument is an option, written in full, whose value is the next argument. */
bool args_takes_value(const char *argument);

/* Appends the options as help lists them; the common ones too when `common` is set. */
void args_help(struct buf *out, const enum arg *allowed, bool common);

#endif
