/* SPDX-License-Identifier: Apache-2.0
 *
 * The pool of instances: environments that a project's own commands provide and dispose of
 * (instance_provision, instance_execute, instance_dispose). Without instance_provision the pool is empty and
 * commands run here. Invariant: an instance is with at most one command at a time, and every one goes back. */
#ifndef INSTANCES_H
#define INSTANCES_H

#include "config.h"
#include "launch.h"
#include "strtab.h"

struct instances {
	const struct config *config;
	char *const *environment; /* of all commands, as environment.h makes it */
	struct launch *launch;
	struct strtab names;
	bool *taken;
	size_t taken_cap;
};

void instances_init(
    struct instances *in, const struct config *config, char *const *environment, struct launch *launch);
/* Forgets the pool; instances_dispose gives the instances back. */
void instances_release(struct instances *in);

/* Makes sure that the pool holds `count`, by one call of instance_provision for those that are missing.
 * ERR_START when it fails or provides too few. Does nothing without instance_provision. */
int instances_provide(struct instances *in, size_t count, struct err *err);

/* Takes a free instance; *out is absent without instance_provision. The pool holds one for each worker. */
void instances_take(struct instances *in, struct slice *out);
/* Gives it back. An absent one is accepted. */
void instances_return(struct instances *in, struct slice name);

/* Runs instance_dispose, when it is set, with all names. */
int instances_dispose(struct instances *in, struct err *err);

#endif
