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
#include "profiles.h"
#include "runner.h"

/* The most workers there can be. */
#define SETUP_WORKERS_MAX 10000
/* What one of the configurations has that tests are run in. */
struct setup_place {
	struct instances instances;
	char **environment;
	struct pattern *group; /* group_regex, or NULL */
};

struct setup {
	struct cli *cli;
	struct config *config;
	struct profiles profiles;
	struct launch launch;
	struct runner_profile *in; /* the configurations that tests are run in: at least one */
	struct setup_place *places;
	size_t count;
	struct pattern **filters;
	size_t filter_count;
	struct limits limits;           /* [limit NAME] */
	struct template_args test_args; /* what follows "--" */
	size_t workers;
	struct listing_servers servers; /* that were kept */
	bool begun;
};

/* Loads the configuration, chooses profiles, takes filters and test arguments from the positional arguments, finds out how
 * many workers there are to be, if `workers` is 0, and provides their instances. Returns 0; -1 with cli->err set; or 1 when the
 * arguments were wrong and that was said. setup_end is due in every case. */
int setup_begin(struct setup *s, struct cli *cli, size_t workers);

/* Disposes of instances and frees everything. Returns `status`; 3 in its place when it is 0 and that failed;
 * 128 + the signal, or 124 for the time, when it is -1 because of one. */
int setup_end(struct setup *s, int status);

/* The exit status of what was cancelled. */
int setup_cancelled_status(const struct launch *l);

/* Shows what a failed listing printed; the context is the struct cli. */
void setup_dump(void *context, struct slice name, struct slice content);

/* True when test servers are to be used: the project has them, in each profile, and neither --isolated nor arguments for the test
 * command ask for processes. */
bool setup_serves(const struct setup *s);

/* Lists the project's tests in each of its profiles, ids[i] being those of the i-th; as many at the same time as there are
 * workers. If `keep` is set the servers that do so, if servers do, are kept for the tests; without filters those of workers that
 * are left over are started too. */
int setup_list(struct setup *s, bool keep, struct strtab *ids);
/* Fails where tests are run in several profiles, which `what` cannot be. */
int setup_alone(struct setup *s, const char *what);

/* The set of tags of one of the profiles; absent where there are none, which means all. */
struct slice setup_profile(const struct setup *s, size_t profile);

/* Copies the ids that one of the filters matches, all when there are none, to out. */
int setup_filter(struct setup *s, const struct strtab *ids, struct strtab *out);

#endif
