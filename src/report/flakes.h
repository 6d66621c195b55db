/* SPDX-License-Identifier: Apache-2.0
 *
 * Which tests fail by chance, by what a repository has: its runs in the order of their commits, judged by flaky.h.
 * Invariant: the runs that are looked at decide alone; each test that is not stable is listed once. */
#ifndef FLAKES_H
#define FLAKES_H

#include "flaky.h"
#include "shape.h"

/* How many of the latest runs are looked at when nothing else is said. */
#define FLAKES_WINDOW 1000

struct flakes;

struct flakes_test {
	struct slice test;
	struct flaky_verdict v;
	struct slice profile; /* a set of tags; absent where the repository has no profiles */
};

struct flakes_sum {
	size_t runs, commits, tests;
	size_t flaky, broken, unsure; /* tests */
	uint64_t outages;             /* runs in which many failed at once */
};

struct flakes_query {
	int64_t window; /* only the latest runs, so many; 0: all */
	int64_t since;  /* only those that began then or later; TIME_NONE: whenever */
	/* True for the tags of results that count; NULL: all do. */
	bool (*counts)(void *context, struct slice tags);
	void *context;
};

/* *out is freed with flakes_free. */
int flakes_read(struct repo *repo, const struct flakes_query *query, struct flakes **out, struct err *err);
/* Accepts NULL. */
void flakes_free(struct flakes *l);

struct flakes_sum flakes_sum(const struct flakes *l);
/* Those that are flaky, then the broken ones, then those with too little data; in each the surest first. */
const struct flakes_test *flakes_list(const struct flakes *l, size_t *count);
/* "flaky", "order-dependent", … */
const char *flakes_class(enum flaky_class class);
/* A "flaky test" of docs/json.md. NULL when out of memory. */
json_t *flakes_json(const struct flakes_test *at);

#endif
