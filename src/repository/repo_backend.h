/* SPDX-License-Identifier: Apache-2.0
 *
 * What a backend is: the functions of repository.h with the same names, arguments and promises, over its own
 * kind of storage. Private to this room. */
#ifndef REPO_BACKEND_H
#define REPO_BACKEND_H

#include "file.h"
#include "repository.h"

/* The first member of a backend's own struct. Made and released by repository.c. */
struct repo {
	const struct repo_backend *backend;
	struct file_dir dir; /* the ".testrepository" or ".stestr", held open; without a directory its
				descriptor is -1 and the path, set by open, is what to call it */
	const char *url;     /* where there is no directory, during open */
	struct buf profiles; /* the tags that name them */
};

/* The first member of a backend's own struct. */
struct repo_writer {
	struct repo *repo;
	int64_t sequence; /* that the run is to have; 0 for one of its own */
};

struct repo_backend {
	int format;
	/* The words that URLs of this kind begin with; NULL for one in a directory. It has the two functions
	 * after it and none of the directory's. */
	const char *schemes;
	int (*create_url)(const char *url, struct err *err);
	bool (*exists_url)(const char *url);
	/* The name of its directory in that of the project. */
	const char *directory;
	/* The content of the file "format". */
	const char *format_text;
	/* Fills a new directory, all but the file "format". What an earlier attempt that was interrupted left
	 * there is taken over. NULL where only another program makes new ones. */
	int (*create)(const struct file_dir *dir, struct err *err);
	/* An allocated backend struct, of which repository.c fills the first member before anything else is
	 * called. */
	struct repo *(*allocate)(void);
	int (*open)(struct repo *repo, struct err *err);
	/* Releases what open has made, also when it failed halfway; not the struct. */
	void (*close)(struct repo *repo);

	/* The metadata is as meta.h makes it, with the command. */
	int (*run_begin)(
	    struct repo *repo, const struct repo_begin *begin, struct repo_writer **out, struct err *err);
	int (*append)(struct repo_writer *w, const struct event *e, struct err *err);
	/* May be NULL: then metadata has no place. */
	int (*meta_set)(struct repo_writer *w, const struct repo_meta *meta, struct err *err);
	int (*flush)(struct repo_writer *w, struct err *err);
	/* May be NULL: then a full disk is an error. */
	enum repo_room (*room)(const struct repo_writer *w);
	int (*run_finish)(struct repo_writer *w, enum repo_state state, bool partial, int exit_status,
	    int64_t *id, struct err *err);

	/* NULL where runs of other repositories cannot be stored. */
	void (*import_abort)(struct repo_writer *w);
	int (*settle)(struct repo *repo, int64_t run, struct err *err);

	/* NULL where it cannot be known which process writes a run. */
	int (*interrupt)(struct repo *repo, int64_t run, struct err *err);

	int (*run_count)(struct repo *repo, int64_t *out, struct err *err);
	int (*latest)(struct repo *repo, int64_t *out, struct err *err);
	int (*run_get)(struct repo *repo, int64_t id, struct repo_run *out, struct err *err);
	int (*runs)(struct repo *repo, repo_run_fn fn, void *context, struct err *err);
	int (*results)(struct repo *repo, int64_t id, size_t detail_max, repo_result_fn fn, void *context,
	    struct err *err);
	int (*run_text)(struct repo *repo, int64_t id, struct slice name, repo_text_fn fn, void *context,
	    struct err *err);
	int (*failing)(
	    struct repo *repo, size_t detail_max, repo_result_fn fn, void *context, struct err *err);
	int (*failing_ids)(struct repo *repo, struct slice profile, struct strtab *ids, struct err *err);
	int (*durations)(
	    struct repo *repo, struct slice profile, const struct strtab *ids, int64_t *out, struct err *err);
	/* All may be NULL: then there are no profiles. */
	int (*profile_tags)(struct repo *repo, struct buf *out, struct err *err);
	int (*set_profiles)(struct repo *repo, struct slice tags, struct err *err);
	int (*profiles)(struct repo *repo, repo_profile_fn fn, void *context, struct err *err);

	/* Each of these may be NULL where there is no index of its own to ask: generic.h answers then. */
	int (*runs_where)(struct repo *repo, const struct repo_query *query, repo_run_fn fn, void *context,
	    struct err *err);
	int (*find_uid)(struct repo *repo, const char *uid, int64_t *out, struct err *err);
	int (*meta)(struct repo *repo, int64_t run, repo_meta_fn fn, void *context, struct err *err);
	int (*rows)(struct repo *repo, int64_t run, repo_row_fn fn, void *context, struct err *err);
	int (*rows_where)(struct repo *repo, int64_t run, const struct repo_rows_query *query, repo_row_fn fn,
	    void *context, struct err *err);
	int (*history)(struct repo *repo, struct slice test, int64_t limit, repo_row_fn fn, void *context,
	    struct err *err);
	int (*row_result)(struct repo *repo, const struct repo_row *row, size_t detail_max, repo_result_fn fn,
	    void *context, struct err *err);
	int (*tests)(struct repo *repo, repo_test_fn fn, void *context, struct err *err);
	int (*tests_where)(struct repo *repo, const struct repo_tests_query *query, repo_test_fn fn,
	    void *context, struct err *err);
	/* The bytes to which the offsets of rows apply. */
	int (*stream)(struct repo *repo, int64_t run, repo_text_fn fn, void *context, struct err *err);
	int (*stream_open)(struct repo *repo, int64_t run, uint64_t from, uint64_t end, struct err *err);
	/* A run of a format without uid and place has them made from what it has; the same each time. */
	int (*identify)(struct repo *repo, struct repo_run *run, struct err *err);
	/* The stream of a run with what says which run it is; NULL where `stream` is that. */
	int (*export)(struct repo *repo, int64_t run, repo_text_fn fn, void *context, struct err *err);

	/* May be NULL: then nothing can be removed. */
	int (*remove)(struct repo *repo, const int64_t *ids, size_t count, struct err *err);
	/* May be NULL where nothing is stored twice. Of `dir` and `url` one is given, as for create and open. */
	int (*verify)(struct repo *repo, repo_verify_fn fn, void *context, struct err *err);
	int (*rebuild)(const struct file_dir *dir, const char *url, struct err *err);

	/* For upgrades: of the old format, a descriptor that keeps all others from changing the repository as
	 * long as it is open, or -1, also when a run is being written; of the new one, the least id of the next
	 * run, and taking over what `from`, all of whose runs are there, says of them together. */
	int (*freeze)(struct repo *repo, struct err *err);
	int (*reserve)(struct repo *repo, int64_t next, struct err *err);
	int (*adopt)(struct repo *repo, struct repo *from, struct err *err);

	/* NULL: it cannot be told. */
	int (*stamp)(struct repo *repo, uint64_t *out, struct err *err);
	/* NULL: the files below its directory. */
	int (*size)(struct repo *repo, int64_t *out, struct err *err);
	/* The ids of all runs, ascending, for the caller to free. NULL: generic.h asks `runs`. */
	int (*run_ids)(struct repo *repo, int64_t **out, size_t *count, struct err *err);
};

extern const struct repo_backend backend_file, backend_sqlite, backend_stestr, backend_postgres,
    backend_memory;

/* True when the status counts as a failure. */
bool repo_status_fails(enum status status, bool uxsuccess_passes);
/* Adds one result to the counts and times of a run. */
void repo_run_add(struct repo_run *run, const struct result *r);
/* Sets err to "No such run.". Returns -1. */
int repo_no_run(struct err *err);

#endif
