/* SPDX-License-Identifier: Apache-2.0 */
#include "isolation.h"

#include "isolate.h"
#include "lists.h"
#include "order.h"

#include <stdlib.h>

struct isolation {
	struct setup *setup;
	struct repo *repo;
	struct cli *cli;
	struct order order; /* of the latest run */
	struct strtab victims;
	/* Of the probe that is on: */
	struct outcome *outcome;
	struct slice victim;
	bool victim_ran, victim_failed;
	/* Of the search that is on: */
	const size_t *candidates; /* indexes into order.ids */
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
probe(void *context, const size_t *tests, size_t count, bool *failed)
{
	struct isolation *is = context;
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
	*failed = is->victim_failed;
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
	bool failed;
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
		if (probe(is, NULL, 0, &failed) < 0)
			goto out;
		if (is->victim_ran && !failed && strtab_add(&is->victims, is->victim, NULL) == STRTAB_NONE) {
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

/* What ran before the victim in its worker. The array is freed by the caller; it is empty when the victim is
 * not in the run. */
static size_t *
tests_before(const struct isolation *is, size_t *count)
{
	size_t victim = strtab_find(&is->order.ids, is->victim), at = 0;
	size_t *before = calloc(is->order.count + 1, sizeof(*before));

	*count = 0;
	while (at < is->order.count && is->order.tests[at].id != victim)
		at++;
	for (size_t i = 0; before && at < is->order.count && i < at; i++)
		if (is->order.tests[i].worker == is->order.tests[at].worker)
			before[(*count)++] = is->order.tests[i].id;
	return before;
}

static void
add_cause(struct isolation *is, const struct isolate_result *found, struct buf *out)
{
	if (found->verdict != ISOLATE_FOUND) {
		buf_str(out, found->verdict == ISOLATE_UNSTABLE ? "unknown - it fails by chance"
								: "unknown - no conflicts");
		return;
	}
	for (size_t i = 0; i < found->count; i++) {
		buf_str(out, i ? " with " : "");
		buf_slice(out, strtab_get(&is->order.ids, is->candidates[found->culprits[i]]));
	}
}

/* One row of the table: the victim and its cause. */
static int
search(struct isolation *is, struct slice victim, struct strtab *causes, struct slice *out)
{
	struct isolate_result found = {0};
	size_t *before, count, at = STRTAB_NONE;
	struct buf cause;
	int rc = -1;

	buf_init(&cause, 1 << 20);
	is->victim = victim;
	is->candidates = before = tests_before(is, &count);
	if (!before)
		err_nomem(&is->cli->err);
	else
		rc = isolate(count, probe, is, &found);
	if (rc == 0) {
		add_cause(is, &found, &cause);
		at = strtab_add(causes, buf_get(&cause), NULL);
		rc = at == STRTAB_NONE ? err_nomem(&is->cli->err) : 0;
	}
	if (rc == 0)
		*out = strtab_get(causes, at);
	isolate_release(&found);
	buf_release(&cause);
	free(before);
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
