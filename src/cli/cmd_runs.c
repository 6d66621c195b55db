/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"
#include "table.h"

#include <string.h>

static const enum arg args[] = {
    ARG_STATE, ARG_SINCE, ARG_UNTIL, ARG_META, ARG_LIMIT, ARG_BEFORE, ARG_JSON, ARG_NONE};

#define LIMIT 20

struct runs {
	struct cli *cli;
	struct repo *repo;
	struct answer answer;
	struct table table;
	bool json;
	int64_t limit; /* 0: none */
	int64_t shown, last;
	bool more;
};

static void
add_cells(struct runs *r, const struct repo_run *run, const struct ask_origin *origin)
{
	struct table *t = &r->table;
	struct buf time;

	table_printf(t, "%lld", (long long)run->id);
	table_printf(t, "%s%s", shape_outcome(run), run->partial ? " (partial)" : "");
	buf_init(&time, 64);
	ask_time(&time, run->start);
	table_cell(t, buf_get(&time));
	buf_release(&time);
	if (run->start == TIME_NONE)
		table_printf(t, "-");
	else
		table_printf(t, "%.3f", (double)(run->stop - run->start) / 1e9);
	table_printf(t, "%lld", (long long)run->counts.tests);
	table_printf(t, "%lld", (long long)run->counts.failures);
	table_printf(t, "%lld", (long long)run->counts.skips);
	table_cell(t, origin->commit[0] ? slice_str(origin->commit) : SLICE_LIT("-"));
	table_cell(t, origin->command.len ? buf_get(&origin->command) : SLICE_LIT("-"));
}

/* One more than the limit is asked for, to know whether there is more. */
static int
take_run(void *context, const struct repo_run *run, struct err *err)
{
	struct runs *r = context;
	struct ask_origin origin;
	int rc;

	if (r->limit && r->shown == r->limit) {
		r->more = true;
		return 0;
	}
	r->shown++;
	r->last = run->id;
	if (r->json) {
		json_t *object = shape_run(r->repo, run, err);

		if (object)
			answer_item(&r->answer, object);
		return object ? 0 : -1;
	}
	ask_origin_init(&origin);
	rc = ask_origin_read(&origin, r->repo, run->id, err);
	if (rc == 0)
		add_cells(r, run, &origin);
	ask_origin_release(&origin);
	return rc;
}

static int
read_state(struct cli *cli, const char *text, unsigned *out)
{
	static const char *const names[] = {
	    [REPO_RUNNING] = "running", [REPO_FINISHED] = "finished", [REPO_INTERRUPTED] = "interrupted"};

	for (unsigned i = 0; i < 3; i++)
		if (strcmp(text, names[i]) == 0) {
			*out = 1u << i;
			return 0;
		}
	return err_set(&cli->err, ERR_USAGE,
	    "option --state: invalid choice: '%s' (choose from 'running', 'finished', 'interrupted')", text);
}

static int
read_query(struct runs *r, struct repo_query *q)
{
	const struct args *a = &r->cli->args;

	*q = (struct repo_query){.since = TIME_NONE, .until = TIME_NONE, .newest_first = true};
	r->limit = a->set[ARG_LIMIT] ? a->number[ARG_LIMIT] : LIMIT;
	if (r->limit < 0)
		return err_set(
		    &r->cli->err, ERR_USAGE, "option --limit: %lld is negative", (long long)r->limit);
	if (a->meta_count > 1)
		return err_set(&r->cli->err, ERR_USAGE, "option --meta: only one is possible here");
	if (a->meta_count) {
		struct slice text = slice_str(a->meta[0]);
		size_t equals = slice_find(text, '=');

		q->meta_key = slice_head(text, equals);
		if (equals < text.len)
			q->meta_value = slice_from(text, equals + 1);
	}
	if ((a->set[ARG_STATE] && read_state(r->cli, a->text[ARG_STATE], &q->states) < 0) ||
	    (a->set[ARG_SINCE] && cli_time(r->cli, "--since", a->text[ARG_SINCE], &q->since) < 0) ||
	    (a->set[ARG_UNTIL] && cli_time(r->cli, "--until", a->text[ARG_UNTIL], &q->until) < 0) ||
	    (a->set[ARG_BEFORE] && cli_run_id(r->cli, r->repo, a->text[ARG_BEFORE], &q->before) < 0))
		return -1;
	q->limit = r->limit ? r->limit + 1 : 0;
	return 0;
}

static int
answer(struct runs *r, const struct repo_query *q)
{
	struct answer *a = &r->answer;

	answer_begin(a, &r->cli->ui, "runs");
	answer_list(a, "runs");
	if (repo_runs_where(r->repo, q, take_run, r, &r->cli->err) < 0)
		return -1;
	answer_list_end(a);
	answer_set(a, "before", r->more ? json_integer(r->last) : json_null());
	return answer_end(a, &r->cli->err);
}

static int
print(struct runs *r, const struct repo_query *q)
{
	static const char *const heads[] = {
	    "run", "outcome", "start", "seconds", "tests", "failed", "skipped", "commit", "command"};
	int rc;

	table_init(&r->table, sizeof(heads) / sizeof(heads[0]));
	for (size_t i = 0; i < r->table.columns; i++)
		table_cell(&r->table, slice_str(heads[i]));
	rc = repo_runs_where(r->repo, q, take_run, r, &r->cli->err);
	if (rc == 0 && r->shown)
		rc = table_print(&r->table, &r->cli->ui, &r->cli->err);
	table_release(&r->table);
	if (rc == 0 && r->more && !r->cli->ui.quiet)
		ui_warn(&r->cli->ui, "note: there are more; go on with --before=%lld, or --limit=0 for all",
		    (long long)r->last);
	return rc;
}

static int
run_runs(struct cli *cli)
{
	struct runs r = {.cli = cli, .json = cli->args.set[ARG_JSON]};
	struct repo_query query;
	int rc = -1;

	if (cli_repository(cli, false, &r.repo) < 0)
		return -1;
	if (read_query(&r, &query) == 0) {
		/* No id is below 0, which means no bound to the repository. */
		bool nothing = cli->args.set[ARG_BEFORE] && query.before == 0;

		if (nothing)
			query.states = 1u << 31;
		rc = (r.json ? answer : print)(&r, &query);
	}
	repo_free(r.repo);
	return rc;
}

const struct command cmd_runs = {
    .name = "runs",
    .summary = "List the runs in a repository.",
    .about = "The newest is first. A run is listed when all the options allow it; TIME is a\n"
	     "date, a date and time (2026-11-22T10:30, UTC unless it ends in a zone), or an age\n"
	     "like 90m, 12h, 3d or 2w. \"seconds\" is the time between the first and the last\n"
	     "event of a test.\n",
    .arguments = "",
    .args = args,
    .run = run_runs,
};
