/* SPDX-License-Identifier: Apache-2.0
 *
 * `run --until-failure`: how often and how long, and what is said at the end. Invariant: without --max-runs and
 * --for nothing is said on standard output. */
#ifndef REPEAT_H
#define REPEAT_H

#include "record.h"

struct repeat {
	struct cli *cli;
	bool on;       /* --until-failure */
	bool limited;  /* --max-runs or --for: runs that pass are one line each */
	int64_t most;  /* runs; 0: no limit */
	int64_t end;   /* monotonic; 0: no limit */
	int64_t runs;  /* so far */
	int64_t last;  /* the id of the last one, or -1 */
	char *failure; /* the test of its first failure, or NULL */
};

/* Reads the options. ERR_USAGE. */
int repeat_init(struct repeat *r, struct cli *cli);
/* Takes note of a run that has ended. */
void repeat_took(struct repeat *r, struct record *record);
/* True when another run is due after one that ended with that status. */
bool repeat_again(const struct repeat *r, int status);
/* Says what was shown, and which command comes next. */
void repeat_finish(struct repeat *r, int status);

#endif
