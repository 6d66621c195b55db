/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"
#include "choosing.h"
#include "config.h"
#include "matrix.h"
#include "profiles.h"
#include "table.h"

static const enum arg args[] = {ARG_JSON, ARG_NONE};

struct listing {
	struct cli *cli;
	struct repo *repo;
	struct answer answer;
	struct table table;
	struct strtab listed;
};

static int
add_json(struct listing *l, const struct repo_profile *p, const struct repo_run *run)
{
	answer_item(&l->answer, matrix_profile_json(p, run));
	return 0;
}

static int
add_row(struct listing *l, const struct repo_profile *p, const struct repo_run *run)
{
	struct table *t = &l->table;
	struct buf text;

	buf_init(&text, SIZE_MAX / 4);
	tagset_name(p->tags, &text);
	table_cell(t, buf_get(&text));
	table_printf(t, "%lld", (long long)p->tests);
	table_printf(t, "%lld", (long long)p->failing);
	if (p->run < 0)
		table_printf(t, "-");
	else
		table_printf(t, "%lld", (long long)p->run);
	buf_clear(&text);
	ask_time(&text, run->start);
	table_cell(t, buf_get(&text));
	buf_release(&text);
	return 0;
}

static int
add_profile(void *context, const struct repo_profile *p, struct err *err)
{
	struct listing *l = context;
	struct repo_run run = {.start = TIME_NONE};

	if (strtab_add(&l->listed, p->tags, NULL) == STRTAB_NONE)
		return err_nomem(err);
	if (p->run >= 0 && repo_run_get(l->repo, p->run, &run, err) < 0)
		return -1;
	return (l->cli->args.set[ARG_JSON] ? add_json : add_row)(l, p, &run);
}

/* Those that testr run would run and nothing is known of yet. */
static int
add_unknown(struct listing *l)
{
	struct config *config = NULL;
	struct profiles profiles = {0};
	struct err *err = &l->cli->err;
	int rc = cli_optional_config(l->cli, &config);

	if (rc == 0)
		rc = profiles_init(&profiles, config, err);
	if (rc == 0)
		rc = profiles_choose(&profiles, NULL, 0, err);
	for (size_t i = 0; rc == 0 && i < profiles.count; i++) {
		const struct repo_profile p = {.tags = profiles.list[i].set, .run = -1};

		if (strtab_find(&l->listed, p.tags) == STRTAB_NONE)
			rc = add_profile(l, &p, err);
	}
	profiles_release(&profiles);
	config_free(config);
	return rc;
}

static int
answer(struct listing *l)
{
	answer_begin(&l->answer, &l->cli->ui, "profiles");
	answer_list(&l->answer, "profiles");
	if (repo_profiles(l->repo, add_profile, l, &l->cli->err) < 0 || add_unknown(l) < 0)
		return -1;
	answer_list_end(&l->answer);
	return answer_end(&l->answer, &l->cli->err);
}

static int
print(struct listing *l)
{
	static const char *const heads[] = {"profile", "tests", "failing", "last run", "start"};
	int rc;

	table_init(&l->table, 5);
	for (size_t i = 0; i < 5; i++)
		table_cell(&l->table, slice_str(heads[i]));
	rc = repo_profiles(l->repo, add_profile, l, &l->cli->err);
	if (rc == 0)
		rc = add_unknown(l);
	if (rc == 0 && l->listed.len)
		rc = table_print(&l->table, &l->cli->ui, &l->cli->err);
	table_release(&l->table);
	return rc;
}

static int
run_profiles(struct cli *cli)
{
	struct listing l = {.cli = cli};
	int rc;

	if (cli_repository(cli, false, &l.repo) < 0)
		return -1;
	rc = cli->args.set[ARG_JSON] ? answer(&l) : print(&l);
	strtab_release(&l.listed);
	repo_free(l.repo);
	return rc;
}

const struct command cmd_profiles = {
    .name = "profiles",
    .summary = "List the profiles: the configurations that tests are run in.",
    .about = "For each the tests whose duration is known, how many tests fail, and the last\n"
	     "run. Profiles that run would run and nothing is known of are among them.\n",
    .arguments = "",
    .args = args,
    .run = run_profiles,
};
