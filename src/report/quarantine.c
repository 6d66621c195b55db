/* SPDX-License-Identifier: Apache-2.0 */
#include "quarantine.h"

#include "file.h"
#include "timefmt.h"
#include "utf8.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAY (86400 * TIME_SECOND)

#define BEGINNING \
	"# Tests that run and are recorded, but whose failures do not decide the exit status. Every entry has a reason, an\n" \
	"# owner, and the last day on which it holds, in UTC. See `testr help quarantine`.\n"

static const char *const keys[] = {"reason", "owner", "expires"};
#define KEYS (sizeof(keys) / sizeof(keys[0]))

bool
quarantine_day(struct slice text, int64_t *end)
{
	int64_t day;

	if (text.len != strlen("2026-12-01") || time_parse(text, true, &day) != text.len ||
	    __builtin_add_overflow(day, DAY, &day))
		return false;
	*end = day;
	return true;
}

bool
quarantine_takes(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < ' ' || text.data[i] == 0x7f)
			return false;
	return text.len && utf8_valid(text) && slice_trim(text).len == text.len;
}

void
quarantine_write(struct buf *out, const struct quarantine_entry *entry)
{
	buf_printf(out, "[%.*s]\nreason = %.*s\nowner = %.*s\nexpires = %.*s\n", SLICE_FMT(entry->test),
	    SLICE_FMT(entry->reason), SLICE_FMT(entry->owner), SLICE_FMT(entry->expires));
}

/* What is read at the moment. */
struct parsing {
	struct quarantine *q;
	const char *path;
	unsigned line;
	size_t cap;
	struct err *err;
};

static struct slice *
value_of(struct quarantine_entry *e, size_t key)
{
	return key == 0 ? &e->reason : key == 1 ? &e->owner : &e->expires;
}

/* The entry in hand is over. */
static int
end_entry(struct parsing *p)
{
	struct quarantine_entry *e = p->q->count ? &p->q->entries[p->q->count - 1] : NULL;

	for (size_t i = 0; e && i < KEYS; i++)
		if (!value_of(e, i)->data)
			return err_set(p->err, ERR_FAILED,
			    "%s:%u: the entry of '%.200s' lacks \"%s\"; every entry says why (reason), who sees to it (owner) and its last day (expires)",
			    p->path, e->line, (const char *)e->test.data, keys[i]);
	return 0;
}

static int
begin_entry(struct parsing *p, struct slice line)
{
	struct quarantine *q = p->q;
	struct slice test = slice_head(slice_from(line, 1), line.len - 2);
	size_t at;
	bool added;

	if (end_entry(p) < 0)
		return -1;
	if (line.len < 3 || line.data[line.len - 1] != ']' || !quarantine_takes(test))
		return err_set(p->err, ERR_FAILED,
		    "%s:%u: a test stands in a line of its own between \"[\" and \"]\", without blanks around it",
		    p->path, p->line);
	at = strtab_add(&q->tests, test, &added);
	if (at == STRTAB_NONE)
		return err_nomem(p->err);
	if (!added)
		return err_set(p->err, ERR_FAILED,
		    "%s:%u: '%.*s' is there already, in line %u; a test has one entry", p->path, p->line,
		    SLICE_FMT(slice_head(test, 200)), q->entries[at].line);
	if (q->count == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 16;
		struct quarantine_entry *more = reallocarray(q->entries, cap, sizeof(*more));

		if (!more)
			return err_nomem(p->err);
		q->entries = more;
		p->cap = cap;
	}
	q->entries[q->count++] =
	    (struct quarantine_entry){.test = strtab_get(&q->tests, at), .line = p->line};
	return 0;
}

static int
take_value(struct parsing *p, struct slice line)
{
	size_t equals = slice_find(line, '='), key = 0, at;
	struct slice name = slice_trim(slice_head(line, equals)),
		     value = slice_trim(slice_from(line, equals + 1));
	struct quarantine_entry *e = p->q->count ? &p->q->entries[p->q->count - 1] : NULL;

	while (key < KEYS && !slice_eq(name, slice_str(keys[key])))
		key++;
	if (equals == line.len || key == KEYS)
		return err_set(p->err, ERR_FAILED,
		    "%s:%u: expected [TEST], or one of \"reason = …\", \"owner = …\" and \"expires = YYYY-MM-DD\"",
		    p->path, p->line);
	if (!e)
		return err_set(p->err, ERR_FAILED,
		    "%s:%u: \"%s\" belongs below the test that it is about, [TEST]", p->path, p->line,
		    keys[key]);
	if (value_of(e, key)->data)
		return err_set(p->err, ERR_FAILED, "%s:%u: '%.*s' has \"%s\" twice", p->path, p->line,
		    SLICE_FMT(slice_head(e->test, 200)), keys[key]);
	if (!quarantine_takes(value))
		return err_set(p->err, ERR_FAILED, "%s:%u: \"%s\" is %s", p->path, p->line, keys[key],
		    value.len ? "no line of UTF-8 text" : "empty");
	if (key == 2 && !quarantine_day(value, &e->end))
		return err_set(p->err, ERR_FAILED, "%s:%u: '%.*s' is no day; write it as 2026-12-01", p->path,
		    p->line, SLICE_FMT(slice_head(value, 200)));
	at = strtab_add(&p->q->texts, value, NULL);
	if (at == STRTAB_NONE)
		return err_nomem(p->err);
	*value_of(e, key) = strtab_get(&p->q->texts, at);
	e->last = p->line;
	return 0;
}

int
quarantine_parse(struct quarantine *q, struct slice text, const char *path, struct err *err)
{
	struct parsing p = {.q = q, .path = path, .err = err};
	struct slice line;

	while (slice_split(&text, '\n', &line)) {
		p.line++;
		line = slice_trim(line);
		if (!line.len || line.data[0] == '#' || line.data[0] == ';')
			continue;
		if ((line.data[0] == '[' ? begin_entry : take_value)(&p, line) < 0)
			return -1;
	}
	return end_entry(&p);
}

static void
path_of(struct buf *path, const char *directory)
{
	size_t len = strlen(directory);

	buf_init(path, len + 64);
	buf_printf(path, "%s%s" QUARANTINE_FILE, directory, len == 0 || directory[len - 1] == '/' ? "" : "/");
}

int
quarantine_load(struct quarantine *q, const char *directory, struct err *err)
{
	struct buf path, text;
	int rc = -1;

	path_of(&path, directory);
	buf_init(&text, QUARANTINE_TEXT_MAX);
	if (buf_cstr(&path))
		rc = file_read(&FILE_CWD, buf_cstr(&path), &text, err);
	else
		err_nomem(err);
	if (rc > 0)
		rc = quarantine_parse(q, buf_get(&text), buf_cstr(&path), err);
	buf_release(&text);
	buf_release(&path);
	return rc;
}

void
quarantine_release(struct quarantine *q)
{
	free(q->entries);
	strtab_release(&q->tests);
	strtab_release(&q->texts);
	*q = (struct quarantine){0};
}

const struct quarantine_entry *
quarantine_find(const struct quarantine *q, struct slice test, int64_t now)
{
	size_t at = q->count ? strtab_find(&q->tests, test) : STRTAB_NONE;

	return at != STRTAB_NONE && now < q->entries[at].end ? &q->entries[at] : NULL;
}

int
quarantine_open(struct quarantine_file *f, const char *directory, bool change, struct err *err)
{
	struct buf path;
	int rc = -1;

	*f =
	    (struct quarantine_file){.dir = {open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), directory}};
	buf_init(&f->text, QUARANTINE_TEXT_MAX);
	if (f->dir.fd < 0 || (change && file_lock(f->dir.fd, true) < 0))
		return err_sys(err, "cannot %s %s", f->dir.fd < 0 ? "open" : "lock", directory);
	path_of(&path, directory);
	if (file_read(&f->dir, QUARANTINE_FILE, &f->text, err) >= 0)
		rc = buf_cstr(&path) ? quarantine_parse(&f->q, buf_get(&f->text), buf_cstr(&path), err)
				     : err_nomem(err);
	buf_release(&path);
	return rc;
}

void
quarantine_close(struct quarantine_file *f)
{
	if (f->dir.fd >= 0)
		close(f->dir.fd);
	buf_release(&f->text);
	quarantine_release(&f->q);
}

static int
write_text(struct quarantine_file *f, struct buf *text, struct err *err)
{
	if (text->failed || file_replace(&f->dir, QUARANTINE_FILE, buf_get(text), 0666, err) < 0) {
		int rc = text->failed ? err_nomem(err) : -1;

		buf_release(text);
		return rc;
	}
	buf_release(&f->text);
	f->text = *text;
	return 0;
}

/* The text before the line and from behind it on. */
static void
cut(struct slice text, unsigned line, struct slice *before, struct slice *behind)
{
	struct slice rest = text, ignored;

	*before = slice_head(text, 0);
	for (unsigned i = 0; i < line && slice_split(&rest, '\n', &ignored); i++) {
		*before = slice_head(text, (size_t)(ignored.data - text.data));
		*behind = slice_from(text, before->len + ignored.len + 1);
	}
}

int
quarantine_put(struct quarantine_file *f, const struct quarantine_entry *entry, struct err *err)
{
	size_t at = strtab_find(&f->q.tests, entry->test);
	struct slice old = buf_get(&f->text), before = old, behind = slice_from(old, old.len), ignored;
	struct buf text;

	buf_init(&text, QUARANTINE_TEXT_MAX);
	if (at != STRTAB_NONE) {
		cut(old, f->q.entries[at].line, &before, &ignored);
		cut(old, f->q.entries[at].last, &ignored, &behind);
	}
	buf_slice(&text, before);
	if (!text.len && at == STRTAB_NONE)
		buf_str(&text, BEGINNING);
	if (text.len && text.data[text.len - 1] != '\n')
		buf_byte(&text, '\n');
	if (at == STRTAB_NONE)
		buf_byte(&text, '\n');
	quarantine_write(&text, entry);
	buf_slice(&text, behind);
	return write_text(f, &text, err);
}

int
quarantine_remove(struct quarantine_file *f, const struct quarantine_entry *entry, struct err *err)
{
	struct slice old = buf_get(&f->text), before, behind, ignored;
	struct buf text;

	cut(old, entry->line, &before, &ignored);
	cut(old, entry->last, &ignored, &behind);
	while (before.len > 1 && before.data[before.len - 1] == '\n' && before.data[before.len - 2] == '\n')
		before.len--;
	buf_init(&text, QUARANTINE_TEXT_MAX);
	buf_slice(&text, before);
	buf_slice(&text, behind);
	return write_text(f, &text, err);
}
