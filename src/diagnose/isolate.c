/* SPDX-License-Identifier: Apache-2.0 */
#include "isolate.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Every function that searches returns 0, or -1 when a probe ended the search. */
struct search {
	isolate_probe_fn probe;
	void *context;
	size_t probes;
	size_t *asked;    /* room for a set that is asked for */
	size_t *culprits; /* filled from its end, since the last culprit is found first: [first, end) */
	size_t first, end;
};

#define WITH_ALL SIZE_MAX

/* Asks for the candidates [from, to) and then the culprits found so far, of which `without` is left out. */
static int
ask(struct search *s, size_t from, size_t to, size_t without, bool *failed)
{
	size_t count = 0;

	for (size_t i = from; i < to; i++)
		s->asked[count++] = i;
	for (size_t i = s->first; i < s->end; i++)
		if (i != without)
			s->asked[count++] = s->culprits[i];
	s->probes++;
	return s->probe(s->context, s->asked, count, failed);
}

/* The classical bisection, which takes it that there is one culprit: when one half does not hold it the other
 * must.
 * [*from, *to) is a range that failed and becomes the smallest that was seen to fail; *guess is the one test
 * that remains. */
static int
halve(struct search *s, size_t *from, size_t *to, size_t *guess)
{
	size_t low = *from, high = *to;

	while (high - low > 1) {
		size_t middle = low + (high - low + 1) / 2;
		bool failed;

		if (ask(s, low, middle, WITH_ALL, &failed) < 0)
			return -1;
		if (failed) {
			*from = low;
			*to = high = middle;
		} else {
			low = middle;
		}
	}
	*guess = low;
	return 0;
}

/* The shortest beginning of [from, to) that fails together with the culprits found so far ends in a further
 * culprit. It is known that the whole does fail and that nothing of it does not. */
static int
find_last(struct search *s, size_t from, size_t to)
{
	size_t passes = from, fails = to;

	while (fails - passes > 1) {
		size_t middle = passes + (fails - passes) / 2;
		bool failed;

		if (ask(s, from, middle, WITH_ALL, &failed) < 0)
			return -1;
		if (failed)
			fails = middle;
		else
			passes = middle;
	}
	s->culprits[--s->first] = fails - 1;
	return 0;
}

/* Finds the culprits in [from, to), which failed, from the last to the first, until they fail by themselves. */
static int
find_set(struct search *s, size_t from, size_t to, bool *found)
{
	*found = false;
	while (!*found && from < to) {
		if (find_last(s, from, to) < 0)
			return -1;
		to = s->culprits[s->first];
		if (ask(s, 0, 0, WITH_ALL, found) < 0)
			return -1;
	}
	return 0;
}

/* Takes out each culprit without which the others still fail: where one test undoes what another did, the
 * search can pick up more than is needed. With one culprit the empty set is known to pass. */
static int
reduce(struct search *s)
{
	size_t at = s->first;

	while (s->end - s->first > 1 && at < s->end) {
		bool failed;

		if (ask(s, 0, 0, at, &failed) < 0)
			return -1;
		if (failed) {
			memmove(s->culprits + s->first + 1, s->culprits + s->first,
			    (at - s->first) * sizeof(*s->culprits));
			at = ++s->first;
		} else {
			at++;
		}
	}
	return 0;
}

static int
run_search(struct search *s, size_t candidates, enum isolate_verdict *verdict)
{
	size_t from = 0, to = candidates, guess;
	bool failed;

	if (ask(s, 0, candidates, WITH_ALL, &failed) < 0)
		return -1;
	*verdict = failed ? ISOLATE_ALONE : ISOLATE_NOT_REPRODUCED;
	if (!failed || !candidates)
		return 0;
	if (ask(s, 0, 0, WITH_ALL, &failed) < 0)
		return -1;
	if (failed)
		return 0;
	if (halve(s, &from, &to, &guess) < 0)
		return -1;
	s->culprits[--s->first] = guess;
	if (ask(s, 0, 0, WITH_ALL, &failed) < 0)
		return -1;
	if (!failed) {
		s->first = s->end;
		if (find_set(s, from, to, &failed) < 0)
			return -1;
	}
	*verdict = failed ? ISOLATE_FOUND : ISOLATE_UNSTABLE;
	return failed ? reduce(s) : 0;
}

int
isolate(size_t candidates, isolate_probe_fn probe, void *context, struct isolate_result *out)
{
	struct search s = {.probe = probe, .context = context, .first = candidates, .end = candidates};
	enum isolate_verdict verdict;
	int result = -1;

	s.asked = calloc(candidates + 1, sizeof(*s.asked));
	s.culprits = calloc(candidates + 1, sizeof(*s.culprits));
	if (!s.asked || !s.culprits || run_search(&s, candidates, &verdict) < 0)
		goto out;
	*out = (struct isolate_result){.verdict = verdict, .culprits = s.culprits, .probes = s.probes};
	if (verdict == ISOLATE_FOUND) {
		out->count = s.end - s.first;
		memmove(s.culprits, s.culprits + s.first, out->count * sizeof(*s.culprits));
	}
	s.culprits = NULL;
	result = 0;
out:
	free(s.asked);
	free(s.culprits);
	return result;
}

void
isolate_release(struct isolate_result *result)
{
	free(result->culprits);
	*result = (struct isolate_result){0};
}
