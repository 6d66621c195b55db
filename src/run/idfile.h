/* SPDX-License-Identifier: Apache-2.0
 *
 * The file of test ids that a test command reads: UTF-8, one id a line, made in TMPDIR (or /tmp). */
#ifndef IDFILE_H
#define IDFILE_H

#include "err.h"
#include "template.h"

/* Writes the tests to a new file; *out is its path. */
int idfile_write(const struct template_ids *ids, char **out, struct err *err);

/* Removes the file and frees the path. Accepts NULL. */
void idfile_remove(char *path);

#endif
