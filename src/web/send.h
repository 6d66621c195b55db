/* SPDX-License-Identifier: Apache-2.0
 *
 * Sends a stored run to a server, by libcurl, which knows proxies, certificates and sockets. Sending a run again
 * does no harm: it has a uid. */
#ifndef SEND_H
#define SEND_H

#include "repository.h"

/* `to` is the URL of the server, or unix:PATH; `token` may be NULL. The id that the run has there. Tries again when
 * the server cannot be reached or is busy, SEND_TRIES times in all. */
#define SEND_TRIES 4
int send_run(struct repo *repo, int64_t run, const char *to, const char *token, int64_t *id, struct err *err);

#endif
