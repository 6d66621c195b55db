/* SPDX-License-Identifier: Apache-2.0 */
#include "division.h"

#include "layout.h"

#include <math.h>
#include <stdlib.h>

/* What one worker gets of one profile. */
struct piece {
	size_t worker, profile;
	double work;
};

struct division {
	double *left; /* of each profile: the work that nobody has yet; -1 when all of it is given */
	size_t profile_count;
	double cost;
	struct piece *pieces; /* room for as many as profiles and workers */
	size_t piece_count;
};

static void
give(struct division *d, size_t worker, size_t profile, double work)
{
	d->pieces[d->piece_count++] = (struct piece){worker, profile, work};
	d->left[profile] = work < d->left[profile] ? d->left[profile] - work : -1;
}

/* The profile with the most left, but not more than `most`; profile_count for none. */
static size_t
longest(const struct division *d, double most)
{
	size_t best = d->profile_count;

	for (size_t p = 0; p < d->profile_count; p++)
		if (d->left[p] >= 0 && d->left[p] <= most &&
		    (best == d->profile_count || d->left[p] > d->left[best]))
			best = p;
	return best;
}

/* Gives a worker its part. One that has nothing yet takes a whole profile rather than none. */
static void
fill_up(struct division *d, size_t worker, double room)
{
	bool has_none = true;
	size_t profile;

	while ((profile = longest(d, room - d->cost)) < d->profile_count) {
		room -= d->left[profile] + d->cost;
		give(d, worker, profile, d->left[profile]);
		has_none = false;
	}
	profile = longest(d, HUGE_VAL);
	if (profile == d->profile_count)
		return;
	if (room > d->cost)
		give(d, worker, profile, room - d->cost);
	else if (has_none)
		give(d, worker, profile, d->left[profile]);
}

static void
divide(struct division *d, double work, size_t workers)
{
	/* Each worker but the last may begin in a profile that another one goes on with. */
	size_t starts = workers - 1, profile;

	for (size_t p = 0; p < d->profile_count; p++)
		starts += d->left[p] >= 0;

	for (size_t w = 0; w + 1 < workers; w++)
		fill_up(d, w, (work + d->cost * (double)starts) / (double)workers);
	while ((profile = longest(d, HUGE_VAL)) < d->profile_count)
		give(d, workers - 1, profile, d->left[profile]);
}

/* The parts in the order of their profiles. */
static void
sort_parts(const uint32_t *profiles, size_t count, size_t profile_count, size_t *first, size_t *order)
{
	for (size_t i = 0; i < count; i++)
		first[profiles[i] + 1]++;
	for (size_t p = 0; p < profile_count; p++)
		first[p + 1] += first[p];
	for (size_t i = 0; i < count; i++)
		order[first[profiles[i]]++] = i;
	/* Each is where the next one begins now. */
	for (size_t p = profile_count; p > 0; p--)
		first[p] = first[p - 1];
	first[0] = 0;
}

/* Deals the parts at order[0..count) out to those that have a piece of their profile. */
static int
deal(
    const struct division *d, size_t profile, struct partition_part *parts, const size_t *order, size_t count)
{
	struct partition_part *own = calloc(count + 1, sizeof(*own));
	int64_t *loads = calloc(d->piece_count + 1, sizeof(*loads));
	size_t *owners = calloc(d->piece_count + 1, sizeof(*owners)), sharers = 0;
	int rc = own && loads && owners ? 0 : -1;

	for (size_t i = 0; rc == 0 && i < d->piece_count; i++)
		if (d->pieces[i].profile == profile) {
			loads[sharers] = -layout_nanoseconds(d->pieces[i].work);
			owners[sharers++] = d->pieces[i].worker;
		}
	for (size_t i = 0; rc == 0 && i < count; i++)
		own[i] = parts[order[i]];
	if (rc == 0 && count)
		rc = partition_longest_first_into(own, count, loads, sharers);
	for (size_t i = 0; rc == 0 && i < count; i++)
		parts[order[i]].worker = owners[own[i].worker];
	free(own);
	free(loads);
	free(owners);
	return rc;
}

/* How much work there is, in each profile and in all. */
static double
sum_up(struct division *d, const struct partition_part *parts, const uint32_t *profiles, size_t count)
{
	double work = 0;

	for (size_t p = 0; p < d->profile_count; p++)
		d->left[p] = -1;
	for (size_t i = 0; i < count; i++) {
		double *left = &d->left[profiles[i]];

		*left = (*left < 0 ? 0 : *left) + (double)parts[i].duration;
		work += (double)parts[i].duration;
	}
	return work;
}

int
division_make(struct partition_part *parts, const uint32_t *profiles, size_t count, size_t profile_count,
    size_t workers, int64_t cost)
{
	struct division d = {.left = calloc(profile_count + 1, sizeof(*d.left)),
	    .profile_count = profile_count,
	    .cost = (double)cost,
	    .pieces = calloc(profile_count + workers, sizeof(*d.pieces))};
	size_t *first = calloc(profile_count + 1, sizeof(*first)), *order = calloc(count + 1, sizeof(*order));
	int rc = d.left && d.pieces && first && order ? 0 : -1;

	if (rc == 0) {
		divide(&d, sum_up(&d, parts, profiles, count), workers);
		sort_parts(profiles, count, profile_count, first, order);
	}
	for (size_t p = 0; rc == 0 && p < profile_count; p++)
		rc = deal(&d, p, parts, order + first[p], first[p + 1] - first[p]);
	free(d.left);
	free(d.pieces);
	free(first);
	free(order);
	return rc;
}
