/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"
#include "inflate.h"
#include "reader.h"
#include "transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const enum arg args[] = {ARG_FORCE_INIT, ARG_JSON, ARG_NONE};

#define PIECE 65536

struct import {
	struct cli *cli;
	struct transfer *transfer;
	struct reader *reader;
	struct inflate *inflate;
	const char *name;
	int fd;
};

static int
drain(struct import *in)
{
	struct event e;
	int rc;

	while ((rc = reader_next(in->reader, &e)) > 0)
		if (transfer_event(in->transfer, &e, &in->cli->err) < 0)
			return -1;
	return rc < 0 ? err_nomem(&in->cli->err) : 0;
}

static int
take_bytes(struct import *in, struct slice bytes)
{
	size_t written, room;

	do {
		uint8_t *space = reader_space(in->reader, &room);

		if (!space)
			return err_nomem(&in->cli->err);
		if (inflate_next(in->inflate, &bytes, space, room, &written) < 0)
			return err_set(
			    &in->cli->err, ERR_FAILED, "%s: the compressed data are damaged", in->name);
		reader_commit(in->reader, written);
		if (drain(in) < 0)
			return -1;
	} while (bytes.len || written == room);
	return 0;
}

/* Reads until there are `least` bytes, or the input ends. How many there are, or -1. */
static ssize_t
read_bytes(struct import *in, uint8_t *bytes, size_t least)
{
	size_t len = 0;

	while (len < least) {
		ssize_t n = read(in->fd, bytes + len, PIECE - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(&in->cli->err, "cannot read %s", in->name);
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

static int
import_open(struct import *in)
{
	uint8_t bytes[PIECE];
	ssize_t n = read_bytes(in, bytes, INFLATE_MAGIC);

	if (n < 0)
		return -1;
	in->inflate = inflate_new(slice_of(bytes, (size_t)n));
	if (!in->inflate)
		return err_nomem(&in->cli->err);
	for (; n > 0; n = read_bytes(in, bytes, 1))
		if (take_bytes(in, slice_of(bytes, (size_t)n)) < 0)
			return -1;
	if (n < 0)
		return -1;
	if (!inflate_complete(in->inflate))
		return err_set(&in->cli->err, ERR_FAILED, "%s: the compressed data are cut off", in->name);
	reader_end(in->reader);
	if (drain(in) < 0 || transfer_end(in->transfer, &in->cli->err) < 0)
		return -1;
	if (transfer_last(in->transfer) < 0)
		return err_set(&in->cli->err, ERR_FAILED,
		    "%s holds no run that was exported; `testr load` stores other subunit streams", in->name);
	return 0;
}

static int
tell(struct cli *cli, int64_t stored, int64_t known)
{
	struct answer a;

	if (cli->args.set[ARG_JSON]) {
		answer_begin(&a, &cli->ui, "import");
		answer_set(&a, "imported", json_integer(stored));
		answer_set(&a, "known", json_integer(known));
		return answer_end(&a, &cli->err);
	}
	if (!cli->ui.quiet)
		ui_printf(
		    &cli->ui, "imported %lld, here already %lld\n", (long long)stored, (long long)known);
	return 0;
}

static int
run_import(struct cli *cli)
{
	struct import in = {.cli = cli, .fd = STDIN_FILENO, .name = "standard input"};
	struct repo *repo = NULL;
	int rc = -1;

	if (cli->args.positional_count != 1)
		return err_set(&cli->err, ERR_USAGE, "import takes one file");
	if (strcmp(cli->args.positionals[0], "-") != 0) {
		in.name = cli->args.positionals[0];
		in.fd = open(in.name, O_RDONLY | O_CLOEXEC);
		if (in.fd < 0)
			return err_sys(&cli->err, "cannot open %s", in.name);
	}
	in.reader = reader_new(READER_V2);
	if (!in.reader)
		err_nomem(&cli->err);
	else if (cli_repository(cli, cli->args.set[ARG_FORCE_INIT], &repo) == 0 &&
		 transfer_new(repo, &in.transfer, &cli->err) == 0)
		rc = import_open(&in);
	if (rc == 0)
		rc = tell(cli, transfer_stored(in.transfer), transfer_known(in.transfer));
	transfer_free(in.transfer);
	inflate_free(in.inflate);
	reader_free(in.reader);
	if (in.fd > STDIN_FILENO)
		close(in.fd);
	repo_free(repo);
	return rc;
}

const struct command cmd_import = {
    .name = "import",
    .summary = "Take exported runs into the repository.",
    .about = "The file is one that `testr export` has written, perhaps compressed; \"-\" is\n"
	     "standard input. A run that is here already is passed over, so a file may be\n"
	     "imported again.\n",
    .arguments = "file",
    .args = args,
    .takes_positionals = true,
    .run = run_import,
};
