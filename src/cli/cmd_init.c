/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

static const enum arg args[] = {ARG_FORMAT, ARG_NONE};

static int
run_init(struct cli *cli)
{
	long format = cli->args.set[ARG_FORMAT] ? cli->args.number[ARG_FORMAT] : 2;

	if (format != 1 && format != 2)
		return err_set(
		    &cli->err, ERR_USAGE, "option --format: there is no format %ld, only 1 and 2", format);
	return repo_create(cli->here, (int)format, &cli->err);
}

const struct command cmd_init = {
    .name = "init",
    .summary = "Create a new repository.",
    .about = "It is made in the project's directory, under the name .testrepository.\n",
    .arguments = "",
    .args = args,
    .run = run_init,
};
