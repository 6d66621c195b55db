/* SPDX-License-Identifier: Apache-2.0
 *
 * Asks the project which tests there are, in one configuration or several. Invariant: when one of the functions returns,
 * no process of its runs but the servers that are kept. */
#ifndef LISTING_H
#define LISTING_H

#include "instances.h"
#include "server.h"
#include "template.h"

/* What a failed listing printed: called with the name of each attachment it made ("stdout" for plain text)
 * and its content. */
typedef void (*listing_dump_fn)(void *context, struct slice name, struct slice content);

/* One configuration whose tests are listed. */
struct listing_job {
	struct instances *instances;
	const struct config *config;
	struct strtab *ids; /* what is found is added here, in its order */
	int64_t took;       /* filled in: nanoseconds from the start to the last word */
};

struct listing {
	struct launch *launch;
	struct listing_job *jobs;
	size_t count;
	size_t at_once; /* so many at the same time, at least 1 */
	struct template_args args;
	listing_dump_fn dump;
	void *context;
	size_t failed; /* filled in, on failure: which job it was */
};

/* Runs the list commands; the ids are those of their "exists" events or, where one speaks no subunit at all, each line of
 * its output. ERR_LISTING when one exits with anything but 0, after `dump` was told what it printed, and when it says no
 * id; the others are then ended. */
int listing_run(struct listing *l, struct err *err);

/* A test server that nobody asks for anything: it stays where it is until it is taken or released. */
struct listing_server {
	struct server *server;  /* NULL when there is none (any more) */
	struct slice instance;  /* that it is in */
	struct instances *pool; /* that this goes back to */
	struct launch *launch;
	size_t profile; /* the job that it is for */
	bool gone;
};
struct listing_servers {
	struct listing_server *list; /* zeroed at the beginning */
	size_t count;
};

/* The same by asking test servers, which are started for it. ERR_START when one does not answer. Those of the first jobs
 * are kept, as many as there is room for in `keep`; where that has room for more, others are started at the same time, as far as
 * they can be, for the jobs in turn, so that they load while the first ones list. */
int listing_serve(struct listing *l, struct listing_servers *keep, struct err *err);
/* Ends the servers that nobody took. */
void listing_release(struct listing_servers *keep);

#endif
