/* SPDX-License-Identifier: Apache-2.0 */
#include "searches.h"

#include "finding.h"

#include <stdlib.h>
#include <string.h>

struct reading {
	struct searches *s;
	struct repo *repo;
	struct strtab names;
	size_t cap;
	/* Of the probe that is read: */
	const struct repo_run *run;
	struct search_facts facts;
	char *name, *test, *profile;
};

static int
keep(char **out, struct slice value, struct err *err)
{
	free(*out);
	*out = slice_dup(value);
	return *out ? 0 : err_nomem(err);
}

static double
number(struct slice value)
{
	char text[32] = "";

	if (value.len < sizeof(text))
		memcpy(text, value.data, value.len);
	return strtod(text, NULL);
}

static int
take_fact(void *context, struct slice key, struct slice value, struct err *err)
{
	struct reading *r = context;
	struct search_facts *f = &r->facts;

	if (slice_eq(key, SLICE_LIT(VICTIM_SEARCH)))
		return keep(&r->name, value, err);
	if (slice_eq(key, SLICE_LIT(VICTIM_TEST)))
		return keep(&r->test, value, err);
	if (slice_eq(key, SLICE_LIT(VICTIM_PROFILE)))
		return keep(&r->profile, value, err);
	if (slice_eq(key, SLICE_LIT(VICTIM_RUN)))
		slice_int(value, &f->run);
	else if (slice_eq(key, SLICE_LIT(VICTIM_CONFIDENCE)))
		f->confidence = number(value);
	else if (slice_eq(key, SLICE_LIT(VICTIM_SECONDS)))
		f->seconds = number(value);
	else if (slice_eq(key, SLICE_LIT(VICTIM_LOAD)))
		f->load = true;
	return 0;
}

/* The search of that name, which is new or not; NULL when out of memory. */
static struct search_facts *
find(struct reading *r)
{
	struct searches *s = r->s;
	bool added;
	size_t at = strtab_add(&r->names, slice_str(r->name), &added);

	if (at == STRTAB_NONE)
		return NULL;
	if (!added)
		return &s->list[at];
	if (s->count == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 16;
		struct search_facts *more = reallocarray(s->list, cap, sizeof(*more));

		if (!more)
			return NULL;
		s->list = more;
		r->cap = cap;
	}
	s->list[s->count] = (struct search_facts){.name = r->name,
	    .test = r->test,
	    .profile = r->profile,
	    .run = r->facts.run,
	    .last = r->run->id,
	    .start = TIME_NONE,
	    .stop = TIME_NONE,
	    .confidence = r->facts.confidence};
	r->name = r->test = r->profile = NULL;
	return &s->list[s->count++];
}

/* The newest probe came first. */
static int
take_probe(void *context, const struct repo_run *run, struct err *err)
{
	struct reading *r = context;
	struct search_facts *f;

	r->run = run;
	r->facts = (struct search_facts){.run = -1, .confidence = FINDING_CONFIDENCE};
	if (repo_meta(r->repo, run->id, take_fact, r, err) < 0)
		return -1;
	/* Metadata is anybody's. */
	if (!r->name || !r->test || r->facts.run < 0 || !(r->facts.confidence > 0 && r->facts.confidence < 1))
		goto out;
	f = find(r);
	if (!f)
		return err_nomem(err);
	f->first = run->id;
	f->load |= r->facts.load;
	if (run->start != TIME_NONE && (f->start == TIME_NONE || run->start < f->start))
		f->start = run->start;
	if (run->stop != TIME_NONE && (f->stop == TIME_NONE || run->stop > f->stop))
		f->stop = run->stop;
	if (run->state == REPO_FINISHED) {
		f->probes++;
		f->failures += run->exit_status > 0;
		f->seconds += r->facts.seconds;
	}
out:
	free(r->name);
	free(r->test);
	free(r->profile);
	r->name = r->test = r->profile = NULL;
	return 0;
}

int
searches_read(struct searches *s, struct repo *repo, const char *key, struct slice value, struct err *err)
{
	struct repo_query query = {.since = TIME_NONE,
	    .until = TIME_NONE,
	    .meta_key = slice_str(key),
	    .meta_value = value,
	    .newest_first = true};
	struct reading r = {.s = s, .repo = repo};
	int rc;

	*s = (struct searches){0};
	rc = repo_runs_where(repo, &query, take_probe, &r, err);
	strtab_release(&r.names);
	free(r.name);
	free(r.test);
	free(r.profile);
	return rc;
}

void
searches_release(struct searches *s)
{
	for (size_t i = 0; i < s->count; i++) {
		free(s->list[i].name);
		free(s->list[i].test);
		free(s->list[i].profile);
	}
	free(s->list);
	*s = (struct searches){0};
}
