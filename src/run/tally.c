/* SPDX-License-Identifier: Apache-2.0 */
#include "tally.h"

#include "fixture.h"
#include "packet.h"

#include <stdlib.h>

void
tally_fail(struct tally *t)
{
	t->failed = true;
	launch_kill(t->r->launch);
}

bool
tally_stopping(const struct tally *t)
{
	return t->failed || t->r->launch->cancelled;
}

bool
tally_blames(const struct tally *t)
{
	return !t->failed && (!t->r->launch->cancelled || launch_timed_out(t->r->launch));
}

int
tally_schedule(struct tally *t, const struct runner_test *tests, struct schedule_options options)
{
	size_t count = t->account->ids.len;
	struct schedule_test *list = calloc(count + 1, sizeof(*list));

	if (!list)
		return err_nomem(t->err);
	for (size_t i = 0; i < count; i++) {
		list[i].duration = -1;
		if (tests)
			list[i] = (struct schedule_test){.group = tests[i].group,
			    .duration = tests[i].duration,
			    .failed = tests[i].failed,
			    .only = tests[i].only,
			    .limits = tests[i].limits,
			    .segment = options.segment_count > 1 ? tests[i].segment : 0,
			    .profile = account_profile(t->account, i)};
	}
	options.workers = t->r->workers;
	options.limits = t->r->limits;
	options.limit_count = t->r->limit_count;
	t->schedule = schedule_new(list, count, &options);
	free(list);
	if (!t->schedule)
		return err_nomem(t->err);
	for (size_t i = 0; i < count; i++)
		if (t->account->fates[i] != FATE_OPEN)
			schedule_done(t->schedule, i, -1);
	return 0;
}

struct template_ids
tally_ids(const struct tally *t, const size_t *tests, size_t count)
{
	return (struct template_ids){.table = &t->account->ids,
	    .tests = tests,
	    .count = count,
	    .suffix = t->account->profiled ? ACCOUNT_SUFFIX : 0};
}

int
tally_event(struct tally *t, const struct event *e)
{
	if (t->failed)
		return -1;
	if (t->r->sink.event(t->r->sink.context, e, t->err) == 0)
		return 0;
	tally_fail(t);
	return -1;
}

int
tally_pause(struct tally *t)
{
	if (t->failed || t->r->sink.pause(t->r->sink.context, t->err) < 0)
		tally_fail(t);
	return t->failed ? -1 : 0;
}

size_t
tally_settle(struct tally *t, size_t test, enum fate fate, int64_t duration)
{
	if (!account_settle(t->account, test, fate))
		return 0;
	if (t->schedule)
		schedule_done(t->schedule, test, duration);
	return 1;
}

/* A test that was not run again still has the result it had. */
static void
note_not_tried(struct tally *t, struct slice id, const char *why)
{
	struct buf text;

	buf_init(&text, id.len + 1024);
	buf_printf(&text, "%.*s was not tried again: %s", SLICE_FMT(id), why);
	if (buf_cstr(&text))
		t->r->sink.note(t->r->sink.context, buf_cstr(&text));
	buf_release(&text);
}

size_t
tally_lose(struct tally *t, size_t test, const char *why)
{
	struct buf text;

	if (!tally_settle(t, test, FATE_LOST, -1))
		return 0;
	buf_init(&text, 4096);
	if (t->account->profiled)
		buf_printf(&text, "in %s: ", t->r->profiles[account_profile(t->account, test)].name);
	buf_str(&text, why);
	if (t->r->attempt > 1)
		note_not_tried(t, account_id(t->account, test), buf_cstr(&text));
	else if (t->r->sink.lost(t->r->sink.context, account_id(t->account, test), buf_cstr(&text), t->err) <
		 0)
		tally_fail(t);
	buf_release(&text);
	return 1;
}

size_t
tally_result(struct tally *t, const struct worker *w, const struct result *r)
{
	size_t test = account_find(t->account, worker_profile(w), r->id);

	if (test == STRTAB_NONE)
		return 0;
	if (r->status == STATUS_FAIL ||
	    (r->status == STATUS_UXSUCCESS && !config_uxsuccess_passes(t->r->config)))
		account_fail(t->account, test, worker_number(w));
	return tally_settle(t, test, FATE_RESULT, result_duration(r));
}

size_t
tally_fixture(struct tally *t, const struct result *r, const size_t *tests, size_t count)
{
	struct slice fixture;
	size_t decided = 0;

	if ((r->status != STATUS_FAIL && r->status != STATUS_SKIP) || !fixture_of(r->id, &fixture))
		return 0;
	for (size_t i = 0; i < (tests ? count : t->account->ids.len); i++) {
		size_t test = tests ? tests[i] : i;

		if (fixture_covers(fixture, account_id(t->account, test)))
			decided += tally_settle(t, test, FATE_NOT_RUN, -1);
	}
	return decided;
}

static void
note_left(struct tally *t, const struct worker *w, const struct process_end *end)
{
	struct buf text;

	buf_init(&text, 1024);
	buf_printf(&text, "worker-%u left %u process%s behind, now killed: %s", worker_number(w), end->left,
	    end->left == 1 ? "" : "es", end->leaver);
	t->r->sink.note(t->r->sink.context, buf_cstr(&text));
	buf_release(&text);
}

/* The process ended, or was killed, outside of tests. */
static int
tell_end(struct worker *w, const struct process_end *end, const char *what, const char *why)
{
	struct buf text;
	int rc;

	buf_init(&text, 4 * WORKER_TAIL_MAX);
	buf_printf(&text, "The %s of worker-%u ended with ", what, worker_number(w));
	process_end_words(end, &text);
	buf_str(&text, " while no test was running");
	if (why)
		buf_printf(&text, ": %s", why);
	buf_str(&text, ".\n");
	worker_tail(w, &text);
	rc = worker_error(w, buf_get(&text));
	buf_release(&text);
	return rc;
}

int
tally_end(struct tally *t, struct worker *w, const struct process_end *end, const char *what, const char *why,
    bool expected)
{
	int blamed = worker_blame(w, end);

	if (blamed < 0)
		return -1;
	if (end->left)
		note_left(t, w, end);
	if (blamed == 0 && !expected && tell_end(w, end, what, why) < 0)
		return -1;
	return blamed;
}

/* The lines of one event are about this long together. */
#define LINES_SIZE ((size_t)256 * 1024)

/* Tells "ID: why" lines, and forgets them. */
static int
tell_not_run(struct tally *t, struct buf *lines)
{
	struct event e;
	int rc;

	event_init(&e);
	e.mime = SLICE_LIT("text/plain;charset=utf8");
	e.file_name = SLICE_LIT(RUNNER_NOT_RUN_NAME);
	e.file = buf_get(lines);
	rc = e.file.len ? tally_event(t, &e) : 0;
	buf_clear(lines);
	return rc;
}

size_t
tally_close(struct tally *t)
{
	struct account *a = t->account;
	bool tell = launch_timed_out(t->r->launch) && t->r->attempt < 2 && !t->failed;
	struct buf lines;

	buf_init(&lines, PACKET_FILE_MAX);
	for (size_t i = 0; tell && i < a->ids.len; i++) {
		struct slice id = strtab_get(&a->ids, i);

		if (a->fates[i] != FATE_OPEN)
			continue;
		for (size_t k = 0; k < id.len; k++)
			buf_byte(&lines, id.data[k] == '\n' ? ' ' : id.data[k]);
		buf_printf(&lines, ": the time for the run was over, %lld s\n",
		    (long long)(t->r->profiles->timeouts.run / 1000000000));
		tell = lines.len < LINES_SIZE || tell_not_run(t, &lines) == 0;
	}
	if (tell)
		tell_not_run(t, &lines);
	buf_release(&lines);
	return account_close(a);
}
