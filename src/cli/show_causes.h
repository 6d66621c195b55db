/* SPDX-License-Identifier: Apache-2.0
 *
 * Causes of failures (causes.h) for people, and as an answer. */
#ifndef SHOW_CAUSES_H
#define SHOW_CAUSES_H

#include "answer.h"
#include "causes.h"

/* A line a group: how many failures, the cause, and examples. */
int causes_print(const struct causes *c, struct ui *ui, struct err *err);
/* The groups as the list "causes" of the answer. */
int causes_answer(const struct causes *c, struct answer *a, struct err *err);

#endif
