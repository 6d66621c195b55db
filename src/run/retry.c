/* SPDX-License-Identifier: Apache-2.0 */
#include "retry.h"

#include <stdlib.h>

/* One further attempt at what failed. */
struct round {
	struct account account;
	struct runner_test *tests;
	size_t *of; /* the place of each in the account of all */
	struct schedule_segment *segments;
};

static void
round_release(struct round *round)
{
	account_release(&round->account);
	free(round->tests);
	free(round->of);
	free(round->segments);
}

/* Gathers what failed last, to be run by the worker after the one it failed with. */
static int
gather(struct round *round, const struct runner *r, const struct account *all,
    const struct runner_test *tests, struct err *err)
{
	size_t count = 0;

	round->account.profiled = all->profiled;
	for (size_t i = 0; i < all->ids.len; i++)
		count += all->failed[i] > 0;
	round->tests = calloc(count + 1, sizeof(*round->tests));
	round->of = calloc(count + 1, sizeof(*round->of));
	if (!round->tests || !round->of)
		return err_nomem(err);
	for (size_t i = 0; i < all->ids.len; i++) {
		size_t test;

		if (!all->failed[i])
			continue;
		test = account_plan(&round->account, strtab_get(&all->ids, i));
		if (test == STRTAB_NONE)
			return err_nomem(err);
		round->of[test] = i;
		round->tests[test] = tests ? tests[i] : (struct runner_test){.duration = -1};
		round->tests[test].only = r->workers > 1 ? all->failed[i] % r->workers + 1 : 0;
	}
	return 0;
}

/* Makes each step of the plan one whose tests have processes of their own. */
static int
isolate(struct round *round, struct runner *r, struct err *err)
{
	r->isolated = true;
	r->serves = false;
	if (!r->segments)
		return 0;
	round->segments = calloc(r->segment_count, sizeof(*round->segments));
	if (!round->segments)
		return err_nomem(err);
	for (size_t i = 0; i < r->segment_count; i++)
		round->segments[i] = (struct schedule_segment){r->segments[i].concurrency, true};
	r->segments = round->segments;
	return 0;
}

/* One more attempt at what failed. */
static int
run_round(struct runner *r, bool last, struct account *all, const struct runner_test *tests, bool keep_order,
    struct err *err)
{
	struct runner_report report;
	struct runner again = *r;
	struct round round = {0};
	int rc = gather(&round, &again, all, tests, err);

	if (rc == 0 && last)
		rc = isolate(&round, &again, err);
	if (rc == 0)
		rc = runner_run(&again, &round.account, round.tests, keep_order, &report, err);
	for (size_t i = 0; rc == 0 && i < round.account.ids.len; i++)
		all->failed[round.of[i]] = round.account.failed[i];
	round_release(&round);
	return rc;
}

static bool
any_failed(const struct account *a)
{
	for (size_t i = 0; i < a->ids.len; i++)
		if (a->failed[i])
			return true;
	return false;
}

int
retry_run(struct runner *r, unsigned retries, struct account *account, const struct runner_test *tests,
    bool keep_order, struct runner_report *out, struct err *err)
{
	int rc = runner_run(r, account, tests, keep_order, out, err);

	for (unsigned attempt = 2; rc == 0 && attempt <= retries + 1; attempt++) {
		if (r->launch->cancelled || !any_failed(account))
			break;
		r->attempt = attempt;
		rc = run_round(r, attempt == retries + 1, account, tests, keep_order, err);
	}
	return rc;
}
