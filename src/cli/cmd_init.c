/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

static const enum arg args[] = {ARG_NONE};

static int
run_init(struct cli *cli)
{
	return repo_create(cli->here, 2, &cli->err);
}

const struct command cmd_init = {
    .name = "init",
    .summary = "Create a new repository.",
    .about = "It is made in the project's directory, under the name .testrepository.\n",
    .arguments = "",
    .args = args,
    .run = run_init,
};
