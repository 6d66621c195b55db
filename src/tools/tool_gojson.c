/* SPDX-License-Identifier: Apache-2.0 */
#include "gojson.h"
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
	return gojson_feed(context, bytes, err);
}

static int
run(const struct tool_call *call, struct err *err)
{
	struct gojson *g = gojson_new(on_event, call->out);
	int rc;

	if (!g)
		return err_nomem(err);
	rc = stream_bytes(call->path, on_bytes, g, call->out, err);
	if (rc == 0)
		rc = gojson_end(g, err);
	if (rc == 0)
		rc = gojson_failed(g);
	gojson_free(g);
	return rc;
}

const struct tool tool_gojson = {
    .name = "gojson2subunit",
    .text = "Makes a subunit stream, version 2, of what \"go test -json\" prints. Tests that\n"
	    "never end failed. Exit status: 1 when a test or a build failed, else 0.\n",
    .options = options,
    .run = run,
};
