/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"
#include "transfer.h"

#include <stdlib.h>
#include <string.h>

static const enum arg args[] = {ARG_DRY_RUN, ARG_FORCE_INIT, ARG_JSON, ARG_PULL, ARG_PUSH, ARG_NONE};

/* The runs of a repository. */
struct side {
	struct repo *repo;
	struct strtab uids; /* of those that have ended */
	struct repo_run *runs;
	size_t count, cap;
	size_t running;
};

static int
add_run(void *context, const struct repo_run *run, struct err *err)
{
	struct side *side = context;
	struct repo_run known = *run;

	if (run->state == REPO_RUNNING) {
		side->running++;
		return 0;
	}
	if (repo_identify(side->repo, &known, err))
		return -1;
	if (strtab_add(&side->uids, slice_str(known.uid), NULL) == STRTAB_NONE)
		return err_nomem(err);
	if (side->count == side->cap) {
		size_t cap = side->cap ? side->cap * 2 : 256;
		struct repo_run *runs = reallocarray(side->runs, cap, sizeof(*runs));

		if (!runs)
			return err_nomem(err);
		side->runs = runs;
		side->cap = cap;
	}
	side->runs[side->count++] = known;
	return 0;
}

/* By the time of their end, so that a run mostly finds those before it there. */
static int
compare_runs(const void *a, const void *b)
{
	const struct repo_run *x = a, *y = b;

	if (x->sequence != y->sequence)
		return x->sequence < y->sequence ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

static int
side_read(struct side *side, struct err *err)
{
	if (repo_runs(side->repo, add_run, side, err) < 0)
		return -1;
	if (side->count)
		qsort(side->runs, side->count, sizeof(*side->runs), compare_runs);
	return 0;
}

static void
side_release(struct side *side)
{
	repo_free(side->repo);
	strtab_release(&side->uids);
	free(side->runs);
}

struct sync {
	struct cli *cli;
	struct answer answer;
	bool json, dry;
};

static void
tell_run(struct sync *s, const struct repo_run *run, const char *verb)
{
	if (s->json)
		answer_item(&s->answer, json_pack("{sIss}", "run", (json_int_t)run->id, "uid", run->uid));
	else if (s->dry)
		ui_printf(&s->cli->ui, "would %s %lld\n", verb, (long long)run->id);
}

/* Brings what `to` lacks from `from`; *count says how much that was. */
static int
bring(struct sync *s, const struct side *from, const struct side *to, const char *verb, size_t *count)
{
	for (size_t i = 0; i < from->count; i++) {
		const struct repo_run *run = &from->runs[i];
		int64_t id;
		int rc = 1;

		if (strtab_find(&to->uids, slice_str(run->uid)) != STRTAB_NONE)
			continue;
		if (!s->dry)
			rc = transfer_run(from->repo, run->id, to->repo, &id, &s->cli->err);
		if (rc < 0)
			return err_wrap(&s->cli->err, "cannot %s run %lld", verb, (long long)run->id);
		*count += rc > 0;
		if (rc > 0)
			tell_run(s, run, verb);
	}
	return 0;
}

static void
summarise(struct cli *cli, size_t pushed, size_t pulled, size_t running)
{
	const char *would = cli->args.set[ARG_DRY_RUN] ? "would have " : "";

	if (cli->ui.quiet)
		return;
	ui_printf(
	    &cli->ui, "%spushed %zu run%s, pulled %zu\n", would, pushed, pushed == 1 ? "" : "s", pulled);
	if (running)
		ui_printf(&cli->ui, "%zu %s being written and left for the next time\n", running,
		    running == 1 ? "is" : "are");
}

static int
sync_sides(struct sync *s, struct side *here, struct side *there)
{
	struct err *err = &s->cli->err;
	/* Neither means both. */
	bool push = s->cli->args.set[ARG_PUSH] || !s->cli->args.set[ARG_PULL];
	bool pull = s->cli->args.set[ARG_PULL] || !s->cli->args.set[ARG_PUSH];
	size_t pushed = 0, pulled = 0;

	if (side_read(here, err) < 0 || side_read(there, err) < 0)
		return -1;
	if (s->json) {
		answer_begin(&s->answer, &s->cli->ui, "sync");
		answer_set(&s->answer, "dry_run", json_boolean(s->dry));
		answer_list(&s->answer, "pushed");
	}
	if (push && bring(s, here, there, "push", &pushed) < 0)
		return -1;
	if (s->json) {
		answer_list_end(&s->answer);
		answer_list(&s->answer, "pulled");
	}
	if (pull && bring(s, there, here, "pull", &pulled) < 0)
		return -1;
	if (s->json) {
		answer_list_end(&s->answer);
		answer_set(&s->answer, "running", json_integer((json_int_t)(here->running + there->running)));
		return answer_end(&s->answer, err);
	}
	summarise(s->cli, pushed, pulled, here->running + there->running);
	return 0;
}

static int
run_sync(struct cli *cli)
{
	struct sync s = {.cli = cli, .json = cli->args.set[ARG_JSON], .dry = cli->args.set[ARG_DRY_RUN]};
	struct side here = {0}, there = {0};
	const char *url;
	int rc = -1;

	if (cli->args.positional_count != 1)
		return err_set(&cli->err, ERR_USAGE, "sync takes one other repository");
	url = cli->args.positionals[0];
	if (cli_repository(cli, cli->args.set[ARG_FORCE_INIT], &here.repo) == 0 &&
	    cli_repository_at(cli, url, cli->args.set[ARG_FORCE_INIT], &there.repo) == 0)
		rc = sync_sides(&s, &here, &there);
	side_release(&there);
	side_release(&here);
	return rc;
}

const struct command cmd_sync = {
    .name = "sync",
    .summary = "Exchange runs with another repository.",
    .about = "Runs that only one of the two repositories has are copied to the other, whole\n"
	     "and once: a call that was interrupted is repeated without harm. The other one is\n"
	     "named as for --repository. A run that is just being written is left for the next\n"
	     "time.\n"
	     "\n"
	     "What fails, and how long tests take, follows from all runs in the order of their\n"
	     "ends, wherever they were made: both repositories answer the same afterwards.\n",
    .arguments = "repository",
    .args = args,
    .takes_positionals = true,
    .run = run_sync,
};
