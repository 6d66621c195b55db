/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

static const char *
status_word(enum status status)
{
	switch (status) {
	case STATUS_SUCCESS:
	case STATUS_UXSUCCESS:
		return "success";
	case STATUS_SKIP:
		return "skip";
	case STATUS_XFAIL:
		return "xfail";
	default:
		return "failure";
	}
}

/* In quotes only when it has to be. */
static void
print_field(struct buf *out, struct slice s)
{
	bool quoted = false;

	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] == ',' || s.data[i] == '"' || s.data[i] == '\r' || s.data[i] == '\n')
			quoted = true;
	if (!quoted) {
		buf_slice(out, s);
		return;
	}
	buf_byte(out, '"');
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] == '"')
			buf_byte(out, '"');
		buf_byte(out, s.data[i]);
	}
	buf_byte(out, '"');
}

static void
print_time(struct buf *out, int64_t time)
{
	buf_byte(out, ',');
	if (time == TIME_NONE)
		buf_byte(out, '-');
	else
		time_format_python(out, time);
}

static int
begin(void *context, struct output *to, struct err *err)
{
	(void)context;
	(void)err;
	buf_str(&to->data, "test,status,start_time,stop_time\r\n");
	return 0;
}

static int
print_result(void *context, const struct result *r, struct output *to, struct err *err)
{
	struct buf *out = &to->data;

	(void)context;
	(void)err;
	print_field(out, r->id);
	buf_byte(out, ',');
	buf_str(out, status_word(r->status));
	print_time(out, r->start);
	print_time(out, r->stop);
	buf_str(out, "\r\n");
	return 0;
}

static int
run(const struct tool_call *call, struct err *err)
{
	static const struct report_format format = {begin, print_result, NULL, true};

	return report_run(call, &format, NULL, err);
}

const struct tool tool_csv = {
    .name = "subunit2csv",
    .text = "Writes a table of the tests in a subunit stream, as comma-separated values: id,\n"
	    "outcome (success, failure, skip, xfail), start and stop, - for a time that is\n"
	    "not known. What belongs to no test goes to standard error. Exit status: 1 when\n"
	    "a test failed, did not end, or succeeded unexpectedly, else 0.\n",
    .options = report_options,
    .own_size = sizeof(struct report_options),
    .met = report_met,
    .run = run,
};
