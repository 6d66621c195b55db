/* SPDX-License-Identifier: Apache-2.0 */
#include "shape.h"

#include "detail.h"
#include "tagset.h"
#include "utf8.h"

#include <stdlib.h>

json_t *
shape_text(struct slice s)
{
	struct buf text;
	json_t *value = NULL;

	if (!s.data)
		return json_null();
	if (utf8_valid(s))
		return json_stringn_nocheck((const char *)s.data, s.len);
	buf_init(&text, 3 * s.len);
	utf8_replace(&text, s);
	if (!text.failed)
		value = json_stringn_nocheck((const char *)text.data, text.len);
	buf_release(&text);
	return value;
}

json_t *
shape_time(int64_t time)
{
	struct buf text;
	json_t *value;

	if (time == TIME_NONE)
		return json_null();
	buf_init(&text, 64);
	time_format(&text, time, 'T');
	value = text.failed ? NULL : shape_text(buf_get(&text));
	buf_release(&text);
	return value;
}

json_t *
shape_seconds(int64_t duration)
{
	return duration == TIME_NONE ? json_null() : json_real((double)duration / 1e9);
}

enum verdict
shape_verdict(enum status status, const struct repo_run *run)
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
shape_verdict_in(struct repo *repo, int64_t run, enum status status, enum verdict *out, struct err *err)
{
	struct repo_run facts = {.state = REPO_FINISHED};

	if ((status == STATUS_UXSUCCESS || !status_is_final(status)) &&
	    repo_run_get(repo, run, &facts, err) < 0)
		return -1;
	*out = shape_verdict(status, &facts);
	return 0;
}

const char *
shape_status(enum status status)
{
	return status_is_final(status) ? status_name(status) : "unfinished";
}

const char *
shape_state(enum repo_state state)
{
	static const char *const states[] = {
	    [REPO_RUNNING] = "running", [REPO_FINISHED] = "finished", [REPO_INTERRUPTED] = "interrupted"};

	return states[state];
}

const char *
shape_outcome(const struct repo_run *run)
{
	if (run->state == REPO_RUNNING)
		return "running";
	if (run->state == REPO_INTERRUPTED)
		return "interrupted";
	return run->counts.failures || run->exit_status > 0 ? "failed" : "passed";
}

static int
add_meta(void *context, struct slice key, struct slice value, struct err *err)
{
	char *name = slice_dup(key);
	int rc = name ? json_object_set_new_nocheck(context, name, shape_text(value)) : -1;

	free(name);
	return rc ? err_nomem(err) : 0;
}

json_t *
shape_run(struct repo *repo, const struct repo_run *run, struct err *err)
{
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
	    "uid", run->uid[0] ? json_string(run->uid) : json_null(), "state", shape_state(run->state),
	    "outcome", shape_outcome(run), "partial", run->partial, "start", shape_time(run->start), "stop",
	    shape_time(run->stop), "elapsed", shape_seconds(elapsed), "tests", (json_int_t)run->counts.tests,
	    "failures", (json_int_t)run->counts.failures, "skips", (json_int_t)run->counts.skips,
	    "exit_status", run->exit_status < 0 ? json_null() : json_integer(run->exit_status), "meta", meta);
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
		if (json_array_append_new(array, shape_text(tag))) {
			json_decref(array);
			return NULL;
		}
	return array;
}

json_t *
shape_row(const struct repo_row *row, enum verdict verdict)
{
	json_t *object = json_object();
	int rc = json_object_set_new_nocheck(object, "test", shape_text(row->test));

	if (row->run >= 0)
		rc |= json_object_set_new_nocheck(object, "run", json_integer(row->run));
	if (row->attempt)
		rc |= json_object_set_new_nocheck(object, "attempt", json_integer(row->attempt));
	rc |= json_object_set_new_nocheck(object, "status", json_string(shape_status(row->status)));
	rc |= json_object_set_new_nocheck(object, "fails", json_boolean(verdict == VERDICT_FAIL));
	rc |= json_object_set_new_nocheck(object, "start", shape_time(row->start));
	rc |= json_object_set_new_nocheck(object, "duration", shape_seconds(row->duration));
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
	value = text.failed ? NULL : shape_text(buf_get(&text));
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
	value = type.failed ? NULL : shape_text(buf_get(&type));
	buf_release(&type);
	return value;
}

json_t *
shape_details(const struct result *r)
{
	json_t *array = json_array();

	for (size_t i = 0; i < r->detail_count; i++) {
		const struct detail *d = &r->details[i];
		json_t *object = json_pack("{so, so, sI, sI, so}", "name", shape_text(d->name), "type",
		    detail_type_json(d), "bytes", (json_int_t)(d->bytes.len + d->left_out), "left_out",
		    (json_int_t)d->left_out, "text", detail_text_json(d));

		if (json_array_append_new(array, object)) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

json_t *
shape_cause(struct slice message, struct slice frames, size_t failures, const struct strtab *tests)
{
	json_t *lines = json_array(), *ids = json_array();
	struct slice frame;
	int rc = 0;

	while (frames.len && slice_split(&frames, '\n', &frame))
		if (frame.len)
			rc |= json_array_append_new(lines, shape_text(frame));
	for (size_t i = 0; i < tests->len; i++)
		rc |= json_array_append_new(ids, shape_text(strtab_get(tests, i)));
	if (rc == 0)
		return json_pack("{so, so, sI, so}", "message", shape_text(message), "frames", lines,
		    "failures", (json_int_t)failures, "tests", ids);
	json_decref(lines);
	json_decref(ids);
	return NULL;
}

json_t *
shape_profile(struct slice profile)
{
	json_t *array = json_array();
	struct slice tag;

	while (tagset_next(&profile, &tag))
		if (json_array_append_new(array, shape_text(tag))) {
			json_decref(array);
			return NULL;
		}
	return array;
}
