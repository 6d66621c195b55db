/* SPDX-License-Identifier: Apache-2.0
 *
 * What generic.h finds by walking is what an index says: random runs, asked both ways. That it is right too,
 * the laws of test_repository show on format 1. */
#include "model.h"

#include "generic.h"
#include "reader.h"

/* Everything that a walk gives, as text. */
#define SAID_MAX ((size_t)1 << 30)

static int
say_row(void *context, const struct repo_row *row, struct err *err)
{
	struct buf *said = context;

	(void)err;
	buf_printf(said, "%" PRId64 " %.*s %d %d %" PRId64 " %" PRId64 " %" PRId64 " ", row->run,
	    SLICE_FMT(row->test), row->attempt, row->status, row->start, row->duration, row->worker);
	buf_slice(said, row->tags);
	buf_printf(said, " %" PRIu64 " %" PRIu64 "\n", row->offset, row->end);
	return 0;
}

static int
say_run(void *context, const struct repo_run *run, struct err *err)
{
	(void)err;
	buf_printf(context, "%" PRId64 "\n", run->id);
	return 0;
}

static int
say_name(void *context, struct slice name, struct err *err)
{
	(void)err;
	buf_printf(context, "%.*s\n", SLICE_FMT(name));
	return 0;
}

static int
say_result(void *context, const struct result *r, struct err *err)
{
	char text[TEXT_MAX];

	(void)err;
	describe(r, text);
	buf_printf(context, "%s\n", text);
	return 0;
}

struct both {
	struct buf index, generic;
};

static void
same(struct both *both)
{
	assert_false(both->index.failed);
	assert_true(slice_eq(buf_get(&both->index), buf_get(&both->generic)));
	buf_clear(&both->index);
	buf_clear(&both->generic);
}

struct results_walk {
	struct both *both;
	struct repo *repo;
};

static int
ask_result(void *context, const struct repo_row *row, struct err *err)
{
	struct results_walk *walk = context;

	if (repo_row_result(walk->repo, row, DETAIL_MAX, say_result, &walk->both->index, err) ||
	    generic_row_result(walk->repo, row, DETAIL_MAX, say_result, &walk->both->generic, err))
		return -1;
	same(walk->both);
	return 0;
}

static void
ask_queries(struct repo *repo, struct dice *dice, struct both *both, const struct model *m)
{
	struct err err;

	for (unsigned n = 0; n < 60; n++) {
		struct repo_query query = {.since = TIME_NONE, .until = TIME_NONE};
		int64_t span = m->clock - BASE_TIME;

		query.before = roll(dice, 2) ? roll(dice, RUNS_MAX) : 0;
		query.states = roll(dice, 2) ? roll(dice, 8) : 0;
		query.newest_first = roll(dice, 2);
		query.limit = roll(dice, 2) ? roll(dice, 9) : 0;
		if (roll(dice, 2))
			query.since = BASE_TIME + span / (1 + roll(dice, 9));
		if (roll(dice, 2))
			query.until = BASE_TIME + span / (1 + roll(dice, 3));
		if (roll(dice, 2))
			query.meta_key = slice_str(keys[roll(dice, KEYS)]);
		if (query.meta_key.data && roll(dice, 2))
			query.meta_value = slice_str(values[roll(dice, VALUES)]);
		ok(repo_runs_where(repo, &query, say_run, &both->index, &err));
		ok(generic_runs_where(repo, &query, say_run, &both->generic, &err));
		same(both);
	}
}

static void
walking_says_what_the_index_says(void **state)
{
	const struct place *place = *state;
	struct model *m = test_malloc(sizeof(*m));
	struct repo *repo = open_repo(place);
	struct dice dice = {77};
	struct both both;
	struct results_walk walk = {&both, repo};
	struct err err;

	buf_init(&both.index, SAID_MAX);
	buf_init(&both.generic, SAID_MAX);
	model_init(m, place->format);
	for (size_t i = 0; i < RUNS_MAX / 2; i++)
		random_run(m, &dice, repo);
	for (size_t run = 0; run < m->run_count; run++) {
		ok(repo_rows(repo, (int64_t)run, say_row, &both.index, &err));
		ok(generic_rows(repo, (int64_t)run, say_row, &both.generic, &err));
		same(&both);
		ok(repo_rows(repo, (int64_t)run, ask_result, &walk, &err));
	}
	for (size_t i = 0; i < NAMES; i++) {
		char name[64];
		int64_t limit = roll(&dice, 4);

		test_name(i, name);
		ok(repo_history(repo, slice_str(name), limit, say_row, &both.index, &err));
		ok(generic_history(repo, slice_str(name), limit, say_row, &both.generic, &err));
		same(&both);
	}
	ok(repo_tests(repo, say_name, &both.index, &err));
	ok(generic_tests(repo, say_name, &both.generic, &err));
	same(&both);
	ask_queries(repo, &dice, &both, m);
	buf_release(&both.index);
	buf_release(&both.generic);
	repo_free(repo);
	test_free(m);
}

static int
feed(void *context, struct slice bytes, struct err *err)
{
	struct reader *reader = context;

	(void)err;
	while (bytes.len) {
		size_t room;
		uint8_t *space = reader_space(reader, &room);
		size_t n = bytes.len < room ? bytes.len : room;

		assert_non_null(space);
		memcpy(space, bytes.data, n);
		reader_commit(reader, n);
		bytes = slice_from(bytes, n);
	}
	return 0;
}

/* Says what the results in a stream are. */
static void
say_stream(struct repo *repo, int64_t run, struct buf *said)
{
	struct reader *reader = reader_new(READER_V2);
	struct outcome *outcome = outcome_new(DETAIL_MAX);
	const struct result *r;
	struct event e;
	struct err err;

	assert_non_null(reader);
	assert_non_null(outcome);
	ok(repo_stream(repo, run, feed, reader, &err));
	reader_end(reader);
	while (reader_next(reader, &e) > 0) {
		assert_int_equal(outcome_event(outcome, &e, &r), 0);
		if (r)
			say_result(said, r, &err);
	}
	while ((r = outcome_open_next(outcome)))
		say_result(said, r, &err);
	outcome_free(outcome);
	reader_free(reader);
}

static void
the_stream_says_what_the_results_say(void **state)
{
	const struct place *place = *state;
	struct model *m = test_malloc(sizeof(*m));
	struct repo *repo = open_repo(place);
	struct dice dice = {78};
	struct both both;
	struct err err;

	buf_init(&both.index, SAID_MAX);
	buf_init(&both.generic, SAID_MAX);
	model_init(m, place->format);
	for (size_t i = 0; i < RUNS_MAX / 4; i++) {
		random_run(m, &dice, repo);
		ok(repo_results(repo, (int64_t)i, DETAIL_MAX, say_result, &both.index, &err));
		say_stream(repo, (int64_t)i, &both.generic);
		same(&both);
	}
	buf_release(&both.index);
	buf_release(&both.generic);
	repo_free(repo);
	test_free(m);
}

static void
the_size_is_that_of_the_files(void **state)
{
	const struct place *place = *state;
	struct repo *repo = open_repo(place);
	int64_t before, after;
	struct err err;

	ok(repo_size(repo, &before, &err));
	write_file(place, "something", "0123456789", 10);
	ok(repo_size(repo, &after, &err));
	assert_int_equal(after - before, 10);
	assert_int_equal(generic_size("/nonexistent/place", &after, &err), -1);
	repo_free(repo);
}

int
main(void)
{
	static struct place format1 = {.format = 1}, format2 = {.format = 2};
	const struct CMUnitTest tests[] = {
	    LAW(walking_says_what_the_index_says, &format2),
	    LAW(the_stream_says_what_the_results_say, &format1),
	    LAW(the_stream_says_what_the_results_say, &format2),
	    LAW(the_size_is_that_of_the_files, &format1),
	};

	return cmocka_run_group_tests_name("generic", tests, NULL, NULL);
}
