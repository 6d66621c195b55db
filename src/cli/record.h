/* SPDX-License-Identifier: Apache-2.0
 *
 * A run while it is recorded: each event goes to the repository, to the screen as far as it is worth showing,
 * or, with --subunit, to standard output. Invariant: a failure is shown only after it is stored, unless the disk
 * is full, which changes nothing of what is shown and of the verdict. */
#ifndef RECORD_H
#define RECORD_H

#include "cli.h"
#include "config.h"
#include "metadata.h"
#include "runner.h"

/* What is known beforehand of the tests of a run; for the live line. All borrowed. */
struct record_plan {
	const struct account *tests; /* NULL when unknown */
	const struct runner_profile *profiles;
	size_t profile_count;
	const int64_t *durations; /* predicted, of each; -1 when unknown */
	size_t workers;
};

struct record {
	struct cli *cli;
	struct repo *repo;
	struct repo_writer *writer; /* NULL before record_begin */
	struct outcome *outcome;
	struct strtab filter_tags;
	bool uxsuccess_passes, flaky_fails;
	bool subunit;
	struct buf packets; /* with --subunit: encoded, to be written */
	struct record_plan plan;
	/* To be set before record_begin, for the metadata: */
	size_t workers;
	const uint32_t *seed; /* of a random order, or NULL */
	struct loop *loop;    /* NULL when none runs while events are told */
	const char *environment;
	struct checkout checkout;
	struct repo_counts counts;
	int64_t flaky;       /* tests that failed and passed when tried again */
	int64_t filtered;    /* tests that passed and have one of filter_tags */
	int64_t first, last; /* the extent of the times of tests' events, announcements included */
	double predicted;    /* nanoseconds of work left */
	int64_t started;     /* monotonic */
	size_t errors, lost;
	int64_t quarantined; /* failures of tests in quarantine */
	char *first_failure; /* the test of it, or NULL */
	int64_t id;          /* of the run, once it is finished; -1 when it is not stored */
	int64_t
	    turn; /* which of several runs it is, from 1: if it passes that is one line; 0: it is the only one */
	enum repo_room room;
	bool unrecorded; /* for want of room nothing more is stored */
};

/* How a run came to its end. */
struct record_end {
	bool interrupted;
	bool partial;
	int cancelled;  /* the exit status for what cancelled it, or 0 */
	size_t not_run; /* tests, for want of time */
};

/* `config` may be NULL. Begins nothing yet. */
int record_init(
    struct record *r, struct cli *cli, struct repo *repo, const struct config *config, bool subunit);
void record_release(struct record *r);

int record_begin(struct record *r);
int record_event(struct record *r, const struct event *e, struct err *err);
/* A planned test that has no result: it is stored, shown if it is among the first RECORD_LOST_SHOWN, and
 * counted. */
int record_lost(struct record *r, struct slice id, const char *why, struct err *err);
#define RECORD_LOST_SHOWN 20

/* What was told so far survives our death. */
int record_flush(struct record *r, struct err *err);

/* Ends the run, shows the summary and sets *status to the exit status. */
int record_finish(struct record *r, const struct record_end *end, int *status);

#endif
