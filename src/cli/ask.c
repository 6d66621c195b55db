/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"

#include "detail.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As much of a commit's id as git shows. */
#define COMMIT_SHOWN 9

enum verdict
ask_verdict(enum status status, const struct repo_run *run)
{
	switch (status) {
	case STATUS_SUCCESS:
	case STATUS_XFAIL:
		return VERDICT_PASS;
	case STATUS_UXSUCCESS:
		return run->uxsuccess_passes ? VERDICT_PASS : VERDICT_FAIL;
	case STATUS_FAIL:
		return VERDICT_FAIL;
	case STATUS_SKIP:
		return VERDICT_NONE;
	default:
		return run->state == REPO_FINISHED ? VERDICT_FAIL : VERDICT_NONE;
	}
}

int
ask_verdict_in(struct repo *repo, int64_t run, enum status status, enum verdict *out, struct err *err)
{
	struct repo_run facts = {.state = REPO_FINISHED};

	if ((status == STATUS_UXSUCCESS || !status_is_final(status)) &&
	    repo_run_get(repo, run, &facts, err) < 0)
		return -1;
	*out = ask_verdict(status, &facts);
	return 0;
}

const char *
ask_status(enum status status)
{
	return status_is_final(status) ? status_name(status) : "unfinished";
}

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

const char *
ask_run_outcome(const struct repo_run *run)
{
	if (run->state == REPO_RUNNING)
		return "running";
	if (run->state == REPO_INTERRUPTED)
		return "interrupted";
	return run->counts.failures || run->exit_status > 0 ? "failed" : "passed";
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
add_meta(void *context, struct slice key, struct slice value, struct err *err)
{
	char *name = slice_dup(key);
	int rc = name ? json_object_set_new_nocheck(context, name, answer_text(value)) : -1;

	free(name);
	return rc ? err_nomem(err) : 0;
}

json_t *
ask_run_json(struct repo *repo, const struct repo_run *run, struct err *err)
{
	static const char *const states[] = {"running", "finished", "interrupted"};
	int64_t elapsed = run->start == TIME_NONE ? TIME_NONE : run->stop - run->start;
	json_t *meta = json_object(), *object;

	if (!meta) {
		err_nomem(err);
		return NULL;
	}
	if (repo_meta(repo, run->id, add_meta, meta, err) < 0) {
		json_decref(meta);
		return NULL;
	}
	object = json_pack("{sI, so, ss, ss, sb, so, so, so, sI, sI, sI, so, so}", "run", (json_int_t)run->id,
	    "uid", run->uid[0] ? json_string(run->uid) : json_null(), "state", states[run->state], "outcome",
	    ask_run_outcome(run), "partial", run->partial, "start", answer_time(run->start), "stop",
	    answer_time(run->stop), "elapsed", answer_seconds(elapsed), "tests",
	    (json_int_t)run->counts.tests, "failures", (json_int_t)run->counts.failures, "skips",
	    (json_int_t)run->counts.skips, "exit_status",
	    run->exit_status < 0 ? json_null() : json_integer(run->exit_status), "meta", meta);
	if (!object)
		err_nomem(err);
	return object;
}

static json_t *
tags_json(struct slice tags)
{
	json_t *array = json_array();
	struct slice tag;

	while (tags.len && slice_split(&tags, '\0', &tag))
		if (json_array_append_new(array, answer_text(tag))) {
			json_decref(array);
			return NULL;
		}
	return array;
}

json_t *
ask_row_json(const struct repo_row *row, enum verdict verdict)
{
	json_t *object = json_object();
	int rc = json_object_set_new_nocheck(object, "test", answer_text(row->test));

	if (row->run >= 0)
		rc |= json_object_set_new_nocheck(object, "run", json_integer(row->run));
	if (row->attempt)
		rc |= json_object_set_new_nocheck(object, "attempt", json_integer(row->attempt));
	rc |= json_object_set_new_nocheck(object, "status", json_string(ask_status(row->status)));
	rc |= json_object_set_new_nocheck(object, "fails", json_boolean(verdict == VERDICT_FAIL));
	rc |= json_object_set_new_nocheck(object, "start", answer_time(row->start));
	rc |= json_object_set_new_nocheck(object, "duration", answer_seconds(row->duration));
	rc |= json_object_set_new_nocheck(
	    object, "worker", row->worker < 0 ? json_null() : json_integer(row->worker));
	rc |= json_object_set_new_nocheck(object, "tags", tags_json(row->tags));
	if (rc == 0)
		return object;
	json_decref(object);
	return NULL;
}

/* The text of an attachment, null for one that is no text. */
static json_t *
detail_text_json(const struct detail *d)
{
	struct buf text;
	json_t *value;

	if (!detail_is_text(d))
		return json_null();
	buf_init(&text, SIZE_MAX / 4);
	detail_decode(&text, d, NULL);
	value = text.failed ? NULL : answer_text(buf_get(&text));
	buf_release(&text);
	return value;
}

static json_t *
detail_type_json(const struct detail *d)
{
	struct buf type;
	json_t *value;

	buf_init(&type, SIZE_MAX / 4);
	mime_print(&type, d->mime);
	value = type.failed ? NULL : answer_text(buf_get(&type));
	buf_release(&type);
	return value;
}

json_t *
ask_details_json(const struct result *r)
{
	json_t *array = json_array();

	for (size_t i = 0; i < r->detail_count; i++) {
		const struct detail *d = &r->details[i];
		json_t *object = json_pack("{so, so, sI, sI, so}", "name", answer_text(d->name), "type",
		    detail_type_json(d), "bytes", (json_int_t)(d->bytes.len + d->left_out), "left_out",
		    (json_int_t)d->left_out, "text", detail_text_json(d));

		if (json_array_append_new(array, object)) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static int
add_details(void *context, const struct result *r, struct err *err)
{
	return json_object_set_new(context, "details", ask_details_json(r)) ? err_nomem(err) : 0;
}

int
ask_answer_row(struct answer *a, struct repo *repo, const struct repo_row *row, enum verdict verdict,
    size_t detail_max, struct err *err)
{
	json_t *object = ask_row_json(row, verdict);

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
