/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"
#include "finding.h"
#include "searches.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Probes that are told of, and candidates. */
#define EVIDENCE_MAX 5000
#define SUSPECTS_MAX 20
#define TEXT_MAX ((size_t)16 << 20)

static json_t *
facts_json(const struct search_facts *f)
{
	return json_pack("{so, so, sI, sI, sI, so, so, sf, sb, sI, sI, sf}", "search",
	    shape_text(slice_str(f->name)), "victim", shape_text(slice_str(f->test)), "run",
	    (json_int_t)f->run, "first", (json_int_t)f->first, "last", (json_int_t)f->last, "start",
	    shape_time(f->start), "stop", shape_time(f->stop), "asked", f->confidence, "load", f->load,
	    "probes", (json_int_t)f->probes, "failures", (json_int_t)f->failures, "seconds", f->seconds);
}

int
api_searches(struct call *call, struct reply *out, struct err *err)
{
	struct slice test = request_param(call->request, "test");
	struct searches all;
	int64_t limit, before = 0, given = 0;
	char next[24];
	bool more = false;
	int rc;

	if (call_limit(call, out, &limit) || call_number(call, out, "cursor", &before))
		return 0;
	rc = searches_read(&all, call->repo, test.data ? VICTIM_TEST : VICTIM_SEARCH, test, err);
	reply_list(out, "searches");
	/* A search that goes on moves to the front; none is told of twice. */
	for (size_t i = 0; rc == 0 && i < all.count && !more; i++) {
		if (before && all.list[i].last >= before)
			continue;
		more = given == limit || reply_full(out);
		if (more)
			break;
		rc = reply_item(out, facts_json(&all.list[i]), err);
		snprintf(next, sizeof(next), "%" PRId64, all.list[i].last);
		given++;
	}
	searches_release(&all);
	return rc ? rc : reply_list_end(out, call->request, more ? next : NULL, err);
}

/* ---- one of them ---- */

/* A probe, and which candidates it had: a bit each. */
struct probe {
	struct observed seen; /* its members are not kept */
	int64_t run;
	bool load, broken_off;
	double seconds;
	uint8_t *had;
};

struct evidence_list {
	struct finding finding;
	struct victim victim;
	struct probe *probes;
	size_t count;
};

static int
take_probe(void *context, const struct finding_probe *p, struct err *err)
{
	struct evidence_list *e = context;
	struct probe *probe = &e->probes[e->count];

	if (e->count == EVIDENCE_MAX)
		return 0;
	*probe = (struct probe){p->seen, p->run->id, p->load, p->broken_off, p->seconds,
	    calloc(1, finding_candidates(&e->finding) / 8 + 1)};
	if (!probe->had)
		return err_nomem(err);
	for (size_t i = 0; i < p->seen.count; i++)
		probe->had[p->seen.members[i] / 8] |= (uint8_t)(1u << p->seen.members[i] % 8);
	e->count++;
	return 0;
}

/* It had everything that the verdict, or what is likeliest, names. */
static bool
had_all(const struct bisect_verdict *v, const struct probe *p)
{
	for (size_t i = 0; i < v->count; i++)
		if (!(p->had[v->culprits[i] / 8] & 1u << v->culprits[i] % 8))
			return false;
	return true;
}

static json_t *
evidence_json(const struct evidence_list *e)
{
	json_t *list = json_array();

	for (size_t i = 0; i < e->count; i++) {
		const struct probe *p = &e->probes[i];
		const char *end = p->seen.ended   ? p->seen.failed ? "failed" : "passed"
				  : p->broken_off ? "broken off"
						  : "no result";

		if (json_array_append_new(
			list, json_pack("{sI, ss, sI, sb, sb, sf}", "run", (json_int_t)p->run, "outcome", end,
				  "tests", (json_int_t)(p->seen.count - (p->load && e->finding.load)), "load",
				  p->load, "with", had_all(&e->finding.verdict, p), "seconds", p->seconds))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *
suspects_json(const struct finding *f)
{
	struct bisect_suspect suspects[SUSPECTS_MAX];
	size_t count = bisect_suspects(f->engine, suspects, SUSPECTS_MAX);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		const struct bisect_suspect *s = &suspects[i];
		bool load = s->candidate >= f->victim->before.len;

		if (json_array_append_new(
			list, json_pack("{so, sI, sf}", "test",
				  load ? json_null() : shape_text(finding_candidate(f, s->candidate)),
				  "number", (json_int_t)s->number, "weight", s->weight))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *
said_json(const struct finding *f, void (*say)(const struct finding *, struct buf *))
{
	struct buf text;
	json_t *said;

	buf_init(&text, TEXT_MAX);
	say(f, &text);
	said = text.failed ? NULL : shape_text(buf_get(&text));
	buf_release(&text);
	return said;
}

/* The facts, what `testr bisect --json` says, and what that rests on. */
static json_t *
search_json(const struct search_facts *facts, const struct evidence_list *e)
{
	const struct finding *f = &e->finding;
	json_t *object = facts_json(facts), *found = finding_json(f, &(struct finding_call){0});
	json_t *more = json_pack("{so, so, sI, so, so}", "sentence", said_json(f, finding_sentence), "remark",
	    said_json(f, finding_remark), "candidates", (json_int_t)f->victim->before.len, "suspects",
	    suspects_json(f), "evidence", evidence_json(e));

	if (json_object_update(object, found) || json_object_update(object, more)) {
		json_decref(object);
		object = NULL;
	}
	json_decref(found);
	json_decref(more);
	return object;
}

static int
give(struct call *call, struct reply *out, const struct search_facts *facts, struct err *err)
{
	struct evidence_list e = {.finding = {.confidence = facts->confidence, .load = facts->load}};
	int rc;

	e.finding.victim = &e.victim;
	e.probes = calloc(EVIDENCE_MAX, sizeof(*e.probes));
	rc = e.probes ? victim_find(
			    &e.victim, call->repo, facts->test, facts->profile, facts->run, facts->first, err)
		      : err_nomem(err);
	if (rc == 0)
		rc = finding_begin(&e.finding, call->repo, err);
	if (rc == 0)
		rc = finding_resume(&e.finding, call->repo, slice_str(facts->name), take_probe, &e, err);
	if (rc == 0)
		rc = finding_judge(&e.finding, err);
	if (rc == 0)
		rc = reply_json(out, search_json(facts, &e), err);
	else if (err->kind == ERR_NO_TESTS)
		rc = reply_problem(out, 404, "no-such-test", "%s", err->text);
	finding_release(&e.finding);
	victim_release(&e.victim);
	for (size_t i = 0; i < e.count; i++)
		free(e.probes[i].had);
	free(e.probes);
	return rc;
}

int
api_search(struct call *call, struct reply *out, struct err *err)
{
	struct searches found;
	struct repo_run run;
	int rc = searches_read(&found, call->repo, VICTIM_SEARCH, call->match->parts[0], err);

	if (rc == 0 && !found.count)
		rc = reply_problem(out, 404, "no-such-search",
		    "there is no search of that name; /api/v1/searches lists them");
	else if (rc == 0)
		rc = repo_run_find(call->repo, found.list[0].run, &run, err);
	if (rc > 0)
		rc = give(call, out, &found.list[0], err);
	else if (rc == 0 && found.count)
		rc = reply_problem(out, 404, "no-such-run",
		    "run %" PRId64
		    ", in which the test failed, is not stored any more, so what its search has found cannot be told",
		    found.list[0].run);
	searches_release(&found);
	return rc;
}
