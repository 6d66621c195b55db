/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"
#include "choosing.h"
#include "detail.h"
#include "utf8.h"

#include <stdio.h>
#include <stdlib.h>

static const enum arg args[] = {ARG_RUN, ARG_ALL, ARG_JSON, ARG_PROFILE, ARG_NONE};

struct log {
	struct cli *cli;
	struct repo *repo;
	struct answer answer;
	bool json, all;
	struct choice choice;
	struct ask_rows rows; /* of the test in hand */
	size_t shown;
	uint64_t left_out; /* bytes of attachments, in all */
	/* Of the attempt in hand: */
	const struct repo_row *row;
	size_t attempt, attempts; /* of its test in its run, in its profile */
	bool found;               /* its result in the stream */
};

static const char *
label(enum status status)
{
	switch (status) {
	case STATUS_SUCCESS:
		return "PASS";
	case STATUS_UXSUCCESS:
		return "UNEXPECTED SUCCESS";
	case STATUS_SKIP:
		return "SKIP";
	case STATUS_FAIL:
		return "FAIL";
	case STATUS_XFAIL:
		return "EXPECTED FAILURE";
	default:
		return "UNFINISHED";
	}
}

static void
print_label(struct ui *ui, enum status status)
{
	if (status == STATUS_SKIP || status == STATUS_XFAIL)
		ui_printf(ui, "%s", label(status));
	else
		ui_coloured(ui, status == STATUS_SUCCESS ? UI_GREEN : UI_RED, label(status));
}

/* "run 12, attempt 2 of 3, 2026-11-22 20:33:39Z, 0.412s, worker 3, commit 1a2b3c4", and the tags. */
static int
print_facts(struct log *l, struct err *err)
{
	struct ui *ui = &l->cli->ui;
	const struct repo_row *row = l->row;
	struct slice tags = row->tags, tag;
	struct ask_origin origin;
	struct buf line;
	int rc;

	ask_origin_init(&origin);
	rc = ask_origin_read(&origin, l->repo, row->run, err);
	buf_init(&line, 4096);
	buf_printf(&line, "run %lld", (long long)row->run);
	if (l->attempts > 1)
		buf_printf(&line, ", attempt %zu of %zu", l->attempt, l->attempts);
	if (row->start != TIME_NONE) {
		buf_str(&line, ", ");
		ask_time(&line, row->start);
	}
	if (row->duration != TIME_NONE)
		buf_printf(&line, ", %.3fs", (double)row->duration / 1e9);
	if (row->worker >= 0)
		buf_printf(&line, ", worker %lld", (long long)row->worker);
	if (origin.commit[0])
		buf_printf(&line, ", commit %s", origin.commit);
	ui_printf(ui, "%.*s\n", SLICE_FMT(buf_get(&line)));
	if (tags.len) {
		ui_printf(ui, "tags:");
		while (tags.len && slice_split(&tags, '\0', &tag))
			ui_printf(ui, " %.*s", SLICE_FMT(tag));
		ui_printf(ui, "\n");
	}
	buf_release(&line);
	ask_origin_release(&origin);
	return rc;
}

/* An attachment on its way to the screen in pieces, which may end within a character. */
struct pieces {
	struct ui *ui;
	const struct detail *detail;
	struct buf kept;
};

/* The length of the text without a last character that more bytes could complete. */
static size_t
whole_characters(struct slice text)
{
	size_t cut = text.len;

	while (cut && text.len - cut < 3 && (text.data[cut - 1] & 0xc0) == 0x80)
		cut--;
	cut -= cut > 0;
	return utf8_valid(slice_from(text, cut)) || !utf8_could_be_valid(slice_from(text, cut)) ? text.len
												: cut;
}

static void
print_piece(struct pieces *p, size_t len)
{
	struct detail d = {.name = p->detail->name, .mime = p->detail->mime};
	struct buf text;

	d.bytes = slice_head(buf_get(&p->kept), len);
	buf_init(&text, SIZE_MAX / 4);
	detail_decode(&text, &d, NULL);
	ui_slice(p->ui, buf_get(&text));
	buf_release(&text);
	buf_drop(&p->kept, len);
}

static int
take_piece(void *context, struct slice bytes, struct err *err)
{
	struct pieces *p = context;

	buf_slice(&p->kept, bytes);
	if (p->kept.failed)
		return err_nomem(err);
	print_piece(p, whole_characters(buf_get(&p->kept)));
	return 0;
}

static int
print_pieces(struct log *l, const struct detail *d, struct err *err)
{
	struct pieces p = {.ui = &l->cli->ui, .detail = d};
	int rc;

	buf_init(&p.kept, SIZE_MAX / 4);
	rc = repo_row_detail(l->repo, l->row, d->name, take_piece, &p, err);
	print_piece(&p, p.kept.len);
	buf_release(&p.kept);
	return rc;
}

/* All of the attachments of a result that has more than is kept in memory, in the layout of details_text. */
static int
print_whole(struct log *l, const struct result *r, struct err *err)
{
	struct ui *ui = &l->cli->ui;

	for (size_t i = 0; i < r->detail_count; i++) {
		const struct detail *d = &r->details[i];

		if (!detail_is_text(d)) {
			ui_printf(ui, "Binary content:\n  %.*s\n", SLICE_FMT(d->name));
			continue;
		}
		ui_printf(ui, "%.*s: {{{\n", SLICE_FMT(d->name));
		if (print_pieces(l, d, err) < 0)
			return -1;
		ui_printf(ui, "\n}}}\n");
	}
	return 0;
}

static int
print_result(void *context, const struct result *r, struct err *err)
{
	struct log *l = context;
	struct ui *ui = &l->cli->ui;
	uint64_t left_out = 0;

	l->found = true;
	for (size_t i = 0; i < r->detail_count; i++)
		left_out += r->details[i].left_out;
	if (r->detail_count)
		ui_rule(ui, '=');
	print_label(ui, r->status);
	ui_printf(ui, ": %.*s\n", SLICE_FMT(r->id));
	if (print_facts(l, err) < 0)
		return -1;
	if (!r->detail_count)
		return 0;
	ui_rule(ui, '-');
	if (l->all && left_out)
		return print_whole(l, r, err);
	l->left_out += left_out;
	details_text(&ui->out, r->details, r->detail_count, "traceback", NULL);
	ui_flush(ui);
	return 0;
}

static int
answer_row(struct log *l, const struct repo_row *row, struct err *err)
{
	enum verdict verdict;

	return shape_verdict_in(l->repo, row->run, row->status, &verdict, err) < 0
		   ? -1
		   : ask_answer_row(
			 &l->answer, l->repo, row, verdict, l->all ? SIZE_MAX / 4 : ASK_DETAIL_MAX, err);
}

/* Without attachments if the stream has lost the result. */
static int
print_row(struct log *l, const struct repo_row *row, struct err *err)
{
	struct result bare = {.id = row->test, .status = row->status};

	l->row = row;
	l->found = false;
	if (repo_row_result(l->repo, row, l->all ? CLI_DETAIL_MAX : ASK_DETAIL_MAX, print_result, l, err) < 0)
		return -1;
	return l->found ? 0 : print_result(l, &bare, err);
}

static bool
same_profile(const struct log *l, const struct repo_row *row, struct slice profile)
{
	return repo_is_of(l->repo, row->tags, profile.len ? profile : SLICE_LIT(""));
}

static void
count_attempts(struct log *l, const struct repo_row *row)
{
	struct slice profile = choice_of_tags(&l->choice, row->tags);

	l->attempt = l->attempts = 0;
	for (size_t i = 0; i < l->rows.count; i++) {
		const struct repo_row *other = &l->rows.rows[i];

		if (other->run == row->run && same_profile(l, other, profile)) {
			l->attempts++;
			l->attempt += other->attempt <= row->attempt;
		}
	}
}

/* Shows the test in hand. */
static int
show_test(struct log *l, struct err *err)
{
	int rc = 0;

	l->shown += l->rows.count;
	for (size_t i = 0; rc == 0 && i < l->rows.count; i++) {
		count_attempts(l, &l->rows.rows[i]);
		rc = (l->json ? answer_row : print_row)(l, &l->rows.rows[i], err);
	}
	ask_rows_release(&l->rows);
	return rc;
}

static int
keep_row(struct log *l, const struct repo_row *row, struct err *err)
{
	return choice_has(&l->choice, choice_of_tags(&l->choice, row->tags))
		   ? ask_rows_add(&l->rows, row, err)
		   : 0;
}

/* Keeps it if it is of the latest run that has the test in its profile. */
static int
keep_latest(void *context, const struct repo_row *row, struct err *err)
{
	struct log *l = context;
	struct slice profile = choice_of_tags(&l->choice, row->tags);

	for (size_t i = 0; i < l->rows.count; i++)
		if (l->rows.rows[i].run != row->run && same_profile(l, &l->rows.rows[i], profile))
			return 0;
	return keep_row(l, row, err);
}

static bool
wanted(const struct log *l, struct slice id)
{
	const struct args *a = &l->cli->args;

	for (size_t i = 0; i < a->positional_count; i++)
		if (ask_matches(a->positionals[i], id))
			return true;
	return false;
}

/* A test of the run that was asked for. */
static int
run_row(void *context, const struct repo_row *row, struct err *err)
{
	struct log *l = context;

	if (l->rows.count && !slice_eq(l->rows.rows[0].test, row->test) && show_test(l, err) < 0)
		return -1;
	return wanted(l, row->test) ? keep_row(l, row, err) : 0;
}

/* A test, in each profile from the latest run that has it. */
static int
show_latest(struct log *l, struct slice id, struct err *err)
{
	return repo_history(l->repo, id, l->choice.profiled ? 0 : 1, keep_latest, l, err) < 0
		   ? -1
		   : show_test(l, err);
}

static int
any_test(void *context, struct slice id, struct err *err)
{
	struct log *l = context;

	return wanted(l, id) ? show_latest(l, id, err) : 0;
}

static int
show_tests(struct log *l)
{
	const struct args *a = &l->cli->args;
	struct err *err = &l->cli->err;
	struct repo_run run;
	bool globs = false;
	int64_t id;

	if (a->set[ARG_RUN]) {
		if (cli_run_id(l->cli, l->repo, a->text[ARG_RUN], &id) < 0 ||
		    repo_run_get(l->repo, id, &run, err) < 0 || repo_rows(l->repo, id, run_row, l, err) < 0)
			return -1;
		return show_test(l, err);
	}
	for (size_t i = 0; i < a->positional_count; i++)
		globs |= ask_is_glob(a->positionals[i]);
	if (globs)
		return repo_tests(l->repo, any_test, l, err);
	for (size_t i = 0; i < a->positional_count; i++)
		if (show_latest(l, slice_str(a->positionals[i]), err) < 0)
			return -1;
	return 0;
}

/* What there is to say besides. */
static int
finish(struct log *l)
{
	const struct args *a = &l->cli->args;
	bool chosen = l->choice.chosen.len > 0;
	char where[128] = "";

	if (!l->shown && (a->set[ARG_RUN] || chosen))
		snprintf(where, sizeof(where), "%s%.40s%s%.40s", a->set[ARG_RUN] ? " in run " : "",
		    a->set[ARG_RUN] ? a->text[ARG_RUN] : "", chosen ? " in profile " : "",
		    chosen ? a->profiles.values[0] : "");
	if (!l->shown)
		return ask_no_test(&l->cli->err, a->positionals[0], where);
	if (l->left_out)
		ui_warn(&l->cli->ui,
		    "note: %llu bytes of attachments are left out; testr log --all shows them too",
		    (unsigned long long)l->left_out);
	return 0;
}

static int
run_log(struct cli *cli)
{
	struct log l = {.cli = cli, .json = cli->args.set[ARG_JSON], .all = cli->args.set[ARG_ALL]};
	int64_t latest;
	int rc = -1;

	if (!cli->args.positional_count)
		return err_set(&cli->err, ERR_USAGE, "name the tests to show, by their ids or by globs");
	if (cli_repository(cli, false, &l.repo) < 0)
		return -1;
	if (choosing_init(&l.choice, cli, l.repo) < 0 || cli_latest(cli, l.repo, &latest) < 0)
		goto out;
	if (l.json) {
		answer_begin(&l.answer, &cli->ui, "log");
		answer_list(&l.answer, "results");
	}
	rc = show_tests(&l);
	if (rc == 0 && l.json) {
		answer_list_end(&l.answer);
		rc = answer_end(&l.answer, &cli->err);
	}
	if (rc == 0)
		rc = finish(&l);
out:
	ask_rows_release(&l.rows);
	choice_release(&l.choice);
	repo_free(l.repo);
	return rc;
}

const struct command cmd_log = {
    .name = "log",
    .summary = "Show what became of certain tests, with their output.",
    .about = "Each TEST is an id, or a glob (* ? [...]) that has to match a whole id. Without\n"
	     "-r RUN each test is shown as the latest run has it that has it at all, in each\n"
	     "profile. All of its attempts in that run are shown.\n"
	     "\n"
	     "Of attachments that are long the first and last parts are shown, with a line\n"
	     "between them that says how many bytes are left out; --all shows everything.\n"
	     "\n"
	     "The exit status is 0 whether or not the tests failed, and 4 when no test\n"
	     "matches.\n",
    .arguments = "TEST...",
    .args = args,
    .takes_positionals = true,
    .run = run_log,
};
