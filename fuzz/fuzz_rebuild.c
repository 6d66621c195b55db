/* SPDX-License-Identifier: Apache-2.0
 *
 * Any files as the streams of a repository of format 2: an index is made from them, twice the same, with which
 * nothing is wrong but what is damaged in the streams; every run can be sent to another repository, where it says
 * the same; and a run can be added. */
#include "fuzz_place.h"
#include "repository.h"
#include "transfer.h"

#define DETAIL_MAX ((size_t)1 << 16)

static const char *const names[] = {"0", "1", "2.part", "3", "checkpoint.1", "checkpoint.2"};
#define NAME_COUNT (sizeof(names) / sizeof(names[0]))

/* Makes the files that a byte of the input has bits for, each as long as two bytes say. */
static void
make_files(struct slice in, const struct place *place)
{
	unsigned files = take_byte(&in);
	char path[64];

	for (size_t i = 0; i < NAME_COUNT; i++) {
		size_t len;

		if (!(files >> i & 1))
			continue;
		len = take_number(&in);
		snprintf(path, sizeof(path), ".testrepository/streams/%s", names[i]);
		place_write(place, path, slice_head(in, len));
		in = slice_from(in, len);
	}
}

struct told {
	struct repo *repo;
	struct buf log;
	int64_t runs[8];
	size_t count;
	bool with_runs; /* their ids and places as well */
};

static int
tell_result(void *context, const struct result *r, struct err *err)
{
	struct told *t = context;

	(void)err;
	buf_printf(&t->log, "%zu:%.*s %d %lld %lld %zu\n", r->id.len, SLICE_FMT(r->id), (int)r->status,
	    (long long)r->start, (long long)r->stop, r->detail_count);
	for (size_t i = 0; i < r->detail_count; i++)
		buf_slice(&t->log, r->details[i].bytes);
	return 0;
}

static int
tell_run(void *context, const struct repo_run *run, struct err *err)
{
	struct told *t = context;

	LAW(run->state != REPO_RUNNING && strlen(run->uid) == 32 && run->sequence > 0);
	LAW(t->count < sizeof(t->runs) / sizeof(t->runs[0]));
	t->runs[t->count++] = run->id;
	buf_printf(&t->log, "%s %d %d %d\n", run->uid, (int)run->state, run->partial, run->exit_status);
	if (t->with_runs)
		buf_printf(&t->log, "run %lld %lld\n", (long long)run->id, (long long)run->sequence);
	return repo_results(t->repo, run->id, DETAIL_MAX, tell_result, t, err);
}

static void
ask(struct told *t, struct repo *repo)
{
	struct err err;
	int64_t count;

	*t = (struct told){.repo = repo, .with_runs = true};
	buf_init(&t->log, FUZZ_MAX);
	LAW(repo_runs(repo, tell_run, t, &err) == 0);
	LAW(repo_failing(repo, DETAIL_MAX, tell_result, t, &err) == 0);
	LAW(repo_run_count(repo, &count, &err) == 0 && count >= 0);
	buf_printf(&t->log, "count %lld\n", (long long)count);
	LAW(!t->log.failed);
}

/* Only what is wrong with streams may be. */
static int
law_of_problems(void *context, int64_t run, const char *what, struct err *err)
{
	(void)context;
	(void)err;
	LAW((run >= 0 || strstr(what, "checkpoint")) && !strstr(what, "index"));
	return 0;
}

static void
send_run(struct repo *from, int64_t run, struct repo *to)
{
	struct told sent = {.repo = from}, come = {.repo = to};
	struct repo_run facts;
	struct err err;
	int64_t id;

	/* A stream that does not say which run it is goes nowhere. */
	if (transfer_run(from, run, to, &id, &err) != 1)
		return;
	buf_init(&sent.log, FUZZ_MAX);
	buf_init(&come.log, FUZZ_MAX);
	LAW(repo_results(from, run, DETAIL_MAX, tell_result, &sent, &err) == 0);
	LAW(repo_results(to, id, DETAIL_MAX, tell_result, &come, &err) == 0);
	LAW(slice_eq(buf_get(&sent.log), buf_get(&come.log)));
	LAW(repo_run_get(to, id, &facts, &err) == 0 && facts.state != REPO_RUNNING);
	buf_release(&sent.log);
	buf_release(&come.log);
}

static void
add_run(struct repo *repo)
{
	const struct repo_begin begin = {.command = "fuzz"};
	struct repo_writer *w;
	struct err err;
	int64_t id;

	LAW(repo_run_begin(repo, &begin, &w, &err) == 0);
	LAW(repo_run_finish(w, REPO_FINISHED, false, 0, &id, &err) == 0 && id >= 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct repo *repo, *other;
	struct told first, second;
	struct place place;
	struct err err;

	place_init(&place);
	LAW(repo_create(place.path, 2, &err) == 0);
	make_files(slice_of(data, size), &place);
	LAW(repo_rebuild(place.path, &err) == 0);
	LAW(repo_open(place.path, &repo, &err) == 0);
	ask(&first, repo);
	LAW(repo_verify(repo, law_of_problems, NULL, &err) == 0);
	repo_free(repo);
	if (repo_rebuild(place.path, &err)) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
	LAW(repo_open(place.path, &repo, &err) == 0);
	ask(&second, repo);
	LAW(slice_eq(buf_get(&first.log), buf_get(&second.log)));
	LAW(repo_open("memory:", &other, &err) == 0);
	for (size_t i = 0; i < first.count; i++)
		send_run(repo, first.runs[i], other);
	add_run(repo);
	buf_release(&first.log);
	buf_release(&second.log);
	repo_free(other);
	repo_free(repo);
	place_release(&place);
	return 0;
}
