/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"

#include "timefmt.h"

#include <time.h>

static int64_t
read_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * TIME_SECOND + t.tv_nsec;
}

int64_t
clock_realtime(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t
clock_monotonic(void)
{
	return read_clock(CLOCK_MONOTONIC);
}
