/* SPDX-License-Identifier: Apache-2.0 */
#include "compat.h"

#include "file.h"
#include "utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* An answer that is longer goes on in a file. */
#define ANSWER_MEMORY ((size_t)1 << 20)
#define CALLBACK_MAX 200
/* Runs that are looked at together. */
#define RUNS_AT_ONCE 500

/* ---- what is asked ---- */

int
compat_refuse(struct reply *out, const char *format, ...)
{
	va_list args;

	reply_clear(out);
	out->status = 400;
	out->type = "text/plain; charset=utf-8";
	va_start(args, format);
	buf_vprintf(&out->body, format, args);
	va_end(args);
	return 1;
}

/* Like a parameter that is not there, an empty one has no meaning. */
static int
read_date(const struct call *call, struct reply *out, const char *key, int64_t *time)
{
	struct slice text = request_param(call->request, key);

	if (text.len == 0 || time_parse(text, true, time) == text.len)
		return 0;
	return compat_refuse(out, "%s: %.*s, is not a date such as 2026-01-31T12:00:00", key,
	    SLICE_FMT(slice_head(text, 100)));
}

int
compat_span(
    const struct call *call, struct reply *out, enum compat_resolution standard, struct compat_span *span)
{
	static const char *const words[] = {"sec", "min", "hour", "day"};
	struct slice text = request_param(call->request, "datetime_resolution");

	*span = (struct compat_span){TIME_NONE, INT64_MAX, standard};
	if (read_date(call, out, "start_date", &span->from) || read_date(call, out, "stop_date", &span->to))
		return 1;
	if (!text.data)
		return 0;
	for (int i = 0; i < 4; i++)
		if (slice_eq(text, slice_str(words[i]))) {
			span->resolution = i;
			return 0;
		}
	return compat_refuse(
	    out, "Datetime resolution: %.*s, is not a valid choice", SLICE_FMT(slice_head(text, 100)));
}

int
compat_number(const struct call *call, struct reply *out, const char *key, int64_t *number)
{
	struct slice text = request_param(call->request, key);
	int64_t n;

	if (!text.data)
		return 0;
	if (!slice_int(text, &n) || n < 0)
		return compat_refuse(out, "%s: %.*s, is not a number", key, SLICE_FMT(slice_head(text, 100)));
	*number = n;
	return 0;
}

static int
hex(uint8_t c)
{
	const char *digits = "0123456789abcdef", *digit = c ? strchr(digits, c | 0x20) : NULL;

	return digit ? (int)(digit - digits) : -1;
}

/* A '%' that is none of an encoding stays. */
static void
decode(struct slice text, struct buf *out)
{
	for (size_t i = 0; i < text.len; i++) {
		int high = text.data[i] == '%' && i + 2 < text.len ? hex(text.data[i + 1]) : -1;
		int low = high >= 0 ? hex(text.data[i + 2]) : -1;

		buf_byte(out, low < 0 ? text.data[i] : (uint8_t)(high << 4 | low));
		i += low < 0 ? 0 : 2;
	}
}

void
compat_part(const struct call *call, size_t at, struct buf *out)
{
	struct buf once, twice;

	buf_init(&once, REQUEST_TARGET_MAX);
	buf_init(&twice, REQUEST_TARGET_MAX);
	decode(call->match->raw[at], &once);
	decode(buf_get(&once), &twice);
	/* What is no text was not encoded. */
	if (!utf8_valid(buf_get(&twice)) || slice_find(buf_get(&twice), 0) != twice.len)
		buf_slice(out, buf_get(&once));
	else
		buf_slice(out, buf_get(&twice));
	out->failed |= once.failed || twice.failed;
	buf_release(&once);
	buf_release(&twice);
}

struct repo_query
compat_query(const struct compat_span *span)
{
	return (struct repo_query){.since = span ? span->from : TIME_NONE,
	    .until = span && span->to != INT64_MAX ? span->to + 1 : TIME_NONE,
	    .states = 1u << REPO_FINISHED | 1u << REPO_INTERRUPTED,
	    .no_probes = true,
	    .newest_first = true};
}

/* ---- what is answered ---- */

/* Names, and members of them: nothing that a script could hide in. */
static bool
is_function(struct slice name)
{
	static const char begin[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_$";
	static const char digits[] = "0123456789";
	bool member = true;

	if (name.len == 0 || name.len > CALLBACK_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = (char)name.data[i];

		if (!strchr(begin, c) && (member || (c != '.' && !strchr(digits, c))))
			return false;
		member = c == '.';
	}
	return !member;
}

int
compat_begin(struct compat_answer *a, const struct call *call, struct reply *out, char bracket)
{
	struct slice callback = request_param(call->request, "callback");

	*a = (struct compat_answer){.out = out, .first = true, .script = callback.len > 0};
	if (a->script && !is_function(callback))
		return compat_refuse(out, "callback: this is not the name of a function");
	/* Any page can run a script of any site, with what the user may see there. */
	if (a->script && !call->options->open) {
		compat_refuse(out,
		    "callback: scripts are only given by `testr serve --open`, because pages of"
		    " any site could run them");
		out->status = 403;
		return 1;
	}
	if (a->script) {
		out->type = "application/javascript";
		out->shared = true;
		/* The comment keeps anything else than JavaScript from being made of the name. */
		buf_printf(&out->body, "/**/%.*s(", SLICE_FMT(callback));
	}
	buf_byte(&out->body, (uint8_t)bracket);
	return 0;
}

static int
append(const char *data, size_t len, void *body)
{
	buf_add(body, data, len);
	return 0;
}

/* Takes the value over. */
static int
write_json(struct compat_answer *a, json_t *value, struct err *err)
{
	int rc = value ? json_dump_callback(value, append, &a->out->body, SHAPE_FLAGS) : -1;

	json_decref(value);
	return rc || a->out->body.failed ? err_nomem(err) : 0;
}

/* Puts what there is into the file. */
static int
spill(struct reply *out, struct err *err)
{
	if (out->fd < 0)
		out->fd = file_scratch(false, err);
	if (out->fd < 0)
		return -1;
	if (file_write(out->fd, buf_get(&out->body), NULL))
		return err_sys(err, "cannot write a temporary file");
	out->size += out->body.len;
	buf_clear(&out->body);
	return 0;
}

static int
separate(struct compat_answer *a, struct slice key, struct err *err)
{
	if (a->out->body.len >= ANSWER_MEMORY && spill(a->out, err) < 0)
		return -1;
	if (!a->first)
		buf_byte(&a->out->body, ',');
	a->first = false;
	buf_byte(&a->out->body, '\n');
	if (!key.data)
		return 0;
	if (write_json(a, shape_text(key), err) < 0)
		return -1;
	buf_str(&a->out->body, ": ");
	return 0;
}

int
compat_open(struct compat_answer *a, struct slice key, char bracket, struct err *err)
{
	if (separate(a, key, err) < 0)
		return -1;
	buf_byte(&a->out->body, (uint8_t)bracket);
	a->first = true;
	return 0;
}

void
compat_close(struct compat_answer *a, char bracket)
{
	buf_byte(&a->out->body, (uint8_t)bracket);
	a->first = false;
}

int
compat_add(struct compat_answer *a, struct slice key, json_t *value, struct err *err)
{
	if (separate(a, key, err) < 0) {
		json_decref(value);
		return -1;
	}
	return write_json(a, value, err);
}

int
compat_add_real(struct compat_answer *a, struct slice key, double value, struct err *err)
{
	if (!isnan(value))
		return compat_add(a, key, json_real(value), err);
	if (separate(a, key, err) < 0)
		return -1;
	/* JSON has no other word for it. */
	buf_str(&a->out->body, a->script ? "NaN" : "null");
	return 0;
}

int
compat_end(struct compat_answer *a, char bracket, struct err *err)
{
	buf_byte(&a->out->body, (uint8_t)bracket);
	if (a->script)
		buf_str(&a->out->body, ");");
	buf_byte(&a->out->body, '\n');
	if (a->out->body.failed)
		return err_nomem(err);
	return a->out->fd >= 0 ? spill(a->out, err) : 0;
}

void
compat_iso(struct buf *out, int64_t time)
{
	char text[48];
	struct buf b;

	buf_over(&b, text, sizeof(text));
	time_format_python(&b, time);
	text[10] = 'T';
	/* Without the zone. */
	buf_slice(out, slice_head(buf_get(&b), b.len - 6));
}

void
compat_date(struct buf *out, int64_t time, const char *zone)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t seconds = (time_t)(compat_floor(time, COMPAT_SEC) / TIME_SECOND);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	buf_printf(out, "%.3s, %02d %.3s %04d %02d:%02d:%02d %s", days + 3 * tm.tm_wday, tm.tm_mday,
	    months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec, zone);
}

static json_t *
time_json(int64_t time, bool iso)
{
	char text[64];
	struct buf b;

	if (time == TIME_NONE)
		return json_null();
	buf_over(&b, text, sizeof(text));
	if (iso)
		compat_iso(&b, time);
	else
		compat_date(&b, time, "GMT");
	return shape_text(buf_get(&b));
}

json_t *
compat_iso_json(int64_t time)
{
	return time_json(time, true);
}

json_t *
compat_date_json(int64_t time)
{
	return time_json(time, false);
}

int64_t
compat_unit(int resolution)
{
	static const int64_t seconds[] = {1, 60, 3600, 86400};

	return seconds[resolution] * TIME_SECOND;
}

int64_t
compat_floor(int64_t time, int resolution)
{
	int64_t unit = compat_unit(resolution), behind = time % unit;

	return time - (behind < 0 ? behind + unit : behind);
}

void
compat_stamp(struct buf *out, int64_t floor, int resolution)
{
	size_t start = out->len;

	compat_iso(out, floor);
	if (resolution == COMPAT_DAY)
		buf_truncate(out, start + 10);
}

/* ---- runs and results ---- */

struct wanted {
	const char *const *keys;
	json_t **values;
	size_t count;
};

static int
take_value(void *context, struct slice key, struct slice value, struct err *err)
{
	struct wanted *w = context;

	for (size_t i = 0; i < w->count; i++)
		if (slice_eq(key, slice_str(w->keys[i])) && !w->values[i]) {
			w->values[i] = shape_text(value);
			if (!w->values[i])
				return err_nomem(err);
		}
	return 0;
}

int
compat_meta(
    struct repo *repo, int64_t run, const char *const *keys, json_t **values, size_t count, struct err *err)
{
	struct wanted w = {keys, values, count};

	for (size_t i = 0; i < count; i++)
		values[i] = NULL;
	if (repo_meta(repo, run, take_value, &w, err) == 0)
		return 0;
	for (size_t i = 0; i < count; i++)
		json_decref(values[i]);
	return -1;
}

void
compat_name(char name[33], const struct repo_run *run)
{
	if (*run->uid)
		snprintf(name, 33, "%s", run->uid);
	else
		snprintf(name, 33, "%" PRId64, run->id);
}

bool
compat_failed(const struct repo_run *run)
{
	return run->counts.failures > 0 || strcmp(shape_outcome(run), "failed") == 0;
}

bool
compat_succeeded(const struct repo_run *run)
{
	return strcmp(shape_outcome(run), "passed") == 0 && run->counts.tests > run->counts.skips;
}

struct failed {
	repo_run_fn fn;
	void *context;
	int64_t left, seen, last;
};

static int
take_failed(void *context, const struct repo_run *run, struct err *err)
{
	struct failed *f = context;

	f->seen++;
	f->last = run->id;
	if (f->left == 0 || !compat_failed(run))
		return 0;
	f->left--;
	return f->fn(f->context, run, err);
}

int
compat_failed_runs(struct repo *repo, struct slice key, struct slice value, int64_t count, repo_run_fn fn,
    void *context, struct err *err)
{
	struct failed f = {.fn = fn, .context = context, .left = count};
	struct repo_query query = compat_query(NULL);

	query.meta_key = key;
	query.meta_value = value;
	query.limit = RUNS_AT_ONCE;
	do {
		f.seen = 0;
		if (repo_runs_where(repo, &query, take_failed, &f, err) < 0)
			return -1;
		query.before = f.last;
	} while (f.seen == RUNS_AT_ONCE && f.left && f.last > 0);
	return 0;
}

int
compat_run(struct call *call, struct reply *out, struct repo_run *run, struct err *err)
{
	int rc = call_run(call, out, 0, run, err);

	if (rc > 0) {
		reply_clear(out);
		run->id = -1;
	}
	return rc < 0 ? -1 : 0;
}

static int
add_other(void *context, const struct repo_run *run, struct err *err)
{
	struct compat_others *o = context;
	int64_t *more;

	if (o->count == o->cap) {
		o->cap = o->cap ? o->cap * 2 : 64;
		more = reallocarray(o->runs, o->cap, sizeof(*more));
		if (!more)
			return err_nomem(err);
		o->runs = more;
	}
	o->runs[o->count++] = run->id;
	return 0;
}

static int
compare_runs(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

int
compat_others(struct repo *repo, struct compat_others *out, struct err *err)
{
	struct repo_query query = {.since = TIME_NONE, .until = TIME_NONE, .states = 1u << REPO_RUNNING};

	if (repo_runs_where(repo, &query, add_other, out, err) < 0)
		return -1;
	query.states = 0;
	query.meta_key = SLICE_LIT(REPO_META_PROBE);
	if (repo_runs_where(repo, &query, add_other, out, err) < 0)
		return -1;
	if (out->count)
		qsort(out->runs, out->count, sizeof(*out->runs), compare_runs);
	return 0;
}

/* The result in hand, which is handed on when one of another test, or run, comes. */
struct last {
	repo_row_fn fn;
	void *context;
	const struct compat_others *others; /* whose results are passed by; or NULL */
	int64_t left;                       /* how many may be handed on */
	bool has;
	struct repo_row row;
	struct buf test, tags;
};

static int
hand_on(struct last *l, struct err *err)
{
	if (!l->has || l->left == 0)
		return 0;
	l->left--;
	l->row.test = buf_get(&l->test);
	l->row.tags = buf_get(&l->tags);
	return l->fn(l->context, &l->row, err);
}

static int
keep_row(void *context, const struct repo_row *row, struct err *err)
{
	const struct compat_others *o;
	struct last *l = context;

	o = l->others;
	if (o && o->count && bsearch(&row->run, o->runs, o->count, sizeof(*o->runs), compare_runs))
		return 0;
	if ((l->row.run != row->run || !slice_eq(buf_get(&l->test), row->test)) && hand_on(l, err) < 0)
		return -1;
	buf_clear(&l->test);
	buf_slice(&l->test, row->test);
	buf_clear(&l->tags);
	buf_slice(&l->tags, row->tags);
	l->row = *row;
	l->has = true;
	return l->test.failed || l->tags.failed ? err_nomem(err) : 0;
}

static void
begin_last(struct last *l, repo_row_fn fn, void *context)
{
	*l = (struct last){.fn = fn, .context = context, .left = INT64_MAX};
	buf_init(&l->test, SIZE_MAX / 4);
	buf_init(&l->tags, SIZE_MAX / 4);
}

/* `rc` is what the walk came to. */
static int
end_last(struct last *l, int rc, struct err *err)
{
	if (rc == 0)
		rc = hand_on(l, err);
	buf_release(&l->test);
	buf_release(&l->tags);
	return rc;
}

int
compat_results(struct repo *repo, int64_t run, repo_row_fn fn, void *context, struct err *err)
{
	struct last l;

	begin_last(&l, fn, context);
	return end_last(&l, repo_rows(repo, run, keep_row, &l, err), err);
}

int
compat_history(struct repo *repo, struct slice test, const struct compat_others *others, int64_t limit,
    repo_row_fn fn, void *context, struct err *err)
{
	/* What is passed by counts for the repository. */
	int64_t asked = limit ? limit + (int64_t)others->count : 0;
	struct last l;

	begin_last(&l, fn, context);
	l.others = others;
	l.left = limit ? limit : INT64_MAX;
	return end_last(&l, repo_history(repo, test, asked, keep_row, &l, err), err);
}

const char *
compat_word(enum verdict verdict)
{
	return verdict == VERDICT_PASS ? "success" : verdict == VERDICT_FAIL ? "fail" : "skip";
}

/* ---- about itself ---- */

int
compat_routes(struct call *call, struct reply *out, struct err *err)
{
	static const struct {
		const char *name, *url;
	} routes[] = {
	    {"list_routes", "/"},
	    {"get_runs_from_build_name", "/build_name/[build_name]/runs"},
	    {"get_test_runs_by_build_name", "/build_name/[build_name]/test_runs"},
	    {"get_tests_from_run", "/run/[run_id]/tests"},
	    {"get_run_test_runs", "/run/[run_id]/test_runs"},
	    {"get_runs", "/runs"},
	    {"get_runs_grouped_by_metadata_per_datetime", "/runs/group_by/[key]"},
	    {"get_runs_by_run_metadata_key", "/runs/key/[run_metadata_key]/[value]"},
	    {"get_recent_runs", "/runs/key/[run_metadata_key]/[value]/recent"},
	    {"get_recent_runs_detail", "/runs/key/[run_metadata_key]/[value]/recent/detail"},
	    {"get_recent_failed_runs_rss", "/runs/key/[run_metadata_key]/[value]/recent/rss"},
	    {"get_run_metadata_keys", "/runs/metadata/keys"},
	    {"get_status", "/status"},
	    {"get_test_runs_for_test", "/test_runs/[test_id]"},
	    {"get_tests", "/tests"},
	    {"get_test_prefixes", "/tests/prefix"},
	    {"get_tests_by_prefix", "/tests/prefix/[prefix]"},
	    {"get_recent_test_status", "/tests/recent/[status]"},
	};
	struct compat_answer a;

	if (compat_begin(&a, call, out, '{'))
		return 0;
	if (compat_open(&a, SLICE_LIT("routes"), '[', err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++)
		if (compat_add(&a, SLICE_NONE,
			json_pack("{ss, s[ss], ss+}", "name", routes[i].name, "methods", "GET", "HEAD", "url",
			    COMPAT, routes[i].url),
			err) < 0)
			return -1;
	compat_close(&a, ']');
	return compat_end(&a, '}', err);
}

int
compat_status(struct call *call, struct reply *out, struct err *err)
{
	struct compat_answer a;
	struct err reason;
	int64_t runs;
	bool there = repo_run_count(call->repo, &runs, &reason) == 0;

	if (compat_begin(&a, call, out, '{'))
		return 0;
	out->status = there ? 200 : 500;
	if (compat_add(&a, SLICE_LIT("status"),
		json_pack(
		    "{s{sb, ss}}", "availability", "database", there, "elastic-recheck", "NotInstalled"),
		err) < 0)
		return -1;
	return compat_end(&a, '}', err);
}
