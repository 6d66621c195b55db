/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"
#include "follow.h"
#include "token.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

int
api_root(struct call *call, struct reply *out, struct err *err)
{
	return reply_json(out,
	    json_pack("{ss, s{sb, sb, sb}, s{ss, ss, ss, ss, ss, ss}}", "version", "1", "may", "write",
		(call->scopes & TOKEN_WRITE) != 0, "token", call->options->tokens != NULL, "quarantine",
		call->options->project != NULL, "links", "runs", "/api/v1/runs", "tests", "/api/v1/tests",
		"failing", "/api/v1/failing", "events", "/api/v1/events", "description", "/openapi.json",
		"metrics", "/metrics"),
	    err);
}

int
api_healthz(struct call *call, struct reply *out, struct err *err)
{
	int64_t runs;

	if (repo_run_count(call->repo, &runs, err) < 0)
		return -1;
	return reply_json(out, json_pack("{ss}", "status", "ok"), err);
}

/* A page of a list of runs. */
struct page {
	struct repo *repo;
	struct reply *out;
	int64_t limit, given, last;
	bool more;
};

/* One more than the limit is asked for, to know whether there is more. */
static int
add_run(void *context, const struct repo_run *run, struct err *err)
{
	struct page *p = context;

	if (p->given == p->limit || reply_full(p->out)) {
		p->more = true;
		return 0;
	}
	p->given++;
	p->last = run->id;
	return reply_item(p->out, shape_run(p->repo, run, err), err);
}

int
api_runs(struct call *call, struct reply *out, struct err *err)
{
	struct repo_query query = {.since = TIME_NONE, .until = TIME_NONE, .newest_first = true};
	struct page page = {.repo = call->repo, .out = out};
	char next[24];

	if (call_words(call, out, "state", "running finished interrupted", &query.states) ||
	    call_time(call, out, "since", &query.since) || call_time(call, out, "until", &query.until) ||
	    call_number(call, out, "cursor", &query.before) || call_limit(call, out, &page.limit) ||
	    call_meta(call, out, &query))
		return 0;
	query.limit = page.limit + 1;
	reply_list(out, "runs");
	if (repo_runs_where(call->repo, &query, add_run, &page, err) < 0)
		return -1;
	snprintf(next, sizeof(next), "%" PRId64, page.last);
	return reply_list_end(out, call->request, page.more ? next : NULL, err);
}

int
api_run(struct call *call, struct reply *out, struct err *err)
{
	struct repo_run run;
	int rc = call_run(call, out, 0, &run, err);

	return rc ? rc : reply_json(out, shape_run(call->repo, &run, err), err);
}

int
api_stream(struct call *call, struct reply *out, struct err *err)
{
	struct repo_run run;
	struct stat st;
	int rc = call_run(call, out, 0, &run, err);

	if (rc)
		return rc;
	out->fd = repo_stream_open(call->repo, run.id, 0, UINT64_MAX, err);
	if (out->fd < 0)
		return -1;
	if (fstat(out->fd, &st))
		return err_sys(err, "cannot look at the stream of run %" PRId64, run.id);
	out->size = (uint64_t)st.st_size;
	out->type = "application/vnd.subunit-v2";
	out->hostile = true;
	reply_header(out, "Content-Disposition", "attachment; filename=\"run-%" PRId64 ".subunit\"", run.id);
	return 0;
}

/* "5512", or "end", where nothing comes any more. 0; 1 when the reply is decided. */
static int
read_last_event(const struct call *call, struct reply *out, uint64_t *after)
{
	struct slice text = slice_str(call->last_event);
	int64_t place;

	*after = 0;
	if (text.len == 0)
		return 0;
	if (slice_eq(text, SLICE_LIT("end"))) {
		/* It stops the client from asking again. */
		out->status = 204;
		return 1;
	}
	if (!slice_int(text, &place) || place < 0) {
		reply_problem(out, 400, "bad-event-id", "Last-Event-ID is no id that this server has given");
		return 1;
	}
	*after = (uint64_t)place;
	return 0;
}

/* "12.10" of all runs. */
static int
read_last_run(const struct call *call, struct reply *out, int64_t *begun, int64_t *over)
{
	struct slice text = slice_str(call->last_event);
	size_t dot = slice_find(text, '.');

	*begun = *over = -1;
	if (text.len == 0 || (slice_int(slice_head(text, dot), begun) &&
				 slice_int(slice_from(text, dot + 1), over) && *begun >= 0 && *over >= 0))
		return 0;
	reply_problem(out, 400, "bad-event-id", "Last-Event-ID is no id that this server has given");
	return 1;
}

int
api_all_events(struct call *call, struct reply *out, struct err *err)
{
	int64_t begun, over;

	if (read_last_run(call, out, &begun, &over))
		return 0;
	out->follow = follow_new_runs(begun, over);
	if (!out->follow)
		return err_nomem(err);
	out->type = "text/event-stream";
	return 0;
}

int
api_events(struct call *call, struct reply *out, struct err *err)
{
	struct repo_run run;
	uint64_t after;
	int rc = call_run(call, out, 0, &run, err);

	if (rc == 0)
		rc = read_last_event(call, out, &after);
	if (rc)
		return rc;
	out->follow = follow_new(run.id, after);
	if (!out->follow)
		return err_nomem(err);
	out->type = "text/event-stream";
	return 0;
}
