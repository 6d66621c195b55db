/* SPDX-License-Identifier: Apache-2.0
 *
 * openstack-health's API, below /compat/openstack-health: its routes, parameters, shapes and texts, over our runs.
 *
 * A run there is one here that has ended and is no experiment, a test run the last result of a test in a run. What it
 * says of them is a word for the verdict. Times that are not known are null. docs/rest.md says where its answers
 * are others than its own.
 *
 * Invariant: however long an answer is, what is held of it in memory has a maximum. */
#ifndef COMPAT_H
#define COMPAT_H

#include "call.h"

#define COMPAT "/compat/openstack-health"

/* ---- what is asked ---- */

enum compat_resolution {
	COMPAT_SEC,
	COMPAT_MIN,
	COMPAT_HOUR,
	COMPAT_DAY,
};

/* Both ends belong to it; TIME_NONE and INT64_MAX where there is none. */
struct compat_span {
	int64_t from, to;
	int resolution;
};

/* Makes the reply an error as openstack-health gives it: a plain text. Returns 1. */
int compat_refuse(struct reply *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Each of these is 0, or 1 when the reply is an error. */
int compat_span(
    const struct call *call, struct reply *out, enum compat_resolution standard, struct compat_span *span);
int compat_number(const struct call *call, struct reply *out, const char *key, int64_t *number);

/* Appends part `at` of the path. Clients that let a '/' through servers that would take it for their own encode it
 * twice; so it is decoded twice. */
void compat_part(const struct call *call, size_t at, struct buf *out);

/* All runs that an answer may be about, newest first; the members of *span that are set bound their start. */
struct repo_query compat_query(const struct compat_span *span);

/* ---- what is answered ---- */

/* An answer that is written piece by piece. */
struct compat_answer {
	struct reply *out;
	bool first;  /* nothing is in the innermost brackets yet */
	bool script; /* JavaScript that calls a function, not JSON */
};

/* 0 or 1 as above. `bracket` is '{' or '['. */
int compat_begin(struct compat_answer *a, const struct call *call, struct reply *out, char bracket);
/* A pair of brackets, or a value that is taken over; the key is absent in a list. */
int compat_open(struct compat_answer *a, struct slice key, char bracket, struct err *err);
void compat_close(struct compat_answer *a, char bracket);
int compat_add(struct compat_answer *a, struct slice key, json_t *value, struct err *err);
/* A number, or what is none. */
int compat_add_real(struct compat_answer *a, struct slice key, double value, struct err *err);
int compat_end(struct compat_answer *a, char bracket, struct err *err);

/* "2026-01-31T12:00:00", with ".000001" if need be; "Sat, 31 Jan 2026 12:00:00" and then `zone`. */
void compat_iso(struct buf *out, int64_t time);
void compat_date(struct buf *out, int64_t time, const char *zone);
json_t *compat_iso_json(int64_t time);
json_t *compat_date_json(int64_t time);
/* The beginning of what a time lies in, and how that is written. */
int64_t compat_floor(int64_t time, int resolution);
int64_t compat_unit(int resolution);
void compat_stamp(struct buf *out, int64_t floor, int resolution);

/* ---- runs and results ---- */

/* The values of those keys of the run's metadata, for the caller; NULL where there is none. */
int compat_meta(
    struct repo *repo, int64_t run, const char *const *keys, json_t **values, size_t count, struct err *err);
/* What names the run: its uid, or its id where it has none. */
void compat_name(char name[33], const struct repo_run *run);
/* True when something in it failed; when something passed and all is well. Neither is possible. */
bool compat_failed(const struct repo_run *run);
bool compat_succeeded(const struct repo_run *run);
/* The latest failed runs that have the pair (SLICE_NONE: all runs), `count` at most, newest first. */
int compat_failed_runs(struct repo *repo, struct slice key, struct slice value, int64_t count, repo_run_fn fn,
    void *context, struct err *err);
/* Part 0 of the path as a run; run->id is -1 when there is none. */
int compat_run(struct call *call, struct reply *out, struct repo_run *run, struct err *err);

/* The runs that no answer is about: experiments, and those that go on. A zeroed one is empty. */
struct compat_others {
	int64_t *runs; /* ascending */
	size_t count, cap;
};
int compat_others(struct repo *repo, struct compat_others *out, struct err *err);

/* The last result of each test of the run, sorted by test. */
int compat_results(struct repo *repo, int64_t run, repo_row_fn fn, void *context, struct err *err);
/* The last result of the test in each of its latest runs, newest first; a limit of 0 is none. */
int compat_history(struct repo *repo, struct slice test, const struct compat_others *others, int64_t limit,
    repo_row_fn fn, void *context, struct err *err);
/* "success", "fail", "skip". */
const char *compat_word(enum verdict verdict);

/* ---- the answers ---- */

int compat_routes(struct call *call, struct reply *out, struct err *err);
int compat_status(struct call *call, struct reply *out, struct err *err);
int compat_runs(struct call *call, struct reply *out, struct err *err);
int compat_build_runs(struct call *call, struct reply *out, struct err *err);
int compat_keys(struct call *call, struct reply *out, struct err *err);
int compat_recent(struct call *call, struct reply *out, struct err *err);
int compat_recent_detail(struct call *call, struct reply *out, struct err *err);
int compat_recent_rss(struct call *call, struct reply *out, struct err *err);
int compat_runs_grouped(struct call *call, struct reply *out, struct err *err);
int compat_runs_by_key(struct call *call, struct reply *out, struct err *err);
int compat_build_test_runs(struct call *call, struct reply *out, struct err *err);
int compat_test_runs(struct call *call, struct reply *out, struct err *err);
int compat_run_tests(struct call *call, struct reply *out, struct err *err);
int compat_run_test_runs(struct call *call, struct reply *out, struct err *err);
int compat_tests(struct call *call, struct reply *out, struct err *err);
int compat_prefixes(struct call *call, struct reply *out, struct err *err);
int compat_tests_by_prefix(struct call *call, struct reply *out, struct err *err);
int compat_recent_tests(struct call *call, struct reply *out, struct err *err);

#endif
