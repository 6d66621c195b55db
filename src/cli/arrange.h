/* SPDX-License-Identifier: Apache-2.0
 *
 * In which order tests are run, as far as --order, --seed and --replay say so. Invariant: the same seed puts the same
 * tests into the same order, on any machine. */
#ifndef ARRANGE_H
#define ARRANGE_H

#include "cli.h"

struct arrange {
	enum {
		ARRANGE_USUAL,   /* nothing was said */
		ARRANGE_FAILING, /* failing ones first, then new ones, then the longest */
		ARRANGE_LONGEST, /* new ones first, then the longest */
		ARRANGE_LISTED,
		ARRANGE_RANDOM,
		ARRANGE_REPLAY,
	} order;
	uint32_t seed; /* of a random order */
	/* Of --replay: its tests in the order in which they began, the worker that is to run each, plus 1, and
	 * how many workers that takes. */
	struct strtab ids;
	size_t *only;
	size_t workers;
};

/* Reads the options, and what is to be replayed, into a zeroed one. arrange_release is due in every case. */
int arrange_init(struct arrange *a, struct cli *cli, struct repo *repo);
void arrange_release(struct arrange *a);

/* Of --replay: adds its tests, as far as they are `listed`, to out, and names those that are gone. With nothing listed
 * all are taken to be there. */
int arrange_present(struct arrange *a, struct cli *cli, const struct strtab *listed, struct strtab *out);
/* Of a random order: shuffles the ids. */
int arrange_shuffle(const struct arrange *a, struct strtab *ids, struct err *err);
/* The worker that is to run the test, plus 1; 0 for any. */
size_t arrange_only(const struct arrange *a, struct slice id);

#endif
