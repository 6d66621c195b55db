/* SPDX-License-Identifier: Apache-2.0 */
#include "detail.h"
#include "export.h"
#include "file.h"
#include "outcome.h"
#include "result_json.h"
#include "tool.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX ((size_t)512 << 20)

struct disk_options {
	const char *directory;
};

struct disk {
	int root;
	struct outcome *tests;
	struct buf contents; /* of the file to be written */
};

static const struct option options[] = {
    TOOL_HELP,
    {'d', "directory", OPTION_VALUE, "DIR", "write into DIR instead of the working directory"},
    TOOL_STRICT,
    {0},
};

static int
met(void *context, const struct option *option, char *const *values, struct err *err)
{
	struct disk_options *o = context;

	(void)option;
	(void)err;
	o->directory = values[0];
	return 0;
}

/* Makes the directory, and those it is in. */
static int
open_root(const char *path, struct err *err)
{
	struct buf part;
	int fd = -1;

	buf_init(&part, FILE_MAX);
	for (const char *p = path; *p; p++) {
		if (*p == '/' && part.len && mkdir(buf_cstr(&part), 0777) && errno != EEXIST)
			break;
		buf_byte(&part, (uint8_t)*p);
	}
	if (part.failed)
		err_nomem(err);
	else if (mkdir(path, 0777) && errno != EEXIST)
		err_sys(err, "cannot make %s", path);
	else
		fd = file_open(&FILE_CWD, path, O_RDONLY | O_DIRECTORY, 0, err);
	buf_release(&part);
	return fd;
}

static int
write_contents(const struct disk *d, int directory, struct slice name, struct err *err)
{
	int fd, rc = 0;

	if (d->contents.failed)
		return err_nomem(err);
	fd = export_file(directory, name, err);
	if (fd < 0)
		return -1;
	if (file_write(fd, buf_get(&d->contents), NULL))
		rc = err_sys(err, "cannot write \"%.*s\"", SLICE_FMT(slice_head(name, 200)));
	if (close(fd) && rc == 0)
		rc = err_sys(err, "cannot write \"%.*s\"", SLICE_FMT(slice_head(name, 200)));
	return rc;
}

static int
write_result(struct disk *d, const struct result *r, struct err *err)
{
	int directory = export_directory(d->root, r->id, err), rc;

	if (directory < 0)
		return -1;
	buf_clear(&d->contents);
	rc = result_to_json(&d->contents, r) ? err_nomem(err)
					     : write_contents(d, directory, SLICE_LIT("test.json"), err);
	for (size_t i = 0; rc == 0 && i < r->detail_count; i++) {
		buf_clear(&d->contents);
		detail_noted(&d->contents, &r->details[i]);
		rc = write_contents(d, directory, r->details[i].name, err);
	}
	close(directory);
	return rc;
}

/* Here a test that is only announced has a result, too. */
static int
on_event(void *context, const struct event *e, struct err *err)
{
	struct disk *d = context;
	bool exists = e->status == STATUS_EXISTS;
	struct event event = *e;
	const struct result *found;
	struct result r;

	if (exists)
		event.status = STATUS_SUCCESS;
	if (outcome_event(d->tests, &event, &found))
		return err_nomem(err);
	if (!found)
		return 0;
	r = *found;
	if (exists)
		r.status = STATUS_EXISTS;
	return write_result(d, &r, err);
}

static int
run(const struct tool_call *call, struct err *err)
{
	const struct disk_options *o = call->own;
	struct source source = tool_source(call);
	struct disk d = {.root = open_root(o->directory ? o->directory : ".", err)};
	const struct result *r;
	int status = -1;

	if (d.root < 0)
		return -1;
	buf_init(&d.contents, FILE_MAX);
	d.tests = outcome_new(TOOL_DETAIL_MAX);
	if (!d.tests) {
		err_nomem(err);
		goto out;
	}
	status = stream_events(&source, on_event, &d, call->out, err);
	while (status == 0 && (r = outcome_open_next(d.tests)))
		status = write_result(&d, r, err);
out:
	outcome_free(d.tests);
	buf_release(&d.contents);
	close(d.root);
	return status;
}

const struct tool tool_disk = {
    .name = "subunit2disk",
    .text = "Writes a directory for each test in a subunit stream, named after the test: the\n"
	    "file test.json, which tells what became of it, and a file for each attachment.\n"
	    "Nothing is written outside the directory, and nothing that is there is changed.\n",
    .options = options,
    .own_size = sizeof(struct disk_options),
    .met = met,
    .run = run,
};
