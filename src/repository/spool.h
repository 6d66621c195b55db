/* SPDX-License-Identifier: Apache-2.0
 *
 * A format-1 run in the making: its results as v1 text in a file, and what they say of each test so far,
 * which is what the list of failing tests is changed by at the end. */
#ifndef SPOOL_H
#define SPOOL_H

#include "file.h"
#include "outcome.h"
#include "strtab.h"

struct spool {
	const struct file_dir *dir; /* borrowed */
	char name[32];
	int fd; /* closed by spool_release; -1 as long as there is no file */
	bool uxsuccess_passes;
	struct buf out;   /* added but not written */
	uint64_t written; /* bytes in the file */
	uint64_t results; /* how many */

	struct strtab ids;
	struct seen *seen;  /* of each id */
	int64_t *durations; /* of each id, the last one; TIME_NONE when there is none */
	size_t cap;
};

/* Attachments of one test beyond this lose their middle. */
#define SPOOL_DETAIL_MAX ((size_t)16 << 20)

/* The caller opens the file and sets fd and name. */
void spool_init(struct spool *s, const struct file_dir *dir, bool uxsuccess_passes);
void spool_release(struct spool *s);

/* Adds one result. Only when it `counts` it has a say in what fails. */
int spool_add(struct spool *s, const struct result *r, bool counts, struct err *err);
/* Writes what was added to the file. */
int spool_flush(struct spool *s, struct err *err);
/* The same, and durably. */
int spool_sync(struct spool *s, struct err *err);

/* Replaces the file `name`, a list of failing tests in v1, by what it is after this run, whose spool is
 * flushed: with `replace` the run's failing tests alone. */
int spool_failing(struct spool *s, const char *name, bool replace, struct err *err);

#endif
