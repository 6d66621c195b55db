/* SPDX-License-Identifier: Apache-2.0
 *
 * What the commands that ask of stored runs share: what tables say of a test, and rows kept for later.
 * The same as JSON is shape.h. */
#ifndef ASK_H
#define ASK_H

#include "answer.h"
#include "cli.h"

/* What tables say of a result: "passed", "failed", "skipped", …. */
const char *ask_outcome(enum status status);
/* True when the tags of a row say that its test was in quarantine. */
bool ask_quarantined(struct slice tags);
/* Appends a time as people read it, "2020-01-01 00:00:00Z", or "-". */
void ask_time(struct buf *out, int64_t time);

/* The metadata of a run that tables show. Empty where there is none. */
struct ask_origin {
	char commit[96]; /* the first characters of the id, then "+dirty" if it was */
	struct buf command;
};
void ask_origin_init(struct ask_origin *o);
void ask_origin_release(struct ask_origin *o);
int ask_origin_read(struct ask_origin *o, struct repo *repo, int64_t run, struct err *err);

/* True when the id is the pattern, or the pattern is a glob that takes it whole. */
bool ask_matches(const char *pattern, struct slice id);
/* True when it can match something else than itself. */
bool ask_is_glob(const char *pattern);
/* Sets err to say that no test is named so, and how to find it. `where` is "" or " in run 12". Returns -1. */
int ask_no_test(struct err *err, const char *pattern, const char *where);

/* Copies of rows, which a walk only lends. A zeroed one is empty. */
struct ask_rows {
	struct repo_row *rows;
	size_t count, cap;
	struct strtab texts;
};
int ask_rows_add(struct ask_rows *rows, const struct repo_row *row, struct err *err);
void ask_rows_release(struct ask_rows *rows);

/* How many bytes of one result's attachments are shown if not all of them are. */
#define ASK_DETAIL_MAX ((size_t)64 * 1024)

/* The result of a row as the next item of the answer, with its attachments as far as detail_max allows; none
 * are looked for when it is 0. */
int ask_answer_row(struct answer *a, struct repo *repo, const struct repo_row *row, enum verdict verdict,
    size_t detail_max, struct err *err);

#endif
