/* SPDX-License-Identifier: Apache-2.0 */
#include "ctest.h"
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
	return ctest_feed(context, bytes, err);
}

static int
run(const struct tool_call *call, struct err *err)
{
	struct ctest *c = ctest_new(on_event, call->out);
	int rc;

	if (!c)
		return err_nomem(err);
	rc = stream_bytes(call->path, on_bytes, c, call->out, err);
	if (rc == 0)
		rc = ctest_end(c, err);
	if (rc == 0)
		rc = ctest_failed(c);
	ctest_free(c);
	return rc;
}

const struct tool tool_ctest = {
    .name = "ctest2subunit",
    .text = "Makes a subunit stream, version 2, of CTest's Testing/STAMP/Test.xml. Exit\n"
	    "status: 1 when a test failed or the input is broken, else 0.\n",
    .options = options,
    .run = run,
};
