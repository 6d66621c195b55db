/* SPDX-License-Identifier: Apache-2.0 */
#include "gtest.h"
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
	return gtest_feed(context, bytes, err);
}

static int
run(const struct tool_call *call, struct err *err)
{
	struct gtest *g = gtest_new(on_event, call->out);
	int rc;

	if (!g)
		return err_nomem(err);
	rc = stream_bytes(call->path, on_bytes, g, call->out, err);
	if (rc == 0)
		rc = gtest_end(g, err);
	if (rc == 0)
		rc = gtest_failed(g);
	gtest_free(g);
	return rc;
}

const struct tool tool_gtest = {
    .name = "gtest2subunit",
    .text = "Makes a subunit stream, version 2, of the files that GoogleTest writes with\n"
	    "--gtest_output=json:FILE, one or several after each other. Exit status: 1 when\n"
	    "a test failed or the input is broken, else 0.\n",
    .options = options,
    .run = run,
};
