/* SPDX-License-Identifier: Apache-2.0
 *
 * The durations of tests in a format-1 directory: times.dbm*, which is a dbm.dumb database when this program
 * or stestr made it and whatever its Python liked when testrepository did; the latter is left alone. A value
 * is a number of seconds as Python prints a float. */
#ifndef TIMES_H
#define TIMES_H

#include "file.h"
#include "strtab.h"

/* By what a test is known there. */
enum times_key {
	TIMES_ID,
	TIMES_ID_STRIPPED, /* without its first pair of square brackets and what is in it: stestr's way */
};

/* Stores the durations (nanoseconds; negative: none) of tests. Does nothing where the database is none of
 * ours. */
int times_store(const struct file_dir *dir, enum times_key key, const struct strtab *ids,
    const int64_t *durations, struct err *err);

/* out[i] becomes the duration of test i where one is stored. 1, 0 when there is no database of ours, or -1. */
int times_load(
    const struct file_dir *dir, enum times_key key, const struct strtab *ids, int64_t *out, struct err *err);

#endif
