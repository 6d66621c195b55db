/* SPDX-License-Identifier: Apache-2.0 */
#include "repeat.h"

#include "clock.h"
#include "interval.h"

#include <stdlib.h>

int
repeat_init(struct repeat *r, struct cli *cli)
{
	const struct args *a = &cli->args;
	int64_t length;

	*r = (struct repeat){.cli = cli, .on = a->set[ARG_UNTIL_FAILURE], .last = -1};
	r->limited = a->set[ARG_MAX_RUNS] || a->set[ARG_FOR];
	if (r->limited && !r->on)
		return err_set(&cli->err, ERR_USAGE, "--max-runs and --for are limits of --until-failure");
	if (a->set[ARG_MAX_RUNS] && a->number[ARG_MAX_RUNS] < 1)
		return err_set(&cli->err, ERR_USAGE, "option --max-runs: it is a number of runs, at least 1");
	r->most = a->set[ARG_MAX_RUNS] ? a->number[ARG_MAX_RUNS] : 0;
	if (!a->set[ARG_FOR])
		return 0;
	if (cli_duration(cli, "--for", a->text[ARG_FOR], &length) < 0)
		return -1;
	if (__builtin_add_overflow(clock_monotonic(), length, &r->end))
		r->end = INT64_MAX;
	return 0;
}

void
repeat_took(struct repeat *r, struct record *record)
{
	r->runs++;
	r->last = record->id;
	free(r->failure);
	r->failure = record->first_failure;
	record->first_failure = NULL;
}

bool
repeat_again(const struct repeat *r, int status)
{
	return r->on && status == 0 && (!r->most || r->runs < r->most) &&
	       (!r->end || clock_monotonic() < r->end);
}

/* "testr bisect 'a test' -r 12" */
static void
name_next(struct repeat *r)
{
	struct buf test;

	buf_init(&test, 1 << 20);
	optparse_shell_word(&test, slice_str(r->failure));
	if (!test.failed)
		ui_warn(&r->cli->ui,
		    "testr: run %lld failed; `testr bisect %s -r %lld` finds out what makes it fail",
		    (long long)r->runs, buf_cstr(&test), (long long)r->last);
	buf_release(&test);
}

void
repeat_finish(struct repeat *r, int status)
{
	struct ui *ui = &r->cli->ui;

	/* Without the new options standard error is as Python's, unless somebody reads it. */
	if (r->on && status == 1 && r->failure && r->last >= 0 && (r->limited || ui->live))
		name_next(r);
	if (r->limited && status == 0 && r->runs && !ui->quiet && !r->cli->args.set[ARG_SUBUNIT])
		ui_printf(ui, "No failure in %lld runs: the rate is below %.2g%%, with 95%% confidence.\n",
		    (long long)r->runs, 100 * interval_upper(0, (uint64_t)r->runs, 0.95));
	free(r->failure);
	r->failure = NULL;
}
