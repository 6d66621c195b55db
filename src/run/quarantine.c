/* SPDX-License-Identifier: Apache-2.0 */
#include "quarantine.h"

#include "file.h"
#include "timefmt.h"
#include "utf8.h"

#include <stdlib.h>
#include <string.h>

#define DAY (86400 * TIME_SECOND)

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

int
quarantine_load(struct quarantine *q, const char *directory, struct err *err)
{
	size_t len = strlen(directory);
	struct buf path, text;
	int rc = -1;

	buf_init(&path, len + 64);
	buf_init(&text, QUARANTINE_TEXT_MAX);
	buf_printf(
	    &path, "%s%s" QUARANTINE_FILE, directory, len == 0 || directory[len - 1] == '/' ? "" : "/");
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
