/* SPDX-License-Identifier: Apache-2.0 */
#include "outcome.h"
#include "report.h"
#include "strtab.h"
#include "tool.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct stats {
	const struct report_options *options;
	struct output *out;
	struct outcome *tests;
	struct strtab tags;
	uint64_t total, failed, skipped;
};

static int
count(struct stats *s, const struct result *r, struct err *err)
{
	s->total++;
	if (r->status == STATUS_FAIL || !status_is_final(r->status))
		s->failed++;
	if (r->status == STATUS_SKIP)
		s->skipped++;
	for (size_t i = 0; i < r->tag_count; i++)
		if (strtab_add(&s->tags, r->tags[i], NULL) == STRTAB_NONE)
			return err_nomem(err);
	return 0;
}

static int
on_event(void *context, const struct event *e, struct err *err)
{
	struct stats *s = context;
	const struct result *r;

	if (e->id.data || !s->options->no_passthrough) {
		if (s->options->forward && output_event(s->out, e, err))
			return -1;
		if (!s->options->forward && !e->id.data)
			buf_slice(&s->out->data, e->file);
	}
	if (outcome_event(s->tests, e, &r))
		return err_nomem(err);
	return r ? count(s, r, err) : 0;
}

static int
compare_slices(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

static int
print_figures(const struct stats *s, struct buf *out, struct err *err)
{
	struct slice *tags = reallocarray(NULL, s->tags.len + 1, sizeof(*tags));

	if (!tags)
		return err_nomem(err);
	for (size_t i = 0; i < s->tags.len; i++)
		tags[i] = strtab_get(&s->tags, i);
	qsort(tags, s->tags.len, sizeof(*tags), compare_slices);
	buf_printf(out, "Total tests:   %5" PRIu64 "\n", s->total);
	buf_printf(out, "Passed tests:  %5" PRIu64 "\n", s->total - s->failed - s->skipped);
	buf_printf(out, "Failed tests:  %5" PRIu64 "\n", s->failed);
	buf_printf(out, "Skipped tests: %5" PRIu64 "\n", s->skipped);
	buf_str(out, "Seen tags: ");
	for (size_t i = 0; i < s->tags.len; i++) {
		buf_str(out, i ? ", " : "");
		buf_slice(out, tags[i]);
	}
	buf_byte(out, '\n');
	free(tags);
	return 0;
}

static int
run(const struct tool_call *call, struct err *err)
{
	struct stats s = {.options = call->own, .out = call->out};
	struct source source = tool_source(call);
	struct output file = {.fd = -1};
	const struct result *r;
	int status = -1;

	if (s.options->path && output_open(&file, s.options->path, err))
		return -1;
	s.tests = outcome_new(0);
	if (!s.tests) {
		err_nomem(err);
		goto out;
	}
	if (stream_events(&source, on_event, &s, call->out, err))
		goto out;
	while ((r = outcome_open_next(s.tests)))
		if (count(&s, r, err))
			goto out;
	if (print_figures(&s, s.options->path ? &file.data : &call->out->data, err))
		goto out;
	status = s.failed ? 1 : 0;
out:
	if (s.options->path && output_close(&file, status < 0 ? &(struct err){0} : err))
		status = -1;
	output_release(&file);
	outcome_free(s.tests);
	strtab_release(&s.tags);
	return status;
}

const struct tool tool_stats = {
    .name = "subunit-stats",
    .text = "Counts the tests in a subunit stream by their outcome. Expected failures and\n"
	    "unexpected successes count as passed, tests that did not end as failed. Exit\n"
	    "status: 0 when no test failed, else 1.\n",
    .options = report_options,
    .own_size = sizeof(struct report_options),
    .met = report_met,
    .run = run,
};
