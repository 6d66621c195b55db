/* SPDX-License-Identifier: Apache-2.0
 *
 * What GoogleTest writes with `--gtest_output=json:FILE` as events. Pure.
 *
 * A test's id is "Suite.Test", as --gtest_filter takes it. It began at its timestamp, unless that is 1970, and
 * took its "time". It failed when it has failures, was skipped when its result is SKIPPED or SUPPRESSED or its
 * status NOTRUN, and succeeded otherwise; without a status, as --gtest_list_tests writes it, it exists.
 *
 *     "failure", "failure 2", …   the failures, each with its file and line
 *     "reason"                    why it was skipped, where that is told
 *     "properties"                value_param and type_param, where it is written (file and line), and what
 *                                 the test recorded, "name=value" a line
 *
 * A failure outside any suite, such as in an environment, is the test "NonTestSuiteFailure". The comma that is
 * missing before it in what some versions write is not missed. Documents may follow each other. A test of more
 * than some MiB is shortened as json_cut.h says. */
#ifndef GTEST_H
#define GTEST_H

#include "emit.h"

struct gtest;

/* NULL when out of memory. */
struct gtest *gtest_new(emit_fn fn, void *context);
/* Accepts NULL. */
void gtest_free(struct gtest *g);

/* Both return 0, or -1 with err set: by fn, for want of memory, or because this is no such document. What came
 * before stays true. */
int gtest_feed(struct gtest *g, struct slice bytes, struct err *err);
int gtest_end(struct gtest *g, struct err *err);

/* True when a test failed. */
bool gtest_failed(const struct gtest *g);

#endif
