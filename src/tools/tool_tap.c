/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"
#include "tool.h"

static const struct option options[] = {
    TOOL_HELP,
    {0},
};

static int
on_event(void *context, const struct event *e, struct err *err)
{
	return output_event(context, e, err);
}

static int
on_bytes(void *context, struct slice bytes, struct err *err)
{
	return tap_feed(context, bytes, err);
}

static int
run(const struct tool_call *call, struct err *err)
{
	struct tap *t = tap_new(on_event, call->out);
	int rc;

	if (!t)
		return err_nomem(err);
	rc = stream_bytes(call->path, on_bytes, t, call->out, err);
	if (rc == 0)
		rc = tap_end(t, err);
	tap_free(t);
	return rc;
}

const struct tool tool_tap = {
    .name = "tap2subunit",
    .text = "Makes a subunit stream, version 2, of what a test program prints in the Test\n"
	    "Anything Protocol. Tests that the plan names and that are not there failed.\n",
    .options = options,
    .run = run,
};
