/* SPDX-License-Identifier: Apache-2.0
 *
 * Meson's `meson-logs/testlog.json` as events: one JSON object a line, as each test ends. Pure.
 *
 * A test's id is its name there, "project:suite / name". It began at "starttime" and took "duration".
 *
 *     OK                          success
 *     SKIP, IGNORED               skip
 *     EXPECTEDFAIL                xfail
 *     UNEXPECTEDPASS              uxsuccess
 *     FAIL, ERROR, TIMEOUT, INTERRUPT and any other
 *                                 fail
 *
 *     "stdout", "stderr"          what it printed
 *     "result"                    of a test that did not succeed: the word above, the exit status or signal,
 *                                 and the command
 *
 * The environment is left out: it is long, and there may be secrets in it. A line that is no such object is
 * an error, but what follows it is read; long ones are shortened as json_lines.h says. */
#ifndef MESON_LOG_H
#define MESON_LOG_H

#include "emit.h"

struct meson_log;

/* NULL when out of memory. */
struct meson_log *meson_log_new(emit_fn fn, void *context);
/* Accepts NULL. */
void meson_log_free(struct meson_log *m);

/* Both return 0, or -1 with err set: by fn or for want of memory, and the end when a line was no test. */
int meson_log_feed(struct meson_log *m, struct slice bytes, struct err *err);
int meson_log_end(struct meson_log *m, struct err *err);

/* True when a test failed, or succeeded unexpectedly. */
bool meson_log_failed(const struct meson_log *m);

#endif
