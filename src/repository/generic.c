/* SPDX-License-Identifier: Apache-2.0 */
#include "generic.h"

#include "reader.h"
#include "repo_backend.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ids {
	int64_t *ids;
	size_t count, cap;
};

static int
add_id(void *context, const struct repo_run *run, struct err *err)
{
	struct ids *ids = context;

	if (ids->count == ids->cap) {
		size_t cap = ids->cap ? ids->cap * 2 : 64;
		int64_t *more = reallocarray(ids->ids, cap, sizeof(*more));

		if (!more)
			return err_nomem(err);
		ids->ids = more;
		ids->cap = cap;
	}
	ids->ids[ids->count++] = run->id;
	return 0;
}

/* The ids of all runs, ascending, for the caller to free. */
static int
run_ids(struct repo *repo, int64_t **out, size_t *count, struct err *err)
{
	struct ids ids = {0};

	if (repo->backend->run_ids)
		return repo->backend->run_ids(repo, out, count, err);
	if (repo_runs(repo, add_id, &ids, err)) {
		free(ids.ids);
		return -1;
	}
	*out = ids.ids;
	*count = ids.count;
	return 0;
}

struct meta_match {
	const struct repo_query *query;
	bool found;
};

static int
match_meta(void *context, struct slice key, struct slice value, struct err *err)
{
	struct meta_match *m = context;

	(void)err;
	if (slice_eq(key, m->query->meta_key) &&
	    (!m->query->meta_value.data || slice_eq(value, m->query->meta_value)))
		m->found = true;
	return 0;
}

/* 1 when the query asks for the run, 0 when not, or -1. */
static int
matches(struct repo *repo, const struct repo_query *q, const struct repo_run *run, struct err *err)
{
	struct meta_match meta = {.query = q};

	if (q->states && !(q->states & 1u << run->state))
		return 0;
	if ((q->since != TIME_NONE || q->until != TIME_NONE) && run->start == TIME_NONE)
		return 0;
	if ((q->since != TIME_NONE && run->start < q->since) ||
	    (q->until != TIME_NONE && run->start >= q->until))
		return 0;
	if (!q->meta_key.data)
		return 1;
	return repo_meta(repo, run->id, match_meta, &meta, err) ? -1 : meta.found;
}

int
generic_runs_where(
    struct repo *repo, const struct repo_query *query, repo_run_fn fn, void *context, struct err *err)
{
	int64_t *ids, given = 0;
	size_t count;
	int rc = 0;

	if (run_ids(repo, &ids, &count, err))
		return -1;
	if (query->before)
		while (count && ids[count - 1] >= query->before)
			count--;
	for (size_t i = 0; rc == 0 && i < count && (!query->limit || given < query->limit); i++) {
		struct repo_run run;

		rc = repo_run_get(repo, ids[query->newest_first ? count - 1 - i : i], &run, err);
		if (rc == 0)
			rc = matches(repo, query, &run, err);
		if (rc > 0) {
			given++;
			rc = fn(context, &run, err);
		}
	}
	free(ids);
	return rc;
}

/* The results of one run. */
struct rows {
	int64_t run;
	struct slice only; /* when present, the one test that counts */
	struct strtab tests, tagsets;
	struct row {
		size_t test, tagset, place;
		enum status status;
		int64_t start, duration, worker;
		uint64_t offset, end;
	} * rows;
	size_t count, cap;
};

static void
rows_release(struct rows *rows)
{
	strtab_release(&rows->tests);
	strtab_release(&rows->tagsets);
	free(rows->rows);
}

/* The place of the result's tags, without its worker's, among the sets. */
static size_t
add_tags(struct strtab *sets, const struct result *r)
{
	struct buf set;
	size_t place;

	buf_init(&set, SIZE_MAX / 4);
	result_other_tags(&set, r);
	place = set.failed ? STRTAB_NONE : strtab_add(sets, buf_get(&set), NULL);
	buf_release(&set);
	return place;
}

static int
add_row(void *context, const struct result *r, struct err *err)
{
	struct rows *rows = context;
	struct row row = {.place = rows->count,
	    .status = r->status,
	    .start = r->start,
	    .duration = result_duration(r),
	    .worker = result_worker(r),
	    .offset = r->offset,
	    .end = r->end};

	if (rows->only.data && !slice_eq(r->id, rows->only))
		return 0;
	if (rows->count == rows->cap) {
		size_t cap = rows->cap ? rows->cap * 2 : 64;
		struct row *more = reallocarray(rows->rows, cap, sizeof(*more));

		if (!more)
			return err_nomem(err);
		rows->rows = more;
		rows->cap = cap;
	}
	row.test = strtab_add(&rows->tests, r->id, NULL);
	row.tagset = add_tags(&rows->tagsets, r);
	if (row.test == STRTAB_NONE || row.tagset == STRTAB_NONE)
		return err_nomem(err);
	rows->rows[rows->count++] = row;
	return 0;
}

static int
compare_names(const void *a, const void *b, void *names)
{
	return slice_cmp(strtab_get(names, *(const size_t *)a), strtab_get(names, *(const size_t *)b));
}

/* The indexes of all names in the order of their bytes, for the caller to free. */
static size_t *
sort_names(struct strtab *names, struct err *err)
{
	size_t *order = calloc(names->len + 1, sizeof(*order));

	if (!order) {
		err_nomem(err);
		return NULL;
	}
	for (size_t i = 0; i < names->len; i++)
		order[i] = i;
	qsort_r(order, names->len, sizeof(*order), compare_names, names);
	return order;
}

/* By the rank of the test, then by place. */
static int
compare_rows(const void *a, const void *b, void *ranks)
{
	const struct row *x = a, *y = b;
	const size_t *rank = ranks;

	if (x->test != y->test)
		return rank[x->test] < rank[y->test] ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

static int
sort_rows(struct rows *rows, struct err *err)
{
	size_t *order = sort_names(&rows->tests, err), *rank;

	rank = order ? calloc(rows->tests.len + 1, sizeof(*rank)) : NULL;
	if (order && !rank)
		err_nomem(err);
	if (rank) {
		for (size_t i = 0; i < rows->tests.len; i++)
			rank[order[i]] = i;
		if (rows->count)
			qsort_r(rows->rows, rows->count, sizeof(*rows->rows), compare_rows, rank);
	}
	free(order);
	free(rank);
	return rank ? 0 : -1;
}

static int
give_rows(struct rows *rows, repo_row_fn fn, void *context, struct err *err)
{
	int attempt = 0, rc = 0;

	for (size_t i = 0; rc == 0 && i < rows->count; i++) {
		const struct row *r = &rows->rows[i];
		struct repo_row row = {.run = rows->run,
		    .test = strtab_get(&rows->tests, r->test),
		    .status = r->status,
		    .start = r->start,
		    .duration = r->duration,
		    .worker = r->worker,
		    .tags = strtab_get(&rows->tagsets, r->tagset),
		    .offset = r->offset,
		    .end = r->end};

		row.attempt = attempt = i && rows->rows[i - 1].test == r->test ? attempt + 1 : 1;
		rc = fn(context, &row, err);
	}
	return rc;
}

/* *found, when not NULL, tells whether there was any result. */
static int
run_rows(struct repo *repo, int64_t run, struct slice only, bool *found, repo_row_fn fn, void *context,
    struct err *err)
{
	struct rows rows = {.run = run, .only = only};
	int rc = repo_results(repo, run, 0, add_row, &rows, err) || sort_rows(&rows, err) ||
			 give_rows(&rows, fn, context, err)
		     ? -1
		     : 0;

	if (found)
		*found = rows.count > 0;
	rows_release(&rows);
	return rc;
}

int
generic_rows(struct repo *repo, int64_t run, repo_row_fn fn, void *context, struct err *err)
{
	return run_rows(repo, run, SLICE_NONE, NULL, fn, context, err);
}

int
generic_history(
    struct repo *repo, struct slice test, int64_t limit, repo_row_fn fn, void *context, struct err *err)
{
	int64_t *ids, given = 0;
	size_t count;
	int rc = 0;

	if (run_ids(repo, &ids, &count, err))
		return -1;
	while (rc == 0 && count-- && (!limit || given < limit)) {
		bool found;

		rc = run_rows(repo, ids[count], test, &found, fn, context, err);
		given += found;
	}
	free(ids);
	return rc;
}

struct pick {
	const struct repo_row *row;
	int attempt; /* how many there were so far */
	repo_result_fn fn;
	void *context;
};

static int
pick_result(void *context, const struct result *r, struct err *err)
{
	struct pick *p = context;

	if (!slice_eq(r->id, p->row->test) || ++p->attempt != p->row->attempt)
		return 0;
	return p->fn(p->context, r, err);
}

int
generic_row_result(struct repo *repo, const struct repo_row *row, size_t detail_max, repo_result_fn fn,
    void *context, struct err *err)
{
	struct pick pick = {.row = row, .fn = fn, .context = context};

	return repo_results(repo, row->run, detail_max, pick_result, &pick, err);
}

static int
add_name(void *context, const struct result *r, struct err *err)
{
	return strtab_add(context, r->id, NULL) == STRTAB_NONE ? err_nomem(err) : 0;
}

int
generic_tests(struct repo *repo, repo_test_fn fn, void *context, struct err *err)
{
	struct strtab names = {0};
	size_t count = 0, *order = NULL;
	int64_t *ids = NULL;
	int rc = run_ids(repo, &ids, &count, err);

	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = repo_results(repo, ids[i], 0, add_name, &names, err);
	if (rc == 0) {
		order = sort_names(&names, err);
		rc = order ? 0 : -1;
	}
	for (size_t i = 0; rc == 0 && i < names.len; i++)
		rc = fn(context, strtab_get(&names, order[i]), err);
	free(order);
	free(ids);
	strtab_release(&names);
	return rc;
}

struct packets {
	struct buf bytes;
	repo_text_fn fn;
	void *context;
};

static int
give_packets(void *context, const struct result *r, struct err *err)
{
	struct packets *p = context;

	buf_clear(&p->bytes);
	if (result_to_packets(&p->bytes, r, NULL))
		return err_set(err, ERR_FAILED, "the result of test '%.*s' cannot be written as packets",
		    SLICE_FMT(slice_head(r->id, 200)));
	return p->fn(p->context, buf_get(&p->bytes), err);
}

int
generic_stream(struct repo *repo, int64_t run, repo_text_fn fn, void *context, struct err *err)
{
	struct packets p = {.fn = fn, .context = context};
	int rc;

	buf_init(&p.bytes, SIZE_MAX / 4);
	rc = repo_results(repo, run, GENERIC_DETAIL_MAX, give_packets, &p, err);
	buf_release(&p.bytes);
	return rc;
}

/* One attachment on its way out of a stream. */
struct extract {
	const struct repo_row *row;
	struct slice name;
	struct reader *reader;
	bool begun, over, has_route;
	struct buf route; /* of the row's result, once it has begun */
	repo_text_fn fn;
	void *context;
};

static int
extract_event(struct extract *x, const struct event *e, struct err *err)
{
	if (e->offset < x->row->offset || e->offset >= x->row->end || !slice_eq(e->id, x->row->test))
		return 0;
	if (e->offset == x->row->offset) {
		x->begun = true;
		x->has_route = e->route.data != NULL;
		buf_slice(&x->route, e->route);
	}
	if (!x->begun || x->has_route != (e->route.data != NULL) || !slice_eq(e->route, buf_get(&x->route)) ||
	    !e->file_name.data || !slice_eq(e->file_name, x->name))
		return 0;
	return x->fn(x->context, e->file, err);
}

static int
extract_bytes(void *context, struct slice bytes, struct err *err)
{
	struct extract *x = context;
	struct event e;
	size_t room;
	int rc = 0;

	while (bytes.len && !x->over) {
		uint8_t *space = reader_space(x->reader, &room);
		size_t n = bytes.len < room ? bytes.len : room;

		if (!space)
			return err_nomem(err);
		memcpy(space, bytes.data, n);
		reader_commit(x->reader, n);
		bytes = slice_from(bytes, n);
		while ((rc = reader_next(x->reader, &e)) > 0) {
			if (extract_event(x, &e, err))
				return -1;
			x->over |= e.offset >= x->row->end;
		}
		if (rc < 0)
			return err_nomem(err);
	}
	return 0;
}

struct piece {
	struct slice name;
	repo_text_fn fn;
	void *context;
};

static int
give_detail(void *context, const struct result *r, struct err *err)
{
	struct piece *p = context;

	for (size_t i = 0; i < r->detail_count; i++)
		if (slice_eq(r->details[i].name, p->name))
			return p->fn(p->context, r->details[i].bytes, err);
	return 0;
}

static int
write_piece(void *context, struct slice text, struct err *err)
{
	return file_write(*(int *)context, text, NULL) ? err_sys(err, "cannot write a temporary file") : 0;
}

int
generic_stream_open(struct repo *repo, int64_t run, struct err *err)
{
	int fd = file_scratch(false, err);

	if (fd >= 0 && generic_stream(repo, run, write_piece, &fd, err)) {
		close(fd);
		return -1;
	}
	return fd;
}

int
generic_row_detail(struct repo *repo, const struct repo_row *row, struct slice name, bool native,
    repo_text_fn fn, void *context, struct err *err)
{
	struct extract x = {.row = row, .name = name, .fn = fn, .context = context};
	struct event e;
	int rc;

	if (!native) {
		struct piece piece = {name, fn, context};

		return repo_row_result(repo, row, SIZE_MAX / 4, give_detail, &piece, err);
	}
	x.reader = reader_new(READER_V2);
	if (!x.reader)
		return err_nomem(err);
	buf_init(&x.route, SIZE_MAX / 4);
	rc = repo_stream(repo, row->run, extract_bytes, &x, err);
	if (rc == 0) {
		reader_end(x.reader);
		while (rc == 0 && reader_next(x.reader, &e) > 0)
			rc = extract_event(&x, &e, err);
	}
	buf_release(&x.route);
	reader_free(x.reader);
	return rc;
}

int
generic_size(const char *path, int64_t *out, struct err *err)
{
	char *paths[] = {(char *)path, NULL};
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	int64_t size = 0;
	FTSENT *entry;
	int rc = 0;

	if (!tree)
		return err_sys(err, "cannot read %s", path);
	while ((entry = fts_read(tree)) && rc == 0) {
		if (entry->fts_info == FTS_F)
			size += entry->fts_statp->st_size;
		/* What is removed meanwhile is not there any more. */
		errno = entry->fts_errno;
		if (entry->fts_level == 0 && (entry->fts_info == FTS_NS || entry->fts_info == FTS_DNR))
			rc = err_sys(err, "cannot read %s", path);
	}
	fts_close(tree);
	if (rc)
		return -1;
	*out = size;
	return 0;
}
