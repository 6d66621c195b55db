/* SPDX-License-Identifier: Apache-2.0
 *
 * One request from its head to the end of its answer: the callbacks of libmicrohttpd.
 *
 *     head, body ─> checks (ours? allowed? known?) ─> a worker makes the reply ─> sent
 *
 * The connection rests while a worker has the exchange, and is woken when the reply is there. */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include "heads.h"
#include "jobs.h"
#include "library.h"
#include "token.h"
#include "web.h"

#include <stdatomic.h>

/* What exchanges need of the server. */
struct exchange_place {
	const struct web *web;
	const struct mhd *mhd;
	struct jobs *jobs;
	const struct web_options *options;
	bool loopback;
	const char *host; /* our own address; "" where everybody who reaches us may call us by any name */
	struct tokens tokens;
	struct heads heads;
	atomic_uint uploads; /* that are under way */
};

void *exchange_begin(void *place, const char *target, struct MHD_Connection *connection);
enum MHD_Result exchange_handle(void *place, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *body, size_t *body_len, void **exchange);
void exchange_end(
    void *place, struct MHD_Connection *connection, void **exchange, enum MHD_RequestTerminationCode how);

#endif
