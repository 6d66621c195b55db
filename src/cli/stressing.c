/* SPDX-License-Identifier: Apache-2.0 */
#include "stressing.h"

#include "arrange.h"
#include "clock.h"
#include "probing.h"
#include "run_causes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A test that has no result so often in a row will have none. */
#define SILENT_MAX 5

/* What keeps a processor busy, and a disk. The file has no name, so that nothing is left when it is killed. */
#define CPU_COMMAND "while :; do :; done"
#define IO_COMMAND \
	"f=$(mktemp ./.testr-load-XXXXXX) && exec 3>\"$f\" && rm \"$f\" &&" \
	" while :; do dd if=/dev/zero of=/proc/self/fd/3 bs=1M count=64 conv=fsync 2>/dev/null || exit; done"
#define IO_PROCESSES 2

struct repetition {
	struct worker *worker;
	struct stressed *test;      /* NULL when none runs */
	struct repo_writer *writer; /* of its run */
	struct outcome *outcome;    /* with attachments, for the causes */
	struct strtab ids;
	size_t *tests; /* 0, 1, 2, …: all of them, in their order */
	bool ended, failed;
	int64_t started;
};

/* A process that keeps something busy. */
struct load {
	struct rounds *rounds;
	struct process *process; /* NULL when it is not alive */
};

struct rounds {
	struct stressing *s;
	struct runner runner;
	struct repetition *all;
	size_t count, busy;
	struct load *loads;
	size_t load_count, loads_alive;
	bool unloaded; /* none is alive */
	struct loop_timer *time;
	int64_t started; /* repetitions */
	bool over, failed, done;
	struct err *err;
};

static struct repetition *
repetition_of(struct rounds *r, const struct worker *w)
{
	return &r->all[worker_number(w)];
}

static void
fail(struct rounds *r)
{
	r->failed = r->over = true;
	launch_kill(&r->s->setup->launch);
}

static bool
stopped(const struct rounds *r)
{
	return r->over || r->s->setup->launch.cancelled;
}

static int
take_result(struct rounds *r, struct repetition *p, const struct result *result)
{
	bool uxsuccess = config_uxsuccess_passes(r->s->setup->config);

	/* What a test says that is being stopped is no result. */
	if (!slice_eq(result->id, p->test->id) || result->status == STATUS_SKIP || r->failed ||
	    r->s->setup->launch.cancelled)
		return 0;
	p->ended = true;
	if (!cli_failed(result, uxsuccess))
		return 0;
	p->failed = true;
	return causes_add(&r->s->causes, result, r->err);
}

static int
on_event(void *context, struct worker *w, const struct event *e, const struct result *closed)
{
	struct rounds *r = context;
	struct repetition *p = repetition_of(r, w);
	const struct result *result;

	(void)closed;
	if (r->failed || repo_append(p->writer, e, r->err) < 0) {
		fail(r);
		return -1;
	}
	if (outcome_event(p->outcome, e, &result) < 0)
		err_nomem(r->err);
	else if (!result || take_result(r, p, result) == 0)
		return 0;
	fail(r);
	return -1;
}

static int
on_pause(void *context, struct worker *w)
{
	(void)context;
	(void)w;
	return 0;
}

static void
draw_live(struct rounds *r, const struct stressed *t)
{
	struct ui *ui = &r->s->setup->cli->ui;
	int64_t now = clock_monotonic();
	struct interval range;
	struct buf line;

	if (!ui_live_due(ui, now))
		return;
	range = sequential_interval(&t->rate);
	buf_init(&line, 65536);
	buf_printf(&line, "%lld runs · %llu of %llu failed, %.3g%% to %.3g%% · ", (long long)r->s->runs,
	    (unsigned long long)t->rate.failures, (unsigned long long)t->rate.runs, 100 * range.low,
	    100 * range.high);
	buf_slice(&line, t->id);
	ui_live(ui, now, buf_get(&line));
	buf_release(&line);
}

/* Ends the stored run of a repetition that is over, and takes its result. */
static int
finish(struct rounds *r, struct repetition *p)
{
	struct stressed *t = p->test;
	int64_t id;
	int rc = repo_run_finish(p->writer, p->ended ? REPO_FINISHED : REPO_INTERRUPTED, true,
	    p->ended ? p->failed : -1, &id, r->err);

	p->writer = NULL;
	p->test = NULL;
	outcome_free(p->outcome);
	p->outcome = NULL;
	strtab_release(&p->ids);
	free(p->tests);
	p->tests = NULL;
	r->busy--;
	if (rc < 0)
		return -1;
	r->s->runs++;
	t->seconds += (double)(clock_monotonic() - p->started) / 1e9;
	if (p->failed)
		r->s->last_failure = id;
	if (p->ended) {
		sequential_take(&t->rate, p->failed);
		t->silent = 0;
	} else if (!stopped(r) && ++t->silent >= SILENT_MAX) {
		r->s->end = STRESSING_SILENT;
		r->s->silent = t;
		r->over = true;
	}
	draw_live(r, t);
	return 0;
}

/* What identifies a repetition among the runs. */
static int
begin_run(struct rounds *r, struct repetition *p, uint32_t seed)
{
	const struct stressing *s = r->s;
	struct repo_meta more[5] = {
	    {SLICE_LIT(REPO_META_PROBE), SLICE_LIT("stress")}, {SLICE_LIT(STRESSING_TEST), p->test->id}};
	char list[32], copies[32];
	size_t count = 2;

	snprintf(list, sizeof(list), "%lld", (long long)p->test->list);
	snprintf(copies, sizeof(copies), "%zu", s->copies);
	if (p->test->list >= 0)
		more[count++] = (struct repo_meta){SLICE_LIT(STRESSING_LIST), slice_str(list)};
	if (s->copies > 1)
		more[count++] = (struct repo_meta){SLICE_LIT(STRESSING_COPIES), slice_str(copies)};
	if (s->cpu || s->io)
		more[count++] = (struct repo_meta){
		    SLICE_LIT(STRESSING_LOAD), slice_str(s->cpu ? s->io ? "cpu io" : "cpu" : "io")};
	return probing_begin(
	    s->setup, s->repo, s->copies, s->shuffle ? &seed : NULL, more, count, &p->writer, r->err);
}

/* The tests of a repetition, the one that it is about last. */
static int
plan(struct rounds *r, struct repetition *p, uint32_t seed)
{
	struct arrange order = {.order = ARRANGE_RANDOM, .seed = seed};

	for (size_t i = 0; i < p->test->before.len; i++)
		if (strtab_add(&p->ids, strtab_get(&p->test->before, i), NULL) == STRTAB_NONE)
			return err_nomem(r->err);
	if (r->s->shuffle && arrange_shuffle(&order, &p->ids, r->err) < 0)
		return -1;
	p->tests = calloc(p->ids.len + 1, sizeof(*p->tests));
	p->outcome = outcome_new(RUN_CAUSES_DETAIL_MAX);
	if (!p->tests || !p->outcome || strtab_add(&p->ids, p->test->id, NULL) == STRTAB_NONE)
		return err_nomem(r->err);
	for (size_t i = 0; i < p->ids.len; i++)
		p->tests[i] = i;
	return 0;
}

/* The test that was run least of those whose rates are not known, those that run now counted; NULL when there is
 * none. */
static struct stressed *
choose(struct rounds *r)
{
	struct stressed *least = NULL;
	uint64_t least_runs = 0;

	for (size_t i = 0; i < r->s->count; i++) {
		struct stressed *t = &r->s->tests[i];
		uint64_t runs = t->rate.runs;

		if (sequential_state(&t->rate) != SEQUENTIAL_OPEN)
			continue;
		for (size_t k = 0; k < r->count; k++)
			runs += r->all[k].test == t;
		if (!least || runs < least_runs) {
			least = t;
			least_runs = runs;
		}
	}
	return least;
}

static int
start(struct rounds *r, struct repetition *p, struct stressed *t)
{
	uint32_t seed = r->s->seed + (uint32_t)r->started++;

	p->test = t;
	p->ended = p->failed = false;
	p->started = clock_monotonic();
	r->busy++;
	if (plan(r, p, seed) == 0 && begin_run(r, p, seed) == 0) {
		if (worker_start(p->worker, 0,
			&(struct template_ids){.table = &p->ids, .tests = p->tests, .count = p->ids.len},
			r->err) == 0)
			return 0;
		finish(r, p);
		return -1;
	}
	r->busy--;
	p->test = NULL;
	outcome_free(p->outcome);
	p->outcome = NULL;
	strtab_release(&p->ids);
	free(p->tests);
	p->tests = NULL;
	return -1;
}

static void
start_all(struct rounds *r)
{
	for (size_t i = 0; i < r->count && !stopped(r); i++) {
		struct stressed *t = r->all[i].test ? NULL : choose(r);

		if (!t)
			continue;
		if (r->s->most && r->started >= r->s->most) {
			r->s->end = STRESSING_LIMIT;
			break;
		}
		if (start(r, &r->all[i], t) < 0 && !r->s->setup->launch.cancelled)
			fail(r);
	}
	r->done = r->busy == 0;
}

static void
on_ended(void *context, struct worker *w, const struct process_end *end, const char *why)
{
	struct rounds *r = context;

	(void)why;
	if (!r->failed && !r->s->setup->launch.cancelled && worker_blame(w, end) < 0)
		fail(r);
	if (finish(r, repetition_of(r, w)) < 0)
		fail(r);
	start_all(r);
}

/* What runs at that time may end. */
static void
time_over(void *context)
{
	struct rounds *r = context;

	if (!r->over)
		r->s->end = STRESSING_LIMIT;
	r->over = true;
}

static void
on_load_ended(void *context, const struct process_end *end)
{
	struct load *load = context;
	struct rounds *r = load->rounds;

	launch_ended(&r->s->setup->launch, load->process);
	load->process = NULL;
	r->loads_alive--;
	if (!r->done && !stopped(r))
		ui_warn(&r->s->setup->cli->ui, "note: a process that makes load has ended: %s",
		    end->signal ? "it was killed" : "is the disk full?");
	r->unloaded = r->loads_alive == 0;
}

static int
start_load(struct rounds *r, const char *command, size_t count)
{
	struct process_spec spec = {.command = command, .inherit_output = true, .ended = on_load_ended};

	for (; count; count--) {
		struct load *load = &r->loads[r->load_count];

		load->rounds = r;
		spec.context = load;
		if (launch_start(&r->s->setup->launch, &spec, false, &load->process, r->err) < 0)
			return -1;
		r->load_count++;
		r->loads_alive++;
	}
	return 0;
}

static int
start_loads(struct rounds *r)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	size_t cpu = !r->s->cpu       ? 0
		     : processors > 0 ? (size_t)processors
				      : 1,
	       io = r->s->io ? IO_PROCESSES : 0;

	r->loads = calloc(cpu + io + 1, sizeof(*r->loads));
	if (!r->loads)
		return err_nomem(r->err);
	return start_load(r, CPU_COMMAND, cpu) < 0 || start_load(r, IO_COMMAND, io) < 0 ? -1 : 0;
}

static void
end_loads(struct rounds *r)
{
	for (size_t i = 0; i < r->load_count; i++)
		if (r->loads[i].process)
			process_kill(r->loads[i].process);
	r->unloaded = r->loads_alive == 0;
	if (!r->unloaded)
		loop_run(r->s->setup->launch.loop, &r->unloaded);
	free(r->loads);
}

static int
make_workers(struct rounds *r)
{
	struct worker_calls calls = {.event = on_event, .pause = on_pause, .ended = on_ended, .context = r};

	r->all = calloc(r->s->copies, sizeof(*r->all));
	if (!r->all)
		return err_nomem(r->err);
	for (; r->count < r->s->copies; r->count++) {
		r->all[r->count].worker = worker_new(&r->runner, (unsigned)r->count, calls);
		if (!r->all[r->count].worker)
			return err_nomem(r->err);
	}
	return 0;
}

static int
run_all(struct rounds *r)
{
	struct launch *launch = &r->s->setup->launch;

	r->time = loop_timer_new(launch->loop, time_over, r);
	if (!r->time)
		return err_nomem(r->err);
	if (r->s->time)
		loop_timer_set(r->time, r->s->time);
	start_all(r);
	if (r->busy)
		loop_run(launch->loop, &r->done);
	ui_live_clear(&r->s->setup->cli->ui);
	if (r->failed)
		return -1;
	if (launch->cancelled)
		r->s->end = STRESSING_CANCELLED;
	return 0;
}

int
stressing_run(struct stressing *s)
{
	struct setup *setup = s->setup;
	struct rounds r = {.s = s, .err = &setup->cli->err, .runner = probing_runner(setup)};
	int rc = -1;

	s->end = STRESSING_SETTLED;
	s->last_failure = -1;
	if (make_workers(&r) == 0 && start_loads(&r) == 0)
		rc = run_all(&r);
	r.done = true;
	end_loads(&r);
	for (size_t i = 0; i < r.count; i++)
		worker_free(r.all[i].worker);
	free(r.all);
	loop_timer_free(r.time);
	return rc;
}
