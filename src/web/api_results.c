/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"

#include "choice.h"
#include "file.h"

#include <inttypes.h>
#include <stdlib.h>

/* What of the attachments of one result is given with it. */
#define DETAIL_SHOWN ((size_t)64 << 10)

struct page {
	struct reply *out;
	const struct repo_run *run;
	struct choice choice;
	int64_t limit, given, place;
	int attempt;
	bool more;
};

/* One more than the limit is asked for, to know whether there is more; of one profile, all. */
static int
add_row(void *context, const struct repo_row *row, struct err *err)
{
	struct page *p = context;

	if (p->more ||
	    (p->choice.chosen.len && !choice_has(&p->choice, choice_of_tags(&p->choice, row->tags))))
		return 0;
	if (p->given == p->limit || reply_full(p->out)) {
		p->more = true;
		return 0;
	}
	p->given++;
	p->place = row->place;
	p->attempt = row->attempt;
	return reply_item(p->out, call_row_json(&p->choice, row, shape_verdict(row->status, p->run)), err);
}

/* The statuses as docs/json.md has them, and two sets of them. */
static const char status_words[] = "success uxsuccess skip fail xfail unfinished failures passes";

static unsigned
status_set(unsigned words, const struct repo_run *run)
{
	static const unsigned sets[] = {1u << STATUS_SUCCESS, 1u << STATUS_UXSUCCESS, 1u << STATUS_SKIP,
	    1u << STATUS_FAIL, 1u << STATUS_XFAIL, 1u << STATUS_INPROGRESS | 1u << STATUS_NONE};
	unsigned set = 0;

	for (unsigned i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		if (words & 1u << i)
			set |= sets[i];
	for (unsigned s = STATUS_NONE; s <= STATUS_XFAIL; s++) {
		enum verdict v = shape_verdict((enum status)s, run);

		if ((words & 1u << 6 && v == VERDICT_FAIL) || (words & 1u << 7 && v == VERDICT_PASS))
			set |= 1u << s;
	}
	return set;
}

static int
give_page(struct call *call, struct page *page, struct repo_rows_query *query, struct err *err)
{
	char next[48];

	query->text = request_param(call->request, "q");
	query->limit = page->choice.chosen.len ? 0 : page->limit + 1;
	reply_list(page->out, "results");
	if (repo_rows_where(call->repo, page->run->id, query, add_row, page, err) < 0)
		return -1;
	snprintf(next, sizeof(next), "%" PRId64 ".%d", page->place, page->attempt);
	return reply_list_end(page->out, call->request, page->more ? next : NULL, err);
}

int
api_results(struct call *call, struct reply *out, struct err *err)
{
	struct repo_rows_query query = {.worker = -1};
	struct repo_run run;
	struct page page = {.out = out, .run = &run};
	unsigned words = 0;
	int order = REPO_ROWS_SEEN, rc = call_run(call, out, 0, &run, err);

	if (rc)
		return rc;
	if (call_words(call, out, "status", status_words, &words) ||
	    call_number(call, out, "worker", &query.worker) ||
	    call_word(call, out, "sort", "seen test -duration start", &order) ||
	    call_limit(call, out, &page.limit) || call_rows_cursor(call, out, &query))
		return 0;
	query.order = (enum repo_rows_order)order;
	query.statuses = status_set(words, &run);
	rc = call_choice(call, out, &page.choice, err);
	if (rc == 0)
		rc = give_page(call, &page, &query, err);
	choice_release(&page.choice);
	return rc;
}

static int
set_details(void *context, const struct result *r, struct err *err)
{
	return json_object_set_new(context, "details", shape_details(r)) ? err_nomem(err) : 0;
}

struct attempts {
	struct call *call;
	struct reply *out;
	const struct repo_run *run;
	int64_t count;
	struct choice choice; /* all */
};

static int
add_attempt(void *context, const struct repo_row *row, struct err *err)
{
	struct attempts *a = context;
	json_t *object = call_row_json(&a->choice, row, shape_verdict(row->status, a->run));
	int rc = object ? json_object_set_new(object, "details", json_array()) : -1;

	a->count++;
	if (rc)
		rc = err_nomem(err);
	else
		rc = repo_row_result(a->call->repo, row, DETAIL_SHOWN, set_details, object, err);
	if (rc == 0)
		return reply_item(a->out, object, err);
	json_decref(object);
	return -1;
}

/* Runs fn over the results of the test in the run that the path names. 0; 1 when the reply is a problem; -1. */
static int
walk_attempts(struct call *call, struct reply *out, struct repo_run *run, repo_row_fn fn, void *context,
    struct err *err)
{
	struct repo_rows_query query = {.worker = -1};
	char *id = NULL;
	int rc = call_run(call, out, 0, run, err);

	if (rc == 0)
		rc = call_test(call, out, 1, &id, err);
	if (rc == 0) {
		query.test = slice_str(id);
		rc = repo_rows_where(call->repo, run->id, &query, fn, context, err);
	}
	free(id);
	return rc;
}

int
api_attempts(struct call *call, struct reply *out, struct err *err)
{
	struct repo_run run;
	struct attempts a = {.call = call, .out = out, .run = &run};
	int rc;

	choice_init(&a.choice, call->repo);
	reply_list(out, "attempts");
	rc = walk_attempts(call, out, &run, add_attempt, &a, err);
	choice_release(&a.choice);
	if (rc)
		return rc;
	return a.count ? reply_list_end(out, call->request, NULL, err) : call_no_test(out);
}

/* An attachment on its way into a file. */
struct copy {
	struct call *call;
	int64_t attempt;
	int fd;
	uint64_t size;
	bool found;
	char type[128];
};

static int
copy_piece(void *context, struct slice text, struct err *err)
{
	struct copy *c = context;

	c->size += text.len;
	return file_write(c->fd, text, NULL) ? err_sys(err, "cannot write a temporary file") : 0;
}

static int
look_for(void *context, const struct result *r, struct err *err)
{
	struct copy *c = context;

	(void)err;
	for (size_t i = 0; i < r->detail_count; i++)
		if (slice_eq(r->details[i].name, c->call->match->parts[3]))
			c->found = true;
	return 0;
}

static int
copy_attachment(void *context, const struct repo_row *row, struct err *err)
{
	struct copy *c = context;

	if (row->attempt != c->attempt)
		return 0;
	if (repo_row_result(c->call->repo, row, 0, look_for, c, err) < 0)
		return -1;
	if (!c->found)
		return 0;
	c->fd = file_scratch(row->end - row->offset < REPLY_MAX, err);
	return c->fd < 0 ? -1
			 : repo_row_detail(c->call->repo, row, c->call->match->parts[3], copy_piece, c, err);
}

int
api_attachment(struct call *call, struct reply *out, struct err *err)
{
	struct copy c = {.call = call, .fd = -1};
	struct repo_run run;
	int rc;

	if (!slice_int(call->match->parts[2], &c.attempt))
		c.attempt = 0;
	rc = walk_attempts(call, out, &run, copy_attachment, &c, err);
	out->fd = c.fd;
	if (rc)
		return rc;
	if (!c.found)
		return reply_problem(out, 404, "no-such-attachment",
		    "that attempt has no attachment of that name; \"attempts\" lists them");
	out->size = c.size;
	out->type = "application/octet-stream";
	out->hostile = true;
	out->immutable = run.state != REPO_RUNNING;
	reply_header(out, "Content-Disposition", "attachment");
	return 0;
}
