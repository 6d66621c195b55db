/* SPDX-License-Identifier: Apache-2.0 */
#include "web.h"

#include "exchange.h"
#include "jobs.h"
#include "listen.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* What the head of a request may take, and a part of a body. */
#define CONNECTION_MEMORY ((size_t)48 << 10)
/* Descriptors beside those of connections: workers, databases, files that are sent. */
#define OTHER_DESCRIPTORS 256

struct web {
	struct web_options options;
	struct listen listen;
	struct jobs *jobs;
	struct MHD_Daemon *daemon;
	struct mhd mhd;
	struct exchange_place place;
};

/* The path of the request stays as it was sent. */
static size_t
keep(void *context, struct MHD_Connection *connection, char *text)
{
	(void)context;
	(void)connection;
	return strlen(text);
}

/* How many connections there can be: as many as there are descriptors for. */
static unsigned
connection_limit(void)
{
	struct rlimit limit = {0};
	rlim_t wanted = WEB_CONNECTIONS + OTHER_DESCRIPTORS;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return WEB_CONNECTIONS / 4;
	if (limit.rlim_cur < wanted) {
		limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
		setrlimit(RLIMIT_NOFILE, &limit);
		getrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur >= wanted)
		return WEB_CONNECTIONS;
	return limit.rlim_cur > 2 * OTHER_DESCRIPTORS ? (unsigned)limit.rlim_cur - OTHER_DESCRIPTORS
						      : (unsigned)limit.rlim_cur / 2;
}

/* A repository that cannot be opened is said at once. */
static int
check_repository(const char *url, struct err *err)
{
	struct repo *repo;

	if (repo_open(url, &repo, err) < 0)
		return -1;
	repo_free(repo);
	return 0;
}

static int
start(struct web *web, struct err *err)
{
	const struct web_options *o = &web->options;

	if (library_mhd(&web->mhd, err) < 0 || tokens_read(&web->place.tokens, o->tokens, err) < 0)
		return -1;
	if (check_repository(o->repository, err) < 0 || listen_open(o->bind, &web->listen, err) < 0)
		return -1;
	web->jobs = jobs_new(WEB_WORKERS, o->repository, err);
	if (!web->jobs)
		return -1;
	heads_start(&web->place.heads, web->jobs);
	web->place.web = web;
	web->place.mhd = &web->mhd;
	web->place.jobs = web->jobs;
	web->place.options = o;
	web->place.loopback = web->listen.loopback;
	web->place.host = web->listen.host;
	web->daemon = web->mhd.MHD_start_daemon(
	    MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
	    exchange_handle, &web->place, MHD_OPTION_LISTEN_SOCKET, web->listen.fd,
	    MHD_OPTION_URI_LOG_CALLBACK, exchange_begin, &web->place, MHD_OPTION_NOTIFY_CONNECTION,
	    heads_connection, &web->place.heads, MHD_OPTION_NOTIFY_COMPLETED, exchange_end, &web->place,
	    MHD_OPTION_UNESCAPE_CALLBACK, keep, NULL, MHD_OPTION_CONNECTION_LIMIT, connection_limit(),
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, MHD_OPTION_CONNECTION_TIMEOUT,
	    (unsigned)WEB_PATIENCE, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
	    MHD_OPTION_END);
	return web->daemon ? 0 : err_set(err, ERR_FAILED, "cannot start to serve at %s", web->listen.url);
}

int
web_start(const struct web_options *options, struct web **out, struct err *err)
{
	struct web *web = calloc(1, sizeof(*web));

	if (!web)
		return err_nomem(err);
	web->options = *options;
	web->listen.fd = -1;
	heads_init(&web->place.heads, &web->mhd);
	if (start(web, err) < 0) {
		web_stop(web);
		return -1;
	}
	*out = web;
	return 0;
}

const char *
web_url(const struct web *web)
{
	return web->listen.url;
}

void
web_stop(struct web *web)
{
	if (!web)
		return;
	/* First whoever has a connection rest wakes it; then no other rests any more. */
	if (web->daemon)
		web->mhd.MHD_quiesce_daemon(web->daemon);
	if (web->jobs)
		jobs_stop(web->jobs);
	if (web->daemon)
		web->mhd.MHD_stop_daemon(web->daemon);
	jobs_free(web->jobs);
	heads_release(&web->place.heads);
	tokens_release(&web->place.tokens);
	listen_close(&web->listen);
	free(web);
}
