/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"
#include "choice.h"

#include <inttypes.h>
#include <stdlib.h>

struct page {
	struct reply *out;
	int64_t limit, given;
	char *last;
	bool more;
};

static json_t *
test_json(struct slice id)
{
	char hash[24];

	snprintf(hash, sizeof(hash), "h:%016" PRIx64, call_test_hash(id));
	return json_pack("{so, ss}", "test", shape_text(id), "key", hash);
}

/* One more than the limit is asked for, to know whether there is more. */
static int
add_test(void *context, struct slice name, struct err *err)
{
	struct page *p = context;

	if (p->given == p->limit || reply_full(p->out)) {
		p->more = true;
		return 0;
	}
	p->given++;
	free(p->last);
	p->last = slice_dup(name);
	return p->last ? reply_item(p->out, test_json(name), err) : err_nomem(err);
}

int
api_tests(struct call *call, struct reply *out, struct err *err)
{
	struct repo_tests_query query = {.prefix = request_param(call->request, "prefix"),
	    .text = request_param(call->request, "q"),
	    .after = request_param(call->request, "cursor")};
	struct page p = {.out = out};
	int rc;

	if (call_limit(call, out, &p.limit))
		return 0;
	query.limit = p.limit + 1;
	reply_list(out, "tests");
	rc = repo_tests_where(call->repo, &query, add_test, &p, err);
	if (rc == 0)
		rc = reply_list_end(out, call->request, p.more ? p.last : NULL, err);
	free(p.last);
	return rc;
}

/* Of how many runs, the latest, a test is counted. */
#define RUNS_COUNTED 1000

struct facts {
	struct repo *repo;
	int64_t runs, attempts, passes, failures, last_run;
	json_t *latest;
};

static int
add_fact(void *context, const struct repo_row *row, struct err *err)
{
	struct facts *f = context;
	enum verdict v;

	if (shape_verdict_in(f->repo, row->run, row->status, &v, err) < 0)
		return -1;
	f->attempts++;
	f->runs += f->last_run != row->run;
	f->passes += v == VERDICT_PASS;
	f->failures += v == VERDICT_FAIL;
	/* The newest run comes first; its last attempt is what the test is now. */
	if (f->runs == 1) {
		json_decref(f->latest);
		f->latest = shape_row(row, v);
		if (!f->latest)
			return err_nomem(err);
	}
	f->last_run = row->run;
	return 0;
}

int
api_test(struct call *call, struct reply *out, struct err *err)
{
	struct facts f = {.repo = call->repo, .last_run = -1};
	json_t *object;
	char *id = NULL;
	int rc = call_test(call, out, 0, &id, err);

	if (rc == 0)
		rc = repo_history(call->repo, slice_str(id), RUNS_COUNTED, add_fact, &f, err);
	if (rc == 0 && f.attempts == 0)
		rc = call_no_test(out);
	if (rc == 0) {
		object = test_json(slice_str(id));
		if (json_object_update_new(
			object, json_pack("{sI, sI, sI, sI, sO}", "runs", (json_int_t)f.runs, "attempts",
				    (json_int_t)f.attempts, "passes", (json_int_t)f.passes, "failures",
				    (json_int_t)f.failures, "latest", f.latest))) {
			json_decref(object);
			object = NULL;
		}
		rc = reply_json(out, object, err);
	}
	json_decref(f.latest);
	free(id);
	return rc;
}

struct history {
	struct repo *repo;
	struct reply *out;
	struct choice choice;
	int64_t before, limit, runs, last;
	bool more;
};

/* A page has whole runs. */
static int
add_result(void *context, const struct repo_row *row, struct err *err)
{
	struct history *h = context;
	enum verdict v;

	if (h->more || (h->before && row->run >= h->before) ||
	    (h->choice.chosen.len && !choice_has(&h->choice, choice_of_tags(&h->choice, row->tags))))
		return 0;
	if (h->last != row->run) {
		if (h->runs == h->limit || reply_full(h->out)) {
			h->more = true;
			return 0;
		}
		h->runs++;
		h->last = row->run;
	}
	if (shape_verdict_in(h->repo, row->run, row->status, &v, err) < 0)
		return -1;
	return reply_item(h->out, call_row_json(&h->choice, row, v), err);
}

static int
give_history(struct history *h, const struct call *call, struct slice id, struct err *err)
{
	bool all = h->before || h->choice.chosen.len;
	char next[24];

	reply_list(h->out, "results");
	if (repo_history(call->repo, id, all ? 0 : h->limit + 1, add_result, h, err) < 0)
		return -1;
	if (h->runs == 0 && !all)
		return call_no_test(h->out);
	snprintf(next, sizeof(next), "%" PRId64, h->last);
	return reply_list_end(h->out, call->request, h->more ? next : NULL, err);
}

int
api_history(struct call *call, struct reply *out, struct err *err)
{
	struct history h = {.repo = call->repo, .out = out, .last = -1};
	char *id = NULL;
	int rc;

	if (call_limit(call, out, &h.limit) || call_number(call, out, "cursor", &h.before))
		return 0;
	rc = call_choice(call, out, &h.choice, err);
	if (rc == 0)
		rc = call_test(call, out, 0, &id, err);
	if (rc == 0)
		rc = give_history(&h, call, slice_str(id), err);
	choice_release(&h.choice);
	free(id);
	return rc;
}
