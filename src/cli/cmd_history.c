/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"
#include "choosing.h"
#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const enum arg args[] = {ARG_ALL, ARG_JSON, ARG_PROFILE, ARG_NONE};

/* What one run says of the test: its last attempt's status, or that it both passed and failed. */
struct outcome_of_run {
	enum status status;
	bool flaky;
};

/* Runs in a row, as far as the test is in them, that say the same of it. */
struct stretch {
	struct outcome_of_run outcome;
	int64_t runs, attempts, passes, failures;
	int64_t first, last; /* ids; the oldest and the newest */
	int64_t first_start, last_start;
};

struct history {
	struct cli *cli;
	struct repo *repo;
	struct answer answer;
	struct table table;
	bool json, all;
	struct slice test;
	struct choice choice;
	struct strtab profiles; /* that it has results of, and that were asked for */
	struct slice profile;   /* the one in hand; absent where there are no profiles */
	struct stretch total;
	struct stretch stretch; /* the one in hand, the newest ones being complete */
	struct stretch run;     /* the run in hand */
	int64_t listed_run;     /* of the result that was listed last, and its place among those of the run */
	int listed;
};

static const char *
outcome_words(struct outcome_of_run outcome)
{
	return outcome.flaky ? "flaky" : ask_outcome(outcome.status);
}

static void
count(struct stretch *to, const struct stretch *run)
{
	to->runs += run->runs;
	to->attempts += run->attempts;
	to->passes += run->passes;
	to->failures += run->failures;
	to->first = run->first;
	to->first_start = run->first_start;
}

/* "1a2b3c4..2b3c4d5", or one of them, or "-". */
static void
add_commits(struct buf *out, const char *first, const char *last)
{
	if (!first[0] && !last[0])
		buf_byte(out, '-');
	else if (strcmp(first, last) == 0)
		buf_str(out, first);
	else
		buf_printf(out, "%s..%s", first[0] ? first : "?", last[0] ? last : "?");
}

static void
add_row(struct history *h, const struct stretch *s, const char *first, const char *last)
{
	struct table *t = &h->table;
	struct buf text;

	table_cell(t, slice_str(outcome_words(s->outcome)));
	table_printf(t, "%lld", (long long)s->runs);
	if (s->first == s->last)
		table_printf(t, "%lld", (long long)s->first);
	else
		table_printf(t, "%lld..%lld", (long long)s->first, (long long)s->last);
	buf_init(&text, 256);
	ask_time(&text, s->first_start);
	table_cell(t, buf_get(&text));
	buf_clear(&text);
	ask_time(&text, s->last_start);
	table_cell(t, buf_get(&text));
	buf_clear(&text);
	add_commits(&text, first, last);
	table_cell(t, buf_get(&text));
	buf_release(&text);
}

static json_t *
commit_json(const char *commit)
{
	return shape_text(commit[0] ? slice_str(commit) : SLICE_NONE);
}

/* The object with its profile, where there are any; NULL stays NULL. */
static json_t *
with_profile(struct history *h, json_t *object)
{
	if (object && h->profile.data && json_object_set_new(object, "profile", shape_profile(h->profile))) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static void
add_item(struct history *h, const struct stretch *s, const char *first, const char *last)
{
	answer_item(&h->answer,
	    with_profile(h,
		json_pack("{ss, sI, sI, sI, sI, s{sI, so, so}, s{sI, so, so}}", "outcome",
		    s->outcome.flaky ? "flaky" : shape_status(s->outcome.status), "runs", (json_int_t)s->runs,
		    "attempts", (json_int_t)s->attempts, "passes", (json_int_t)s->passes, "failures",
		    (json_int_t)s->failures, "first", "run", (json_int_t)s->first, "start",
		    shape_time(s->first_start), "commit", commit_json(first), "last", "run",
		    (json_int_t)s->last, "start", shape_time(s->last_start), "commit", commit_json(last))));
}

static int
end_stretch(struct history *h, struct err *err)
{
	const struct stretch *s = &h->stretch;
	struct ask_origin first, last;
	int rc = 0;

	if (!s->runs)
		return 0;
	ask_origin_init(&first);
	ask_origin_init(&last);
	if (ask_origin_read(&first, h->repo, s->first, err) < 0 ||
	    ask_origin_read(&last, h->repo, s->last, err) < 0)
		rc = -1;
	else
		(h->json ? add_item : add_row)(h, s, first.commit, last.commit);
	ask_origin_release(&first);
	ask_origin_release(&last);
	return rc;
}

/* Adds the run in hand to the stretch in hand, or ends that. */
static int
end_run(struct history *h, struct err *err)
{
	struct stretch *s = &h->stretch;

	if (!h->run.runs)
		return 0;
	h->run.outcome.flaky = h->run.passes && h->run.failures;
	count(&h->total, &h->run);
	if (s->runs && strcmp(outcome_words(s->outcome), outcome_words(h->run.outcome)) == 0) {
		count(s, &h->run);
		return 0;
	}
	if (end_stretch(h, err) < 0)
		return -1;
	*s = h->run;
	return 0;
}

/* The rows come newest run first, attempts ascending. */
static int
take_row(void *context, const struct repo_row *row, struct err *err)
{
	struct history *h = context;
	enum verdict verdict;

	if (!repo_is_of(h->repo, row->tags, h->profile))
		return 0;
	if (shape_verdict_in(h->repo, row->run, row->status, &verdict, err) < 0)
		return -1;
	if (!h->run.runs || h->run.first != row->run) {
		if (end_run(h, err) < 0)
			return -1;
		h->run = (struct stretch){.runs = 1,
		    .first = row->run,
		    .last = row->run,
		    .first_start = row->start,
		    .last_start = row->start};
	}
	h->run.outcome.status = row->status;
	h->run.attempts++;
	h->run.failures += verdict == VERDICT_FAIL;
	h->run.passes += verdict == VERDICT_PASS;
	return 0;
}

/* Every result of the test in a row of its own. */
static int
list_row(void *context, const struct repo_row *row, struct err *err)
{
	struct history *h = context;
	struct table *t = &h->table;
	struct ask_origin origin;
	enum verdict verdict;
	struct buf text;
	int rc;

	if (!repo_is_of(h->repo, row->tags, h->profile))
		return 0;
	h->listed = row->run == h->listed_run ? h->listed + 1 : 1;
	h->listed_run = row->run;
	if (h->json) {
		if (shape_verdict_in(h->repo, row->run, row->status, &verdict, err) < 0)
			return -1;
		answer_item(&h->answer, with_profile(h, shape_row(row, verdict)));
		return 0;
	}
	ask_origin_init(&origin);
	buf_init(&text, 64);
	rc = ask_origin_read(&origin, h->repo, row->run, err);
	ask_time(&text, row->start);
	table_printf(t, "%lld", (long long)row->run);
	table_printf(t, "%d", h->listed);
	table_cell(t, slice_str(ask_outcome(row->status)));
	table_cell(t, buf_get(&text));
	if (row->duration == TIME_NONE)
		table_printf(t, "-");
	else
		table_printf(t, "%.3f", (double)row->duration / 1e9);
	if (row->worker < 0)
		table_printf(t, "-");
	else
		table_printf(t, "%lld", (long long)row->worker);
	table_cell(t, origin.commit[0] ? slice_str(origin.commit) : SLICE_LIT("-"));
	buf_release(&text);
	ask_origin_release(&origin);
	return rc;
}

/* Which of its results are told of, one profile after the other: false when there is no further one. */
static bool
next_profile(struct history *h, size_t *at)
{
	if (h->choice.profiled && *at < h->profiles.len)
		h->profile = strtab_get(&h->profiles, *at);
	h->stretch = h->run = (struct stretch){0};
	return (*at)++ < (h->choice.profiled ? h->profiles.len : 1);
}

/* Goes through the history in stretches, into the table or the answer. */
static int
compress(struct history *h)
{
	struct err *err = &h->cli->err;

	return repo_history(h->repo, h->test, 0, take_row, h, err) < 0 || end_run(h, err) < 0 ||
		       end_stretch(h, err) < 0
		   ? -1
		   : 0;
}

static int
answer(struct history *h)
{
	struct answer *a = &h->answer;

	answer_begin(a, &h->cli->ui, "history");
	answer_set(a, "test", shape_text(h->test));
	answer_list(a, "stretches");
	for (size_t at = 0; next_profile(h, &at);)
		if (compress(h) < 0)
			return -1;
	answer_list_end(a);
	if (h->all) {
		answer_list(a, "results");
		for (size_t at = 0; next_profile(h, &at);)
			if (repo_history(h->repo, h->test, 0, list_row, h, &h->cli->err) < 0)
				return -1;
		answer_list_end(a);
	}
	answer_set(a, "runs", json_integer(h->total.runs));
	answer_set(a, "attempts", json_integer(h->total.attempts));
	answer_set(a, "passes", json_integer(h->total.passes));
	answer_set(a, "failures", json_integer(h->total.failures));
	return answer_end(a, &h->cli->err);
}

/* Skipped tests and those that were cut off neither passed nor failed. */
static void
print_rate(struct history *h)
{
	int64_t times = h->total.passes + h->total.failures;

	if (times)
		ui_printf(&h->cli->ui, "Failed %lld of %lld times (%.1f%%).\n", (long long)h->total.failures,
		    (long long)times, 100.0 * (double)h->total.failures / (double)times);
}

/* The history in the profile in hand. */
static int
print_one(struct history *h)
{
	static const char *const compressed[] = {"outcome", "runs", "ids", "from", "to", "commits"};
	static const char *const every[] = {
	    "run", "attempt", "outcome", "start", "seconds", "worker", "commit"};
	size_t columns = h->all ? 7 : 6;
	int rc;

	h->total = (struct stretch){0};
	table_init(&h->table, columns);
	for (size_t i = 0; i < columns; i++)
		table_cell(&h->table, slice_str(h->all ? every[i] : compressed[i]));
	if (h->all)
		rc = repo_history(h->repo, h->test, 0, list_row, h, &h->cli->err);
	else
		rc = compress(h);
	if (rc == 0)
		rc = table_print(&h->table, &h->cli->ui, &h->cli->err);
	table_release(&h->table);
	if (rc == 0 && !h->all && !h->cli->ui.quiet)
		print_rate(h);
	return rc;
}

static int
print(struct history *h)
{
	struct buf name;
	int rc = 0;

	buf_init(&name, SIZE_MAX / 4);
	for (size_t at = 0; rc == 0 && next_profile(h, &at);) {
		buf_clear(&name);
		choice_name(&h->choice, h->profile, &name);
		if (h->choice.profiled)
			ui_printf(&h->cli->ui, "%s%.*s%.*s:\n", at > 1 ? "\n" : "", SLICE_FMT(h->test),
			    SLICE_FMT(buf_get(&name)));
		rc = print_one(h);
	}
	buf_release(&name);
	return rc;
}

static int
add_profile(void *context, const struct repo_row *row, struct err *err)
{
	struct history *h = context;
	struct slice profile = choice_of_tags(&h->choice, row->tags);

	if (!choice_has(&h->choice, profile))
		return 0;
	return strtab_add(&h->profiles, profile, NULL) == STRTAB_NONE ? err_nomem(err) : 0;
}

static int
find_profiles(struct history *h)
{
	if (choosing_init(&h->choice, h->cli, h->repo) < 0)
		return -1;
	return h->choice.profiled ? repo_history(h->repo, h->test, 0, add_profile, h, &h->cli->err) : 0;
}

/* The tests that the argument can mean. */
struct search {
	const char *pattern;
	struct strtab found;
	size_t count;
};

static int
add_match(void *context, struct slice id, struct err *err)
{
	struct search *s = context;

	if (!ask_matches(s->pattern, id))
		return 0;
	s->count++;
	return s->found.len < 3 && strtab_add(&s->found, id, NULL) == STRTAB_NONE ? err_nomem(err) : 0;
}

static int
row_match(void *context, const struct repo_row *row, struct err *err)
{
	return add_match(context, row->test, err);
}

/* The one test that the argument names: its id, or else a glob. */
static int
find_test(struct history *h, struct search *s)
{
	struct err *err = &h->cli->err;
	struct slice names[3];

	if (repo_history(h->repo, slice_str(s->pattern), 1, row_match, s, err) < 0)
		return -1;
	if (!s->count && ask_is_glob(s->pattern) && repo_tests(h->repo, add_match, s, err) < 0)
		return -1;
	if (!s->found.len)
		return ask_no_test(err, s->pattern, "");
	h->test = strtab_get(&s->found, 0);
	for (size_t i = 0; i < 3; i++)
		names[i] = i < s->found.len ? strtab_get(&s->found, i) : SLICE_LIT("");
	if (s->found.len > 1)
		return err_set(err, ERR_FAILED,
		    "%zu tests match '%s', and a history is that of one: %.200s, %.200s%s%.200s%s", s->count,
		    s->pattern, (const char *)names[0].data, (const char *)names[1].data,
		    s->found.len > 2 ? ", " : "", (const char *)names[2].data, s->count > 3 ? ", …" : "");
	return 0;
}

static int
run_history(struct cli *cli)
{
	struct history h = {.cli = cli, .json = cli->args.set[ARG_JSON], .all = cli->args.set[ARG_ALL]};
	struct search search = {0};
	int64_t latest;
	int rc = -1;

	if (!cli->args.positional_count)
		return err_set(&cli->err, ERR_USAGE, "name the test, by its id or by a glob");
	if (cli->args.positional_count > 1)
		return cli_unexpected(cli, cli->args.positionals + 1, cli->args.positional_count - 1);
	if (cli_repository(cli, false, &h.repo) < 0)
		return -1;
	search.pattern = cli->args.positionals[0];
	if (cli_latest(cli, h.repo, &latest) == 0 && find_test(&h, &search) == 0 && find_profiles(&h) == 0)
		rc = h.json ? answer(&h) : print(&h);
	strtab_release(&search.found);
	strtab_release(&h.profiles);
	choice_release(&h.choice);
	repo_free(h.repo);
	return rc;
}

const struct command cmd_history = {
    .name = "history",
    .summary = "Show since when a test passes or fails.",
    .about = "TEST is an id, or a glob (* ? [...]) that matches just one whole id. A table\n"
	     "has a line for each stretch of runs that say the same of the test, the newest\n"
	     "first, with their ids, times and commits: the commit that broke a test lies\n"
	     "between the end of one line and the beginning of the one above it. Runs without\n"
	     "the test are passed over. \"flaky\" is a run in which it both passed and failed.\n"
	     "Below is how often it failed, all attempts counted. Each profile has a history\n"
	     "of its own.\n"
	     "\n"
	     "The exit status is 0, and 4 when there is no such test.\n",
    .arguments = "TEST",
    .args = args,
    .takes_positionals = true,
    .run = run_history,
};
