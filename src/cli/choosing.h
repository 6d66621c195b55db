/* SPDX-License-Identifier: Apache-2.0
 *
 * The profiles that --profile names (choice.h), by the configuration where it has profiles, and in which of them a test
 * fails, in words. */
#ifndef CHOOSING_H
#define CHOOSING_H

#include "choice.h"
#include "cli.h"
#include "lists.h"

/* choice_release is due in every case. */
int choosing_init(struct choice *c, struct cli *cli, const struct repo *repo);

/* Shows for each test of `failing` in which profiles it fails, and whether it does so in all of `known`. */
void choosing_show(
    const struct choice *c, struct cli *cli, const struct lists *failing, const struct strtab *known);

#endif
