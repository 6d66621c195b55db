/* SPDX-License-Identifier: Apache-2.0
 *
 * Stored results shown again: what `last` and `failing` have in common. */
#ifndef SHOW_H
#define SHOW_H

#include "cli.h"

struct show {
	struct cli *cli;
	bool subunit;  /* packets instead of text */
	bool list;     /* ids instead of text */
	bool all_fail; /* whatever is shown is a failure */
	bool uxsuccess_passes;
	bool interrupted;          /* a test that never ended is none that failed */
	int64_t worker;            /* only this one's results; -1: all */
	struct strtab filter_tags; /* tests that pass and have one of these are not counted */
	struct repo_counts counts;
	int64_t flaky;       /* tests that failed and passed when tried again */
	int64_t quarantined; /* failures of tests in quarantine */
	int64_t first, last; /* the extent of their times */
	struct buf packets;
};

void show_init(struct show *s, struct cli *cli);
void show_release(struct show *s);

/* A repo_result_fn with a struct show as context: shows one result, or its id, or its packets, and counts it. */
int show_result(void *context, const struct result *r, struct err *err);

/* The time between the first and the last event shown; 0 when unknown. */
int64_t show_elapsed(const struct show *s);

#endif
