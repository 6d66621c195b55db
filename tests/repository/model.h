/* SPDX-License-Identifier: Apache-2.0
 *
 * Random runs, and what a repository must say after them by the rules in their plainest form. */
#ifndef MODEL_H
#define MODEL_H

#include "harness.h"

#include <inttypes.h>

#define DETAIL_MAX ((size_t)16 << 20)

/* ---- the model ---- */

#define NAMES 14
#define RESULTS_MAX 24
#define RUNS_MAX 64
#define TEXT_MAX 400

/* What one result is expected to be: as text, for comparison. */
struct expected {
	size_t name;
	enum status status;
	int64_t start, stop;
	bool red;
	unsigned worker;
	uint32_t log_seed; /* of the attachment "log", 0 for none */
	size_t log_len;
	bool trace;
};

#define KEYS 4
#define VALUES 3

static const char *const keys[KEYS] = {"command", "git.commit", "host", "schl\303\274ssel \"1\""};
static const char *const values[VALUES] = {"", "testr run --parallel", "\303\266 \\ \n\t'\""};

struct model_run {
	int meta[KEYS]; /* the place of the value; -1 for none */
	enum repo_state state;
	bool partial, uxsuccess_passes;
	int exit_status;
	struct expected results[RESULTS_MAX];
	size_t count;
};

struct failing {
	size_t run, result;
};

struct model {
	int format;
	bool scattered; /* over several repositories, so that ids are others */
	struct model_run runs[RUNS_MAX];
	size_t run_count;
	struct failing failing[NAMES];
	size_t failing_count;
	int64_t durations[NAMES];
	int64_t clock;
};

static inline void
model_init(struct model *m, int format)
{
	memset(m, 0, sizeof(*m));
	m->format = format;
	m->clock = BASE_TIME;
	for (size_t i = 0; i < NAMES; i++)
		m->durations[i] = -1;
}

static inline void
test_name(size_t i, char out[64])
{
	static const char *const odd[] = {
	    "tést.ünïcode", "with several words", "quote'\"back\\slash", "日本.テスト"};

	if (i < 4)
		strcpy(out, odd[i]);
	else
		snprintf(out, 64, "package.module.TestCase.test_%zu", i);
}

static inline void
fill_log(uint32_t seed, uint8_t *out, size_t len)
{
	struct dice dice = {seed};

	/* Bytes that mean something to a v1 reader come often. */
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t) "\r\n0\0]\xb3\xff test:"[roll(&dice, 13)];
}

static inline uint64_t
digest(struct slice s)
{
	uint64_t h = 1469598103934665603u;

	for (size_t i = 0; i < s.len; i++)
		h = (h ^ s.data[i]) * 1099511628211u;
	return h;
}

static inline void
describe(const struct result *r, char out[TEXT_MAX])
{
	struct buf text;
	const char *status = status_name(r->status);

	buf_init(&text, TEXT_MAX - 1);
	buf_printf(&text, "%.*s %s", SLICE_FMT(r->id), status ? status : "none");
	buf_printf(&text, " %" PRId64, r->start == TIME_NONE ? -1 : r->start - BASE_TIME);
	buf_printf(&text, " %" PRId64, r->stop == TIME_NONE ? -1 : r->stop - BASE_TIME);
	for (size_t i = 0; i < r->tag_count; i++)
		buf_printf(&text, " +%.*s", SLICE_FMT(r->tags[i]));
	for (size_t i = 0; i < r->detail_count; i++)
		buf_printf(&text, " %.*s (%.*s) %zu/%" PRIx64, SLICE_FMT(r->details[i].name),
		    SLICE_FMT(r->details[i].mime), r->details[i].bytes.len, digest(r->details[i].bytes));
	assert_false(text.failed);
	strcpy(out, buf_cstr(&text));
	buf_release(&text);
}

/* Format 1 has no word for a test that never ended: it is a failure, and the clock of v1 stands still. */
static inline void
describe_expected(const struct model *m, const struct expected *x, char out[TEXT_MAX])
{
	static uint8_t log[1 << 16];
	char name[64], worker[32];
	bool ended = status_is_final(x->status);
	struct slice tags[2];
	struct detail details[2];
	struct result r = {
	    .status = x->status, .start = x->start, .stop = x->stop, .tags = tags, .details = details};

	test_name(x->name, name);
	r.id = slice_str(name);
	if (!ended && m->format == 1) {
		r.status = STATUS_FAIL;
		r.stop = x->start;
	}
	if (x->red)
		tags[r.tag_count++] = SLICE_LIT("red");
	snprintf(worker, sizeof(worker), "worker-%u", x->worker);
	tags[r.tag_count++] = slice_str(worker);
	if (x->log_seed) {
		fill_log(x->log_seed, log, x->log_len);
		details[r.detail_count++] = (struct detail){.name = SLICE_LIT("log"),
		    .mime = SLICE_LIT("application/octet-stream"),
		    .bytes = slice_of(log, x->log_len)};
	}
	if (x->trace)
		details[r.detail_count++] = (struct detail){.name = SLICE_LIT("traceback"),
		    .mime = SLICE_LIT("text/plain"),
		    .bytes = SLICE_LIT("Traceback\n  it broke\n")};
	describe(&r, out);
}

static inline bool
model_fails(const struct model_run *run, const struct expected *x)
{
	return x->status == STATUS_FAIL || !status_is_final(x->status) ||
	       (x->status == STATUS_UXSUCCESS && !run->uxsuccess_passes);
}

static inline void
model_drop_failing(struct model *m, size_t i)
{
	memmove(&m->failing[i], &m->failing[i + 1], (m->failing_count - i - 1) * sizeof(m->failing[0]));
	m->failing_count--;
}

/* The rules, in their plainest form. */
static inline void
model_finish(struct model *m, struct model_run *run)
{
	if (run->state == REPO_FINISHED && !run->partial)
		m->failing_count = 0;
	for (size_t n = 0; n < run->count; n++) {
		struct expected *x = &run->results[n];
		bool ended = status_is_final(x->status);
		size_t at = 0;

		if (ended)
			m->durations[x->name] = x->stop - x->start;
		if (!ended && run->state == REPO_INTERRUPTED)
			continue;
		while (at < m->failing_count &&
		       m->runs[m->failing[at].run].results[m->failing[at].result].name != x->name)
			at++;
		if (model_fails(run, x)) {
			m->failing[at] = (struct failing){(size_t)(run - m->runs), n};
			m->failing_count += at == m->failing_count;
		} else if (at < m->failing_count) {
			model_drop_failing(m, at);
		}
	}
	m->run_count++;
}

/* ---- writing ---- */

/* A test that is open in a run that is being made. */
struct open_test {
	struct expected x;
	unsigned route;
};

static inline void
append(struct repo_writer *w, const struct open_test *t, enum status status, int64_t time,
    struct slice file_name, struct slice mime, struct slice file)
{
	char name[64], route[8], worker[32];
	struct slice tags[2];
	struct event e;
	struct err err;

	event_init(&e);
	test_name(t->x.name, name);
	snprintf(route, sizeof(route), "%u", t->route);
	snprintf(worker, sizeof(worker), "worker-%u", t->x.worker);
	e.id = slice_str(name);
	e.route = slice_str(route);
	e.status = status;
	e.time = time;
	e.tags = tags;
	tags[e.tag_count++] = slice_str(worker);
	if (t->x.red)
		tags[e.tag_count++] = SLICE_LIT("red");
	e.file_name = file_name;
	e.mime = mime;
	e.file = file;
	ok(repo_append(w, &e, &err));
}

/* Only a test of the same name that is open needs another route. */
static inline unsigned
choose_route(const struct open_test *open, size_t count, size_t name, unsigned other)
{
	for (size_t i = 0; i < count; i++)
		if (open[i].x.name == name)
			return other;
	return 0;
}

static inline struct open_test
begin_test(struct model *m, struct dice *dice, struct repo_writer *w, const struct open_test *open,
    size_t count, unsigned number)
{
	struct open_test t = {.x.name = roll(dice, NAMES), .x.worker = number % 7};

	t.route = choose_route(open, count, t.x.name, 1 + number % 7);
	t.x.red = roll(dice, 4) == 0;
	t.x.start = m->clock += (1 + roll(dice, 5000000)) * US;
	t.x.stop = TIME_NONE;
	t.x.status = STATUS_INPROGRESS;
	append(w, &t, STATUS_INPROGRESS, t.x.start, SLICE_NONE, SLICE_NONE, SLICE_NONE);
	if (roll(dice, 3) == 0) {
		static uint8_t log[1 << 16];
		size_t half;

		t.x.log_seed = 1 + roll(dice, 1000);
		t.x.log_len = 1 + roll(dice, roll(dice, 8) ? 200 : sizeof(log) - 1);
		half = roll(dice, (uint32_t)t.x.log_len);
		fill_log(t.x.log_seed, log, t.x.log_len);
		append(w, &t, STATUS_NONE, t.x.start, SLICE_LIT("log"), SLICE_LIT("application/octet-stream"),
		    slice_of(log, half));
		append(w, &t, STATUS_NONE, t.x.start, SLICE_LIT("log"), SLICE_LIT("application/octet-stream"),
		    slice_of(log + half, t.x.log_len - half));
	}
	return t;
}

static inline void
end_test(
    struct model *m, struct dice *dice, struct repo_writer *w, struct model_run *run, struct open_test *t)
{
	static const enum status ends[] = {STATUS_SUCCESS, STATUS_SUCCESS, STATUS_SUCCESS, STATUS_FAIL,
	    STATUS_FAIL, STATUS_SKIP, STATUS_XFAIL, STATUS_UXSUCCESS};

	t->x.stop = m->clock += (1 + roll(dice, 3000000)) * US;
	t->x.status = ends[roll(dice, sizeof(ends) / sizeof(ends[0]))];
	t->x.trace = t->x.status == STATUS_FAIL;
	if (t->x.trace)
		append(w, t, STATUS_NONE, t->x.stop, SLICE_LIT("traceback"), SLICE_LIT("text/plain"),
		    SLICE_LIT("Traceback\n  it broke\n"));
	append(w, t, t->x.status, t->x.stop, SLICE_NONE, SLICE_NONE, SLICE_NONE);
	run->results[run->count++] = t->x;
}

/* Text, an announcement and an attachment of no test: none of them makes a result. */
static inline void
append_noise(struct dice *dice, struct repo_writer *w, int64_t time)
{
	static const uint8_t bytes[] = "noise \xb3\0 with anything";
	struct event e;
	struct err err;

	event_init(&e);
	e.time = time;
	if (roll(dice, 3) == 0) {
		e.id = SLICE_LIT("package.announced");
		e.status = STATUS_EXISTS;
	} else {
		e.kind = roll(dice, 2) ? EVENT_TEXT : EVENT_PACKET;
		e.file_name = e.kind == EVENT_TEXT ? SLICE_LIT("stdout") : SLICE_LIT("testr error");
		e.file = slice_of(bytes, sizeof(bytes) - 1);
	}
	ok(repo_append(w, &e, &err));
}

/* Makes a random run, with up to three tests open at a time. */
static inline void
random_run(struct model *m, struct dice *dice, struct repo *repo)
{
	struct model_run *run = &m->runs[m->run_count];
	struct repo_meta meta[KEYS];
	struct repo_begin begin = {.meta = meta};
	struct repo_writer *w;
	struct open_test open[3];
	size_t open_count = 0, begun = 0, total = roll(dice, RESULTS_MAX);
	int64_t id = -1;
	struct err err;

	*run = (struct model_run){.state = roll(dice, 4) ? REPO_FINISHED : REPO_INTERRUPTED,
	    .partial = roll(dice, 2),
	    .exit_status = (int)roll(dice, 3) - 1};
	run->uxsuccess_passes = begin.uxsuccess_passes = roll(dice, 2);
	for (size_t i = 0; i < KEYS; i++) {
		run->meta[i] = (int)roll(dice, VALUES + 1) - 1;
		if (run->meta[i] < 0)
			continue;
		if (i == 0)
			begin.command = values[run->meta[i]];
		else
			meta[begin.meta_count++] =
			    (struct repo_meta){slice_str(keys[i]), slice_str(values[run->meta[i]])};
	}
	ok(repo_run_begin(repo, &begin, &w, &err));
	while (begun < total || (open_count && roll(dice, 3))) {
		if (begun < total && open_count < 3 && roll(dice, 2)) {
			open[open_count] = begin_test(m, dice, w, open, open_count, (unsigned)begun);
			open_count++;
			begun++;
		} else if (open_count) {
			size_t i = roll(dice, (uint32_t)open_count);

			end_test(m, dice, w, run, &open[i]);
			memmove(&open[i], &open[i + 1], (--open_count - i) * sizeof(open[0]));
		}
		if (roll(dice, 6) == 0)
			append_noise(dice, w, m->clock);
		if (roll(dice, 8) == 0)
			ok(repo_flush(w, &err));
		if (roll(dice, 16) == 0) {
			size_t i = roll(dice, KEYS);

			run->meta[i] = (int)roll(dice, VALUES);
			ok(repo_meta_set(w, slice_str(keys[i]), slice_str(values[run->meta[i]]), &err));
		}
	}
	while (open_count)
		run->results[run->count++] = open[--open_count].x;
	ok(repo_run_finish(w, run->state, run->partial, run->exit_status, &id, &err));
	if (!m->scattered)
		assert_int_equal(id, m->run_count);
	model_finish(m, run);
}

/* ---- checking ---- */

struct check {
	const struct model *m;
	const struct expected *const *expected;
	size_t count, seen;
};

static inline int
check_result(void *context, const struct result *r, struct err *err)
{
	struct check *check = context;
	char got[TEXT_MAX], want[TEXT_MAX];

	(void)err;
	assert_true(check->seen < check->count);
	describe(r, got);
	describe_expected(check->m, check->expected[check->seen++], want);
	assert_string_equal(got, want);
	return 0;
}

static inline void
check_run(const struct model *m, struct repo *repo, size_t id)
{
	const struct model_run *run = &m->runs[id];
	const struct expected *expected[RESULTS_MAX];
	struct check check = {m, expected, run->count, 0};
	struct repo_run want = {.id = (int64_t)id, .start = TIME_NONE, .stop = TIME_NONE}, got;
	struct err err;

	for (size_t i = 0; i < run->count; i++) {
		const struct expected *x = &run->results[i];
		int64_t last = status_is_final(x->status) ? x->stop : x->start;

		expected[i] = x;
		want.counts.tests++;
		/* Format 1 does not store what an unexpected success was taken for. */
		want.counts.failures +=
		    model_fails(run, x) || (m->format == 1 && x->status == STATUS_UXSUCCESS);
		want.counts.skips += x->status == STATUS_SKIP;
		if (want.start == TIME_NONE || x->start < want.start)
			want.start = x->start;
		if (want.stop == TIME_NONE || last > want.stop)
			want.stop = last;
	}
	ok(repo_run_get(repo, (int64_t)id, &got, &err));
	assert_int_equal(got.id, id);
	assert_int_equal(got.state, m->format == 1 ? REPO_FINISHED : run->state);
	assert_int_equal(got.partial, m->format == 1 ? false : run->partial);
	assert_int_equal(got.uxsuccess_passes, m->format == 1 ? false : run->uxsuccess_passes);
	assert_int_equal(got.exit_status, m->format == 1 ? -1 : run->exit_status);
	assert_int_equal(got.counts.tests, want.counts.tests);
	assert_int_equal(got.counts.failures, want.counts.failures);
	assert_int_equal(got.counts.skips, want.counts.skips);
	assert_true(got.start == want.start);
	assert_true(got.stop == want.stop);
	ok(repo_results(repo, (int64_t)id, DETAIL_MAX, check_result, &check, &err));
	assert_int_equal(check.seen, run->count);
}

static inline void
check_failing(const struct model *m, struct repo *repo)
{
	const struct expected *expected[NAMES];
	struct check check = {m, expected, m->failing_count, 0};
	struct strtab ids = {0};
	struct err err;

	for (size_t i = 0; i < m->failing_count; i++)
		expected[i] = &m->runs[m->failing[i].run].results[m->failing[i].result];
	ok(repo_failing(repo, DETAIL_MAX, check_result, &check, &err));
	assert_int_equal(check.seen, m->failing_count);
	ok(repo_failing_ids(repo, &ids, &err));
	assert_int_equal(ids.len, m->failing_count);
	for (size_t i = 0; i < ids.len; i++) {
		char name[64];

		test_name(expected[i]->name, name);
		assert_true(slice_eq(strtab_get(&ids, i), slice_str(name)));
	}
	strtab_release(&ids);
}

static inline void
check_durations(const struct model *m, struct repo *repo)
{
	int64_t got[NAMES + 1];
	struct strtab ids = {0};
	struct err err;

	for (size_t i = 0; i < NAMES; i++) {
		char name[64];

		test_name(i, name);
		strtab_add(&ids, slice_str(name), NULL);
	}
	strtab_add(&ids, SLICE_LIT("never.seen"), NULL);
	ok(repo_durations(repo, &ids, got, &err));
	for (size_t i = 0; i < NAMES; i++)
		assert_true(got[i] == m->durations[i]);
	assert_int_equal(got[NAMES], -1);
	/* One alone is looked for in another way. */
	for (size_t i = 0; i <= NAMES; i++) {
		struct strtab one = {0};
		int64_t alone = -7;

		strtab_add(&one, strtab_get(&ids, i), NULL);
		ok(repo_durations(repo, &one, &alone, &err));
		assert_true(alone == got[i]);
		strtab_release(&one);
	}
	strtab_release(&ids);
}

static inline int
count_run(void *context, const struct repo_run *run, struct err *err)
{
	int64_t *next = context;

	(void)err;
	assert_int_equal(run->id, *next);
	++*next;
	return 0;
}

/* ---- checking what the index is asked ---- */

static inline bool
walk_key(const struct model_run *run, size_t i, struct slice key, struct slice value)
{
	return run->meta[i] >= 0 && slice_eq(key, slice_str(keys[i])) &&
	       (!value.data || slice_eq(value, slice_str(values[run->meta[i]])));
}

struct meta_walk {
	const struct model_run *run;
	size_t at; /* into the keys, which are sorted */
};

static inline int
check_pair(void *context, struct slice key, struct slice value, struct err *err)
{
	struct meta_walk *walk = context;

	(void)err;
	while (walk->at < KEYS && walk->run->meta[walk->at] < 0)
		walk->at++;
	assert_true(walk->at < KEYS);
	assert_true(walk_key(walk->run, walk->at, key, value));
	walk->at++;
	return 0;
}

static inline void
check_meta(const struct model *m, struct repo *repo, size_t id)
{
	struct meta_walk walk = {&m->runs[id], 0};
	struct err err;

	ok(repo_meta(repo, (int64_t)id, check_pair, &walk, &err));
	while (walk.at < KEYS)
		assert_true(walk.run->meta[walk.at++] < 0);
	assert_int_equal(repo_meta(repo, (int64_t)m->run_count, check_pair, &walk, &err), -1);
	assert_string_equal(err.text, "No such run.");
}

/* A row that is expected: a result of a run. */
struct expected_row {
	size_t run, result;
	int attempt;
};

struct row_walk {
	const struct model *m;
	struct repo *repo;
	struct expected_row rows[RUNS_MAX * RESULTS_MAX];
	size_t count, seen;
	const struct repo_row *row; /* the one that was given */
};

static inline int
compare_rows(const struct model *m, const struct expected_row *a, const struct expected_row *b)
{
	char x[64], y[64];

	test_name(m->runs[a->run].results[a->result].name, x);
	test_name(m->runs[b->run].results[b->result].name, y);
	if (strcmp(x, y) != 0)
		return strcmp(x, y);
	return a->run != b->run ? (a->run < b->run ? 1 : -1) : a->attempt - b->attempt;
}

static inline void
add_row(struct row_walk *walk, size_t run, size_t result)
{
	const struct expected *results = walk->m->runs[run].results;
	struct expected_row row = {run, result, 1};
	size_t at = walk->count++;

	for (size_t i = 0; i < result; i++)
		row.attempt += results[i].name == results[result].name;
	for (; at && compare_rows(walk->m, &walk->rows[at - 1], &row) > 0; at--)
		walk->rows[at] = walk->rows[at - 1];
	walk->rows[at] = row;
}

static inline int
compare_piece(void *context, struct slice piece, struct err *err)
{
	struct slice *rest = context;

	(void)err;
	assert_true(slice_starts(*rest, piece));
	*rest = slice_from(*rest, piece.len);
	return 0;
}

static inline int
check_row_result(void *context, const struct result *r, struct err *err)
{
	const struct row_walk *walk = context;
	const struct expected_row *row = &walk->rows[walk->seen];
	const struct expected *x = &walk->m->runs[row->run].results[row->result];
	struct check check = {walk->m, &x, 1, 0};

	for (size_t i = 0; i < r->detail_count; i++) {
		struct slice rest = r->details[i].bytes;

		if (repo_row_detail(walk->repo, walk->row, r->details[i].name, compare_piece, &rest, err))
			return -1;
		assert_int_equal(rest.len, 0);
	}
	return check_result(&check, r, err);
}

static inline int
check_row(void *context, const struct repo_row *row, struct err *err)
{
	struct row_walk *walk = context;
	const struct expected_row *want = &walk->rows[walk->seen];
	const struct expected *x = &walk->m->runs[want->run].results[want->result];
	bool ended = status_is_final(x->status), as_failure = !ended && walk->m->format == 1;
	char name[64];

	assert_true(walk->seen < walk->count);
	test_name(x->name, name);
	assert_int_equal(row->run, want->run);
	assert_true(slice_eq(row->test, slice_str(name)));
	assert_int_equal(row->attempt, want->attempt);
	assert_int_equal(row->status, as_failure ? STATUS_FAIL : x->status);
	assert_true(row->start == x->start);
	assert_true(row->duration == (ended ? x->stop - x->start : as_failure ? 0 : TIME_NONE));
	assert_int_equal(row->worker, x->worker);
	assert_true(slice_eq(row->tags, x->red ? slice_of("red", 4) : SLICE_LIT("")));
	walk->row = row;
	if (repo_row_result(walk->repo, row, DETAIL_MAX, check_row_result, walk, err))
		return -1;
	walk->seen++;
	return 0;
}

static inline void
check_rows(const struct model *m, struct repo *repo)
{
	struct row_walk *walk = test_malloc(sizeof(*walk));
	struct err err;

	for (size_t run = 0; run < m->run_count; run++) {
		*walk = (struct row_walk){.m = m, .repo = repo};
		for (size_t i = 0; i < m->runs[run].count; i++)
			add_row(walk, run, i);
		ok(repo_rows(repo, (int64_t)run, check_row, walk, &err));
		assert_int_equal(walk->seen, walk->count);
	}
	assert_int_equal(repo_rows(repo, (int64_t)m->run_count, check_row, walk, &err), -1);
	assert_string_equal(err.text, "No such run.");
	test_free(walk);
}

/* The history of the test over its latest `limit` runs. */
static inline void
check_history(const struct model *m, struct repo *repo, size_t name, size_t limit)
{
	struct row_walk *walk = test_malloc(sizeof(*walk));
	size_t runs = 0;
	char text[64];
	struct err err;

	*walk = (struct row_walk){.m = m, .repo = repo};
	for (size_t run = m->run_count; run-- && (!limit || runs < limit);) {
		size_t before = walk->count;

		for (size_t i = 0; i < m->runs[run].count; i++)
			if (m->runs[run].results[i].name == name)
				add_row(walk, run, i);
		runs += walk->count > before;
	}
	test_name(name, text);
	ok(repo_history(repo, slice_str(text), (int64_t)limit, check_row, walk, &err));
	assert_int_equal(walk->seen, walk->count);
	walk->seen = walk->count = 0;
	ok(repo_history(repo, SLICE_LIT("never.seen"), 0, check_row, walk, &err));
	test_free(walk);
}

static inline int
keep_name(void *context, struct slice name, struct err *err)
{
	struct strtab *names = context;
	bool added;

	(void)err;
	strtab_add(names, name, &added);
	assert_true(added);
	assert_true(names->len < 2 || slice_cmp(strtab_get(names, names->len - 2), name) < 0);
	return 0;
}

static inline void
check_tests(const struct model *m, struct repo *repo)
{
	struct strtab got = {0}, want = {0};
	struct err err;

	for (size_t run = 0; run < m->run_count; run++)
		for (size_t i = 0; i < m->runs[run].count; i++) {
			char name[64];

			test_name(m->runs[run].results[i].name, name);
			strtab_add(&want, slice_str(name), NULL);
		}
	ok(repo_tests(repo, keep_name, &got, &err));
	assert_int_equal(got.len, want.len);
	for (size_t i = 0; i < got.len; i++)
		assert_true(strtab_find(&want, strtab_get(&got, i)) != STRTAB_NONE);
	strtab_release(&got);
	strtab_release(&want);
}

struct runs_walk {
	int64_t ids[RUNS_MAX];
	size_t count;
};

static inline int
note_run(void *context, const struct repo_run *run, struct err *err)
{
	struct runs_walk *walk = context;

	(void)err;
	assert_true(walk->count < RUNS_MAX);
	walk->ids[walk->count++] = run->id;
	return 0;
}

static inline bool
query_takes(const struct repo_query *query, const struct repo_run *run, const struct model_run *known)
{
	bool has = !query->meta_key.data;

	for (size_t i = 0; i < KEYS; i++)
		has = has || walk_key(known, i, query->meta_key, query->meta_value);
	return has && (!query->before || run->id < query->before) &&
	       (query->since == TIME_NONE || run->start >= query->since) &&
	       (query->until == TIME_NONE || (run->start != TIME_NONE && run->start < query->until)) &&
	       (!query->states || query->states & 1u << run->state);
}

static inline void
check_query(const struct model *m, struct repo *repo, const struct repo_query *query)
{
	struct runs_walk got = {.count = 0};
	size_t seen = 0;
	struct err err;

	ok(repo_runs_where(repo, query, note_run, &got, &err));
	for (size_t n = 0; n < m->run_count; n++) {
		size_t id = query->newest_first ? m->run_count - 1 - n : n;
		struct repo_run run;

		ok(repo_run_get(repo, (int64_t)id, &run, &err));
		if (!query_takes(query, &run, &m->runs[id]) || (query->limit && seen == (size_t)query->limit))
			continue;
		assert_true(seen < got.count);
		assert_int_equal(got.ids[seen], id);
		seen++;
	}
	assert_int_equal(seen, got.count);
}

static inline void
check_queries(const struct model *m, struct repo *repo, struct dice *dice)
{
	for (unsigned n = 0; n < 30; n++) {
		struct repo_query query = {.since = TIME_NONE, .until = TIME_NONE};
		int64_t span = m->clock - BASE_TIME + 1;

		if (roll(dice, 3) == 0)
			query.before = roll(dice, RUNS_MAX);
		if (roll(dice, 3) == 0)
			query.since = BASE_TIME + span / (1 + roll(dice, 9));
		if (roll(dice, 3) == 0)
			query.until = BASE_TIME + span / (1 + roll(dice, 3));
		if (roll(dice, 3) == 0)
			query.states = roll(dice, 8);
		if (m->format == 2 && roll(dice, 3) == 0)
			query.meta_key = slice_str(keys[roll(dice, KEYS)]);
		if (query.meta_key.data && roll(dice, 2))
			query.meta_value = slice_str(values[roll(dice, VALUES)]);
		query.newest_first = roll(dice, 2);
		if (roll(dice, 3) == 0)
			query.limit = 1 + roll(dice, 5);
		check_query(m, repo, &query);
	}
}

static inline void
check_uids(const struct model *m, struct repo *repo)
{
	struct err err;
	int64_t id, before = 0;

	for (size_t i = 0; i < m->run_count; i++) {
		struct repo_run run;

		ok(repo_run_get(repo, (int64_t)i, &run, &err));
		assert_int_equal(strlen(run.uid), 32);
		assert_true(run.sequence > before);
		before = run.sequence;
		ok(repo_find_uid(repo, run.uid, &id, &err));
		assert_int_equal(id, i);
	}
	ok(repo_find_uid(repo, "00000000000000000000000000000000", &id, &err));
	assert_int_equal(id, -1);
}

static inline void
check_all(const struct model *m, struct repo *repo)
{
	struct dice dice = {m->run_count};
	int64_t number = -7;
	struct repo_run run;
	struct err err;

	ok(repo_run_count(repo, &number, &err));
	assert_int_equal(number, m->run_count);
	ok(repo_latest(repo, &number, &err));
	assert_int_equal(number, (int64_t)m->run_count - 1);
	for (size_t i = 0; i < m->run_count; i++)
		check_run(m, repo, i);
	number = 0;
	ok(repo_runs(repo, count_run, &number, &err));
	assert_int_equal(number, m->run_count);
	assert_int_equal(repo_run_get(repo, (int64_t)m->run_count, &run, &err), -1);
	assert_string_equal(err.text, "No such run.");
	assert_int_equal(repo_results(repo, -1, 0, check_result, NULL, &err), -1);
	assert_string_equal(err.text, "No such run.");
	check_failing(m, repo);
	check_durations(m, repo);
	for (size_t i = 0; m->format == 2 && i < m->run_count; i++)
		check_meta(m, repo, i);
	check_rows(m, repo);
	for (size_t i = 0; i < NAMES; i++)
		check_history(m, repo, i, roll(&dice, 4));
	check_tests(m, repo);
	check_queries(m, repo, &dice);
	if (m->format == 2)
		check_uids(m, repo);
}

#endif
