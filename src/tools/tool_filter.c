/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"
#include "filter_subject.h"
#include "pattern.h"
#include "results.h"
#include "strtab.h"
#include "tool.h"

#include <stdlib.h>
#include <string.h>

#define SUBJECT_MAX ((size_t)1 << 30)
#define EXPRESSION_MAX ((size_t)1 << 20)
/* A test's text is searched in stretches of this length, each of which begins with the last part of the one
 * before. */
#define STRETCH ((size_t)8 << 20)
#define OVERLAP ((size_t)1 << 20)

struct rename {
	struct pattern *pattern;
	struct rename *next;
};

struct filter_options {
	bool success, no_skip, xfail, no_failure, no_passthrough, compat;
	struct buf with, without; /* expressions of one kind, joined by | */
	struct strtab with_tags, without_tags;
	struct strtab expected; /* ids of tests that are expected to fail */
	struct rename *renames;
};

struct filter {
	struct filter_options *options;
	struct output *out;
	struct results *tests;
	struct pattern *with, *without;
	struct buf id, renamed, subject;
	bool found_with, found_without; /* in the text of the test so far */
	struct err *err;
	int64_t now; /* for --compat: the last time of any test */
};

static const struct option options[] = {
    TOOL_HELP,
    {'s', "success", OPTION_FLAG, NULL, "keep tests that passed"},
    {0, "no-success", OPTION_FLAG, NULL, "drop them (this is the default)"},
    {0, "no-skip", OPTION_FLAG, NULL, "drop skipped tests"},
    {0, "xfail", OPTION_FLAG, NULL, "keep expected failures"},
    {0, "no-xfail", OPTION_FLAG, NULL, "drop them (this is the default)"},
    {0, "failure", OPTION_FLAG, NULL, "keep tests that failed or did not end (default)"},
    {'f', "no-failure", OPTION_FLAG, NULL, "drop them"},
    {0, "error", OPTION_FLAG, NULL, "of no effect: in version 2, errors are failures"},
    {'e', "no-error", OPTION_FLAG, NULL, "of no effect"},
    {0, "passthrough", OPTION_FLAG, NULL, "keep what belongs to no test (default)"},
    {0, "no-passthrough", OPTION_FLAG, NULL, "drop it"},
    {'F', "only-genuine-failures", OPTION_FLAG, NULL,
	"the same as --no-success --no-skip --no-xfail\n--no-passthrough"},
    {'m', "with", OPTION_VALUE, "RE", "keep only tests that one such expression matches"},
    {0, "without", OPTION_VALUE, "RE", "drop tests that one such expression matches"},
    {0, "with-tag", OPTION_VALUE, "TAG", "keep only tests that have all these tags"},
    {0, "without-tag", OPTION_VALUE, "TAG", "drop tests that have one of these tags"},
    {0, "rename", OPTION_VALUE2, "RE TEXT",
	"replace what RE matches in ids by TEXT, which may\nhold \\1 or \\g<name>; several are done in "
	"order"},
    {0, "fixup-expected-failures", OPTION_VALUE, "FILE",
	"the tests whose ids are in FILE, one a line, are\nexpected to fail: a failure becomes an expected\n"
	"one, a success an unexpected one"},
    {0, "compat", OPTION_FLAG, NULL,
	"as the Python implementation: all times become the\nlast one, routes are dropped, unexpected "
	"successes\n"
	"pass every filter, --rename leaves skipped tests\nand expected failures alone, --with and "
	"--without\n"
	"look at the printed form of Python's objects"},
    TOOL_STRICT,
    {0},
};

static int
add_expression(struct buf *joined, const char *text, struct err *err)
{
	buf_str(joined, joined->len ? "|" : "");
	buf_str(joined, text);
	return joined->failed ? err_set(err, ERR_USAGE, "the expressions are too long") : 0;
}

static int
add_rename(struct filter_options *o, char *const *values, struct err *err)
{
	struct rename *rename = calloc(1, sizeof(*rename)), **end = &o->renames;

	if (!rename)
		return err_nomem(err);
	while (*end)
		end = &(*end)->next;
	*end = rename;
	if (pattern_compile(slice_str(values[0]), 0, &rename->pattern, err))
		return -1;
	return pattern_set_replacement(rename->pattern, slice_str(values[1]), err);
}

static int
add_expected(void *context, struct slice line, struct err *err)
{
	struct strtab *ids = context;
	struct slice id = slice_trim(slice_head(line, slice_find(line, '#')));

	return id.len && strtab_add(ids, id, NULL) == STRTAB_NONE ? err_nomem(err) : 0;
}

static int
read_expected(struct filter_options *o, const char *path, struct err *err)
{
	struct output nothing = {.fd = -1};

	return stream_lines(path, add_expected, &o->expected, &nothing, err);
}

static int
met(void *context, const struct option *option, char *const *values, struct err *err)
{
	struct filter_options *o = context;
	const char *name = option->name;

	o->with.max = o->without.max = EXPRESSION_MAX;
	if (strcmp(name, "with") == 0)
		return add_expression(&o->with, values[0], err);
	if (strcmp(name, "without") == 0)
		return add_expression(&o->without, values[0], err);
	if (strcmp(name, "with-tag") == 0)
		return strtab_add(&o->with_tags, slice_str(values[0]), NULL) == STRTAB_NONE ? err_nomem(err)
											    : 0;
	if (strcmp(name, "without-tag") == 0)
		return strtab_add(&o->without_tags, slice_str(values[0]), NULL) == STRTAB_NONE
			   ? err_nomem(err)
			   : 0;
	if (strcmp(name, "rename") == 0)
		return add_rename(o, values, err);
	if (strcmp(name, "fixup-expected-failures") == 0)
		return read_expected(o, values[0], err);
	if (strcmp(name, "compat") == 0)
		o->compat = true;
	if (strcmp(name, "success") == 0 || strcmp(name, "no-success") == 0)
		o->success = name[0] == 's';
	if (strcmp(name, "xfail") == 0 || strcmp(name, "no-xfail") == 0)
		o->xfail = name[0] == 'x';
	if (strcmp(name, "failure") == 0 || strcmp(name, "no-failure") == 0)
		o->no_failure = name[0] == 'n';
	if (strcmp(name, "passthrough") == 0 || strcmp(name, "no-passthrough") == 0)
		o->no_passthrough = name[0] == 'n';
	if (strcmp(name, "no-skip") == 0)
		o->no_skip = true;
	if (strcmp(name, "only-genuine-failures") == 0) {
		o->success = o->xfail = false;
		o->no_skip = o->no_passthrough = true;
	}
	return 0;
}

static void
release(void *own)
{
	struct filter_options *o = own;

	buf_release(&o->with);
	buf_release(&o->without);
	strtab_release(&o->with_tags);
	strtab_release(&o->without_tags);
	strtab_release(&o->expected);
	while (o->renames) {
		struct rename *next = o->renames->next;

		pattern_free(o->renames->pattern);
		free(o->renames);
		o->renames = next;
	}
}

/* Gives the result its new name, which lives in f->id. */
static int
rename_result(struct filter *f, struct result *r, struct err *err)
{
	struct buf swap;

	buf_clear(&f->id);
	buf_slice(&f->id, r->id);
	for (const struct rename *rename = f->options->renames; rename; rename = rename->next) {
		buf_clear(&f->renamed);
		if (pattern_substitute(rename->pattern, buf_get(&f->id), &f->renamed, err))
			return -1;
		swap = f->id;
		f->id = f->renamed;
		f->renamed = swap;
	}
	if (f->id.failed || f->renamed.failed)
		return err_nomem(err);
	r->id = buf_get(&f->id);
	return 0;
}

static void
fix_expected(const struct filter *f, struct result *r)
{
	bool expected = strtab_find(&f->options->expected, r->id) != STRTAB_NONE;

	if (expected && r->status == STATUS_FAIL)
		r->status = STATUS_XFAIL;
	else if (expected && r->status == STATUS_SUCCESS)
		r->status = STATUS_UXSUCCESS;
}

static bool
wanted_outcome(const struct filter_options *o, enum status status)
{
	switch (status) {
	case STATUS_SUCCESS:
		return o->success;
	case STATUS_SKIP:
		return !o->no_skip;
	case STATUS_XFAIL:
		return o->xfail;
	case STATUS_FAIL:
		return !o->no_failure;
	default:
		return true;
	}
}

static bool
wanted_tags(const struct filter_options *o, const struct result *r)
{
	size_t have = 0;

	for (size_t i = 0; i < r->tag_count; i++) {
		if (strtab_find(&o->without_tags, r->tags[i]) != STRTAB_NONE)
			return false;
		have += strtab_find(&o->with_tags, r->tags[i]) != STRTAB_NONE;
	}
	return have == o->with_tags.len;
}

static int
look(struct filter *f, struct slice text, struct err *err)
{
	int with = 0, without = 0;

	if (f->with && !f->found_with)
		with = pattern_search(f->with, text, err);
	if (with >= 0 && f->without && !f->found_without)
		without = pattern_search(f->without, text, err);
	f->found_with |= with > 0;
	f->found_without |= without > 0;
	return with < 0 || without < 0 ? -1 : 0;
}

/* Behind the last newline in the second half, or else behind a character. */
static size_t
good_cut(struct slice s)
{
	size_t at = s.len;

	while (at > s.len / 2 && s.data[at - 1] != '\n')
		at--;
	if (at > s.len / 2)
		return at;
	for (at = s.len; at && (s.data[at - 1] & 0xc0) == 0x80; at--)
		;
	return at ? at - 1 : s.len;
}

/* Searches a stretch and leaves its last part. */
static int
look_at_stretch(void *context)
{
	struct filter *f = context;
	struct slice text;

	if (f->subject.failed)
		return err_nomem(f->err);
	if (f->subject.len < STRETCH)
		return 0;
	text = slice_head(buf_get(&f->subject), good_cut(buf_get(&f->subject)));
	/* What ends a line here ends no text. */
	if (look(f, slice_ends(text, SLICE_LIT("\n")) ? slice_head(text, text.len - 1) : text, f->err))
		return -1;
	buf_drop(&f->subject, good_cut(slice_head(text, text.len - OVERLAP)));
	return 0;
}

/* 1 when the test's text is wanted, 0 when it is not, -1 with err set. */
static int
wanted_text(struct filter *f, const struct result *r, struct err *err)
{
	struct drain drain = {look_at_stretch, f};
	int rc;

	if (!f->with && !f->without)
		return 1;
	buf_clear(&f->subject);
	f->found_with = f->found_without = false;
	rc = f->options->compat ? subject_as_python(&f->subject, r, &drain)
				: subject_as_text(&f->subject, r, &drain);
	if (rc || f->subject.failed)
		return err->kind == ERR_NONE ? err_nomem(err) : -1;
	if (look(f, buf_get(&f->subject), err))
		return -1;
	return (!f->with || f->found_with) && !f->found_without;
}

/* The events in the reference's layout: everything happens at one time, without a route. */
static int
write_compat(struct filter *f, const struct result *r, const struct drain *drain, struct err *err)
{
	struct result flat = *r;
	struct buf mimes, *out = &f->out->data;
	struct detail *details = reallocarray(NULL, r->detail_count + 1, sizeof(*details));
	size_t at = 0;
	int rc = -1;

	buf_init(&mimes, SUBJECT_MAX);
	flat.route = SLICE_NONE;
	flat.start = flat.stop = f->now == TIME_NONE ? clock_realtime() / 1000 * 1000 : f->now;
	flat.details = details;
	for (size_t i = 0; i < r->detail_count; i++) {
		mime_print(&mimes, r->details[i].mime);
		buf_byte(&mimes, '\0');
	}
	if (!details || mimes.failed) {
		err_nomem(err);
		goto out;
	}
	for (size_t i = 0; i < r->detail_count; i++) {
		details[i] = r->details[i];
		details[i].mime = slice_str((const char *)mimes.data + at);
		at += details[i].mime.len + 1;
	}
	rc = result_to_packets(out, &flat, drain);
out:
	free(details);
	buf_release(&mimes);
	return rc;
}

static int
write_result(struct filter *f, const struct result *r, struct err *err)
{
	struct results_drain flush = {f->out, err};
	struct drain drain = {results_drain, &flush};
	int rc = f->options->compat ? write_compat(f, r, &drain, err)
				    : result_to_packets(&f->out->data, r, &drain);

	if (rc && err->kind == ERR_NONE)
		err_set(err, ERR_FAILED, "test \"%.*s\" cannot be written as packets",
		    SLICE_FMT(slice_head(r->id, 200)));
	return rc;
}

static int
filter_result(struct filter *f, const struct result *found, struct err *err)
{
	const struct filter_options *o = f->options;
	struct result r = *found;
	bool all = !o->compat;
	int text;

	if (r.start != TIME_NONE)
		f->now = r.start;
	if (r.stop != TIME_NONE)
		f->now = r.stop;
	if (!status_is_final(r.status))
		r.status = STATUS_FAIL;
	if ((all || r.status == STATUS_FAIL || r.status == STATUS_SUCCESS) && rename_result(f, &r, err))
		return -1;
	fix_expected(f, &r);
	if (all || r.status != STATUS_UXSUCCESS) {
		if (!wanted_outcome(o, r.status) || !wanted_tags(o, &r))
			return 0;
		text = wanted_text(f, &r, err);
		if (text <= 0)
			return text;
	}
	return write_result(f, &r, err);
}

static int
on_event(void *context, const struct event *e, struct err *err)
{
	struct filter *f = context;
	const struct result *r;

	if (!e->id.data)
		return f->options->no_passthrough ? 0 : output_event(f->out, e, err);
	if (results_event(f->tests, e, &r))
		return -1;
	return r ? filter_result(f, r, err) : 0;
}

static int
compile(const struct buf *joined, struct pattern **out, struct err *err)
{
	return joined->len ? pattern_compile(buf_get(joined), PATTERN_MULTILINE, out, err) : 0;
}

static int
run(const struct tool_call *call, struct err *err)
{
	struct filter f = {.options = call->own, .out = call->out, .now = TIME_NONE, .err = err};
	struct source source = tool_source(call);
	const struct result *r;
	int status = -1;

	buf_init(&f.id, SUBJECT_MAX);
	buf_init(&f.renamed, SUBJECT_MAX);
	buf_init(&f.subject, SUBJECT_MAX);
	f.tests = results_new(err);
	if (!f.tests)
		goto out;
	if (compile(&f.options->with, &f.with, err) || compile(&f.options->without, &f.without, err))
		goto out;
	status = stream_events(&source, on_event, &f, call->out, err);
	while (status == 0 && (status = results_open_next(f.tests, &r)) == 0 && r)
		if (filter_result(&f, r, err) || output_flush(call->out, err))
			status = -1;
out:
	results_free(f.tests);
	pattern_free(f.with);
	pattern_free(f.without);
	buf_release(&f.id);
	buf_release(&f.renamed);
	buf_release(&f.subject);
	return status;
}

const struct tool tool_filter = {
    .name = "subunit-filter",
    .text = "Keeps some of the tests in a subunit stream, with no options those that failed\n"
	    "or were skipped. A test is written when it ends, at the end those that did\n"
	    "not, as failures. Expressions are those of Python's re; --with and --without\n"
	    "look at the id, the outcome (success, failure, skip, expectedfailure,\n"
	    "uxsuccess) and the text of the attachments, each on lines of their own.\n",
    .options = options,
    .own_size = sizeof(struct filter_options),
    .met = met,
    .run = run,
    .release = release,
};
