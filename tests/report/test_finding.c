/* SPDX-License-Identifier: Apache-2.0
 *
 * A search for what makes a test fail: what is read from its stored probes is what was known when they were made,
 * however many runs there were since. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "finding.h"
#include "searches.h"

#include <stdio.h>
#include <string.h>

#define CANDIDATES 12
#define POLLUTER 7
#define PROBES 150
#define ok(call) assert_int_equal(call, 0)

/* A run of some candidates and then the victim. */
static int64_t
store(struct repo *repo, const struct repo_meta *meta, size_t count, unsigned members, enum status last)
{
	struct repo_begin begin = {.meta = meta, .meta_count = count};
	struct slice worker = SLICE_LIT("worker-0");
	struct repo_writer *w;
	struct err err;
	int64_t id;

	ok(repo_run_begin(repo, &begin, &w, &err));
	for (unsigned i = 0; i <= CANDIDATES; i++) {
		char name[16];
		struct event e;

		if (i < CANDIDATES && !(members >> i & 1))
			continue;
		snprintf(name, sizeof(name), i < CANDIDATES ? "before.%02u" : "victim", i);
		event_init(&e);
		e.id = slice_str(name);
		e.status = i < CANDIDATES ? STATUS_SUCCESS : last;
		e.tags = &worker;
		e.tag_count = 1;
		ok(repo_append(w, &e, &err));
	}
	ok(repo_run_finish(w, REPO_FINISHED, true, last == STATUS_FAIL, &id, &err));
	return id;
}

static int64_t
store_probe(struct repo *repo, const char *search, int64_t run, unsigned members, bool fails)
{
	char number[24];
	struct repo_meta meta[] = {{SLICE_LIT(REPO_META_PROBE), SLICE_LIT("bisect")},
	    {SLICE_LIT(VICTIM_SEARCH), slice_str(search)}, {SLICE_LIT(VICTIM_TEST), SLICE_LIT("victim")},
	    {SLICE_LIT(VICTIM_RUN), slice_str(number)}, {SLICE_LIT(VICTIM_SECONDS), SLICE_LIT("0.250")}};

	snprintf(number, sizeof(number), "%lld", (long long)run);
	meta[3].value = slice_str(number);
	return store(repo, meta, 5, members, fails ? STATUS_FAIL : STATUS_SUCCESS);
}

static json_t *
read_back(struct repo *repo, const char *search)
{
	struct searches found;
	struct victim victim;
	struct finding f = {.victim = &victim, .confidence = FINDING_CONFIDENCE};
	struct err err;
	json_t *json;

	ok(searches_read(&found, repo, VICTIM_SEARCH, slice_str(search), &err));
	assert_int_equal(1, found.count);
	assert_string_equal("victim", found.list[0].test);
	ok(victim_find(
	    &victim, repo, found.list[0].test, NULL, found.list[0].run, found.list[0].first, &err));
	ok(finding_begin(&f, repo, &err));
	ok(finding_resume(&f, repo, slice_str(search), NULL, NULL, &err));
	ok(finding_judge(&f, &err));
	assert_int_equal(found.list[0].probes, f.probes);
	assert_int_equal(found.list[0].failures, f.failures);
	json = finding_json(&f, &(struct finding_call){0});
	finding_release(&f);
	victim_release(&victim);
	searches_release(&found);
	assert_non_null(json);
	return json;
}

static void
test_same_however_late(void **state)
{
	struct victim victim;
	struct finding f = {.victim = &victim, .confidence = FINDING_CONFIDENCE};
	struct victim_past past;
	struct repo *repo;
	struct err err;
	json_t *now, *later;
	int64_t failed;

	(void)state;
	ok(repo_open("memory:", &repo, &err));
	failed = store(repo, NULL, 0, (1u << CANDIDATES) - 1, STATUS_FAIL);
	ok(victim_find(&victim, repo, "victim", NULL, failed, 0, &err));
	assert_int_equal(CANDIDATES, victim.before.len);
	ok(finding_begin(&f, repo, &err));
	for (unsigned i = 0; i < PROBES; i++) {
		/* Half of those with the polluter fail; now and then it is alone with the victim. */
		unsigned members =
		    i % 8 < 2 ? 1u << POLLUTER : i * 2654435761u >> 8 & ((1u << CANDIDATES) - 1);
		bool fails = members >> POLLUTER & 1 && i % 2;
		size_t all[CANDIDATES];
		struct observed seen = {.members = all, .ended = true, .failed = fails};

		for (size_t k = 0; k < CANDIDATES; k++)
			if (members >> k & 1)
				all[seen.count++] = k;
		store_probe(repo, "search", failed, members, fails);
		f.seconds += .25;
		ok(finding_observe(&f, &seen, &err));
	}
	ok(finding_judge(&f, &err));
	now = finding_json(&f, &(struct finding_call){0});
	assert_string_equal("before.07", json_string_value(json_array_get(json_object_get(now, "tests"), 0)));
	later = read_back(repo, "search");
	assert_true(json_equal(now, later));
	json_decref(later);

	/* Runs, and another search, that came after it; the runs had more before the victim. */
	for (unsigned i = 0; i < 3; i++)
		store(repo, NULL, 0, 1u << POLLUTER, STATUS_SUCCESS);
	store_probe(repo, "another", failed, 1, true);
	later = read_back(repo, "search");
	assert_true(json_equal(now, later));
	json_decref(later);
	json_decref(now);

	/* Behind so many probes, too, it is known where the victim failed. */
	ok(victim_past(repo, "victim", NULL, failed + PROBES, &past, &err));
	assert_int_equal(failed, past.failed);
	assert_int_equal(-1, past.passed);
	finding_release(&f);
	victim_release(&victim);
	repo_free(repo);
}

static void
test_odd_metadata_is_no_search(void **state)
{
	static const char *const values[] = {"", "-1", "x", "99999999999999999999"};
	struct searches found;
	struct repo *repo;
	struct err err;

	(void)state;
	ok(repo_open("memory:", &repo, &err));
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct repo_meta meta[] = {{SLICE_LIT(VICTIM_SEARCH), SLICE_LIT("odd")},
		    {SLICE_LIT(VICTIM_TEST), SLICE_LIT("victim")},
		    {SLICE_LIT(VICTIM_RUN), slice_str(values[i])}};

		store(repo, meta, 3, 1, STATUS_FAIL);
		store(repo, meta, 1, 1, STATUS_FAIL);
	}
	ok(searches_read(&found, repo, VICTIM_SEARCH, SLICE_NONE, &err));
	assert_int_equal(0, found.count);
	searches_release(&found);
	repo_free(repo);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_same_however_late),
	    cmocka_unit_test(test_odd_metadata_is_no_search),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
