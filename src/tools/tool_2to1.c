/* SPDX-License-Identifier: Apache-2.0 */
#include "outcome.h"
#include "tool.h"
#include "v1.h"

struct convert {
	struct buf *out;
	struct outcome *tests;
	bool in_line; /* the text before ended without a newline */
};

static const struct option options[] = {
    TOOL_HELP,
    TOOL_STRICT,
    {0},
};

static void
write_result(struct convert *c, const struct result *r)
{
	/* Behind text, a directive would not be seen. */
	if (c->in_line)
		buf_byte(c->out, '\n');
	c->in_line = false;
	v1_write(c->out, r);
}

static int
on_event(void *context, const struct event *e, struct err *err)
{
	struct convert *c = context;
	const struct result *r;

	if (!e->id.data && e->file.len) {
		buf_slice(c->out, e->file);
		c->in_line = e->file.data[e->file.len - 1] != '\n';
	}
	if (outcome_event(c->tests, e, &r))
		return err_nomem(err);
	if (r)
		write_result(c, r);
	return 0;
}

static int
run(const struct tool_call *call, struct err *err)
{
	struct convert c = {.out = &call->out->data, .tests = outcome_new(TOOL_DETAIL_MAX)};
	struct source source = tool_source(call);
	const struct result *r;
	int status;

	if (!c.tests)
		return err_nomem(err);
	status = stream_events(&source, on_event, &c, call->out, err);
	while (status == 0 && (r = outcome_open_next(c.tests))) {
		write_result(&c, r);
		status = output_flush(call->out, err);
	}
	outcome_free(c.tests);
	return status;
}

const struct tool tool_2to1 = {
    .name = "subunit-2to1",
    .text = "Turns subunit version 2 into version 1. Each test is written when it ends, at\n"
	    "the end those that did not, as failures. Text stays where it is.\n",
    .options = options,
    .run = run,
};
