/* SPDX-License-Identifier: Apache-2.0
 *
 * The file of test ids that a test command reads: UTF-8, one id a line, made in TMPDIR (or /tmp). */
#ifndef IDFILE_H
#define IDFILE_H

#include "err.h"
#include "strtab.h"

/* Writes the tests at tests[0..count) of `ids` to a new file; *out is its path. */
int idfile_write(const struct strtab *ids, const size_t *tests, size_t count, char **out, struct err *err);

/* Removes the file and frees the path. Accepts NULL. */
void idfile_remove(char *path);

#endif
