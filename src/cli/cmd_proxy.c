/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include "proxy.h"

#include <stdlib.h>
#include <string.h>

static const enum arg args[] = {ARG_NONE};

/* Appends an argument so that a shell takes it as it is. */
static void
add_quoted(struct buf *out, const char *argument)
{
	buf_str(out, " '");
	for (const char *at = argument; *at; at++) {
		if (*at == '\'')
			buf_str(out, "'\\''");
		else
			buf_byte(out, (uint8_t)*at);
	}
	buf_byte(out, '\'');
}

static int
run_proxy(struct cli *cli)
{
	char *const *words = cli->args.positionals;
	size_t count = cli->args.positional_count;
	struct buf command;
	int status;

	if (!count || strcmp(words[0], "--") != 0)
		return err_set(
		    &cli->err, ERR_USAGE, "name the command behind \"--\": testr proxy -- COMMAND");
	words++;
	count--;
	if (!count)
		return err_set(&cli->err, ERR_USAGE, "there is no command behind \"--\"");
	buf_init(&command, (size_t)16 << 20);
	buf_str(&command, count == 1 ? words[0] : "exec");
	for (size_t i = 0; count > 1 && i < count; i++)
		add_quoted(&command, words[i]);
	status = buf_cstr(&command) ? proxy_run(cli->program, buf_cstr(&command), &cli->err)
				    : err_nomem(&cli->err);
	buf_release(&command);
	return status;
}

const struct command cmd_proxy = {
    .name = "proxy",
    .summary = "Run a test server, or tests, at the far end of a connection.",
    .about = "Runs COMMAND where nothing but standard input and output lead to, such as ssh or\n"
	     "the console of a container, and keeps what tests print apart from what is said\n"
	     "about them:\n"
	     "\n"
	     "  instance_execute=ssh $INSTANCE_ID testr proxy -- $COMMAND\n"
	     "\n"
	     "What is printed becomes an attachment of the test that was running. One argument\n"
	     "is a command for the shell; several are the words of one. It exits with the\n"
	     "status of the command.\n",
    .arguments = "-- COMMAND...",
    .args = args,
    .takes_positionals = true,
    .run = run_proxy,
};
