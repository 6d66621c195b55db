/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include <stdlib.h>

static const enum arg args[] = {ARG_FORMAT, ARG_NONE};

static int
run_init(struct cli *cli)
{
	long format = cli->args.set[ARG_FORMAT] ? cli->args.number[ARG_FORMAT] : 2;
	char *url;
	int rc;

	if (format != 1 && format != 2)
		return err_set(
		    &cli->err, ERR_USAGE, "option --format: there is no format %ld, only 1 and 2", format);
	url = cli_repository_url(cli);
	rc = url ? repo_create(url, (int)format, &cli->err) : -1;
	free(url);
	return rc;
}

const struct command cmd_init = {
    .name = "init",
    .summary = "Create a new repository.",
    .about = "It is made in the project's directory, under the name .testrepository, unless\n"
	     "--repository or its like name another place.\n",
    .arguments = "",
    .args = args,
    .run = run_init,
};
