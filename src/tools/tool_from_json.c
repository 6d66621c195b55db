/* SPDX-License-Identifier: Apache-2.0 */
#include "event_json.h"
#include "tool.h"

#include <inttypes.h>

struct convert {
	struct output *out;
	struct event_json json;
	uint64_t line;
};

static const struct option options[] = {
    TOOL_HELP,
    {0},
};

/* Text is written as it is, unless a reader could take it for a packet. */
static int
write_event(struct output *out, const struct event *e, struct err *err)
{
	if (e->kind == EVENT_TEXT && slice_find(e->file, PACKET_SIGNATURE) == e->file.len) {
		buf_slice(&out->data, e->file);
		return 0;
	}
	return output_event(out, e, err);
}

static int
on_line(void *context, struct slice line, struct err *err)
{
	struct convert *c = context;
	struct event e;

	c->line++;
	if (!slice_trim(line).len)
		return 0;
	if (event_from_json(&c->json, line, &e, err) || write_event(c->out, &e, err))
		return err_wrap(err, "line %" PRIu64, c->line);
	return 0;
}

static int
run(const struct tool_call *call, struct err *err)
{
	struct convert c = {.out = call->out};
	int status = stream_lines(call->path, on_line, &c, call->out, err);

	event_json_release(&c.json);
	return status;
}

const struct tool tool_from_json = {
    .name = "json2subunit",
    .text = "Makes a subunit stream, version 2, of the lines of JSON that subunit2json\n"
	    "prints.\n",
    .options = options,
    .run = run,
};
