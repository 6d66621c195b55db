/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include "config.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int
cli_repository(struct cli *cli, bool create, struct repo **out)
{
	if (create && !repo_exists(cli->here) && repo_create(cli->here, 2, &cli->err) < 0)
		return -1;
	return repo_open(cli->here, out, &cli->err);
}

int
cli_optional_config(struct cli *cli, struct config **out)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/.testr.conf", cli->here);
	*out = NULL;
	return access(path, F_OK) != 0 ? 0 : config_load(cli->here, out, &cli->err);
}

int
cli_run_id(struct cli *cli, struct repo *repo, const char *text, int64_t *out)
{
	int64_t id, latest;

	if (!slice_int(slice_str(text), &id))
		return err_set(&cli->err, ERR_USAGE,
		    "'%s' is not the id of a run: give a number, or -1 for the latest run", text);
	if (repo_latest(repo, &latest, &cli->err) < 0)
		return -1;
	if (latest < 0)
		return err_set(&cli->err, ERR_FAILED, "'No tests in repository'");
	*out = id < 0 ? latest + 1 + id : id;
	if (*out < 0)
		return err_set(&cli->err, ERR_FAILED, "there is no run %lld: the latest has the id %lld",
		    (long long)id, (long long)latest);
	return 0;
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
cli_fails(const struct result *r, bool uxsuccess_passes)
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
	return r->status == STATUS_UXSUCCESS ? "UNEXPECTED SUCCESS" : "FAIL";
}
