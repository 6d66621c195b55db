/* SPDX-License-Identifier: Apache-2.0
 *
 * Times as text. A time is an int64_t of nanoseconds since 1970-01-01T00:00:00Z, proleptic Gregorian, without
 * leap seconds; TIME_NONE means "no time". Pure: no clock is read and no time zone consulted. */
#ifndef TIMEFMT_H
#define TIMEFMT_H

#include "buf.h"

#define TIME_NONE INT64_MIN
#define TIME_SECOND INT64_C(1000000000)

/* Appends "YYYY-MM-DD<sep>HH:MM:SS.ffffffZ", the microseconds cut, not rounded: the form of subunit v1 (sep '
 * ') and of JSON (sep 'T'). */
void time_format(struct buf *out, int64_t time, char sep);

/* Appends the time, rounded to microseconds, as Python prints it: "YYYY-MM-DD HH:MM:SS[.ffffff]+00:00". */
void time_format_python(struct buf *out, int64_t time);

/* Reads "YYYY-MM-DD<any byte>HH:MM:SS[.digits][Z|+hh:mm|-hh:mm|+hhmm]" (no zone means UTC; digits beyond the
 * ninth are dropped) from the front of s. Returns the number of bytes read, or 0 when s does not begin so or
 * the time does not fit. With `loose`, what the iso8601 rules allow besides: no time of day, or no seconds. */
size_t time_parse(struct slice s, bool loose, int64_t *out);

/* Rounds to whole microseconds, halves to even, as the Python reader does with the nanoseconds of a packet. A
 * time whose neighbour does not fit stays as it is. */
int64_t time_round_us(int64_t time);

/* Makes the span from *first to *last, both TIME_NONE at the start, include `time`, unless that is TIME_NONE. */
void time_extend(int64_t *first, int64_t *last, int64_t time);

/* How long it is from one time to the other; negative when that is earlier. 0 when either is TIME_NONE; what does
 * not fit is as long as fits: INT64_MAX or -INT64_MAX. */
int64_t time_between(int64_t from, int64_t to);

#endif
