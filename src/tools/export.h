/* SPDX-License-Identifier: Apache-2.0
 *
 * Files and directories whose names come from a stream, for subunit2disk.
 *
 * Invariant: whatever the names are, nothing is made outside the directory that was given, no symbolic link
 * below it is followed, and nothing that is there already is changed. */
#ifndef EXPORT_H
#define EXPORT_H

#include "buf.h"
#include "err.h"

/* Makes a new directory in the directory `root`, for a name that may have '/' in it: the directories before
 * the last one need not be new. A name that leads outside, or through what is no directory, becomes one
 * without '/'; a longer one than file systems take is cut; one that is taken gets "-1", "-2", … behind it; an
 * empty one is `root` itself. Returns a descriptor, or -1. */
int export_directory(int root, struct slice name, struct err *err);

/* The same for a file, opened for writing. No name is `root` itself. */
int export_file(int root, struct slice name, struct err *err);

#endif
