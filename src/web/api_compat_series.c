/* SPDX-License-Identifier: Apache-2.0 */
#include "compat.h"

#include <math.h>
#include <stdlib.h>

/* ---- the results of one job over time ---- */

/* More different entries than these are too much for one answer. */
#define CELLS_MAX ((size_t)1 << 19)

/* The results of a test at one time. */
struct cell {
	int64_t time;
	uint32_t test; /* in the table */
	uint32_t passes, failures, skips, timed;
	int64_t duration; /* of those that passed and whose duration is known, together */
};

struct job {
	struct call *call;
	struct compat_span span;
	const struct repo_run *run; /* in hand */
	struct strtab tests;
	struct cell *cells;
	size_t count;
	uint32_t *slots; /* open addressing: index + 1, or 0; never more than half full */
	size_t slot_count;
	bool too_many;
};

static uint32_t *
find_slot(const struct job *j, int64_t time, uint32_t test)
{
	const uint64_t key[] = {(uint64_t)time, test};
	size_t i = slice_hash(0, slice_of(key, sizeof(key))) & (j->slot_count - 1);

	while (
	    j->slots[i] && (j->cells[j->slots[i] - 1].time != time || j->cells[j->slots[i] - 1].test != test))
		i = (i + 1) & (j->slot_count - 1);
	return &j->slots[i];
}

static int
grow(struct job *j, struct err *err)
{
	size_t count = j->slot_count ? 2 * j->slot_count : 2048;
	struct cell *more = reallocarray(j->cells, count / 2, sizeof(*more));
	uint32_t *slots = calloc(count, sizeof(*slots));

	if (more)
		j->cells = more;
	if (!more || !slots) {
		free(slots);
		return err_nomem(err);
	}
	free(j->slots);
	j->slots = slots;
	j->slot_count = count;
	for (size_t i = 0; i < j->count; i++)
		*find_slot(j, j->cells[i].time, j->cells[i].test) = (uint32_t)i + 1;
	return 0;
}

/* The entry of a test at a time; *out is NULL when there are too many. */
static int
take_cell(struct job *j, int64_t time, uint32_t test, struct cell **out, struct err *err)
{
	uint32_t *slot;

	if (j->count == j->slot_count / 2 && j->count < CELLS_MAX && grow(j, err) < 0)
		return -1;
	slot = find_slot(j, time, test);
	if (*slot == 0) {
		j->too_many = j->count == CELLS_MAX;
		if (j->too_many) {
			*out = NULL;
			return 0;
		}
		j->cells[j->count] = (struct cell){.time = time, .test = test};
		*slot = (uint32_t)++j->count;
	}
	*out = &j->cells[*slot - 1];
	return 0;
}

static int
compare_cells(const void *a, const void *b)
{
	const struct cell *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->test < y->test ? -1 : x->test > y->test;
}

static int
add_cell(void *context, const struct repo_row *row, struct err *err)
{
	struct job *j = context;
	enum verdict v = shape_verdict(row->status, j->run);
	struct cell *cell;
	size_t test;

	if (j->too_many || row->start == TIME_NONE || row->start < j->span.from || row->start > j->span.to)
		return 0;
	test = strtab_add(&j->tests, row->test, NULL);
	if (test == STRTAB_NONE)
		return err_nomem(err);
	if (take_cell(j, compat_floor(row->start, j->span.resolution), (uint32_t)test, &cell, err) < 0)
		return -1;
	if (!cell)
		return 0;
	cell->passes += v == VERDICT_PASS;
	cell->failures += v == VERDICT_FAIL;
	cell->skips += v == VERDICT_NONE;
	if (v == VERDICT_PASS && row->duration != TIME_NONE) {
		cell->timed++;
		cell->duration += row->duration;
	}
	return 0;
}

static int
add_run(void *context, const struct repo_run *run, struct err *err)
{
	struct job *j = context;

	if (j->too_many || run->start == TIME_NONE || run->stop < j->span.from)
		return 0;
	j->run = run;
	return compat_results(j->call->repo, run->id, add_cell, j, err);
}

static int
write_cells(struct job *j, struct compat_answer *a, struct err *err)
{
	char text[48];
	struct buf stamp;

	for (size_t i = 0; i < j->count;) {
		int64_t time = j->cells[i].time;

		buf_over(&stamp, text, sizeof(text));
		compat_stamp(&stamp, time, j->span.resolution);
		if (compat_open(a, buf_get(&stamp), '{', err) < 0)
			return -1;
		for (; i < j->count && j->cells[i].time == time; i++) {
			const struct cell *c = &j->cells[i];

			if (compat_add(a, strtab_get(&j->tests, c->test),
				json_pack("{sI, sI, sI, sf}", "pass", (json_int_t)c->passes, "fail",
				    (json_int_t)c->failures, "skip", (json_int_t)c->skips, "run_time",
				    c->timed ? (double)c->duration / c->timed / TIME_SECOND : 0.0),
				err) < 0)
				return -1;
		}
		compat_close(a, '}');
	}
	return 0;
}

static int
answer_job(struct job *j, struct reply *out, struct err *err)
{
	struct compat_answer a;

	if (j->too_many) {
		compat_refuse(out,
		    "There are too many different results for one answer; ask for fewer days by start_date and"
		    " stop_date, or for a coarser datetime_resolution");
		return 0;
	}
	if (compat_begin(&a, j->call, out, '{'))
		return 0;
	if (j->count)
		qsort(j->cells, j->count, sizeof(*j->cells), compare_cells);
	if (compat_open(&a, SLICE_LIT("tests"), '{', err) < 0 || write_cells(j, &a, err) < 0)
		return -1;
	compat_close(&a, '}');
	return compat_end(&a, '}', err);
}

int
compat_build_test_runs(struct call *call, struct reply *out, struct err *err)
{
	struct job j = {.call = call};
	struct repo_query query;
	struct buf name;
	int rc;

	if (compat_span(call, out, COMPAT_SEC, &j.span))
		return 0;
	buf_init(&name, REQUEST_TARGET_MAX);
	compat_part(call, 0, &name);
	query = compat_query(&j.span);
	/* A run that began before may go on into the span. */
	query.since = TIME_NONE;
	query.meta_key = SLICE_LIT("build_name");
	query.meta_value = buf_get(&name);
	rc = name.failed ? err_nomem(err) : repo_runs_where(call->repo, &query, add_run, &j, err);
	if (rc == 0)
		rc = answer_job(&j, out, err);
	buf_release(&name);
	free(j.cells);
	free(j.slots);
	strtab_release(&j.tests);
	return rc;
}

/* ---- one test over time ---- */

/* The mean and the deviation are of so many times in a row. */
#define WINDOW 20
/* So many empty times in a row are taken to lie on the line between those around them. */
#define FILLED_MAX 20

struct sample {
	int64_t start, run;
	int64_t duration; /* TIME_NONE: not known, or it did not pass */
	enum verdict verdict;
};

struct samples {
	struct call *call;
	struct compat_span span;
	struct sample *list;
	size_t count, cap;
};

static int
add_sample(void *context, const struct repo_row *row, struct err *err)
{
	struct samples *s = context;
	struct sample *more;
	enum verdict v;

	if (row->start == TIME_NONE || row->start < s->span.from || row->start > s->span.to)
		return 0;
	if (shape_verdict_in(s->call->repo, row->run, row->status, &v, err) < 0)
		return -1;
	if (s->count == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 64;
		more = reallocarray(s->list, s->cap, sizeof(*more));
		if (!more)
			return err_nomem(err);
		s->list = more;
	}
	s->list[s->count++] =
	    (struct sample){row->start, row->run, v == VERDICT_PASS ? row->duration : TIME_NONE, v};
	return 0;
}

static int
compare_samples(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->run < y->run ? -1 : x->run > y->run;
}

/* "data": what the test did, by its start. */
static int
write_data(const struct samples *s, struct compat_answer *a, struct err *err)
{
	char text[48];
	struct buf stamp;

	if (compat_open(a, SLICE_LIT("data"), '{', err) < 0)
		return -1;
	for (size_t i = 0; i < s->count; i++) {
		/* A key is there once. */
		if (i + 1 < s->count &&
		    time_round_us(s->list[i].start) == time_round_us(s->list[i + 1].start))
			continue;
		buf_over(&stamp, text, sizeof(text));
		compat_iso(&stamp, s->list[i].start);
		if (compat_add(a, buf_get(&stamp),
			json_pack("{sI, ss}", "run_id", (json_int_t)s->list[i].run, "status",
			    compat_word(s->list[i].verdict)),
			err) < 0)
			return -1;
	}
	compat_close(a, '}');
	return 0;
}

/* The last values of a line without gaps. */
struct window {
	double values[WINDOW];
	size_t count; /* of all that there ever were in it */
};

/* Writes one value of the line with the mean and the deviation of the last ones. */
static int
write_value(
    struct compat_answer *a, struct window *w, int64_t time, int resolution, double value, struct err *err)
{
	double mean = 0, squares = 0;
	char text[48];
	struct buf stamp;

	w->values[w->count++ % WINDOW] = value;
	for (size_t i = 0; i < WINDOW; i++)
		mean += w->values[i] / WINDOW;
	for (size_t i = 0; i < WINDOW; i++)
		squares += (w->values[i] - mean) * (w->values[i] - mean);
	buf_over(&stamp, text, sizeof(text));
	compat_iso(&stamp, compat_floor(time, resolution));
	if (compat_open(a, buf_get(&stamp), '{', err) < 0 ||
	    compat_add_real(a, SLICE_LIT("run_time"), value, err) < 0 ||
	    compat_add_real(a, SLICE_LIT("avg_run_time"), w->count < WINDOW ? NAN : mean, err) < 0 ||
	    compat_add_real(a, SLICE_LIT("std_dev_run_time"),
		w->count < WINDOW ? NAN : sqrt(squares / (WINDOW - 1)), err) < 0)
		return -1;
	compat_close(a, '}');
	return 0;
}

/* Fills the gap between two values as far as gaps are filled. */
static int
write_gap(struct compat_answer *a, struct window *w, const struct compat_span *span, int64_t from,
    double before, int64_t to, double after, struct err *err)
{
	int64_t unit = compat_unit(span->resolution), steps = (to - from) / unit;

	for (int64_t i = 1; i < steps && i <= FILLED_MAX; i++)
		if (write_value(a, w, from + i * unit, span->resolution,
			before + (after - before) * (double)i / (double)steps, err) < 0)
			return -1;
	if (steps - 1 > FILLED_MAX)
		w->count = 0;
	return 0;
}

/* The mean of what is known of the durations from *at on that lie in one time, and the place behind them. NAN when
 * nothing is. */
static double
take_mean(const struct samples *s, size_t *at, int64_t *time)
{
	double sum = 0;
	size_t known = 0;

	*time = compat_floor(s->list[*at].start, s->span.resolution);
	for (; *at < s->count && compat_floor(s->list[*at].start, s->span.resolution) == *time; ++*at)
		if (s->list[*at].duration != TIME_NONE) {
			sum += (double)s->list[*at].duration / TIME_SECOND;
			known++;
		}
	return known ? sum / (double)known : NAN;
}

/* "numeric": how long it took when it passed. */
static int
write_numeric(const struct samples *s, struct compat_answer *a, struct err *err)
{
	struct window w = {.count = 0};
	double before = NAN;
	int64_t from = 0;

	if (compat_open(a, SLICE_LIT("numeric"), '{', err) < 0)
		return -1;
	for (size_t i = 0; i < s->count;) {
		int64_t time;
		double value = take_mean(s, &i, &time);

		if (isnan(value))
			continue;
		if (!isnan(before) && write_gap(a, &w, &s->span, from, before, time, value, err) < 0)
			return -1;
		if (write_value(a, &w, time, s->span.resolution, value, err) < 0)
			return -1;
		before = value;
		from = time;
	}
	compat_close(a, '}');
	return 0;
}

static int
answer_samples(struct samples *s, struct reply *out, struct err *err)
{
	struct compat_answer a;

	if (s->count)
		qsort(s->list, s->count, sizeof(*s->list), compare_samples);
	if (compat_begin(&a, s->call, out, '{'))
		return 0;
	if (write_data(s, &a, err) < 0 || write_numeric(s, &a, err) < 0)
		return -1;
	return compat_end(&a, '}', err);
}

int
compat_test_runs(struct call *call, struct reply *out, struct err *err)
{
	struct samples s = {.call = call};
	struct compat_others others = {0};
	struct buf test;
	int rc;

	if (compat_span(call, out, COMPAT_MIN, &s.span))
		return 0;
	buf_init(&test, REQUEST_TARGET_MAX);
	compat_part(call, 0, &test);
	rc = test.failed ? err_nomem(err) : compat_others(call->repo, &others, err);
	if (rc == 0)
		rc = compat_history(call->repo, buf_get(&test), &others, 0, add_sample, &s, err);
	if (rc == 0)
		rc = answer_samples(&s, out, err);
	buf_release(&test);
	free(others.runs);
	free(s.list);
	return rc;
}
