/* SPDX-License-Identifier: Apache-2.0 */
#include "bisection.h"

#include "clock.h"
#include "probing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Candidates that the live line names. */
#define SUSPECTS 4
/* A busy process. */
#define LOAD_COMMAND "while :; do :; done"

/* A process of the load generator. */
struct busy {
	struct lane *lane;
	struct process *process; /* NULL when it is not alive */
};

struct lane {
	struct search *search;
	struct worker *worker;
	struct repo_writer *writer; /* of the probe that runs */
	struct busy *load;          /* beside it, one for each processor */
	size_t load_count;          /* that are alive */
	bool worker_ended;
	size_t *members; /* that the probe was asked to have */
	size_t count;
	bool likely; /* it will probably fail */
	struct strtab ids;
	size_t *tests; /* 0, 1, 2, …: all of them, in their order */
	struct observed seen;
	int64_t started;
};

struct search {
	struct bisection *b;
	struct runner runner;
	struct lane *lanes;
	size_t lane_count, busy;
	size_t all; /* candidates, the load generator included */
	size_t processors;
	double measured, overhead; /* seconds that probes took beyond their tests, and their number */
	struct loop_timer *budget;
	int64_t begin;
	bool over;   /* no further probe is started, whatever is known */
	bool killed; /* those that ran were broken off */
	bool done;   /* none runs */
	bool failed;
	bool strayed; /* a test process was seen to run its tests in another order */
	struct err *err;
};

static struct lane *
lane_of(struct search *s, const struct worker *w)
{
	return &s->lanes[worker_number(w)];
}

static void
fail(struct search *s)
{
	s->failed = s->over = s->killed = true;
	launch_kill(&s->b->setup->launch);
}

/* What a test says that is being stopped is no result. */
static bool
broken_off(const struct search *s)
{
	return s->killed || s->b->setup->launch.cancelled;
}

static bool
stopped(const struct search *s)
{
	return s->over || s->b->found.end != FINDING_OPEN || s->b->setup->launch.cancelled;
}

/* Of the result of a test in the probe. */
static void
take_result(struct search *s, struct lane *lane, const struct result *r)
{
	size_t at;

	if (slice_eq(r->id, slice_str(s->b->found.victim->id))) {
		lane->seen.ended |= r->status != STATUS_SKIP;
		lane->seen.failed |= cli_fails(r, config_uxsuccess_passes(s->b->setup->config));
		return;
	}
	at = strtab_find(&s->b->found.victim->before, r->id);
	if (at == STRTAB_NONE || lane->seen.ended)
		return;
	for (size_t i = 0; i < lane->seen.count; i++)
		if (lane->seen.members[i] == at)
			return;
	lane->seen.members[lane->seen.count++] = at;
}

static int
on_event(void *context, struct worker *w, const struct event *e, const struct result *closed)
{
	struct search *s = context;
	struct lane *lane = lane_of(s, w);

	if (s->failed || repo_append(lane->writer, e, s->err) < 0) {
		fail(s);
		return -1;
	}
	if (closed && !broken_off(s))
		take_result(s, lane, closed);
	return 0;
}

static int
on_pause(void *context, struct worker *w)
{
	struct search *s = context;

	if (!s->failed && repo_flush(lane_of(s, w)->writer, s->err) == 0)
		return 0;
	fail(s);
	return -1;
}

static void
release_lane(struct lane *lane)
{
	strtab_release(&lane->ids);
	free(lane->tests);
	lane->tests = NULL;
}

/* Ends the stored run. */
static int
store_end(struct search *s, struct lane *lane)
{
	bool whole = lane->seen.ended;
	struct err first, second;
	char seconds[32];
	int64_t id;
	int noted = 0, ended;

	snprintf(seconds, sizeof(seconds), "%.3f", (double)(clock_monotonic() - lane->started) / 1e9);
	if (whole || !broken_off(s))
		noted = repo_meta_set(lane->writer, SLICE_LIT(VICTIM_SECONDS), slice_str(seconds), &first);
	ended = repo_run_finish(lane->writer, whole ? REPO_FINISHED : REPO_INTERRUPTED, true,
	    whole ? lane->seen.failed : -1, &id, &second);
	lane->writer = NULL;
	if (noted == 0 && ended == 0)
		return 0;
	*s->err = noted < 0 ? first : second;
	return -1;
}

static double
tests_take(const struct search *s, const struct lane *lane)
{
	double sum = s->b->found.victim->own;

	for (size_t i = 0; i < lane->count; i++)
		if (lane->members[i] < s->b->found.victim->before.len)
			sum += s->b->found.victim->seconds[lane->members[i]];
	return sum;
}

/* What a probe costs beyond its tests is known better with each. */
static void
measure(struct search *s, const struct lane *lane)
{
	double took = (double)(clock_monotonic() - lane->started) / 1e9, over = took - tests_take(s, lane);

	s->b->found.seconds += took;
	s->measured++;
	s->overhead += over > 0.01 ? over : 0.01;
	bisect_price(s->b->found.engine, s->overhead / s->measured + s->b->found.victim->own);
}

/* What is to run before the victim has to: a test process that sorts its tests hides what depends on their order. */
static void
check_order(struct search *s, const struct lane *lane)
{
	if (s->strayed || lane->seen.count >= lane->count)
		return;
	s->strayed = true;
	ui_warn(&s->b->setup->cli->ui,
	    "note: in a probe, %zu of the %zu tests that were to run before %s had not: the test command seems to run tests in\n"
	    "an order of its own, not in that of $IDFILE. What fails in another order only is not found so.",
	    lane->count - lane->seen.count, lane->count, s->b->found.victim->id);
}

/* A probe is over, and nothing of it is alive. */
static void
finish_probe(struct search *s, struct lane *lane)
{
	s->busy--;
	bisect_forget(s->b->found.engine);
	if (store_end(s, lane) < 0 || s->failed) {
		fail(s);
	} else if (lane->seen.ended) {
		check_order(s, lane);
		measure(s, lane);
		if (finding_observe(&s->b->found, &lane->seen, s->err) < 0)
			fail(s);
	} else if (!broken_off(s)) {
		s->b->found.silent++;
	}
	release_lane(lane);
}

static void
draw_live(struct search *s)
{
	struct bisect_suspect suspects[SUSPECTS];
	struct ui *ui = &s->b->setup->cli->ui;
	int64_t now = clock_monotonic();
	struct buf line;
	size_t count;

	if (!ui_live_due(ui, now))
		return;
	buf_init(&line, 65536);
	buf_printf(&line, "%zu probes · %zu failed · %llds", s->b->found.probes, s->b->found.failures,
	    (long long)((now - s->begin) / TIME_SECOND));
	buf_printf(&line, " · alone %.0f%%", 100 * s->b->found.verdict.kinds[EXPLANATION_ALONE]);
	count = bisect_suspects(s->b->found.engine, suspects, SUSPECTS);
	for (size_t i = 0; i < count; i++) {
		if (suspects[i].candidate >= s->b->found.victim->before.len)
			buf_printf(&line, " · load %.0f%%", 100 * suspects[i].weight);
		else if (suspects[i].number > 1)
			buf_printf(
			    &line, " · one of %zu %.0f%%", suspects[i].number, 100 * suspects[i].weight);
		else
			buf_printf(&line, " · %.*s %.0f%%",
			    SLICE_FMT(strtab_get(&s->b->found.victim->before, suspects[i].candidate)),
			    100 * suspects[i].weight);
	}
	ui_live(ui, now, buf_get(&line));
	buf_release(&line);
}

static void start_all(struct search *s);

static void
lane_ended(struct search *s, struct lane *lane)
{
	if (!lane->worker_ended || lane->load_count)
		return;
	finish_probe(s, lane);
	if (!s->failed && finding_judge(&s->b->found, s->err) < 0)
		fail(s);
	if (!s->failed)
		draw_live(s);
	start_all(s);
}

static void
on_load_ended(void *context, const struct process_end *end)
{
	struct busy *busy = context;
	struct lane *lane = busy->lane;

	(void)end;
	launch_ended(&lane->search->b->setup->launch, busy->process);
	busy->process = NULL;
	lane->load_count--;
	lane_ended(lane->search, lane);
}

static void
on_ended(void *context, struct worker *w, const struct process_end *end, const char *why)
{
	struct search *s = context;
	struct lane *lane = lane_of(s, w);

	(void)why;
	if (!broken_off(s) && worker_blame(w, end) < 0)
		fail(s);
	lane->worker_ended = true;
	for (size_t i = 0; lane->load && i < s->processors; i++)
		if (lane->load[i].process)
			process_kill(lane->load[i].process);
	lane_ended(s, lane);
}

/* What identifies a probe among the runs. */
static int
begin_run(struct search *s, struct lane *lane, bool load)
{
	char run[32], confidence[32];
	struct repo_meta more[7] = {
	    {SLICE_LIT(REPO_META_PROBE), SLICE_LIT("bisect")},
	    {SLICE_LIT(VICTIM_SEARCH), slice_str(s->b->name)},
	    {SLICE_LIT(VICTIM_TEST), slice_str(s->b->found.victim->id)},
	};
	size_t count = 3;

	snprintf(run, sizeof(run), "%lld", (long long)s->b->found.victim->run);
	snprintf(confidence, sizeof(confidence), "%g", s->b->found.confidence);
	more[count++] = (struct repo_meta){SLICE_LIT(VICTIM_RUN), slice_str(run)};
	more[count++] = (struct repo_meta){SLICE_LIT(VICTIM_CONFIDENCE), slice_str(confidence)};
	if (s->b->found.victim->profile)
		more[count++] =
		    (struct repo_meta){SLICE_LIT(VICTIM_PROFILE), slice_str(s->b->found.victim->profile)};
	if (load)
		more[count++] = (struct repo_meta){SLICE_LIT(VICTIM_LOAD), SLICE_LIT("true")};
	return probing_begin(s->b->setup, s->b->repo, 1, NULL, more, count, &lane->writer, s->err);
}

static int
start_load(struct search *s, struct lane *lane)
{
	struct process_spec spec = {.command = LOAD_COMMAND, .inherit_output = true, .ended = on_load_ended};

	for (size_t i = 0; i < s->processors; i++) {
		struct busy *busy = &lane->load[i];

		busy->lane = lane;
		spec.context = busy;
		if (launch_start(&s->b->setup->launch, &spec, false, &busy->process, s->err) < 0)
			return -1;
		lane->load_count++;
	}
	return 0;
}

/* The ids of the probe's tests, the victim last. */
static int
plan(struct search *s, struct lane *lane)
{
	const struct victim *v = s->b->found.victim;

	lane->tests = calloc(lane->count + 1, sizeof(*lane->tests));
	if (!lane->tests)
		return err_nomem(s->err);
	for (size_t i = 0; i < lane->count; i++)
		if (lane->members[i] < v->before.len &&
		    strtab_add(&lane->ids, strtab_get(&v->before, lane->members[i]), NULL) == STRTAB_NONE)
			return err_nomem(s->err);
	if (strtab_add(&lane->ids, slice_str(v->id), NULL) == STRTAB_NONE)
		return err_nomem(s->err);
	for (size_t i = 0; i < lane->ids.len; i++)
		lane->tests[i] = i;
	return 0;
}

/* Asks the engine what is to be probed while the others run. */
static int
ask(struct search *s, struct lane *lane)
{
	const size_t *members;
	double failing;

	for (size_t i = 0; i < s->lane_count; i++) {
		const struct lane *other = &s->lanes[i];

		if (other->writer &&
		    bisect_assume(s->b->found.engine, other->members, other->count, other->likely) < 0)
			return err_nomem(s->err);
	}
	if (bisect_next(s->b->found.engine, &members, &lane->count, &failing) < 0)
		return err_nomem(s->err);
	memcpy(lane->members, members, lane->count * sizeof(*members));
	lane->likely = failing > 0.5;
	bisect_forget(s->b->found.engine);
	return 0;
}

static int
start_probe(struct search *s, struct lane *lane)
{
	bool load;

	if (ask(s, lane) < 0)
		return -1;
	load = s->b->found.load && lane->count && lane->members[lane->count - 1] == s->all - 1;
	if (plan(s, lane) < 0 || begin_run(s, lane, load) < 0) {
		release_lane(lane);
		return -1;
	}
	lane->seen.count = 0;
	lane->seen.ended = lane->seen.failed = lane->worker_ended = false;
	if (load)
		lane->seen.members[lane->seen.count++] = s->all - 1;
	lane->started = clock_monotonic();
	s->busy++;
	if (worker_start(lane->worker, 0,
		&(struct template_ids){.table = &lane->ids, .tests = lane->tests, .count = lane->ids.len},
		s->err) < 0) {
		s->busy--;
		store_end(s, lane);
		release_lane(lane);
		return -1;
	}
	/* The processes that are there already end with the probe. */
	return load ? start_load(s, lane) : 0;
}

static void
start_all(struct search *s)
{
	for (size_t i = 0; i < s->lane_count && !stopped(s); i++)
		if (!s->lanes[i].writer && start_probe(s, &s->lanes[i]) < 0 && !s->b->setup->launch.cancelled)
			fail(s);
	s->done = s->busy == 0;
}

static void
budget_over(void *context)
{
	struct search *s = context;

	s->over = s->killed = true;
	launch_kill(&s->b->setup->launch);
}

static int
make_lanes(struct search *s)
{
	struct worker_calls calls = {.event = on_event, .pause = on_pause, .ended = on_ended, .context = s};
	/* A probe beside the generator is to be disturbed by that alone, and the others not at all. */
	size_t count = s->b->found.load ? 1 : s->b->setup->workers;

	s->lanes = calloc(count, sizeof(*s->lanes));
	if (!s->lanes)
		return err_nomem(s->err);
	for (; s->lane_count < count; s->lane_count++) {
		struct lane *lane = &s->lanes[s->lane_count];

		lane->search = s;
		lane->worker = worker_new(&s->runner, (unsigned)s->lane_count, calls);
		lane->members = calloc(s->all + 1, sizeof(*lane->members));
		lane->seen.members = calloc(s->all + 1, sizeof(*lane->seen.members));
		lane->load = s->b->found.load ? calloc(s->processors, sizeof(*lane->load)) : NULL;
		if (!lane->worker || !lane->members || !lane->seen.members ||
		    (s->b->found.load && !lane->load)) {
			s->lane_count++;
			return err_nomem(s->err);
		}
	}
	return 0;
}

static void
release(struct search *s)
{
	for (size_t i = 0; i < s->lane_count; i++) {
		worker_free(s->lanes[i].worker);
		free(s->lanes[i].members);
		free(s->lanes[i].seen.members);
		free(s->lanes[i].load);
	}
	free(s->lanes);
	loop_timer_free(s->budget);
}

static int
search(struct search *s)
{
	struct bisection *b = s->b;

	/* What had no result is tried again. */
	b->found.silent = 0;
	if (finding_judge(&s->b->found, s->err) < 0)
		return -1;
	s->budget = loop_timer_new(b->setup->launch.loop, budget_over, s);
	if (!s->budget)
		return err_nomem(s->err);
	loop_timer_set(s->budget, b->budget);
	start_all(s);
	if (s->busy)
		loop_run(b->setup->launch.loop, &s->done);
	ui_live_clear(&b->setup->cli->ui);
	if (s->failed)
		return -1;
	b->cancelled = b->setup->launch.cancelled;
	return bisect_verdict(b->found.engine, &b->found.verdict) < 0 ? err_nomem(s->err) : 0;
}

int
bisection_run(struct bisection *b)
{
	struct setup *setup = b->setup;
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	struct search s = {.b = b,
	    .all = finding_candidates(&b->found),
	    .processors = processors > 0 ? (size_t)processors : 1,
	    .begin = clock_monotonic(),
	    .err = &setup->cli->err,
	    .runner = probing_runner(setup)};
	int rc = -1;

	if (finding_begin(&b->found, b->repo, s.err) == 0 && make_lanes(&s) == 0 &&
	    finding_resume(&b->found, b->repo, slice_str(b->name), NULL, NULL, s.err) == 0)
		rc = search(&s);
	release(&s);
	return rc;
}
