/* SPDX-License-Identifier: Apache-2.0 */
#include "repository.h"

#include "generic.h"
#include "meta.h"
#include "packet.h"
#include "repo_backend.h"
#include "rowpage.h"
#include "run_packet.h"
#include "tagset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPO_NAME ".testrepository"
#define SQLITE_SCHEME "sqlite:"
#define FORMAT_MAX 64
#define UPGRADE "`testr repository upgrade` makes it format 2"

/* A project may have directories of several kinds: the first one counts. */
static const struct repo_backend *const backends[] = {&backend_sqlite, &backend_file, &backend_stestr};
#define BACKEND_COUNT (sizeof(backends) / sizeof(backends[0]))
static const struct repo_backend *const url_backends[] = {&backend_postgres, &backend_memory};
#define URL_BACKEND_COUNT (sizeof(url_backends) / sizeof(url_backends[0]))

/* NULL when the URL is a directory's, or "sqlite:". */
static const struct repo_backend *
backend_of_url(const char *url)
{
	for (size_t i = 0; i < URL_BACKEND_COUNT; i++) {
		struct slice rest = slice_str(url_backends[i]->schemes), scheme;

		while (slice_word(&rest, &scheme))
			if (slice_starts(slice_str(url), scheme))
				return url_backends[i];
	}
	return NULL;
}

/* DIR/NAME, for the caller to free. NULL when out of memory. */
static char *
join(const char *directory, const char *name)
{
	size_t len = strlen(directory);
	struct buf path;
	char *text;

	buf_init(&path, SIZE_MAX / 4);
	buf_printf(&path, "%s%s%s", directory, len && directory[len - 1] == '/' ? "" : "/", name);
	text = buf_steal(&path);
	buf_release(&path);
	return text;
}

/* Opens DIR/NAME; the path is the caller's to free. 1, 0 when there is none, or -1. */
static int
open_dir(const char *directory, const char *name, struct file_dir *out, struct err *err)
{
	char *text = join(directory, name);
	int fd;

	if (!text)
		return err_nomem(err);
	fd = open(text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		int rc = errno == ENOENT ? 0 : err_sys(err, "cannot open %s", text);

		free(text);
		return rc;
	}
	*out = (struct file_dir){fd, text};
	return 1;
}

static void
close_dir(struct file_dir *dir)
{
	if (dir->fd >= 0)
		close(dir->fd);
	free((char *)dir->path);
}

/* 1 and the text without surrounding blanks, 0 when the directory has no format, or -1. */
static int
read_format(const struct file_dir *dir, struct buf *text, struct err *err)
{
	buf_init(text, FORMAT_MAX);
	return file_read(dir, "format", text, err);
}

static int
fill(const struct file_dir *dir, const struct repo_backend *backend, struct err *err)
{
	struct buf text;
	int rc = read_format(dir, &text, err);

	buf_release(&text);
	if (rc < 0)
		return -1;
	if (rc == 0) {
		if (backend->create(dir, err))
			return -1;
		/* The format comes last: a directory without one is no repository yet. */
		rc = file_create(dir, "format", slice_str(backend->format_text), 0666, err);
		if (rc != 0)
			return rc > 0 ? file_sync_dir(dir, err) : -1;
	}
	return err_set(err, ERR_FAILED, "%s is there already", dir->path);
}

/* Makes the repository in DIR/NAME. */
static int
create_in(const char *directory, const char *name, const struct repo_backend *backend, struct err *err)
{
	struct file_dir base, dir;
	int rc, fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "cannot open %s", directory);
	base = (struct file_dir){fd, directory};
	rc = mkdirat(fd, name, 0777) && errno != EEXIST ? file_error(&base, name, "create", err) : 0;
	if (rc == 0) {
		rc = open_dir(directory, name, &dir, err);
		if (rc > 0) {
			rc = fill(&dir, backend, err);
			close_dir(&dir);
		} else if (rc == 0) {
			rc = err_set(
			    err, ERR_FAILED, "%s/%s was removed while it was being created", directory, name);
		}
	}
	if (rc == 0)
		rc = file_sync_dir(&base, err);
	close(fd);
	return rc;
}

/* "sqlite:PATH" is the directory that has the streams and the index itself. */
static const char *
sqlite_path(const char *url)
{
	return slice_starts(slice_str(url), SLICE_LIT(SQLITE_SCHEME)) ? url + strlen(SQLITE_SCHEME) : NULL;
}

static int
create_sqlite(const char *path, struct err *err)
{
	char *copy = slice_dup(slice_str(path)), *name;
	int rc;

	if (!copy)
		return err_nomem(err);
	for (size_t len = strlen(copy); len > 1 && copy[len - 1] == '/';)
		copy[--len] = '\0';
	name = strrchr(copy, '/');
	if (name)
		*name++ = '\0';
	rc = create_in(!name ? "." : *copy ? copy : "/", name ? name : copy, &backend_sqlite, err);
	free(copy);
	return rc;
}

int
repo_create(const char *url, int format, struct err *err)
{
	const struct repo_backend *backend = backend_of_url(url);

	if ((backend || sqlite_path(url)) && format != 2)
		return err_set(
		    err, ERR_FAILED, "only a directory can have a repository of format %d", format);
	if (backend)
		return backend->create_url(url, err);
	if (sqlite_path(url))
		return create_sqlite(sqlite_path(url), err);
	for (size_t i = 0; i < BACKEND_COUNT; i++)
		if (backends[i]->create && backends[i]->format == format)
			return create_in(url, REPO_NAME, backends[i], err);
	return err_set(err, ERR_FAILED, "there is no repository format %d", format);
}

/* The backend of a directory of that name and format; NULL with err set. */
static const struct repo_backend *
find_backend(const char *directory, const char *name, const struct file_dir *dir, struct err *err)
{
	const struct repo_backend *found = NULL;
	struct buf text;
	int rc = read_format(dir, &text, err);

	for (size_t i = 0; rc > 0 && i < BACKEND_COUNT; i++)
		if (strcmp(backends[i]->directory, name) == 0 &&
		    slice_eq(slice_trim(buf_get(&text)), slice_trim(slice_str(backends[i]->format_text))))
			found = backends[i];
	if (rc > 0 && !found)
		err_set(err, ERR_FAILED,
		    "%s has format \"%.*s\", which this testr does not know; a newer one may", dir->path,
		    SLICE_FMT(slice_trim(buf_get(&text))));
	if (rc == 0)
		err_set(err, ERR_FAILED, "No repository found in %s. Create one by running \"testr init\".",
		    directory);
	buf_release(&text);
	return found;
}

static bool
path_exists(const char *directory, const char *name)
{
	char *path = join(directory, name);
	struct stat st;
	bool found = path && (stat(path, &st) == 0 || errno != ENOENT);

	free(path);
	return found;
}

bool
repo_exists(const char *url)
{
	const struct repo_backend *backend = backend_of_url(url);
	bool found = false;

	if (backend)
		return backend->exists_url(url);
	if (sqlite_path(url))
		return path_exists(sqlite_path(url), "format");
	for (size_t i = 0; !found && i < BACKEND_COUNT; i++)
		found = path_exists(url, backends[i]->directory);
	return found;
}

/* Opens the directory of a repository and says of which kind it is. */
static int
find_directory(const char *url, struct file_dir *dir, const struct repo_backend **backend, struct err *err)
{
	const char *path = sqlite_path(url), *name = REPO_NAME;
	int rc = path ? open_dir(path, ".", dir, err) : 0;

	for (size_t i = 0; !path && rc == 0 && i < BACKEND_COUNT; i++) {
		name = backends[i]->directory;
		rc = open_dir(url, name, dir, err);
	}
	if (rc < 0)
		return -1;
	if (rc == 0)
		return err_set(
		    err, ERR_FAILED, "No repository found in %s. Create one by running \"testr init\".", url);
	*backend = find_backend(url, name, dir, err);
	if (*backend && path && *backend != &backend_sqlite) {
		err_set(err, ERR_FAILED, "%s has a repository of another format than SQLite's", path);
		*backend = NULL;
	}
	if (*backend)
		return 0;
	close_dir(dir);
	return -1;
}

int
repo_open(const char *url, struct repo **out, struct err *err)
{
	const struct repo_backend *backend = backend_of_url(url);
	struct file_dir dir = {-1, NULL};
	struct repo *repo;
	int rc;

	if (!backend && find_directory(url, &dir, &backend, err))
		return -1;
	repo = backend->allocate();
	if (!repo) {
		close_dir(&dir);
		return err_nomem(err);
	}
	repo->backend = backend;
	repo->dir = dir;
	repo->url = url;
	buf_init(&repo->profiles, SIZE_MAX / 4);
	rc = backend->open(repo, err);
	repo->url = NULL;
	if (rc == 0 && backend->profile_tags)
		rc = backend->profile_tags(repo, &repo->profiles, err);
	if (rc) {
		repo_free(repo);
		return -1;
	}
	*out = repo;
	return 0;
}

int
repo_rebuild(const char *url, struct err *err)
{
	const struct repo_backend *backend = backend_of_url(url);
	struct file_dir dir = {-1, NULL};
	int rc;

	if (!backend && find_directory(url, &dir, &backend, err))
		return -1;
	rc = backend->rebuild ? backend->rebuild(&dir, url, err)
			      : err_set(err, ERR_FAILED, "%s has no index that could be made again",
				    dir.path ? dir.path : url);
	close_dir(&dir);
	return rc;
}

void
repo_free(struct repo *repo)
{
	if (!repo)
		return;
	repo->backend->close(repo);
	close_dir(&repo->dir);
	buf_release(&repo->profiles);
	free(repo);
}

int
repo_format(const struct repo *repo)
{
	return repo->backend->format;
}

const char *
repo_path(const struct repo *repo)
{
	return repo->dir.path;
}

int
repo_run_begin(struct repo *repo, const struct repo_begin *begin, struct repo_writer **out, struct err *err)
{
	struct repo_begin clean = *begin;
	struct meta_list list;
	int rc = meta_list_init(&list, begin, err);

	clean.meta = list.items;
	clean.meta_count = list.count;
	if (rc == 0)
		rc =
		    clean.import && !repo->backend->import_abort
			? err_set(err, ERR_FAILED,
			      "%s has format %d, which has no place for the runs of other repositories; " UPGRADE,
			      repo->dir.path, repo->backend->format)
			: repo->backend->run_begin(repo, &clean, out, err);
	meta_list_release(&list);
	return rc;
}

int
repo_append(struct repo_writer *w, const struct event *e, struct err *err)
{
	return w->repo->backend->append(w, e, err);
}

int
repo_meta_set(struct repo_writer *w, struct slice key, struct slice value, struct err *err)
{
	const struct repo_meta meta = {key, value};
	const struct repo_begin only = {.meta = &meta, .meta_count = 1};
	struct meta_list list;
	int rc = meta_list_init(&list, &only, err);

	if (rc == 0 && w->repo->backend->meta_set)
		rc = w->repo->backend->meta_set(w, list.items, err);
	meta_list_release(&list);
	return rc;
}

enum repo_room
repo_room(const struct repo_writer *w)
{
	return w->repo->backend->room ? w->repo->backend->room(w) : REPO_ROOM_ENOUGH;
}

int
repo_flush(struct repo_writer *w, struct err *err)
{
	return w->repo->backend->flush(w, err);
}

int
repo_run_finish(
    struct repo_writer *w, enum repo_state state, bool partial, int exit_status, int64_t *id, struct err *err)
{
	return w->repo->backend->run_finish(w, state, partial, exit_status, id, err);
}

int
repo_import_finish(struct repo_writer *w, const struct repo_run *facts, int64_t *id, struct err *err)
{
	w->sequence = facts->sequence;
	return repo_run_finish(w, facts->state, facts->partial, facts->exit_status, id, err);
}

int
repo_settle(struct repo *repo, int64_t run, struct err *err)
{
	return repo->backend->settle ? repo->backend->settle(repo, run, err) : 0;
}

int
repo_interrupt(struct repo *repo, int64_t run, struct err *err)
{
	return repo->backend->interrupt ? repo->backend->interrupt(repo, run, err) : 0;
}

void
repo_import_abort(struct repo_writer *w)
{
	if (w)
		w->repo->backend->import_abort(w);
}

int
repo_run_count(struct repo *repo, int64_t *out, struct err *err)
{
	return repo->backend->run_count(repo, out, err);
}

int
repo_latest(struct repo *repo, int64_t *out, struct err *err)
{
	return repo->backend->latest(repo, out, err);
}

int
repo_run_get(struct repo *repo, int64_t id, struct repo_run *out, struct err *err)
{
	return repo->backend->run_get(repo, id, out, err);
}

static int
copy_run(void *context, const struct repo_run *run, struct err *err)
{
	(void)err;
	*(struct repo_run *)context = *run;
	return 0;
}

int
repo_run_find(struct repo *repo, int64_t id, struct repo_run *out, struct err *err)
{
	struct repo_query query = {
	    .since = TIME_NONE, .until = TIME_NONE, .before = id + 1, .newest_first = true, .limit = 1};
	struct repo_run found = {.id = -1};

	if (id < 0 || id == INT64_MAX)
		return 0;
	if (repo_runs_where(repo, &query, copy_run, &found, err) < 0)
		return -1;
	if (found.id == id)
		*out = found;
	return found.id == id;
}

int
repo_runs(struct repo *repo, repo_run_fn fn, void *context, struct err *err)
{
	return repo->backend->runs(repo, fn, context, err);
}

int
repo_results(
    struct repo *repo, int64_t id, size_t detail_max, repo_result_fn fn, void *context, struct err *err)
{
	return repo->backend->results(repo, id, detail_max, fn, context, err);
}

int
repo_run_text(
    struct repo *repo, int64_t id, struct slice name, repo_text_fn fn, void *context, struct err *err)
{
	return repo->backend->run_text(repo, id, name, fn, context, err);
}

int
repo_failing(struct repo *repo, size_t detail_max, repo_result_fn fn, void *context, struct err *err)
{
	return repo->backend->failing(repo, detail_max, fn, context, err);
}

int
repo_failing_ids(struct repo *repo, struct strtab *ids, struct err *err)
{
	return repo->backend->failing_ids(repo, SLICE_NONE, ids, err);
}

int
repo_failing_ids_of(struct repo *repo, struct slice profile, struct strtab *ids, struct err *err)
{
	return repo->backend->failing_ids(repo, profile, ids, err);
}

int
repo_durations_of(
    struct repo *repo, struct slice profile, const struct strtab *ids, int64_t *out, struct err *err)
{
	return repo->backend->durations(repo, profile, ids, out, err);
}

int
repo_set_profiles(struct repo *repo, struct slice tags, struct err *err)
{
	if (slice_eq(tags, buf_get(&repo->profiles)))
		return 0;
	if (!repo->backend->set_profiles)
		return err_set(err, ERR_FAILED,
		    "%s has format 1, which has one result for each test and cannot tell profiles apart; move it away and make one of format 2: testr init",
		    repo->dir.path);
	if (repo->backend->set_profiles(repo, tags, err) < 0)
		return -1;
	buf_clear(&repo->profiles);
	buf_slice(&repo->profiles, tags);
	return repo->profiles.failed ? err_nomem(err) : 0;
}

struct slice
repo_profile_tags(const struct repo *repo)
{
	return buf_get(&repo->profiles);
}

void
repo_profile_of(const struct repo *repo, struct slice tags, struct buf *out)
{
	tagset_common(tags, buf_get(&repo->profiles), out);
}

bool
repo_is_of(const struct repo *repo, struct slice tags, struct slice profile)
{
	struct buf own;
	bool is;

	if (!profile.data)
		return true;
	buf_init(&own, SIZE_MAX / 4);
	repo_profile_of(repo, tags, &own);
	is = !own.failed && slice_eq(buf_get(&own), profile);
	buf_release(&own);
	return is;
}

int
repo_profiles(struct repo *repo, repo_profile_fn fn, void *context, struct err *err)
{
	return repo->backend->profiles ? repo->backend->profiles(repo, fn, context, err) : 0;
}

int
repo_durations(struct repo *repo, const struct strtab *ids, int64_t *out, struct err *err)
{
	return repo->backend->durations(repo, SLICE_NONE, ids, out, err);
}

int
repo_runs_where(
    struct repo *repo, const struct repo_query *query, repo_run_fn fn, void *context, struct err *err)
{
	return (repo->backend->runs_where ? repo->backend->runs_where : generic_runs_where)(
	    repo, query, fn, context, err);
}

int
repo_find_uid(struct repo *repo, const char *uid, int64_t *out, struct err *err)
{
	*out = -1;
	return repo->backend->find_uid ? repo->backend->find_uid(repo, uid, out, err) : 0;
}

int
repo_meta(struct repo *repo, int64_t run, repo_meta_fn fn, void *context, struct err *err)
{
	return repo->backend->meta ? repo->backend->meta(repo, run, fn, context, err) : 0;
}

int
repo_rows(struct repo *repo, int64_t run, repo_row_fn fn, void *context, struct err *err)
{
	return (repo->backend->rows ? repo->backend->rows : generic_rows)(repo, run, fn, context, err);
}

int
repo_rows_where(struct repo *repo, int64_t run, const struct repo_rows_query *query, repo_row_fn fn,
    void *context, struct err *err)
{
	return (repo->backend->rows_where ? repo->backend->rows_where : rowpage_where)(
	    repo, run, query, fn, context, err);
}

int
repo_history(
    struct repo *repo, struct slice test, int64_t limit, repo_row_fn fn, void *context, struct err *err)
{
	return (repo->backend->history ? repo->backend->history : generic_history)(
	    repo, test, limit, fn, context, err);
}

int
repo_row_result(struct repo *repo, const struct repo_row *row, size_t detail_max, repo_result_fn fn,
    void *context, struct err *err)
{
	return (repo->backend->row_result ? repo->backend->row_result : generic_row_result)(
	    repo, row, detail_max, fn, context, err);
}

int
repo_tests(struct repo *repo, repo_test_fn fn, void *context, struct err *err)
{
	return (repo->backend->tests ? repo->backend->tests : generic_tests)(repo, fn, context, err);
}

int
repo_tests_where(
    struct repo *repo, const struct repo_tests_query *query, repo_test_fn fn, void *context, struct err *err)
{
	return (repo->backend->tests_where ? repo->backend->tests_where : rowpage_tests_where)(
	    repo, query, fn, context, err);
}

int
repo_stream(struct repo *repo, int64_t run, repo_text_fn fn, void *context, struct err *err)
{
	return (repo->backend->stream ? repo->backend->stream : generic_stream)(repo, run, fn, context, err);
}

int
repo_stream_open(struct repo *repo, int64_t run, uint64_t from, uint64_t end, struct err *err)
{
	return repo->backend->stream_open ? repo->backend->stream_open(repo, run, from, end, err)
					  : generic_stream_open(repo, run, err);
}

/* A stream on its way out. */
struct export
{
	const struct repo_run *run;
	bool begun;
	repo_text_fn fn;
	void *context;
};

/* True when the bytes begin with what says that it is this run. */
static bool
says_run(struct slice bytes, const struct repo_run *run)
{
	struct packet_tags tags = {0};
	struct repo_run said = {0};
	struct err ignored;
	struct event e;
	size_t length;
	bool says = packet_probe(bytes, &tags, &e, &length) == PACKET_WHOLE && run_packet_is(&e) &&
		    run_packet_read(&e, &said, NULL, NULL, &ignored) == 0 && strcmp(said.uid, run->uid) == 0;

	packet_tags_release(&tags);
	return says;
}

static int
export_piece(void *context, struct slice piece, struct err *err)
{
	struct export *x = context;
	struct buf begin;
	int rc = 0;

	if (x->begun || says_run(piece, x->run)) {
		x->begun = true;
		return x->fn(x->context, piece, err);
	}
	/* Its beginning is damaged. */
	x->begun = true;
	buf_init(&begin, PACKET_MAX);
	rc = run_packet_begin(&begin, x->run, NULL, 0, err) || x->fn(x->context, buf_get(&begin), err) ||
		     x->fn(x->context, piece, err)
		 ? -1
		 : 0;
	buf_release(&begin);
	return rc;
}

int
repo_export(struct repo *repo, int64_t run, repo_text_fn fn, void *context, struct err *err)
{
	struct repo_run facts;
	struct export x = {.run = &facts, .fn = fn, .context = context};

	if (repo->backend->export)
		return repo->backend->export(repo, run, fn, context, err);
	return repo_run_get(repo, run, &facts, err) ? -1 : repo_stream(repo, run, export_piece, &x, err);
}

int
repo_identify(struct repo *repo, struct repo_run *run, struct err *err)
{
	return repo->backend->identify ? repo->backend->identify(repo, run, err) : 0;
}

int
repo_remove(struct repo *repo, const int64_t *ids, size_t count, struct err *err)
{
	if (!repo->backend->remove)
		return err_set(err, ERR_FAILED,
		    "%s has format %d, from which no run can be removed; " UPGRADE, repo->dir.path,
		    repo->backend->format);
	return repo->backend->remove(repo, ids, count, err);
}

int
repo_verify(struct repo *repo, repo_verify_fn fn, void *context, struct err *err)
{
	return repo->backend->verify ? repo->backend->verify(repo, fn, context, err) : 0;
}

int
repo_row_detail(struct repo *repo, const struct repo_row *row, struct slice name, repo_text_fn fn,
    void *context, struct err *err)
{
	return generic_row_detail(repo, row, name, repo->backend->stream != NULL, fn, context, err);
}

int
repo_stamp(struct repo *repo, uint64_t *out, struct err *err)
{
	*out = 0;
	return repo->backend->stamp ? repo->backend->stamp(repo, out, err) : 0;
}

int
repo_size(struct repo *repo, int64_t *out, struct err *err)
{
	return repo->backend->size ? repo->backend->size(repo, out, err)
				   : generic_size(repo->dir.path, out, err);
}

bool
repo_status_fails(enum status status, bool uxsuccess_passes)
{
	return status == STATUS_FAIL || !status_is_final(status) ||
	       (status == STATUS_UXSUCCESS && !uxsuccess_passes);
}

bool
repo_supersede(struct repo_counts *counts, const struct result *r)
{
	bool quarantined = event_quarantined(r->tags, r->tag_count);

	if (event_attempt(r->tags, r->tag_count) < 2 || !(quarantined ? counts->tests : counts->failures))
		return false;
	counts->failures -= !quarantined;
	counts->tests--;
	return true;
}

int64_t
repo_row_attempt(const struct repo_row *row)
{
	struct slice rest = row->tags, tag;
	int64_t attempt = 1;

	while (attempt == 1 && slice_split(&rest, '\0', &tag))
		attempt = event_attempt(&tag, 1);
	return attempt;
}

void
repo_run_add(struct repo_run *run, const struct result *r)
{
	repo_supersede(&run->counts, r);
	run->counts.tests++;
	run->counts.failures +=
	    repo_status_fails(r->status, run->uxsuccess_passes) && !event_quarantined(r->tags, r->tag_count);
	run->counts.skips += r->status == STATUS_SKIP;
	time_extend(&run->start, &run->stop, r->start);
	time_extend(&run->start, &run->stop, r->stop);
}

int
repo_no_run(struct err *err)
{
	return err_set(err, ERR_FAILED, "No such run.");
}
