/* SPDX-License-Identifier: Apache-2.0
 *
 * JUnit XML as events: what pytest, Jest, Surefire, Gradle, gtest, ctest and others write. Pure.
 *
 * A file has a root <testsuite> or <testsuites>, with suites nested to any depth; other files hold no tests.
 * Each <testcase> becomes an "inprogress" event and a final one; its id is "class::name", or the name when
 * there is no class. The clock stands at 2000-01-01 when the first file begins and goes on by the time that
 * each test says it took; what is no number, or leads out of the years that a packet can hold, counts as
 * zero.
 *
 *     failure, error      the test failed; <skipped>, or status "notrun" or "disabled", or result
 *                         "suppressed": it was skipped, or expected to fail if the type is "pytest.xfail";
 *                         otherwise it succeeded
 *     "junit detail"      the attachment with "type: message" and the text of the element: of the first
 *                         failure, without one the first error, without one the first <skipped>;
 *                         "junit detail 2" and so on are the others
 *     "rerunFailure", …   likewise the tries of a test that was run again; they do not decide what
 *                         became of it
 *     "system-out", "system-err"
 *                         what it printed; what a suite printed belongs to no test
 *     "properties"        its properties, "name=value" a line
 *
 * These attachments but for "junit detail", the nested suites, expected failures, the word in `status` and
 * `result` and times with commas between thousands are ours; all else is as Python's junitxml2subunit has it. A test without a name is left out, unless it failed: then
 * it is called after its class, or its suite.
 *
 * Limits: JUNITXML_TEXT_MAX for the text of an element, what is above is left out, and said to be; those of
 * xml.h. */
#ifndef JUNITXML_H
#define JUNITXML_H

#include "err.h"
#include "event.h"

#define JUNITXML_TEXT_MAX ((size_t)16 << 20)

struct junitxml;

/* Takes an event, which is valid only in the call. Returns 0, or -1 with err set. */
typedef int (*junitxml_fn)(void *context, const struct event *e, struct err *err);

/* NULL when out of memory. */
struct junitxml *junitxml_new(junitxml_fn fn, void *context);
/* Accepts NULL. */
void junitxml_free(struct junitxml *j);

/* Begins a file, whatever became of the one before. */
int junitxml_begin(struct junitxml *j, struct err *err);
/* Both return 0, or -1 with err set: by fn, for want of memory, or because this is no well-formed XML. What
 * came before stays true; a test that was begun has no final event. */
int junitxml_feed(struct junitxml *j, struct slice bytes, struct err *err);
int junitxml_end(struct junitxml *j, struct err *err);

/* True when a test failed. */
bool junitxml_failed(const struct junitxml *j);

#endif
