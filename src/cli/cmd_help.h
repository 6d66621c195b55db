/* SPDX-License-Identifier: Apache-2.0
 *
 * The texts of `testr help`, which errors show as well. */
#ifndef CMD_HELP_H
#define CMD_HELP_H

#include "cli.h"

/* The few lines that `testr` alone prints. */
void help_banner(struct ui *ui);
/* Usage line and description of a command. */
void help_usage(struct buf *out, const struct command *c);
/* The whole help of a command, the common options included if asked for. */
void help_command(struct ui *ui, const struct command *c, bool common);

#endif
