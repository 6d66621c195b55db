/* SPDX-License-Identifier: Apache-2.0 */
#include "results.h"
#include "tool.h"
#include "v1.h"

struct convert {
	struct output *to;
	struct results *tests;
	bool in_line; /* the text before ended without a newline */
};

static const struct option options[] = {
    TOOL_HELP,
    TOOL_STRICT,
    {0},
};

static int
write_result(struct convert *c, const struct result *r, struct err *err)
{
	struct results_drain flush = {c->to, err};

	/* Behind text, a directive would not be seen. */
	if (c->in_line)
		buf_byte(&c->to->data, '\n');
	c->in_line = false;
	return v1_write(&c->to->data, r, &(struct drain){results_drain, &flush});
}

static int
on_event(void *context, const struct event *e, struct err *err)
{
	struct convert *c = context;
	const struct result *r;

	if (!e->id.data && e->file.len) {
		buf_slice(&c->to->data, e->file);
		c->in_line = e->file.data[e->file.len - 1] != '\n';
	}
	if (results_event(c->tests, e, &r))
		return -1;
	return r ? write_result(c, r, err) : 0;
}

static int
run(const struct tool_call *call, struct err *err)
{
	struct convert c = {.to = call->out, .tests = results_new(err)};
	struct source source = tool_source(call);
	const struct result *r;
	int status;

	if (!c.tests)
		return -1;
	status = stream_events(&source, on_event, &c, call->out, err);
	while (status == 0 && (status = results_open_next(c.tests, &r)) == 0 && r)
		status = write_result(&c, r, err) ? -1 : output_flush(call->out, err);
	results_free(c.tests);
	return status;
}

const struct tool tool_2to1 = {
    .name = "subunit-2to1",
    .text = "Turns subunit version 2 into version 1. Each test is written when it ends, at\n"
	    "the end those that did not, as failures. Text stays where it is.\n",
    .options = options,
    .run = run,
};
