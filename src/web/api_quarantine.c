/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"
#include "clock.h"
#include "quarantine.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* Who changed what, a line of JSON each: beside the file, which is the record that people review. */
#define LOG ".testr.quarantine.log"
/* So much of its end is shown. */
#define LOG_SHOWN ((size_t)32 << 10)

/* ---- what there is ---- */

static int
by_day(const void *a, const void *b)
{
	const struct quarantine_entry *x = *(const struct quarantine_entry *const *)a,
				      *y = *(const struct quarantine_entry *const *)b;

	return x->end != y->end ? (x->end > y->end) - (x->end < y->end) : slice_cmp(x->test, y->test);
}

/* The entries, those that end first first. NULL when out of memory. */
static json_t *
list_tests(const struct quarantine *q, int64_t now)
{
	const struct quarantine_entry **order = calloc(q->count + 1, sizeof(const struct quarantine_entry *));
	json_t *list = order ? json_array() : NULL;

	for (size_t i = 0; list && i < q->count; i++)
		order[i] = &q->entries[i];
	if (list)
		qsort(order, q->count, sizeof(const struct quarantine_entry *), by_day);
	for (size_t i = 0; list && i < q->count; i++)
		json_array_append_new(
		    list, json_pack("{so, so, so, so, sb}", "test", shape_text(order[i]->test), "reason",
			      shape_text(order[i]->reason), "owner", shape_text(order[i]->owner), "expires",
			      shape_text(order[i]->expires), "expired", now >= order[i]->end));
	free(order);
	return list;
}

/* The whole lines at the end of the log. */
static int
read_log(const struct file_dir *dir, struct buf *out, struct err *err)
{
	int fd = openat(dir->fd, LOG, O_RDONLY | O_CLOEXEC);
	off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0, from = 0;
	uint8_t *room;
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? 0 : file_error(dir, LOG, "open", err);
	if (size > (off_t)LOG_SHOWN)
		from = size - (off_t)LOG_SHOWN;
	room = buf_space(out, LOG_SHOWN);
	n = room ? file_read_at(fd, room, LOG_SHOWN, (uint64_t)from) : 0;
	close(fd);
	if (!room || n < 0)
		return room ? file_error(dir, LOG, "read", err) : err_nomem(err);
	buf_commit(out, (size_t)n);
	if (from)
		buf_drop(out, slice_find(buf_get(out), '\n') + 1);
	return 0;
}

/* Its changes, the newest first; what is no change is passed by. */
static json_t *
list_changes(struct slice log)
{
	json_t *list = json_array();
	struct slice line;

	while (list && slice_split(&log, '\n', &line)) {
		json_t *change = json_loadb((const char *)line.data, line.len, 0, NULL);
		const char *time, *who, *test, *what;

		if (change && json_unpack(change, "{ss, ss, ss, ss}", "time", &time, "who", &who, "test",
				  &test, "change", &what) == 0)
			json_array_insert(list, 0, change);
		json_decref(change);
	}
	return list;
}

/* What the answer follows from. */
static uint64_t
tag_of(const struct quarantine_file *f, struct slice log, int64_t now)
{
	uint64_t day = (uint64_t)(now / (86400 * TIME_SECOND));
	uint64_t tag = slice_hash(slice_hash(day, buf_get(&f->text)), log);

	return tag ? tag : 1;
}

static int
give(const struct quarantine_file *f, struct reply *out, struct err *err)
{
	int64_t now = clock_realtime();
	struct buf log;
	int rc;

	buf_init(&log, LOG_SHOWN);
	rc = read_log(&f->dir, &log, err);
	if (rc == 0) {
		out->tag = tag_of(f, buf_get(&log), now);
		rc = reply_json(out,
		    json_pack(
			"{so, so}", "tests", list_tests(&f->q, now), "changes", list_changes(buf_get(&log))),
		    err);
	}
	buf_release(&log);
	return rc;
}

/* 0; 1 when the reply is a problem. */
static int
need_project(const struct call *call, struct reply *out)
{
	if (call->options->project)
		return 0;
	reply_problem(out, 404, "no-project",
	    "there is no .testr.conf where the server was started; start it in the project's directory");
	return 1;
}

int
api_quarantine(struct call *call, struct reply *out, struct err *err)
{
	struct quarantine_file f;
	int rc;

	if (need_project(call, out))
		return 0;
	rc = quarantine_open(&f, call->options->project, false, err);
	if (rc == 0)
		rc = give(&f, out, err);
	quarantine_close(&f);
	return rc;
}

/* ---- changes ---- */

/* 0; 1 when the reply is a problem: the client has seen another state than there is. -1. */
static int
check_tag(const struct call *call, const struct quarantine_file *f, struct reply *out, struct err *err)
{
	char plain[64], packed[64];
	struct buf log;
	uint64_t tag;
	int rc;

	if (!call->if_match)
		return 0;
	buf_init(&log, LOG_SHOWN);
	rc = read_log(&f->dir, &log, err);
	tag = tag_of(f, buf_get(&log), clock_realtime());
	buf_release(&log);
	if (rc)
		return rc;
	reply_tag(plain, tag, false);
	reply_tag(packed, tag, true);
	if (request_tag_matches(call->if_match, slice_str(plain)) ||
	    request_tag_matches(call->if_match, slice_str(packed)))
		return 0;
	reply_problem(out, 412, "changed",
	    "what is in quarantine has changed since it was looked at; nothing was done: look again");
	return 1;
}

/* Appends a line; *size is what the log had before. */
static int
write_log(const struct call *call, const struct file_dir *dir, struct slice test, const char *what,
    off_t *size, struct err *err)
{
	json_t *change = json_pack("{so, ss, so, ss}", "time", shape_time(clock_realtime()), "who", call->who,
	    "test", shape_text(test), "change", what);
	char *line = change ? json_dumps(change, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	struct buf text;
	int fd = -1, rc = -1;

	json_decref(change);
	buf_init(&text, SIZE_MAX / 4);
	buf_str(&text, line ? line : "");
	buf_byte(&text, '\n');
	free(line);
	if (!line || text.failed)
		err_nomem(err);
	else
		fd = file_open(dir, LOG, O_WRONLY | O_APPEND | O_CREAT, 0666, err);
	if (fd >= 0) {
		*size = lseek(fd, 0, SEEK_END);
		rc = file_write(fd, buf_get(&text), NULL) || fsync(fd) ? file_error(dir, LOG, "write", err)
								       : 0;
		close(fd);
	}
	buf_release(&text);
	return rc;
}

/* Makes the change, with `entry` NULL of removing, and logs it: no change is without its line. */
static int
apply(const struct call *call, struct quarantine_file *f, const struct quarantine_entry *known,
    const struct quarantine_entry *entry, struct err *err)
{
	const char *what = !entry ? "removed" : known ? "changed" : "added";
	off_t size;
	int rc, fd;

	if (write_log(call, &f->dir, entry ? entry->test : known->test, what, &size, err) < 0)
		return -1;
	rc = entry ? quarantine_put(f, entry, err) : quarantine_remove(f, known, err);
	if (rc < 0) {
		struct err ignored;

		fd = file_open(&f->dir, LOG, O_WRONLY, 0, &ignored);
		if (fd >= 0 && ftruncate(fd, size))
			rc = -1;
		if (fd >= 0)
			close(fd);
	}
	return rc;
}

/* Changes the entry of the test to that, or removes it, and answers with what there is then. */
static int
change(struct call *call, struct slice test, const struct quarantine_entry *entry, struct reply *out,
    struct err *err)
{
	struct quarantine_file f;
	int rc = quarantine_open(&f, call->options->project, true, err);
	size_t at = rc == 0 ? strtab_find(&f.q.tests, test) : STRTAB_NONE;
	bool done = false;

	if (rc == 0)
		rc = check_tag(call, &f, out, err);
	if (rc == 0 && !entry && at == STRTAB_NONE) {
		reply_problem(out, 404, "not-in-quarantine", "that test is not in quarantine");
	} else if (rc == 0) {
		rc = apply(call, &f, at != STRTAB_NONE ? &f.q.entries[at] : NULL, entry, err);
		done = rc == 0;
	}
	quarantine_close(&f);
	return done ? api_quarantine(call, out, err) : rc;
}

static const char *const fields[] = {"reason", "owner", "expires"};

/* One of the body's texts, without blanks around it. 0; 1 when the reply is a problem. */
static int
take_field(const json_t *body, const char *name, struct reply *out, struct slice *value)
{
	const json_t *text = json_object_get(body, name);

	if (!json_is_string(text)) {
		reply_problem(out, 422, "bad-field",
		    "\"%s\" is missing, or no text; an entry has a reason, an owner and the last day on which it holds (expires)",
		    name);
		return 1;
	}
	*value = slice_trim(slice_of(json_string_value(text), json_string_length(text)));
	if (quarantine_takes(*value))
		return 0;
	reply_problem(out, 422, "bad-field", "\"%s\" has to be a line of text, and not empty", name);
	return 1;
}

/* Reads the body, which the entry's texts are of. 0; 1 when the reply is a problem. */
static int
take_entry(const json_t *body, struct reply *out, struct quarantine_entry *entry)
{
	struct slice *const values[] = {&entry->reason, &entry->owner, &entry->expires};

	for (size_t i = 0; i < 3; i++)
		if (take_field(body, fields[i], out, values[i]))
			return 1;
	if (json_object_size(body) > 3)
		reply_problem(out, 400, "bad-body", "the body has more than reason, owner and expires");
	else if (!quarantine_day(entry->expires, &entry->end))
		reply_problem(out, 422, "bad-field", "\"expires\" has to be a day, such as 2026-12-01");
	else if (entry->end <= clock_realtime())
		reply_problem(out, 422, "bad-field", "\"expires\" is a day that is over");
	else
		return 0;
	return 1;
}

int
api_quarantine_put(struct call *call, struct reply *out, struct err *err)
{
	struct quarantine_entry entry = {0};
	char *test = NULL;
	json_t *body;
	int rc;

	if (need_project(call, out))
		return 0;
	rc = call_test(call, out, 0, &test, err);
	if (rc)
		return rc < 0 ? -1 : 0;
	entry.test = slice_str(test);
	body = json_loadb((const char *)call->body.data, call->body.len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(body))
		reply_problem(out, 400, "bad-body", "the body has to be a JSON object");
	else if (!quarantine_takes(entry.test))
		reply_problem(out, 422, "bad-test",
		    "an id of a test that is no line of text has no place in .testr.quarantine");
	else if (take_entry(body, out, &entry) == 0)
		rc = change(call, entry.test, &entry, out, err);
	json_decref(body);
	free(test);
	return rc;
}

int
api_quarantine_delete(struct call *call, struct reply *out, struct err *err)
{
	char *test = NULL;
	int rc;

	if (need_project(call, out))
		return 0;
	rc = call_test(call, out, 0, &test, err);
	if (rc == 0)
		rc = change(call, slice_str(test), NULL, out, err);
	free(test);
	return rc;
}
