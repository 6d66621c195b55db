/* SPDX-License-Identifier: Apache-2.0 */
#include "suggest.h"

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many letters have to be put in, left out, replaced, or exchanged with their neighbour to make b of a. */
static size_t
distance(struct slice a, struct slice b)
{
	size_t rows[3][SUGGEST_MAX + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b.len; j++)
		above[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t *oldest = before;

		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			row[j] = least(above[j], row[j - 1]) + 1;
			row[j] = least(row[j], above[j - 1] + (a.data[i - 1] != b.data[j - 1]));
			if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] &&
			    a.data[i - 2] == b.data[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
		before = above;
		above = row;
		row = oldest;
	}
	return above[b.len];
}

void
suggest_init(struct suggest *s, struct slice written)
{
	/* One slip in a short word, a third of a long one. */
	*s = (struct suggest){.written = written, .distance = (written.len > 5 ? written.len / 3 : 1) + 1};
}

void
suggest_offer(struct suggest *s, struct slice word)
{
	size_t far;

	if (s->written.len > SUGGEST_MAX || word.len > SUGGEST_MAX)
		return;
	far = distance(s->written, word);
	if (far < s->distance) {
		s->distance = far;
		s->nearest = word;
	}
}
