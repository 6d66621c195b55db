/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"

#include "flakes.h"
#include "xmltext.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- Atom ---- */

/* Runs in a feed, and tests named in an entry. */
#define ENTRIES 20
#define TESTS_NAMED 50
#define FLAKY_ENTRIES 200

struct feed {
	struct call *call;
	struct reply *out;
	int64_t entries;
	int64_t updated;
	struct buf body; /* the entries */
};

static int
name_test(void *context, const struct repo_row *row, struct err *err)
{
	struct feed *f = context;

	(void)err;
	xmltext_add(&f->body, row->test, false);
	buf_byte(&f->body, '\n');
	return 0;
}

static void
add_time(struct buf *out, int64_t time)
{
	time_format(out, time == TIME_NONE ? 0 : time, 'T');
}

static int
add_entry(void *context, const struct repo_run *run, struct err *err)
{
	struct feed *f = context;
	struct repo_rows_query query = {.worker = -1, .limit = TESTS_NAMED};
	struct buf *b = &f->body;

	if (f->entries == ENTRIES || strcmp(shape_outcome(run), "failed") != 0)
		return 0;
	f->entries++;
	if (f->updated == TIME_NONE)
		f->updated = run->stop;
	for (unsigned s = STATUS_NONE; s <= STATUS_XFAIL; s++)
		if (shape_verdict((enum status)s, run) == VERDICT_FAIL)
			query.statuses |= 1u << s;
	buf_printf(b,
	    "<entry><id>urn:testr:run:%s%" PRId64 "</id><title>run %" PRId64 ": %" PRId64 " of %" PRId64
	    " failed</title><link href=\"/run/%" PRId64 "\"/><updated>",
	    run->uid, run->id, run->id, run->counts.failures, run->counts.tests, run->id);
	add_time(b, run->stop);
	buf_str(b, "</updated><content type=\"text\">");
	if (repo_rows_where(f->call->repo, run->id, &query, name_test, f, err) < 0)
		return -1;
	buf_str(b, "</content></entry>\n");
	return 0;
}

/* Puts the feed together from its head and the entries. */
static int
give_feed(struct feed *f, const char *name, const char *title, struct err *err)
{
	struct buf *out = &f->out->body;

	buf_printf(out,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">"
	    "<id>urn:testr:%s</id><title>%s</title><author><name>testr</name></author><updated>",
	    name, title);
	add_time(out, f->updated);
	buf_str(out, "</updated>\n");
	buf_slice(out, buf_get(&f->body));
	buf_str(out, "</feed>\n");
	f->out->type = "application/atom+xml";
	return f->body.failed || out->failed ? err_nomem(err) : 0;
}

int
api_failures_feed(struct call *call, struct reply *out, struct err *err)
{
	struct repo_query query = {.since = TIME_NONE,
	    .until = TIME_NONE,
	    .states = 1u << REPO_FINISHED,
	    .newest_first = true,
	    .limit = 50 * ENTRIES};
	struct feed f = {.call = call, .out = out, .updated = TIME_NONE};
	int rc;

	buf_init(&f.body, REPLY_MAX / 2);
	rc = repo_runs_where(call->repo, &query, add_entry, &f, err);
	if (rc == 0)
		rc = give_feed(&f, "failures", "Failed runs", err);
	buf_release(&f.body);
	return rc;
}

/* The entry of a test stays the same while it is flaky, so that readers show it once. */
static int
add_flaky(struct feed *f, const struct flakes_test *at, struct err *err)
{
	struct buf *b = &f->body, path;
	struct repo_run run;

	if (repo_run_get(f->call->repo, at->v.last, &run, err) < 0)
		return -1;
	if (f->updated == TIME_NONE || run.stop > f->updated)
		f->updated = run.stop;
	buf_init(&path, SIZE_MAX / 4);
	request_encode(&path, at->test);
	buf_printf(b, "<entry><id>urn:testr:flaky:%016" PRIx64, call_test_hash(at->test));
	if (at->profile.data)
		buf_printf(b, ":%016" PRIx64, call_test_hash(at->profile));
	buf_printf(b, "</id><title>%s: ", flakes_class(at->v.class));
	xmltext_add(b, at->test, false);
	buf_printf(b, "</title><link href=\"/test/%.*s\"/><updated>", SLICE_FMT(buf_get(&path)));
	add_time(b, run.stop);
	buf_printf(b,
	    "</updated><content type=\"text\">%" PRIu64 " of %" PRIu64
	    " results failed, the last one in run %" PRId64 ".</content></entry>\n",
	    (uint64_t)at->v.failures, (uint64_t)(at->v.failures + at->v.passes), run.id);
	b->failed |= path.failed;
	buf_release(&path);
	return 0;
}

int
api_flaky_feed(struct call *call, struct reply *out, struct err *err)
{
	struct flakes_query query = {.window = FLAKES_WINDOW, .since = TIME_NONE};
	struct feed f = {.call = call, .out = out, .updated = TIME_NONE};
	struct flakes *flakes = NULL;
	const struct flakes_test *list;
	int rc = flakes_read(call->repo, &query, &flakes, err);
	size_t count;

	if (rc < 0)
		return rc;
	buf_init(&f.body, REPLY_MAX / 2);
	list = flakes_list(flakes, &count);
	for (size_t i = 0; rc == 0 && i < count && i < FLAKY_ENTRIES; i++)
		if (list[i].v.class != FLAKY_BROKEN && list[i].v.class != FLAKY_UNSURE)
			rc = add_flaky(&f, &list[i], err);
	if (rc == 0)
		rc = give_feed(&f, "flaky", "Flaky tests", err);
	buf_release(&f.body);
	flakes_free(flakes);
	return rc;
}

/* ---- a badge ---- */

static int
take_run(void *context, const struct repo_run *run, struct err *err)
{
	(void)err;
	*(struct repo_run *)context = *run;
	return 0;
}

/* Characters of about seven pixels, and a margin. */
static int
width_of(const char *text)
{
	return 7 * (int)strlen(text) + 12;
}

int
api_badge(struct call *call, struct reply *out, struct err *err)
{
	struct repo_query query = {.since = TIME_NONE,
	    .until = TIME_NONE,
	    .states = 1u << REPO_FINISHED | 1u << REPO_INTERRUPTED,
	    .newest_first = true,
	    .limit = 1};
	struct repo_run run = {.id = -1};
	const char *colour = "#9f9f9f";
	char text[64] = "no runs";
	int left = width_of("tests"), right;

	if (call_meta(call, out, &query))
		return 0;
	if (repo_runs_where(call->repo, &query, take_run, &run, err) < 0)
		return -1;
	if (run.id >= 0) {
		bool passed = strcmp(shape_outcome(&run), "passed") == 0;

		colour = passed ? "#2e7d32" : "#b71c1c";
		if (passed)
			snprintf(
			    text, sizeof(text), "%" PRId64 " passed", run.counts.tests - run.counts.skips);
		else if (run.counts.failures)
			snprintf(text, sizeof(text), "%" PRId64 " failed", run.counts.failures);
		else
			snprintf(text, sizeof(text), "%s", shape_outcome(&run));
	}
	right = width_of(text);
	buf_printf(&out->body,
	    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"20\" role=\"img\" aria-label=\"tests: %s\">"
	    "<title>tests: %s</title><rect width=\"%d\" height=\"20\" rx=\"3\" fill=\"#444\"/>"
	    "<rect x=\"%d\" width=\"%d\" height=\"20\" rx=\"3\" fill=\"%s\"/>"
	    "<g fill=\"#fff\" font-family=\"Verdana,DejaVu Sans,sans-serif\" font-size=\"11\" text-anchor=\"middle\">"
	    "<text x=\"%d\" y=\"14\">tests</text><text x=\"%d\" y=\"14\">%s</text></g></svg>\n",
	    left + right, text, text, left + right, left, right, colour, left / 2, left + right / 2, text);
	out->type = "image/svg+xml";
	return 0;
}

/* ---- OpenMetrics ---- */

static int
count_test(void *context, struct slice name, struct err *err)
{
	(void)name;
	(void)err;
	++*(int64_t *)context;
	return 0;
}

static void
add_gauge(struct buf *out, const char *name, const char *help, double value)
{
	buf_printf(out, "# TYPE %s gauge\n# HELP %s %s\n%s %.17g\n", name, name, help, name, value);
}

int
api_metrics(struct call *call, struct reply *out, struct err *err)
{
	struct repo_query query = {.since = TIME_NONE,
	    .until = TIME_NONE,
	    .states = 1u << REPO_FINISHED,
	    .newest_first = true,
	    .limit = 1};
	struct repo_run run = {.id = -1};
	struct strtab failing = {0};
	int64_t runs, tests = 0, size;
	struct buf *b = &out->body;

	if (repo_run_count(call->repo, &runs, err) < 0 ||
	    repo_tests(call->repo, count_test, &tests, err) < 0 ||
	    repo_failing_ids(call->repo, &failing, err) < 0 || repo_size(call->repo, &size, err) < 0 ||
	    repo_runs_where(call->repo, &query, take_run, &run, err) < 0) {
		strtab_release(&failing);
		return -1;
	}
	buf_printf(b,
	    "# TYPE testr_runs counter\n# HELP testr_runs Runs ever begun.\ntestr_runs_total %" PRId64 "\n",
	    runs);
	add_gauge(b, "testr_tests", "Tests that any run has a result of.", (double)tests);
	add_gauge(b, "testr_failing_tests", "Tests that failed last time.", (double)failing.len);
	add_gauge(b, "testr_repository_bytes", "What the repository takes up.", (double)size);
	if (run.id >= 0) {
		add_gauge(b, "testr_latest_run_results", "Results of the latest finished run.",
		    (double)run.counts.tests);
		add_gauge(b, "testr_latest_run_failures", "Failures of the latest finished run.",
		    (double)run.counts.failures);
		add_gauge(b, "testr_latest_run_skips", "Skipped tests of the latest finished run.",
		    (double)run.counts.skips);
		add_gauge(b, "testr_latest_run_passed", "1 when the latest finished run passed, or else 0.",
		    strcmp(shape_outcome(&run), "passed") == 0);
		if (run.stop != TIME_NONE)
			add_gauge(b, "testr_latest_run_timestamp_seconds",
			    "When the latest finished run ended.", (double)run.stop / 1e9);
	}
	buf_str(b, "# EOF\n");
	out->type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
	strtab_release(&failing);
	return 0;
}
