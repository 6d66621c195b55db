/* SPDX-License-Identifier: Apache-2.0
 *
 * How long clients take for the heads of their requests. libmicrohttpd ends a connection that is silent; one that
 * says a byte now and then is ended here, when the head is not whole after WEB_PATIENCE seconds.
 *
 * Invariant: a descriptor is only touched while libmicrohttpd has it open. */
#ifndef HEADS_H
#define HEADS_H

#include "jobs.h"
#include "library.h"

#include <pthread.h>

struct heads {
	struct job job;
	struct jobs *jobs;
	const struct mhd *mhd;
	pthread_mutex_t lock;
	struct head *first; /* of each connection */
};

void heads_init(struct heads *heads, const struct mhd *mhd);
/* Begins to look after them. */
void heads_start(struct heads *heads, struct jobs *jobs);
/* When there is no connection any more. */
void heads_release(struct heads *heads);

/* Callbacks for libmicrohttpd: a connection is there, or gone. */
void heads_connection(
    void *heads, struct MHD_Connection *connection, void **context, enum MHD_ConnectionNotificationCode what);
/* The head of a request is whole, or the answer was sent and the next head is waited for. */
void heads_whole(struct heads *heads, struct MHD_Connection *connection);
void heads_next(struct heads *heads, struct MHD_Connection *connection);

#endif
