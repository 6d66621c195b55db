/* SPDX-License-Identifier: Apache-2.0
 *
 * What repository.h promises, for backends without an index: runs are walked and sorted in memory.
 *
 * Invariant: only the functions that every backend has are asked, so whatever is said here follows from the
 * runs alone. Memory grows with the results of one run, or with the number of runs or tests, never with
 * details. */
#ifndef GENERIC_H
#define GENERIC_H

#include "repository.h"

int generic_runs_where(
    struct repo *repo, const struct repo_query *query, repo_run_fn fn, void *context, struct err *err);
int generic_rows(struct repo *repo, int64_t run, repo_row_fn fn, void *context, struct err *err);
int generic_history(
    struct repo *repo, struct slice test, int64_t limit, repo_row_fn fn, void *context, struct err *err);
int generic_row_result(struct repo *repo, const struct repo_row *row, size_t detail_max, repo_result_fn fn,
    void *context, struct err *err);
int generic_tests(struct repo *repo, repo_test_fn fn, void *context, struct err *err);
/* The results as packets; attachments of one test beyond GENERIC_DETAIL_MAX lose their middle. */
#define GENERIC_DETAIL_MAX ((size_t)64 << 20)
int generic_stream(struct repo *repo, int64_t run, repo_text_fn fn, void *context, struct err *err);
/* In a file without a name. */
int generic_stream_open(struct repo *repo, int64_t run, struct err *err);
/* With `native` the offsets of rows are those of the bytes that repo_stream gives. */
int generic_row_detail(struct repo *repo, const struct repo_row *row, struct slice name, bool native,
    repo_text_fn fn, void *context, struct err *err);
/* The bytes of the files below a path. */
int generic_size(const char *path, int64_t *out, struct err *err);

#endif
