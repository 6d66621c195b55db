/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include "detail.h"

#include <string.h>
#include <unistd.h>

#define FILE_FLUSH ((size_t)64 << 10)

struct report {
	const struct report_ways *ways;
	const struct report_format *format;
	void *context;
	struct results *tests;
	bool failed;
};

const struct option report_options[] = {
    TOOL_HELP,
    {0, "no-passthrough", OPTION_FLAG, NULL, "drop everything that belongs to no test"},
    {'o', "output-to", OPTION_VALUE, "FILE", "write the report into FILE"},
    {'f', "forward", OPTION_FLAG, NULL, "write the stream to standard output, too, text as\npackets"},
    TOOL_STRICT,
    {0},
};

int
report_met(void *context, const struct option *option, char *const *values, struct err *err)
{
	struct report_options *o = context;

	(void)err;
	if (strcmp(option->name, "no-passthrough") == 0)
		o->no_passthrough = true;
	else if (strcmp(option->name, "forward") == 0)
		o->forward = true;
	else
		o->path = values[0];
	return 0;
}

static int
on_result(struct report *report, const struct result *r, struct err *err)
{
	struct output *to = report->ways->to;

	if (r->status == STATUS_FAIL || r->status == STATUS_UXSUCCESS || !status_is_final(r->status))
		report->failed = true;
	if (report->format->result(report->context, r, to, err))
		return -1;
	return to->data.len >= FILE_FLUSH ? output_flush(to, err) : 0;
}

/* Two outputs may end in one place, such as a terminal: what comes first is written first. */
static int
pass_through(const struct report_ways *ways, struct slice bytes, struct err *err)
{
	if (output_flush(ways->to, err))
		return -1;
	buf_slice(&ways->other->data, bytes);
	return output_flush(ways->other, err);
}

static int
format_event(struct report *report, const struct event *e, const struct result **out)
{
	struct event bare = *e;

	if (report->format->no_details)
		bare.file_name = SLICE_NONE;
	return results_event(report->tests, &bare, out);
}

static int
on_event(void *context, const struct event *e, struct err *err)
{
	struct report *report = context;
	const struct report_ways *ways = report->ways;
	const struct result *r;
	int rc = 0;

	if (ways->events && (e->id.data || !ways->tests_only))
		rc = output_event(ways->events, e, err);
	else if (!ways->events && ways->other && !e->id.data && e->file.len)
		rc = pass_through(ways, e->file, err);
	if (rc)
		return -1;
	if (format_event(report, e, &r))
		return -1;
	return r ? on_result(report, r, err) : 0;
}

int
report_write(const struct tool_call *call, const struct report_ways *ways, const struct report_format *format,
    void *context, struct err *err)
{
	struct report report = {.ways = ways, .format = format, .context = context};
	struct source source = tool_source(call);
	const struct result *r;
	int rc = -1;

	report.tests = results_new(err);
	if (!report.tests)
		return -1;
	if (format->begin && format->begin(context, ways->to, err))
		goto out;
	if (stream_events(&source, on_event, &report, ways->events ? ways->events : ways->to, err))
		goto out;
	do {
		if (results_open_next(report.tests, &r) || (r && on_result(&report, r, err)))
			goto out;
	} while (r);
	if (format->end && format->end(context, ways->to, err))
		goto out;
	rc = report.failed;
out:
	results_free(report.tests);
	return rc;
}

int
report_run(const struct tool_call *call, const struct report_format *format, void *context, struct err *err)
{
	const struct report_options *o = call->own;
	struct output file = {.fd = -1}, other;
	struct report_ways ways = {.to = call->out, .tests_only = o->no_passthrough};
	int status;

	if (o->path && output_open(&file, o->path, err))
		return -1;
	output_init(&other, STDERR_FILENO, "standard error");
	if (o->path)
		ways.to = &file;
	if (o->forward)
		ways.events = call->out;
	if (!o->no_passthrough)
		ways.other = &other;
	status = report_write(call, &ways, format, context, err);
	if (o->path && output_close(&file, status < 0 ? &(struct err){0} : err))
		status = -1;
	output_release(&file);
	output_release(&other);
	return status;
}

int
report_reason(struct buf *out, const struct result *r, const struct drain *drain)
{
	for (size_t i = 0; i < r->detail_count; i++) {
		const struct detail *d = &r->details[i];

		if (slice_eq(d->name, SLICE_LIT("reason")) && detail_is_text(d))
			return detail_decode(out, d, drain);
	}
	return details_text(out, r->details, r->detail_count, NULL, drain);
}
