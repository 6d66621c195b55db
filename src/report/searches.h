/* SPDX-License-Identifier: Apache-2.0
 *
 * The searches for what makes a test fail that a repository has: what `testr bisect` has run. Invariant: a search is its
 * probes, by the metadata that victim.h names; one without any is not there. */
#ifndef SEARCHES_H
#define SEARCHES_H

#include "repository.h"

struct search_facts {
	char *name, *test;       /* of the search; the victim */
	char *profile;           /* that it is in; NULL: none */
	int64_t run;             /* in which that failed */
	int64_t first, last;     /* probes */
	int64_t start, stop;     /* of these; TIME_NONE when there is none */
	double confidence;       /* that is asked for */
	bool load;               /* the load generator ran beside some of them */
	size_t probes, failures; /* with a result of the victim */
	double seconds;          /* that these took */
};

struct searches {
	struct search_facts *list; /* the one with the newest probe first */
	size_t count;
};

/* Reads all, or only those whose metadata has `value` under `key`. searches_release is due in any case. */
int searches_read(
    struct searches *s, struct repo *repo, const char *key, struct slice value, struct err *err);
void searches_release(struct searches *s);

#endif
