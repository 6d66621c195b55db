/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"

static const enum arg args[] = {ARG_JSON, ARG_NONE};

struct facts {
	int64_t runs, results, oldest, latest;
	int64_t tests, failing, size;
};

static int
add_run(void *context, const struct repo_run *run, struct err *err)
{
	struct facts *f = context;

	(void)err;
	if (f->runs++ == 0)
		f->oldest = run->id;
	f->latest = run->id;
	f->results += run->counts.tests;
	return 0;
}

static int
add_test(void *context, struct slice name, struct err *err)
{
	struct facts *f = context;

	(void)name;
	(void)err;
	f->tests++;
	return 0;
}

static int
gather(struct cli *cli, struct repo *repo, struct facts *f)
{
	struct strtab failing = {0};
	int rc;

	*f = (struct facts){.oldest = -1, .latest = -1};
	rc = repo_runs(repo, add_run, f, &cli->err) < 0 || repo_tests(repo, add_test, f, &cli->err) < 0 ||
		     repo_failing_ids(repo, &failing, &cli->err) < 0 ||
		     repo_size(repo, &f->size, &cli->err) < 0
		 ? -1
		 : 0;
	f->failing = (int64_t)failing.len;
	strtab_release(&failing);
	return rc;
}

static json_t *
id_json(int64_t id)
{
	return id < 0 ? json_null() : json_integer(id);
}

static int
show_repository(struct cli *cli, struct repo *repo)
{
	struct ui *ui = &cli->ui;
	struct answer a;
	struct facts f;

	if (gather(cli, repo, &f) < 0)
		return -1;
	if (cli->args.set[ARG_JSON]) {
		answer_begin(&a, ui, "info");
		answer_set(&a, "repository", shape_text(slice_str(repo_path(repo))));
		answer_set(&a, "format", json_integer(repo_format(repo)));
		answer_set(&a, "runs", json_integer(f.runs));
		answer_set(&a, "oldest", id_json(f.oldest));
		answer_set(&a, "latest", id_json(f.latest));
		answer_set(&a, "tests", json_integer(f.tests));
		answer_set(&a, "results", json_integer(f.results));
		answer_set(&a, "failing", json_integer(f.failing));
		answer_set(&a, "bytes", json_integer(f.size));
		return answer_end(&a, &cli->err);
	}
	ui_printf(ui, "repository: %s\n", repo_path(repo));
	ui_printf(ui, "format: %d\n", repo_format(repo));
	ui_printf(ui, "runs: %lld", (long long)f.runs);
	if (f.runs)
		ui_printf(ui, " (%lld to %lld)", (long long)f.oldest, (long long)f.latest);
	ui_printf(ui, "\ntests: %lld\n", (long long)f.tests);
	ui_printf(ui, "results: %lld\n", (long long)f.results);
	ui_printf(ui, "failing: %lld\n", (long long)f.failing);
	ui_printf(ui, "size: %.1f MB (%lld bytes)\n", (double)f.size / 1e6, (long long)f.size);
	return 0;
}

/* A further line of a value is indented, so that a line that is not begins with a key. */
static int
print_meta(void *context, struct slice key, struct slice value, struct err *err)
{
	struct ui *ui = context;
	struct slice line;
	const char *before = ": ";

	(void)err;
	ui_slice(ui, key);
	while (slice_split(&value, '\n', &line)) {
		ui_printf(ui, "%s%.*s", before, SLICE_FMT(line));
		before = "\n    ";
	}
	ui_printf(ui, "\n");
	return 0;
}

static void
print_time(struct ui *ui, const char *key, int64_t time)
{
	struct buf text;

	buf_init(&text, 64);
	ask_time(&text, time);
	ui_printf(ui, "%s: %.*s\n", key, SLICE_FMT(buf_get(&text)));
	buf_release(&text);
}

static int
show_run(struct cli *cli, struct repo *repo, const char *which)
{
	struct ui *ui = &cli->ui;
	struct repo_run run;
	struct answer a;
	int64_t id;

	if (cli_run_id(cli, repo, which, &id) < 0 || repo_run_get(repo, id, &run, &cli->err) < 0)
		return -1;
	if (cli->args.set[ARG_JSON]) {
		json_t *object = shape_run(repo, &run, &cli->err);

		if (!object)
			return -1;
		answer_begin(&a, ui, "info");
		answer_set(&a, "run", object);
		return answer_end(&a, &cli->err);
	}
	ui_printf(ui, "run: %lld\n", (long long)run.id);
	if (run.uid[0])
		ui_printf(ui, "uid: %s\n", run.uid);
	ui_printf(ui, "outcome: %s\n", shape_outcome(&run));
	ui_printf(ui, "part of the suite: %s\n", run.partial ? "yes" : "no");
	print_time(ui, "start", run.start);
	print_time(ui, "stop", run.stop);
	if (run.start != TIME_NONE)
		ui_printf(ui, "seconds: %.3f\n", (double)(run.stop - run.start) / 1e9);
	ui_printf(ui, "tests: %lld\n", (long long)run.counts.tests);
	ui_printf(ui, "failures: %lld\n", (long long)run.counts.failures);
	ui_printf(ui, "skips: %lld\n", (long long)run.counts.skips);
	if (run.exit_status >= 0)
		ui_printf(ui, "exit status: %d\n", run.exit_status);
	return repo_meta(repo, id, print_meta, ui, &cli->err);
}

static int
run_info(struct cli *cli)
{
	struct repo *repo;
	int rc;

	if (cli->args.positional_count > 1)
		return cli_unexpected(cli, cli->args.positionals + 1, cli->args.positional_count - 1);
	if (cli_repository(cli, false, &repo) < 0)
		return -1;
	rc = cli->args.positional_count ? show_run(cli, repo, cli->args.positionals[0])
					: show_repository(cli, repo);
	repo_free(repo);
	return rc;
}

const struct command cmd_info = {
    .name = "info",
    .summary = "Show facts about a repository, or about a run.",
    .about = "Without RUN: where the repository is, and how many runs, tests and results it\n"
	     "has. With RUN: when it was, what came of it, and its metadata, which are the\n"
	     "command, host, directory, commit and environment it was made with, and what\n"
	     "--meta gave it.\n",
    .arguments = "[RUN]",
    .args = args,
    .takes_runs = true,
    .run = run_info,
};
