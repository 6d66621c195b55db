/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"
#include "detail.h"
#include "optparse.h"
#include "report.h"
#include "scratch.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define FAILURE_TYPE "testtools.testresult.real._StringException"
#define TEXT_MAX ((size_t)512 << 20)
#define THICK_LINE "======================================================================\n"
#define THIN_LINE "----------------------------------------------------------------------\n"

struct pyunit_options {
	bool no_passthrough;
};

struct pyunit {
	int64_t began; /* by the monotonic clock */
	uint64_t tests, failures, skipped, expected, surprises;
	struct scratch failed, surprising; /* what is told of them at the end */
	struct buf text;
};

static const struct option options[] = {
    TOOL_HELP,
    {0, "no-passthrough", OPTION_FLAG, NULL, "drop everything that belongs to no test"},
    {0, "progress", OPTION_FLAG, NULL, "of no effect"},
    TOOL_STRICT,
    {0},
};

static int
met(void *context, const struct option *option, char *const *values, struct err *err)
{
	struct pyunit_options *o = context;

	(void)values;
	(void)err;
	if (strcmp(option->name, "no-passthrough") == 0)
		o->no_passthrough = true;
	return 0;
}

/* A test and its description, which are the same. An empty description is none. */
static void
print_test(struct buf *out, struct slice id)
{
	buf_slice(out, id);
	if (id.len) {
		buf_byte(out, '\n');
		buf_slice(out, id);
	}
}

/* A reason on its way into quotes: twice, since the marks depend on all of it. */
struct quoting {
	struct buf *text;
	bool has_single, has_double;
	uint8_t mark; /* 0 when it is not known yet */
	struct results_drain to;
};

static int
quote_text(void *context)
{
	struct quoting *q = context;
	struct slice text = buf_get(q->text);

	if (q->text->failed)
		return err_nomem(q->to.err);
	q->has_single |= slice_find(text, '\'') < text.len;
	q->has_double |= slice_find(text, '"') < text.len;
	if (q->mark)
		optparse_quote_part(&q->to.to->data, text, q->mark);
	buf_clear(q->text);
	return q->mark ? results_drain(&q->to) : 0;
}

static int
on_skip(struct pyunit *p, const struct result *r, struct output *to, struct err *err)
{
	struct quoting q = {.text = &p->text, .to = {to, err}};
	struct drain drain = {quote_text, &q};

	p->skipped++;
	if (report_reason(&p->text, r, &drain) || quote_text(&q))
		return -1;
	q.mark = optparse_quote_mark(q.has_single, q.has_double);
	buf_str(&to->data, "skipped ");
	buf_byte(&to->data, q.mark);
	if (report_reason(&p->text, r, &drain) || quote_text(&q))
		return -1;
	buf_byte(&to->data, q.mark);
	buf_byte(&to->data, '\n');
	return 0;
}

static void
on_surprise(struct pyunit *p, const struct result *r, struct buf *out)
{
	p->surprises++;
	buf_str(out, "unexpected success\n");
	buf_str(&p->surprising.data, "UNEXPECTED SUCCESS: ");
	print_test(&p->surprising.data, r->id);
	buf_byte(&p->surprising.data, '\n');
}

/* For a drain. */
struct settling {
	struct scratch *scratch;
	struct err *err;
};

static int
settle(void *context)
{
	const struct settling *s = context;

	return scratch_settle(s->scratch, s->err);
}

static int
on_failure(struct pyunit *p, const struct result *r, struct buf *out, struct err *err)
{
	struct settling settling = {&p->failed, err};
	struct drain drain = {settle, &settling};
	struct buf *later = &p->failed.data;

	p->failures++;
	buf_str(out, "FAIL\n");
	buf_str(later, THICK_LINE "FAIL: ");
	print_test(later, r->id);
	buf_str(later, "\n" THIN_LINE FAILURE_TYPE);
	buf_str(later, r->detail_count ? ": " : "");
	if (details_text(later, r->details, r->detail_count, "traceback", &drain))
		return -1;
	buf_str(later, "\n\n");
	return 0;
}

static int
on_result(void *context, const struct result *r, struct output *to, struct err *err)
{
	struct pyunit *p = context;
	struct buf *out = &to->data;
	int rc = 0;

	p->tests++;
	print_test(out, r->id);
	buf_str(out, " ... ");
	if (r->status == STATUS_SUCCESS) {
		buf_str(out, "ok\n");
	} else if (r->status == STATUS_XFAIL) {
		p->expected++;
		buf_str(out, "expected failure\n");
	} else if (r->status == STATUS_SKIP) {
		rc = on_skip(p, r, to, err);
	} else if (r->status == STATUS_UXSUCCESS) {
		on_surprise(p, r, out);
	} else {
		rc = on_failure(p, r, out, err);
	}
	if (rc)
		return err->kind == ERR_NONE ? err_nomem(err) : -1;
	return scratch_settle(&p->failed, err) || scratch_settle(&p->surprising, err) ? -1 : 0;
}

static void
print_count(struct buf *out, const char *what, uint64_t count, bool *any)
{
	if (!count)
		return;
	buf_printf(out, "%s%s=%" PRIu64, *any ? ", " : " (", what, count);
	*any = true;
}

static int
end(void *context, struct output *to, struct err *err)
{
	struct pyunit *p = context;
	struct buf *out = &to->data;
	bool any = false;

	buf_byte(out, '\n');
	if (scratch_copy(&p->failed, to, err))
		return -1;
	buf_str(out, p->surprises ? THICK_LINE : "");
	if (scratch_copy(&p->surprising, to, err))
		return -1;
	buf_printf(out, THIN_LINE "Ran %" PRIu64 " test%s in %.3fs\n\n", p->tests, p->tests == 1 ? "" : "s",
	    (double)(clock_monotonic() - p->began) / 1e9);
	buf_str(out, p->failures || p->surprises ? "FAILED" : "OK");
	print_count(out, "failures", p->failures, &any);
	print_count(out, "skipped", p->skipped, &any);
	print_count(out, "expected failures", p->expected, &any);
	print_count(out, "unexpected successes", p->surprises, &any);
	buf_str(out, any ? ")\n" : "\n");
	return output_flush(to, err);
}

static int
run(const struct tool_call *call, struct err *err)
{
	static const struct report_format format = {.result = on_result, .end = end};
	const struct pyunit_options *o = call->own;
	struct pyunit p = {.began = clock_monotonic()};
	struct report_ways ways = {.other = o->no_passthrough ? NULL : call->out};
	struct output report;
	int status;

	output_init(&report, STDERR_FILENO, "standard error");
	ways.to = &report;
	scratch_init(&p.failed);
	scratch_init(&p.surprising);
	buf_init(&p.text, TEXT_MAX);
	status = report_write(call, &ways, &format, &p, err);
	if (status < 0)
		output_flush(&report, &(struct err){0});
	scratch_release(&p.failed);
	scratch_release(&p.surprising);
	buf_release(&p.text);
	output_release(&report);
	return status;
}

const struct tool tool_pyunit = {
    .name = "subunit2pyunit",
    .text = "Tells of the tests in a subunit stream on standard error, as Python's unittest\n"
	    "does. What belongs to no test goes to standard output. Exit status: 1 when a\n"
	    "test failed, did not end, or succeeded unexpectedly, else 0.\n",
    .options = options,
    .own_size = sizeof(struct pyunit_options),
    .met = met,
    .run = run,
};
