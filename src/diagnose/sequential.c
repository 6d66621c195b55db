/* SPDX-License-Identifier: Apache-2.0 */
#include "sequential.h"

void
sequential_take(struct sequential *s, bool failed)
{
	s->runs++;
	s->failures += failed;
}

struct interval
sequential_interval(const struct sequential *s)
{
	return interval_anytime(s->failures, s->runs, s->confidence);
}

enum sequential_state
sequential_state(const struct sequential *s)
{
	struct interval range = sequential_interval(s);

	if (range.high < s->bound)
		return SEQUENTIAL_BELOW;
	return range.low > 0 && range.high <= range.low * s->factor ? SEQUENTIAL_KNOWN : SEQUENTIAL_OPEN;
}
