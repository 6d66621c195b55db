/* SPDX-License-Identifier: Apache-2.0
 *
 * Fills the repository of a directory with runs: bench/fill DIR RUNS TESTS. The same tests in each run, one in a
 * hundred failing, each time others. */
#include "repository.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int
append(struct repo_writer *w, const char *id, enum status status, int64_t time, struct err *err)
{
	struct slice tags[] = {SLICE_LIT("worker-0")};
	struct event e;

	event_init(&e);
	e.id = slice_str(id);
	e.status = status;
	e.time = time;
	e.tags = tags;
	e.tag_count = 1;
	if (status == STATUS_FAIL) {
		e.mime = SLICE_LIT("text/plain;charset=utf8");
		e.file_name = SLICE_LIT("traceback");
		e.file = SLICE_LIT("Traceback (most recent call last):\n  it failed\n");
	}
	return repo_append(w, &e, err);
}

static int
add_run(struct repo *repo, int64_t run, int64_t tests, struct err *err)
{
	int64_t time = (1700000000 + run * 600) * TIME_SECOND, id;
	struct repo_begin begin = {.command = "testr run"};
	struct repo_writer *w;

	if (repo_run_begin(repo, &begin, &w, err))
		return -1;
	for (int64_t i = 0; i < tests; i++) {
		enum status status = (i * 7919 + run * 104729) % 100 ? STATUS_SUCCESS : STATUS_FAIL;
		char name[128];

		snprintf(name, sizeof(name),
		    "pkg.module%" PRId64 ".TestClass%" PRId64 ".test_something_%" PRId64, i % 50, i % 500, i);
		if (append(w, name, STATUS_INPROGRESS, time, err) ||
		    append(w, name, status, time += 5000000, err))
			return -1;
	}
	return repo_run_finish(w, REPO_FINISHED, false, 1, &id, err);
}

int
main(int argc, char **argv)
{
	int64_t runs = argc == 4 ? strtoll(argv[2], NULL, 10) : 0;
	int64_t tests = argc == 4 ? strtoll(argv[3], NULL, 10) : 0;
	struct err err = {ERR_USAGE, "usage: fill DIR RUNS TESTS"};
	struct repo *repo = NULL;
	int rc = argc == 4 ? repo_open(argv[1], &repo, &err) : -1;

	for (int64_t run = 0; rc == 0 && run < runs; run++)
		rc = add_run(repo, run, tests, &err);
	repo_free(repo);
	if (rc)
		fprintf(stderr, "fill: %s\n", err.text);
	return rc ? 1 : 0;
}
