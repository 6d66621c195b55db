/* SPDX-License-Identifier: Apache-2.0
 *
 * Finds the word that was meant where an unknown one was written, for "did you mean …?". Invariant: what is found is
 * the first of the nearest words, and near enough to be a slip of the fingers rather than another word. */
#ifndef SUGGEST_H
#define SUGGEST_H

#include "slice.h"

/* Longer words are never suggested for nor suggested. */
#define SUGGEST_MAX 64

struct suggest {
	struct slice written;
	struct slice nearest; /* absent while none was near enough; borrowed from what was offered */
	size_t distance;
};

/* Begins the search for what was written; borrowed. */
void suggest_init(struct suggest *s, struct slice written);
/* Offers a word that could have been meant. */
void suggest_offer(struct suggest *s, struct slice word);

#endif
