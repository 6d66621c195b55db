/* SPDX-License-Identifier: Apache-2.0 */
#include "victim.h"

#include "fixture.h"
#include "shape.h"
#include "tagset.h"

#include <stdlib.h>
#include <string.h>

/* The runs of the past that are looked at, the latest ones that are no probes. */
#define HISTORY_MAX 100
/* What a test is taken to need whose time is not known. */
#define SECONDS_UNKNOWN 0.1

/* The result is one in the profile of that name; NULL stands for all. */
static bool
is_of(const struct repo *repo, const struct repo_row *row, const char *profile)
{
	struct buf set, name;
	bool is;

	if (!profile)
		return true;
	buf_init(&set, SIZE_MAX / 4);
	buf_init(&name, SIZE_MAX / 4);
	repo_profile_of(repo, row->tags, &set);
	tagset_name(buf_get(&set), &name);
	is = !set.failed && slice_eq(buf_get(&name), slice_str(profile));
	buf_release(&set);
	buf_release(&name);
	return is;
}

/* A result of the run that is read, at its place in the stream. */
struct place {
	size_t test; /* among `ids` */
	int64_t worker;
	uint64_t offset;
	double seconds;
};

/* The results of a run in the victim's profile, each test's first. */
struct reading {
	const struct repo *repo;
	const char *profile;
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
	bool added;

	/* What is in another profile, or a further attempt, is run by another process. */
	if (!is_of(r->repo, row, r->profile))
		return 0;
	if (slice_eq(row->test, r->victim)) {
		if (r->found)
			return 0;
		r->own = place;
		r->found = true;
		r->status = row->status;
		return 0;
	}
	place.test = strtab_add(&r->ids, row->test, &added);
	if (place.test == STRTAB_NONE)
		return err_nomem(err);
	if (!added)
		return 0;
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
read_run(struct reading *r, struct repo *repo, int64_t run, const struct victim *v, struct err *err)
{
	size_t kept = 0;

	*r = (struct reading){.repo = repo, .profile = v->profile, .victim = slice_str(v->id)};
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

/* A test's first results in the runs of the past, in a profile, the newest first. */
struct past {
	struct repo *repo;
	const char *profile;
	int64_t begun;
	struct past_run {
		int64_t run;
		enum status status;
	} runs[HISTORY_MAX];
	size_t count;
	int64_t looked_at; /* runs */
	int64_t last;      /* of these */
	bool taken;        /* it has a result in the profile */
};

static int
take_past(void *context, const struct repo_row *row, struct err *err)
{
	struct past *p = context;
	struct facts facts;

	if (!p->looked_at || p->last != row->run) {
		p->looked_at++;
		p->last = row->run;
		p->taken = false;
	}
	if (p->taken || p->count == HISTORY_MAX || (p->begun && row->run >= p->begun) ||
	    !is_of(p->repo, row, p->profile))
		return 0;
	p->taken = true;
	if (read_facts(p->repo, row->run, &facts, err) < 0)
		return -1;
	if (!facts.probe)
		p->runs[p->count++] = (struct past_run){row->run, row->status};
	return 0;
}

/* There may be any number of probes among the latest runs. */
static int
read_past(
    struct past *p, struct repo *repo, const char *test, const char *profile, int64_t begun, struct err *err)
{
	for (int64_t limit = HISTORY_MAX;; limit *= 8) {
		*p = (struct past){.repo = repo, .profile = profile, .begun = begun};
		if (repo_history(repo, slice_str(test), limit, take_past, p, err) < 0)
			return -1;
		if (p->count == HISTORY_MAX || p->looked_at < limit)
			return 0;
	}
}

int
victim_past(struct repo *repo, const char *test, const char *profile, int64_t begun, struct victim_past *out,
    struct err *err)
{
	struct victim_past found = {-1, -1, -1};
	struct past past;

	if (read_past(&past, repo, test, profile, begun, err) < 0)
		return -1;
	if (past.count)
		found.any = past.runs[0].run;
	for (size_t i = 0; i < past.count && (found.failed < 0 || found.passed < 0); i++) {
		enum verdict verdict;

		if (shape_verdict_in(repo, past.runs[i].run, past.runs[i].status, &verdict, err) < 0)
			return -1;
		if (verdict == VERDICT_FAIL && found.failed < 0)
			found.failed = past.runs[i].run;
		if (verdict == VERDICT_PASS && found.passed < 0)
			found.passed = past.runs[i].run;
	}
	*out = found;
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
		if (fixture_of(id, &fixture) || (apart && strtab_find(apart, id) != STRTAB_NONE))
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
	int rc = read_run(&failing, repo, v->run, v, err);

	if (rc == 0 && !failing.found)
		rc = err_set(err, ERR_NO_TESTS, "run %lld has no test '%.300s'%s%.100s", (long long)v->run,
		    v->id, v->profile ? " in profile " : "", v->profile ? v->profile : "");
	for (size_t i = 0; rc == 0 && i < failing.count; i++)
		if (strtab_add(&own, strtab_get(&failing.ids, failing.places[i].test), NULL) == STRTAB_NONE)
			rc = err_nomem(err);
	if (rc == 0 && passed >= 0 && passed != v->run) {
		rc = read_run(&passing, repo, passed, v, err);
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
victim_find(struct victim *v, struct repo *repo, const char *test, const char *profile, int64_t run,
    int64_t begun, struct err *err)
{
	struct victim_past past;

	*v = (struct victim){.id = strdup(test), .profile = profile, .run = run, .begun = begun};
	if (!v->id)
		return err_nomem(err);
	if (victim_past(repo, test, profile, begun, &past, err) < 0)
		return -1;
	return find_candidates(v, repo, past.passed, err);
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
	int rc = read_run(&r, repo, run, v, err);

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

int
victim_history(const struct victim *v, struct repo *repo, victim_fn fn, void *context, struct err *err)
{
	struct observed observed = {.members = calloc(v->before.len + 1, sizeof(size_t))};
	struct past past = {.count = 0};
	struct facts own, facts;
	int rc = observed.members ? 0 : err_nomem(err);

	if (rc == 0)
		rc = read_facts(repo, v->run, &own, err);
	if (rc == 0)
		rc = read_past(&past, repo, v->id, v->profile, v->begun, err);
	while (rc == 0 && past.count > 0) {
		int64_t run = past.runs[--past.count].run;

		rc = read_facts(repo, run, &facts, err);
		if (rc < 0 || strcmp(facts.commit, own.commit) != 0)
			continue;
		rc = victim_observe(v, repo, run, &observed, err);
		if (rc == 0 && observed.ended)
			rc = fn(context, &observed, err);
	}
	free(observed.members);
	return rc;
}
