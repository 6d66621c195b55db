/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tools have in common that turn a stream into a report about its tests, one after another:
 * subunit2csv, subunit2junitxml, subunit2pyunit.
 *
 * Invariant: a report is never mixed with what belongs to no test, which goes elsewhere, before what follows
 * it in the stream. */
#ifndef REPORT_H
#define REPORT_H

#include "results.h"
#include "tool.h"

/* The options that subunit2csv, subunit2junitxml and subunit-stats share. */
struct report_options {
	bool no_passthrough, forward;
	const char *path; /* of the report, NULL for standard output */
};
extern const struct option report_options[];
int report_met(void *context, const struct option *option, char *const *values, struct err *err);

/* How a report looks. Each appends to `to`; `begin` and `end` may be NULL. */
struct report_format {
	int (*begin)(void *context, struct output *to, struct err *err);
	int (*result)(void *context, const struct result *r, struct output *to, struct err *err);
	int (*end)(void *context, struct output *to, struct err *err);
	bool no_details; /* `result` does not look at attachments */
};

/* Where things go. */
struct report_ways {
	struct output *to;     /* the report */
	struct output *events; /* every event as a packet; NULL for nowhere */
	struct output *other;  /* what belongs to no test, unless `events` has it; NULL for nowhere */
	bool tests_only;       /* `events` gets only what belongs to a test */
};

/* Writes the report. Returns the exit status: 1 when a test failed, did not end, or succeeded unexpectedly,
 * otherwise 0; or -1. */
int report_write(const struct tool_call *call, const struct report_ways *ways,
    const struct report_format *format, void *context, struct err *err);

/* The whole `run` of a tool that has the options above. */
int report_run(
    const struct tool_call *call, const struct report_format *format, void *context, struct err *err);

/* Appends why a test was skipped: the attachment "reason", or all of them. 0, or -1 as details_text. */
int report_reason(struct buf *out, const struct result *r, const struct drain *drain);

#endif
