/* SPDX-License-Identifier: Apache-2.0
 *
 * The store's API as a command, for tests in other languages: repo_tool DIR init FORMAT | load [partial]
 * [interrupted] < STREAM | count | latest | runs | run ID | failing | durations ID... . Prints plain lines.
 * As in Python, an unexpected success passes. */
#include "repository.h"

#include "reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TAGS_MAX 64
#define DETAIL_MAX ((size_t)16 << 20)

/* Appends what Python's load would: with the worker's tag. */
static int
append(struct repo_writer *w, const struct event *e, struct err *err)
{
	struct slice tags[TAGS_MAX] = {SLICE_LIT("worker-0")};
	struct event tagged = *e;

	tagged.tags = tags;
	tagged.tag_count = 1;
	for (size_t i = 0; e->tags && i < e->tag_count && i < TAGS_MAX - 1; i++)
		tags[tagged.tag_count++] = e->tags[i];
	return repo_append(w, &tagged, err);
}

static int
drain(struct reader *r, struct repo_writer *w, struct err *err)
{
	struct event e;
	int rc;

	while ((rc = reader_next(r, &e)) > 0)
		if (append(w, &e, err))
			return -1;
	return rc ? err_nomem(err) : 0;
}

static int
load(struct repo *repo, bool partial, bool interrupted, struct err *err)
{
	struct repo_begin begin = {.uxsuccess_passes = true};
	struct reader *r = reader_new(READER_AUTO);
	struct repo_writer *w;
	int64_t id;
	int rc;

	if (!r)
		return err_nomem(err);
	if (repo_run_begin(repo, &begin, &w, err)) {
		reader_free(r);
		return -1;
	}
	do {
		size_t room;
		uint8_t *space = reader_space(r, &room);
		ssize_t n = space ? read(STDIN_FILENO, space, room) : -1;

		rc = n < 0 ? err_sys(err, "cannot read the stream") : 0;
		if (n <= 0)
			break;
		reader_commit(r, (size_t)n);
		rc = drain(r, w, err);
	} while (rc == 0);
	if (rc == 0) {
		reader_end(r);
		rc = drain(r, w, err);
	}
	reader_free(r);
	if (repo_run_finish(w, interrupted || rc ? REPO_INTERRUPTED : REPO_FINISHED, partial, -1, &id, err) ||
	    rc)
		return -1;
	printf("%" PRId64 "\n", id);
	return 0;
}

static int
print_result(void *context, const struct result *r, struct err *err)
{
	const char *status = status_name(r->status);

	(void)context;
	(void)err;
	printf("%s %.*s", status ? status : "none", SLICE_FMT(r->id));
	for (size_t i = 0; i < r->detail_count; i++)
		printf(" %.*s=%zu", SLICE_FMT(r->details[i].name), r->details[i].bytes.len);
	putchar('\n');
	return 0;
}

static int
print_run(void *context, const struct repo_run *run, struct err *err)
{
	static const char *const states[] = {"running", "finished", "interrupted"};

	(void)context;
	(void)err;
	printf("%" PRId64 " %s tests=%" PRId64 " failures=%" PRId64 " skips=%" PRId64 "\n", run->id,
	    states[run->state], run->counts.tests, run->counts.failures, run->counts.skips);
	return 0;
}

static int
print_durations(struct repo *repo, char **ids, size_t count, struct err *err)
{
	struct strtab table = {0};
	int64_t out[256];
	int rc;

	for (size_t i = 0; i < count && i < 256; i++)
		strtab_add(&table, slice_str(ids[i]), NULL);
	rc = repo_durations(repo, &table, out, err);
	for (size_t i = 0; rc == 0 && i < table.len; i++)
		printf("%" PRId64 "\n", out[i]);
	strtab_release(&table);
	return rc;
}

static bool
has(char **args, const char *word)
{
	for (; *args; args++)
		if (strcmp(*args, word) == 0)
			return true;
	return false;
}

static int
run(const char *directory, const char *command, char **args, size_t count, struct err *err)
{
	struct repo *repo;
	int64_t number = 0;
	int rc;

	if (count)
		slice_int(slice_str(args[0]), &number);
	if (strcmp(command, "init") == 0)
		return repo_create(directory, (int)number, err);
	if (repo_open(directory, &repo, err))
		return -1;
	if (strcmp(command, "load") == 0) {
		rc = load(repo, has(args, "partial"), has(args, "interrupted"), err);
	} else if (strcmp(command, "count") == 0 || strcmp(command, "latest") == 0) {
		rc = *command == 'c' ? repo_run_count(repo, &number, err) : repo_latest(repo, &number, err);
		if (rc == 0)
			printf("%" PRId64 "\n", number);
	} else if (strcmp(command, "runs") == 0) {
		rc = repo_runs(repo, print_run, NULL, err);
	} else if (strcmp(command, "run") == 0) {
		rc = repo_results(repo, number, DETAIL_MAX, print_result, NULL, err);
	} else if (strcmp(command, "failing") == 0) {
		rc = repo_failing(repo, DETAIL_MAX, print_result, NULL, err);
	} else if (strcmp(command, "durations") == 0) {
		rc = print_durations(repo, args, count, err);
	} else {
		rc = err_set(err, ERR_USAGE, "there is no command \"%s\"", command);
	}
	repo_free(repo);
	return rc;
}

int
main(int argc, char **argv)
{
	struct err err = {ERR_USAGE, "usage: repo_tool DIR COMMAND [ARGUMENT...]"};

	if (argc < 3 || run(argv[1], argv[2], argv + 3, (size_t)argc - 3, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return err_exit_status(err.kind);
	}
	return fflush(stdout) ? 3 : 0;
}
