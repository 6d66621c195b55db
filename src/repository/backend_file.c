/* SPDX-License-Identifier: Apache-2.0
 *
 * Format 1: the directory of Python's testrepository, or of stestr, to be used by both programs on the same
 * day. A run N is a file N of subunit v1, "next-stream" is the next N, "failing" has the failing tests as one
 * more run, times.dbm the durations.
 *
 * A run grows in a spool file, locked by its writer, and gets its number by a link when it is complete; it
 * loses its spool name last. So an unlocked spool is what a dead writer left: it is made a run, if it is none
 * yet. The lock of the file "format" orders all changes of several files. Python takes no
 * locks: if it has read next-stream just before us, it puts its run in the place of ours. So a spool keeps a
 * name for some seconds; one that has no other name then is made a run again. */
#include "clock.h"
#include "replay.h"
#include "repo_backend.h"
#include "spool.h"
#include "times.h"
#include "v1_run.h"

#include <assert.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SPOOL "testr-spool-"
/* Takes the place of a spool of a dead writer while it is copied; under the lock, so one is enough. */
#define SALVAGE "testr-salvage"
/* The name that the spool of run N keeps for some time. */
#define KEPT "testr-kept-"
#define KEPT_TIME (10 * TIME_SECOND)
#define FAILING "failing"
#define NEXT "next-stream"
#define NEXT_MAX 64
/* How many runs are asked for durations where times.dbm is not for us to read. */
#define DURATION_RUNS 20

struct file_writer {
	struct repo_writer base;
	struct spool spool;
	struct outcome *outcome;
};

/* Takes the repository's lock; closing the descriptor gives it back. -1 on an error. */
static int
lock(const struct repo *repo, struct err *err)
{
	int fd = file_open(&repo->dir, "format", O_RDONLY, 0, err);

	if (fd >= 0 && file_lock(fd, true) < 0) {
		file_error(&repo->dir, "format", "lock", err);
		close(fd);
		return -1;
	}
	return fd;
}

static int
write_next(const struct file_dir *dir, int64_t next, struct err *err)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRId64 "\n", next);
	return file_replace(dir, NEXT, slice_str(text), 0666, err);
}

static int
file_create_repo(const struct file_dir *dir, struct err *err)
{
	return write_next(dir, 0, err);
}

/* The words of the original, which shows the text as a Python literal. */
static int
corrupt_next(struct slice text, struct err *err)
{
	struct buf literal;
	int rc;

	buf_init(&literal, (size_t)NEXT_MAX * 8);
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '\n')
			buf_str(&literal, "\\n");
		else if (isprint(text.data[i]))
			buf_byte(&literal, text.data[i]);
		else
			buf_printf(&literal, "\\x%02x", text.data[i]);
	}
	rc = err_set(err, ERR_FAILED, "Corrupt next-stream file: '%.*s'", SLICE_FMT(buf_get(&literal)));
	buf_release(&literal);
	return rc;
}

static int
file_run_count(struct repo *repo, int64_t *out, struct err *err)
{
	struct buf text;
	int64_t next = 0;
	int rc;

	buf_init(&text, NEXT_MAX);
	rc = file_read(&repo->dir, NEXT, &text, err);
	if (rc == 0)
		rc = err_set(err, ERR_FAILED, "%s/" NEXT " is missing", repo->dir.path);
	else if (rc > 0)
		rc = slice_int(slice_trim(buf_get(&text)), &next) && next >= 0
			 ? 0
			 : corrupt_next(buf_get(&text), err);
	buf_release(&text);
	if (rc == 0)
		*out = next;
	return rc;
}

static int
compare_ids(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The number that a file name is, or -1. */
static int64_t
run_of_name(const char *name)
{
	char canonical[24];
	int64_t id;

	if (!slice_int(slice_str(name), &id) || id < 0)
		return -1;
	snprintf(canonical, sizeof(canonical), "%" PRId64, id);
	return strcmp(canonical, name) == 0 ? id : -1;
}

/* The names in the directory, for readdir; closed by the caller. */
static DIR *
open_names(const struct file_dir *dir, struct err *err)
{
	int fd = file_open(dir, ".", O_RDONLY | O_DIRECTORY, 0, err);
	DIR *names = fd >= 0 ? fdopendir(fd) : NULL;

	if (fd >= 0 && !names) {
		file_error(dir, ".", "read", err);
		close(fd);
	}
	return names;
}

/* The ids of all stored runs, ascending, for the caller to free. */
static int
list_runs(struct repo *repo, int64_t **out, size_t *count, struct err *err)
{
	DIR *names = open_names(&repo->dir, err);
	int64_t *ids = NULL;
	size_t len = 0, cap = 0;
	struct dirent *entry;

	if (!names)
		return -1;
	while ((entry = readdir(names))) {
		int64_t id = run_of_name(entry->d_name);

		if (id < 0)
			continue;
		if (len == cap) {
			int64_t *more = reallocarray(ids, cap = cap ? cap * 2 : 64, sizeof(*ids));

			if (!more) {
				free(ids);
				closedir(names);
				return err_nomem(err);
			}
			ids = more;
		}
		ids[len++] = id;
	}
	closedir(names);
	if (len)
		qsort(ids, len, sizeof(*ids), compare_ids);
	*out = ids;
	*count = len;
	return 0;
}

static struct file_writer *
writer_new(struct repo *repo, bool uxsuccess_passes)
{
	struct file_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->base.repo = repo;
	spool_init(&w->spool, &repo->dir, uxsuccess_passes);
	w->outcome = outcome_new(SPOOL_DETAIL_MAX);
	if (!w->outcome) {
		free(w);
		return NULL;
	}
	return w;
}

static void
writer_free(struct file_writer *w)
{
	if (!w)
		return;
	spool_release(&w->spool);
	outcome_free(w->outcome);
	free(w);
}

/* Creates the file of a spool and locks it for as long as it is open. */
static int
open_spool(struct spool *s, struct err *err)
{
	s->fd = file_create_temp(s->dir, SPOOL, 0600, s->name, sizeof(s->name), err);
	if (s->fd < 0)
		return -1;
	if (file_lock(s->fd, true) > 0)
		return 0;
	file_error(s->dir, s->name, "lock", err);
	unlinkat(s->dir->fd, s->name, 0);
	return -1;
}

static int
file_run_begin(struct repo *repo, const struct repo_begin *begin, struct repo_writer **out, struct err *err)
{
	struct file_writer *w = writer_new(repo, begin->uxsuccess_passes);
	int locked = w ? lock(repo, err) : err_nomem(err), rc;

	if (locked < 0) {
		writer_free(w);
		return -1;
	}
	/* Under the lock nobody takes the spool for a dead one's before it is locked. */
	rc = open_spool(&w->spool, err);
	close(locked);
	if (rc) {
		writer_free(w);
		return -1;
	}
	*out = &w->base;
	return 0;
}

static int
file_append(struct repo_writer *base, const struct event *e, struct err *err)
{
	struct file_writer *w = (struct file_writer *)base;
	const struct result *r;

	if (outcome_event(w->outcome, e, &r))
		return err_nomem(err);
	return r ? spool_add(&w->spool, r, true, err) : 0;
}

static int
file_flush(struct repo_writer *base, struct err *err)
{
	return spool_flush(&((struct file_writer *)base)->spool, err);
}

/* Gives the spool the next free number. */
static int
publish(struct repo *repo, const struct spool *s, int64_t *id, struct err *err)
{
	int64_t next;
	char name[24];

	if (file_run_count(repo, &next, err))
		return -1;
	for (;; next++) {
		if (next == INT64_MAX)
			return err_set(err, ERR_FAILED,
			    "%s/" NEXT " leaves no number for a run; write a smaller one into it",
			    repo->dir.path);
		snprintf(name, sizeof(name), "%" PRId64, next);
		/* First, so that no writer of Python's takes the number once it is in use. */
		if (write_next(&repo->dir, next + 1, err))
			return -1;
		if (linkat(repo->dir.fd, s->name, repo->dir.fd, name, 0) == 0)
			break;
		if (errno != EEXIST)
			return file_error(&repo->dir, name, "create", err);
	}
	*id = next;
	return 0;
}

static enum times_key
times_key(const struct repo *repo)
{
	return repo->backend == &backend_stestr ? TIMES_ID_STRIPPED : TIMES_ID;
}

/* Makes the spool, which is complete, a run, under the repository's lock. With `published` it is one already. */
static int
complete(struct repo *repo, struct spool *s, bool published, bool replace, int64_t *id, struct err *err)
{
	char kept[40];

	if (spool_sync(s, err) || (!published && publish(repo, s, id, err)) ||
	    spool_failing(s, FAILING, replace, err) ||
	    times_store(&repo->dir, times_key(repo), &s->ids, s->durations, err) ||
	    file_sync_dir(&repo->dir, err))
		return -1;
	/* Should the machine die now and the name come back, its second link tells. */
	if (published)
		return unlinkat(repo->dir.fd, s->name, 0) ? file_error(&repo->dir, s->name, "remove", err)
							  : 0;
	snprintf(kept, sizeof(kept), KEPT "%" PRId64, *id);
	return renameat(repo->dir.fd, s->name, repo->dir.fd, kept)
		   ? file_error(&repo->dir, s->name, "rename", err)
		   : 0;
}

static int
file_run_finish(struct repo_writer *base, enum repo_state state, bool partial, int exit_status, int64_t *id,
    struct err *err)
{
	struct file_writer *w = (struct file_writer *)base;
	const struct result *r;
	int rc = 0, locked;

	assert(state != REPO_RUNNING);
	(void)exit_status;
	while (rc == 0 && (r = outcome_open_next(w->outcome)))
		rc = spool_add(&w->spool, r, state == REPO_FINISHED, err);
	locked = rc == 0 ? lock(base->repo, err) : -1;
	if (locked >= 0) {
		rc = complete(base->repo, &w->spool, false, state == REPO_FINISHED && !partial, id, err);
		close(locked);
	}
	writer_free(w);
	return locked < 0 ? -1 : rc;
}

static int
salvage_result(void *context, const struct result *r, struct err *err)
{
	return spool_add(context, r, true, err);
}

/* Copies the whole results of the spool of a dead writer, which is open as fd, to a spool of our own. */
static int
salvage_copy(struct spool *s, int fd, struct err *err)
{
	snprintf(s->name, sizeof(s->name), "%s", SALVAGE);
	s->fd = file_open(s->dir, SALVAGE, O_RDWR | O_CREAT | O_TRUNC, 0600, err);
	if (s->fd < 0 || replay_torn(fd, READER_V1, SPOOL_DETAIL_MAX, salvage_result, s, err))
		return -1;
	return spool_sync(s, err);
}

/* Makes the spool of a dead writer a run, under the repository's lock. Its copy takes its name: whenever this
 * is interrupted, there is one spool to begin with again. */
static int
salvage(struct repo *repo, const char *name, int fd, struct err *err)
{
	struct spool s;
	struct stat st;
	bool published;
	int64_t id;
	int rc;

	spool_init(&s, &repo->dir, false);
	rc = fstat(fd, &st) ? file_error(&repo->dir, name, "look at", err) : salvage_copy(&s, fd, err);
	/* A second link is the number that it has already; what follows the number may be missing. */
	published = rc == 0 && st.st_nlink > 1;
	if (rc == 0 && s.results && !published) {
		if (renameat(repo->dir.fd, SALVAGE, repo->dir.fd, name))
			rc = file_error(&repo->dir, name, "replace", err);
		memcpy(s.name, name, strlen(name) + 1);
	}
	if (rc == 0 && s.results)
		rc = complete(repo, &s, published, false, &id, err);
	else if (rc == 0)
		unlinkat(repo->dir.fd, SALVAGE, 0);
	if (rc == 0 && (!s.results || published))
		unlinkat(repo->dir.fd, name, 0);
	spool_release(&s);
	return rc;
}

static bool
is_spool(const char *name)
{
	return strncmp(name, SPOOL, strlen(SPOOL)) == 0 && strlen(name) < sizeof(((struct spool *)0)->name);
}

static int
salvage_spool(struct repo *repo, const char *name, struct err *err)
{
	int fd = openat(repo->dir.fd, name, O_RDWR | O_CLOEXEC), rc;

	/* It may have been completed since the directory was read. */
	if (fd < 0)
		return errno == ENOENT ? 0 : file_error(&repo->dir, name, "open", err);
	rc = file_lock(fd, false);
	if (rc < 0)
		file_error(&repo->dir, name, "lock", err);
	else if (rc > 0)
		rc = salvage(repo, name, fd, err);
	close(fd);
	return rc < 0 ? -1 : 0;
}

/* The number in the name of a kept spool, or -1. */
static int64_t
run_of_kept(const char *name)
{
	return strncmp(name, KEPT, strlen(KEPT)) == 0 ? run_of_name(name + strlen(KEPT)) : -1;
}

/* Ends the time of a kept spool when its number is safe: nobody who takes no locks is about to store a run
 * under it, and next-stream, which such a one may have put back, is above it. */
static int
forget_kept(struct repo *repo, const char *name, int64_t id, const struct stat *st, struct err *err)
{
	int64_t age = clock_realtime() - st->st_ctim.tv_sec * TIME_SECOND, next;

	if (age >= 0 && age < KEPT_TIME)
		return 0;
	if (file_run_count(repo, &next, err) || (next <= id && write_next(&repo->dir, id + 1, err)))
		return -1;
	unlinkat(repo->dir.fd, name, 0);
	return 0;
}

static int
settle_kept(struct repo *repo, const char *name, int64_t id, struct err *err)
{
	struct stat kept, run;

	if (fstatat(repo->dir.fd, name, &kept, 0))
		return errno == ENOENT ? 0 : file_error(&repo->dir, name, "look at", err);
	if (fstatat(repo->dir.fd, name + strlen(KEPT), &run, 0)) {
		/* Somebody has removed the run. */
		unlinkat(repo->dir.fd, name, 0);
		return 0;
	}
	return kept.st_ino == run.st_ino ? forget_kept(repo, name, id, &kept, err)
					 : salvage_spool(repo, name, err);
}

static int
salvage_all(struct repo *repo, DIR *names, struct err *err)
{
	struct dirent *entry;
	int rc = 0;

	while (rc == 0 && (entry = readdir(names))) {
		int64_t kept = run_of_kept(entry->d_name);

		if (kept >= 0)
			rc = settle_kept(repo, entry->d_name, kept, err);
		else if (is_spool(entry->d_name))
			rc = salvage_spool(repo, entry->d_name, err);
	}
	return rc;
}

static struct repo *
file_allocate(void)
{
	return calloc(1, sizeof(struct repo));
}

static int
file_open_repo(struct repo *repo, struct err *err)
{
	DIR *names = open_names(&repo->dir, err);
	struct dirent *entry;
	bool spools = false;
	int rc = 0, locked;

	if (!names)
		return -1;
	while ((entry = readdir(names)))
		spools = spools || is_spool(entry->d_name) || run_of_kept(entry->d_name) >= 0;
	/* Mostly there are none, and then nobody has to be waited for. */
	if (spools) {
		locked = lock(repo, err);
		rewinddir(names);
		rc = locked < 0 ? -1 : salvage_all(repo, names, err);
		if (locked >= 0)
			close(locked);
	}
	closedir(names);
	return rc;
}

static void
file_close_repo(struct repo *repo)
{
	(void)repo;
}

static int
file_freeze(struct repo *repo, struct err *err)
{
	int fd = lock(repo, err);
	DIR *names = fd >= 0 ? open_names(&repo->dir, err) : NULL;
	struct dirent *entry;
	bool busy = false;

	while (names && !busy && (entry = readdir(names))) {
		int spool =
		    is_spool(entry->d_name) ? openat(repo->dir.fd, entry->d_name, O_RDWR | O_CLOEXEC) : -1;

		busy = spool >= 0 && file_lock(spool, false) == 0;
		if (spool >= 0)
			close(spool);
	}
	if (names)
		closedir(names);
	if (busy)
		err_set(err, ERR_FAILED, "a run is being written to %s: try again when it has ended",
		    repo->dir.path);
	if (fd >= 0 && (busy || !names)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int
file_latest(struct repo *repo, int64_t *out, struct err *err)
{
	int64_t *ids;
	size_t count;

	if (list_runs(repo, &ids, &count, err))
		return -1;
	*out = count ? ids[count - 1] : -1;
	free(ids);
	return 0;
}

static int
file_results(
    struct repo *repo, int64_t id, size_t detail_max, repo_result_fn fn, void *context, struct err *err)
{
	char name[24];
	int rc;

	snprintf(name, sizeof(name), "%" PRId64, id);
	rc = id < 0 ? 0 : replay_file(&repo->dir, name, READER_V1, detail_max, fn, context, err);
	return rc == 0 ? repo_no_run(err) : rc > 0 ? 0 : -1;
}

static int
add_to_run(void *context, const struct result *r, struct err *err)
{
	(void)err;
	repo_run_add(context, r);
	return 0;
}

static int
file_run_get(struct repo *repo, int64_t id, struct repo_run *out, struct err *err)
{
	struct repo_run run = {
	    .id = id, .state = REPO_FINISHED, .start = TIME_NONE, .stop = TIME_NONE, .exit_status = -1};

	if (file_results(repo, id, 0, add_to_run, &run, err))
		return -1;
	*out = run;
	return 0;
}

/* Opens the file of a run. "No such run." when there is none. */
static int
open_run(struct repo *repo, int64_t id, struct err *err)
{
	char name[24];
	int fd;

	snprintf(name, sizeof(name), "%" PRId64, id);
	fd = id < 0 ? -1 : openat(repo->dir.fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return id < 0 || errno == ENOENT ? repo_no_run(err)
						 : file_error(&repo->dir, name, "open", err);
	return fd;
}

static int
file_identify(struct repo *repo, struct repo_run *run, struct err *err)
{
	int fd = open_run(repo, run->id, err), rc;

	if (fd < 0)
		return -1;
	rc = v1_run_uid(fd, run->id, run->uid, err);
	close(fd);
	/* Nothing else says when it ended. */
	run->sequence = run->stop == TIME_NONE || run->stop < 0 ? 0 : run->stop;
	return rc;
}

static int
file_export(struct repo *repo, int64_t id, repo_text_fn fn, void *context, struct err *err)
{
	struct repo_run run;
	int fd, rc;

	if (file_run_get(repo, id, &run, err) || file_identify(repo, &run, err))
		return -1;
	fd = open_run(repo, id, err);
	if (fd < 0)
		return -1;
	rc = v1_run_stream(fd, &run, fn, context, err);
	close(fd);
	return rc;
}

static int
file_runs(struct repo *repo, repo_run_fn fn, void *context, struct err *err)
{
	struct repo_run run;
	int64_t *ids;
	size_t count;
	int rc;

	if (list_runs(repo, &ids, &count, err))
		return -1;
	rc = 0;
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = file_run_get(repo, ids[i], &run, err) || fn(context, &run, err) ? -1 : 0;
	free(ids);
	return rc;
}

static int
file_run_text(
    struct repo *repo, int64_t id, struct slice name, repo_text_fn fn, void *context, struct err *err)
{
	struct repo_run run;

	(void)name;
	(void)fn;
	(void)context;
	/* v1 has no place for text. */
	return file_run_get(repo, id, &run, err);
}

static int
file_failing(struct repo *repo, size_t detail_max, repo_result_fn fn, void *context, struct err *err)
{
	/* Before the first run there is no such file. */
	return replay_file(&repo->dir, FAILING, READER_V1, detail_max, fn, context, err) < 0 ? -1 : 0;
}

static int
add_id(void *context, const struct result *r, struct err *err)
{
	return strtab_add(context, r->id, NULL) == STRTAB_NONE ? err_nomem(err) : 0;
}

static int
file_failing_ids(struct repo *repo, struct slice profile, struct strtab *ids, struct err *err)
{
	(void)profile;
	return file_failing(repo, 0, add_id, ids, err);
}

struct duration_walk {
	const struct strtab *ids;
	int64_t *out;
	bool *settled; /* by a newer run */
};

static int
take_duration(void *context, const struct result *r, struct err *err)
{
	struct duration_walk *walk = context;
	size_t i = strtab_find(walk->ids, r->id);

	(void)err;
	if (i != STRTAB_NONE && !walk->settled[i] && result_duration(r) != TIME_NONE)
		walk->out[i] = result_duration(r);
	return 0;
}

/* The durations that the latest runs tell, the newest first, until all are known. */
static int
durations_from_runs(struct repo *repo, const struct strtab *ids, int64_t *out, struct err *err)
{
	struct duration_walk walk = {ids, out, calloc(ids->len + 1, sizeof(bool))};
	int64_t *runs = NULL;
	size_t count = 0, unknown = ids->len;
	int rc = walk.settled ? list_runs(repo, &runs, &count, err) : err_nomem(err);

	for (size_t n = 0; rc == 0 && n < DURATION_RUNS && n < count && unknown; n++) {
		rc = file_results(repo, runs[count - 1 - n], 0, take_duration, &walk, err);
		unknown = 0;
		for (size_t i = 0; i < ids->len; i++) {
			walk.settled[i] = out[i] >= 0;
			unknown += out[i] < 0;
		}
	}
	free(runs);
	free(walk.settled);
	return rc;
}

static int
file_durations(
    struct repo *repo, struct slice profile, const struct strtab *ids, int64_t *out, struct err *err)
{
	int rc;

	(void)profile;
	for (size_t i = 0; i < ids->len; i++)
		out[i] = -1;
	rc = times_load(&repo->dir, times_key(repo), ids, out, err);
	return rc == 0 ? durations_from_runs(repo, ids, out, err) : rc > 0 ? 0 : -1;
}

#define SHARED \
	.format = 1, .format_text = "1\n", .allocate = file_allocate, .open = file_open_repo, \
	.close = file_close_repo, .run_begin = file_run_begin, .append = file_append, .flush = file_flush, \
	.run_finish = file_run_finish, .run_count = file_run_count, .latest = file_latest, \
	.run_get = file_run_get, .runs = file_runs, .results = file_results, .run_text = file_run_text, \
	.failing = file_failing, .failing_ids = file_failing_ids, .durations = file_durations, \
	.run_ids = list_runs, .identify = file_identify, .export = file_export, .freeze = file_freeze

const struct repo_backend backend_file = {
    SHARED,
    .directory = ".testrepository",
    .create = file_create_repo,
};

const struct repo_backend backend_stestr = {
    SHARED,
    .directory = ".stestr",
};
