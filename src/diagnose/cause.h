/* SPDX-License-Identifier: Apache-2.0
 *
 * Why a test failed, taken from what it said, so that failures for one cause say the same: messages are in normal
 * form (normal.h), and of a stack only the frames next to the failure stay. It knows the tracebacks of Python and
 * pytest, the stacks of Java, JavaScript, Go and the sanitizers, panics of Rust, and failures that begin with a
 * place in a source, as gtest, Go, cmocka, Check and assert() write them. Of several exceptions in one text the
 * last is the cause, of several failed checks the first. Pure. Invariant: a cause follows from the text alone, the
 * test's id only deciding which frames are its own, and is a few lines long however long the text is. */
#ifndef CAUSE_H
#define CAUSE_H

#include "buf.h"

/* The frames that are kept. */
#define CAUSE_FRAMES 2
/* Of each line no more characters are looked at. */
#define CAUSE_LINE_MAX 400

struct cause {
	struct buf message; /* "ConnectionRefusedError: [Errno <n>] refused"; empty when nothing was said */
	struct buf frames;  /* the innermost first, "db.py: connect", each ended by a newline */
};
void cause_init(struct cause *c);
void cause_release(struct cause *c);

/* Finds the cause in the text of a failure of that test, whose own frame only counts when there is no other. Both
 * texts are equal for two failures of the same cause. */
void cause_find(struct cause *c, struct slice text, struct slice test);

#endif
