/* SPDX-License-Identifier: Apache-2.0
 *
 * The database of Python's dbm.dumb module, the one that every Python can read and that needs no library:
 * NAME.dir has a line for each key, `'key', (position, size)`, with the key as a Python string literal of its
 * bytes as Latin-1; NAME.dat has the values, each from a multiple of 512 on. The whole of NAME.dir is held in
 * memory. There is no locking here. */
#ifndef DBM_DUMB_H
#define DBM_DUMB_H

#include "file.h"

struct dbm_dumb;

enum dbm_kind {
	DBM_NONE, /* no database: one can be created */
	DBM_DUMB,
	DBM_OTHER, /* some other library's */
};

/* What Python's dbm.whichdb would find under the name. -1 on an error. */
int dbm_dumb_probe(const struct file_dir *dir, const char *name, struct err *err);

/* Opens the database. Lines that make no sense are passed over; they are gone after the next commit. *out is
 * freed with dbm_dumb_free. */
int dbm_dumb_open(const struct file_dir *dir, const char *name, struct dbm_dumb **out, struct err *err);
/* Opens it for writing, created if need be. */
int dbm_dumb_open_write(const struct file_dir *dir, const char *name, struct dbm_dumb **out, struct err *err);
/* Accepts NULL. What was set and not committed is lost. */
void dbm_dumb_free(struct dbm_dumb *d);

/* Replaces the contents of out by the value. 1, 0 when there is none, or -1. */
int dbm_dumb_get(struct dbm_dumb *d, struct slice key, struct buf *out, struct err *err);
int dbm_dumb_set(struct dbm_dumb *d, struct slice key, struct slice value, struct err *err);
int dbm_dumb_commit(struct dbm_dumb *d, struct err *err);

#endif
