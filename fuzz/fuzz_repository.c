/* SPDX-License-Identifier: Apache-2.0
 *
 * Any files as a repository of format 1: it is refused with a reason, or every question about it is answered,
 * the answers agree, and a run that is added changes none of those that were there. */
#include "fuzz_place.h"
#include "repository.h"

#include <sys/stat.h>

#define DETAIL_MAX ((size_t)1 << 16)

static const char *const names[] = {
    "0", "1", "failing", "next-stream", "times.dbm.dir", "times.dbm.dat", "testr-spool-a"};
#define NAME_COUNT (sizeof(names) / sizeof(names[0]))

/* Makes the files that a byte of the input has bits for, each as long as two bytes say. */
static void
make_files(struct slice in, const struct place *place)
{
	unsigned files = take_byte(&in);
	char path[64];

	LAW(mkdirat(place->fd, ".testrepository", 0777) == 0);
	place_write(place, ".testrepository/format", SLICE_LIT("1\n"));
	for (size_t i = 0; i < NAME_COUNT; i++) {
		size_t len;

		if (!(files >> i & 1))
			continue;
		len = take_number(&in);
		snprintf(path, sizeof(path), ".testrepository/%s", names[i]);
		place_write(place, path, slice_head(in, len));
		in = slice_from(in, len);
	}
}

struct told {
	struct repo *repo;
	struct buf log;
	struct repo_counts counts;
	int64_t last; /* run */
	struct strtab ids;
	bool damaged;
};

static void
law_of_errors(int rc, const struct err *err)
{
	LAW(rc == 0 || rc == -1);
	LAW((rc != 0) == (err->kind != ERR_NONE) && (rc == 0 || err->text[0]));
}

static int
tell_result(void *context, const struct result *r, struct err *err)
{
	struct told *t = context;

	(void)err;
	LAW(r->id.data && r->status != STATUS_EXISTS);
	t->counts.tests++;
	t->counts.failures +=
	    !status_is_final(r->status) || r->status == STATUS_FAIL || r->status == STATUS_UXSUCCESS;
	t->counts.skips += r->status == STATUS_SKIP;
	buf_printf(&t->log, "%zu:%.*s %d %lld %lld %zu\n", r->id.len, SLICE_FMT(r->id), (int)r->status,
	    (long long)r->start, (long long)r->stop, r->detail_count);
	for (size_t i = 0; i < r->detail_count; i++)
		buf_slice(&t->log, r->details[i].bytes);
	LAW(strtab_add(&t->ids, r->id, NULL) != STRTAB_NONE);
	return 0;
}

static int
tell_run(void *context, const struct repo_run *run, struct err *err)
{
	struct told *t = context;

	LAW(run->id > t->last && run->state == REPO_FINISHED && !run->partial);
	LAW((run->start == TIME_NONE) == (run->stop == TIME_NONE) && run->start <= run->stop);
	t->last = run->id;
	t->counts = (struct repo_counts){0};
	buf_printf(&t->log, "run %lld\n", (long long)run->id);
	if (repo_results(t->repo, run->id, DETAIL_MAX, tell_result, t, err))
		return -1;
	LAW(memcmp(&t->counts, &run->counts, sizeof(t->counts)) == 0);
	return 0;
}

static int
count_result(void *context, const struct result *r, struct err *err)
{
	(void)err;
	LAW(r->id.data != NULL);
	++*(size_t *)context;
	return 0;
}

/* Asks for everything. */
static void
ask(struct told *t)
{
	struct strtab failing = {0};
	int64_t count, latest, *durations;
	size_t results = 0;
	struct err err = {0};
	int rc;

	buf_init(&t->log, FUZZ_MAX);
	t->last = -1;
	rc = repo_runs(t->repo, tell_run, t, &err);
	law_of_errors(rc, &err);
	t->damaged |= rc != 0;
	err = (struct err){0};
	rc = repo_run_count(t->repo, &count, &err);
	law_of_errors(rc, &err);
	LAW(rc || count >= 0);
	t->damaged |= rc != 0;
	err = (struct err){0};
	law_of_errors(repo_latest(t->repo, &latest, &err), &err);
	err = (struct err){0};
	rc = repo_failing(t->repo, DETAIL_MAX, count_result, &results, &err);
	law_of_errors(rc, &err);
	LAW(rc || (repo_failing_ids(t->repo, &failing, &err) == 0 && failing.len <= results));
	err = (struct err){0};
	durations = calloc(t->ids.len + 1, sizeof(*durations));
	LAW(durations != NULL);
	rc = repo_durations(t->repo, &t->ids, durations, &err);
	law_of_errors(rc, &err);
	for (size_t i = 0; rc == 0 && i < t->ids.len; i++)
		LAW(durations[i] >= -1);
	free(durations);
	strtab_release(&failing);
}

static void
told_release(struct told *t)
{
	buf_release(&t->log);
	strtab_release(&t->ids);
}

/* Adds a run of one test; its id, or -1 where the repository is too damaged for that. */
static int64_t
add_run(struct repo *repo)
{
	const struct repo_begin begin = {.command = "fuzz"};
	struct repo_writer *w;
	struct err err = {0};
	struct event e;
	int64_t id = -1;
	int rc = repo_run_begin(repo, &begin, &w, &err);

	law_of_errors(rc, &err);
	if (rc)
		return -1;
	event_init(&e);
	e.id = SLICE_LIT("t");
	e.status = STATUS_FAIL;
	e.time = TIME_SECOND;
	LAW(repo_append(w, &e, &err) == 0 && repo_flush(w, &err) == 0);
	rc = repo_run_finish(w, REPO_FINISHED, false, 0, &id, &err);
	law_of_errors(rc, &err);
	LAW(rc || id >= 0);
	return rc ? -1 : id;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct told before = {0}, after = {0};
	struct repo *repo = NULL;
	struct err err = {0};
	struct place place;
	int64_t id;
	int rc;

	place_init(&place);
	make_files(slice_of(data, size), &place);
	rc = repo_open(place.path, &repo, &err);
	law_of_errors(rc, &err);
	LAW((rc == 0) == (repo != NULL));
	if (repo) {
		before.repo = after.repo = repo;
		ask(&before);
		id = add_run(repo);
		ask(&after);
		LAW(id < 0 || before.damaged || after.last >= id);
		LAW(id < before.last || slice_starts(buf_get(&after.log), buf_get(&before.log)));
		told_release(&before);
		told_release(&after);
	}
	repo_free(repo);
	place_release(&place);
	return 0;
}
