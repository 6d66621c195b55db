/* SPDX-License-Identifier: Apache-2.0 */
#include "outcome.h"
#include "report.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define LIBRARY "libnotify.so.4"

struct notify {
	const struct report_options *options;
	struct output *out;
	struct outcome *tests;
	uint64_t total, failed, skipped;
};

/* As GLib has it. */
struct g_error {
	uint32_t domain;
	int code;
	char *message;
};

static void
count(struct notify *n, const struct result *r)
{
	n->total++;
	if (r->status == STATUS_FAIL || !status_is_final(r->status))
		n->failed++;
	if (r->status == STATUS_SKIP)
		n->skipped++;
}

static int
on_event(void *context, const struct event *e, struct err *err)
{
	struct notify *n = context;
	const struct result *r;

	if (n->options->forward || !e->id.data)
		if ((e->id.data || !n->options->no_passthrough) && output_event(n->out, e, err))
			return -1;
	if (outcome_event(n->tests, e, &r))
		return err_nomem(err);
	if (r)
		count(n, r);
	return 0;
}

/* Sets fn to a function of the library. Returns false when it has none of that name. */
static bool
find(void *library, const char *name, void *fn)
{
	/* ISO C knows no conversion from an object pointer to a function pointer; POSIX does. */
	*(void **)fn = dlsym(library, name);
	return *(void **)fn != NULL;
}

/* Shows the note on the desktop. The library stays loaded: GLib has threads that cannot be taken away. */
static int
show(const char *summary, const char *body, struct err *err)
{
	int (*init)(const char *application);
	void *(*make)(const char *summary, const char *body, const char *icon);
	int (*show_it)(void *note, struct g_error **error);
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_GLOBAL), *note;
	struct g_error *error = NULL;

	if (!library)
		return err_set(err, ERR_FAILED,
		    "the library " LIBRARY " cannot be loaded (Debian has it in the package libnotify4)");
	if (!find(library, "notify_init", &init) || !find(library, "notify_notification_new", &make) ||
	    !find(library, "notify_notification_show", &show_it))
		return err_set(err, ERR_FAILED, "the library " LIBRARY " is not the one it should be");
	note = init("subunit-notify") ? make(summary, body, NULL) : NULL;
	if (!note)
		return err_set(err, ERR_FAILED, "the library " LIBRARY " does not start");
	if (!show_it(note, &error))
		return err_set(err, ERR_FAILED, "no notification service answers%s%s", error ? ": " : "",
		    error ? error->message : "");
	return 0;
}

/* That the note cannot be shown changes nothing of what the stream says: it is told on standard error. */
static int
tell(const struct notify *n, struct output *file, struct err *err)
{
	const char *summary = n->failed ? "Test run failed" : "Test run successful";
	struct err why = {0};
	char body[128];

	snprintf(body, sizeof(body), "Total tests: %" PRIu64 "; Passed: %" PRIu64 "; Failed: %" PRIu64,
	    n->total, n->total - n->failed - n->skipped, n->failed);
	if (file)
		buf_printf(&file->data, "%s\n%s\n", summary, body);
	/* Services take their time. */
	if (output_flush(n->out, err))
		return -1;
	if (show(summary, body, &why))
		fprintf(stderr, "subunit-notify: there is no display for notes: %s\n%s\n%s\n", why.text,
		    summary, body);
	return 0;
}

static int
run(const struct tool_call *call, struct err *err)
{
	struct notify n = {.options = call->own, .out = call->out};
	struct source source = tool_source(call);
	struct output file = {.fd = -1};
	const struct result *r;
	int status = -1;

	if (n.options->path && output_open(&file, n.options->path, err))
		return -1;
	n.tests = outcome_new(0);
	if (!n.tests) {
		err_nomem(err);
		goto out;
	}
	if (stream_events(&source, on_event, &n, call->out, err))
		goto out;
	while ((r = outcome_open_next(n.tests)))
		count(&n, r);
	if (tell(&n, n.options->path ? &file : NULL, err))
		goto out;
	status = n.failed ? 1 : 0;
out:
	if (n.options->path && output_close(&file, status < 0 ? &(struct err){0} : err))
		status = -1;
	output_release(&file);
	outcome_free(n.tests);
	return status;
}

const struct tool tool_notify = {
    .name = "subunit-notify",
    .text = "Shows a note on the desktop when the tests in a subunit stream have ended: how\n"
	    "many there were, passed and failed. Where there is no notification service it\n"
	    "is told on standard error. What belongs to no test goes to standard output, as\n"
	    "packets. Exit status: 0 when no test failed, else 1.\n",
    .options = report_options,
    .own_size = sizeof(struct report_options),
    .met = report_met,
    .run = run,
};
