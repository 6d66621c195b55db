/* SPDX-License-Identifier: Apache-2.0
 *
 * testr: finds the command among the arguments, runs it, and turns what came of it into an exit status. */
#include "cli.h"
#include "cmd_help.h"
#include "file.h"
#include "guard.h"

#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "~" and "~user" at the start of a path become that user's home directory. NULL when out of memory. */
static char *
expand_home(const char *path)
{
	const char *rest = strchrnul(path, '/'), *home = NULL;
	struct buf out;
	char *result;

	if (path[0] == '~' && rest == path + 1)
		home = getenv("HOME");
	if (path[0] == '~' && !home) {
		char *user = slice_dup(slice_of(path + 1, (size_t)(rest - path - 1)));
		struct passwd *pw = user && *user ? getpwnam(user) : getpwuid(getuid());

		home = pw ? pw->pw_dir : NULL;
		free(user);
	}
	buf_init(&out, 65536);
	buf_str(&out, home ? home : "");
	buf_str(&out, home ? rest : path);
	result = buf_steal(&out);
	buf_release(&out);
	return result;
}

/* The path of this very program, so that guards are of the same version, wherever it was started from. */
static char *
own_program(const char *argv0)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n <= 0)
		return strdup(argv0);
	path[n] = '\0';
	return strdup(path);
}

/* Without the password of a URL: the command line is stored with each run, for all to read. */
static void
add_argument(struct buf *out, struct slice argument)
{
	size_t at = slice_search(argument, SLICE_LIT("://"));
	struct slice login = slice_from(argument, at + 3);
	size_t host = slice_find(login, '@'), password = slice_find(login, ':') + 1;

	if (host == login.len || password > host || slice_find(login, '/') < host) {
		buf_slice(out, argument);
		return;
	}
	buf_slice(out, slice_head(argument, at + 3 + password));
	buf_str(out, "***");
	buf_slice(out, slice_from(login, host));
}

static char *
join_arguments(char **argv)
{
	struct buf out;
	char *text;

	buf_init(&out, 65536);
	for (; *argv; argv++) {
		buf_str(&out, out.len ? " " : "");
		add_argument(&out, slice_str(*argv));
	}
	if (out.failed)
		buf_clear(&out);
	text = buf_steal(&out);
	buf_release(&out);
	return text;
}

/* Takes the command's name, the first argument that is no option nor an option's value, out of the arguments. */
static const char *
take_command(char **args, size_t *count)
{
	for (size_t i = 0; i < *count; i++) {
		const char *name = args[i];

		if (name[0] == '-') {
			i += args_takes_value(name);
			continue;
		}
		memmove(args + i, args + i + 1, (*count - i - 1) * sizeof(*args));
		(*count)--;
		return name;
	}
	return NULL;
}

static bool
asks_for(char *const *args, size_t count, const char *first, const char *second)
{
	for (size_t i = 0; i < count && strcmp(args[i], "--") != 0; i++)
		if (strcmp(args[i], first) == 0 || strcmp(args[i], second) == 0)
			return true;
	return false;
}

static int
usage_error(struct cli *cli)
{
	struct buf text;

	buf_init(&text, 65536);
	help_usage(&text, cli->command);
	ui_warn(&cli->ui, "%s\ntestr: error: %s", buf_cstr(&text), cli->err.text);
	buf_release(&text);
	return 2;
}

static int
run_command(struct cli *cli, char **args, size_t count)
{
	const struct command *c = cli->command;
	int status;

	if (asks_for(args, count, "-h", "--help") || asks_for(args, count, "-?", "-?")) {
		help_command(&cli->ui, c, true);
		return 0;
	}
	if (args_parse(&cli->args, c->args, args, count, c->takes_runs, &cli->err) < 0)
		return usage_error(cli);
	cli->ui.quiet = cli->args.set[ARG_QUIET];
	cli->here = cli->args.set[ARG_HERE] ? expand_home(cli->args.text[ARG_HERE]) : getcwd(NULL, 0);
	if (!cli->here) {
		ui_warn(&cli->ui, "testr: the current directory is gone");
		return 3;
	}
	if (!c->takes_positionals && !c->takes_runs && cli->args.positional_count)
		return cli_unexpected(cli, cli->args.positionals, cli->args.positional_count);
	status = c->run(cli);
	if (status < 0) {
		if (cli->err.kind == ERR_USAGE)
			return usage_error(cli);
		ui_warn(&cli->ui, "%s", cli->err.text);
		status = err_exit_status(cli->err.kind);
	}
	return status;
}

static int
dispatch(struct cli *cli, char **args, size_t count)
{
	const char *name;

	if (asks_for(args, count, "--version", "--version")) {
		ui_printf(&cli->ui, "testr %s\n", TESTR_VERSION);
		return 0;
	}
	name = take_command(args, &count);
	if (!name) {
		help_banner(&cli->ui);
		return 0;
	}
	cli->command = command_find(name);
	if (!cli->command) {
		ui_warn(&cli->ui, "testr: there is no command '%s'; `testr commands` lists them", name);
		return 1;
	}
	return run_command(cli, args, count);
}

int
main(int argc, char **argv)
{
	struct cli cli = {0};
	char *program, *invoked;
	int status;

	if (guard_called(argc, argv))
		return guard_main(argv);
	file_claim_standard();
	/* A reader that goes away is seen as a failed write: a run is stored all the same. */
	signal(SIGPIPE, SIG_IGN);
	/* Likewise a file that may not grow any more. */
	signal(SIGXFSZ, SIG_IGN);
	program = own_program(argv[0]);
	invoked = join_arguments(argv);
	cli.program = program;
	cli.invoked = invoked;
	ui_init(&cli.ui, false);
	status = program ? dispatch(&cli, argv + 1, (size_t)argc - 1) : 3;
	status = ui_finish(&cli.ui, status);
	ui_release(&cli.ui);
	free(cli.here);
	free(program);
	free(invoked);
	return status;
}
