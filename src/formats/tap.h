/* SPDX-License-Identifier: Apache-2.0
 *
 * The Test Anything Protocol as events, by the rules of Python's tap2subunit. Pure.
 *
 *     1..3                             the plan; a second one is text
 *     ok 1 - first                     "test 1 - first" succeeded; without a number the next one is meant
 *     # comment                        goes with the test before it, or with the first one
 *     not ok 3 # TODO why              expected to fail; # SKIP: skipped; why is a comment
 *     Bail out! why                    a test of that name failed
 *
 * Anything else, indented lines and a last line without its newline too, is text. Tests that the plan or the
 * numbers want and that are not there failed; when there are very many, one event stands for all of them. A
 * bare "1..0" skips the file as one with a reason does.
 *
 * A longer line than TAP_LINE_MAX is text; of the comments of one test, what is above TAP_COMMENT_MAX is left
 * out, which a last line says. Bytes in ids that are no UTF-8 are replaced. */
#ifndef TAP_H
#define TAP_H

#include "err.h"
#include "event.h"

#define TAP_LINE_MAX ((size_t)1 << 20)
#define TAP_COMMENT_MAX ((size_t)16 << 20)

struct tap;

/* Takes an event, which is valid only in the call. Returns 0, or -1 with err set. */
typedef int (*tap_fn)(void *context, const struct event *e, struct err *err);

/* NULL when out of memory. */
struct tap *tap_new(tap_fn fn, void *context);
/* Accepts NULL. */
void tap_free(struct tap *t);

/* Both return 0, or -1 with err set, by fn or for want of memory. */
int tap_feed(struct tap *t, struct slice bytes, struct err *err);
int tap_end(struct tap *t, struct err *err);

#endif
