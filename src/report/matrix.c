/* SPDX-License-Identifier: Apache-2.0 */
#include "matrix.h"

#include "tagset.h"

#include <stdlib.h>
#include <string.h>

/* Of how many runs of a test, the latest, results are looked at. */
#define HISTORY_MAX 200

void
matrix_words(const char *verb, const struct slice *profiles, size_t count, size_t known, struct buf *out)
{
	buf_str(out, verb);
	if (count == known && count > 1) {
		buf_printf(out, " on all %zu profiles", count);
		return;
	}
	buf_str(out, count < known ? " only on " : " on ");
	for (size_t i = 0; i < count; i++) {
		buf_str(out, i ? ", " : "");
		tagset_name(profiles[i], out);
	}
}

/* NULL when out of memory. */
static char *
name_of(struct slice profile)
{
	struct buf name;
	char *copy;

	buf_init(&name, SIZE_MAX / 4);
	tagset_name(profile, &name);
	copy = name.failed ? NULL : slice_dup(buf_get(&name));
	buf_release(&name);
	return copy;
}

json_t *
matrix_profile_json(const struct repo_profile *p, const struct repo_run *run)
{
	char *name = name_of(p->tags);
	json_t *object =
	    name ? json_pack("{so, so, sI, sI, so, so}", "profile", shape_profile(p->tags), "name",
		       shape_text(slice_str(name)), "known", (json_int_t)p->tests, "failing",
		       (json_int_t)p->failing, "run", p->run < 0 ? json_null() : json_integer(p->run),
		       "start", shape_time(p->run < 0 ? TIME_NONE : run->start))
		 : NULL;

	free(name);
	return object;
}

/* ---- which tests ---- */

static int
mark(struct matrix *m, struct slice id, size_t profile, uint8_t what, struct err *err)
{
	size_t at = strtab_add(&m->ids, id, NULL), row = m->profiles.len;

	if (at == STRTAB_NONE)
		return err_nomem(err);
	if (at >= m->cap) {
		size_t cap = m->cap ? 2 * m->cap : 64;
		uint8_t *more = reallocarray(m->marks, cap, row);

		if (!more)
			return err_nomem(err);
		memset(more + m->cap * row, 0, (cap - m->cap) * row);
		m->marks = more;
		m->cap = cap;
	}
	if (!m->marks[at * row + profile])
		m->marks[at * row + profile] = what;
	return 0;
}

struct skipped {
	struct matrix *m;
	size_t profile;
};

static int
take_skipped(void *context, const struct repo_row *row, struct err *err)
{
	struct skipped *s = context;
	struct slice profile = choice_of_tags(&s->m->choice, row->tags);

	return slice_eq(profile, strtab_get(&s->m->profiles, s->profile))
		   ? mark(s->m, row->test, s->profile, MATRIX_SKIPPED, err)
		   : 0;
}

/* Of the profile, what fails and what its last run skipped. */
static int
mark_all(struct matrix *m, size_t profile, int64_t run, struct err *err)
{
	struct repo_rows_query query = {.worker = -1, .statuses = 1u << STATUS_SKIP};
	struct skipped skipped = {m, profile};
	struct strtab failing = {0};
	int rc = repo_failing_ids_of(m->repo, strtab_get(&m->profiles, profile), &failing, err);

	for (size_t i = 0; rc == 0 && i < failing.len; i++)
		rc = mark(m, strtab_get(&failing, i), profile, MATRIX_FAILS, err);
	strtab_release(&failing);
	return rc == 0 && run >= 0 ? repo_rows_where(m->repo, run, &query, take_skipped, &skipped, err) : rc;
}

struct known {
	struct strtab *profiles;
	int64_t *runs;
	size_t cap;
};

static int
add_profile(void *context, const struct repo_profile *p, struct err *err)
{
	struct known *k = context;

	if (k->profiles->len == k->cap) {
		size_t cap = k->cap ? 2 * k->cap : 16;
		int64_t *more = reallocarray(k->runs, cap, sizeof(*more));

		if (!more)
			return err_nomem(err);
		k->runs = more;
		k->cap = cap;
	}
	k->runs[k->profiles->len] = p->run;
	return strtab_add(k->profiles, p->tags, NULL) == STRTAB_NONE ? err_nomem(err) : 0;
}

static int
add_probe(void *context, const struct repo_run *run, struct err *err)
{
	struct matrix *m = context;

	if (m->probe_count == m->probe_cap) {
		size_t cap = m->probe_cap ? 2 * m->probe_cap : 64;
		int64_t *more = reallocarray(m->probes, cap, sizeof(*more));

		if (!more)
			return err_nomem(err);
		m->probes = more;
		m->probe_cap = cap;
	}
	m->probes[m->probe_count++] = run->id;
	return 0;
}

static int
compare_tests(const void *a, const void *b)
{
	const struct matrix_test *x = a, *y = b;

	if (!x->fails != !y->fails)
		return x->fails ? -1 : 1;
	return slice_cmp(x->id, y->id);
}

static int
make_list(struct matrix *m, struct err *err)
{
	m->list = calloc(m->ids.len + 1, sizeof(*m->list));
	if (!m->list)
		return err_nomem(err);
	for (size_t i = 0; i < m->ids.len; i++) {
		struct matrix_test *at = &m->list[m->count];

		*at = (struct matrix_test){
		    .id = strtab_get(&m->ids, i), .marks = m->marks + i * m->profiles.len};
		for (size_t p = 0; p < m->profiles.len; p++) {
			at->fails += at->marks[p] == MATRIX_FAILS;
			at->skips += at->marks[p] == MATRIX_SKIPPED;
		}
		m->count += at->fails || at->skips < m->profiles.len;
	}
	qsort(m->list, m->count, sizeof(*m->list), compare_tests);
	return 0;
}

int
matrix_read(struct matrix *m, struct repo *repo, struct err *err)
{
	struct repo_query probes = {
	    .since = TIME_NONE, .until = TIME_NONE, .meta_key = SLICE_LIT(REPO_META_PROBE)};
	struct known known = {.profiles = &m->profiles};
	int rc;

	*m = (struct matrix){.repo = repo};
	choice_init(&m->choice, repo);
	rc = repo_profiles(repo, add_profile, &known, err);
	for (size_t p = 0; rc == 0 && p < m->profiles.len; p++)
		rc = mark_all(m, p, known.runs[p], err);
	free(known.runs);
	if (rc == 0)
		rc = repo_runs_where(repo, &probes, add_probe, m, err);
	return rc == 0 ? make_list(m, err) : rc;
}

void
matrix_release(struct matrix *m)
{
	choice_release(&m->choice);
	strtab_release(&m->profiles);
	strtab_release(&m->ids);
	free(m->marks);
	free(m->probes);
	free(m->list);
	*m = (struct matrix){0};
}

/* ---- one of them ---- */

struct cell {
	int64_t run; /* -1: it has none */
	int64_t duration;
	enum status status;
};

struct cells {
	const struct matrix *m;
	struct choice choice; /* scratch of its own */
	struct cell *list;    /* of each profile */
};

static int
compare_ids(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The newest run comes first, and in it the last attempt counts. */
static int
take_row(void *context, const struct repo_row *row, struct err *err)
{
	struct cells *c = context;
	const struct matrix *m = c->m;
	size_t profile = strtab_find(&m->profiles, choice_of_tags(&c->choice, row->tags));

	(void)err;
	if (profile == STRTAB_NONE || (c->list[profile].run >= 0 && c->list[profile].run != row->run))
		return 0;
	if (m->probe_count && bsearch(&row->run, m->probes, m->probe_count, sizeof(*m->probes), compare_ids))
		return 0;
	c->list[profile] = (struct cell){row->run, row->duration, row->status};
	return 0;
}

static json_t *
cells_json(const struct matrix *m, const struct matrix_test *at, const struct cell *cells)
{
	json_t *object = json_object();
	int rc = object ? 0 : -1;

	for (size_t p = 0; rc == 0 && p < m->profiles.len; p++) {
		char *name = name_of(strtab_get(&m->profiles, p));

		if (!name)
			rc = -1;
		else if (cells[p].run >= 0)
			rc = json_object_set_new(object, name,
			    json_pack("{sI, ss, sb, so}", "run", (json_int_t)cells[p].run, "status",
				shape_status(cells[p].status), "fails", at->marks[p] == MATRIX_FAILS,
				"duration", shape_seconds(cells[p].duration)));
		free(name);
	}
	if (rc == 0)
		return object;
	json_decref(object);
	return NULL;
}

static json_t *
words_json(const struct matrix *m, const struct matrix_test *at)
{
	struct slice *those = calloc(m->profiles.len + 1, sizeof(*those));
	uint8_t which = at->fails ? MATRIX_FAILS : MATRIX_SKIPPED;
	size_t count = 0;
	struct buf text;
	json_t *words;

	if (!those)
		return NULL;
	for (size_t p = 0; p < m->profiles.len; p++)
		if (at->marks[p] == which)
			those[count++] = strtab_get(&m->profiles, p);
	buf_init(&text, SIZE_MAX / 4);
	if (m->choice.profiled)
		matrix_words(at->fails ? "fails" : "is skipped", those, count, m->profiles.len, &text);
	else
		buf_str(&text, "fails");
	words = text.failed ? NULL : shape_text(buf_get(&text));
	buf_release(&text);
	free(those);
	return words;
}

json_t *
matrix_json(const struct matrix *m, const struct matrix_test *at, struct err *err)
{
	struct cells cells = {.m = m, .list = calloc(m->profiles.len + 1, sizeof(*cells.list))};
	json_t *object = NULL;
	int rc;

	choice_init(&cells.choice, m->repo);
	for (size_t p = 0; cells.list && p < m->profiles.len; p++)
		cells.list[p].run = -1;
	rc = cells.list ? repo_history(m->repo, at->id, HISTORY_MAX, take_row, &cells, err) : err_nomem(err);
	if (rc == 0) {
		object = json_pack("{so, sI, so, so}", "test", shape_text(at->id), "failing",
		    (json_int_t)at->fails, "words", words_json(m, at), "cells",
		    cells_json(m, at, cells.list));
		if (!object)
			err_nomem(err);
	}
	choice_release(&cells.choice);
	free(cells.list);
	return object;
}
