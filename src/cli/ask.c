/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As much of a commit's id as git shows. */
#define COMMIT_SHOWN 9

const char *
ask_outcome(enum status status)
{
	switch (status) {
	case STATUS_SUCCESS:
		return "passed";
	case STATUS_UXSUCCESS:
		return "unexpected success";
	case STATUS_SKIP:
		return "skipped";
	case STATUS_FAIL:
		return "failed";
	case STATUS_XFAIL:
		return "expected failure";
	default:
		return "unfinished";
	}
}

bool
ask_quarantined(struct slice tags)
{
	struct slice tag;

	while (slice_split(&tags, '\0', &tag))
		if (slice_eq(tag, SLICE_LIT(EVENT_QUARANTINED)))
			return true;
	return false;
}

void
ask_time(struct buf *out, int64_t time)
{
	if (time == TIME_NONE) {
		buf_byte(out, '-');
		return;
	}
	time_format(out, time, ' ');
	if (out->failed)
		return;
	buf_truncate(out, out->len - strlen(".000000Z"));
	buf_byte(out, 'Z');
}

void
ask_origin_init(struct ask_origin *o)
{
	*o = (struct ask_origin){0};
	buf_init(&o->command, REPO_VALUE_MAX);
}

void
ask_origin_release(struct ask_origin *o)
{
	buf_release(&o->command);
}

struct origin_walk {
	struct ask_origin *origin;
	bool dirty;
};

static int
take_origin(void *context, struct slice key, struct slice value, struct err *err)
{
	struct origin_walk *w = context;

	(void)err;
	if (slice_eq(key, SLICE_LIT("git.commit")))
		snprintf(w->origin->commit, sizeof(w->origin->commit), "%.*s",
		    SLICE_FMT(slice_head(value, COMMIT_SHOWN)));
	else if (slice_eq(key, SLICE_LIT("git.dirty")))
		w->dirty = slice_eq(value, SLICE_LIT("true"));
	else if (slice_eq(key, SLICE_LIT("command")))
		buf_slice(&w->origin->command, value);
	return 0;
}

int
ask_origin_read(struct ask_origin *o, struct repo *repo, int64_t run, struct err *err)
{
	struct origin_walk w = {o, false};
	size_t len;

	o->commit[0] = '\0';
	buf_clear(&o->command);
	if (repo_meta(repo, run, take_origin, &w, err) < 0)
		return -1;
	len = strlen(o->commit);
	if (w.dirty && len)
		snprintf(o->commit + len, sizeof(o->commit) - len, "+dirty");
	return 0;
}

bool
ask_is_glob(const char *pattern)
{
	return strpbrk(pattern, "*?[\\") != NULL;
}

bool
ask_matches(const char *pattern, struct slice id)
{
	char *text;
	bool matches;

	if (slice_eq(slice_str(pattern), id))
		return true;
	if (!ask_is_glob(pattern))
		return false;
	/* Ids that come from the repository are terminated mostly, but not promised to be. */
	text = slice_dup(id);
	matches = text && fnmatch(pattern, text, 0) == 0;
	free(text);
	return matches;
}

int
ask_no_test(struct err *err, const char *pattern, const char *where)
{
	if (ask_is_glob(pattern))
		return err_set(err, ERR_NO_TESTS, "no test%s matches '%.300s', which has to match a whole id",
		    where, pattern);
	return err_set(err, ERR_NO_TESTS,
	    "no test%s is named '%.300s'; the glob '*%.300s*' finds those that have it in their ids", where,
	    pattern, pattern);
}

int
ask_rows_add(struct ask_rows *rows, const struct repo_row *row, struct err *err)
{
	size_t test, tags;

	if (rows->count == rows->cap) {
		size_t cap = rows->cap ? rows->cap * 2 : 16;
		struct repo_row *more = reallocarray(rows->rows, cap, sizeof(*more));

		if (!more)
			return err_nomem(err);
		rows->rows = more;
		rows->cap = cap;
	}
	test = strtab_add(&rows->texts, row->test, NULL);
	tags = strtab_add(&rows->texts, row->tags, NULL);
	if (test == STRTAB_NONE || tags == STRTAB_NONE)
		return err_nomem(err);
	rows->rows[rows->count] = *row;
	rows->rows[rows->count].test = strtab_get(&rows->texts, test);
	rows->rows[rows->count].tags = strtab_get(&rows->texts, tags);
	rows->count++;
	return 0;
}

void
ask_rows_release(struct ask_rows *rows)
{
	free(rows->rows);
	strtab_release(&rows->texts);
	*rows = (struct ask_rows){0};
}

static int
add_details(void *context, const struct result *r, struct err *err)
{
	return json_object_set_new(context, "details", shape_details(r)) ? err_nomem(err) : 0;
}

int
ask_answer_row(struct answer *a, struct repo *repo, const struct repo_row *row, enum verdict verdict,
    size_t detail_max, struct err *err)
{
	json_t *object = shape_row(row, verdict);

	if (!object)
		return err_nomem(err);
	if (detail_max && (json_object_set_new(object, "details", json_array()) ||
			      repo_row_result(repo, row, detail_max, add_details, object, err) < 0)) {
		json_decref(object);
		return -1;
	}
	answer_item(a, object);
	return 0;
}
