/* SPDX-License-Identifier: Apache-2.0
 *
 * The environment of a project's commands: our own, as the keys env.NAME of its configuration change it. Invariant: it
 * is NULL, which means our own, where nothing changes it. */
#ifndef ENVIRONMENT_H
#define ENVIRONMENT_H

#include "config.h"

/* The variable that says in which profile a command runs, "py39+mysql"; not set where there are no profiles. */
#define ENVIRONMENT_PROFILE "TESTR_PROFILE"
/* The variable that is "1" where the order of the tests that a test command is given is part of the question. */
#define ENVIRONMENT_ORDER "TESTR_KEEP_ORDER"

/* Makes it; `profile` may be NULL; `keep_order` says that the order matters. *out is freed with environment_free. */
int environment_make(
    const struct config *c, const char *profile, bool keep_order, char ***out, struct err *err);
/* Accepts NULL. */
void environment_free(char **environment);

#endif
