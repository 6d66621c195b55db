/* SPDX-License-Identifier: Apache-2.0
 *
 * Profiles: random runs in random order, and what fails and takes how long in each profile by the rules in their plainest
 * form, whatever the tags are that name profiles, and whenever they were set. */
#include "server.h"
#include "tagset.h"

#define TESTS 5
#define TAGS 4 /* that may name profiles; one more never does */
#define SETS (1u << TAGS)
#define RUNS 20
#define RESULTS 30

static const char *const tags[] = {"py39", "py311", "mysql", "sqlite", "slow"};

struct made_result {
	size_t test;
	unsigned tags; /* a set of the tags above */
	enum status status;
	int64_t duration;
};

struct made_run {
	struct made_result results[RESULTS];
	size_t count;
	enum repo_state state;
	bool partial;
};

/* What the rules make of the runs. */
struct answer {
	bool fails[TESTS][SETS];
	int64_t durations[TESTS][SETS]; /* -1: unknown */
};

static void
make_run(struct dice *dice, struct made_run *run)
{
	unsigned profiles[2] = {roll(dice, SETS), roll(dice, SETS)};

	*run = (struct made_run){
	    .state = roll(dice, 5) ? REPO_FINISHED : REPO_INTERRUPTED, .partial = roll(dice, 3) == 0};
	/* Each test at most once in a profile, as runs have it, or in none at all. */
	for (size_t p = 0; p < 2; p++)
		for (size_t t = 0; t < TESTS && (p == 0 || profiles[1] != profiles[0]); t++) {
			struct made_result *r = &run->results[run->count];
			static const enum status statuses[] = {STATUS_SUCCESS, STATUS_FAIL, STATUS_SKIP,
			    STATUS_UXSUCCESS, STATUS_XFAIL, STATUS_SUCCESS};

			if (roll(dice, 4) == 0)
				continue;
			*r = (struct made_result){.test = t,
			    .tags = profiles[p] | roll(dice, 2) << TAGS,
			    .status = statuses[roll(dice, 6)],
			    .duration = (1 + (int64_t)roll(dice, 1000)) * US};
			run->count++;
		}
}

static void
store(struct repo *repo, const struct made_run *run)
{
	struct repo_begin begin = {0};
	struct repo_writer *w;
	struct err err;
	int64_t id;

	ok(repo_run_begin(repo, &begin, &w, &err));
	for (size_t i = 0; i < run->count; i++) {
		const struct made_result *r = &run->results[i];
		struct slice own[TAGS + 2] = {SLICE_LIT("worker-0")};
		char name[8];
		struct event e;

		event_init(&e);
		e.tags = own;
		e.tag_count = 1;
		for (size_t t = 0; t <= TAGS; t++)
			if (r->tags >> t & 1)
				own[e.tag_count++] = slice_str(tags[t]);
		snprintf(name, sizeof(name), "t%zu", r->test);
		e.id = slice_str(name);
		e.status = STATUS_INPROGRESS;
		e.time = BASE_TIME;
		ok(repo_append(w, &e, &err));
		e.status = r->status;
		e.time = BASE_TIME + r->duration;
		ok(repo_append(w, &e, &err));
	}
	ok(repo_run_finish(w, run->state, run->partial, 0, &id, &err));
}

static void
compute(struct answer *a, const struct made_run *runs, size_t count, unsigned setting)
{
	*a = (struct answer){0};
	for (size_t t = 0; t < TESTS; t++)
		for (unsigned s = 0; s < SETS; s++)
			a->durations[t][s] = -1;
	for (size_t n = 0; n < count; n++) {
		const struct made_run *run = &runs[n];
		bool whole = run->state == REPO_FINISHED && !run->partial;

		for (size_t t = 0; whole && t < TESTS; t++) {
			if (!setting)
				a->fails[t][0] = false;
			for (size_t i = 0; i < run->count; i++)
				a->fails[t][run->results[i].tags & setting] = false;
		}
		for (size_t i = 0; i < run->count; i++) {
			const struct made_result *r = &run->results[i];

			a->fails[r->test][r->tags & setting] =
			    r->status == STATUS_FAIL || r->status == STATUS_UXSUCCESS;
			a->durations[r->test][r->tags & setting] = r->duration;
		}
	}
}

static void
make_set(unsigned bits, struct buf *out)
{
	struct slice list[TAGS];
	size_t count = 0;

	for (size_t t = 0; t < TAGS; t++)
		if (bits >> t & 1)
			list[count++] = slice_str(tags[t]);
	buf_clear(out);
	tagset_of(list, count, out);
}

/* One profile, or (with SETS) all together. */
static void
check_profile(struct repo *repo, const struct answer *a, unsigned profile)
{
	struct strtab failing = {0}, ids = {0};
	int64_t durations[TESTS];
	struct slice set = SLICE_NONE;
	struct err err;
	struct buf text;

	buf_init(&text, 1000);
	if (profile < SETS) {
		make_set(profile, &text);
		set = buf_get(&text);
	}
	for (size_t t = 0; t < TESTS; t++) {
		char name[8];

		snprintf(name, sizeof(name), "t%zu", t);
		strtab_add(&ids, slice_str(name), NULL);
	}
	ok(repo_failing_ids_of(repo, set, &failing, &err));
	ok(repo_durations_of(repo, set, &ids, durations, &err));
	for (size_t t = 0; t < TESTS; t++) {
		int64_t longest = -1;
		bool fails = false;

		for (unsigned s = 0; s < SETS; s++) {
			if (profile < SETS && s != profile)
				continue;
			fails |= a->fails[t][s];
			longest = a->durations[t][s] > longest ? a->durations[t][s] : longest;
		}
		assert_int_equal(strtab_find(&failing, strtab_get(&ids, t)) != STRTAB_NONE, fails);
		assert_true(durations[t] == longest);
	}
	strtab_release(&failing);
	strtab_release(&ids);
	buf_release(&text);
}

struct walk {
	const struct answer *a;
	unsigned seen; /* a set of sets */
};

static int
check_known(void *context, const struct repo_profile *p, struct err *err)
{
	struct walk *walk = context;
	int64_t tests = 0, failing = 0;
	struct buf text;
	unsigned set;

	(void)err;
	buf_init(&text, 1000);
	for (set = 0; set < SETS; set++) {
		make_set(set, &text);
		if (slice_eq(buf_get(&text), p->tags))
			break;
	}
	buf_release(&text);
	assert_true(set < SETS);
	for (size_t t = 0; t < TESTS; t++) {
		tests += walk->a->durations[t][set] >= 0;
		failing += walk->a->fails[t][set];
	}
	assert_int_equal(p->tests, tests);
	assert_int_equal(p->failing, failing);
	assert_true(p->run >= 0 && tests > 0);
	walk->seen |= 1u << set;
	return 0;
}

static int
count_failing(void *context, const struct result *r, struct err *err)
{
	(void)r;
	(void)err;
	++*(size_t *)context;
	return 0;
}

static void
check(struct repo *repo, const struct made_run *runs, size_t count, unsigned setting)
{
	struct answer a;
	struct walk walk = {&a, 0};
	size_t failing = 0, want = 0;
	struct err err;

	compute(&a, runs, count, setting);
	for (unsigned profile = 0; profile <= SETS; profile++)
		check_profile(repo, &a, profile);
	ok(repo_profiles(repo, check_known, &walk, &err));
	ok(repo_failing(repo, 0, count_failing, &failing, &err));
	for (unsigned s = 0; s < SETS; s++) {
		bool known = false;

		for (size_t t = 0; t < TESTS; t++) {
			want += a.fails[t][s];
			known |= a.durations[t][s] >= 0;
		}
		assert_int_equal(walk.seen >> s & 1, known);
	}
	assert_int_equal(failing, want);
}

static void
each_profile_by_itself(struct place *place, size_t rounds)
{
	static struct made_run runs[RUNS];
	struct dice dice = {39};
	struct buf set;

	buf_init(&set, 1000);
	for (size_t round = 0; round < rounds; round++) {
		unsigned setting = round ? roll(&dice, SETS) : SETS - 1;
		struct repo *repo = open_repo(place);
		struct err err;

		if (round && strcmp(place->url, "memory:") != 0) {
			/* A repository that has runs already, under another meaning. */
			make_set(setting, &set);
			ok(repo_set_profiles(repo, buf_get(&set), &err));
			check(repo, runs, RUNS, setting);
			repo_free(repo);
			continue;
		}
		make_set(setting, &set);
		ok(repo_set_profiles(repo, buf_get(&set), &err));
		for (size_t n = 0; n < RUNS; n++) {
			make_run(&dice, &runs[n]);
			store(repo, &runs[n]);
			check(repo, runs, n + 1, setting);
			if (roll(&dice, 4))
				continue;
			setting = roll(&dice, SETS);
			make_set(setting, &set);
			ok(repo_set_profiles(repo, buf_get(&set), &err));
			check(repo, runs, n + 1, setting);
		}
		repo_free(repo);
	}
	buf_release(&set);
}

static void
in_memory(void **state)
{
	each_profile_by_itself(*state, 6);
}

static void
in_a_directory(void **state)
{
	each_profile_by_itself(*state, 4);
}

static void
in_postgresql(void **state)
{
	each_profile_by_itself(*state, 3);
}

/* The setting stays with the repository, and the same one again changes nothing. */
static void
the_setting_is_kept(void **state)
{
	struct repo *repo = open_repo(*state);
	struct buf set;
	struct err err;

	buf_init(&set, 100);
	assert_int_equal(repo_profile_tags(repo).len, 0);
	make_set(5, &set);
	ok(repo_set_profiles(repo, buf_get(&set), &err));
	repo_free(repo);
	repo = open_repo(*state);
	assert_true(slice_eq(repo_profile_tags(repo), buf_get(&set)));
	ok(repo_set_profiles(repo, buf_get(&set), &err));
	repo_free(repo);
	buf_release(&set);
}

static void
format_1_has_none(void **state)
{
	struct repo *repo = open_repo(*state);
	struct err err;

	ok(repo_set_profiles(repo, SLICE_LIT(""), &err));
	assert_int_equal(repo_set_profiles(repo, SLICE_LIT("a\0"), &err), -1);
	assert_non_null(strstr(err.text, "has format 1"));
	repo_free(repo);
}

static int
set_up_postgres(void **state)
{
	return server_new_place(&server, *state);
}

static int
set_up_memory(void **state)
{
	struct place *place = *state;

	strcpy(place->url, "memory:");
	return 0;
}

int
main(void)
{
	static struct place one = {.format = 1}, two = {.format = 2}, three = {.format = 2},
			    four = {.format = 2}, five = {.format = 2};
	const struct CMUnitTest laws[] = {
	    {"in_memory", in_memory, set_up_memory, NULL, &two},
	    LAW(in_a_directory, &three),
	    {"in_postgresql", in_postgresql, set_up_postgres, NULL, &four},
	    LAW(the_setting_is_kept, &five),
	    LAW(format_1_has_none, &one),
	};

	return cmocka_run_group_tests(laws, start_server, stop_server);
}
