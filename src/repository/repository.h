/* SPDX-License-Identifier: Apache-2.0
 *
 * The store of runs: one API over several backends.
 *
 * A run is begun, appended to event by event, and finished; it has an id from the start or, in a format-1
 * directory (also stestr's), from its end. Invariant: a finished run is never lost or changed, whatever else happens at the
 * same time; a run whose writer died is there as interrupted, with every result up to its death (format 2).
 *
 * To add a backend: 1. write backend_NAME.c with one `const struct repo_backend`; 2. list it in
 * repository.c; 3. add its place to tests/repository/test_repository.c, which runs every law over every
 * backend.
 *
 * Functions that a walk calls may read from the same repository, but not write to it. */
#ifndef REPOSITORY_H
#define REPOSITORY_H

#include "err.h"
#include "outcome.h"
#include "strtab.h"

struct repo;
struct repo_writer;

enum repo_state {
	REPO_RUNNING, /* being written by a living process */
	REPO_FINISHED,
	REPO_INTERRUPTED, /* cancelled, or its writer died */
};

struct repo_counts {
	int64_t tests;    /* results, those of tests that never ended included; "exists" is none */
	int64_t failures; /* fail, never ended, and uxsuccess unless the run took it as success */
	int64_t skips;
};

/* Format 1 stores results alone: all runs are finished there, none is partial, and uxsuccess does not pass. */
struct repo_run {
	int64_t id;
	enum repo_state state;
	bool partial;        /* a part of the suite: tests that are absent from it keep their last state */
	int64_t start, stop; /* the smallest and largest time of any result; TIME_NONE when there is none */
	struct repo_counts counts;
	int exit_status;       /* what the command that made it ended with; -1 when unknown */
	bool uxsuccess_passes; /* as it was begun */
};

/* What is said of a run when it begins. All borrowed during the call. */
struct repo_begin {
	const char *command;   /* the command line as typed, or NULL */
	bool uxsuccess_passes; /* an unexpected success is no failure */
};

/* Creates the repository for the project in `directory` (".testrepository" inside it): format 2, or format 1
 * when `format` is 1. An existing one, also of another format, is an error. "~" and "~user" at the start of
 * directory are expanded by the caller. */
int repo_create(const char *directory, int format, struct err *err);

/* True when there is something that repo_open would open, or say why it cannot. */
bool repo_exists(const char *directory);

/* Opens the repository of `directory`: ".testrepository", or else ".stestr". None there: "No repository found in DIR. Create one by running "testr
 * init"."; a format that we do not know: an error that names it. Runs whose writer died are made interrupted
 * here. *out is freed with repo_free. */
int repo_open(const char *directory, struct repo **out, struct err *err);
/* Accepts NULL. */
void repo_free(struct repo *repo);

/* 1 or 2. */
int repo_format(const struct repo *repo);
/* "DIR/.testrepository" or "DIR/.stestr", borrowed. */
const char *repo_path(const struct repo *repo);

/* Begins a run. */
int repo_run_begin(
    struct repo *repo, const struct repo_begin *begin, struct repo_writer **out, struct err *err);
/* Appends one event. Events are expected to carry their worker's tag and a time. Text becomes an attachment
 * without test id. A time that no packet can hold (before 1970, after 2106) is left out. */
int repo_append(struct repo_writer *w, const struct event *e, struct err *err);
/* What was appended survives the death of this process from here on. */
int repo_flush(struct repo_writer *w, struct err *err);
/* Ends the run and updates what fails: a run that is not partial and not interrupted replaces the set of
 * failing tests; any other changes it only for tests that it has results for (a test that never ended in an
 * interrupted run has none). When this returns 0 the run is durable, *id is its id, and w is freed; it is
 * freed on failure as well, after what can be saved was saved. */
int repo_run_finish(struct repo_writer *w, enum repo_state state, bool partial, int exit_status, int64_t *id,
    struct err *err);

/* The number of runs ever begun (`testr stats`). */
int repo_run_count(struct repo *repo, int64_t *out, struct err *err);
/* The id of the latest run (finished or interrupted), or -1. */
int repo_latest(struct repo *repo, int64_t *out, struct err *err);
/* Facts of one run. "No such run." when there is none. */
int repo_run_get(struct repo *repo, int64_t id, struct repo_run *out, struct err *err);
/* Calls fn for each run, oldest first. */
typedef int (*repo_run_fn)(void *context, const struct repo_run *run, struct err *err);
int repo_runs(struct repo *repo, repo_run_fn fn, void *context, struct err *err);

/* Called with each result, valid during the call. A return of -1 with err set ends the walk and is handed on. */
typedef int (*repo_result_fn)(void *context, const struct result *r, struct err *err);

/* All results of a run in order of completion, with their details, each at most detail_max bytes; tests that
 * never ended last. */
int repo_results(
    struct repo *repo, int64_t id, size_t detail_max, repo_result_fn fn, void *context, struct err *err);
/* Text that was stored beside the tests of a run under the attachment name `name` (format 2 only), piece by
 * piece. */
typedef int (*repo_text_fn)(void *context, struct slice text, struct err *err);
int repo_run_text(
    struct repo *repo, int64_t id, struct slice name, repo_text_fn fn, void *context, struct err *err);

/* The failing tests: their last results, in the order in which they began to fail; a run that replaced the
 * set began it anew, in its order of completion. */
int repo_failing(struct repo *repo, size_t detail_max, repo_result_fn fn, void *context, struct err *err);
/* Their ids alone, added to `ids`. */
int repo_failing_ids(struct repo *repo, struct strtab *ids, struct err *err);

/* The last known duration, in nanoseconds, of each test in ids; -1 where there is none. `out` has ids->len
 * entries. */
int repo_durations(struct repo *repo, const struct strtab *ids, int64_t *out, struct err *err);

#endif
