/* SPDX-License-Identifier: Apache-2.0 */
#include "detail.h"
#include "export.h"
#include "file.h"
#include "result_json.h"
#include "results.h"
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
	struct results *tests;
	struct buf json;
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

/* A file that is being written. */
struct target {
	int fd;
	struct slice name;
	struct err *err;
};

static int
write_piece(void *context, struct slice piece)
{
	const struct target *t = context;

	if (file_write(t->fd, piece, NULL))
		return err_sys(t->err, "cannot write \"%.*s\"", SLICE_FMT(slice_head(t->name, 200)));
	return 0;
}

static int
write_detail(int directory, const struct detail *d, struct err *err)
{
	struct slice name = d->name;
	struct target target = {export_file(directory, name, err), name, err};
	int fd = target.fd, rc;

	if (fd < 0)
		return -1;
	rc = detail_pieces(d, write_piece, &target);
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
	buf_clear(&d->json);
	if (result_to_json(&d->json, r) || d->json.failed)
		rc = err_nomem(err);
	else
		rc = write_detail(directory,
		    &(struct detail){.name = SLICE_LIT("test.json"), .bytes = buf_get(&d->json)}, err);
	for (size_t i = 0; rc == 0 && i < r->detail_count; i++)
		rc = write_detail(directory, &r->details[i], err);
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
	if (results_event(d->tests, &event, &found))
		return -1;
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
	buf_init(&d.json, FILE_MAX);
	d.tests = results_new(err);
	if (!d.tests)
		goto out;
	status = stream_events(&source, on_event, &d, call->out, err);
	while (status == 0 && (status = results_open_next(d.tests, &r)) == 0 && r)
		status = write_result(&d, r, err);
out:
	results_free(d.tests);
	buf_release(&d.json);
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
