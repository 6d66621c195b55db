/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"

#include "choice.h"
#include "detail.h"
#include "file.h"
#include "rundiff.h"
#include "xmltext.h"

#include <inttypes.h>
#include <stdlib.h>

/* Attachments of one test in a report, beyond which they lose their middle. */
#define DETAIL_MAX ((size_t)1 << 20)
/* What is gathered before it is written to a file. */
#define WRITE_SIZE ((size_t)256 << 10)

/* ---- diff ---- */

struct ids {
	json_t *list;
	int64_t count, limit;
	const struct choice *choice;
};

static int
add_id(void *context, struct slice id, struct slice profile, struct err *err)
{
	struct ids *ids = context;

	if (!choice_has(ids->choice, profile) || ids->count++ >= ids->limit)
		return 0;
	return json_array_append_new(ids->list, shape_text(id)) ? err_nomem(err) : 0;
}

/* The lists, each up to the limit, and how long they are. */
static int
add_changes(
    const struct rundiff *d, const struct choice *choice, json_t *object, int64_t limit, struct err *err)
{
	json_t *counts = json_object();

	for (enum rundiff_change c = 0; c < RUNDIFF_CHANGES; c++) {
		struct ids ids = {json_array(), 0, limit, choice};

		if (rundiff_each(d, c, add_id, &ids, err) < 0) {
			json_decref(ids.list);
			json_decref(counts);
			return -1;
		}
		if (json_object_set_new(object, rundiff_key(c), ids.list) ||
		    json_object_set_new(counts, rundiff_key(c), json_integer(ids.count))) {
			json_decref(counts);
			return err_nomem(err);
		}
	}
	return json_object_set_new(object, "counts", counts) ? err_nomem(err) : 0;
}

static json_t *
diff_json(
    struct repo *repo, const struct rundiff *d, const struct choice *choice, int64_t limit, struct err *err)
{
	json_t *object = json_object(), *old = shape_run(repo, &d->runs[0], err),
	       *new = old ? shape_run(repo, &d->runs[1], err) : NULL;

	if (new &&json_object_set_new(object, "old", old) == 0) {
		old = NULL;
		if (json_object_set(object, "new", new) == 0 &&
		    add_changes(d, choice, object, limit, err) == 0) {
			json_decref(new);
			return object;
		}
	}
	json_decref(old);
	json_decref(new);
	json_decref(object);
	return NULL;
}

int
api_diff(struct call *call, struct reply *out, struct err *err)
{
	struct rundiff d = {0};
	struct choice choice;
	json_t *object;
	int64_t limit;
	int rc;

	if (call_limit(call, out, &limit))
		return 0;
	rc = call_choice(call, out, &choice, err);
	if (rc == 0)
		rc = call_run(call, out, 0, &d.runs[1], err);
	if (rc == 0)
		rc = call_run(call, out, 1, &d.runs[0], err);
	if (rc == 0)
		rc = rundiff_read(&d, call->repo, err);
	if (rc == 0) {
		object = diff_json(call->repo, &d, &choice, limit, err);
		rc = object ? reply_json(out, object, err) : -1;
	}
	rundiff_release(&d);
	choice_release(&choice);
	return rc;
}

/* ---- JUnit ---- */

struct junit {
	struct buf out, text;
	int fd;
	uint64_t size;
};

static int
write_out(struct junit *j, struct err *err)
{
	j->size += j->out.len;
	if (j->out.failed)
		return err_nomem(err);
	if (file_write(j->fd, buf_get(&j->out), NULL))
		return err_sys(err, "cannot write a temporary file");
	buf_clear(&j->out);
	return 0;
}

static int
add_case(void *context, const struct result *r, struct err *err)
{
	struct junit *j = context;

	xmltext_case(&j->out, r->id, r->start, r->stop);
	if (r->status == STATUS_SUCCESS || r->status == STATUS_XFAIL) {
		buf_str(&j->out, "/>\n");
	} else {
		bool skip = r->status == STATUS_SKIP;

		buf_clear(&j->text);
		if (details_text(&j->text, r->details, r->detail_count, "traceback", NULL) < 0)
			return err_nomem(err);
		buf_printf(&j->out, ">\n<%s>", skip ? "skipped" : "failure");
		xmltext_add(&j->out, buf_get(&j->text), false);
		buf_printf(&j->out, "</%s>\n</testcase>\n", skip ? "skipped" : "failure");
	}
	return j->out.len < WRITE_SIZE && !j->out.failed ? 0 : write_out(j, err);
}

static int
write_junit(struct junit *j, struct repo *repo, const struct repo_run *run, struct err *err)
{
	buf_printf(&j->out,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"run %" PRId64
	    "\" errors=\"0\" failures=\"%" PRId64 "\" skipped=\"%" PRId64 "\" tests=\"%" PRId64 "\" time=\"",
	    run->id, run->counts.failures, run->counts.skips, run->counts.tests);
	xmltext_seconds(&j->out, run->start, run->stop);
	buf_str(&j->out, "\">\n");
	if (repo_results(repo, run->id, DETAIL_MAX, add_case, j, err) < 0)
		return -1;
	buf_str(&j->out, "</testsuite>\n");
	return write_out(j, err);
}

int
api_junit(struct call *call, struct reply *out, struct err *err)
{
	struct repo_run run;
	struct junit j;
	int rc = call_run(call, out, 0, &run, err);

	if (rc)
		return rc;
	out->fd = file_scratch(false, err);
	if (out->fd < 0)
		return -1;
	j = (struct junit){.fd = out->fd};
	buf_init(&j.out, (size_t)64 << 20);
	buf_init(&j.text, (size_t)64 << 20);
	rc = write_junit(&j, call->repo, &run, err);
	buf_release(&j.out);
	buf_release(&j.text);
	out->size = j.size;
	out->type = "application/xml";
	out->hostile = true;
	reply_header(out, "Content-Disposition", "attachment; filename=\"run-%" PRId64 ".xml\"", run.id);
	return rc;
}

/* ---- timeline ---- */

/* What a worker did in a row: one test, or several that are too short to be told apart. */
struct bar {
	int64_t worker, start, stop, tests, failures;
	struct slice test; /* of the only one; in `ids` */
};

#define WORKERS_MAX 1024

struct timeline {
	struct call *call;
	struct reply *out;
	const struct repo_run *run;
	int64_t from, to, max;
	int64_t shortest; /* results of one worker that lie within so long a time become one bar */
	int64_t results;  /* within the time that is asked for */
	struct bar open[WORKERS_MAX]; /* of each worker, the last one, which may grow */
	char *ids[WORKERS_MAX];
	size_t workers;
};

static int
give_bar(struct timeline *t, const struct bar *b, struct err *err)
{
	return reply_item(t->out,
	    json_pack("{so, so, so, sI, sI, so}", "worker",
		b->worker < 0 ? json_null() : json_integer(b->worker), "start", shape_time(b->start), "stop",
		shape_time(b->stop), "tests", (json_int_t)b->tests, "failures", (json_int_t)b->failures,
		"test", shape_text(b->test)),
	    err);
}

/* The place of a worker; those beyond the last place share it. */
static size_t
find_worker(struct timeline *t, int64_t worker)
{
	size_t i = 0;

	while (i < t->workers && t->open[i].worker != worker)
		i++;
	if (i == t->workers && i < WORKERS_MAX)
		t->open[t->workers++] = (struct bar){.worker = worker};
	return i < WORKERS_MAX ? i : WORKERS_MAX - 1;
}

/* True when the row lies in the time that is asked for, and then when it ended. */
static bool
is_within(const struct timeline *t, const struct repo_row *row, int64_t *stop)
{
	*stop = row->start + (row->duration == TIME_NONE ? 0 : row->duration);
	return row->start != TIME_NONE && *stop >= t->from && row->start < t->to;
}

static int
count_row(void *context, const struct repo_row *row, struct err *err)
{
	struct timeline *t = context;
	int64_t stop;

	(void)err;
	if (is_within(t, row, &stop)) {
		t->results++;
		find_worker(t, row->worker);
	}
	return 0;
}

static int
add_bar(void *context, const struct repo_row *row, struct err *err)
{
	struct timeline *t = context;
	int64_t stop;
	bool fails = shape_verdict(row->status, t->run) == VERDICT_FAIL;
	struct bar *b;
	size_t i;

	if (!is_within(t, row, &stop))
		return 0;
	i = find_worker(t, row->worker);
	b = &t->open[i];
	if (b->tests && stop - b->start < t->shortest) {
		b->tests++;
		b->failures += fails;
		b->stop = stop > b->stop ? stop : b->stop;
		b->test = SLICE_NONE;
		return 0;
	}
	if (b->tests && give_bar(t, b, err) < 0)
		return -1;
	free(t->ids[i]);
	t->ids[i] = slice_dup(row->test);
	*b = (struct bar){row->worker, row->start, stop, 1, fails, slice_str(t->ids[i])};
	return t->ids[i] ? 0 : err_nomem(err);
}

/* Two bars in a row are longer together than `shortest`, which bounds their number; but each worker has one, and
 * perhaps another that began before `from`. */
static void
set_scale(struct timeline *t)
{
	double span = (double)time_between(t->from, t->to), workers = (double)t->workers;
	double spare = (double)t->max - 2 * workers;

	if (t->results <= t->max)
		return;
	t->shortest = spare > 0 && 2 * span * workers / spare < 9e18
			  ? (int64_t)(2 * span * workers / spare) + 1
			  : INT64_MAX;
}

static int
draw(struct timeline *t, struct err *err)
{
	struct repo_rows_query query = {.worker = -1};
	int rc;

	/* Times outside the run are its own. */
	if (t->from == TIME_NONE || t->from < t->run->start)
		t->from = t->run->start;
	if (t->to == TIME_NONE || t->to > t->run->stop)
		t->to = t->run->stop == INT64_MAX ? INT64_MAX : t->run->stop + 1;
	rc = repo_rows_where(t->call->repo, t->run->id, &query, count_row, t, err);
	set_scale(t);
	query.order = REPO_ROWS_START;
	if (rc == 0)
		rc = repo_rows_where(t->call->repo, t->run->id, &query, add_bar, t, err);
	for (size_t i = 0; i < t->workers; i++) {
		if (rc == 0 && t->open[i].tests)
			rc = give_bar(t, &t->open[i], err);
		free(t->ids[i]);
	}
	return rc;
}

int
api_timeline(struct call *call, struct reply *out, struct err *err)
{
	struct timeline *t = calloc(1, sizeof(*t));
	struct repo_run run;
	int rc;

	if (!t)
		return err_nomem(err);
	*t = (struct timeline){
	    .call = call, .out = out, .run = &run, .from = TIME_NONE, .to = TIME_NONE, .max = 5000};
	if (call_time(call, out, "from", &t->from) || call_time(call, out, "to", &t->to) ||
	    call_number(call, out, "max", &t->max)) {
		free(t);
		return 0;
	}
	rc = call_run(call, out, 0, &run, err);
	if (rc == 0 && (t->max < 1 || t->max > 5000)) {
		reply_problem(out, 400, "bad-parameter", "the parameter \"max\" has to be from 1 to 5000");
		rc = 1;
	}
	if (rc == 0) {
		reply_list(out, "bars");
		rc = draw(t, err);
	}
	free(t);
	return rc ? rc : reply_list_end(out, call->request, NULL, err);
}
