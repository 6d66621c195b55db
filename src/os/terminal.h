/* SPDX-License-Identifier: Apache-2.0
 *
 * What the terminal behind a descriptor can do, and lines on it that are drawn again and again. */
#ifndef TERMINAL_H
#define TERMINAL_H

#include "slice.h"

/* True when fd is a terminal that can move its cursor: not a pipe, and TERM is not "dumb". */
bool terminal_is_live(int fd);
/* True when colours are wanted there: it is live and NO_COLOR is unset or empty. */
bool terminal_has_colour(int fd);
/* Its width in columns; 80 when it does not say. */
unsigned terminal_width(int fd);

/* Lines below everything that is printed to a terminal. Invariant: between calls the cursor is behind the
 * last of them; after live_clear none is left, and it stands where the first began. */
struct live {
	int fd;
	unsigned lines; /* that are shown */
};

/* Shows `text`, lines between newlines, in the place of what was shown before. Each line is cut to the width
 * of the terminal, and what could move the cursor in it is shown as "?". */
void live_draw(struct live *live, struct slice text);
void live_clear(struct live *live);

#endif
