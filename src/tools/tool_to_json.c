/* SPDX-License-Identifier: Apache-2.0 */
#include "event_json.h"
#include "tool.h"

static const struct option options[] = {
    TOOL_HELP,
    TOOL_STRICT,
    {0},
};

static int
on_event(void *context, const struct event *e, struct err *err)
{
	struct output *out = context;

	return event_to_json(&out->data, e) ? err_nomem(err) : 0;
}

static int
run(const struct tool_call *call, struct err *err)
{
	struct source source = tool_source(call);

	source.guess = true;
	return stream_events(&source, on_event, call->out, call->out, err);
}

const struct tool tool_to_json = {
    .name = "subunit2json",
    .text = "Prints each event of a subunit stream, version 2 or 1, as one line of JSON.\n"
	    "json2subunit turns them into a stream again.\n",
    .options = options,
    .run = run,
};
