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

/* A failure is no result any more when the test was tried again (event_attempt). */
struct repo_counts {
	int64_t tests; /* results, those of tests that never ended included; "exists" is none */
	int64_t
	    failures; /* fail, never ended, and uxsuccess unless the run took it as success; none that is quarantined */
	int64_t skips;
};
/* Before the result is counted: takes the failed attempt before it out of the counts. True when there was one. */
bool repo_supersede(struct repo_counts *counts, const struct result *r);

/* Format 1 stores results alone: all runs are finished there, none is partial, and uxsuccess does not pass. */
struct repo_run {
	int64_t id;
	enum repo_state state;
	bool partial;        /* a part of the suite: tests that are absent from it keep their last state */
	int64_t start, stop; /* the smallest and largest time of any result; TIME_NONE when there is none */
	struct repo_counts counts;
	int exit_status;       /* what the command that made it ended with; -1 when unknown */
	bool uxsuccess_passes; /* as it was begun */
	char uid[33];          /* names it among the runs of all repositories; "" where it has none */
	/* The place of its end among the ends of all runs of all repositories: the time of it in nanoseconds,
	 * made greater than that of any run that was here before. What fails and the last durations follow from
	 * the runs in this order (equal ones by uid). 0 while it is running. */
	int64_t sequence;
};

/* Beyond all times that packets can hold, and far from where one more is none. */
#define REPO_SEQUENCE_MAX (INT64_MAX / 2)

/* Metadata of a run: free keys and values in UTF-8, a key of at most REPO_KEY_MAX bytes, a value of at most
 * REPO_VALUE_MAX. Known keys: command, directory, host, workers, parent, seed, git.commit, git.dirty ("true",
 * "false"), git.branch, process, env.NAME. */
struct repo_meta {
	struct slice key, value;
};
#define REPO_KEY_MAX ((size_t)200)
#define REPO_VALUE_MAX ((size_t)64 * 1024)

/* The key under which the process that makes a run names itself (holder.h). */
#define REPO_META_PROCESS "process"

/* The key that makes a run a probe, an experiment on some tests: what fails, how long tests take and which run is
 * the latest go by the other runs. Its value says what for. Format 1 does not know it. */
#define REPO_META_PROBE "probe"

/* What is said of a run when it begins. All borrowed during the call. */
struct repo_begin {
	const char *command;   /* the command line as typed, or NULL */
	bool uxsuccess_passes; /* an unexpected success is no failure */
	const struct repo_meta *meta;
	size_t meta_count;
	const char *uid; /* NULL for a new one */
	/* It is the run of another repository: should this process die before its end, nothing of it stays. */
	bool import;
};

/* A repository is named by a URL: the directory of a project, which has ".testrepository" or, made by stestr,
 * ".stestr" in it; "sqlite:PATH", a directory that has the streams and the index itself; "postgresql://…" or
 * "postgres://…", a database; "memory:", a new one of its own that ends with repo_free. "~" and "~user" at the
 * start of a directory are expanded by the caller. */

/* Creates a repository: format 2, or format 1 in a directory when `format` is 1. An existing one, also of another
 * format, is an error. */
int repo_create(const char *url, int format, struct err *err);

/* True when there is something that repo_open would open, or say why it cannot. */
bool repo_exists(const char *url);

/* Makes the index of a repository again from the streams, also when it is missing or damaged. Every answer is
 * the same afterwards. Nothing is changed while a run is being written: that is an error. */
int repo_rebuild(const char *url, struct err *err);

/* Opens a repository. None there: "No repository found in DIR. Create one by running "testr init"."; a format
 * that we do not know: an error that names it. Runs whose writer died are made interrupted here. *out is freed
 * with repo_free. */
int repo_open(const char *url, struct repo **out, struct err *err);
/* Accepts NULL. */
void repo_free(struct repo *repo);

/* 1 or 2. */
int repo_format(const struct repo *repo);
/* "DIR/.testrepository" or "DIR/.stestr", or what else it is called in messages; never with a password.
 * Borrowed. */
const char *repo_path(const struct repo *repo);

/* Begins a run. */
int repo_run_begin(
    struct repo *repo, const struct repo_begin *begin, struct repo_writer **out, struct err *err);
/* Appends one event. Events are expected to carry their worker's tag and a time. Text becomes an attachment
 * without test id. A time that no packet can hold (before 1970, after 2106) is left out. */
int repo_append(struct repo_writer *w, const struct event *e, struct err *err);
/* Adds metadata to the run, or replaces that of the key. Does nothing where there is no place for it (format
 * 1). */
int repo_meta_set(struct repo_writer *w, struct slice key, struct slice value, struct err *err);
/* What was appended survives the death of this process from here on. */
int repo_flush(struct repo_writer *w, struct err *err);
/* A full disk ends no run of format 2: the attachments of what follows are left out, and results that still have
 * no room wait in memory and, when there are too many, are left out too; the run is then an interrupted one.
 * Elsewhere, and at the end of the run, it is an error of the kind ERR_NO_ROOM. */
enum repo_room {
	REPO_ROOM_ENOUGH,
	REPO_ROOM_LITTLE, /* attachments are being left out */
	REPO_ROOM_NONE,   /* and results */
};
enum repo_room repo_room(const struct repo_writer *w);
/* Ends the run and updates what fails: a run that is not partial and not interrupted replaces the set of
 * failing tests; any other changes it only for tests that it has results for (a test that never ended in an
 * interrupted run has none). When this returns 0 the run is durable, *id is its id, and w is freed; it is
 * freed on failure as well, after what can be saved was saved. */
int repo_run_finish(struct repo_writer *w, enum repo_state state, bool partial, int exit_status, int64_t *id,
    struct err *err);

/* The same for a run that has ended elsewhere, with its place among all ends: it changes what fails as if it
 * had been here then. On failure nothing of it stays. */
int repo_import_finish(struct repo_writer *w, const struct repo_run *facts, int64_t *id, struct err *err);
/* Waits until another process has stored such a run, or has given it up. */
int repo_settle(struct repo *repo, int64_t run, struct err *err);
/* Gives up a run that was begun as another repository's. Accepts NULL. */
void repo_import_abort(struct repo_writer *w);

/* The number of runs ever begun (`testr stats`). */
int repo_run_count(struct repo *repo, int64_t *out, struct err *err);
/* The id of the latest run (finished or interrupted) that is no probe, or -1. */
int repo_latest(struct repo *repo, int64_t *out, struct err *err);
/* Facts of one run. "No such run." when there is none. */
int repo_run_get(struct repo *repo, int64_t id, struct repo_run *out, struct err *err);
/* The same: 1, 0 when there is no such run, or -1. */
int repo_run_find(struct repo *repo, int64_t id, struct repo_run *out, struct err *err);
/* Calls fn for each run, oldest first. */
typedef int (*repo_run_fn)(void *context, const struct repo_run *run, struct err *err);
int repo_runs(struct repo *repo, repo_run_fn fn, void *context, struct err *err);

/* Tells the process that makes a running run to end it, as an interrupt from the keyboard does. 1; 0 when it cannot be
 * found, as it is on another machine, somebody else's or this one, or the streams are in a database; or -1. The run
 * has to name it (REPO_META_PROCESS). */
int repo_interrupt(struct repo *repo, int64_t run, struct err *err);

/* The metadata of a run, sorted by key. */
typedef int (*repo_meta_fn)(void *context, struct slice key, struct slice value, struct err *err);
int repo_meta(struct repo *repo, int64_t run, repo_meta_fn fn, void *context, struct err *err);

/* Which runs. A zeroed one with since and until TIME_NONE means all, oldest first. */
struct repo_query {
	int64_t before;       /* only ids below this; 0: no bound */
	int64_t since, until; /* only runs that started then or later, before then; TIME_NONE: no bound */
	unsigned states;      /* a set of 1 << enum repo_state; 0: all */
	/* Only runs that have this pair; with an absent value those that have the key; an absent key: all. */
	struct slice meta_key, meta_value;
	bool no_probes; /* REPO_META_PROBE */
	bool newest_first;
	int64_t limit; /* 0: none */
};
int repo_runs_where(
    struct repo *repo, const struct repo_query *query, repo_run_fn fn, void *context, struct err *err);
/* The run of that uid; *out is -1 when there is none. */
int repo_find_uid(struct repo *repo, const char *uid, int64_t *out, struct err *err);

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

/* Profiles: which tags name configurations is a setting of the repository, at first none (format 1: never any). The
 * profile of a result is the set of those of its tags, written as tagset.h says; results of different profiles never
 * replace each other, neither among the failing tests nor among the durations. A run that replaces the set of failing
 * tests does so for the profiles that it has results of. */

/* Sets the tags (a set). What follows from history is found anew when they are others than before, as if they had been
 * set from the beginning. */
int repo_set_profiles(struct repo *repo, struct slice tags, struct err *err);
/* The tags that are set, borrowed until the next repo_set_profiles. */
struct slice repo_profile_tags(const struct repo *repo);
/* Appends the profile of a result that has these tags (a set). */
void repo_profile_of(const struct repo *repo, struct slice tags, struct buf *out);

/* True when a result that has these tags is of the profile; an absent one stands for all. */
bool repo_is_of(const struct repo *repo, struct slice tags, struct slice profile);

/* As repo_failing_ids and repo_durations, for one profile; absent: for all, and of a test the longest duration. */
int repo_failing_ids_of(struct repo *repo, struct slice profile, struct strtab *ids, struct err *err);
int repo_durations_of(
    struct repo *repo, struct slice profile, const struct strtab *ids, int64_t *out, struct err *err);

/* A profile that something is known of. */
struct repo_profile {
	struct slice tags;
	int64_t tests;   /* whose duration is known */
	int64_t failing; /* how many of its tests fail */
	int64_t run;     /* the last one that it has a result with a duration in, or -1 */
};
typedef int (*repo_profile_fn)(void *context, const struct repo_profile *p, struct err *err);
/* All of them, sorted by their tags. Without profiles (no tag is set) there is the empty one at most. */
int repo_profiles(struct repo *repo, repo_profile_fn fn, void *context, struct err *err);

/* One result as the index has it: all but its details. */
struct repo_row {
	int64_t run;
	struct slice test;
	int attempt; /* from 1, in order of completion within the run */
	enum status status;
	int64_t start, duration; /* TIME_NONE when unknown */
	int64_t worker;          /* -1 when unknown */
	struct slice tags;       /* sorted, each ended by a NUL, without the worker's */
	uint64_t offset, end;    /* of its packets in the run's stream */
	int64_t place;           /* of its test among those that the repository knows, from 1; with
				    repo_rows_where alone */
};
typedef int (*repo_row_fn)(void *context, const struct repo_row *row, struct err *err);
/* event_attempt of the row: above 1 for one that takes the place of the row before it. */
int64_t repo_row_attempt(const struct repo_row *row);

/* All results of a run, sorted by test (bytewise), then attempt. */
int repo_rows(struct repo *repo, int64_t run, repo_row_fn fn, void *context, struct err *err);
/* Which results of a run. A zeroed one with worker -1 means all. */
enum repo_rows_order {
	REPO_ROWS_SEEN,    /* by place, attempt: no two pages cost more than one */
	REPO_ROWS_TEST,    /* by test (bytewise), attempt */
	REPO_ROWS_SLOWEST, /* by duration, the longest first, unknown ones last; then place, attempt */
	REPO_ROWS_START,   /* by start, unknown ones last; then place, attempt */
};
struct repo_rows_query {
	struct slice test; /* only that test's, always by attempt; absent: all */
	unsigned statuses; /* a set of 1 << enum status; 0: all */
	int64_t worker;    /* -1: all */
	struct slice text; /* only tests with this in their ids */
	enum repo_rows_order order;
	/* Only what comes behind the row with this place and attempt; 0: all. */
	int64_t after_place;
	int after_attempt;
	int64_t limit; /* 0: none */
};
int repo_rows_where(struct repo *repo, int64_t run, const struct repo_rows_query *query, repo_row_fn fn,
    void *context, struct err *err);
/* All results of a test: the newest run first, attempts ascending within a run; at most `limit` runs, 0 for
 * all. */
int repo_history(
    struct repo *repo, struct slice test, int64_t limit, repo_row_fn fn, void *context, struct err *err);
/* That one result with its details; fn is called once, or not at all when the stream lacks it. */
int repo_row_result(struct repo *repo, const struct repo_row *row, size_t detail_max, repo_result_fn fn,
    void *context, struct err *err);
/* Every test that any run has a result of, sorted bytewise. */
typedef int (*repo_test_fn)(void *context, struct slice name, struct err *err);
int repo_tests(struct repo *repo, repo_test_fn fn, void *context, struct err *err);
/* Which of them. A zeroed one means all. */
struct repo_tests_query {
	struct slice prefix; /* only those that begin so */
	struct slice text;   /* only those with this in their ids */
	struct slice after;  /* only those behind this one */
	int64_t limit;       /* 0: none */
};
int repo_tests_where(
    struct repo *repo, const struct repo_tests_query *query, repo_test_fn fn, void *context, struct err *err);

/* The stream of a run as subunit v2, piece by piece. */
int repo_stream(struct repo *repo, int64_t run, repo_text_fn fn, void *context, struct err *err);
/* A descriptor from which the bytes [from, end) of that stream are read, at their places; for the caller to close.
 * Of a running run they are those that are there now. There may be others beside them. -1 with err set. */
int repo_stream_open(struct repo *repo, int64_t run, uint64_t from, uint64_t end, struct err *err);
/* The bytes of one attachment of a result, all of them, piece by piece. */
int repo_row_detail(struct repo *repo, const struct repo_row *row, struct slice name, repo_text_fn fn,
    void *context, struct err *err);

/* The same with what says which run it is (run_packet.h), also where the format has no place for that. */
int repo_export(struct repo *repo, int64_t run, repo_text_fn fn, void *context, struct err *err);
/* The uid and the place of a run as it is exported. */
int repo_identify(struct repo *repo, struct repo_run *run, struct err *err);

/* Removes runs for good, each named once; one that is being written is an error, and then none is removed. No
 * answer about what stays changes: neither what fails, with all details, nor the last durations, nor the number
 * of runs ever begun. Ids are not used again. */
int repo_remove(struct repo *repo, const int64_t *ids, size_t count, struct err *err);
/* Compares what is stored twice, the streams and what was made of them. Calls fn for each thing that is wrong,
 * with the run that it is about, or -1. */
typedef int (*repo_verify_fn)(void *context, int64_t run, const char *what, struct err *err);
int repo_verify(struct repo *repo, repo_verify_fn fn, void *context, struct err *err);

/* A number that changes when others have stored anything since it was asked for on this same struct; 0 where that
 * cannot be told. */
int repo_stamp(struct repo *repo, uint64_t *out, struct err *err);
/* The bytes that the repository takes up. */
int repo_size(struct repo *repo, int64_t *out, struct err *err);

#endif
