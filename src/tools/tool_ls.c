/* SPDX-License-Identifier: Apache-2.0 */
#include "outcome.h"
#include "tool.h"

#include <string.h>

struct ls_options {
	bool times, exists, no_passthrough;
};

struct ls {
	const struct ls_options *options;
	struct buf *out;
	struct outcome *names; /* decide what is printed: here a route makes no other test */
	struct outcome
	    *tests;  /* decide the exit status; NULL, as they are the same, until there is a route */
	int64_t now; /* the last time that a test's event had */
	bool failed;
};

static const struct option options[] = {
    TOOL_HELP,
    {0, "times", OPTION_FLAG, NULL, "print the seconds that each test took, - when they\nare not known"},
    {0, "exists", OPTION_FLAG, NULL, "print tests that are only announced, too"},
    {0, "no-passthrough", OPTION_FLAG, NULL, "drop everything that belongs to no test"},
    TOOL_STRICT,
    {0},
};

static int
met(void *context, const struct option *option, char *const *values, struct err *err)
{
	struct ls_options *o = context;

	(void)values;
	(void)err;
	if (strcmp(option->name, "times") == 0)
		o->times = true;
	else if (strcmp(option->name, "exists") == 0)
		o->exists = true;
	else
		o->no_passthrough = true;
	return 0;
}

static void
print_id(struct ls *ls, struct slice id, int64_t start)
{
	buf_slice(ls->out, id);
	if (ls->options->times && start == TIME_NONE)
		buf_str(ls->out, " -");
	else if (ls->options->times)
		buf_printf(ls->out, " %.3f", (double)(time_between(start, ls->now) / 1000) / 1e6);
	buf_byte(ls->out, '\n');
}

/* Makes `tests`, with those that are open. */
static int
split_by_route(struct ls *ls)
{
	const struct result *r;
	struct event e;

	ls->tests = outcome_new(0);
	for (size_t i = 0; ls->tests && i < outcome_open_count(ls->names); i++) {
		event_init(&e);
		e.id = outcome_open_get(ls->names, i).id;
		if (outcome_event(ls->tests, &e, &r))
			return -1;
	}
	return ls->tests ? 0 : -1;
}

/* What is printed goes by the test's name and by the last time seen, whichever test it was seen in. */
static int
list_event(struct ls *ls, const struct event *e, struct err *err)
{
	const struct result *r;
	struct event bare;

	if (e->time != TIME_NONE && e->id.len)
		ls->now = time_round_us(e->time);
	if (e->status == STATUS_EXISTS && e->id.len && ls->options->exists)
		print_id(ls, e->id, TIME_NONE);
	event_init(&bare);
	bare.id = e->id;
	bare.status = e->status;
	bare.time = ls->now;
	if (outcome_event(ls->names, &bare, &r))
		return err_nomem(err);
	if (r && r->id.len)
		print_id(ls, r->id, r->latest);
	return 0;
}

static int
on_event(void *context, const struct event *e, struct err *err)
{
	struct ls *ls = context;
	const struct result *r;

	if (!e->id.data) {
		if (!ls->options->no_passthrough)
			buf_slice(ls->out, e->file);
		return 0;
	}
	if (e->status == STATUS_FAIL)
		ls->failed = true;
	if (e->route.data && !ls->tests && split_by_route(ls))
		return err_nomem(err);
	if (ls->tests && outcome_event(ls->tests, e, &r))
		return err_nomem(err);
	return list_event(ls, e, err);
}

static int
run(const struct tool_call *call, struct err *err)
{
	struct source source = tool_source(call);
	struct ls ls = {.options = call->own, .out = &call->out->data, .now = TIME_NONE};
	int status;

	ls.names = outcome_new(0);
	if (!ls.names)
		return err_nomem(err);
	status = stream_events(&source, on_event, &ls, call->out, err);
	for (size_t i = 0; status == 0 && i < outcome_open_count(ls.names); i++) {
		struct result r = outcome_open_get(ls.names, i);

		if (r.id.len)
			print_id(&ls, r.id, r.latest);
	}
	if (status == 0)
		status = ls.failed || outcome_open_count(ls.tests ? ls.tests : ls.names) ? 1 : 0;
	outcome_free(ls.tests);
	outcome_free(ls.names);
	return status;
}

const struct tool tool_ls = {
    .name = "subunit-ls",
    .text = "Prints the id of each test in a subunit stream as the test ends, and at the\n"
	    "end the ids of those that did not. Exit status: 0 when no test failed and all\n"
	    "ended, else 1.\n",
    .options = options,
    .own_size = sizeof(struct ls_options),
    .met = met,
    .run = run,
};
