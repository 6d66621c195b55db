/* SPDX-License-Identifier: Apache-2.0 */
#include "detail.h"
#include "report.h"
#include "scratch.h"

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

/* True for what is no character of XML; a carriage return would be read as a newline. */
static bool
is_illegal(struct slice rest)
{
	static const uint8_t noncharacters[] = {0xEF, 0xBF};
	uint8_t c = rest.data[0];

	if (c < 0x20)
		return c != '\t' && c != '\n';
	return rest.len >= 3 && slice_starts(rest, slice_of(noncharacters, 2)) && rest.data[2] >= 0xBE;
}

/* The text is valid UTF-8, perhaps a part of one: *brackets says how many ']' are before it, at first 0. In
 * attributes, what separates words and ends the attribute is escaped, too. */
static void
print_part(struct buf *out, struct slice s, bool attribute, unsigned *brackets)
{
	for (size_t i = 0; i < s.len; i++) {
		struct slice rest = slice_from(s, i);
		uint8_t c = s.data[i];
		bool ends_section = *brackets >= 2;

		if (is_illegal(rest)) {
			i += c < 0x20 ? 0 : 2;
			continue;
		}
		*brackets = c != ']' ? 0 : *brackets < 2 ? *brackets + 1 : 2;
		if (c == '&')
			buf_str(out, "&amp;");
		else if (c == '<')
			buf_str(out, "&lt;");
		else if (c == '>' && ends_section)
			buf_str(out, "&gt;");
		else if (attribute && c == '"')
			buf_str(out, "&quot;");
		else if (attribute && c == '\t')
			buf_str(out, "&#x9;");
		else if (attribute && c == '\n')
			buf_str(out, "&#xA;");
		else
			buf_byte(out, c);
	}
}

static void
print_escaped(struct buf *out, struct slice s, bool attribute)
{
	unsigned brackets = 0;

	print_part(out, s, attribute, &brackets);
}

/* As the reference sums them, to the last bit. */
static void
print_seconds(struct buf *out, int64_t from, int64_t to)
{
	int64_t micros = from == TIME_NONE || to == TIME_NONE ? 0 : (to - from) / 1000, seconds;

	seconds = micros / 1000000;
	micros %= 1000000;
	if (micros < 0) {
		micros += 1000000;
		seconds--;
	}
	buf_printf(out, "%.3f", (double)seconds + 0.000001 * (double)micros);
}

/* Behind the last dot before a parenthesis is the name; a dot at the very end is part of it. */
static size_t
class_length(struct slice id)
{
	size_t end = slice_find(id, '(');

	if (end == id.len && end)
		end--;
	while (end && id.data[end - 1] != '.')
		end--;
	return end;
}

static void
print_case(struct buf *out, const struct result *r, int64_t start, int64_t stop)
{
	size_t end = class_length(r->id);

	buf_str(out, "<testcase classname=\"");
	print_escaped(out, slice_head(r->id, end ? end - 1 : 0), true);
	buf_str(out, "\" name=\"");
	print_escaped(out, slice_from(r->id, end), true);
	buf_str(out, "\" time=\"");
	print_seconds(out, start, stop);
	buf_byte(out, '"');
}

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
	print_part(&j->cases.data, buf_get(&j->text), p->attribute, &p->brackets);
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
	print_case(&j->cases.data, r, start, stop);
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
	print_seconds(&to->data, j->first, j->last);
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
