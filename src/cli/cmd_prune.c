/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"

#include <inttypes.h>
#include <stdlib.h>

static const enum arg args[] = {ARG_DRY_RUN, ARG_KEEP, ARG_OLDER_THAN, ARG_JSON, ARG_NONE};

struct ids {
	int64_t *items;
	size_t count, cap;
};

struct choice {
	struct ids chosen;
	int64_t kept; /* how many of the latest are passed over yet */
	int64_t before;
};

static int
add_id(struct ids *ids, int64_t id, struct err *err)
{
	if (ids->count == ids->cap) {
		size_t cap = ids->cap ? ids->cap * 2 : 64;
		int64_t *items = reallocarray(ids->items, cap, sizeof(*items));

		if (!items)
			return err_nomem(err);
		ids->items = items;
		ids->cap = cap;
	}
	ids->items[ids->count++] = id;
	return 0;
}

static int
choose_run(void *context, const struct repo_run *run, struct err *err)
{
	struct choice *c = context;
	/* A run without any time began before it ended. */
	int64_t start = run->start == TIME_NONE ? run->sequence : run->start;

	if (c->kept > 0) {
		c->kept--;
		return 0;
	}
	return start < c->before ? add_id(&c->chosen, run->id, err) : 0;
}

/* By what --keep and --older-than say; a run goes when both agree. */
static int
choose_by_options(struct cli *cli, struct repo *repo, struct ids *out)
{
	const struct args *a = &cli->args;
	struct repo_query query = {
	    .since = TIME_NONE,
	    .until = TIME_NONE,
	    .states = 1 << REPO_FINISHED | 1 << REPO_INTERRUPTED,
	    .newest_first = true,
	};
	/* The latest run goes only by its name: without any, most questions have no answer. */
	struct choice c = {.kept = a->number[ARG_KEEP] > 1 ? a->number[ARG_KEEP] : 1, .before = INT64_MAX};
	int rc;

	if (a->set[ARG_KEEP] && a->number[ARG_KEEP] < 0)
		return err_set(
		    &cli->err, ERR_USAGE, "option --keep: there are no %ld runs", a->number[ARG_KEEP]);
	if (a->set[ARG_OLDER_THAN] && cli_time(cli, "--older-than", a->text[ARG_OLDER_THAN], &c.before) < 0)
		return -1;
	rc = repo_runs_where(repo, &query, choose_run, &c, &cli->err);
	*out = c.chosen;
	return rc;
}

static int
choose_by_ids(struct cli *cli, struct repo *repo, struct ids *out)
{
	for (size_t i = 0; i < cli->args.positional_count; i++) {
		int64_t id;
		size_t n = 0;

		if (cli_run_id(cli, repo, cli->args.positionals[i], &id) < 0)
			return -1;
		while (n < out->count && out->items[n] != id)
			n++;
		if (n == out->count && add_id(out, id, &cli->err) < 0)
			return -1;
	}
	return 0;
}

static int
compare_ids(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* "removed 5 runs: 0-2, 7, 9" */
static void
say(struct cli *cli, const struct ids *ids)
{
	bool dry = cli->args.set[ARG_DRY_RUN];

	if (cli->ui.quiet && !dry)
		return;
	if (!ids->count) {
		ui_printf(&cli->ui, "there is nothing to remove\n");
		return;
	}
	ui_printf(&cli->ui, "%s %zu run%s: ", dry ? "would remove" : "removed", ids->count,
	    ids->count == 1 ? "" : "s");
	for (size_t i = 0, last; i < ids->count; i = last + 1) {
		for (last = i; last + 1 < ids->count && ids->items[last + 1] == ids->items[last] + 1; last++)
			;
		ui_printf(&cli->ui, "%s%" PRId64, i ? ", " : "", ids->items[i]);
		if (last > i)
			ui_printf(&cli->ui, "-%" PRId64, ids->items[last]);
	}
	ui_printf(&cli->ui, "\n");
}

static int
answer(struct cli *cli, const struct ids *ids)
{
	struct answer a;

	answer_begin(&a, &cli->ui, "prune");
	answer_set(&a, "dry_run", json_boolean(cli->args.set[ARG_DRY_RUN]));
	answer_list(&a, "removed");
	for (size_t i = 0; i < ids->count; i++)
		answer_item(&a, json_integer(ids->items[i]));
	answer_list_end(&a);
	return answer_end(&a, &cli->err);
}

static int
run_prune(struct cli *cli)
{
	bool options = cli->args.set[ARG_KEEP] || cli->args.set[ARG_OLDER_THAN];
	struct ids ids = {0};
	struct repo *repo;
	int rc;

	if (options == (cli->args.positional_count > 0))
		return err_set(&cli->err, ERR_USAGE, "name runs by their ids, or use --keep or --older-than");
	if (cli_repository(cli, false, &repo) < 0)
		return -1;
	rc = options ? choose_by_options(cli, repo, &ids) : choose_by_ids(cli, repo, &ids);
	if (rc == 0 && ids.count)
		qsort(ids.items, ids.count, sizeof(*ids.items), compare_ids);
	if (rc == 0 && !cli->args.set[ARG_DRY_RUN])
		rc = repo_remove(repo, ids.items, ids.count, &cli->err);
	if (rc == 0 && cli->args.set[ARG_JSON])
		rc = answer(cli, &ids);
	else if (rc == 0)
		say(cli, &ids);
	free(ids.items);
	repo_free(repo);
	return rc;
}

const struct command cmd_prune = {
    .name = "prune",
    .summary = "Remove old runs.",
    .about = "By their ids, by number or by age; with both options a run goes only when both\n"
	     "agree. TIME is a date, a date and time, or an age like 12h or 30d. The latest run\n"
	     "stays unless it is named, and one that is being written always stays. What fails,\n"
	     "the last durations and every answer about the other runs are as before.\n",
    .arguments = "runs*",
    .args = args,
    .takes_positionals = true,
    .takes_runs = true,
    .run = run_prune,
};
