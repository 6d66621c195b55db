/* SPDX-License-Identifier: Apache-2.0
 *
 * repo_rows_where and repo_tests_where for backends without an index: all rows of the run are held and sorted. Places are those of
 * the tests within the run, by their names. */
#ifndef ROWPAGE_H
#define ROWPAGE_H

#include "repository.h"

int rowpage_where(struct repo *repo, int64_t run, const struct repo_rows_query *query, repo_row_fn fn,
    void *context, struct err *err);
int rowpage_tests_where(
    struct repo *repo, const struct repo_tests_query *query, repo_test_fn fn, void *context, struct err *err);

#endif
