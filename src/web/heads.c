/* SPDX-License-Identifier: Apache-2.0 */
#include "heads.h"

#include "clock.h"
#include "timefmt.h"
#include "web.h"

#include <stdlib.h>
#include <sys/socket.h>

/* How often they are looked at. */
#define LOOK (5 * TIME_SECOND)

struct head {
	struct head *next, **place;
	int fd;
	int64_t since; /* when it began to be waited for; TIME_NONE while it is whole */
};

void
heads_init(struct heads *heads, const struct mhd *mhd)
{
	*heads = (struct heads){.mhd = mhd};
	pthread_mutex_init(&heads->lock, NULL);
}

void
heads_release(struct heads *heads)
{
	pthread_mutex_destroy(&heads->lock);
}

static void
look(struct job *job, struct worker *worker)
{
	struct heads *heads = (struct heads *)job;
	int64_t now = clock_monotonic();

	if (worker->stopping)
		return;
	pthread_mutex_lock(&heads->lock);
	for (struct head *h = heads->first; h; h = h->next)
		if (h->since != TIME_NONE && now - h->since > WEB_PATIENCE * TIME_SECOND)
			shutdown(h->fd, SHUT_RDWR);
	pthread_mutex_unlock(&heads->lock);
	jobs_add(heads->jobs, job, LOOK);
}

void
heads_start(struct heads *heads, struct jobs *jobs)
{
	heads->jobs = jobs;
	heads->job.run = look;
	jobs_add(jobs, &heads->job, LOOK);
}

static void
add(struct heads *heads, int fd, void **context)
{
	struct head *h = calloc(1, sizeof(*h));

	*context = h;
	/* Without it the connection is only less well looked after. */
	if (!h)
		return;
	h->fd = fd;
	h->since = clock_monotonic();
	pthread_mutex_lock(&heads->lock);
	h->next = heads->first;
	h->place = &heads->first;
	if (h->next)
		h->next->place = &h->next;
	heads->first = h;
	pthread_mutex_unlock(&heads->lock);
}

void
heads_connection(
    void *data, struct MHD_Connection *connection, void **context, enum MHD_ConnectionNotificationCode what)
{
	struct heads *heads = data;
	struct head *h = *context;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		const union MHD_ConnectionInfo *info =
		    heads->mhd->MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

		add(heads, info->connect_fd, context);
		return;
	}
	if (!h)
		return;
	pthread_mutex_lock(&heads->lock);
	*h->place = h->next;
	if (h->next)
		h->next->place = h->place;
	pthread_mutex_unlock(&heads->lock);
	free(h);
}

static void
set(struct heads *heads, struct MHD_Connection *connection, int64_t since)
{
	const union MHD_ConnectionInfo *info =
	    heads->mhd->MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct head *h = info ? info->socket_context : NULL;

	if (!h)
		return;
	pthread_mutex_lock(&heads->lock);
	h->since = since;
	pthread_mutex_unlock(&heads->lock);
}

void
heads_whole(struct heads *heads, struct MHD_Connection *connection)
{
	set(heads, connection, TIME_NONE);
}

void
heads_next(struct heads *heads, struct MHD_Connection *connection)
{
	set(heads, connection, clock_monotonic());
}
