/* SPDX-License-Identifier: Apache-2.0 */
#include "meson_log.h"
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
	return meson_log_feed(context, bytes, err);
}

static int
run(const struct tool_call *call, struct err *err)
{
	struct meson_log *m = meson_log_new(on_event, call->out);
	int rc;

	if (!m)
		return err_nomem(err);
	rc = stream_bytes(call->path, on_bytes, m, call->out, err);
	if (rc == 0)
		rc = meson_log_end(m, err);
	if (rc == 0)
		rc = meson_log_failed(m);
	meson_log_free(m);
	return rc;
}

const struct tool tool_meson = {
    .name = "meson2subunit",
    .text = "Makes a subunit stream, version 2, of Meson's meson-logs/testlog.json. Exit\n"
	    "status: 1 when a test failed or the input is broken, else 0.\n",
    .options = options,
    .run = run,
};
