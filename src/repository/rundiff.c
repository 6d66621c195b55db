/* SPDX-License-Identifier: Apache-2.0 */
#include "rundiff.h"

#include "shape.h"

#include <stdlib.h>

/* What a run says of a test, by its last attempt in it. */
enum state {
	ABSENT, /* also when it was cut off with its run */
	PASSES,
	SKIPPED,
	FAILS,
};

/* That of a test whose name has one. */
static struct slice
profile_of(struct slice name)
{
	return slice_from(name, slice_find(name, '\0') + 1);
}

/* The place of a row's test in its profile, or STRTAB_NONE. */
static size_t
add_test(struct rundiff *d, const struct repo_row *row, bool *added)
{
	struct buf name;
	size_t test;

	if (!repo_profile_tags(d->repo).len)
		return strtab_add(&d->tests, row->test, added);
	buf_init(&name, SIZE_MAX / 4);
	buf_slice(&name, row->test);
	buf_byte(&name, '\0');
	repo_profile_of(d->repo, row->tags, &name);
	test =
	    name.failed || strtab_add(&d->profiles[d->side], profile_of(buf_get(&name)), NULL) == STRTAB_NONE
		? STRTAB_NONE
		: strtab_add(&d->tests, buf_get(&name), added);
	buf_release(&name);
	return test;
}

static int
take_row(void *context, const struct repo_row *row, struct err *err)
{
	struct rundiff *d = context;
	enum verdict verdict = shape_verdict(row->status, &d->runs[d->side]);
	size_t test;
	bool added;

	if (verdict == VERDICT_NONE && row->status != STATUS_SKIP)
		return 0;
	test = add_test(d, row, &added);
	if (test == STRTAB_NONE)
		return err_nomem(err);
	if (test >= d->cap) {
		size_t cap = d->cap ? d->cap * 2 : 256;
		uint8_t(*more)[2] = reallocarray(d->states, cap, sizeof(*more));

		if (!more)
			return err_nomem(err);
		d->states = more;
		d->cap = cap;
	}
	if (added)
		d->states[test][0] = d->states[test][1] = ABSENT;
	d->states[test][d->side] = verdict == VERDICT_FAIL   ? FAILS
				   : verdict == VERDICT_PASS ? PASSES
							     : SKIPPED;
	return 0;
}

bool
rundiff_is_whole(const struct repo_run *run)
{
	return run->state == REPO_FINISHED && !run->partial;
}

/* Whether that a test is absent from a run counts. */
static bool
misses(const struct rundiff *d, size_t side, size_t test)
{
	return rundiff_is_whole(&d->runs[side]) &&
	       (!repo_profile_tags(d->repo).len ||
		   strtab_find(&d->profiles[side], profile_of(strtab_get(&d->tests, test))) != STRTAB_NONE);
}

/* Whether the test has changed in this way. */
static bool
changed(const struct rundiff *d, size_t test, enum rundiff_change change)
{
	uint8_t old = d->states[test][0], new = d->states[test][1];

	switch (change) {
	case RUNDIFF_NEW_FAILURE:
		return new == FAILS &&old != FAILS;
	case RUNDIFF_FIXED:
		return old == FAILS && new == PASSES;
	case RUNDIFF_STILL_FAILING:
		return old == FAILS && new == FAILS;
	case RUNDIFF_SKIPPED:
		return old == FAILS && new == SKIPPED;
	case RUNDIFF_APPEARED:
		return old == ABSENT && misses(d, 0, test);
	case RUNDIFF_VANISHED:
		return new == ABSENT &&misses(d, 1, test);
	default:
		return false;
	}
}

static int
compare_tests(const void *a, const void *b, void *tests)
{
	return slice_cmp(strtab_get(tests, *(const size_t *)a), strtab_get(tests, *(const size_t *)b));
}

/* The tests in the order of their ids. */
static int
sort_tests(struct rundiff *d, struct err *err)
{
	d->order = calloc(d->tests.len + 1, sizeof(*d->order));
	if (!d->order)
		return err_nomem(err);
	for (size_t i = 0; i < d->tests.len; i++)
		d->order[i] = i;
	qsort_r(d->order, d->tests.len, sizeof(*d->order), compare_tests, &d->tests);
	return 0;
}

int
rundiff_read(struct rundiff *d, struct repo *repo, struct err *err)
{
	d->repo = repo;
	for (d->side = 0; d->side < 2; d->side++)
		if (repo_rows(repo, d->runs[d->side].id, take_row, d, err) < 0)
			return -1;
	return sort_tests(d, err);
}

void
rundiff_release(struct rundiff *d)
{
	free(d->order);
	free(d->states);
	strtab_release(&d->tests);
	strtab_release(&d->profiles[0]);
	strtab_release(&d->profiles[1]);
	*d = (struct rundiff){0};
}

const char *
rundiff_key(enum rundiff_change change)
{
	static const char *const keys[] = {
	    "new_failures", "fixed", "still_failing", "skipped", "appeared", "vanished"};

	return keys[change];
}

int
rundiff_each(
    const struct rundiff *d, enum rundiff_change change, rundiff_fn fn, void *context, struct err *err)
{
	bool profiled = repo_profile_tags(d->repo).len > 0;

	for (size_t i = 0; i < d->tests.len; i++) {
		struct slice name = strtab_get(&d->tests, d->order[i]);
		size_t at = profiled ? slice_find(name, '\0') : name.len;

		if (changed(d, d->order[i], change) &&
		    fn(context, slice_head(name, at), slice_from(name, at + 1), err) < 0)
			return -1;
	}
	return 0;
}
