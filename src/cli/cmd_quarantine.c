/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"
#include "clock.h"
#include "quarantine.h"
#include "table.h"

#include <stdlib.h>
#include <string.h>

static const enum arg args[] = {ARG_REASON, ARG_OWNER, ARG_EXPIRES, ARG_JSON, ARG_NONE};

/* The option as a line of the file. */
static int
take_text(struct cli *cli, enum arg arg, const char *name, struct slice *out)
{
	if (!cli->args.set[arg])
		return err_set(&cli->err, ERR_USAGE,
		    "an entry needs --reason, --owner and --expires: %s is missing", name);
	*out = slice_trim(slice_str(cli->args.text[arg]));
	if (quarantine_takes(*out))
		return 0;
	return err_set(
	    &cli->err, ERR_USAGE, "option %s: it has to be a line of UTF-8 text, and not empty", name);
}

/* A day, or a length of time from today on, as a day. */
static int
take_day(struct cli *cli, struct buf *out)
{
	const char *text = cli->args.text[ARG_EXPIRES];
	int64_t now = clock_realtime(), length, end, day = now;
	struct slice given = slice_trim(slice_str(text));

	if (quarantine_day(given, &end)) {
		buf_slice(out, given);
	} else if (cli_duration(cli, "--expires", text, &length) == 0 &&
		   !__builtin_add_overflow(now, length, &day)) {
		time_format(out, day, 'T');
		buf_truncate(out, strlen("2026-12-01"));
	}
	if (!quarantine_day(buf_get(out), &end))
		return err_set(&cli->err, ERR_USAGE,
		    "option --expires: '%s' is no day: write 2026-12-01, or how long from now, like 2w",
		    text);
	if (end <= now)
		return err_set(&cli->err, ERR_USAGE, "option --expires: %s is over", text);
	return 0;
}

static int
found_row(void *context, const struct repo_row *row, struct err *err)
{
	(void)row;
	(void)err;
	*(bool *)context = true;
	return 0;
}

/* True, also when there is no repository to know it, if some run has the test. */
static bool
is_known(struct repo *repo, struct slice test)
{
	struct err ignored;
	bool found = false;

	return !repo || repo_history(repo, test, 1, found_row, &found, &ignored) < 0 || found;
}

/* The repository if there is one, else NULL. */
static struct repo *
open_if_there(struct cli *cli)
{
	char *url = cli_repository_url(cli);
	struct repo *repo = NULL;
	struct err ignored;

	if (url && repo_exists(url) && repo_open(url, &repo, &ignored) < 0)
		repo = NULL;
	free(url);
	return repo;
}

static int
add(struct cli *cli, struct quarantine_file *f, const char *test)
{
	const struct quarantine *q = &f->q;
	struct quarantine_entry entry = {.test = slice_trim(slice_str(test))};
	struct repo *repo;
	struct buf day;
	size_t at = strtab_find(&q->tests, entry.test);
	int rc = -1;

	if (at != STRTAB_NONE)
		return err_set(&cli->err, ERR_FAILED,
		    "'%.300s' is in quarantine already, see line %u of " QUARANTINE_FILE, test,
		    q->entries[at].line);
	if (!quarantine_takes(entry.test))
		return err_set(
		    &cli->err, ERR_USAGE, "the id of the test has to be a line of UTF-8 text, and not empty");
	buf_init(&day, 64);
	if (take_text(cli, ARG_REASON, "--reason", &entry.reason) == 0 &&
	    take_text(cli, ARG_OWNER, "--owner", &entry.owner) == 0 &&
	    take_text(cli, ARG_EXPIRES, "--expires", &entry.expires) == 0 && take_day(cli, &day) == 0) {
		entry.expires = buf_get(&day);
		rc = quarantine_put(f, &entry, &cli->err);
	}
	if (rc == 0) {
		repo = open_if_there(cli);
		if (!is_known(repo, entry.test))
			ui_warn(&cli->ui, "note: no stored run has a test of that name: %.*s",
			    SLICE_FMT(entry.test));
		if (!cli->ui.quiet)
			ui_printf(&cli->ui, "%.*s is in quarantine until the end of %.*s (UTC).\n",
			    SLICE_FMT(entry.test), SLICE_FMT(entry.expires));
		repo_free(repo);
	}
	buf_release(&day);
	return rc;
}

/* What is said of an entry: whether it holds, and whether there is such a test. */
struct judged {
	bool expired, known;
};

static void
add_json(struct answer *a, const struct quarantine_entry *e, struct judged j)
{
	answer_item(
	    a, json_pack("{so, so, so, so, sb, sb, sI}", "test", shape_text(e->test), "reason",
		   shape_text(e->reason), "owner", shape_text(e->owner), "expires", shape_text(e->expires),
		   "expired", j.expired, "known", j.known, "line", (json_int_t)e->line));
}

static void
add_cells(struct table *t, const struct quarantine_entry *e, struct judged j)
{
	table_printf(t, "%.*s%s", SLICE_FMT(e->expires), j.expired ? " (over)" : "");
	table_cell(t, e->owner);
	table_cell(t, e->test);
	table_cell(t, e->reason);
}

static void
complain(struct ui *ui, const struct quarantine_entry *e, struct judged j)
{
	if (j.expired)
		ui_printf(ui,
		    QUARANTINE_FILE
		    ":%u: %.*s counts again since the end of %.*s; if it is mended remove the entry, else ask %.*s for another day\n",
		    e->line, SLICE_FMT(e->test), SLICE_FMT(e->expires), SLICE_FMT(e->owner));
	else if (!j.known)
		ui_printf(ui,
		    QUARANTINE_FILE ":%u: no stored run has a test %.*s; if it is gone remove the entry\n",
		    e->line, SLICE_FMT(e->test));
}

/* `list`, and `check`, whose exit status tells whether anything is wrong. */
static int
show(struct cli *cli, const struct quarantine *q, bool checks)
{
	static const char *const heads[] = {"expires", "owner", "test", "reason"};
	bool json = cli->args.set[ARG_JSON];
	struct repo *repo = checks || json ? open_if_there(cli) : NULL;
	int64_t now = clock_realtime();
	struct answer a;
	struct table table;
	size_t bad = 0;
	int rc = 0;

	table_init(&table, 4);
	for (size_t i = 0; i < 4; i++)
		table_cell(&table, slice_str(heads[i]));
	if (json) {
		answer_begin(&a, &cli->ui, "quarantine");
		answer_list(&a, "tests");
	}
	for (size_t i = 0; i < q->count; i++) {
		const struct quarantine_entry *e = &q->entries[i];
		struct judged j = {now >= e->end, is_known(repo, e->test)};

		bad += j.expired || !j.known;
		if (json)
			add_json(&a, e, j);
		else if (checks)
			complain(&cli->ui, e, j);
		else
			add_cells(&table, e, j);
	}
	if (json) {
		answer_list_end(&a);
		rc = answer_end(&a, &cli->err);
	} else if (!checks && q->count) {
		rc = table_print(&table, &cli->ui, &cli->err);
	} else if (checks && !bad && !cli->ui.quiet) {
		ui_printf(&cli->ui, "%zu tests are in quarantine, and every entry is right.\n", q->count);
	}
	table_release(&table);
	repo_free(repo);
	return rc < 0 ? -1 : checks && bad;
}

static int
run_quarantine(struct cli *cli)
{
	char *const *words = cli->args.positionals;
	size_t count = cli->args.positional_count, wanted;
	struct quarantine_file f;
	int rc = -1;

	if (!count ||
	    (strcmp(words[0], "add") != 0 && strcmp(words[0], "list") != 0 && strcmp(words[0], "check") != 0))
		return err_set(&cli->err, ERR_USAGE, "say what to do: add TEST, list, or check");
	wanted = words[0][0] == 'a' ? 2 : 1;
	if (count < wanted)
		return err_set(&cli->err, ERR_USAGE, "name the test, by its id");
	if (count > wanted)
		return cli_unexpected(cli, words + wanted, count - wanted);
	if (quarantine_open(&f, cli->here, wanted == 2, &cli->err) == 0)
		rc = wanted == 2 ? add(cli, &f, words[1]) : show(cli, &f.q, words[0][0] == 'c');
	quarantine_close(&f);
	return rc;
}

const struct command cmd_quarantine = {
    .name = "quarantine",
    .summary = "Say which failing tests are not to decide the exit status, until when, and why.",
    .about = "The file .testr.quarantine belongs into version control, where changes of it\n"
	     "are reviewed. Its tests run and are recorded, their failures are shown, and\n"
	     "the summary counts them, but they do not make a run fail:\n"
	     "\n"
	     "  [pkg.net.TestPool.test_retry]\n"
	     "  reason = resets under load, T-118\n"
	     "  owner = ana\n"
	     "  expires = 2026-12-01\n"
	     "\n"
	     "All three are mandatory. An entry holds until the end of that day in UTC, by\n"
	     "the clock at the beginning of a run; then the test counts again. To take a test\n"
	     "out of quarantine remove its entry.\n"
	     "\n"
	     "`add TEST` appends an entry, `list` prints a table, and `check` tells what is\n"
	     "wrong: with the file (exit status 3), or with an entry that is over or whose\n"
	     "test no stored run has (exit status 1).\n",
    .arguments = "add TEST | list | check",
    .args = args,
    .takes_positionals = true,
    .run = run_quarantine,
};
