/* SPDX-License-Identifier: Apache-2.0
 *
 * The socket to listen on: "HOST:PORT", "[::1]:PORT" or "unix:PATH". */
#ifndef LISTEN_H
#define LISTEN_H

#include "err.h"

#include <stdbool.h>

struct listen {
	int fd;
	bool loopback; /* only this machine reaches it */
	char host[64]; /* the address, as in a URL; "" for a path */
	char url[160];
	char path[108]; /* of a socket, or "" */
};

/* A socket that was left by a server that is gone is replaced; only its owner may connect to a new one. *out is
 * closed with listen_close. */
int listen_open(const char *bind, struct listen *out, struct err *err);
/* Accepts one that is closed or zeroed with fd -1. */
void listen_close(struct listen *l);

#endif
