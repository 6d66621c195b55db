/* SPDX-License-Identifier: Apache-2.0
 *
 * `.testr.quarantine`: tests whose failures decide nothing for a while, and why, and who sees to it. Lines that people
 * review in a diff:
 *
 *     # a comment
 *     [pkg.net.TestPool.test_retry]
 *     reason = resets under load, T-118
 *     owner = ana
 *     expires = 2026-12-01
 *
 * An entry holds until the end of its last day in UTC, so that it ends for everybody at the same moment. Invariant: once
 * read, every entry has a test of its own, a reason, an owner and a day. */
#ifndef QUARANTINE_H
#define QUARANTINE_H

#include "buf.h"
#include "err.h"
#include "file.h"
#include "strtab.h"

#define QUARANTINE_FILE ".testr.quarantine"
#define QUARANTINE_TEXT_MAX ((size_t)16 * 1024 * 1024)

struct quarantine_entry {
	struct slice test, reason, owner;
	struct slice expires; /* "2026-12-01" */
	int64_t end;          /* the first moment that it does not hold any more */
	unsigned line, last;  /* of the test; the last one that says something of it */
};

/* A zeroed one is empty. */
struct quarantine {
	struct quarantine_entry *entries; /* in the order of the file */
	size_t count;
	struct strtab tests; /* the same in the same order */
	struct strtab texts;
};

/* Reads the text of a file that errors call `path`. quarantine_release is due in every case. */
int quarantine_parse(struct quarantine *q, struct slice text, const char *path, struct err *err);
/* Reads DIRECTORY/.testr.quarantine; none there is an empty one. */
int quarantine_load(struct quarantine *q, const char *directory, struct err *err);
void quarantine_release(struct quarantine *q);

/* The test's entry if it holds at that time, else NULL. */
const struct quarantine_entry *quarantine_find(const struct quarantine *q, struct slice test, int64_t now);

/* The file of a project, as it is, or held so that nobody else changes it meanwhile. */
struct quarantine_file {
	struct file_dir dir; /* its path is borrowed */
	struct buf text;
	struct quarantine q; /* what that says */
};
/* quarantine_close is due in every case. */
int quarantine_open(struct quarantine_file *f, const char *directory, bool change, struct err *err);
void quarantine_close(struct quarantine_file *f);
/* Writes the test's entry in the place of the one that it has, or else behind all others; all other lines stay as they
 * are. The text is then that of the file, `q` what it was before. Of each opening one change is made. */
int quarantine_put(struct quarantine_file *f, const struct quarantine_entry *entry, struct err *err);
/* Takes an entry out, with the empty lines before it. */
int quarantine_remove(struct quarantine_file *f, const struct quarantine_entry *entry, struct err *err);

/* Reads "2026-12-01", a day that there is: *end becomes the first moment after it. */
bool quarantine_day(struct slice text, int64_t *end);
/* Appends an entry as the file has it. Its texts are whole lines, not empty, without blanks around them. */
void quarantine_write(struct buf *out, const struct quarantine_entry *entry);
/* True when the text can stand in a line of the file. */
bool quarantine_takes(struct slice text);

#endif
