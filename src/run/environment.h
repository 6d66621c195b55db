/* SPDX-License-Identifier: Apache-2.0
 *
 * The environment of a project's commands: our own, as the keys env.NAME of its configuration change it. Invariant: it
 * is NULL, which means our own, where nothing changes it. */
#ifndef ENVIRONMENT_H
#define ENVIRONMENT_H

#include "config.h"

/* The variable that says in which profile a command runs, "py39+mysql"; not set where there are no profiles. */
#define ENVIRONMENT_PROFILE "TESTR_PROFILE"

/* Makes it; `profile` may be NULL. *out is freed with environment_free. */
int environment_make(const struct config *c, const char *profile, char ***out, struct err *err);
/* Accepts NULL. */
void environment_free(char **environment);

#endif
