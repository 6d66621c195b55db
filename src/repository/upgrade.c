/* SPDX-License-Identifier: Apache-2.0 */
#include "upgrade.h"

#include "repo_backend.h"
#include "transfer.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Beside the repository: a directory in which the new one is built, as that of a project. */
#define BUILD ".testr-upgrade"
#define NEW BUILD "/.testrepository"
#define PLACE ".testrepository"
#define BACKUP ".before-upgrade"
#define BACKUPS_MAX 1000

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path);
}

/* Moves the old repository, `name` in the project's directory, to a name that nobody has. */
static int
keep_old(
    const struct file_dir *project, const char *name, const char *base, struct upgrade *out, struct err *err)
{
	for (int n = 1; n < BACKUPS_MAX; n++) {
		char backup[64];

		snprintf(backup, sizeof(backup), n == 1 ? "%s" BACKUP : "%s" BACKUP "-%d", base, n);
		if (renameat2(project->fd, name, project->fd, backup, RENAME_NOREPLACE) == 0) {
			snprintf(out->backup, sizeof(out->backup), "%s/%s", project->path, backup);
			return file_sync_dir(project, err);
		}
		if (errno != EEXIST)
			break;
	}
	return file_error(project, name, "rename", err);
}

/* What an earlier upgrade has left. 1 when it was at its end but for the old repository's name, 0, or -1. */
static int
clear_build(const struct file_dir *project, struct upgrade *out, struct err *err)
{
	struct buf format, path;
	const char *build;
	int rc;

	buf_init(&format, 64);
	rc = file_read(project, NEW "/format", &format, err);
	if (rc > 0 && slice_eq(slice_trim(buf_get(&format)), SLICE_LIT("1"))) {
		rc = keep_old(project, NEW, PLACE, out, err) ? -1 : 1;
		unlinkat(project->fd, BUILD, AT_REMOVEDIR);
		buf_release(&format);
		return rc;
	}
	buf_release(&format);
	buf_init(&path, 65536);
	buf_printf(&path, "%s/" BUILD, project->path);
	build = buf_cstr(&path);
	if (rc >= 0)
		rc = !build ? err_nomem(err)
		     : nftw(build, remove_entry, 16, FTW_DEPTH | FTW_PHYS) && errno != ENOENT
			 ? err_sys(err, "cannot remove %s", build)
			 : 0;
	buf_release(&path);
	return rc;
}

struct copying {
	struct repo *from, *to;
	int64_t runs;
};

static int
copy_run(void *context, const struct repo_run *run, struct err *err)
{
	struct copying *c = context;
	int64_t id;

	/* An id may be missing: that of a run that was removed. */
	if (c->to->backend->reserve(c->to, run->id, err) ||
	    transfer_run(c->from, run->id, c->to, &id, err) < 0)
		return err_wrap(err, "run %lld", (long long)run->id);
	if (id != run->id)
		return err_set(
		    err, ERR_FAILED, "run %lld became run %lld", (long long)run->id, (long long)id);
	c->runs++;
	return 0;
}

static int
copy_all(struct repo *from, const char *build, struct upgrade *out, struct err *err)
{
	struct copying c = {.from = from};
	int64_t count;
	int rc;

	if (repo_create(build, 2, err) || repo_open(build, &c.to, err))
		return -1;
	rc = repo_runs(from, copy_run, &c, err) || repo_run_count(from, &count, err) ||
		     c.to->backend->reserve(c.to, count, err) || c.to->backend->adopt(c.to, from, err)
		 ? -1
		 : 0;
	repo_free(c.to);
	out->runs = c.runs;
	return rc;
}

/* Puts the new repository into the place. */
static int
swap(const struct file_dir *project, bool in_place, struct upgrade *out, struct err *err)
{
	if (renameat2(project->fd, NEW, project->fd, PLACE, in_place ? RENAME_EXCHANGE : RENAME_NOREPLACE))
		return file_error(project, PLACE, "replace", err);
	if (file_sync_dir(project, err))
		return -1;
	if (keep_old(project, in_place ? NEW : ".stestr", in_place ? PLACE : ".stestr", out, err))
		return -1;
	unlinkat(project->fd, BUILD, AT_REMOVEDIR);
	return 0;
}

static int
has_format(const struct repo *repo, struct err *err)
{
	return err_set(err, ERR_FAILED, "%s has format %d already", repo_path(repo), repo_format(repo));
}

static int
upgrade_opened(const struct file_dir *project, struct repo *from, const char *build, struct upgrade *out,
    struct err *err)
{
	bool in_place = strcmp(from->backend->directory, PLACE) == 0;
	int frozen, rc;

	if (!from->backend->freeze)
		return has_format(from, err);
	frozen = from->backend->freeze(from, err);
	if (frozen < 0)
		return -1;
	if (mkdirat(project->fd, BUILD, 0777))
		rc = file_error(project, BUILD, "create", err);
	else
		rc = copy_all(from, build, out, err) || swap(project, in_place, out, err) ? -1 : 0;
	close(frozen);
	return rc;
}

int
repo_upgrade(const char *url, struct upgrade *out, struct err *err)
{
	struct file_dir project = {open(url, O_RDONLY | O_DIRECTORY | O_CLOEXEC), url};
	struct repo *from = NULL;
	struct buf build;
	int rc;

	*out = (struct upgrade){0};
	if (project.fd < 0) {
		/* There is none, or it is of a kind that is never of format 1. */
		rc = repo_open(url, &from, err);
		if (rc == 0)
			rc = has_format(from, err);
		repo_free(from);
		return rc;
	}
	buf_init(&build, 65536);
	buf_printf(&build, "%s/" BUILD, url);
	rc = buf_cstr(&build) ? clear_build(&project, out, err) : err_nomem(err);
	if (rc == 0)
		rc = repo_open(url, &from, err);
	if (rc == 0)
		rc = upgrade_opened(&project, from, buf_cstr(&build), out, err);
	repo_free(from);
	buf_release(&build);
	close(project.fd);
	return rc < 0 ? -1 : 0;
}
