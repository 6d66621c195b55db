/* SPDX-License-Identifier: Apache-2.0
 *
 * A directory of its own for each input of a target that works on files. */
#ifndef FUZZ_PLACE_H
#define FUZZ_PLACE_H

#include "fuzz.h"

#include <fcntl.h>
#include <ftw.h>
#include <unistd.h>

struct place {
	char path[64];
	int fd;
};

static inline void
place_init(struct place *p)
{
	/* In memory where there is such a place: what is written goes through to the disk otherwise. */
	strcpy(p->path, "/dev/shm/fuzz_XXXXXX");
	if (!mkdtemp(p->path)) {
		strcpy(p->path, "/tmp/fuzz_XXXXXX");
		LAW(mkdtemp(p->path) != NULL);
	}
	p->fd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	LAW(p->fd >= 0);
}

static inline int
place_remove(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path);
}

static inline void
place_release(struct place *p)
{
	close(p->fd);
	LAW(nftw(p->path, place_remove, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

static inline void
place_write(const struct place *p, const char *name, struct slice bytes)
{
	int fd = openat(p->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	LAW(fd >= 0 && write(fd, bytes.data, bytes.len) == (ssize_t)bytes.len);
	close(fd);
}

#endif
