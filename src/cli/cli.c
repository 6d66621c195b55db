/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include "clock.h"
#include "config.h"
#include "profiles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A directory in the configuration is seen from the project's. */
static char *
configured_url(struct cli *cli, const char *url)
{
	struct slice text = slice_str(url);
	struct buf path;
	char *joined;

	if (url[0] == '/' || slice_find(text, ':') < slice_find(text, '/'))
		return slice_dup(text);
	buf_init(&path, SIZE_MAX / 4);
	buf_printf(&path, "%s/%s", cli->here, url);
	joined = buf_steal(&path);
	buf_release(&path);
	return joined;
}

char *
cli_repository_url(struct cli *cli)
{
	const char *given =
	    cli->args.set[ARG_REPOSITORY] ? cli->args.text[ARG_REPOSITORY] : getenv("TESTR_REPOSITORY");
	struct config *config = NULL;
	struct err ignored = cli->err;
	const char *key;
	char *url;

	/* Commands that need a right configuration say what is wrong with it. */
	if ((!given || !*given) && cli_optional_config(cli, &config) < 0)
		cli->err = ignored;
	key = config ? config_get(config, "repository") : NULL;
	url = given && *given ? slice_dup(slice_str(given))
	      : key && *key   ? configured_url(cli, key)
			      : slice_dup(slice_str(cli->here));
	config_free(config);
	if (!url)
		err_nomem(&cli->err);
	return url;
}

/* The repository was named for this command. */
static bool
is_given(const struct cli *cli)
{
	const char *variable = getenv("TESTR_REPOSITORY");

	return cli->args.set[ARG_REPOSITORY] || (variable && *variable);
}

/* Tells the repository which tags name profiles. */
static int
set_profiles(struct cli *cli, struct repo *repo)
{
	struct err ignored = cli->err;
	struct config *config = NULL;
	struct profiles profiles = {0};
	struct buf tags;
	int rc = 0;

	if (is_given(cli) && !cli->command->records)
		return 0;
	buf_init(&tags, SIZE_MAX / 4);
	if (cli_optional_config(cli, &config) < 0 ||
	    (config && profiles_init(&profiles, config, &cli->err) < 0)) {
		/* Commands that need a right configuration say what is wrong with it. */
		cli->err = ignored;
	} else if (config) {
		rc = tagset_of_table(&profiles.tags, &tags)
			 ? repo_set_profiles(repo, buf_get(&tags), &cli->err)
			 : err_nomem(&cli->err);
		if (rc < 0 && cli->err.kind == ERR_READ_ONLY) {
			ui_warn(&cli->ui,
			    "testr: %s: `profiles` is not what it was when the repository could be written, and takes no effect",
			    cli->err.text);
			cli->err = ignored;
			rc = 0;
		}
	}
	profiles_release(&profiles);
	config_free(config);
	buf_release(&tags);
	return rc;
}

int
cli_repository_at(struct cli *cli, const char *url, bool create, struct repo **out)
{
	if (create && !repo_exists(url) && repo_create(url, 2, &cli->err) < 0)
		return -1;
	return repo_open(url, out, &cli->err);
}

int
cli_repository(struct cli *cli, bool create, struct repo **out)
{
	char *url = cli_repository_url(cli);
	struct repo *repo = NULL;
	int rc = url ? cli_repository_at(cli, url, create, &repo) : -1;

	if (rc == 0)
		rc = set_profiles(cli, repo);
	if (rc == 0)
		*out = repo;
	else
		repo_free(repo);
	free(url);
	return rc;
}

int
cli_optional_config(struct cli *cli, struct config **out)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/.testr.conf", cli->here);
	*out = NULL;
	return access(path, F_OK) != 0 ? 0 : config_load(cli->here, out, &cli->err);
}

static int
no_runs(struct cli *cli)
{
	return err_set(&cli->err, ERR_FAILED, "'No tests in repository'");
}

int
cli_latest(struct cli *cli, struct repo *repo, int64_t *out)
{
	if (repo_latest(repo, out, &cli->err) < 0)
		return -1;
	return *out < 0 ? no_runs(cli) : 0;
}

struct run_search {
	struct slice prefix; /* of the uid; absent when the last run is looked for */
	int64_t found[2];    /* the last one first */
	int64_t count;
};

static int
search_run(void *context, const struct repo_run *run, struct err *err)
{
	struct run_search *s = context;

	(void)err;
	if (s->prefix.data && !slice_starts(slice_str(run->uid), s->prefix))
		return 0;
	s->found[1] = s->found[0];
	s->found[0] = run->id;
	s->count++;
	return 0;
}

/* The run of that place from the end, the latest being 1. */
static int
run_from_end(struct cli *cli, struct repo *repo, int64_t place, int64_t *out)
{
	struct repo_query query = {.since = TIME_NONE,
	    .until = TIME_NONE,
	    .states = 1u << REPO_FINISHED | 1u << REPO_INTERRUPTED,
	    .no_probes = true,
	    .newest_first = true,
	    .limit = place};
	struct run_search search = {0};
	int64_t latest;

	if (cli_latest(cli, repo, &latest) < 0)
		return -1;
	*out = latest;
	if (place == 1)
		return 0;
	if (repo_runs_where(repo, &query, search_run, &search, &cli->err) < 0)
		return -1;
	if (search.count < place)
		return err_set(&cli->err, ERR_FAILED,
		    "there is no run -%lld: there are %lld, the latest is %lld", (long long)place,
		    (long long)search.count, (long long)latest);
	*out = search.found[0];
	return 0;
}

static int
run_by_uid(struct cli *cli, struct repo *repo, const char *text, int64_t *out)
{
	struct run_search search = {.prefix = slice_str(text)};

	if (repo_runs(repo, search_run, &search, &cli->err) < 0)
		return -1;
	if (search.count > 1)
		return err_set(&cli->err, ERR_FAILED,
		    "'%s' is the beginning of the uids of %lld runs, among them %lld and %lld: write more of it",
		    text, (long long)search.count, (long long)search.found[1], (long long)search.found[0]);
	*out = search.found[0];
	return search.count ? 0
			    : err_set(&cli->err, ERR_FAILED, "no run has a uid that begins with '%s'", text);
}

int
cli_run_id(struct cli *cli, struct repo *repo, const char *text, int64_t *out)
{
	int64_t id, count;

	if (slice_int(slice_str(text), &id)) {
		if (id < 0)
			return run_from_end(cli, repo, id == INT64_MIN ? INT64_MAX : -id, out);
		*out = id;
		if (repo_run_count(repo, &count, &cli->err) < 0)
			return -1;
		return count ? 0 : no_runs(cli);
	}
	if (strlen(text) >= 4 && strspn(text, "0123456789abcdef") == strlen(text))
		return run_by_uid(cli, repo, text, out);
	return err_set(&cli->err, ERR_USAGE,
	    "'%s' is not the id of a run: give a number, -1 for the latest run, or the beginning of a uid",
	    text);
}

/* The length of a unit of time in nanoseconds, or 0. */
static int64_t
unit(uint8_t c)
{
	switch (c) {
	case 's':
		return TIME_SECOND;
	case 'm':
		return 60 * TIME_SECOND;
	case 'h':
		return 3600 * TIME_SECOND;
	case 'd':
		return 86400 * TIME_SECOND;
	case 'w':
		return 7 * 86400 * TIME_SECOND;
	default:
		return 0;
	}
}

/* Reads "90m". */
static bool
read_length(struct slice s, int64_t *out)
{
	int64_t length = s.len ? unit(s.data[s.len - 1]) : 0, count;

	return length && slice_int(slice_head(s, s.len - 1), &count) && count >= 0 &&
	       !__builtin_mul_overflow(count, length, out);
}

int
cli_duration(struct cli *cli, const char *option, const char *text, int64_t *out)
{
	if (read_length(slice_str(text), out) && *out > 0)
		return 0;
	return err_set(&cli->err, ERR_USAGE,
	    "option %s: '%s' is no length of time: write 30s, 90m, 12h, 3d or 2w", option, text);
}

int
cli_time(struct cli *cli, const char *option, const char *text, int64_t *out)
{
	struct slice s = slice_str(text);
	int64_t age;

	if (s.len && time_parse(s, true, out) == s.len)
		return 0;
	if (read_length(s, &age)) {
		*out = clock_realtime() - age;
		return 0;
	}
	return err_set(&cli->err, ERR_USAGE,
	    "option %s: '%s' is no time: write 2026-11-22, 2026-11-22T10:30, or an age like 90m, 12h, 3d, 2w",
	    option, text);
}

int
cli_unexpected(struct cli *cli, char *const *arguments, size_t count)
{
	struct buf list;

	buf_init(&list, sizeof(cli->err.text));
	for (size_t i = 0; i < count; i++) {
		buf_str(&list, i ? ", " : "");
		optparse_quote(&list, slice_str(arguments[i]));
	}
	ui_warn(&cli->ui, "Unexpected arguments: [%s]", buf_cstr(&list) ? buf_cstr(&list) : "…");
	buf_release(&list);
	return 1;
}

bool
cli_failed(const struct result *r, bool uxsuccess_passes)
{
	switch (r->status) {
	case STATUS_SUCCESS:
	case STATUS_SKIP:
	case STATUS_XFAIL:
		return false;
	case STATUS_UXSUCCESS:
		return !uxsuccess_passes;
	default:
		return true;
	}
}

bool
cli_fails(const struct result *r, bool uxsuccess_passes)
{
	return cli_failed(r, uxsuccess_passes) && !event_quarantined(r->tags, r->tag_count);
}

int
cli_filter_tags(struct cli *cli, const struct config *config, struct strtab *out)
{
	const char *tags = config ? config_get(config, "filter_tags") : NULL;
	struct slice rest = slice_str(tags ? tags : ""), tag;

	while (slice_word(&rest, &tag))
		if (strtab_add(out, tag, NULL) == STRTAB_NONE)
			return err_nomem(&cli->err);
	return 0;
}

bool
cli_has_tag(const struct result *r, const struct strtab *tags)
{
	for (size_t i = 0; i < r->tag_count; i++)
		if (strtab_find(tags, r->tags[i]) != STRTAB_NONE)
			return true;
	return false;
}

const char *
cli_label(const struct result *r)
{
	if (event_quarantined(r->tags, r->tag_count))
		return "QUARANTINED";
	return r->status == STATUS_UXSUCCESS ? "UNEXPECTED SUCCESS" : "FAIL";
}
