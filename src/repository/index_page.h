/* SPDX-License-Identifier: Apache-2.0
 *
 * Pages of results and of tests, by the index. */
#ifndef INDEX_PAGE_H
#define INDEX_PAGE_H

#include "index.h"

/* As repo_stamp; in SQLite what this connection writes does not count. */
int index_stamp(struct index *ix, uint64_t *out, struct err *err);
/* The bytes of the database, where everything is in it. */
int index_size(struct index *ix, int64_t *out, struct err *err);
/* As repo_rows_where and repo_tests_where. */
int index_rows_where(struct index *ix, int64_t run, const struct repo_rows_query *query, repo_row_fn fn,
    void *context, struct err *err);
int index_tests_where(
    struct index *ix, const struct repo_tests_query *query, repo_test_fn fn, void *context, struct err *err);

#endif
