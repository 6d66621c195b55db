/* SPDX-License-Identifier: Apache-2.0
 *
 * A format-1 repository, Python testr's or stestr's, becomes one of format 2, with every run, id and time.
 * Invariant: at every moment there is one whole repository in its place, the old one or the new one; and the old
 * one is kept. */
#ifndef UPGRADE_H
#define UPGRADE_H

#include "repository.h"

struct upgrade {
	int64_t runs;
	char backup[4200]; /* the path of the old one */
};

/* Upgrades the repository of that URL, which only in a project's directory can be of format 1. What an earlier call that was interrupted left is done
 * to its end or begun again. */
int repo_upgrade(const char *url, struct upgrade *out, struct err *err);

#endif
