/* SPDX-License-Identifier: Apache-2.0 */
#include "isolation.h"

#include "bisect.h"
#include "clock.h"
#include "lists.h"
#include "order.h"

#include <stdlib.h>

#define CONFIDENCE 0.95
/* Without a verdict a search ends after so many probes, and after so many of which none failed. */
#define PROBES_MAX 300
#define SILENT_MAX 30
/* What a test is taken to need whose time is not known. */
#define SECONDS_UNKNOWN 0.1

struct isolation {
	struct setup *setup;
	struct repo *repo;
	struct cli *cli;
	struct order order; /* of the latest run */
	struct strtab victims;
	double overhead; /* seconds of a probe of a victim alone */
	/* Of the probe that is on: */
	struct outcome *outcome;
	struct slice victim;
	bool victim_ran, victim_failed;
	/* Of the search that is on: */
	size_t *candidates; /* indexes into order.ids */
	double *costs;      /* of each, in seconds */
	size_t count, probes, failures;
	struct bisect *engine;
	struct bisect_verdict verdict;
};

static int
probe_event(void *context, const struct event *e, struct err *err)
{
	struct isolation *is = context;
	const struct result *r;

	if (outcome_event(is->outcome, e, &r) < 0)
		return err_nomem(err);
	if (!r || !slice_eq(r->id, is->victim))
		return 0;
	is->victim_ran = true;
	is->victim_failed |= cli_fails(r, config_uxsuccess_passes(is->setup->config));
	return 0;
}

static int
probe_pause(void *context, struct err *err)
{
	(void)context;
	(void)err;
	return 0;
}

static int
probe_lost(void *context, struct slice id, const char *why, struct err *err)
{
	(void)context;
	(void)id;
	(void)why;
	(void)err;
	return 0;
}

static void
probe_note(void *context, const char *text)
{
	(void)context;
	(void)text;
}

/* Runs the planned tests, of which the victim is one, in one process and in their order. Nothing is stored. */
static int
run_probe(struct isolation *is, struct account *account)
{
	struct setup *s = is->setup;
	struct runner runner = {
	    .config = s->config,
	    .args = s->test_args,
	    .launch = &s->launch,
	    .profiles = s->in,
	    .profile_count = s->count,
	    .workers = 1,
	    .sink = {.event = probe_event,
		.pause = probe_pause,
		.lost = probe_lost,
		.note = probe_note,
		.context = is},
	};
	struct runner_test *tests = calloc(account->ids.len, sizeof(*tests));
	struct runner_report report;
	int rc;

	is->outcome = outcome_new(0);
	is->victim_ran = is->victim_failed = false;
	if (!tests || !is->outcome) {
		free(tests);
		outcome_free(is->outcome);
		return err_nomem(&is->cli->err);
	}
	for (size_t i = 0; i < account->ids.len; i++)
		tests[i].duration = -1;
	rc = runner_run(&runner, account, tests, true, &report, &is->cli->err);
	if (rc == 0 && s->launch.cancelled)
		rc = err_set(&is->cli->err, ERR_FAILED, "interrupted by signal %d", s->launch.cancelled);
	free(tests);
	outcome_free(is->outcome);
	return rc;
}

static int
probe(struct isolation *is, const size_t *tests, size_t count)
{
	struct account account = {0};
	int rc = 0;

	for (size_t i = 0; i < count && rc == 0; i++)
		if (account_plan(&account, strtab_get(&is->order.ids, is->candidates[tests[i]])) ==
		    STRTAB_NONE)
			rc = err_nomem(&is->cli->err);
	if (rc == 0 && account_plan(&account, is->victim) == STRTAB_NONE)
		rc = err_nomem(&is->cli->err);
	if (rc == 0)
		rc = run_probe(is, &account);
	account_release(&account);
	return rc;
}

/* The failing tests that pass when they run alone: those with a cause to look for. */
static int
find_victims(struct isolation *is)
{
	const struct args *a = &is->cli->args;
	struct strtab failing = {0}, chosen = {0};
	struct lists lists = {0};
	const struct strtab *listed;
	int64_t begin;
	int rc = -1;

	if (repo_failing_ids_of(is->repo, setup_profile(is->setup, 0), &failing, &is->cli->err) < 0 ||
	    setup_filter(is->setup, &failing, &chosen) < 0)
		goto out;
	if (a->set[ARG_LOAD_LIST] && lists_read(&lists, is->cli, a->text[ARG_LOAD_LIST]) < 0)
		goto out;
	listed = lists_of(&lists, setup_profile(is->setup, 0));
	for (size_t i = 0; i < chosen.len; i++) {
		is->victim = strtab_get(&chosen, i);
		if (a->set[ARG_LOAD_LIST] && (!listed || strtab_find(listed, is->victim) == STRTAB_NONE))
			continue;
		begin = clock_monotonic();
		if (probe(is, NULL, 0) < 0)
			goto out;
		is->overhead = (double)(clock_monotonic() - begin) / 1e9;
		if (is->victim_ran && !is->victim_failed &&
		    strtab_add(&is->victims, is->victim, NULL) == STRTAB_NONE) {
			err_nomem(&is->cli->err);
			goto out;
		}
	}
	rc = 0;
out:
	strtab_release(&failing);
	lists_release(&lists);
	strtab_release(&chosen);
	return rc;
}

/* The candidates: what ran before the victim in its worker; none when the victim is not in the run. */
static int
find_candidates(struct isolation *is)
{
	const struct order *o = &is->order;
	size_t victim = strtab_find(&o->ids, is->victim), at = 0;

	is->count = 0;
	is->candidates = calloc(o->count + 1, sizeof(*is->candidates));
	is->costs = calloc(o->count + 1, sizeof(*is->costs));
	if (!is->candidates || !is->costs)
		return err_nomem(&is->cli->err);
	while (at < o->count && o->tests[at].id != victim)
		at++;
	for (size_t i = 0; at < o->count && i < at; i++) {
		const struct order_test *t = &o->tests[i];

		if (t->worker != o->tests[at].worker)
			continue;
		is->costs[is->count] = t->duration >= 0 ? (double)t->duration / 1e9 : SECONDS_UNKNOWN;
		is->candidates[is->count++] = t->id;
	}
	return 0;
}

/* It failed after all candidates, and passed without any. */
static int
make_engine(struct isolation *is)
{
	size_t *all = calloc(is->count + 1, sizeof(*all));
	int rc = -1;

	is->engine = bisect_new(&(struct bisect_options){.candidates = is->count,
	    .seconds = is->costs,
	    .overhead = is->overhead,
	    .confidence = CONFIDENCE});
	for (size_t i = 0; all && i < is->count; i++)
		all[i] = i;
	if (all && is->engine && bisect_observe(is->engine, all, is->count, true) == 0 &&
	    bisect_observe(is->engine, NULL, 0, false) == 0)
		rc = 0;
	free(all);
	return rc < 0 ? err_nomem(&is->cli->err) : 0;
}

static int
explore(struct isolation *is)
{
	const size_t *members;
	double failing;
	size_t count;

	is->probes = is->failures = 0;
	for (;;) {
		if (bisect_verdict(is->engine, &is->verdict) < 0)
			return err_nomem(&is->cli->err);
		if (is->verdict.settled || is->count == 0 || is->probes == PROBES_MAX ||
		    (is->failures == 0 && is->probes == SILENT_MAX) ||
		    bisect_drift(is->engine) > BISECT_DRIFT)
			return 0;
		if (bisect_next(is->engine, &members, &count, &failing) < 0)
			return err_nomem(&is->cli->err);
		if (probe(is, members, count) < 0)
			return -1;
		is->probes++;
		is->failures += is->victim_failed;
		if (bisect_observe(is->engine, members, count, is->victim_failed) < 0)
			return err_nomem(&is->cli->err);
	}
}

static bool
found(const struct isolation *is)
{
	return is->verdict.settled && is->verdict.count && is->verdict.kind != EXPLANATION_SETUP;
}

static void
add_cause(const struct isolation *is, struct buf *out)
{
	if (!found(is)) {
		buf_str(out, is->failures ? "unknown - it fails by chance" : "unknown - no conflicts");
		return;
	}
	for (size_t i = 0; i < is->verdict.count; i++) {
		buf_str(out, i ? " with " : "");
		buf_slice(out, strtab_get(&is->order.ids, is->candidates[is->verdict.culprits[i]]));
	}
}

/* Says how sure the answer is, when it is one of chance. */
static void
note_chance(const struct isolation *is)
{
	const struct bisect_verdict *v = &is->verdict;
	double sure = 100 * (v->confidence < 0.9999 ? v->confidence : 0.9999);
	struct ui *ui = &is->cli->ui;

	if (found(is) && (v->with.passes || v->without.failures))
		ui_warn(ui,
		    "note: '%.*s' failed in %lu of %lu runs with the cause and in %lu of %lu without: the answer is statistical, %.4g%% sure",
		    SLICE_FMT(is->victim), (unsigned long)v->with.failures,
		    (unsigned long)v->with.failures + v->with.passes, (unsigned long)v->without.failures,
		    (unsigned long)v->without.failures + v->without.passes, sure);
	else if (v->settled && v->kind == EXPLANATION_ALONE)
		ui_warn(ui,
		    "note: '%.*s' failed in %zu of %zu probes, whatever ran before it: the answer is statistical, %.4g%% sure",
		    SLICE_FMT(is->victim), is->failures, is->probes, sure);
	else if (!found(is) && is->probes)
		ui_warn(ui,
		    "note: '%.*s' failed in %zu of %zu probes, without a verdict; `testr bisect` searches longer",
		    SLICE_FMT(is->victim), is->failures, is->probes);
}

/* One row of the table: the victim and its cause. */
static int
search(struct isolation *is, struct slice victim, struct strtab *causes, struct slice *out)
{
	size_t at = STRTAB_NONE;
	struct buf cause;
	int rc = -1;

	buf_init(&cause, 1 << 20);
	is->victim = victim;
	if (find_candidates(is) == 0 && make_engine(is) == 0)
		rc = explore(is);
	if (rc == 0) {
		add_cause(is, &cause);
		note_chance(is);
		at = strtab_add(causes, buf_get(&cause), NULL);
		rc = at == STRTAB_NONE ? err_nomem(&is->cli->err) : 0;
	}
	if (rc == 0)
		*out = strtab_get(causes, at);
	bisect_free(is->engine);
	is->engine = NULL;
	free(is->candidates);
	free(is->costs);
	buf_release(&cause);
	return rc;
}

static int
search_all(struct isolation *is)
{
	struct slice *cells = calloc(2 * (is->victims.len + 1), sizeof(*cells));
	struct strtab causes = {0};
	int rc = 0;

	if (!cells)
		return err_nomem(&is->cli->err);
	cells[0] = SLICE_LIT("failing test");
	cells[1] = SLICE_LIT("caused by test");
	for (size_t i = 0; i < is->victims.len && rc == 0; i++) {
		cells[2 * i + 2] = strtab_get(&is->victims, i);
		rc = search(is, cells[2 * i + 2], &causes, &cells[2 * i + 3]);
	}
	if (rc == 0)
		ui_table(&is->cli->ui, 2, cells, 2 * (is->victims.len + 1));
	strtab_release(&causes);
	free(cells);
	return rc;
}

int
isolation_run(struct setup *s, struct repo *repo)
{
	struct isolation is = {.setup = s, .repo = repo, .cli = s->cli};
	struct choice choice;
	int64_t latest;
	int rc = -1;

	if (setup_alone(s, "--analyze-isolation") < 0)
		return -1;
	if (repo_latest(repo, &latest, &s->cli->err) < 0)
		return -1;
	if (latest < 0)
		return err_set(&s->cli->err, ERR_FAILED, "'No tests in repository'");
	if (choosing_init(&choice, s->cli, repo) < 0)
		goto out;
	/* What ran in other profiles ran in other processes. */
	if (setup_profile(s, 0).data &&
	    strtab_add(&choice.chosen, setup_profile(s, 0), NULL) == STRTAB_NONE) {
		err_nomem(&s->cli->err);
		goto out;
	}
	if (order_read(&is.order, repo, latest, &choice, &s->cli->err) < 0)
		goto out;
	rc = find_victims(&is);
	if (rc == 0 && is.victims.len)
		rc = search_all(&is) < 0 ? -1 : 3;
out:
	choice_release(&choice);
	order_release(&is.order);
	strtab_release(&is.victims);
	return rc;
}
