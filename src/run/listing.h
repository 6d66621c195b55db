/* SPDX-License-Identifier: Apache-2.0
 *
 * Asks the project which tests there are. */
#ifndef LISTING_H
#define LISTING_H

#include "instances.h"
#include "server.h"
#include "template.h"

/* What a failed listing printed: called with the name of each attachment it made ("stdout" for plain text)
 * and its content. */
typedef void (*listing_dump_fn)(void *context, struct slice name, struct slice content);

/* Runs the list command and adds the ids it says to `ids`, in order: those of its "exists" events or, when it
 * speaks no subunit at all, each line of its output. ERR_LISTING when it exits with anything but 0, after
 * `dump` was told what it printed, and when it says no id. */
int listing_run(struct launch *launch, struct instances *instances, const struct config *config,
    struct template_args args, listing_dump_fn dump, void *context, struct strtab *ids, struct err *err);

/* A test server that nobody asks for anything: it stays where it is until it is taken or released. */
struct listing_server {
	struct server *server;  /* NULL when there is none (any more) */
	struct slice instance;  /* that it is in */
	struct instances *pool; /* that this goes back to */
	struct launch *launch;
	bool gone;
};
struct listing_servers {
	struct listing_server *list; /* zeroed at the beginning */
	size_t count;
};

/* The same by asking a test server, which is started for it. ERR_START when it does not answer. With `keep` it becomes
 * the first one there, and the others are started at the same time, as far as they can be, so that they load while it
 * lists; with NULL it is ended. */
int listing_serve(struct launch *launch, struct instances *instances, const struct config *config,
    struct strtab *ids, struct listing_servers *keep, struct err *err);
/* Ends the servers that nobody took. */
void listing_release(struct listing_servers *keep);

#endif
