/* SPDX-License-Identifier: Apache-2.0 */
#include "gojson.h"

#include "buf.h"
#include "json_record.h"
#include "lines.h"
#include "strtab.h"
#include "utf8.h"

#include <stdlib.h>
#include <string.h>

#define UTF8_TEXT "text/plain; charset=UTF8"
#define OUTPUT_NAME "go test output"
/* Of the name of a test: it has to fit a packet. */
#define NAME_MAX ((size_t)1 << 20)
/* All output that is held. */
#define HELD_MAX ((size_t)64 << 20)

enum kind {
	KIND_PACKAGE,
	KIND_TEST,
	KIND_BUILD,
};

/* Something that output belongs to. Its name is in the table: kind, package, and for a test NUL and the test. */
struct entry {
	enum kind kind;
	bool open;   /* began, and did not end yet */
	bool failed; /* of a package: a test of it; of a build: itself, and no package has said so */
	struct buf output;
};

struct gojson {
	gojson_fn fn;
	void *context;
	struct lines lines;
	struct strtab names;
	struct entry *entries; /* one for each name */
	size_t entry_cap, open_count, name_bytes, held;
	struct buf key, id;
	bool failed;
};

/* One line. */
struct action {
	struct slice action, package, test, output, build, import;
	int64_t time;
};

static void
parse_action(const json_t *object, struct action *out)
{
	struct slice time = json_record_text(object, "Time");

	out->action = json_record_text(object, "Action");
	out->package = json_record_text(object, "Package");
	out->test = json_record_text(object, "Test");
	out->output = json_record_text(object, "Output");
	out->build = json_record_text(object, "FailedBuild");
	out->import = json_record_text(object, "ImportPath");
	if (!time.len || time_parse(time, true, &out->time) != time.len || out->time < 0)
		out->time = TIME_NONE;
	else
		out->time -= out->time % 1000;
}

static void
forget_all(struct gojson *g)
{
	for (size_t i = 0; i < g->names.len; i++)
		buf_release(&g->entries[i].output);
	strtab_release(&g->names);
	g->open_count = g->name_bytes = g->held = 0;
}

static int
make_key(struct gojson *g, enum kind kind, struct slice package, struct slice test, struct err *err)
{
	buf_clear(&g->key);
	buf_byte(&g->key, (uint8_t)kind);
	buf_slice(&g->key, package);
	if (kind == KIND_TEST) {
		buf_byte(&g->key, '\0');
		buf_slice(&g->key, test);
	}
	return g->key.failed ? err_nomem(err) : 0;
}

/* The entry of that name, made when there is none; NULL with err set. Other entries move. */
static struct entry *
get_entry(struct gojson *g, enum kind kind, struct slice package, struct slice test, struct err *err)
{
	bool added;
	size_t i;

	if (g->name_bytes >= GOJSON_NAMES_MAX / 2 && !g->open_count)
		forget_all(g);
	if (make_key(g, kind, package, test, err))
		return NULL;
	if (g->names.len == g->entry_cap) {
		size_t cap = g->entry_cap ? 2 * g->entry_cap : 64;
		struct entry *grown = reallocarray(g->entries, cap, sizeof(*grown));

		if (!grown) {
			err_nomem(err);
			return NULL;
		}
		g->entries = grown;
		g->entry_cap = cap;
	}
	i = strtab_add(&g->names, buf_get(&g->key), &added);
	if (i == STRTAB_NONE) {
		err_nomem(err);
		return NULL;
	}
	if (added) {
		g->entries[i] = (struct entry){.kind = kind};
		buf_init(&g->entries[i].output, GOJSON_OUTPUT_MAX + GOJSON_LINE_MAX);
		/* A short name takes room, too. */
		g->name_bytes += g->key.len + sizeof(struct entry);
		if (g->name_bytes > GOJSON_NAMES_MAX) {
			err_set(err, ERR_FAILED, "there are too many tests");
			return NULL;
		}
	}
	if (!g->entries[i].open) {
		g->entries[i].open = true;
		g->open_count++;
	}
	return &g->entries[i];
}

static void
close_entry(struct gojson *g, struct entry *entry)
{
	g->open_count -= entry->open;
	entry->open = entry->failed = false;
	g->held -= entry->output.len;
	buf_release(&entry->output);
	buf_init(&entry->output, GOJSON_OUTPUT_MAX + GOJSON_LINE_MAX);
}

/* The id of a test, or with `suffix` of what stands for a package, in g->id. */
static struct slice
make_id(struct gojson *g, const struct entry *entry, const char *suffix)
{
	struct slice name = slice_from(strtab_get(&g->names, (size_t)(entry - g->entries)), 1);
	size_t end = entry->kind == KIND_TEST ? slice_find(name, '\0') : name.len;

	buf_clear(&g->id);
	utf8_mend(&g->id, slice_head(name, end));
	if (end < name.len) {
		buf_byte(&g->id, '.');
		utf8_mend(&g->id, slice_from(name, end + 1));
	}
	buf_str(&g->id, suffix);
	return buf_get(&g->id);
}

static int
send(struct gojson *g, struct event *e, struct slice output, struct err *err)
{
	if (g->id.failed)
		return err_nomem(err);
	if (output.len) {
		e->mime = SLICE_LIT(UTF8_TEXT);
		e->file_name = SLICE_LIT(OUTPUT_NAME);
		e->file = output;
	}
	return g->fn(g->context, e, err);
}

/* Lets the output go that is held for a test, or that belongs to none. */
static int
send_output(struct gojson *g, struct entry *entry, struct err *err)
{
	struct event e;
	int rc;

	if (!entry->output.len)
		return 0;
	event_init(&e);
	if (entry->kind == KIND_TEST)
		e.id = make_id(g, entry, "");
	rc = send(g, &e, buf_get(&entry->output), err);
	g->held -= entry->output.len;
	buf_clear(&entry->output);
	return rc;
}

static int
on_output(struct gojson *g, struct entry *entry, struct slice output, struct err *err)
{
	buf_slice(&entry->output, output);
	if (entry->output.failed)
		return err_nomem(err);
	g->held += output.len;
	if (entry->output.len > GOJSON_OUTPUT_MAX || g->held > HELD_MAX)
		return send_output(g, entry, err);
	return 0;
}

/* The final event of an entry. */
static int
finish(struct gojson *g, struct entry *entry, enum status status, int64_t time, struct err *err)
{
	struct event e;
	int rc;

	event_init(&e);
	e.id = make_id(g, entry, entry->kind == KIND_TEST ? "" : " [build]");
	e.status = status;
	e.eof = true;
	e.time = time;
	g->failed |= status == STATUS_FAIL;
	rc = send(g, &e, buf_get(&entry->output), err);
	close_entry(g, entry);
	return rc;
}

static int
on_test(struct gojson *g, const struct action *a, struct err *err)
{
	struct entry *entry = get_entry(g, KIND_TEST, a->package, a->test, err), *package;
	enum status status;
	struct event e;

	if (!entry)
		return -1;
	if (slice_eq(a->action, SLICE_LIT("output")))
		return on_output(g, entry, a->output, err);
	if (slice_eq(a->action, SLICE_LIT("run"))) {
		event_init(&e);
		e.id = make_id(g, entry, "");
		e.status = STATUS_INPROGRESS;
		e.time = a->time;
		return send(g, &e, SLICE_NONE, err);
	}
	status = slice_eq(a->action, SLICE_LIT("pass"))   ? STATUS_SUCCESS
		 : slice_eq(a->action, SLICE_LIT("skip")) ? STATUS_SKIP
							  : STATUS_FAIL;
	if (finish(g, entry, status, a->time, err))
		return -1;
	if (status != STATUS_FAIL)
		return 0;
	package = get_entry(g, KIND_PACKAGE, a->package, SLICE_NONE, err);
	if (!package)
		return -1;
	package->failed = true;
	return 0;
}

/* Ends the tests of a package that did not end. Returns 1 when there were any, 0, or -1. */
static int
fail_open_tests(struct gojson *g, struct slice package, int64_t time, struct err *err)
{
	int found = 0;

	for (size_t i = 0; i < g->names.len; i++) {
		struct slice name = slice_from(strtab_get(&g->names, i), 1);

		if (!g->entries[i].open || g->entries[i].kind != KIND_TEST ||
		    !slice_eq(slice_head(name, slice_find(name, '\0')), package))
			continue;
		found = 1;
		if (finish(g, &g->entries[i], STATUS_FAIL, time, err))
			return -1;
	}
	return found;
}

/* Puts the output of the build that failed before that of the package. */
static int
add_build_output(struct gojson *g, const struct action *a, struct err *err)
{
	struct entry *build, *package;
	struct buf output;
	size_t len;

	if (!a->build.len)
		return 0;
	build = get_entry(g, KIND_BUILD, a->build, SLICE_NONE, err);
	if (!build)
		return -1;
	output = build->output;
	len = output.len;
	buf_init(&build->output, output.max);
	close_entry(g, build);
	g->held -= len;
	package = get_entry(g, KIND_PACKAGE, a->package, SLICE_NONE, err);
	if (!package || (len + package->output.len > output.max && send_output(g, package, err))) {
		buf_release(&output);
		return -1;
	}
	buf_slice(&output, buf_get(&package->output));
	buf_release(&package->output);
	package->output = output;
	g->held += len;
	return output.failed ? err_nomem(err) : 0;
}

static int
on_package(struct gojson *g, const struct action *a, struct err *err)
{
	struct entry *package;
	int open_tests = 0;

	if (slice_eq(a->action, SLICE_LIT("fail"))) {
		open_tests = fail_open_tests(g, a->package, a->time, err);
		if (open_tests < 0 || add_build_output(g, a, err))
			return -1;
	}
	package = get_entry(g, KIND_PACKAGE, a->package, SLICE_NONE, err);
	if (!package)
		return -1;
	if (slice_eq(a->action, SLICE_LIT("output")))
		return on_output(g, package, a->output, err);
	if (slice_eq(a->action, SLICE_LIT("fail"))) {
		if (!package->failed && !open_tests)
			return finish(g, package, STATUS_FAIL, a->time, err);
		if (send_output(g, package, err))
			return -1;
	}
	close_entry(g, package);
	return 0;
}

static int
on_build(struct gojson *g, const struct action *a, struct err *err)
{
	struct entry *build = get_entry(g, KIND_BUILD, a->import, SLICE_NONE, err);

	if (!build)
		return -1;
	if (slice_eq(a->action, SLICE_LIT("build-output")))
		return on_output(g, build, a->output, err);
	build->failed = true;
	return 0;
}

static bool
is_one_of(struct slice action, const char *const *words)
{
	for (; *words; words++)
		if (slice_eq(action, slice_str(*words)))
			return true;
	return false;
}

static int
on_action(struct gojson *g, const struct action *a, struct err *err)
{
	static const char *const test_words[] = {"run", "output", "pass", "fail", "skip", NULL};
	static const char *const package_words[] = {"output", "pass", "fail", "skip", NULL};
	static const char *const build_words[] = {"build-output", "build-fail", NULL};

	if (a->test.len && is_one_of(a->action, test_words))
		return on_test(g, a, err);
	if (!a->test.len && is_one_of(a->action, package_words))
		return on_package(g, a, err);
	if (a->import.len && is_one_of(a->action, build_words))
		return on_build(g, a, err);
	return 0;
}

static int
on_line(void *context, const struct line *line, struct err *err)
{
	struct slice text = slice_trim(line->text);
	struct action action;
	json_t *object;
	int rc = 0;

	if (line->piece || !slice_starts(text, SLICE_LIT("{")))
		return 0;
	object = json_record_read(text);
	if (object) {
		parse_action(object, &action);
		if (action.package.len + action.test.len + action.import.len + action.build.len <= NAME_MAX)
			rc = on_action(context, &action, err);
	}
	json_decref(object);
	return rc;
}

struct gojson *
gojson_new(gojson_fn fn, void *context)
{
	struct gojson *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->fn = fn;
	g->context = context;
	lines_init(&g->lines, GOJSON_LINE_MAX, on_line, g);
	buf_init(&g->key, NAME_MAX + 8);
	buf_init(&g->id, 3 * NAME_MAX + 64);
	return g;
}

void
gojson_free(struct gojson *g)
{
	if (!g)
		return;
	forget_all(g);
	free(g->entries);
	lines_release(&g->lines);
	buf_release(&g->key);
	buf_release(&g->id);
	free(g);
}

int
gojson_feed(struct gojson *g, struct slice bytes, struct err *err)
{
	return lines_feed(&g->lines, bytes, err);
}

int
gojson_end(struct gojson *g, struct err *err)
{
	if (lines_end(&g->lines, err))
		return -1;
	for (size_t i = 0; i < g->names.len; i++) {
		struct entry *entry = &g->entries[i];
		int rc = 0;

		if (!entry->open)
			continue;
		if (entry->kind == KIND_TEST || (entry->kind == KIND_BUILD && entry->failed))
			rc = finish(g, entry, STATUS_FAIL, TIME_NONE, err);
		else
			rc = send_output(g, entry, err);
		if (rc)
			return -1;
	}
	return 0;
}

bool
gojson_failed(const struct gojson *g)
{
	return g->failed;
}
