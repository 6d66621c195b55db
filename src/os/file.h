/* SPDX-License-Identifier: Apache-2.0
 *
 * Files: whole ones read, created and replaced, bytes written, locks, durability.
 *
 * Names are looked up in a directory that is held open, so that nothing changes under a program that changes
 * its working directory. Invariant: a file that is created or replaced here is there whole or not at all,
 * whenever the process dies. Every descriptor is close-on-exec from birth. */
#ifndef FILE_H
#define FILE_H

#include "buf.h"
#include "err.h"

#include <fcntl.h>
#include <sys/types.h>

/* A directory. `path` is what messages put before the name; NULL puts nothing there. Both belong to the
 * caller. */
struct file_dir {
	int fd;
	const char *path;
};

/* The working directory. */
#define FILE_CWD ((struct file_dir){AT_FDCWD, NULL})

/* Makes sure that descriptors 0, 1 and 2 are taken, so that no file of ours becomes the standard output of
 * somebody who closed it. Writing to one that was closed fails. */
void file_claim_standard(void);

/* As openat. The descriptor, which the caller closes, or -1. */
int file_open(const struct file_dir *dir, const char *name, int flags, mode_t mode, struct err *err);

/* Sets err from errno: "cannot VERB PATH/NAME: …". Returns -1. */
int file_error(const struct file_dir *dir, const char *name, const char *verb, struct err *err);

/* Appends all of a file to out. A file that does not fit, or ends before it is read, is an error. 1, 0 when
 * there is no such file, or -1. */
int file_read(const struct file_dir *dir, const char *name, struct buf *out, struct err *err);

/* Reads up to len bytes at an offset into data; fewer only at the end of the file. The number, or -1 with
 * errno set. */
ssize_t file_read_at(int fd, void *data, size_t len, uint64_t offset);

/* Writes all of it. 0, or -1 with errno set; *written, when not NULL, says how much got there in either case. */
int file_write(int fd, struct slice data, size_t *written);

/* Creates a file of a name that nobody has: `prefix` and eight more characters. The descriptor, or -1. `name`
 * has room for them and the NUL. */
int file_create_temp(const struct file_dir *dir, const char *prefix, mode_t mode, char *name,
    size_t name_size, struct err *err);

/* Creates a file with these contents. 1, 0 when the name is taken, or -1. The contents are durable before the
 * name is there, the name itself after file_sync_dir. */
int file_create(
    const struct file_dir *dir, const char *name, struct slice contents, mode_t mode, struct err *err);
/* Creates or replaces it, likewise. */
int file_replace(
    const struct file_dir *dir, const char *name, struct slice contents, mode_t mode, struct err *err);

/* Opens a new file without a name, which is gone with its descriptor; a small one need not see a disk. -1 with err
 * set. */
int file_scratch(bool small, struct err *err);

/* Takes the exclusive lock of an open file, which ends when every copy of the descriptor is closed. 1; 0 when
 * another has it and `wait` is false; or -1 with errno set. */
int file_lock(int fd, bool wait);

/* Makes the names in a directory durable. */
int file_sync_dir(const struct file_dir *dir, struct err *err);

#endif
