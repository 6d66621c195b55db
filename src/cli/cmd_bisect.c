/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"
#include "bisection.h"
#include "clock.h"
#include "interval.h"
#include "shape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const enum arg args[] = {ARG_RUN, ARG_RESUME, ARG_CONFIDENCE, ARG_BUDGET, ARG_LOAD, ARG_PARALLEL,
    ARG_CONCURRENCY, ARG_PROFILE, ARG_TEST_TIMEOUT, ARG_JSON, ARG_NONE};

#define CONFIDENCE 0.95
#define CONFIDENCE_LEAST 0.5
#define CONFIDENCE_MOST 0.9999
#define BUDGET (INT64_C(3600) * TIME_SECOND)
/* Of the intervals that are shown, and of what clean runs are to show. */
#define SHOWN 0.95
/* A fix is to bring the rate below this part of what it was. */
#define FIXED 0.1
/* What is less likely is not named. */
#define LEAST_NAMED 0.0005
#define TEXT_MAX ((size_t)64 << 20)

struct bisecting {
	struct cli *cli;
	struct setup setup;
	struct repo *repo;
	const char *test; /* that was named, or NULL */
	struct victim victim;
	struct bisection search;
	/* Of the search that is resumed, or that begins: */
	char name[64];
	char *stored_test;
	char stored_run[32];
};

static const char *const kinds[EXPLANATION_KINDS] = {"alone", "polluter", "load", "setup", "set", "set"};
static const char *const words[EXPLANATION_KINDS] = {"it fails alone", "another test", "load",
    "a missing set-up", "two tests together", "three tests together"};

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
	b->search.confidence = CONFIDENCE;
	if (a->set[ARG_CONFIDENCE]) {
		char *end;
		double c = strtod(a->text[ARG_CONFIDENCE], &end);

		if (end == a->text[ARG_CONFIDENCE] || *end ||
		    !(c >= CONFIDENCE_LEAST && c <= CONFIDENCE_MOST))
			return err_set(&b->cli->err, ERR_USAGE,
			    "option --confidence: '%s' is not between %g and %g", a->text[ARG_CONFIDENCE],
			    CONFIDENCE_LEAST, CONFIDENCE_MOST);
		b->search.confidence = c;
	}
	b->search.budget = BUDGET;
	return a->set[ARG_BUDGET] ? cli_duration(b->cli, "--budget", a->text[ARG_BUDGET], &b->search.budget)
				  : 0;
}

static int
take_stored(void *context, struct slice key, struct slice value, struct err *err)
{
	struct bisecting *b = context;

	if (slice_eq(key, SLICE_LIT(VICTIM_SEARCH)) && value.len < sizeof(b->name)) {
		memcpy(b->name, value.data, value.len);
		b->name[value.len] = 0;
	} else if (slice_eq(key, SLICE_LIT(VICTIM_RUN)) && value.len < sizeof(b->stored_run)) {
		memcpy(b->stored_run, value.data, value.len);
		b->stored_run[value.len] = 0;
	} else if (slice_eq(key, SLICE_LIT(VICTIM_TEST))) {
		free(b->stored_test);
		b->stored_test = strndup((const char *)value.data, value.len);
		return b->stored_test ? 0 : err_nomem(err);
	}
	return 0;
}

static int
take_search(void *context, const struct repo_run *run, struct err *err)
{
	struct bisecting *b = context;

	return repo_meta(b->repo, run->id, take_stored, b, err);
}

/* The latest search that is stored, of the named test if one is named. */
static int
find_search(struct bisecting *b)
{
	struct repo_query query = {.since = TIME_NONE,
	    .until = TIME_NONE,
	    .meta_key = slice_str(b->test ? VICTIM_TEST : VICTIM_SEARCH),
	    .meta_value = b->test ? slice_str(b->test) : SLICE_NONE,
	    .newest_first = true,
	    .limit = 1};

	if (repo_runs_where(b->repo, &query, take_search, b, &b->cli->err) < 0)
		return -1;
	if (!b->name[0] || !b->stored_test || !b->stored_run[0])
		return err_set(&b->cli->err, ERR_FAILED, "there is no search%s%.300s to go on with",
		    b->test ? " for " : "", b->test ? b->test : "");
	return 0;
}

static int
find_victim(struct bisecting *b)
{
	const struct args *a = &b->cli->args;
	const char *run = a->set[ARG_RUN] ? a->text[ARG_RUN] : NULL;

	if (a->set[ARG_RESUME]) {
		if (find_search(b) < 0)
			return -1;
		return victim_find(&b->victim, b->cli, b->repo, b->stored_test, b->stored_run);
	}
	snprintf(b->name, sizeof(b->name), "%016llx-%d", (unsigned long long)clock_realtime(), (int)getpid());
	return victim_find(&b->victim, b->cli, b->repo, b->test, run);
}

/* The suite may have changed since. */
static int
check_suite(struct bisecting *b)
{
	struct strtab ids = {0};
	size_t left_out = 0;
	int rc;

	if (setup_alone(&b->setup, "bisect") < 0)
		return -1;
	if (!template_takes_ids(b->setup.config))
		return err_set(&b->cli->err, ERR_FAILED,
		    "test_command has no $IDOPTION, $IDFILE or $IDLIST, so it cannot be asked for certain tests: %s",
		    config_get(b->setup.config, "test_command"));
	if (!config_get(b->setup.config, "test_list_option"))
		return 0;
	rc = setup_list(&b->setup, 0, false, &ids);
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

/* The counts of the probes that fail, if it is as the verdict says. */
static struct tally
failing(const struct bisect_verdict *v)
{
	return v->kind == EXPLANATION_SETUP ? v->without : v->with;
}

static double
rate_of(struct tally t)
{
	return t.failures + t.passes ? (double)t.failures / ((double)t.failures + (double)t.passes) : 0;
}

static int64_t
clean_runs(const struct bisect_verdict *v)
{
	return interval_clean_runs(rate_of(failing(v)) * FIXED, SHOWN);
}

static struct slice
culprit(const struct bisecting *b, size_t i)
{
	const struct strtab *before = &b->victim.before;
	size_t at = b->search.verdict.culprits[i];

	return at < before->len ? strtab_get(before, at) : SLICE_LIT("load");
}

static void
add_option(struct buf *out, const char *option, const char *value)
{
	buf_printf(out, " %s ", option);
	cli_shell_word(out, slice_str(value));
}

/* A command that runs the culprits, if they make it fail, and the victim, until it fails; for the shell. */
static void
add_command(const struct bisecting *b, struct buf *out, int64_t runs)
{
	const struct bisect_verdict *v = &b->search.verdict;
	const struct args *a = &b->cli->args;
	bool load = b->search.load && v->count && v->culprits[v->count - 1] == b->victim.before.len;

	if (load)
		buf_printf(out, "for i in $(seq %ld); do (while :; do :; done) & done; ",
		    sysconf(_SC_NPROCESSORS_ONLN));
	buf_str(out, "printf '%s\\n'");
	for (size_t i = 0; i < v->count && v->kind != EXPLANATION_SETUP; i++)
		if (v->culprits[i] < b->victim.before.len) {
			buf_byte(out, ' ');
			cli_shell_word(out, culprit(b, i));
		}
	buf_byte(out, ' ');
	cli_shell_word(out, slice_str(b->victim.id));
	buf_str(out, " | testr run");
	if (a->set[ARG_HERE])
		add_option(out, "-d", a->text[ARG_HERE]);
	if (a->set[ARG_REPOSITORY])
		add_option(out, "-R", a->text[ARG_REPOSITORY]);
	buf_str(out, " --load-list /dev/stdin --until-failure");
	if (runs)
		buf_printf(out, " --max-runs %lld", (long long)runs);
	for (size_t i = 0; i < a->positional_count; i++) {
		buf_byte(out, ' ');
		cli_shell_word(out, slice_str(a->positionals[i]));
	}
	if (load)
		buf_str(out, "; kill $(jobs -p)");
}

static void
add_percent(struct buf *out, double part)
{
	buf_printf(out, part >= 0.0995 ? "%.0f%%" : "%.2g%%", 100 * part);
}

/* "18 of 86 runs, 21% [13%, 30%]" */
static void
add_rate(struct buf *out, struct tally t)
{
	uint64_t runs = (uint64_t)t.failures + t.passes;
	struct interval i = interval_rate(t.failures, runs, SHOWN);

	buf_printf(out, "%lu of %llu runs, ", (unsigned long)t.failures, (unsigned long long)runs);
	add_percent(out, rate_of(t));
	buf_str(out, " [");
	add_percent(out, i.low);
	buf_str(out, ", ");
	add_percent(out, i.high);
	buf_byte(out, ']');
}

static void
add_culprits(const struct bisecting *b, struct buf *out)
{
	for (size_t i = 0; i < b->search.verdict.count; i++) {
		buf_str(out, i == 0 ? "" : i + 1 < b->search.verdict.count ? ", " : " and ");
		buf_slice(out, culprit(b, i));
	}
}

/* The verdict in one sentence or two. */
static void
add_verdict(const struct bisecting *b, struct buf *out)
{
	const struct bisect_verdict *v = &b->search.verdict;

	buf_str(out, b->victim.id);
	switch (v->kind) {
	case EXPLANATION_ALONE:
		buf_str(out, " fails alone: ");
		break;
	case EXPLANATION_LOAD:
		buf_str(out, " fails beside load: ");
		break;
	case EXPLANATION_SETUP:
		buf_str(out, " fails unless ");
		add_culprits(b, out);
		buf_str(out, " ran before it: ");
		break;
	default:
		buf_str(out, " fails after ");
		add_culprits(b, out);
		buf_str(out, v->count > 1 ? " together: " : ": ");
	}
	add_rate(out, failing(v));
	if (v->kind == EXPLANATION_ALONE) {
		buf_str(out, ", whatever ran before it.\n");
		return;
	}
	buf_str(out, v->kind == EXPLANATION_SETUP ? "; after it "
		     : v->count > 1               ? "; with one of them missing "
						  : "; without it ");
	add_rate(out, v->kind == EXPLANATION_SETUP ? v->with : v->without);
	buf_str(out, ".\n");
}

/* What else it might be. */
static void
add_others(const struct bisecting *b, struct buf *out)
{
	const struct bisect_verdict *v = &b->search.verdict;
	const char *comma = "; otherwise ";

	buf_printf(out, "Confidence %.*f%%", v->confidence > 0.999 ? 2 : 1, 100 * v->confidence);
	for (int k = 0; k < EXPLANATION_KINDS; k++) {
		double weight = v->kinds[k] - (k == (int)v->kind ? v->confidence : 0);

		if (weight < LEAST_NAMED || (k == EXPLANATION_LOAD && !b->search.load))
			continue;
		buf_printf(out, "%s%s ", comma, words[k]);
		add_percent(out, weight);
		comma = ", ";
	}
	buf_str(out, ".\n");
}

static void
add_unsettled(const struct bisecting *b, struct buf *out)
{
	const struct bisection *s = &b->search;
	struct tally all = s->verdict.all;

	switch (s->end) {
	case BISECTION_DRIFTING:
		buf_printf(out,
		    "%s: the rate at which it fails changed while it was looked at; no verdict.\n",
		    b->victim.id);
		return;
	case BISECTION_SILENT:
		buf_printf(out,
		    "%s had no result in the last probes, one after another; no verdict. `testr last` shows what the last one did.\n",
		    b->victim.id);
		return;
	default:
		break;
	}
	buf_printf(out, "%s: no verdict with a confidence of %g%% yet.\n", b->victim.id, 100 * s->confidence);
	if (s->probes && !s->failures)
		buf_printf(out,
		    "It never failed in %zu probes: its rate in them is below %.2g%%, with 95%% confidence.\n",
		    s->probes, 100 * interval_upper(0, s->probes, SHOWN));
	if (all.failures) {
		buf_str(out, "Likeliest: ");
		add_verdict(b, out);
		add_others(b, out);
	}
}

static void
add_cost(const struct bisecting *b, struct buf *out)
{
	buf_printf(out, "%zu probes, %zu of them failed; %.0f s.\n", b->search.probes, b->search.failures,
	    b->search.seconds);
}

static void
print(struct bisecting *b)
{
	struct buf text;

	buf_init(&text, TEXT_MAX);
	if (b->search.end == BISECTION_SETTLED) {
		add_verdict(b, &text);
		add_others(b, &text);
	} else {
		add_unsettled(b, &text);
	}
	add_cost(b, &text);
	if (b->search.end == BISECTION_SETTLED) {
		buf_str(&text, "To see it:\n  ");
		add_command(b, &text, 0);
		buf_printf(&text,
		    "\nA fix is shown, with 95%% confidence that the rate fell below a tenth, when this passes:\n  ");
		add_command(b, &text, clean_runs(&b->search.verdict));
		buf_byte(&text, '\n');
	} else if (repo_format(b->repo) != 1) {
		buf_str(&text, "`testr bisect --resume` goes on.\n");
	}
	ui_slice(&b->cli->ui, buf_get(&text));
	buf_release(&text);
}

static json_t *
rate_json(struct tally t)
{
	uint64_t runs = (uint64_t)t.failures + t.passes;
	struct interval i = interval_rate(t.failures, runs, SHOWN);

	return json_pack("{s:I, s:I, s:f, s:f}", "failures", (json_int_t)t.failures, "runs", (json_int_t)runs,
	    "low", i.low, "high", i.high);
}

static void
answer_command(const struct bisecting *b, struct answer *a, const char *key, int64_t runs)
{
	struct buf text;

	buf_init(&text, TEXT_MAX);
	add_command(b, &text, runs);
	answer_set(a, key, b->search.end == BISECTION_SETTLED ? shape_text(buf_get(&text)) : json_null());
	buf_release(&text);
}

static json_t *
kinds_json(const struct bisecting *b)
{
	const double *k = b->search.verdict.kinds;

	return json_pack("{s:f, s:f, s:f, s:f, s:f}", "alone", k[EXPLANATION_ALONE], "polluter",
	    k[EXPLANATION_POLLUTER], "load", k[EXPLANATION_LOAD], "setup", k[EXPLANATION_SETUP], "set",
	    k[EXPLANATION_PAIR] + k[EXPLANATION_TRIPLE]);
}

static int
answer(struct bisecting *b)
{
	const struct bisection *s = &b->search;
	const struct bisect_verdict *v = &s->verdict;
	bool settled = s->end == BISECTION_SETTLED;
	struct answer a;

	answer_begin(&a, &b->cli->ui, "bisect");
	answer_set(&a, "verdict",
	    json_string(settled                        ? kinds[v->kind]
			: s->end == BISECTION_DRIFTING ? "drifting"
						       : "unknown"));
	answer_set(&a, "victim", shape_text(slice_str(b->victim.id)));
	answer_set(&a, "run", json_integer(b->victim.run));
	answer_list(&a, "tests");
	for (size_t i = 0; settled && i < v->count; i++)
		if (v->culprits[i] < b->victim.before.len)
			answer_item(&a, shape_text(culprit(b, i)));
	answer_list_end(&a);
	answer_set(&a, "asked", json_real(s->confidence));
	answer_set(&a, "confidence", json_real(settled ? v->confidence : 0));
	answer_set(&a, "kinds", kinds_json(b));
	answer_set(&a, "rates",
	    json_pack("{s:o, s:o}", "with", rate_json(v->with), "without", rate_json(v->without)));
	answer_set(&a, "probes", json_integer((json_int_t)s->probes));
	answer_set(&a, "failures", json_integer((json_int_t)s->failures));
	answer_set(&a, "seconds", json_real(s->seconds));
	answer_command(b, &a, "reproduce", 0);
	answer_command(b, &a, "confirm", clean_runs(v));
	return answer_end(&a, &b->cli->err);
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
	s->victim = &b->victim;
	s->name = b->name;
	s->load = b->cli->args.set[ARG_LOAD];
	if (bisection_run(s) < 0)
		return -1;
	if (!b->cli->args.set[ARG_JSON])
		print(b);
	else if (answer(b) < 0)
		return -1;
	if (s->end == BISECTION_CANCELLED)
		return setup_cancelled_status(&b->setup.launch);
	return s->end == BISECTION_SETTLED ? 0 : 1;
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
	rc = find_victim(&b);
	if (rc == 0) {
		rc = setup_begin(&b.setup, cli, 0);
		if (rc == 0)
			rc = bisect(&b);
		rc = setup_end(&b.setup, rc);
	}
	victim_release(&b.victim);
	free(b.stored_test);
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
