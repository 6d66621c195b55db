/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd_help.h"

static const enum arg no_args[] = {ARG_NONE};

void
help_banner(struct ui *ui)
{
	ui_printf(ui,
	    "testr %s -- a test repository\n\n"
	    "testr commands -- list commands\n"
	    "testr quickstart -- starter documentation\n"
	    "testr help [command] -- help system\n",
	    TESTR_VERSION);
}

void
help_usage(struct buf *out, const struct command *c)
{
	buf_printf(out, "Usage: testr %s [options] %s\n\n%s\n", c->name, c->arguments, c->summary);
	if (*c->about)
		buf_printf(out, "\n%s", c->about);
}

void
help_command(struct ui *ui, const struct command *c, bool common)
{
	struct buf text;

	buf_init(&text, 65536);
	help_usage(&text, c);
	buf_byte(&text, '\n');
	args_help(&text, c->args, common);
	ui_slice(ui, buf_get(&text));
	buf_release(&text);
}

static int
run_help(struct cli *cli)
{
	const struct command *c;

	if (cli->args.positional_count == 0) {
		help_banner(&cli->ui);
		return 0;
	}
	c = command_find(cli->args.positionals[0]);
	if (!c || cli->args.positional_count > 1)
		return cli_unexpected(
		    cli, cli->args.positionals + (c ? 1 : 0), cli->args.positional_count - (c ? 1 : 0));
	help_command(&cli->ui, c, false);
	return 0;
}

const struct command cmd_help = {
    .name = "help",
    .summary = "Get help on a command.",
    .about = "",
    .arguments = "command_name?",
    .args = no_args,
    .takes_positionals = true,
    .run = run_help,
};

static int
run_commands(struct cli *cli)
{
	struct slice cells[2 * 64];
	size_t count = 0;

	cells[count++] = SLICE_LIT("command");
	cells[count++] = SLICE_LIT("description");
	for (const struct command *const *c = commands; *c && count < 2 * 64; c++) {
		cells[count++] = slice_str((*c)->name);
		cells[count++] = slice_str((*c)->summary);
	}
	ui_table(&cli->ui, 2, cells, count);
	return 0;
}

const struct command cmd_commands = {
    .name = "commands",
    .summary = "List available commands.",
    .about = "",
    .arguments = "",
    .args = no_args,
    .run = run_commands,
};

static int
run_quickstart(struct cli *cli)
{
	ui_printf(&cli->ui, "%s",
	    "testr runs the tests of a project, stores every result and answers questions\n"
	    "about them.\n"
	    "\n"
	    "1. Tell it how the tests are run, in a file .testr.conf beside them. For Python:\n"
	    "\n"
	    "     [DEFAULT]\n"
	    "     test_command=${PYTHON:-python3} -m subunit.run discover . $LISTOPT $IDOPTION\n"
	    "     test_id_option=--load-list $IDFILE\n"
	    "     test_list_option=--list\n"
	    "\n"
	    "   Any program will do that prints subunit, v1 or v2, on its standard output. It\n"
	    "   lists its tests (subunit, or one id a line) when test_list_option is among its\n"
	    "   arguments, and runs those that are named in the file $IDFILE, one a line, when\n"
	    "   test_id_option is.\n"
	    "\n"
	    "2. Make a repository and run the tests:\n"
	    "\n"
	    "     testr init\n"
	    "     testr run --parallel\n"
	    "\n"
	    "3. Look at what failed, mend it, and run those tests again until none is left:\n"
	    "\n"
	    "     testr failing\n"
	    "     testr run --failing\n"
	    "\n"
	    "4. Ask more:\n"
	    "\n"
	    "     testr history NAME               since when a test passes or fails\n"
	    "     testr log NAME                   what it said the last time\n"
	    "     testr diff                       what the last run changed\n"
	    "     testr runs                       all runs, with their commits\n"
	    "     testr last                       the last run again\n"
	    "     testr last -2                    the one before it\n"
	    "     testr last --worker 0 --list     what worker 0 ran, in its order\n"
	    "     testr slowest                    where the time goes\n"
	    "     testr run --until-failure NAME   a test that fails now and then\n"
	    "     testr run --analyze-isolation    a test that fails only after another one\n"
	    "     testr load < stream              results from elsewhere\n"
	    "\n"
	    "`testr commands` lists all commands, `testr help COMMAND` explains one.\n");
	return 0;
}

const struct command cmd_quickstart = {
    .name = "quickstart",
    .summary = "Introductory documentation for testr.",
    .about = "",
    .arguments = "",
    .args = no_args,
    .run = run_quickstart,
};
