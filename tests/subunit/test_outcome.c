/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detail.h"
#include "outcome.h"
#include "packet.h"

static uint32_t
next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* A plain model: everything is kept, in arrays searched from the front. */
#define MODEL_TESTS 64
#define MODEL_FILES 8

struct model_file {
	char name[16];
	char mime[16];
	bool has_mime;
	uint8_t bytes[8192];
	size_t len;
};

struct model_test {
	bool used;
	char id[16], route[16];
	bool has_route;
	enum status status;
	int64_t start, stop, latest;
	char tags[4][16];
	size_t tag_count;
	struct model_file files[MODEL_FILES];
	size_t file_count;
	uint64_t offset, end;
	unsigned opened;
};

static struct slice
model_id(const char *text)
{
	return slice_str(text);
}

/* The level to which the longest are cut: the greatest at which the sum fits. */
static size_t
model_level(const struct model_test *t, size_t max)
{
	size_t level = max < sizeof(t->files[0].bytes) ? max : sizeof(t->files[0].bytes);

	for (;; level--) {
		size_t sum = 0;

		for (size_t i = 0; i < t->file_count; i++)
			sum += t->files[i].len < level ? t->files[i].len : level;
		if (sum <= max)
			return level;
	}
}

static int
compare_files(const void *a, const void *b)
{
	return strcmp(((const struct model_file *)a)->name, ((const struct model_file *)b)->name);
}

static int
compare_tags(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* A store in memory: number `first` has what was appended. */
#define STORED_MAX 4096

struct shelf {
	struct buf bytes[STORED_MAX];
	size_t count, dropped, appended;
	size_t fail_at; /* the append that fails; 0 for none */
};

static int
shelf_append(void *context, struct stored *where, struct slice bytes)
{
	struct shelf *s = context;

	if (++s->appended == s->fail_at)
		return -1;
	if (!where->first) {
		assert_true(s->count < STORED_MAX);
		buf_init(&s->bytes[s->count], SIZE_MAX / 2);
		where->first = ++s->count;
	}
	assert_int_equal(s->bytes[where->first - 1].len, where->size);
	buf_slice(&s->bytes[where->first - 1], bytes);
	where->size += bytes.len;
	return 0;
}

static int
shelf_read(void *context, const struct stored *where, piece_fn fn, void *fn_context)
{
	struct shelf *s = context;

	return fn(fn_context, buf_get(&s->bytes[where->first - 1]));
}

static void
shelf_drop(void *context, const struct stored *where)
{
	struct shelf *s = context;

	assert_int_equal(s->bytes[where->first - 1].len, where->size);
	buf_release(&s->bytes[where->first - 1]);
	s->dropped++;
}

static int
append_to(void *context, struct slice piece)
{
	buf_slice(context, piece);
	return 0;
}

/* With a store, everything is there. */
static void
check_all_there(const struct result *r, struct model_test *t)
{
	assert_int_equal(r->detail_count, t->file_count);
	qsort(t->files, t->file_count, sizeof(t->files[0]), compare_files);
	for (size_t i = 0; i < t->file_count; i++) {
		const struct detail *d = &r->details[i];
		struct buf all;

		buf_init(&all, SIZE_MAX / 2);
		assert_true(slice_eq(d->name, slice_str(t->files[i].name)));
		assert_int_equal(d->left_out, 0);
		assert_int_equal(detail_pieces(d, append_to, &all), 0);
		assert_true(slice_eq(buf_get(&all), slice_of(t->files[i].bytes, t->files[i].len)));
		assert_true(!d->store || (!d->bytes.len && d->stored.size == all.len));
		buf_release(&all);
	}
}

static void
check_details(const struct result *r, struct model_test *t, size_t max)
{
	size_t level = model_level(t, max);

	assert_int_equal(r->detail_count, t->file_count);
	qsort(t->files, t->file_count, sizeof(t->files[0]), compare_files);
	for (size_t i = 0; i < t->file_count; i++) {
		const struct detail *d = &r->details[i];
		struct model_file *f = &t->files[i];
		size_t tail = f->len > level ? level / 2 : 0, head = f->len > level ? level - tail : f->len;

		assert_true(slice_eq(d->name, slice_str(f->name)));
		assert_int_equal(d->mime.data != NULL, f->has_mime);
		assert_true(slice_eq(d->mime, slice_str(f->mime)));
		assert_int_equal(d->left_out, f->len - head - tail);
		assert_int_equal(d->bytes.len, head + tail);
		assert_memory_equal(d->bytes.data, f->bytes, head);
		assert_memory_equal(d->bytes.data + head, f->bytes + f->len - tail, tail);
		if (d->left_out)
			assert_int_equal(d->cut, head);
	}
}

static void
check_result(const struct result *r, struct model_test *t, size_t max, bool stored)
{
	size_t n = 0;

	assert_true(slice_eq(r->id, model_id(t->id)));
	assert_int_equal(r->route.data != NULL, t->has_route);
	assert_true(slice_eq(r->route, slice_str(t->route)));
	assert_int_equal(r->status, t->status);
	assert_true(r->start == t->start);
	assert_true(r->latest == t->latest);
	assert_true(r->stop == (status_is_final(t->status) ? t->stop : TIME_NONE));
	assert_int_equal(r->offset, t->offset);
	assert_int_equal(r->end, t->end);
	qsort(t->tags, t->tag_count, sizeof(t->tags[0]), compare_tags);
	for (size_t i = 0; i < t->tag_count; i++) {
		if (i && strcmp(t->tags[i], t->tags[i - 1]) == 0)
			continue;
		assert_true(n < r->tag_count);
		assert_true(slice_eq(r->tags[n++], slice_str(t->tags[i])));
	}
	assert_int_equal(r->tag_count, n);
	if (stored)
		check_all_there(r, t);
	else if (max != SIZE_MAX)
		check_details(r, t, max);
}

static struct model_test *
model_open(
    struct model_test *tests, const char *id, const char *route, const struct event *e, unsigned *opened)
{
	struct model_test *t, *hole = NULL;

	for (t = tests; t < tests + MODEL_TESTS; t++) {
		if (t->used && strcmp(t->id, id) == 0 && t->has_route == (route != NULL) &&
		    strcmp(t->route, route ? route : "") == 0)
			return t;
		if (!t->used && !hole)
			hole = t;
	}
	assert_non_null(hole);
	memset(hole, 0, sizeof(*hole));
	hole->used = true;
	hole->opened = (*opened)++;
	hole->offset = UINT64_MAX;
	hole->start = e->time;
	hole->latest = TIME_NONE;
	hole->has_route = route != NULL;
	snprintf(hole->id, sizeof(hole->id), "%s", id);
	snprintf(hole->route, sizeof(hole->route), "%s", route ? route : "");
	return hole;
}

static void
model_event(struct model_test *t, const struct event *e)
{
	struct model_file *f;

	if (e->status)
		t->status = e->status;
	t->stop = e->time;
	if (!status_is_final(e->status))
		t->latest = e->time;
	t->offset = e->offset < t->offset ? e->offset : t->offset;
	t->end = e->offset + e->raw.len > t->end ? e->offset + e->raw.len : t->end;
	if (e->tags) {
		t->tag_count = e->tag_count;
		for (size_t i = 0; i < e->tag_count; i++)
			snprintf(t->tags[i], sizeof(t->tags[i]), "%.*s", SLICE_FMT(e->tags[i]));
	}
	if (!e->file_name.data || !e->file.len)
		return;
	for (f = t->files; f < t->files + t->file_count; f++)
		if (slice_eq(slice_str(f->name), e->file_name))
			break;
	if (f == t->files + t->file_count) {
		t->file_count++;
		snprintf(f->name, sizeof(f->name), "%.*s", SLICE_FMT(e->file_name));
		snprintf(f->mime, sizeof(f->mime), "%.*s", SLICE_FMT(e->mime));
		f->has_mime = e->mime.data != NULL;
	}
	assert_true(f->len + e->file.len <= sizeof(f->bytes));
	memcpy(f->bytes + f->len, e->file.data, e->file.len);
	f->len += e->file.len;
}

static struct model_test *
model_nth(struct model_test *tests, size_t i, bool latest)
{
	struct model_test *best = NULL;

	for (struct model_test *t = tests; t < tests + MODEL_TESTS; t++) {
		size_t before = 0;

		for (struct model_test *u = tests; u < tests + MODEL_TESTS; u++)
			before += u->used && t->used && u->opened < t->opened;
		if (t->used && (latest ? !best || t->opened > best->opened : before == i))
			best = t;
	}
	return best;
}

static void
random_event(uint32_t *state, struct event *e, struct slice *tags, const uint8_t *noise, size_t piece)
{
	static const char *const tag_names[] = {"a", "worker-3", "slow", "b"};
	static const char *const files[] = {"log", "traceback", "out", "", "x"};
	static const char *const mimes[] = {NULL, "text/plain", "image/png"};

	event_init(e);
	e->status = next_random(state) % 3 ? STATUS_NONE : (enum status)(next_random(state) % 8);
	e->time = next_random(state) % 3 ? (int64_t)(next_random(state) % 1000) : TIME_NONE;
	e->offset = next_random(state);
	e->raw = slice_of(NULL, next_random(state) % 100);
	if (next_random(state) % 3 == 0) {
		e->tag_count = next_random(state) % 4;
		for (size_t i = 0; i < e->tag_count; i++)
			tags[i] = slice_str(tag_names[next_random(state) % 4]);
		e->tags = tags;
	}
	if (next_random(state) % 2) {
		e->file_name = slice_str(files[next_random(state) % 5]);
		e->file = slice_of(noise + next_random(state) % 256, next_random(state) % piece);
		e->mime = slice_str(mimes[next_random(state) % 3]);
	}
}

static void
model_round(uint32_t seed, size_t max, size_t piece, unsigned count, bool stored)
{
	static const char *const ids[] = {"", "a", "b", "test.c", "test.cc", "d", "e", "f"};
	static const char *const routes[] = {NULL, "", "r", NULL};
	static struct model_test tests[MODEL_TESTS];
	uint8_t noise[512];
	unsigned opened = 0;
	struct shelf *shelf = calloc(1, sizeof(*shelf));
	struct detail_store store = {shelf, shelf_append, shelf_read, shelf_drop};
	struct outcome *o = stored ? outcome_new_stored(max, &store) : outcome_new(max);
	struct model_test *t;
	const struct result *r;

	assert_non_null(shelf);
	assert_non_null(o);
	memset(tests, 0, sizeof(tests));
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)next_random(&seed);
	for (unsigned n = 0; n < count; n++) {
		const char *id = ids[next_random(&seed) % 8], *route = routes[next_random(&seed) % 4];
		struct slice tags[4];
		struct event e;
		size_t open = 0;

		random_event(&seed, &e, tags, noise, piece);
		e.id = next_random(&seed) % 16 ? slice_str(id) : SLICE_NONE;
		e.route = slice_str(route);
		assert_int_equal(outcome_event(o, &e, &r), 0);
		if (!e.id.data || e.status == STATUS_EXISTS) {
			assert_null(r);
			continue;
		}
		t = model_open(tests, id, route, &e, &opened);
		model_event(t, &e);
		assert_int_equal(r != NULL, status_is_final(e.status));
		if (r) {
			check_result(r, t, max, stored);
			t->used = false;
		}
		if (n % 16)
			continue;
		while ((t = model_nth(tests, open, false))) {
			struct result got = outcome_open_get(o, open++);

			check_result(&got, t, SIZE_MAX, false);
		}
		assert_int_equal(outcome_open_count(o), open);
	}
	while ((r = outcome_open_next(o))) {
		t = model_nth(tests, 0, true);
		assert_non_null(t);
		check_result(r, t, max, stored);
		t->used = false;
	}
	assert_null(model_nth(tests, 0, true));
	assert_int_equal(shelf->dropped, shelf->count);
	assert_int_equal(stored && max<1000, shelf->count> 0);
	outcome_free(o);
	free(shelf);
}

static void
test_model(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 40; seed++) {
		model_round(seed, 0, 40, 300, false);
		model_round(seed, seed, 20, 300, false);
		model_round(seed, 100, 256, 300, false);
		model_round(seed, 1 << 20, 60, 300, false);
		model_round(seed, 0, 40, 300, true);
		model_round(seed, seed, 20, 300, true);
		model_round(seed, 600, 256, 300, true);
		model_round(seed, 1 << 20, 60, 300, true);
	}
}

/* A store that fails makes the event fail, or the closing of a test, which is then still open. */
static void
test_store_fails(void **state)
{
	(void)state;
	for (size_t fail_at = 1; fail_at <= 3; fail_at++) {
		struct shelf *shelf = calloc(1, sizeof(*shelf));
		struct detail_store store = {shelf, shelf_append, shelf_read, shelf_drop};
		struct outcome *o = outcome_new_stored(10, &store);
		const struct result *r;
		struct event e;

		assert_non_null(shelf);
		shelf->fail_at = fail_at;
		event_init(&e);
		e.id = slice_str("t");
		e.file_name = slice_str("log");
		for (size_t i = 1; i <= 2; i++) {
			e.file = slice_str("eleven char");
			assert_int_equal(outcome_event(o, &e, &r), i == fail_at ? -1 : 0);
		}
		if (fail_at == 3) {
			e.file = slice_str("rest");
			assert_int_equal(outcome_event(o, &e, &r), 0);
			assert_null(outcome_open_next(o));
			assert_int_equal(outcome_open_count(o), 1);
		}
		for (size_t i = 0; i < shelf->count; i++)
			buf_release(&shelf->bytes[i]);
		outcome_free(o);
		free(shelf);
	}
}

/* Every opened test comes out once, also by the hundred thousand, however they are closed. */
static void
test_many_open(void **state)
{
	enum { COUNT = 100000 };
	struct outcome *o = outcome_new(0);
	const struct result *r;
	struct event e;
	char id[32];
	size_t seen = 0;

	(void)state;
	event_init(&e);
	for (int pass = 0; pass < 2; pass++) {
		e.status = pass ? STATUS_SUCCESS : STATUS_INPROGRESS;
		for (int i = 0; i < COUNT; i++) {
			if (pass && i % 3 == 0)
				continue;
			snprintf(id, sizeof(id), "test.number.%d", i);
			e.id = slice_str(id);
			assert_int_equal(outcome_event(o, &e, &r), 0);
			assert_int_equal(r != NULL, pass);
			seen += r != NULL;
		}
	}
	for (size_t i = 0; i < outcome_open_count(o); i++) {
		struct result open = outcome_open_get(o, i);

		snprintf(id, sizeof(id), "test.number.%zu", i * 3);
		assert_true(slice_eq(open.id, slice_str(id)));
	}
	while ((r = outcome_open_next(o)))
		seen++;
	assert_int_equal(seen, COUNT);
	outcome_free(o);
}

/* An attachment in many small pieces keeps both ends, and its chunks follow the reference's rule. */
static void
test_pieces(void **state)
{
	struct outcome *o = outcome_new(1 << 20);
	const struct result *r;
	uint8_t *bytes = malloc(3 << 20);
	struct event e;

	(void)state;
	assert_non_null(bytes);
	for (size_t i = 0; i < 3 << 20; i++)
		bytes[i] = (uint8_t)(i * 2654435761u >> 24);
	event_init(&e);
	e.id = slice_str("t");
	e.file_name = slice_str("log");
	for (size_t i = 0; i < 3 << 20; i += 100) {
		e.file = slice_of(bytes + i, (3 << 20) - i < 100 ? (3 << 20) - i : 100);
		assert_int_equal(outcome_event(o, &e, &r), 0);
	}
	r = outcome_open_next(o);
	assert_non_null(r);
	assert_int_equal(r->details[0].bytes.len, 1 << 20);
	assert_int_equal(r->details[0].left_out, 2 << 20);
	assert_int_equal(r->details[0].chunk_count, 0);
	assert_memory_equal(r->details[0].bytes.data, bytes, 1 << 19);
	assert_memory_equal(r->details[0].bytes.data + (1 << 19), bytes + (5 << 19), 1 << 19);

	for (int i = 0; i < 5; i++) {
		e.file = slice_of(bytes, 40000);
		assert_int_equal(outcome_event(o, &e, &r), 0);
	}
	r = outcome_open_next(o);
	assert_int_equal(r->details[0].chunk_count, 2);
	assert_int_equal(r->details[0].chunks[0], 80000);
	assert_int_equal(r->details[0].chunks[1], 160000);
	outcome_free(o);
	free(bytes);
}

static void
test_worker_and_duration(void **state)
{
	struct slice tags[] = {slice_str("worker-"), slice_str("worker--1"), slice_str("worker-92")};
	struct result r = {.tags = tags, .tag_count = 3, .start = 5, .stop = 9};
	struct buf others;

	(void)state;
	buf_init(&others, 1000);
	assert_int_equal(result_worker(&r), 92);
	result_other_tags(&others, &r);
	assert_true(slice_eq(buf_get(&others), SLICE_LIT("worker-\0worker--1\0")));
	r.tag_count = 2;
	assert_int_equal(result_worker(&r), -1);
	buf_clear(&others);
	result_other_tags(&others, &r);
	assert_true(slice_eq(buf_get(&others), SLICE_LIT("worker-\0worker--1\0")));
	buf_release(&others);
	assert_int_equal(result_duration(&r), 4);
	r.stop = 4;
	assert_true(result_duration(&r) == TIME_NONE);
	r.start = -INT64_MAX;
	assert_true(result_duration(&r) == INT64_MAX);
	r.stop = TIME_NONE;
	assert_true(result_duration(&r) == TIME_NONE);
}

/* Folding what result_to_packets wrote gives the result again. */
static void
test_packets(void **state)
{
	struct slice tags[] = {slice_str("a"), slice_str("worker-0")};
	uint8_t *big = calloc(1, 5 << 20);
	struct detail details[] = {{.name = slice_str("big"), .bytes = slice_of(big, 5 << 20)},
	    {.name = slice_str("cut"),
		.mime = slice_str("text/plain"),
		.bytes = slice_str("headtail"),
		.left_out = 7,
		.cut = 4},
	    {.name = slice_str("log"), .mime = slice_str("text/plain"), .bytes = slice_str("hi")}};
	struct result in = {.id = slice_str("t"),
	    .route = slice_str("r"),
	    .status = STATUS_XFAIL,
	    .start = 7000,
	    .stop = 9000,
	    .tags = tags,
	    .tag_count = 2,
	    .details = details,
	    .detail_count = 3};
	struct outcome *o = outcome_new(16 << 20);
	struct packet_tags decoded = {0};
	const struct result *r = NULL;
	struct slice rest;
	struct buf out;

	(void)state;
	buf_init(&out, 16 << 20);
	assert_int_equal(result_to_packets(&out, &in, NULL), 0);
	for (rest = buf_get(&out); rest.len;) {
		struct event e;
		size_t length;

		assert_null(r);
		assert_int_equal(packet_probe(rest, &decoded, &e, &length), PACKET_WHOLE);
		assert_int_equal(outcome_event(o, &e, &r), 0);
		rest = slice_from(rest, length);
	}
	assert_non_null(r);
	assert_int_equal(r->status, STATUS_XFAIL);
	assert_int_equal(r->start, 7000);
	assert_int_equal(r->stop, 9000);
	assert_int_equal(r->tag_count, 2);
	assert_int_equal(r->detail_count, 3);
	assert_true(slice_eq(r->route, in.route));
	assert_true(slice_eq(r->details[0].bytes, details[0].bytes));
	assert_null(r->details[0].mime.data);
	assert_true(slice_eq(r->details[1].bytes, slice_str("head\n[7 bytes left out]\ntail")));
	assert_true(slice_eq(r->details[2].bytes, details[2].bytes));

	in.status = STATUS_INPROGRESS;
	in.stop = -1;
	out.len = 5;
	assert_int_equal(result_to_packets(&out, &in, NULL), -1);
	assert_int_equal(out.len, 5);
	packet_tags_release(&decoded);
	buf_release(&out);
	outcome_free(o);
	free(big);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_model),
	    cmocka_unit_test(test_store_fails),
	    cmocka_unit_test(test_many_open),
	    cmocka_unit_test(test_pieces),
	    cmocka_unit_test(test_worker_and_duration),
	    cmocka_unit_test(test_packets),
	};

	return cmocka_run_group_tests_name("outcome", tests, NULL, NULL);
}
