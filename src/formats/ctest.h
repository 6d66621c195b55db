/* SPDX-License-Identifier: Apache-2.0
 *
 * CTest's own result file, `Testing/STAMP/Test.xml`, as events. Pure.
 *
 * A test's id is its name, as `ctest -R` takes it, and its tags are its labels. It passed or failed as the
 * file says. Of those that were not run the disabled ones and those that skipped themselves ("Completion
 * Status" is "Disabled" or begins with "SKIP_") were skipped; the others, such as those whose program or whose
 * fixture is missing, failed: so has CTest it in its own summary. A test whose status is not told failed too.
 *
 *     "output"        what it printed, unpacked where that is compressed
 *     "result"        of a test that did not pass: what the file tells of why, "name: value" a line
 *     "measurements"  what the test measured, "name: value" a line
 *
 * The file tells when the run began and how long each test took: a test begins when the one before it ended.
 * Without a beginning the clock starts at 2000-01-01.
 *
 * Limits: CTEST_TEXT_MAX for the text of an element and for the output of a test;
 * what is above is left out, and said to be. */
#ifndef CTEST_H
#define CTEST_H

#include "emit.h"

#define CTEST_TEXT_MAX ((size_t)16 << 20)

struct ctest;

/* NULL when out of memory. */
struct ctest *ctest_new(emit_fn fn, void *context);
/* Accepts NULL. */
void ctest_free(struct ctest *c);

/* Both return 0, or -1 with err set: by fn, for want of memory, or because this is no such file. What came
 * before stays true. */
int ctest_feed(struct ctest *c, struct slice bytes, struct err *err);
int ctest_end(struct ctest *c, struct err *err);

/* True when a test failed. */
bool ctest_failed(const struct ctest *c);

#endif
