/* SPDX-License-Identifier: Apache-2.0 */
#include "compat.h"

#include <inttypes.h>
#include <stdlib.h>

/* Of how many runs, the latest that it was in, a test is counted. */
#define RUNS_COUNTED 100
/* How many failed runs are recent, and how many may be asked for. */
#define RECENT 10
#define RECENT_MAX 1000
#define PREFIX_LIMIT 100

/* ---- tests ---- */

struct facts {
	struct repo *repo;
	int64_t passes, failures, timed;
	double seconds; /* of those that passed */
};

static int
add_fact(void *context, const struct repo_row *row, struct err *err)
{
	struct facts *f = context;
	enum verdict v;

	if (shape_verdict_in(f->repo, row->run, row->status, &v, err) < 0)
		return -1;
	f->passes += v == VERDICT_PASS;
	f->failures += v == VERDICT_FAIL;
	if (v == VERDICT_PASS && row->duration != TIME_NONE) {
		f->timed++;
		f->seconds += (double)row->duration / TIME_SECOND;
	}
	return 0;
}

struct page {
	struct repo *repo;
	struct compat_answer answer;
	struct compat_others others;
	struct slice prefix;
	int64_t skip, limit;
};

static int
add_test(struct page *p, struct slice test, struct err *err)
{
	struct facts f = {.repo = p->repo};
	char id[24];

	if (compat_history(p->repo, test, &p->others, RUNS_COUNTED, add_fact, &f, err) < 0)
		return -1;
	snprintf(id, sizeof(id), "h:%016" PRIx64, call_test_hash(test));
	return compat_add(&p->answer, SLICE_NONE,
	    json_pack("{ss, so, sI, sI, sI, sf}", "id", id, "test_id", shape_text(test), "run_count",
		(json_int_t)(f.passes + f.failures), "success", (json_int_t)f.passes, "failure",
		(json_int_t)f.failures, "run_time", f.timed ? f.seconds / (double)f.timed : 0.0),
	    err);
}

/* The text up to the first '.'. */
static struct slice
first_word(struct slice test)
{
	return slice_head(test, slice_find(test, '.'));
}

static int
add_matching(void *context, struct slice test, struct err *err)
{
	struct page *p = context;

	/* "setUpClass (a.b)" is of a, too. */
	if (!slice_ends(first_word(test), p->prefix) || p->skip-- > 0 || p->limit == 0)
		return 0;
	p->limit--;
	return add_test(p, test, err);
}

static int
add_test_of(void *context, const struct repo_row *row, struct err *err)
{
	return add_test(context, row->test, err);
}

/* {"tests": [...]}: those of the run, which may be none, or all that match. */
static int
answer_tests(
    struct page *p, struct call *call, struct reply *out, const struct repo_run *run, struct err *err)
{
	int rc;

	p->repo = call->repo;
	if (compat_begin(&p->answer, call, out, '{'))
		return 0;
	rc = compat_open(&p->answer, SLICE_LIT("tests"), '[', err);
	if (rc == 0)
		rc = compat_others(p->repo, &p->others, err);
	if (rc == 0 && !run)
		rc = repo_tests(p->repo, add_matching, p, err);
	else if (rc == 0 && run->id >= 0)
		rc = compat_results(p->repo, run->id, add_test_of, p, err);
	free(p->others.runs);
	compat_close(&p->answer, ']');
	return rc < 0 ? -1 : compat_end(&p->answer, '}', err);
}

int
compat_tests(struct call *call, struct reply *out, struct err *err)
{
	struct page p = {.prefix = SLICE_LIT(""), .limit = INT64_MAX};

	return answer_tests(&p, call, out, NULL, err);
}

int
compat_tests_by_prefix(struct call *call, struct reply *out, struct err *err)
{
	struct page p = {.limit = PREFIX_LIMIT};
	struct buf prefix;
	int rc;

	if (compat_number(call, out, "limit", &p.limit) || compat_number(call, out, "offset", &p.skip))
		return 0;
	buf_init(&prefix, REQUEST_TARGET_MAX);
	compat_part(call, 0, &prefix);
	p.prefix = buf_get(&prefix);
	rc = prefix.failed ? err_nomem(err) : answer_tests(&p, call, out, NULL, err);
	buf_release(&prefix);
	return rc;
}

struct prefixes {
	struct compat_answer answer;
	struct strtab seen;
};

static int
add_prefix(void *context, struct slice test, struct err *err)
{
	struct prefixes *p = context;
	struct slice prefix = first_word(test);
	size_t bracket = slice_find(prefix, '(');
	bool added = false;

	prefix = slice_from(prefix, bracket == prefix.len ? 0 : bracket + 1);
	if (strtab_add(&p->seen, prefix, &added) == STRTAB_NONE)
		return err_nomem(err);
	return added ? compat_add(&p->answer, SLICE_NONE, shape_text(prefix), err) : 0;
}

int
compat_prefixes(struct call *call, struct reply *out, struct err *err)
{
	struct prefixes p = {0};
	int rc;

	if (compat_begin(&p.answer, call, out, '['))
		return 0;
	rc = repo_tests(call->repo, add_prefix, &p, err);
	strtab_release(&p.seen);
	return rc < 0 ? -1 : compat_end(&p.answer, ']', err);
}

/* ---- the tests of a run ---- */

int
compat_run_tests(struct call *call, struct reply *out, struct err *err)
{
	struct page p = {0};
	struct repo_run run;

	if (compat_run(call, out, &run, err) < 0)
		return -1;
	return answer_tests(&p, call, out, &run, err);
}

struct results {
	struct call *call;
	struct compat_answer answer;
	const struct repo_run *run;
	struct slice word; /* only those of this verdict */
	json_t *link;      /* of the run */
};

/* What is between the first '[' and the last ']' of the id; NULL when nothing is. */
static json_t *
attrs_json(struct slice id)
{
	size_t from = slice_find(id, '[') + 1, end = id.len;

	while (end > from && id.data[end - 1] != ']')
		end--;
	return end > from + 1 ? shape_text(slice_head(slice_from(id, from), end - 1 - from)) : NULL;
}

/* "worker-1,tag"; NULL when there is none. */
static json_t *
tags_json(const struct repo_row *row)
{
	struct slice rest = row->tags, tag;
	json_t *value = NULL;
	struct buf tags;

	buf_init(&tags, SIZE_MAX / 4);
	if (row->worker >= 0)
		buf_printf(&tags, "worker-%" PRId64 ",", row->worker);
	while (slice_split(&rest, '\0', &tag))
		if (tag.len) {
			buf_slice(&tags, tag);
			buf_byte(&tags, ',');
		}
	if (tags.len)
		value = shape_text(slice_head(buf_get(&tags), tags.len - 1));
	buf_release(&tags);
	return value;
}

/* NULL when there is neither. */
static json_t *
metadata_json(const struct repo_row *row)
{
	json_t *attrs = attrs_json(row->test), *tags = tags_json(row);

	return attrs || tags ? json_pack("{so*, so*}", "attrs", attrs, "tags", tags) : NULL;
}

static int64_t
stop_of(const struct repo_row *row)
{
	return row->start == TIME_NONE || row->duration == TIME_NONE ? TIME_NONE : row->start + row->duration;
}

static int
add_result(void *context, const struct repo_row *row, struct err *err)
{
	struct results *r = context;

	return compat_add(&r->answer, row->test,
	    json_pack("{ss, so, so, so*}", "status", compat_word(shape_verdict(row->status, r->run)),
		"start_time", compat_date_json(row->start), "stop_time", compat_date_json(stop_of(row)),
		"metadata", metadata_json(row)),
	    err);
}

int
compat_run_test_runs(struct call *call, struct reply *out, struct err *err)
{
	struct repo_run run;
	struct results r = {.call = call, .run = &run};

	if (compat_run(call, out, &run, err) < 0)
		return -1;
	if (compat_begin(&r.answer, call, out, '{'))
		return 0;
	if (run.id >= 0 && compat_results(call->repo, run.id, add_result, &r, err) < 0)
		return -1;
	return compat_end(&r.answer, '}', err);
}

/* ---- what tests did in the latest failed runs ---- */

static int
add_recent(void *context, const struct repo_row *row, struct err *err)
{
	struct results *r = context;
	char name[33];

	if (!slice_eq(r->word, slice_str(compat_word(shape_verdict(row->status, r->run)))))
		return 0;
	compat_name(name, r->run);
	return compat_add(&r->answer, SLICE_NONE,
	    json_pack("{so, sO?, so, so, ss}", "test_id", shape_text(row->test), "link", r->link,
		"start_time", compat_iso_json(row->start), "stop_time", compat_iso_json(stop_of(row)), "uuid",
		name),
	    err);
}

static int
add_recent_run(void *context, const struct repo_run *run, struct err *err)
{
	static const char *const keys[] = {"artifacts"};
	struct results *r = context;
	int rc;

	r->run = run;
	if (compat_meta(r->call->repo, run->id, keys, &r->link, 1, err) < 0)
		return -1;
	rc = compat_results(r->call->repo, run->id, add_recent, r, err);
	json_decref(r->link);
	return rc;
}

int
compat_recent_tests(struct call *call, struct reply *out, struct err *err)
{
	struct results r = {.call = call};
	int64_t runs = RECENT;
	struct buf word;
	int rc;

	if (compat_number(call, out, "num_runs", &runs))
		return 0;
	if (runs > RECENT_MAX) {
		compat_refuse(out, "num_runs: at most %d runs are looked at", RECENT_MAX);
		return 0;
	}
	if (compat_begin(&r.answer, call, out, '{'))
		return 0;
	buf_init(&word, REQUEST_TARGET_MAX);
	compat_part(call, 0, &word);
	r.word = buf_get(&word);
	/* Nothing here looks for known bugs. */
	rc = compat_add(&r.answer, SLICE_LIT("bugs"), json_object(), err);
	if (rc == 0)
		rc = compat_open(&r.answer, SLICE_LIT("test_runs"), '[', err);
	if (rc == 0)
		rc = compat_failed_runs(call->repo, SLICE_NONE, SLICE_NONE, runs, add_recent_run, &r, err);
	buf_release(&word);
	compat_close(&r.answer, ']');
	return rc < 0 ? -1 : compat_end(&r.answer, '}', err);
}
