/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"
#include "show.h"

static const enum arg args[] = {ARG_SUBUNIT, ARG_LIST, ARG_JSON, ARG_NONE};

/* A repository without any run has no failures to list, but nothing to say of them either. */
static int
check_latest(struct cli *cli, struct repo *repo, int64_t *latest)
{
	if (repo_latest(repo, latest, &cli->err) < 0)
		return -1;
	if (*latest < 0 && !cli->args.set[ARG_LIST] && !cli->args.set[ARG_SUBUNIT] &&
	    !cli->args.set[ARG_JSON])
		return err_set(&cli->err, ERR_FAILED, "'No tests in repository'");
	return 0;
}

struct failing {
	struct cli *cli;
	struct repo *repo;
	struct answer answer;
	size_t count;
};

static int
answer_result(void *context, const struct result *r, struct err *err)
{
	struct failing *f = context;
	struct repo_row row = {.run = -1,
	    .test = r->id,
	    .status = r->status,
	    .start = r->start,
	    .duration = result_duration(r),
	    .worker = result_worker(r)};
	json_t *object;
	struct buf tags;

	f->count += !event_quarantined(r->tags, r->tag_count);
	buf_init(&tags, SIZE_MAX / 4);
	result_other_tags(&tags, r);
	row.tags = buf_get(&tags);
	object = tags.failed ? NULL : shape_row(&row, VERDICT_FAIL);
	buf_release(&tags);
	if (!object || json_object_set_new(object, "details", shape_details(r))) {
		json_decref(object);
		return err_nomem(err);
	}
	answer_item(&f->answer, object);
	return 0;
}

static int
answer(struct cli *cli, struct repo *repo)
{
	struct failing f = {.cli = cli, .repo = repo};

	answer_begin(&f.answer, &cli->ui, "failing");
	answer_list(&f.answer, "results");
	if (repo_failing(repo, ASK_DETAIL_MAX, answer_result, &f, &cli->err) < 0)
		return -1;
	answer_list_end(&f.answer);
	return answer_end(&f.answer, &cli->err) < 0 ? -1 : f.count > 0;
}

static int
run_failing(struct cli *cli)
{
	struct repo *repo;
	struct show show;
	int64_t latest;
	int rc = -1;

	if (cli_repository(cli, false, &repo) < 0)
		return -1;
	show_init(&show, cli);
	show.all_fail = true;
	if (check_latest(cli, repo, &latest) < 0)
		goto out;
	if (cli->args.set[ARG_JSON] && !show.subunit) {
		rc = answer(cli, repo);
		goto out;
	}
	if (repo_failing(repo, show.list ? 0 : CLI_DETAIL_MAX, show_result, &show, &cli->err) < 0)
		goto out;
	if (!show.list && !show.subunit) {
		struct ui_summary summary = {.id = latest,
		    .counts = show.counts,
		    .quarantined = show.quarantined,
		    .elapsed = show_elapsed(&show)};

		ui_summary(&cli->ui, &summary);
	}
	rc = show.counts.failures > 0;
out:
	show_release(&show);
	repo_free(repo);
	return rc;
}

const struct command cmd_failing = {
    .name = "failing",
    .summary = "Show the current failures known by the repository.",
    .about = "These are all tests whose last result, in whichever run that was, is a\n"
	     "failure. A test that is gone from the suite is forgotten by the next run of\n"
	     "the whole suite.\n"
	     "\n"
	     "The exit status is 1 when there are any that are not in quarantine.\n",
    .arguments = "",
    .args = args,
    .run = run_failing,
};
