/* SPDX-License-Identifier: Apache-2.0
 *
 * The tests of a stored run in the order in which they began, by their place in the stream, which no clock
 * can disturb: what `last --list` prints and what --analyze-isolation searches. */
#ifndef ORDER_H
#define ORDER_H

#include "choosing.h"

/* One result. */
struct order_test {
	size_t id;      /* its index in `ids` */
	int64_t worker; /* that ran it, or -1 */
	uint64_t offset;
	size_t place;     /* in order of completion */
	size_t profile;   /* its index in `profiles` */
	int64_t duration; /* in nanoseconds, TIME_NONE when unknown */
};

struct order {
	struct strtab ids, profiles;
	struct choice *choice; /* only results of the profiles that were asked for; borrowed */
	struct order_test *tests;
	size_t count, cap;
};

/* Reads run `id` into a zeroed order; order_release is due in every case. */
int order_read(struct order *o, struct repo *repo, int64_t id, struct choice *choice, struct err *err);
void order_release(struct order *o);

#endif
