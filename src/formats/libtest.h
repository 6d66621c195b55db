/* SPDX-License-Identifier: Apache-2.0
 *
 * What Rust's test programs print with `--format json`, and cargo-nextest with `--message-format
 * libtest-json` or `libtest-json-plus`, as events: one JSON object a line. Pure.
 *
 *     test: started            "inprogress" of the test of that name
 *     test: ok, failed, ignored
 *                              its final event; "stdout" is what it printed, "message" why it failed, "reason"
 *                              why it was ignored
 *     test: discovered         "exists"
 *     bench                    the benchmark succeeded; "bench" has its figures
 *     suite                    begins and ends a test program
 *
 * A test that began failed when its program, or the input, ended without a word of it; when nothing says in
 * which test a program died, the test "[suite]" failed. Of a test that a suite's end leaves without a result
 * nextest has been told to ignore it, or was cancelled: it was skipped. nextest's "name#2" is the second try
 * of "name".
 *
 * No time of day is told, so a clock begins at 2000-01-01: a test begins when the latest of those that ended
 * before it did, and takes its "exec_time"; without one the time of its end is unknown.
 *
 * Other lines, and objects that are none of these, are text; an object may follow text on its line, which a
 * test printed without a newline. Lines are shortened as json_lines.h says. The names of all tests have at most
 * LIBTEST_NAMES_MAX bytes; they are forgotten when nothing runs. */
#ifndef LIBTEST_H
#define LIBTEST_H

#include "emit.h"

#define LIBTEST_NAMES_MAX ((size_t)128 << 20)

struct libtest;

/* NULL when out of memory. */
struct libtest *libtest_new(emit_fn fn, void *context);
/* Accepts NULL. */
void libtest_free(struct libtest *l);

/* Both return 0, or -1 with err set, by fn, for want of memory, or because there are too many tests. */
int libtest_feed(struct libtest *l, struct slice bytes, struct err *err);
int libtest_end(struct libtest *l, struct err *err);

/* True when a test failed. */
bool libtest_failed(const struct libtest *l);

#endif
