/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"
#include "choosing.h"
#include "show.h"

static const enum arg args[] = {ARG_SUBUNIT, ARG_LIST, ARG_JSON, ARG_PROFILE, ARG_NONE};

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
	struct choice choice;
	struct show show;
	struct lists tests; /* that fail, where there are profiles */
	struct answer *answer;
};

static int
answer_result(struct failing *f, const struct result *r, struct slice profile, struct err *err)
{
	struct repo_row row = {.run = -1,
	    .test = r->id,
	    .status = r->status,
	    .start = r->start,
	    .duration = result_duration(r),
	    .worker = result_worker(r)};
	json_t *object;
	struct buf tags;

	buf_init(&tags, SIZE_MAX / 4);
	result_other_tags(&tags, r);
	row.tags = buf_get(&tags);
	object = tags.failed ? NULL : shape_row(&row, VERDICT_FAIL);
	buf_release(&tags);
	if (!object || json_object_set_new(object, "details", shape_details(r)) ||
	    (f->choice.profiled && json_object_set_new(object, "profile", shape_profile(profile)))) {
		json_decref(object);
		return err_nomem(err);
	}
	answer_item(f->answer, object);
	return 0;
}

static int
take_result(void *context, const struct result *r, struct err *err)
{
	struct failing *f = context;
	struct slice profile = choice_profile(&f->choice, r);

	if (!choice_has(&f->choice, profile))
		return 0;
	/* Of a flat list it is not known before its end whether it can be one. */
	if ((f->choice.profiled || f->show.list) && lists_add_one(&f->tests, profile, r->id, err) < 0)
		return -1;
	if (f->answer) {
		f->show.counts.failures += !event_quarantined(r->tags, r->tag_count);
		return answer_result(f, r, profile, err);
	}
	if (f->show.list) {
		f->show.counts.failures += !event_quarantined(r->tags, r->tag_count);
		return 0;
	}
	return show_result(&f->show, r, err);
}

static int
take_id(void *context, const struct result *r, struct err *err)
{
	struct failing *f = context;
	struct slice profile = choice_profile(&f->choice, r);

	f->show.counts.failures +=
	    choice_has(&f->choice, profile) && !event_quarantined(r->tags, r->tag_count);
	return choice_has(&f->choice, profile) ? lists_add_one(&f->tests, profile, r->id, err) : 0;
}

static int
add_known(void *context, const struct repo_profile *p, struct err *err)
{
	return strtab_add(context, p->tags, NULL) == STRTAB_NONE ? err_nomem(err) : 0;
}

/* The tests of all profiles that are known can stand in one list where these are a single one. */
static int
print_list(struct failing *f)
{
	struct strtab known = {0};
	int rc = 0;

	if (f->choice.profiled && !f->choice.chosen.len)
		rc = repo_profiles(f->repo, add_known, &known, &f->cli->err);
	for (size_t i = 0; rc == 0 && i < known.len; i++)
		rc = lists_add(&f->tests, strtab_get(&known, i), &(struct strtab){0}, &f->cli->err);
	strtab_release(&known);
	return rc < 0 ? -1 : lists_print(&f->tests, f->cli);
}

static int
show_all(struct failing *f, int64_t latest)
{
	struct ui_summary summary = {.id = latest,
	    .counts = f->show.counts,
	    .quarantined = f->show.quarantined,
	    .elapsed = show_elapsed(&f->show)};
	struct strtab known = {0};

	if (repo_profiles(f->repo, add_known, &known, &f->cli->err) < 0)
		return -1;
	choosing_show(&f->choice, f->cli, &f->tests, &known);
	strtab_release(&known);
	ui_summary(&f->cli->ui, &summary);
	return 0;
}

/* With --list the ids alone, else all that is known. */
static int
answer(struct failing *f)
{
	bool list = f->show.list && f->choice.profiled;
	struct answer a;

	answer_begin(&a, &f->cli->ui, "failing");
	if (!list)
		answer_list(&a, "results");
	f->answer = &a;
	if (repo_failing(f->repo, ASK_DETAIL_MAX, list ? take_id : take_result, f, &f->cli->err) < 0)
		return -1;
	if (!list)
		answer_list_end(&a);
	if (f->choice.profiled)
		lists_answer(&f->tests, &a);
	return answer_end(&a, &f->cli->err);
}

static int
ask(struct failing *f)
{
	int64_t latest;
	int rc;

	if (check_latest(f->cli, f->repo, &latest) < 0)
		return -1;
	if (f->cli->args.set[ARG_JSON] && !f->show.subunit)
		rc = answer(f);
	else
		rc = repo_failing(f->repo, f->show.list ? 0 : CLI_DETAIL_MAX, take_result, f, &f->cli->err);
	if (rc == 0 && !f->answer && f->show.list)
		rc = print_list(f);
	else if (rc == 0 && !f->answer && !f->show.subunit)
		rc = show_all(f, latest);
	return rc < 0 ? -1 : f->show.counts.failures > 0;
}

static int
run_failing(struct cli *cli)
{
	struct failing f = {.cli = cli};
	int rc;

	if (cli_repository(cli, false, &f.repo) < 0)
		return -1;
	show_init(&f.show, cli);
	f.show.all_fail = true;
	rc = choosing_init(&f.choice, cli, f.repo) < 0 ? -1 : ask(&f);
	choice_release(&f.choice);
	lists_release(&f.tests);
	show_release(&f.show);
	repo_free(f.repo);
	return rc;
}

const struct command cmd_failing = {
    .name = "failing",
    .summary = "Show the current failures known by the repository.",
    .about = "These are all tests whose last result, in whichever run that was, is a\n"
	     "failure. A test that is gone from the suite is forgotten by the next run of\n"
	     "the whole suite. With profiles each has failing tests of its own, and what\n"
	     "fails where is shown at the end; --list is for one profile.\n"
	     "\n"
	     "The exit status is 1 when there are any that are not in quarantine.\n",
    .arguments = "",
    .args = args,
    .run = run_failing,
};
