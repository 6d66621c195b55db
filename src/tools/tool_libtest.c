/* SPDX-License-Identifier: Apache-2.0 */
#include "libtest.h"
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
	return libtest_feed(context, bytes, err);
}

static int
run(const struct tool_call *call, struct err *err)
{
	struct libtest *l = libtest_new(on_event, call->out);
	int rc;

	if (!l)
		return err_nomem(err);
	rc = stream_bytes(call->path, on_bytes, l, call->out, err);
	if (rc == 0)
		rc = libtest_end(l, err);
	if (rc == 0)
		rc = libtest_failed(l);
	libtest_free(l);
	return rc;
}

const struct tool tool_libtest = {
    .name = "libtest2subunit",
    .text = "Makes a subunit stream, version 2, of what Rust's tests print with\n"
	    "--format json, and cargo-nextest with --message-format libtest-json. Tests that\n"
	    "never end failed. Exit status: 1 when a test failed, else 0.\n",
    .options = options,
    .run = run,
};
