/* SPDX-License-Identifier: Apache-2.0
 *
 * What the terminal behind a descriptor can do. */
#ifndef TERMINAL_H
#define TERMINAL_H

#include <stdbool.h>

/* True when fd is a terminal that can move its cursor: not a pipe, and TERM is not "dumb". */
bool terminal_is_live(int fd);
/* True when colours are wanted there: it is live and NO_COLOR is unset or empty. */
bool terminal_has_colour(int fd);
/* Its width in columns; 80 when it does not say. */
unsigned terminal_width(int fd);

#endif
