/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include "quarantine.h"
#include "web.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static const enum arg args[] = {ARG_BIND, ARG_HOST, ARG_OPEN, ARG_TOKEN_FILE, ARG_NONE};

static void
warn(void *context, const char *text)
{
	ui_warn(context, "testr: %s", text);
}

/* True when the directory has a configuration or tests in quarantine already. */
static bool
is_project(const char *directory)
{
	static const char *const names[] = {".testr.conf", QUARANTINE_FILE};
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool found = false;

	for (size_t i = 0; fd >= 0 && i < 2; i++)
		found |= faccessat(fd, names[i], F_OK, 0) == 0;
	if (fd >= 0)
		close(fd);
	return found;
}

static int
run_serve(struct cli *cli)
{
	struct web_options options = {.bind = "127.0.0.1:8080", .warn = warn, .context = &cli->ui};
	char *url = cli_repository_url(cli);
	struct web *web;
	sigset_t ends;
	int signal_number, rc;

	if (!url)
		return -1;
	options.repository = url;
	if (cli->args.set[ARG_BIND])
		options.bind = cli->args.text[ARG_BIND];
	options.hosts = cli->args.text[ARG_HOST];
	options.tokens = cli->args.text[ARG_TOKEN_FILE];
	options.open = cli->args.set[ARG_OPEN];
	if (is_project(cli->here))
		options.project = cli->here;
	/* Waited for here, so no thread may take them; threads inherit this. */
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	rc = web_start(&options, &web, &cli->err);
	if (rc == 0) {
		ui_printf(&cli->ui, "serving at %s\n", web_url(web));
		ui_flush(&cli->ui);
		sigwait(&ends, &signal_number);
		web_stop(web);
	}
	free(url);
	return rc;
}

const struct command cmd_serve = {
    .name = "serve",
    .summary = "Serve a repository over HTTP: pages to look at, and a REST API.",
    .about = "Answers until it is interrupted. By default this machine alone can reach it, and\n"
	     "read all that is stored; from elsewhere, and to upload runs or change anything,\n"
	     "a token is needed.\n",
    .arguments = "",
    .args = args,
    .run = run_serve,
};
