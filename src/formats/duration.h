/* SPDX-License-Identifier: Apache-2.0
 *
 * How long a test took, from the seconds that reports tell, and a clock for reports that tell nothing else.
 * Pure. Invariant: a clock that starts at a time which a packet can hold never leaves these times. */
#ifndef DURATION_H
#define DURATION_H

#include "timefmt.h"

/* Where the clock stands when nothing is known: 2000-01-01. */
#define DURATION_CLOCK (INT64_C(946684800) * TIME_SECOND)

/* Seconds as nanoseconds, in whole microseconds; 0 when it is no number or farther from 0 than 10^10. */
int64_t duration_of(double seconds);
/* The same for a number as text, blanks and "1,234.5" allowed; 0 when it is NULL or anything else. */
int64_t duration_parse(const char *text);
/* The time a duration after another; the same when that is none, or none that a packet can hold. */
int64_t duration_after(int64_t time, int64_t duration);

#endif
