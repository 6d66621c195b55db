/* SPDX-License-Identifier: Apache-2.0 */
#include "libtest.h"

#include "duration.h"
#include "json_lines.h"
#include "strtab.h"

#include <inttypes.h>
#include <stdlib.h>

struct entry {
	bool open; /* began, and did not end yet */
	int64_t start;
};

struct libtest {
	struct emit emit;
	struct json_lines lines;
	struct strtab names;
	struct entry *entries; /* one for each name */
	size_t entry_cap, open_count, name_bytes;
	int64_t clock;
	/* Of the test programs that run. */
	size_t suites;
	double announced, ended;
	struct buf text;
};

/* One object. */
struct message {
	const json_t *object;
	struct slice event, name;
};

static bool
is(struct slice s, const char *word)
{
	return slice_eq(s, slice_str(word));
}

/* The entry of a test, made when there is none; NULL with err set. Others move. */
static struct entry *
get_entry(struct libtest *l, struct slice name, struct err *err)
{
	bool added;
	size_t i;

	if (l->name_bytes >= LIBTEST_NAMES_MAX / 2 && !l->open_count) {
		strtab_release(&l->names);
		l->name_bytes = 0;
	}
	if (l->names.len == l->entry_cap) {
		size_t cap = l->entry_cap ? 2 * l->entry_cap : 64;
		struct entry *grown = reallocarray(l->entries, cap, sizeof(*grown));

		if (!grown) {
			err_nomem(err);
			return NULL;
		}
		l->entries = grown;
		l->entry_cap = cap;
	}
	i = strtab_add(&l->names, name, &added);
	if (i == STRTAB_NONE) {
		err_nomem(err);
		return NULL;
	}
	if (added) {
		l->entries[i] = (struct entry){0};
		/* A short name takes room, too. */
		l->name_bytes += name.len + sizeof(struct entry);
		if (l->name_bytes > LIBTEST_NAMES_MAX) {
			err_set(err, ERR_FAILED, "there are too many tests");
			return NULL;
		}
	}
	return &l->entries[i];
}

static int
begin_test(struct libtest *l, struct slice name, struct err *err)
{
	struct entry *entry = get_entry(l, name, err);

	if (!entry)
		return -1;
	l->open_count += !entry->open;
	*entry = (struct entry){.open = true, .start = l->clock};
	emit_test(&l->emit, name);
	return emit_begin(&l->emit, l->clock, err);
}

static void
close_entry(struct libtest *l, struct entry *entry)
{
	l->open_count -= entry->open;
	entry->open = false;
	l->ended++;
}

/* nextest names a test that it ran more than once "name#2" when it ends, and "name" when it begins. */
static struct slice
without_retry(const struct libtest *l, struct slice name, struct slice *retry)
{
	size_t digits = 0, i;
	struct slice base;

	*retry = SLICE_NONE;
	while (digits < name.len && name.data[name.len - 1 - digits] >= '0' &&
	       name.data[name.len - 1 - digits] <= '9')
		digits++;
	base = slice_head(name, name.len - digits);
	if (!digits || !slice_ends(base, SLICE_LIT("#")))
		return name;
	base.len--;
	i = strtab_find(&l->names, base);
	if (i == STRTAB_NONE || !l->entries[i].open)
		return name;
	*retry = slice_from(name, base.len + 1);
	return base;
}

static int
end_test(struct libtest *l, const struct message *m, enum status status, struct err *err)
{
	const char *why = status == STATUS_SKIP ? "reason" : "message";
	struct slice retry, name = without_retry(l, m->name, &retry);
	struct entry *entry = get_entry(l, name, err);
	int64_t end = TIME_NONE;
	double seconds;

	if (!entry || (!entry->open && begin_test(l, name, err)))
		return -1;
	if (json_record_number(m->object, "exec_time", &seconds)) {
		end = duration_after(entry->start, duration_of(seconds));
		if (end > l->clock)
			l->clock = end;
	} else if (status == STATUS_SKIP) {
		end = entry->start;
	}
	close_entry(l, entry);
	emit_test(&l->emit, name);
	if (emit_file(&l->emit, "stdout", 0, json_record_text(m->object, "stdout"), err) ||
	    emit_file(&l->emit, "attempts", 0, retry, err) ||
	    emit_file(&l->emit, why, 0, json_record_text(m->object, "message"), err) ||
	    emit_file(&l->emit, why, 2, json_record_text(m->object, "reason"), err))
		return -1;
	return emit_end(&l->emit, status, end, err);
}

static int
end_bench(struct libtest *l, const struct message *m, struct err *err)
{
	double median = 0, deviation = 0, rate;
	struct entry *entry = get_entry(l, m->name, err);

	if (!entry || (!entry->open && begin_test(l, m->name, err)))
		return -1;
	json_record_number(m->object, "median", &median);
	json_record_number(m->object, "deviation", &deviation);
	buf_clear(&l->text);
	buf_printf(&l->text, "median %.2f ns, deviation %.2f ns", median, deviation);
	if (json_record_number(m->object, "mib_per_second", &rate))
		buf_printf(&l->text, ", %.0f MiB/s", rate);
	buf_byte(&l->text, '\n');
	if (l->text.failed)
		return err_nomem(err);
	close_entry(l, entry);
	emit_test(&l->emit, m->name);
	if (emit_file(&l->emit, "bench", 0, buf_get(&l->text), err))
		return -1;
	return emit_end(&l->emit, STATUS_SUCCESS, TIME_NONE, err);
}

/* Ends the open tests whose name begins with `prefix`. */
static int
end_open(struct libtest *l, struct slice prefix, enum status status, const char *name, const char *why,
    struct err *err)
{
	for (size_t i = 0; l->open_count && i < l->names.len; i++) {
		struct slice test = strtab_get(&l->names, i);

		if (!l->entries[i].open || !slice_starts(test, prefix))
			continue;
		close_entry(l, &l->entries[i]);
		emit_test(&l->emit, test);
		if (emit_file(&l->emit, name, 0, slice_str(why), err) ||
		    emit_end(&l->emit, status, TIME_NONE, err))
			return -1;
	}
	return 0;
}

/* The test programs that began have ended without a word. */
static int
fail_suites(struct libtest *l, struct err *err)
{
	bool lost = l->suites && !l->open_count && l->ended < l->announced;
	double announced = l->announced, ended = l->ended;

	l->suites = 0;
	l->announced = l->ended = 0;
	if (end_open(l, SLICE_LIT(""), STATUS_FAIL, "message", "the test program ended in this test\n", err))
		return -1;
	if (!lost)
		return 0;
	buf_clear(&l->text);
	buf_printf(&l->text, "the test program ended after %.0f of %.0f tests\n", ended, announced);
	if (l->text.failed)
		return err_nomem(err);
	emit_test(&l->emit, SLICE_LIT("[suite]"));
	if (emit_file(&l->emit, "message", 0, buf_get(&l->text), err))
		return -1;
	return emit_end(&l->emit, STATUS_FAIL, TIME_NONE, err);
}

static int
begin_suite(struct libtest *l, const struct message *m, struct err *err)
{
	double count = 0;

	/* Only of nextest do several run at a time. */
	if (!json_object_get(m->object, "nextest") && fail_suites(l, err))
		return -1;
	json_record_number(m->object, "test_count", &count);
	l->suites++;
	l->announced += count;
	return 0;
}

static int
end_suite(struct libtest *l, const struct message *m, struct err *err)
{
	const json_t *nextest = json_object_get(m->object, "nextest");

	buf_clear(&l->text);
	if (nextest) {
		buf_slice(&l->text, json_record_text(nextest, "crate"));
		buf_str(&l->text, "::");
		buf_slice(&l->text, json_record_text(nextest, "test_binary"));
		buf_byte(&l->text, json_object_get(nextest, "stress_index") ? '@' : '$');
	}
	if (l->text.failed)
		return err_nomem(err);
	if (end_open(
		l, buf_get(&l->text), STATUS_SKIP, "reason", "its suite ended without a result of it\n", err))
		return -1;
	l->suites -= l->suites > 0;
	if (!l->suites)
		l->announced = l->ended = 0;
	return 0;
}

static int
on_suite(struct libtest *l, const struct message *m, struct err *err)
{
	if (is(m->event, "started"))
		return begin_suite(l, m, err) ? -1 : 1;
	if (is(m->event, "ok") || is(m->event, "failed"))
		return end_suite(l, m, err) ? -1 : 1;
	return is(m->event, "discovery") || is(m->event, "completed");
}

static int
on_test(struct libtest *l, const struct message *m, struct err *err)
{
	static const struct {
		const char *event;
		enum status status;
	} ends[] = {{"ok", STATUS_SUCCESS}, {"failed", STATUS_FAIL}, {"ignored", STATUS_SKIP},
	    {"allowed_failure", STATUS_XFAIL}};

	if (!m->name.len)
		return 0;
	if (is(m->event, "started"))
		return begin_test(l, m->name, err) ? -1 : 1;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (is(m->event, ends[i].event))
			return end_test(l, m, ends[i].status, err) ? -1 : 1;
	if (is(m->event, "discovered")) {
		emit_test(&l->emit, m->name);
		return emit_exists(&l->emit, err) ? -1 : 1;
	}
	/* It has been running for long. */
	return is(m->event, "timeout");
}

/* Returns 1, 0 when the object says nothing of tests, or -1. */
static int
on_object(struct libtest *l, const json_t *object, struct err *err)
{
	struct slice type = json_record_text(object, "type");
	struct message m = {object, json_record_text(object, "event"), json_record_text(object, "name")};

	if (is(type, "suite"))
		return on_suite(l, &m, err);
	if (is(type, "test"))
		return on_test(l, &m, err);
	if (is(type, "bench") && m.name.len)
		return end_bench(l, &m, err) ? -1 : 1;
	return is(type, "report");
}

/* What a test printed without a newline, and an object behind it. The text goes out, *taken becomes its
 * length. */
static int
on_mixed(struct libtest *l, struct slice text, size_t *taken, struct err *err)
{
	size_t at = slice_search(text, SLICE_LIT("{ \"type\": \""));
	json_t *object = at && at < text.len ? json_record_read(slice_trim(slice_from(text, at))) : NULL;
	int rc = 0;

	if (object) {
		*taken = at;
		rc = emit_text(&l->emit, slice_head(text, at), err) ? -1 : on_object(l, object, err);
	}
	json_decref(object);
	return rc;
}

static int
on_line(void *context, const struct json_line *line, struct err *err)
{
	struct libtest *l = context;
	size_t taken = 0;
	int rc = 0;

	if (line->object)
		rc = on_object(l, line->object, err);
	else if (!line->piece)
		rc = on_mixed(l, line->text, &taken, err);
	if (rc)
		return rc < 0 ? -1 : 0;
	buf_clear(&l->text);
	buf_slice(&l->text, slice_from(line->text, taken));
	if (line->ended)
		buf_byte(&l->text, '\n');
	return l->text.failed ? err_nomem(err) : emit_text(&l->emit, buf_get(&l->text), err);
}

struct libtest *
libtest_new(emit_fn fn, void *context)
{
	struct libtest *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	emit_init(&l->emit, fn, context);
	json_lines_init(&l->lines, on_line, l);
	buf_init(&l->text, JSON_CUT_MAX + 1024);
	l->clock = DURATION_CLOCK;
	return l;
}

void
libtest_free(struct libtest *l)
{
	if (!l)
		return;
	emit_release(&l->emit);
	json_lines_release(&l->lines);
	strtab_release(&l->names);
	buf_release(&l->text);
	free(l->entries);
	free(l);
}

int
libtest_feed(struct libtest *l, struct slice bytes, struct err *err)
{
	return json_lines_feed(&l->lines, bytes, err);
}

int
libtest_end(struct libtest *l, struct err *err)
{
	return json_lines_end(&l->lines, err) ? -1 : fail_suites(l, err);
}

bool
libtest_failed(const struct libtest *l)
{
	return l->emit.failed;
}
