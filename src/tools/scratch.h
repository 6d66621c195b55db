/* SPDX-License-Identifier: Apache-2.0
 *
 * A text that is known long before it can be written. Invariant: however long it gets, little of it is in
 * memory: the rest is in a file that has no name and so goes with the program. */
#ifndef SCRATCH_H
#define SCRATCH_H

#include "stream.h"

struct scratch {
	struct buf data; /* to be appended to */
	int fd;          /* of the file, which has what came before `data`; -1 when there is none */
};

/* Where temporary files are made: TMPDIR, or /tmp. */
const char *scratch_directory(void);

/* A new one, without a name. The descriptor, or -1. */
int scratch_file(struct err *err);

void scratch_init(struct scratch *s);
void scratch_release(struct scratch *s);
/* To be called when something was appended: keeps the promise about memory. */
int scratch_settle(struct scratch *s, struct err *err);
/* Appends all of it to `to`, flushing that now and then. */
int scratch_copy(const struct scratch *s, struct output *to, struct err *err);

#endif
