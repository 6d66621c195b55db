/* SPDX-License-Identifier: Apache-2.0
 *
 * The results of the tests in a stream, with everything that the tests said.
 *
 * Invariant: however long the attachments of the open tests are, few of their bytes are in memory; the others
 * are in a temporary file, and none is lost. */
#ifndef RESULTS_H
#define RESULTS_H

#include "err.h"
#include "outcome.h"
#include "stream.h"

struct results;

/* Every failure, also one of reading an attachment later, is told in `err`, which has to live as long. NULL,
 * with err set. */
struct results *results_new(struct err *err);
/* Accepts NULL. */
void results_free(struct results *r);

/* As outcome_event. 0, or -1 with err set. */
int results_event(struct results *r, const struct event *e, const struct result **out);
/* As outcome_open_next; *out is NULL when there are no more. 0, or -1 with err set. */
int results_open_next(struct results *r, const struct result **out);

/* Writes what a result makes into an output. */
struct results_drain {
	struct output *to;
	struct err *err;
};
int results_drain(void *context);

#endif
