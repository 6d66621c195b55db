/* SPDX-License-Identifier: Apache-2.0 */
#include "finding.h"

#include "interval.h"
#include "optparse.h"
#include "shape.h"

#include <stdlib.h>
#include <string.h>

/* Of the intervals that are shown, and of what clean runs are to show. */
#define SHOWN 0.95
/* A fix is to bring the rate below this part of what it was. */
#define FIXED 0.1
/* What is less likely is not named. */
#define LEAST_NAMED 0.0005
/* So many probes in a row without a result of the victim end the search. */
#define SILENT_MAX 5
#define TEXT_MAX ((size_t)64 << 20)

static const char *const kinds[EXPLANATION_KINDS] = {"alone", "polluter", "load", "setup", "set", "set"};
static const char *const words[EXPLANATION_KINDS] = {"it fails alone", "another test", "load",
    "a missing set-up", "two tests together", "three tests together"};

size_t
finding_candidates(const struct finding *f)
{
	return f->victim->before.len + f->load;
}

static int
make_engine(struct finding *f, struct err *err)
{
	const struct victim *v = f->victim;
	double *seconds = calloc(finding_candidates(f) + 1, sizeof(*seconds));

	if (!seconds)
		return err_nomem(err);
	if (v->before.len)
		memcpy(seconds, v->seconds, v->before.len * sizeof(*seconds));
	if (f->load)
		seconds[v->before.len] = FINDING_START_COST;
	f->engine = bisect_new(&(struct bisect_options){.candidates = finding_candidates(f),
	    .seconds = seconds,
	    .overhead = FINDING_START_COST + v->own,
	    .load = f->load,
	    .confidence = f->confidence});
	free(seconds);
	return f->engine ? 0 : err_nomem(err);
}

static int
take_past(void *context, const struct observed *seen, struct err *err)
{
	struct finding *f = context;

	return bisect_observe(f->engine, seen->members, seen->count, seen->failed) < 0 ? err_nomem(err) : 0;
}

int
finding_begin(struct finding *f, struct repo *repo, struct err *err)
{
	if (make_engine(f, err) < 0)
		return -1;
	return victim_history(f->victim, repo, take_past, f, err);
}

void
finding_release(struct finding *f)
{
	bisect_free(f->engine);
	f->engine = NULL;
}

int
finding_observe(struct finding *f, const struct observed *seen, struct err *err)
{
	f->silent = 0;
	f->probes++;
	f->failures += seen->failed;
	return take_past(f, seen, err);
}

struct resuming {
	struct finding *f;
	struct repo *repo;
	struct finding_probe probe;
	finding_probe_fn fn;
	void *context;
};

static int
take_fact(void *context, struct slice key, struct slice value, struct err *err)
{
	struct finding_probe *p = context;
	char text[32] = "";

	(void)err;
	p->load |= slice_eq(key, SLICE_LIT(VICTIM_LOAD));
	if (slice_eq(key, SLICE_LIT(VICTIM_SECONDS)) && value.len < sizeof(text)) {
		memcpy(text, value.data, value.len);
		p->seconds = strtod(text, NULL);
		p->broken_off = false;
	}
	return 0;
}

static int
take_probe(struct resuming *r, const struct repo_run *run, struct err *err)
{
	struct finding *f = r->f;
	struct finding_probe *p = &r->probe;

	p->run = run;
	p->load = false;
	p->broken_off = true;
	p->seconds = 0;
	if (victim_observe(f->victim, r->repo, run->id, &p->seen, err) < 0 ||
	    repo_meta(r->repo, run->id, take_fact, p, err) < 0)
		return -1;
	p->seen.ended &= run->state == REPO_FINISHED;
	if (p->load && f->load)
		p->seen.members[p->seen.count++] = f->victim->before.len;
	if (p->seen.ended && (f->load || !p->load)) {
		f->seconds += p->seconds;
		if (finding_observe(f, &p->seen, err) < 0)
			return -1;
	}
	f->silent += !p->seen.ended && !p->broken_off;
	return r->fn ? r->fn(r->context, p, err) : 0;
}

struct probes {
	struct repo_run *runs;
	size_t count, cap;
};

static int
add_run(void *context, const struct repo_run *run, struct err *err)
{
	struct probes *p = context;

	if (p->count == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 64;
		struct repo_run *more = reallocarray(p->runs, cap, sizeof(*more));

		if (!more)
			return err_nomem(err);
		p->runs = more;
		p->cap = cap;
	}
	p->runs[p->count++] = *run;
	return 0;
}

static int
compare_ends(const void *a, const void *b)
{
	const struct repo_run *x = a, *y = b;

	return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

int
finding_resume(struct finding *f, struct repo *repo, struct slice search, finding_probe_fn fn, void *context,
    struct err *err)
{
	struct repo_query query = {.since = TIME_NONE,
	    .until = TIME_NONE,
	    .states = 1u << REPO_FINISHED | 1u << REPO_INTERRUPTED,
	    .meta_key = SLICE_LIT(VICTIM_SEARCH),
	    .meta_value = search};
	struct resuming r = {.f = f, .repo = repo, .fn = fn, .context = context};
	struct probes probes = {0};
	int rc = repo_runs_where(repo, &query, add_run, &probes, err);

	r.probe.seen.members = calloc(finding_candidates(f) + 1, sizeof(size_t));
	if (rc == 0 && !r.probe.seen.members)
		rc = err_nomem(err);
	/* Several may have run at a time. Drift is about which ended last. */
	if (rc == 0 && probes.count)
		qsort(probes.runs, probes.count, sizeof(*probes.runs), compare_ends);
	for (size_t i = 0; rc == 0 && i < probes.count; i++)
		rc = take_probe(&r, &probes.runs[i], err);
	free(r.probe.seen.members);
	free(probes.runs);
	return rc;
}

int
finding_judge(struct finding *f, struct err *err)
{
	if (bisect_verdict(f->engine, &f->verdict) < 0)
		return err_nomem(err);
	f->end = f->verdict.settled                       ? FINDING_SETTLED
		 : bisect_drift(f->engine) > BISECT_DRIFT ? FINDING_DRIFTING
		 : f->silent >= SILENT_MAX                ? FINDING_SILENT
							  : FINDING_OPEN;
	return 0;
}

struct slice
finding_candidate(const struct finding *f, size_t candidate)
{
	const struct strtab *before = &f->victim->before;

	return candidate < before->len ? strtab_get(before, candidate) : SLICE_LIT("load");
}

static struct slice
culprit(const struct finding *f, size_t i)
{
	return finding_candidate(f, f->verdict.culprits[i]);
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
add_culprits(const struct finding *f, struct buf *out)
{
	for (size_t i = 0; i < f->verdict.count; i++) {
		buf_str(out, i == 0 ? "" : i + 1 < f->verdict.count ? ", " : " and ");
		buf_slice(out, culprit(f, i));
	}
}

/* The verdict in one sentence or two. */
static void
add_verdict(const struct finding *f, struct buf *out)
{
	const struct bisect_verdict *v = &f->verdict;

	buf_str(out, f->victim->id);
	switch (v->kind) {
	case EXPLANATION_ALONE:
		buf_str(out, " fails alone: ");
		break;
	case EXPLANATION_LOAD:
		buf_str(out, " fails beside load: ");
		break;
	case EXPLANATION_SETUP:
		buf_str(out, " fails unless ");
		add_culprits(f, out);
		buf_str(out, " ran before it: ");
		break;
	default:
		buf_str(out, " fails after ");
		add_culprits(f, out);
		buf_str(out, v->count > 1 ? " together: " : ": ");
	}
	add_rate(out, failing(v));
	if (v->kind == EXPLANATION_ALONE) {
		buf_str(out, ", whatever ran before it.");
		return;
	}
	buf_str(out, v->kind == EXPLANATION_SETUP ? "; after it "
		     : v->count > 1               ? "; with one of them missing "
						  : "; without it ");
	add_rate(out, v->kind == EXPLANATION_SETUP ? v->with : v->without);
	buf_str(out, ".");
}

/* What else it might be. */
static void
add_others(const struct finding *f, struct buf *out)
{
	const struct bisect_verdict *v = &f->verdict;
	const char *comma = "; otherwise ";

	buf_printf(out, "Confidence %.*f%%", v->confidence > 0.999 ? 2 : 1, 100 * v->confidence);
	for (int k = 0; k < EXPLANATION_KINDS; k++) {
		double weight = v->kinds[k] - (k == (int)v->kind ? v->confidence : 0);

		if (weight < LEAST_NAMED || (k == EXPLANATION_LOAD && !f->load))
			continue;
		buf_printf(out, "%s%s ", comma, words[k]);
		add_percent(out, weight);
		comma = ", ";
	}
	buf_str(out, ".\n");
}

void
finding_sentence(const struct finding *f, struct buf *out)
{
	switch (f->end) {
	case FINDING_SETTLED:
		add_verdict(f, out);
		return;
	case FINDING_DRIFTING:
		buf_printf(out, "%s: the rate at which it fails changed while it was looked at; no verdict.",
		    f->victim->id);
		return;
	case FINDING_SILENT:
		buf_printf(out,
		    "%s had no result in the last probes, one after another; no verdict. `testr last` shows what the last one did.",
		    f->victim->id);
		return;
	case FINDING_OPEN:
		buf_printf(
		    out, "%s: no verdict with a confidence of %g%% yet.", f->victim->id, 100 * f->confidence);
	}
}

void
finding_remark(const struct finding *f, struct buf *out)
{
	if (f->end == FINDING_SETTLED)
		add_others(f, out);
	if (f->end != FINDING_OPEN)
		return;
	if (f->probes && !f->failures)
		buf_printf(out,
		    "It never failed in %zu probes: its rate in them is below %.2g%%, with 95%% confidence.\n",
		    f->probes, 100 * interval_upper(0, f->probes, SHOWN));
	if (f->verdict.all.failures) {
		buf_str(out, "Likeliest: ");
		add_verdict(f, out);
		buf_byte(out, '\n');
		add_others(f, out);
	}
}

void
finding_cost(const struct finding *f, struct buf *out)
{
	buf_printf(out, "%zu probes, %zu of them failed; %.0f s.\n", f->probes, f->failures, f->seconds);
}

static void
add_option(struct buf *out, const char *option, const char *value)
{
	buf_printf(out, " %s ", option);
	optparse_shell_word(out, slice_str(value));
}

/* The culprits, if they make it fail, and the victim, for printf. */
static void
add_tests(const struct finding *f, struct buf *out)
{
	const struct bisect_verdict *v = &f->verdict;

	buf_str(out, "printf '%s\\n'");
	for (size_t i = 0; i < v->count && v->kind != EXPLANATION_SETUP; i++)
		if (v->culprits[i] < f->victim->before.len) {
			buf_byte(out, ' ');
			optparse_shell_word(out, culprit(f, i));
		}
	buf_byte(out, ' ');
	optparse_shell_word(out, slice_str(f->victim->id));
}

/* Runs them until the victim fails, or so often. */
static void
add_command(const struct finding *f, const struct finding_call *call, int64_t runs, struct buf *out)
{
	const struct bisect_verdict *v = &f->verdict;
	bool load = f->load && v->count && v->culprits[v->count - 1] == f->victim->before.len;

	if (load)
		buf_str(out, "for i in $(seq $(nproc)); do (while :; do :; done) & done; ");
	add_tests(f, out);
	buf_str(out, " | testr run");
	if (call->here)
		add_option(out, "-d", call->here);
	if (call->repository)
		add_option(out, "-R", call->repository);
	if (f->victim->profile)
		add_option(out, "--profile", f->victim->profile);
	buf_str(out, " --load-list /dev/stdin --until-failure");
	if (runs)
		buf_printf(out, " --max-runs %lld", (long long)runs);
	for (size_t i = 0; i < call->more_count; i++) {
		buf_byte(out, ' ');
		optparse_shell_word(out, slice_str(call->more[i]));
	}
	if (load)
		buf_str(out, "; kill $(jobs -p)");
}

void
finding_reproduce(const struct finding *f, const struct finding_call *call, struct buf *out)
{
	add_command(f, call, 0, out);
}

void
finding_confirm(const struct finding *f, const struct finding_call *call, struct buf *out)
{
	add_command(f, call, interval_clean_runs(rate_of(failing(&f->verdict)) * FIXED, SHOWN), out);
}

static json_t *
rate_json(struct tally t)
{
	uint64_t runs = (uint64_t)t.failures + t.passes;
	struct interval i = interval_rate(t.failures, runs, SHOWN);

	return json_pack("{s:I, s:I, s:f, s:f}", "failures", (json_int_t)t.failures, "runs", (json_int_t)runs,
	    "low", i.low, "high", i.high);
}

static json_t *
kinds_json(const struct finding *f)
{
	const double *k = f->verdict.kinds;

	return json_pack("{s:f, s:f, s:f, s:f, s:f}", "alone", k[EXPLANATION_ALONE], "polluter",
	    k[EXPLANATION_POLLUTER], "load", k[EXPLANATION_LOAD], "setup", k[EXPLANATION_SETUP], "set",
	    k[EXPLANATION_PAIR] + k[EXPLANATION_TRIPLE]);
}

static json_t *
command_json(const struct finding *f, const struct finding_call *call,
    void (*add)(const struct finding *, const struct finding_call *, struct buf *))
{
	struct buf text;
	json_t *command;

	if (f->end != FINDING_SETTLED)
		return json_null();
	buf_init(&text, TEXT_MAX);
	add(f, call, &text);
	command = text.failed ? NULL : shape_text(buf_get(&text));
	buf_release(&text);
	return command;
}

/* Those that the verdict names. */
static json_t *
tests_json(const struct finding *f)
{
	json_t *tests = json_array();

	for (size_t i = 0; f->end == FINDING_SETTLED && i < f->verdict.count; i++)
		if (f->verdict.culprits[i] < f->victim->before.len &&
		    json_array_append_new(tests, shape_text(culprit(f, i)))) {
			json_decref(tests);
			return NULL;
		}
	return tests;
}

json_t *
finding_json(const struct finding *f, const struct finding_call *call)
{
	const struct bisect_verdict *v = &f->verdict;
	bool settled = f->end == FINDING_SETTLED;

	return json_pack("{ss, so, sI, so, sf, sf, so, s{so, so}, sI, sI, sf, so, so}", "verdict",
	    settled                      ? kinds[v->kind]
	    : f->end == FINDING_DRIFTING ? "drifting"
					 : "unknown",
	    "victim", shape_text(slice_str(f->victim->id)), "run", (json_int_t)f->victim->run, "tests",
	    tests_json(f), "asked", f->confidence, "confidence", settled ? v->confidence : 0, "kinds",
	    kinds_json(f), "rates", "with", rate_json(v->with), "without", rate_json(v->without), "probes",
	    (json_int_t)f->probes, "failures", (json_int_t)f->failures, "seconds", f->seconds, "reproduce",
	    command_json(f, call, finding_reproduce), "confirm", command_json(f, call, finding_confirm));
}
