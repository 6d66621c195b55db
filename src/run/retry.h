/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs tests, and those that failed again.
 *
 * They wait until everything else is done: under less load, and under whatever they were not disturbed by before,
 * they tell more. Each further attempt is made by another worker than the one before, if there is one, in any case
 * by another process or server; the last one in a process of the test's own, which tells a test that is flaky from
 * one that depends on others. Invariant: every attempt is told to the sink, with the tag "attempt-N" from the
 * second one on; the account is that of the first ones. */
#ifndef RETRY_H
#define RETRY_H

#include "runner.h"

/* As runner_run; tests that failed are tried again up to `retries` times, until they do not fail. test_command has
 * to have a place for ids, unless `retries` is 0. */
int retry_run(struct runner *r, unsigned retries, struct account *account, const struct runner_test *tests,
    bool keep_order, struct runner_report *out, struct err *err);

#endif
