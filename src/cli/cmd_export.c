/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include "deflate.h"
#include "file.h"

#include <stdio.h>
#include <unistd.h>

static const enum arg args[] = {ARG_ALL, ARG_OUTPUT, ARG_NONE};

#define OUT_MAX ((size_t)64 << 20)

struct export
{
	struct cli *cli;
	struct repo *repo;
	struct deflate *deflate;
	struct buf out;
	int fd;
	const char *name; /* of the file, for errors */
};

static int
write_piece(struct export *x, struct slice bytes, bool end, struct err *err)
{
	if (deflate_write(x->deflate, bytes, end, &x->out))
		return err_nomem(err);
	if (file_write(x->fd, buf_get(&x->out), NULL))
		return err_sys(err, "cannot write %s", x->name);
	buf_clear(&x->out);
	return 0;
}

static int
take_piece(void *context, struct slice bytes, struct err *err)
{
	return write_piece(context, bytes, false, err);
}

static int
export_run(void *context, const struct repo_run *run, struct err *err)
{
	struct export *x = context;

	if (run->state == REPO_RUNNING) {
		ui_warn(&x->cli->ui, "run %lld is being written and left out", (long long)run->id);
		return 0;
	}
	return repo_export(x->repo, run->id, take_piece, x, err);
}

static int
export_runs(struct export *x)
{
	const struct args *a = &x->cli->args;
	struct err *err = &x->cli->err;
	struct repo_run run;
	int64_t id;

	if (a->set[ARG_ALL]
		? repo_runs(x->repo, export_run, x, err) < 0
		: cli_run_id(x->cli, x->repo, a->positional_count ? a->positionals[0] : "-1", &id) < 0 ||
		      repo_run_get(x->repo, id, &run, err) < 0 || export_run(x, &run, err) < 0)
		return -1;
	return write_piece(x, SLICE_NONE, true, err);
}

/* The file gets its name when it is complete. */
static int
export_to(struct export *x, const char *path)
{
	struct file_dir here = FILE_CWD;
	char temporary[4096], prefix[4000];
	int rc;

	snprintf(prefix, sizeof(prefix), "%s.", path);
	x->fd = file_create_temp(&here, prefix, 0666, temporary, sizeof(temporary), &x->cli->err);
	if (x->fd < 0)
		return -1;
	rc = export_runs(x);
	if (rc == 0 && fsync(x->fd))
		rc = err_sys(&x->cli->err, "cannot write %s", path);
	close(x->fd);
	if (rc == 0 && rename(temporary, path))
		rc = err_sys(&x->cli->err, "cannot write %s", path);
	if (rc)
		unlink(temporary);
	return rc;
}

static int
run_export(struct cli *cli)
{
	const char *path = cli->args.set[ARG_OUTPUT] ? cli->args.text[ARG_OUTPUT] : NULL;
	struct export x = {.cli = cli, .fd = STDOUT_FILENO, .name = path ? path : "standard output"};
	int rc = -1;

	if (cli->args.positional_count > !cli->args.set[ARG_ALL])
		return err_set(&cli->err, ERR_USAGE, "name one run, or give --all");
	buf_init(&x.out, OUT_MAX);
	x.deflate = deflate_new(deflate_kind_of(slice_str(path ? path : "")));
	if (!x.deflate)
		err_nomem(&cli->err);
	else if (cli_repository(cli, false, &x.repo) == 0)
		rc = path ? export_to(&x, path) : export_runs(&x);
	repo_free(x.repo);
	deflate_free(x.deflate);
	buf_release(&x.out);
	return rc;
}

const struct command cmd_export = {
    .name = "export",
    .summary = "Write runs to one file.",
    .about = "The latest run, the one that is named, or all: their streams one after the other,\n"
	     "which `testr import` takes into another repository and every subunit tool can\n"
	     "read.\n",
    .arguments = "run?",
    .args = args,
    .takes_positionals = true,
    .takes_runs = true,
    .run = run_export,
};
