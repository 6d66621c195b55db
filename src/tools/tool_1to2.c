/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"
#include "tool.h"

static const struct option options[] = {
    TOOL_HELP,
    {0},
};

static int
on_event(void *context, const struct event *e, struct err *err)
{
	struct output *out = context;
	struct event timed = *e;

	if (e->raw.data) {
		buf_slice(&out->data, e->raw);
		return 0;
	}
	if (timed.time == TIME_NONE)
		timed.time = clock_realtime();
	return output_event(out, &timed, err);
}

static int
run(const struct tool_call *call, struct err *err)
{
	struct source source = {.path = call->path, .mode = READER_V1};

	return stream_events(&source, on_event, call->out, call->out, err);
}

const struct tool tool_1to2 = {
    .name = "subunit-1to2",
    .text = "Turns subunit version 1 into version 2. Text stays where it is, and packets of\n"
	    "version 2 stay as they are. Tests before the first \"time:\" get the time of\n"
	    "day.\n",
    .options = options,
    .run = run,
};
