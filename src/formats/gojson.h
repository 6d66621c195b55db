/* SPDX-License-Identifier: Apache-2.0
 *
 * What `go test -json` writes, one JSON object a line, as events. Pure.
 *
 *     run                "inprogress" of the test "Package.Test"
 *     output             kept for the final event of its test, or of its package
 *     pass, fail, skip   the final event of the test, with the attachment "go test output"
 *     fail               of a package: its tests that did not end failed. When no test of it failed, the
 *                        test "Package [build]" failed, with the package's output and that of the build;
 *                        otherwise that output belongs to no test
 *     build-output, build-fail
 *                        of a build, which a package names that failed for it; otherwise it is
 *                        "ImportPath [build]" that failed
 *
 * Other actions, and lines that are no such object, are dropped. Tests that never end failed. That no package
 * with a failed test makes a failed "[build]", that a test without output fails too when it never ends, and
 * builds, are ours; all else is as Python's gojson2subunit has it.
 *
 * A line of more than GOJSON_LINE_MAX is dropped, as is one with a name that no packet holds. Output of more
 * than GOJSON_OUTPUT_MAX, for one test or for all that run, leaves at once, as events of its own. The names
 * of all tests have at most GOJSON_NAMES_MAX bytes; they are forgotten when nothing runs. */
#ifndef GOJSON_H
#define GOJSON_H

#include "err.h"
#include "event.h"

#define GOJSON_LINE_MAX ((size_t)4 << 20)
#define GOJSON_OUTPUT_MAX ((size_t)1 << 20)
#define GOJSON_NAMES_MAX ((size_t)128 << 20)

struct gojson;

/* Takes an event, which is valid only in the call. Returns 0, or -1 with err set. */
typedef int (*gojson_fn)(void *context, const struct event *e, struct err *err);

/* NULL when out of memory. */
struct gojson *gojson_new(gojson_fn fn, void *context);
/* Accepts NULL. */
void gojson_free(struct gojson *g);

/* Both return 0, or -1 with err set, by fn, for want of memory, or because there are too many tests. */
int gojson_feed(struct gojson *g, struct slice bytes, struct err *err);
int gojson_end(struct gojson *g, struct err *err);

/* True when a test failed. */
bool gojson_failed(const struct gojson *g);

#endif
