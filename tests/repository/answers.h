/* SPDX-License-Identifier: Apache-2.0
 *
 * All that a repository of random runs (model.h) answers, as one text, so that two can be compared. */
#ifndef ANSWERS_H
#define ANSWERS_H

#include "model.h"

#define ANSWERS_MAX ((size_t)64 << 20)

struct answers {
	struct buf text;
	struct repo *repo;
	bool ids;             /* by their ids; otherwise by their uids alone, in the order of their ends */
	const bool *left_out; /* of which ids nothing is said; NULL for none */
	struct strtab by_end; /* "SEQUENCE UID ID" */
};

static inline int
answer_result(void *context, const struct result *r, struct err *err)
{
	char text[TEXT_MAX];

	(void)err;
	describe(r, text);
	buf_printf(context, "  %s\n", text);
	return 0;
}

static inline int
answer_row(void *context, const struct repo_row *row, struct err *err)
{
	(void)err;
	buf_printf(context, "  row %.*s %d %d %" PRId64 " %" PRId64 " %" PRId64 " %" PRIx64 "\n",
	    SLICE_FMT(row->test), row->attempt, row->status, row->start, row->duration, row->worker,
	    digest(row->tags));
	return 0;
}

static inline int
answer_meta(void *context, struct slice key, struct slice value, struct err *err)
{
	(void)err;
	buf_printf(context, "  %.*s=%.*s\n", SLICE_FMT(key), SLICE_FMT(value));
	return 0;
}

static inline void
answer_run(struct answers *a, const struct repo_run *run)
{
	struct err err;

	if (a->ids)
		buf_printf(&a->text, "run %" PRId64 " ", run->id);
	buf_printf(&a->text,
	    "%s %" PRId64 " state %d partial %d ux %d exit %d %" PRId64 "-%" PRId64 " tests %" PRId64
	    " failures %" PRId64 " skips %" PRId64 "\n",
	    run->uid, run->sequence, run->state, run->partial, run->uxsuccess_passes, run->exit_status,
	    run->start, run->stop, run->counts.tests, run->counts.failures, run->counts.skips);
	ok(repo_meta(a->repo, run->id, answer_meta, &a->text, &err));
	ok(repo_results(a->repo, run->id, DETAIL_MAX, answer_result, &a->text, &err));
	ok(repo_rows(a->repo, run->id, answer_row, &a->text, &err));
}

static inline int
note_end(void *context, const struct repo_run *run, struct err *err)
{
	struct answers *a = context;
	char text[128];

	(void)err;
	if (a->left_out && a->left_out[run->id])
		return 0;
	snprintf(text, sizeof(text), "%020" PRId64 " %s %" PRId64, a->ids ? run->id : run->sequence, run->uid,
	    run->id);
	strtab_add(&a->by_end, slice_str(text), NULL);
	return 0;
}

static inline int
compare_ends(const void *x, const void *y)
{
	return slice_cmp(*(const struct slice *)x, *(const struct slice *)y);
}

static inline void
answer_runs(struct answers *a)
{
	struct slice *ends;
	struct err err;

	ok(repo_runs(a->repo, note_end, a, &err));
	ends = test_calloc(a->by_end.len + 1, sizeof(*ends));
	for (size_t i = 0; i < a->by_end.len; i++)
		ends[i] = strtab_get(&a->by_end, i);
	qsort(ends, a->by_end.len, sizeof(*ends), compare_ends);
	for (size_t i = 0; i < a->by_end.len; i++) {
		struct repo_run run;
		int64_t id;

		assert_true(slice_int(slice_from(ends[i], 54), &id));
		ok(repo_run_get(a->repo, id, &run, &err));
		answer_run(a, &run);
	}
	test_free(ends);
}

static inline void
answer_whole(struct answers *a)
{
	int64_t durations[NAMES];
	struct strtab names = {0}, failing = {0};
	struct err err;

	for (size_t i = 0; i < NAMES; i++) {
		char name[64];

		test_name(i, name);
		strtab_add(&names, slice_str(name), NULL);
	}
	ok(repo_durations(a->repo, &names, durations, &err));
	for (size_t i = 0; i < NAMES; i++)
		buf_printf(&a->text, "duration %" PRId64 "\n", durations[i]);
	buf_str(&a->text, "failing\n");
	ok(repo_failing(a->repo, DETAIL_MAX, answer_result, &a->text, &err));
	ok(repo_failing_ids(a->repo, &failing, &err));
	for (size_t i = 0; i < failing.len; i++)
		buf_printf(&a->text, "fails %.*s\n", SLICE_FMT(strtab_get(&failing, i)));
	strtab_release(&names);
	strtab_release(&failing);
}

/* The text is the caller's to free. */
static inline char *
answers_of(struct repo *repo, bool ids, const bool *left_out)
{
	struct answers a = {.repo = repo, .ids = ids, .left_out = left_out};
	struct err err;
	int64_t count;
	char *text;

	buf_init(&a.text, ANSWERS_MAX);
	if (ids) {
		ok(repo_run_count(repo, &count, &err));
		buf_printf(&a.text, "count %" PRId64 "\n", count);
	}
	answer_runs(&a);
	answer_whole(&a);
	strtab_release(&a.by_end);
	text = buf_steal(&a.text);
	assert_non_null(text);
	return text;
}

/* Compares two texts, which are freed, and shows the first line that differs. */
static inline void
same_answers(char *a, char *b)
{
	struct slice x = slice_str(a), y = slice_str(b), line, other;

	while (slice_split(&x, '\n', &line) && slice_split(&y, '\n', &other))
		if (!slice_eq(line, other))
			fail_msg("%.*s\n    but was %.*s", SLICE_FMT(other), SLICE_FMT(line));
	assert_true(!x.data && !y.data);
	free(a);
	free(b);
}

#endif
