/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include "clock.h"
#include "packet.h"
#include "send.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
record_init(struct record *r, struct cli *cli, struct repo *repo, const struct config *config, bool subunit)
{
	*r = (struct record){
	    .cli = cli, .repo = repo, .subunit = subunit, .first = TIME_NONE, .last = TIME_NONE};
	buf_init(&r->packets, 4 * (size_t)PACKET_MAX);
	r->uxsuccess_passes = config && config_uxsuccess_passes(config);
	r->flaky_fails = config && config_flaky_fails(config);
	r->environment = config ? config_get(config, "record_environment") : NULL;
	r->started = clock_monotonic();
	r->outcome = outcome_new(subunit ? 0 : CLI_DETAIL_MAX);
	if (!r->outcome)
		return err_nomem(&cli->err);
	return cli_filter_tags(cli, config, &r->filter_tags);
}

void
record_release(struct record *r)
{
	checkout_release(&r->checkout);
	outcome_free(r->outcome);
	free(r->first_failure);
	buf_release(&r->packets);
	strtab_release(&r->filter_tags);
}

/* Begins the stored run with what is known of it, and of how many tests are planned. */
static int
begin_run(struct record *r, const struct metadata *known)
{
	struct repo_begin begin = {.command = r->cli->invoked, .uxsuccess_passes = r->uxsuccess_passes};
	struct repo_meta *pairs = calloc(known->count + 1, sizeof(*pairs));
	char planned[32];
	int rc;

	if (!pairs)
		return err_nomem(&r->cli->err);
	if (known->count)
		memcpy(pairs, known->pairs, known->count * sizeof(*pairs));
	begin.meta = pairs;
	begin.meta_count = known->count;
	if (r->plan.tests) {
		snprintf(planned, sizeof(planned), "%zu", r->plan.tests->ids.len);
		pairs[begin.meta_count++] = (struct repo_meta){SLICE_LIT("planned"), slice_str(planned)};
	}
	rc = repo_run_begin(r->repo, &begin, &r->writer, &r->cli->err);
	free(pairs);
	return rc;
}

int
record_begin(struct record *r)
{
	struct metadata metadata = {0};
	int rc;

	/* Format 1 has no place for it. */
	if (repo_format(r->repo) != 1)
		checkout_ask(&r->checkout, r->cli, r->loop);
	rc = metadata_gather(&metadata, r->cli, r->workers, r->seed, r->environment);
	if (rc == 0)
		rc = begin_run(r, &metadata);
	metadata_release(&metadata);
	return rc;
}

/* The index of a test in the plan. Of several profiles it is the one with the most tags that the result has all of. */
static size_t
find_planned(const struct record *r, const struct result *result)
{
	const struct record_plan *plan = &r->plan;
	size_t best = 0, most = 0;

	for (size_t p = 0; p < plan->profile_count; p++) {
		size_t found = 0;

		for (size_t i = 0; i < plan->profiles[p].tag_count; i++)
			for (size_t k = 0; k < result->tag_count; k++)
				found += slice_eq(plan->profiles[p].tags[i], result->tags[k]);
		if (found == plan->profiles[p].tag_count && found >= most) {
			best = p;
			most = found;
		}
	}
	return plan->tests ? account_find(plan->tests, best, result->id) : STRTAB_NONE;
}

/* True when the result makes its test a flaky one. */
static bool
count_result(struct record *r, const struct result *result)
{
	bool again = repo_supersede(&r->counts, result), failed = cli_failed(result, r->uxsuccess_passes);
	bool quarantined = event_quarantined(result->tags, result->tag_count);
	size_t test = find_planned(r, result);

	r->counts.tests++;
	if (result->status == STATUS_SKIP)
		r->counts.skips++;
	r->quarantined += quarantined * (failed - again);
	if (failed && !quarantined) {
		r->counts.failures++;
		if (!r->first_failure)
			r->first_failure = slice_dup(result->id);
	} else if (!failed && cli_has_tag(result, &r->filter_tags)) {
		r->filtered++;
	}
	if (again && !failed && r->first_failure && slice_eq(slice_str(r->first_failure), result->id)) {
		free(r->first_failure);
		r->first_failure = NULL;
	}
	r->flaky += again && !failed && !quarantined;
	if (!again && test != STRTAB_NONE && r->plan.durations && r->plan.durations[test] > 0)
		r->predicted -= (double)r->plan.durations[test];
	return again && !failed && !quarantined;
}

static void
add_duration(struct buf *out, int64_t nanoseconds)
{
	int64_t seconds = nanoseconds / TIME_SECOND;

	if (seconds >= 60)
		buf_printf(out, "%lldm%02llds", (long long)(seconds / 60), (long long)(seconds % 60));
	else
		buf_printf(out, "%llds", (long long)seconds);
}

/* History may say anything; a century is long enough. */
static int64_t
time_left(const struct record *r)
{
	double left = r->predicted / (double)r->plan.workers, most = 3e18;

	return (int64_t)(left < most ? left : most);
}

/* "120/1000 tests · 3 failed · 12s · about 8s left · running pkg.test_a": how far it is, and what takes long. */
static void
draw_live(struct record *r)
{
	int64_t now = clock_monotonic();
	struct buf line;

	if (r->subunit || !ui_live_due(&r->cli->ui, now))
		return;
	buf_init(&line, 65536);
	buf_printf(&line, "%lld", (long long)r->counts.tests);
	if (r->plan.tests)
		buf_printf(&line, "/%zu", r->plan.tests->ids.len);
	buf_printf(&line, " tests · %lld failed · ", (long long)r->counts.failures);
	add_duration(&line, now - r->started);
	if (r->plan.workers && r->predicted > 0) {
		buf_str(&line, " · about ");
		add_duration(&line, time_left(r) + TIME_SECOND - 1);
		buf_str(&line, " left");
	}
	for (size_t i = 0; i < outcome_open_count(r->outcome) && i < 8; i++) {
		buf_str(&line, i ? ", " : " · running ");
		buf_slice(&line, outcome_open_get(r->outcome, i).id);
	}
	ui_live(&r->cli->ui, now, buf_get(&line));
	buf_release(&line);
}

static int
write_packets(struct record *r, const struct event *e, struct err *err)
{
	if (packet_encode(&r->packets, e) < 0)
		return err_set(err, ERR_FAILED, "an event of test '%.*s' cannot be written as a packet",
		    SLICE_FMT(e->id));
	ui_slice(&r->cli->ui, buf_get(&r->packets));
	buf_clear(&r->packets);
	ui_flush(&r->cli->ui);
	return 0;
}

/* Looks at what storing has come to: 0 also when it failed for want of room. */
static int
check_room(struct record *r, int rc, const struct err *failure, struct err *err)
{
	enum repo_room room = repo_room(r->writer);

	if (rc < 0 && failure->kind != ERR_NO_ROOM) {
		*err = *failure;
		return -1;
	}
	if (rc < 0 || (room == REPO_ROOM_NONE && r->room != room))
		ui_warn(&r->cli->ui,
		    "testr: the disk is full: results of this run are not stored any more; tests go on, and what is shown is all there is%s%s",
		    rc < 0 ? ": " : "", rc < 0 ? failure->text : "");
	else if (room != r->room)
		ui_warn(&r->cli->ui,
		    "testr: the disk is full: from here on the attachments of this run are left out; tests go on, and their results are kept");
	r->room = room;
	r->unrecorded |= rc < 0;
	return 0;
}

static int
store(struct record *r, const struct event *e, struct err *err)
{
	struct err failure;

	return r->unrecorded ? 0 : check_room(r, repo_append(r->writer, e, &failure), &failure, err);
}

int
record_flush(struct record *r, struct err *err)
{
	struct err failure;

	return r->unrecorded ? 0 : check_room(r, repo_flush(r->writer, &failure), &failure, err);
}

int
record_event(struct record *r, const struct event *e, struct err *err)
{
	const struct result *result;
	bool flaky;

	if (checkout_ready(&r->checkout) && checkout_record(&r->checkout, r->writer, err) < 0)
		return -1;
	if (store(r, e, err) < 0)
		return -1;
	if (e->id.data)
		time_extend(&r->first, &r->last, e->time);
	if (outcome_event(r->outcome, e, &result) < 0)
		return err_nomem(err);
	flaky = result && count_result(r, result);
	if (!e->id.data && slice_eq(e->file_name, SLICE_LIT(RUNNER_ERROR_NAME))) {
		r->errors++;
		ui_warn(&r->cli->ui, "%.*s", SLICE_FMT(slice_trim(e->file)));
	}
	if (r->subunit)
		return write_packets(r, e, err);
	if (result && cli_failed(result, r->uxsuccess_passes)) {
		if (record_flush(r, err) < 0)
			return -1;
		ui_failure(&r->cli->ui, cli_label(result), result);
	}
	if (flaky)
		ui_flaky(&r->cli->ui, result);
	draw_live(r);
	return 0;
}

int
record_lost(struct record *r, struct slice id, const char *why, struct err *err)
{
	struct event e;
	struct buf line;
	int rc;

	if (r->lost++ < RECORD_LOST_SHOWN)
		ui_warn(&r->cli->ui, "lost: %.*s: %s", SLICE_FMT(id), why);
	buf_init(&line, PACKET_FILE_MAX);
	for (size_t i = 0; i < id.len; i++)
		buf_byte(&line, id.data[i] == '\n' ? ' ' : id.data[i]);
	buf_printf(&line, ": %s\n", why);
	event_init(&e);
	e.mime = SLICE_LIT("text/plain;charset=utf8");
	e.file_name = SLICE_LIT(RUNNER_LOST_NAME);
	e.file = buf_get(&line);
	rc = record_event(r, &e, err);
	buf_release(&line);
	return rc;
}

/* The tests that never ended: failures, unless the run was cut off. */
static void
count_open(struct record *r, bool interrupted)
{
	const struct result *result;

	while ((result = outcome_open_next(r->outcome)) != NULL)
		if (!interrupted)
			count_result(r, result);
}

static int
exit_status(const struct record *r, const struct record_end *end)
{
	if (end->cancelled)
		return end->cancelled;
	if (r->counts.failures || r->errors)
		return 1;
	if (r->lost)
		return err_exit_status(ERR_INCOMPLETE);
	return r->flaky && r->flaky_fails;
}

/* The run before this one, for the differences in the summary. */
static bool
run_before(struct record *r, int64_t id, struct repo_run *out)
{
	struct err ignored;

	return id > 0 && repo_run_get(r->repo, id - 1, out, &ignored) == 0 && out->state != REPO_RUNNING;
}

/* Ends the stored run. *id is -1 when there was no room for that. */
static int
finish_stored(struct record *r, const struct record_end *end, int status, int64_t *id)
{
	bool interrupted = end->interrupted || r->unrecorded;
	struct err failure;
	int rc = repo_run_finish(r->writer, interrupted ? REPO_INTERRUPTED : REPO_FINISHED,
	    end->partial || r->lost || r->unrecorded, status, id, &failure);

	r->writer = NULL;
	if (rc < 0 && failure.kind != ERR_NO_ROOM) {
		r->cli->err = failure;
		return -1;
	}
	if (rc == 0)
		return 0;
	*id = -1;
	ui_warn(&r->cli->ui,
	    "testr: the disk is full: the end of this run could not be stored, so it will be shown as interrupted, with what has been stored of it: %s",
	    failure.text);
	return 0;
}

/* "run 3: PASSED (id=12), 7 tests in 1.017s" */
static void
say_passed(struct record *r)
{
	struct ui *ui = &r->cli->ui;

	if (ui->quiet)
		return;
	ui_printf(ui, "run %lld: ", (long long)r->turn);
	ui_coloured(ui, UI_GREEN, "PASSED");
	ui_printf(ui, " (id=%lld), %lld tests in %.3fs\n", (long long)r->id,
	    (long long)(r->counts.tests - r->filtered), (double)time_between(r->first, r->last) / 1e9);
	ui_flush(ui);
}

static int
finish(struct record *r, const struct record_end *end, int *status)
{
	struct ui_summary summary;
	struct repo_run before;
	struct err ignored;
	int64_t id;
	int rc;

	if (r->lost > RECORD_LOST_SHOWN)
		ui_warn(&r->cli->ui, "lost: %zu more", r->lost - RECORD_LOST_SHOWN);
	count_open(r, end->interrupted);
	*status = exit_status(r, end);
	checkout_wait(&r->checkout);
	/* What can be saved is saved also if that cannot be stored. */
	if (checkout_ready(&r->checkout))
		checkout_record(&r->checkout, r->writer, &ignored);
	rc = finish_stored(r, end, *status, &id);
	r->id = rc < 0 ? -1 : id;
	if (rc < 0 || r->subunit)
		return rc;
	if (r->turn && *status == 0) {
		say_passed(r);
		return 0;
	}
	summary = (struct ui_summary){
	    .id = id,
	    .counts = r->counts,
	    .elapsed = time_between(r->first, r->last),
	    .errors = r->errors,
	    .flaky = r->flaky,
	    .quarantined = r->quarantined,
	    .lost = r->lost,
	    .not_run = end->not_run,
	    .interrupted = end->interrupted,
	    .failed = *status != 0,
	};
	summary.counts.tests -= r->filtered;
	if (run_before(r, id, &before)) {
		summary.before = &before.counts;
		summary.before_elapsed = time_between(before.start, before.stop);
	}
	ui_summary(&r->cli->ui, &summary);
	return 0;
}

/* A run that is not sent is stored here all the same. */
static int
send_on(struct record *r)
{
	const char *to = r->cli->args.text[ARG_TO];
	int64_t there;

	if (send_run(r->repo, r->id, to, getenv("TESTR_TOKEN"), &there, &r->cli->err) < 0)
		return -1;
	if (!r->subunit && !r->cli->ui.quiet)
		ui_printf(&r->cli->ui, "sent to %s as run %lld\n", to, (long long)there);
	return 0;
}

int
record_finish(struct record *r, const struct record_end *end, int *status)
{
	if (finish(r, end, status) < 0)
		return -1;
	return r->cli->args.set[ARG_TO] && r->id >= 0 ? send_on(r) : 0;
}
