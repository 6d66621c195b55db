/* SPDX-License-Identifier: Apache-2.0
 *
 * The only place that reads a clock. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

/* Nanoseconds since 1970-01-01T00:00:00Z. May jump. */
int64_t clock_realtime(void);
/* Nanoseconds since some fixed moment. Never goes back. */
int64_t clock_monotonic(void);

#endif
