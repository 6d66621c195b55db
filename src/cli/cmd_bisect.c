/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"
#include "bisection.h"
#include "clock.h"
#include "fixture.h"
#include "searches.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const enum arg args[] = {ARG_RUN, ARG_RESUME, ARG_CONFIDENCE, ARG_BUDGET, ARG_LOAD, ARG_PARALLEL,
    ARG_CONCURRENCY, ARG_PROFILE, ARG_TEST_TIMEOUT, ARG_JSON, ARG_NONE};

#define CONFIDENCE_LEAST 0.5
#define CONFIDENCE_MOST 0.9999
#define BUDGET (INT64_C(3600) * TIME_SECOND)
/* Failing tests that are named when there is more than one. */
#define NAMED 10
#define TEXT_MAX ((size_t)64 << 20)

struct bisecting {
	struct cli *cli;
	struct setup setup;
	struct repo *repo;
	const char *test; /* that was named, or NULL */
	struct victim victim;
	struct bisection search;
	char name[64];       /* of the search */
	const char *profile; /* that all of it is in; NULL where there are none */
};

static int
read_options(struct bisecting *b)
{
	struct args *a = &b->cli->args;

	if (a->positional_count && strcmp(a->positionals[0], "--") != 0) {
		b->test = *a->positionals++;
		a->positional_count--;
	}
	if (a->positional_count && strcmp(a->positionals[0], "--") != 0)
		return cli_unexpected(b->cli, a->positionals, a->positional_count);
	if (a->set[ARG_RESUME] && a->set[ARG_RUN])
		return err_set(&b->cli->err, ERR_USAGE,
		    "--resume goes on with the run that it began with; leave -r out");
	b->search.found.confidence = FINDING_CONFIDENCE;
	if (a->set[ARG_CONFIDENCE]) {
		char *end;
		double c = strtod(a->text[ARG_CONFIDENCE], &end);

		if (end == a->text[ARG_CONFIDENCE] || *end ||
		    !(c >= CONFIDENCE_LEAST && c <= CONFIDENCE_MOST))
			return err_set(&b->cli->err, ERR_USAGE,
			    "option --confidence: '%s' is not between %g and %g", a->text[ARG_CONFIDENCE],
			    CONFIDENCE_LEAST, CONFIDENCE_MOST);
		b->search.found.confidence = c;
	}
	b->search.budget = BUDGET;
	return a->set[ARG_BUDGET] ? cli_duration(b->cli, "--budget", a->text[ARG_BUDGET], &b->search.budget)
				  : 0;
}

/* " in profile ", and its name; nothing, and nothing, where there are none. */
static const char *
in_profile(const struct bisecting *b)
{
	return b->profile ? " in profile " : "";
}

static const char *
profile_name(const struct bisecting *b)
{
	return b->profile ? b->profile : "";
}

static bool
is_own(const struct bisecting *b, const struct search_facts *f)
{
	return b->profile && f->profile ? strcmp(b->profile, f->profile) == 0 : b->profile == f->profile;
}

/* The latest search that is stored, of the named test if one is named, in the profile. */
static int
find_search(struct bisecting *b)
{
	struct err *err = &b->cli->err;
	struct searches found;
	size_t at = 0;
	int rc = searches_read(&found, b->repo, b->test ? VICTIM_TEST : VICTIM_SEARCH,
	    b->test ? slice_str(b->test) : SLICE_NONE, err);

	while (at < found.count && !is_own(b, &found.list[at]))
		at++;
	if (rc == 0 && at == found.count) {
		rc = err_set(err, ERR_FAILED, "there is no search%s%.300s%s%.100s to go on with",
		    b->test ? " for " : "", b->test ? b->test : "", in_profile(b), profile_name(b));
	} else if (rc == 0) {
		const struct search_facts *f = &found.list[at];

		snprintf(b->name, sizeof(b->name), "%s", f->name);
		b->search.found.load = f->load;
		if (!b->cli->args.set[ARG_CONFIDENCE])
			b->search.found.confidence = f->confidence;
		rc = victim_find(&b->victim, b->repo, f->test, b->profile, f->run, f->first, err);
	}
	searches_release(&found);
	return rc;
}

/* The last run of a profile. */
struct last {
	struct slice profile;
	int64_t run;
};

static int
take_profile(void *context, const struct repo_profile *p, struct err *err)
{
	struct last *last = context;

	(void)err;
	if (slice_eq(p->tags, last->profile))
		last->run = p->run;
	return 0;
}

/* The latest run that is no probe, and has a result of the profile. */
static int
find_latest(struct bisecting *b, int64_t *out)
{
	struct last last = {setup_profile(&b->setup, 0), -1};

	if (b->profile ? repo_profiles(b->repo, take_profile, &last, &b->cli->err) < 0
		       : repo_latest(b->repo, &last.run, &b->cli->err) < 0)
		return -1;
	*out = last.run;
	return *out >= 0
		   ? 0
		   : err_set(&b->cli->err, ERR_FAILED,
			 "there is no run to look at yet: `testr run` makes one, `testr run --until-failure` makes some until one fails");
}

/* The tests that failed in a run. */
struct failed {
	const struct repo *repo;
	struct slice profile; /* absent: any */
	struct repo_run run;
	struct strtab ids;
};

static int
take_failed(void *context, const struct repo_row *row, struct err *err)
{
	struct failed *f = context;
	struct slice fixture;

	if (shape_verdict(row->status, &f->run) != VERDICT_FAIL ||
	    !repo_is_of(f->repo, row->tags, f->profile) || fixture_of(row->test, &fixture))
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
find_failed(struct bisecting *b, int64_t run)
{
	struct cli *cli = b->cli;
	struct failed f = {.repo = b->repo, .profile = setup_profile(&b->setup, 0), .run = {.id = -1}};
	char *id = NULL;
	int rc = -1;

	if (repo_run_get(b->repo, run, &f.run, &cli->err) < 0 ||
	    repo_rows(b->repo, run, take_failed, &f, &cli->err) < 0)
		goto out;
	if (f.ids.len == 0) {
		err_set(&cli->err, ERR_NO_TESTS,
		    "no test failed in run %lld%s%.100s: name the run in which it did with -r, or the test",
		    (long long)run, in_profile(b), profile_name(b));
	} else if (f.ids.len > 1) {
		too_many(cli, &f);
	} else {
		id = slice_dup(strtab_get(&f.ids, 0));
		rc = id ? victim_find(&b->victim, b->repo, id, b->profile, run, 0, &cli->err)
			: err_nomem(&cli->err);
	}
out:
	free(id);
	strtab_release(&f.ids);
	return rc;
}

/* The named test, in the run where it failed, or at least ran, last if none is named. */
static int
find_named(struct bisecting *b, int64_t run)
{
	struct err *err = &b->cli->err;
	struct victim_past past;
	char where[128];

	if (victim_past(b->repo, b->test, b->profile, 0, &past, err) < 0)
		return -1;
	snprintf(where, sizeof(where), "%s%.100s", in_profile(b), profile_name(b));
	if (past.any < 0)
		return ask_no_test(err, b->test, where);
	if (run < 0)
		run = past.failed >= 0 ? past.failed : past.any;
	return victim_find(&b->victim, b->repo, b->test, b->profile, run, 0, err);
}

static int
find_victim(struct bisecting *b)
{
	const struct args *a = &b->cli->args;
	int64_t run = -1;

	if (setup_alone(&b->setup, "bisect") < 0)
		return -1;
	b->profile = b->setup.in[0].name;
	if (a->set[ARG_RESUME])
		return find_search(b);
	snprintf(b->name, sizeof(b->name), "%016llx-%d", (unsigned long long)clock_realtime(), (int)getpid());
	if (a->set[ARG_RUN] && cli_run_id(b->cli, b->repo, a->text[ARG_RUN], &run) < 0)
		return -1;
	if (b->test)
		return find_named(b, run);
	return run < 0 && find_latest(b, &run) < 0 ? -1 : find_failed(b, run);
}

/* The suite may have changed since. */
static int
check_suite(struct bisecting *b)
{
	const struct config *config = b->setup.in[0].config;
	struct strtab ids = {0};
	size_t left_out = 0;
	int rc;

	if (!template_takes_ids(config))
		return err_set(&b->cli->err, ERR_FAILED,
		    "test_command has no $IDOPTION, $IDFILE or $IDLIST, so it cannot be asked for certain tests: %s",
		    config_get(config, "test_command"));
	if (!config_get(config, "test_list_option"))
		return 0;
	rc = setup_list(&b->setup, false, &ids);
	if (rc == 0 && strtab_find(&ids, slice_str(b->victim.id)) == STRTAB_NONE)
		rc = err_set(&b->cli->err, ERR_NO_TESTS,
		    "'%.300s' is not a test of the project any more: its list has changed since run %lld",
		    b->victim.id, (long long)b->victim.run);
	if (rc == 0)
		rc = victim_restrict(&b->victim, &ids, &left_out, &b->cli->err);
	if (rc == 0 && left_out)
		ui_warn(&b->cli->ui,
		    "note: %zu tests that ran before it in run %lld are not in the project's list any more; they are left out",
		    left_out, (long long)b->victim.run);
	strtab_release(&ids);
	return rc;
}

static void
print(struct bisecting *b, const struct finding_call *call)
{
	const struct finding *f = &b->search.found;
	struct buf text;

	buf_init(&text, TEXT_MAX);
	finding_sentence(f, &text);
	buf_byte(&text, '\n');
	finding_remark(f, &text);
	finding_cost(f, &text);
	if (f->end == FINDING_SETTLED) {
		buf_str(&text, "To see it:\n  ");
		finding_reproduce(f, call, &text);
		buf_str(&text,
		    "\nA fix is shown, with 95% confidence that the rate fell below a tenth, when this passes:\n  ");
		finding_confirm(f, call, &text);
		buf_byte(&text, '\n');
	} else if (repo_format(b->repo) != 1) {
		buf_str(&text, "`testr bisect --resume` goes on.\n");
	}
	ui_slice(&b->cli->ui, buf_get(&text));
	buf_release(&text);
}

static int
answer(struct bisecting *b, const struct finding_call *call)
{
	json_t *object = finding_json(&b->search.found, call), *value;
	struct answer a;
	const char *key;

	answer_begin(&a, &b->cli->ui, "bisect");
	a.failed |= !object;
	json_object_foreach(object, key, value) answer_set(&a, key, json_incref(value));
	json_decref(object);
	return answer_end(&a, &b->cli->err);
}

static int
tell(struct bisecting *b)
{
	const struct args *a = &b->cli->args;
	struct finding_call call = {.here = a->set[ARG_HERE] ? a->text[ARG_HERE] : NULL,
	    .repository = a->set[ARG_REPOSITORY] ? a->text[ARG_REPOSITORY] : NULL,
	    .more = a->positionals,
	    .more_count = a->positional_count};

	if (a->set[ARG_JSON])
		return answer(b, &call);
	print(b, &call);
	return 0;
}

static int
bisect(struct bisecting *b)
{
	struct bisection *s = &b->search;

	/* Hundreds of command lines would hide what is being found. */
	b->setup.launch.echo = NULL;
	if (check_suite(b) < 0)
		return -1;
	s->setup = &b->setup;
	s->repo = b->repo;
	s->name = b->name;
	s->found.victim = &b->victim;
	s->found.load |= b->cli->args.set[ARG_LOAD];
	if (bisection_run(s) < 0 || tell(b) < 0)
		return -1;
	if (s->cancelled)
		return setup_cancelled_status(&b->setup.launch);
	return s->found.end == FINDING_SETTLED ? 0 : 1;
}

static int
run_bisect(struct cli *cli)
{
	struct bisecting b = {.cli = cli};
	int rc = read_options(&b);

	if (rc)
		return rc;
	if (cli_repository(cli, false, &b.repo) < 0)
		return -1;
	cli->keep_order = true;
	rc = setup_begin(&b.setup, cli, 0);
	if (rc == 0)
		rc = find_victim(&b);
	if (rc == 0)
		rc = bisect(&b);
	rc = setup_end(&b.setup, rc);
	finding_release(&b.search.found);
	victim_release(&b.victim);
	repo_free(b.repo);
	return rc;
}

const struct command cmd_bisect = {
    .name = "bisect",
    .summary = "Find out why a test fails, also when it does so only one time in N.",
    .about = "Runs parts of what ran before TEST, and TEST after them, each time in a new\n"
	     "process, until it is clear enough whether it fails alone, after which test or\n"
	     "tests, or for want of which one. TEST is the one that failed in the latest run,\n"
	     "or in run RUN. A test that passes proves little when it fails seldom: what is\n"
	     "known is kept as probabilities, and the next probe is the one that tells most\n"
	     "for its time. What follows -- is passed to the test command.\n"
	     "\n"
	     "Each probe is stored as a run of a part of the suite, so that a search that was\n"
	     "stopped, or killed, can be resumed. Runs of the same commit that are stored\n"
	     "already are taken into account.\n"
	     "\n"
	     "The exit status: 0 there is a verdict, 1 there is none, 2 wrong usage, 3 wrong\n"
	     "configuration or repository, 4 there is no such test, or none that failed, 8\n"
	     "the tests could not be listed, 128+N stopped by signal N.\n",
    .arguments = "[TEST] doubledash? testargs*",
    .args = args,
    .takes_positionals = true,
    .run = run_bisect,
};
