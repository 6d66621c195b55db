/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs a plan over test servers, one a worker, joined to the schedule: the counterpart of what runner.c does
 * with test processes.
 *
 * Each server has one batch in hand and, when that is about to end, one in the pipe. A server that dies costs
 * the test it was in, and is started again, later and later; its other tests go back to the schedule. So do
 * tests that it was asked for and left out, once; after that they are lost. Invariant: as runner_run. */
#ifndef SERVING_H
#define SERVING_H

#include "runner.h"

/* The arguments, and what is promised, are those of runner_run with tests. */
int serving_run(struct runner *r, struct account *account, const struct runner_test *tests, bool keep_order,
    struct runner_report *out, struct err *err);

#endif
