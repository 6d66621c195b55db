/* SPDX-License-Identifier: Apache-2.0
 *
 * What the commands that start tests share: the configuration, the commands' launcher, instances, and the
 * choice of tests. Invariant: setup_end gives back every instance and leaves no process, whatever happened
 * before. */
#ifndef SETUP_H
#define SETUP_H

#include "cli.h"
#include "limit.h"
#include "pattern.h"
#include "runner.h"

/* The most workers there can be. */
#define SETUP_WORKERS_MAX 10000

struct setup {
	struct cli *cli;
	struct config *config;
	struct launch launch;
	struct instances instances;
	struct pattern **filters;
	size_t filter_count;
	struct pattern *group;          /* group_regex, or NULL */
	struct limits limits;           /* [limit NAME] */
	struct template_args test_args; /* what follows "--" */
	size_t workers;
	struct listing_servers servers; /* that were kept */
	struct timeouts timeouts;       /* --timeout and --test-timeout included */
	bool begun;
};

/* Loads the configuration, takes filters and test arguments from the positional arguments, finds out how many
 * workers there are to be, if `workers` is 0, and provides their instances. Returns 0; -1 with cli->err set; or 1 when the
 * arguments were wrong and that was said. setup_end is due in every case. */
int setup_begin(struct setup *s, struct cli *cli, size_t workers);

/* Disposes of instances and frees everything. Returns `status`; 3 in its place when it is 0 and that failed;
 * 128 + the signal, or 124 for the time, when it is -1 because of one. */
int setup_end(struct setup *s, int status);

/* The exit status of what was cancelled. */
int setup_cancelled_status(const struct launch *l);

/* Shows what a failed listing printed; the context is the struct cli. */
void setup_dump(void *context, struct slice name, struct slice content);

/* True when test servers are to be used: the project has them, and neither --isolated nor arguments for the test
 * command ask for processes. */
bool setup_serves(const struct setup *s);

/* Lists the project's tests into ids. If `keep` is set and a server does so, it is kept for the tests; without filters
 * the other workers' are started too. */
int setup_list(struct setup *s, bool keep, struct strtab *ids);

/* Copies the ids that one of the filters matches, all when there are none, to out. */
int setup_filter(struct setup *s, const struct strtab *ids, struct strtab *out);

/* Adds the ids of a file, one a line, without the blanks around them, to ids. */
int setup_load_list(struct cli *cli, const char *path, struct strtab *ids);

#endif
