/* SPDX-License-Identifier: Apache-2.0 */
#include "detail.h"
#include "report.h"
#include "scratch.h"
#include "xmltext.h"

#include <inttypes.h>

/* As the reference names them: scripts look for these words. */
#define FAILURE_TYPE "testtools.testresult.real._StringException"
#define SURPRISE_TYPE "unittest.case._UnexpectedSuccess"
#define TEXT_MAX ((size_t)512 << 20)

struct junit {
	struct scratch cases; /* the elements of the tests, behind which their number is known */
	struct buf text;
	uint64_t tests, failures;
	int64_t first, last; /* the earliest time, and the one that came last */
};

/* The way of a test's text into the elements. */
struct passage {
	struct junit *junit;
	bool attribute;
	unsigned brackets;
	struct err *err;
};

static int
pass_text(void *context)
{
	struct passage *p = context;
	struct junit *j = p->junit;

	if (j->text.failed)
		return err_nomem(p->err);
	xmltext_part(&j->cases.data, buf_get(&j->text), p->attribute, &p->brackets);
	buf_clear(&j->text);
	return scratch_settle(&j->cases, p->err);
}

static int
print_failure(struct junit *j, const struct result *r, struct err *err)
{
	struct passage passage = {.junit = j, .err = err};
	struct drain drain = {pass_text, &passage};
	struct buf *out = &j->cases.data;

	buf_str(out, ">\n<failure type=\"" FAILURE_TYPE "\">" FAILURE_TYPE);
	buf_str(out, r->detail_count ? ": " : "");
	if (details_text(&j->text, r->details, r->detail_count, "traceback", &drain) || pass_text(&passage))
		return -1;
	buf_str(out, "\n</failure>\n</testcase>\n");
	return 0;
}

static int
print_skip(struct junit *j, const struct result *r, struct err *err)
{
	struct passage passage = {.junit = j, .attribute = true, .err = err};
	struct drain drain = {pass_text, &passage};
	struct buf *out = &j->cases.data;

	buf_str(out, ">\n<skipped>");
	if (report_reason(&j->text, r, &drain) || pass_text(&passage))
		return -1;
	buf_str(out, "</skipped>\n</testcase>\n");
	return 0;
}

static int64_t
round_or_none(int64_t time)
{
	return time == TIME_NONE ? TIME_NONE : time_round_us(time);
}

static void
note_time(struct junit *j, int64_t time)
{
	if (time == TIME_NONE)
		return;
	if (j->first == TIME_NONE || time < j->first)
		j->first = time;
	j->last = time;
}

static int
on_result(void *context, const struct result *r, struct output *to, struct err *err)
{
	struct junit *j = context;
	int64_t start = round_or_none(r->start), stop = round_or_none(r->stop);
	int rc = 0;

	(void)to;
	j->tests++;
	note_time(j, start);
	note_time(j, stop);
	buf_clear(&j->text);
	xmltext_case(&j->cases.data, r->id, start, stop);
	if (r->status == STATUS_SUCCESS || r->status == STATUS_XFAIL) {
		buf_str(&j->cases.data, "/>\n");
	} else if (r->status == STATUS_SKIP) {
		rc = print_skip(j, r, err);
	} else if (r->status == STATUS_UXSUCCESS) {
		j->failures++;
		buf_str(&j->cases.data, ">\n<failure type=\"" SURPRISE_TYPE "\"/>\n</testcase>\n");
	} else {
		j->failures++;
		rc = print_failure(j, r, err);
	}
	if (rc)
		return err->kind == ERR_NONE ? err_nomem(err) : -1;
	return scratch_settle(&j->cases, err);
}

static int
end(void *context, struct output *to, struct err *err)
{
	struct junit *j = context;

	buf_printf(&to->data,
	    "<testsuite errors=\"0\" failures=\"%" PRIu64 "\" name=\"\" tests=\"%" PRIu64 "\" time=\"",
	    j->failures, j->tests);
	xmltext_seconds(&to->data, j->first, j->last);
	buf_str(&to->data, "\">\n");
	if (scratch_copy(&j->cases, to, err))
		return -1;
	buf_str(&to->data, "</testsuite>\n");
	return 0;
}

static int
run(const struct tool_call *call, struct err *err)
{
	static const struct report_format format = {.result = on_result, .end = end};
	struct junit j = {.first = TIME_NONE, .last = TIME_NONE};
	int status;

	scratch_init(&j.cases);
	buf_init(&j.text, TEXT_MAX);
	status = report_run(call, &format, &j, err);
	scratch_release(&j.cases);
	buf_release(&j.text);
	return status;
}

const struct tool tool_junitxml = {
    .name = "subunit2junitxml",
    .text = "Writes the tests in a subunit stream as JUnit XML. A time that is not known is\n"
	    "zero. What belongs to no test goes to standard error. Exit status: 1 when a\n"
	    "test failed, did not end, or succeeded unexpectedly, else 0.\n",
    .options = report_options,
    .own_size = sizeof(struct report_options),
    .met = report_met,
    .run = run,
};
