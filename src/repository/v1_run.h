/* SPDX-License-Identifier: Apache-2.0
 *
 * A run of a format-1 repository, an open file of subunit v1, as other repositories take it. */
#ifndef V1_RUN_H
#define V1_RUN_H

#include "repository.h"

/* A uid that follows from the run's id and its file (FNV-1a of 128 bits): so it is always the same. */
int v1_run_uid(int fd, int64_t id, char out[33], struct err *err);
/* The same of bytes. */
void v1_run_uid_of(int64_t id, struct slice bytes, char out[33]);

/* As repo_stream. */
int v1_run_stream(int fd, const struct repo_run *run, repo_text_fn fn, void *context, struct err *err);

#endif
