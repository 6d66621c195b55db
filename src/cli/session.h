/* SPDX-License-Identifier: Apache-2.0
 *
 * What the commands that start tests share: the configuration, the commands' launcher, instances, and the
 * choice of tests. Invariant: session_end gives back every instance and leaves no process, whatever happened
 * before. */
#ifndef SESSION_H
#define SESSION_H

#include "cli.h"
#include "pattern.h"
#include "runner.h"

struct session {
	struct cli *cli;
	struct config *config;
	struct launch launch;
	struct instances instances;
	struct pattern **filters;
	size_t filter_count;
	struct template_args test_args; /* what follows "--" */
	size_t workers;
	bool begun;
};

/* Loads the configuration, takes filters and test arguments from the positional arguments, finds out how many
 * workers there are to be, and provides their instances. Returns 0; -1 with cli->err set; or 1 when the
 * arguments were wrong and that was said. session_end is due in every case. */
int session_begin(struct session *s, struct cli *cli);

/* Disposes of instances and frees everything. Returns `status`; 3 in its place when it is 0 and that failed;
 * 128 + the signal when it is -1 because of one. */
int session_end(struct session *s, int status);

/* Shows what a failed listing printed; the context is the struct cli. */
void session_dump(void *context, struct slice name, struct slice content);

/* Lists the project's tests into ids. */
int session_list(struct session *s, struct strtab *ids);

/* Copies the ids that one of the filters matches, all when there are none, to out. */
int session_filter(struct session *s, const struct strtab *ids, struct strtab *out);

/* Adds the ids of a file, one a line, without the blanks around them, to ids. */
int session_load_list(struct cli *cli, const char *path, struct strtab *ids);

#endif
