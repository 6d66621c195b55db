/* SPDX-License-Identifier: Apache-2.0 */
#include "listen.h"

#include "slice.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 256

/* True when somebody listens there. */
static bool
is_alive(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool alive =
	    fd < 0 || connect(fd, (const void *)address, sizeof(*address)) == 0 || errno != ECONNREFUSED;

	if (fd >= 0)
		close(fd);
	return alive;
}

static int
open_path(const char *path, struct listen *out, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat st;
	mode_t mask;
	int rc;

	if (!*path || strlen(path) >= sizeof(address.sun_path))
		return err_set(err, ERR_USAGE, "option --bind: the path of a socket has 1 to %zu bytes",
		    sizeof(address.sun_path) - 1);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) && !is_alive(&address))
		unlink(path);
	out->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (out->fd < 0)
		return err_sys(err, "cannot make a socket");
	/* Set before it is there, so that at no time anybody else can connect. */
	mask = umask(0177);
	rc = bind(out->fd, (const void *)&address, sizeof(address));
	umask(mask);
	if (rc || listen(out->fd, BACKLOG))
		return err_sys(err, "cannot listen at %s", path);
	snprintf(out->path, sizeof(out->path), "%s", path);
	snprintf(out->url, sizeof(out->url), "unix:%s", path);
	out->loopback = true;
	return 0;
}

static bool
is_loopback(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24 ==
		       127;
	return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
}

/* What the system made of the address, with the port that it chose if that was 0. */
static int
describe(struct listen *out, struct err *err)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	char host[NI_MAXHOST], port[16];

	if (getsockname(out->fd, (void *)&address, &len) ||
	    getnameinfo((void *)&address, len, host, sizeof(host), port, sizeof(port),
		NI_NUMERICHOST | NI_NUMERICSERV))
		return err_sys(err, "cannot tell the address of a socket");
	out->loopback = is_loopback((void *)&address);
	snprintf(out->host, sizeof(out->host), strchr(host, ':') ? "[%.60s]" : "%.60s", host);
	snprintf(out->url, sizeof(out->url), "http://%s:%s/", out->host, port);
	return 0;
}

static int
open_address(const char *text, const struct addrinfo *address, struct listen *out, struct err *err)
{
	int on = 1;

	out->fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (out->fd < 0)
		return err_sys(err, "cannot make a socket");
	setsockopt(out->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(out->fd, address->ai_addr, address->ai_addrlen) || listen(out->fd, BACKLOG))
		return err_sys(err, "cannot listen at %s", text);
	return describe(out, err);
}

int
listen_open(const char *text, struct listen *out, struct err *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found;
	const char *colon = strrchr(text, ':');
	struct slice host;
	char *name;
	int rc;

	*out = (struct listen){.fd = -1};
	if (strncmp(text, "unix:", 5) == 0) {
		rc = open_path(text + 5, out, err);
	} else if (!colon || colon == text || !colon[1] ||
		   strspn(colon + 1, "0123456789") != strlen(colon + 1)) {
		rc = err_set(
		    err, ERR_USAGE, "option --bind: '%.200s' is neither HOST:PORT nor unix:PATH", text);
	} else {
		host = slice_of(text, (size_t)(colon - text));
		if (host.data[0] == '[' && slice_ends(host, SLICE_LIT("]")))
			host = slice_of(host.data + 1, host.len - 2);
		name = slice_dup(host);
		rc = name ? getaddrinfo(name, colon + 1, &hints, &found) : EAI_MEMORY;
		free(name);
		if (rc)
			return err_set(
			    err, ERR_FAILED, "cannot find the address %.200s: %s", text, gai_strerror(rc));
		rc = open_address(text, found, out, err);
		freeaddrinfo(found);
	}
	if (rc)
		listen_close(out);
	return rc;
}

void
listen_close(struct listen *l)
{
	if (l->path[0])
		unlink(l->path);
	if (l->fd >= 0)
		close(l->fd);
	*l = (struct listen){.fd = -1};
}
