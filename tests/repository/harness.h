/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of repositories share: a directory of their own, dice, simple results. */
#ifndef HARNESS_H
#define HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "repository.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BASE_TIME (INT64_C(1700000000) * TIME_SECOND)
#define US INT64_C(1000)

/* One directory a test, removed at its end. */
struct place {
	char directory[64];
	int format;
	bool in_memory; /* where syncing costs nothing */
	char url[256];  /* of the repository: mostly the directory */
};

static inline int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path);
}

static inline int
set_up(void **state)
{
	struct place *place = *state;
	struct err err;

	strcpy(place->directory, place->in_memory && access("/dev/shm", W_OK) == 0
				     ? "/dev/shm/test_repository.XXXXXX"
				     : "/tmp/test_repository.XXXXXX");
	if (!mkdtemp(place->directory))
		return -1;
	strcpy(place->url, place->directory);
	return repo_create(place->url, place->format, &err);
}

static inline int
tear_down(void **state)
{
	struct place *place = *state;

	return nftw(place->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

#define ok(call) \
	do { \
		err.text[0] = '\0'; \
		if (call) \
			fail_msg("%s: %s", #call, err.text); \
	} while (0)

static inline struct repo *
open_repo(const struct place *place)
{
	struct repo *repo = NULL;
	struct err err;

	ok(repo_open(place->url, &repo, &err));
	assert_int_equal(repo_format(repo), place->format);
	return repo;
}

static inline int
count_running(void *context, const struct repo_run *run, struct err *err)
{
	(void)err;
	*(unsigned *)context += run->state == REPO_RUNNING;
	return 0;
}

/* As soon as no run is running any more: a server hears of a writer's death a little later. */
static inline struct repo *
open_repaired(const struct place *place)
{
	for (;;) {
		struct repo *repo = open_repo(place);
		unsigned running = 0;
		struct err err;

		ok(repo_runs(repo, count_running, &running, &err));
		if (!running)
			return repo;
		repo_free(repo);
	}
}

/* A small generator with a fixed seed, so that every run of this program is the same. */
struct dice {
	uint64_t state;
};

static inline uint32_t
roll(struct dice *dice, uint32_t below)
{
	dice->state = dice->state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(dice->state >> 33) % below;
}

static inline int
simple_result(struct repo_writer *w, const char *id, enum status status, struct err *err)
{
	struct slice tag = SLICE_LIT("worker-0");
	struct event e;

	event_init(&e);
	e.id = slice_str(id);
	e.status = STATUS_INPROGRESS;
	e.time = BASE_TIME;
	e.tags = &tag;
	e.tag_count = 1;
	if (repo_append(w, &e, err))
		return -1;
	e.status = status;
	e.time = BASE_TIME + TIME_SECOND;
	return repo_append(w, &e, err);
}

static inline void
write_file(const struct place *place, const char *name, const void *text, size_t len)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/.testrepository/%s", place->directory, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	close(fd);
}

static inline void
must_not_open(const char *directory, const char *words)
{
	struct repo *repo;
	struct err err;

	assert_int_equal(repo_open(directory, &repo, &err), -1);
	assert_int_equal(err.kind, ERR_FAILED);
	if (!strstr(err.text, words))
		fail_msg("\"%s\" does not say \"%s\"", err.text, words);
}

#define LAW(name, place) \
	{ \
#name, name, set_up, tear_down, place \
	}

#endif
