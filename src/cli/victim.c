/* SPDX-License-Identifier: Apache-2.0 */
#include "victim.h"

#include "account.h"
#include "ask.h"

#include <stdlib.h>
#include <string.h>

/* The runs of the past that are looked at, the latest ones. */
#define HISTORY_MAX 100
/* Failing tests that are named when there is more than one. */
#define NAMED 10
/* What a test is taken to need whose time is not known. */
#define SECONDS_UNKNOWN 0.1

/* A result of the run that is read, at its place in the stream. */
struct place {
	size_t test; /* among `ids` */
	int64_t worker;
	uint64_t offset;
	double seconds;
};

/* The results of a run, each test's first. */
struct reading {
	struct slice victim;
	struct strtab ids;
	struct place *places;
	size_t count, cap;
	struct place own; /* the victim's */
	bool found;
	enum status status; /* of the victim */
};

static void
reading_release(struct reading *r)
{
	strtab_release(&r->ids);
	free(r->places);
}

static int
take_row(void *context, const struct repo_row *row, struct err *err)
{
	struct reading *r = context;
	struct place place = {.worker = row->worker,
	    .offset = row->offset,
	    .seconds = row->duration >= 0 ? (double)row->duration / 1e9 : SECONDS_UNKNOWN};

	/* A further attempt is run by another process. */
	if (row->attempt > 1)
		return 0;
	if (slice_eq(row->test, r->victim)) {
		r->own = place;
		r->found = true;
		r->status = row->status;
		return 0;
	}
	place.test = strtab_add(&r->ids, row->test, NULL);
	if (place.test == STRTAB_NONE)
		return err_nomem(err);
	if (r->count == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 256;
		struct place *more = reallocarray(r->places, cap, sizeof(*more));

		if (!more)
			return err_nomem(err);
		r->places = more;
		r->cap = cap;
	}
	r->places[r->count++] = place;
	return 0;
}

static int
compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Keeps of a run what ran before the victim in its worker, in the order of the stream. */
static int
read_run(struct reading *r, struct repo *repo, int64_t run, struct slice victim, struct err *err)
{
	size_t kept = 0;

	*r = (struct reading){.victim = victim};
	if (repo_rows(repo, run, take_row, r, err) < 0)
		return -1;
	for (size_t i = 0; r->found && i < r->count; i++)
		if (r->places[i].worker == r->own.worker && r->places[i].offset < r->own.offset)
			r->places[kept++] = r->places[i];
	r->count = kept;
	if (kept)
		qsort(r->places, kept, sizeof(*r->places), compare_places);
	return 0;
}

/* What is known of a run that matters here. */
struct facts {
	bool probe, isolated;
	char commit[96];
};

static int
take_fact(void *context, struct slice key, struct slice value, struct err *err)
{
	struct facts *f = context;

	(void)err;
	if (slice_eq(key, SLICE_LIT(REPO_META_PROBE)))
		f->probe = true;
	else if (slice_eq(key, SLICE_LIT("command")))
		f->isolated = slice_search(value, SLICE_LIT(" --isolated")) < value.len;
	else if (slice_eq(key, SLICE_LIT("git.commit")) && value.len < sizeof(f->commit))
		memcpy(f->commit, value.data, value.len);
	return 0;
}

static int
read_facts(struct repo *repo, int64_t run, struct facts *out, struct err *err)
{
	*out = (struct facts){0};
	return repo_meta(repo, run, take_fact, out, err);
}

/* The latest run that is no probe. */
struct latest {
	struct repo *repo;
	int64_t run;
};

static int
take_latest(void *context, const struct repo_run *run, struct err *err)
{
	struct latest *l = context;
	struct facts facts;

	if (l->run >= 0)
		return 0;
	if (read_facts(l->repo, run->id, &facts, err) < 0)
		return -1;
	if (!facts.probe)
		l->run = run->id;
	return 0;
}

static int
find_latest(struct cli *cli, struct repo *repo, int64_t *out)
{
	struct repo_query query = {.since = TIME_NONE,
	    .until = TIME_NONE,
	    .states = 1u << REPO_FINISHED | 1u << REPO_INTERRUPTED,
	    .newest_first = true};
	struct latest latest = {repo, -1};

	if (repo_runs_where(repo, &query, take_latest, &latest, &cli->err) < 0)
		return -1;
	if (latest.run < 0)
		return err_set(&cli->err, ERR_FAILED,
		    "there is no run to look at yet: `testr run` makes one, `testr run --until-failure` makes some until one fails");
	*out = latest.run;
	return 0;
}

/* The tests that failed in a run. */
struct failed {
	struct repo *repo;
	struct repo_run run;
	struct strtab ids;
};

static int
take_failed(void *context, const struct repo_row *row, struct err *err)
{
	struct failed *f = context;
	struct slice fixture;

	if (shape_verdict(row->status, &f->run) != VERDICT_FAIL || account_fixture(row->test, &fixture))
		return 0;
	return strtab_add(&f->ids, row->test, NULL) == STRTAB_NONE ? err_nomem(err) : 0;
}

static int
too_many(struct cli *cli, const struct failed *f)
{
	struct buf list;

	buf_init(&list, sizeof(cli->err.text));
	for (size_t i = 0; i < f->ids.len && i < NAMED && list.len < 600; i++) {
		struct slice id = strtab_get(&f->ids, i);

		buf_printf(&list, "\n  %.*s", (int)(id.len < 150 ? id.len : 150), (const char *)id.data);
	}
	err_set(&cli->err, ERR_USAGE,
	    "%zu tests failed in run %lld; say which one: `testr bisect TEST`%.*s%s", f->ids.len,
	    (long long)f->run.id, SLICE_FMT(buf_get(&list)), f->ids.len > NAMED ? "\n  …" : "");
	buf_release(&list);
	return -1;
}

/* The one test that failed in the run. */
static int
find_failed(struct victim *v, struct cli *cli, struct repo *repo, int64_t run)
{
	struct failed f = {.repo = repo};
	int rc = -1;

	if (repo_run_get(repo, run, &f.run, &cli->err) < 0 ||
	    repo_rows(repo, run, take_failed, &f, &cli->err) < 0)
		goto out;
	if (f.ids.len == 0) {
		err_set(&cli->err, ERR_NO_TESTS,
		    "no test failed in run %lld: name the run in which it did with -r, or the test",
		    (long long)run);
	} else if (f.ids.len > 1) {
		too_many(cli, &f);
	} else {
		v->id = strdup((const char *)strtab_get(&f.ids, 0).data);
		rc = v->id ? 0 : err_nomem(&cli->err);
	}
	v->run = run;
out:
	strtab_release(&f.ids);
	return rc;
}

/* Where a named test failed, or at least ran, last. */
struct past {
	struct repo *repo;
	int64_t failed, passed, any;
};

static int
take_past(void *context, const struct repo_row *row, struct err *err)
{
	struct past *p = context;
	enum verdict verdict;
	struct facts facts;

	if (row->attempt > 1 || (p->failed >= 0 && p->passed >= 0))
		return 0;
	if (read_facts(p->repo, row->run, &facts, err) < 0 ||
	    shape_verdict_in(p->repo, row->run, row->status, &verdict, err) < 0)
		return -1;
	if (facts.probe)
		return 0;
	if (p->any < 0)
		p->any = row->run;
	if (verdict == VERDICT_FAIL && p->failed < 0)
		p->failed = row->run;
	if (verdict == VERDICT_PASS && p->passed < 0)
		p->passed = row->run;
	return 0;
}

static int
read_past(struct repo *repo, const char *id, struct past *out, struct err *err)
{
	*out = (struct past){.repo = repo, .failed = -1, .passed = -1, .any = -1};
	return repo_history(repo, slice_str(id), HISTORY_MAX, take_past, out, err);
}

/* The run of a test that was named. */
static int
find_run(struct victim *v, struct cli *cli, const struct past *past, const char *run)
{
	if (past->any < 0)
		return ask_no_test(&cli->err, v->id, "");
	if (!run)
		v->run = past->failed >= 0 ? past->failed : past->any;
	return 0;
}

/* Adds what ran before the victim and is not there yet, nor in `apart`. */
static int
add_candidates(struct victim *v, const struct reading *r, const struct strtab *apart, struct err *err)
{
	double *seconds = reallocarray(v->seconds, v->before.len + r->count + 1, sizeof(*seconds));

	if (!seconds)
		return err_nomem(err);
	v->seconds = seconds;
	for (size_t i = 0; i < r->count; i++) {
		struct slice id = strtab_get(&r->ids, r->places[i].test), fixture;
		bool added;
		size_t at;

		/* What stands for a set-up is no test that can be run. */
		if (account_fixture(id, &fixture) || (apart && strtab_find(apart, id) != STRTAB_NONE))
			continue;
		at = strtab_add(&v->before, id, &added);
		if (at == STRTAB_NONE)
			return err_nomem(err);
		if (added)
			v->seconds[at] = r->places[i].seconds;
	}
	return 0;
}

/* What ran before it where it failed, in that order, and in front of it what else ran before it where it passed:
 * that may be what it lacked. */
static int
find_candidates(struct victim *v, struct repo *repo, int64_t passed, struct err *err)
{
	struct reading failing = {0}, passing = {0};
	struct strtab own = {0};
	int rc = read_run(&failing, repo, v->run, slice_str(v->id), err);

	if (rc == 0 && !failing.found)
		rc = err_set(err, ERR_NO_TESTS, "run %lld has no test '%.300s'", (long long)v->run, v->id);
	for (size_t i = 0; rc == 0 && i < failing.count; i++)
		if (strtab_add(&own, strtab_get(&failing.ids, failing.places[i].test), NULL) == STRTAB_NONE)
			rc = err_nomem(err);
	if (rc == 0 && passed >= 0 && passed != v->run) {
		rc = read_run(&passing, repo, passed, slice_str(v->id), err);
		if (rc == 0)
			rc = add_candidates(v, &passing, &own, err);
	}
	if (rc == 0)
		rc = add_candidates(v, &failing, NULL, err);
	v->own = failing.own.seconds;
	reading_release(&failing);
	reading_release(&passing);
	strtab_release(&own);
	return rc;
}

int
victim_find(struct victim *v, struct cli *cli, struct repo *repo, const char *test, const char *run)
{
	struct past past;

	*v = (struct victim){.run = -1};
	if (run && cli_run_id(cli, repo, run, &v->run) < 0)
		return -1;
	if (test) {
		v->id = strdup(test);
		if (!v->id)
			return err_nomem(&cli->err);
	} else if ((v->run < 0 && find_latest(cli, repo, &v->run) < 0) ||
		   find_failed(v, cli, repo, v->run) < 0) {
		return -1;
	}
	if (read_past(repo, v->id, &past, &cli->err) < 0 || find_run(v, cli, &past, run) < 0)
		return -1;
	return find_candidates(v, repo, past.passed, &cli->err);
}

void
victim_release(struct victim *v)
{
	free(v->id);
	free(v->seconds);
	strtab_release(&v->before);
	*v = (struct victim){0};
}

int
victim_restrict(struct victim *v, const struct strtab *ids, size_t *left_out, struct err *err)
{
	struct strtab kept = {0};
	size_t count = v->before.len;

	for (size_t i = 0; i < count; i++) {
		struct slice id = strtab_get(&v->before, i);

		if (strtab_find(ids, id) == STRTAB_NONE)
			continue;
		v->seconds[kept.len] = v->seconds[i];
		if (strtab_add(&kept, id, NULL) == STRTAB_NONE) {
			strtab_release(&kept);
			return err_nomem(err);
		}
	}
	*left_out = count - kept.len;
	strtab_release(&v->before);
	v->before = kept;
	return 0;
}

int
victim_observe(const struct victim *v, struct repo *repo, int64_t run, struct observed *out, struct err *err)
{
	enum verdict verdict = VERDICT_NONE;
	struct reading r;
	struct facts facts;
	int rc = read_run(&r, repo, run, slice_str(v->id), err);

	out->count = 0;
	if (rc == 0)
		rc = read_facts(repo, run, &facts, err);
	if (rc == 0 && r.found)
		rc = shape_verdict_in(repo, run, r.status, &verdict, err);
	for (size_t i = 0; rc == 0 && !facts.isolated && i < r.count; i++) {
		size_t at = strtab_find(&v->before, strtab_get(&r.ids, r.places[i].test));

		if (at != STRTAB_NONE)
			out->members[out->count++] = at;
	}
	out->ended = verdict != VERDICT_NONE;
	out->failed = verdict == VERDICT_FAIL;
	reading_release(&r);
	return rc;
}

/* The runs of the past, the newest first. */
struct runs {
	int64_t list[HISTORY_MAX];
	size_t count;
};

static int
take_run(void *context, const struct repo_row *row, struct err *err)
{
	struct runs *runs = context;

	(void)err;
	if (row->attempt == 1 && runs->count < HISTORY_MAX)
		runs->list[runs->count++] = row->run;
	return 0;
}

int
victim_history(const struct victim *v, struct repo *repo, victim_fn fn, void *context, struct err *err)
{
	struct observed observed = {.members = calloc(v->before.len + 1, sizeof(size_t))};
	struct runs runs = {.count = 0};
	struct facts own, facts;
	int rc = observed.members ? 0 : err_nomem(err);

	if (rc == 0)
		rc = read_facts(repo, v->run, &own, err);
	if (rc == 0)
		rc = repo_history(repo, slice_str(v->id), HISTORY_MAX, take_run, &runs, err);
	while (rc == 0 && runs.count > 0) {
		int64_t run = runs.list[--runs.count];

		rc = read_facts(repo, run, &facts, err);
		if (rc < 0 || facts.probe || strcmp(facts.commit, own.commit) != 0)
			continue;
		rc = victim_observe(v, repo, run, &observed, err);
		if (rc == 0 && observed.ended)
			rc = fn(context, &observed, err);
	}
	free(observed.members);
	return rc;
}
