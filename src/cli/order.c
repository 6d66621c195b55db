/* SPDX-License-Identifier: Apache-2.0 */
#include "order.h"

#include <stdlib.h>

static int
add_test(void *context, const struct result *r, struct err *err)
{
	struct order *o = context;
	struct slice set = choice_profile(o->choice, r);
	size_t id, profile;

	if (!choice_has(o->choice, set))
		return 0;
	id = strtab_add(&o->ids, r->id, NULL);
	profile = strtab_add(&o->profiles, set, NULL);
	if (id == STRTAB_NONE || profile == STRTAB_NONE)
		return err_nomem(err);
	if (o->count == o->cap) {
		size_t cap = o->cap ? o->cap * 2 : 256;
		struct order_test *tests = realloc(o->tests, cap * sizeof(*tests));

		if (!tests)
			return err_nomem(err);
		o->tests = tests;
		o->cap = cap;
	}
	o->tests[o->count] =
	    (struct order_test){id, result_worker(r), r->offset, o->count, profile, result_duration(r)};
	o->count++;
	return 0;
}

static int
compare_tests(const void *a, const void *b)
{
	const struct order_test *x = a, *y = b;

	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return x->place < y->place ? -1 : 1;
}

int
order_read(struct order *o, struct repo *repo, int64_t id, struct choice *choice, struct err *err)
{
	o->choice = choice;
	if (repo_results(repo, id, 0, add_test, o, err) < 0)
		return -1;
	if (o->count)
		qsort(o->tests, o->count, sizeof(*o->tests), compare_tests);
	return 0;
}

void
order_release(struct order *o)
{
	strtab_release(&o->ids);
	strtab_release(&o->profiles);
	free(o->tests);
	*o = (struct order){0};
}
