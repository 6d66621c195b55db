/* SPDX-License-Identifier: Apache-2.0 */
#include "ui.h"

#include "detail.h"
#include "terminal.h"
#include "utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is gathered before it is written. */
#define OUT_FLUSH ((size_t)64 * 1024)
#define LIVE_EVERY (TIME_SECOND / 10)

void
ui_init(struct ui *ui, bool quiet)
{
	*ui = (struct ui){.quiet = quiet};
	buf_init(&ui->out, SIZE_MAX / 2);
	ui->colour = terminal_has_colour(STDOUT_FILENO);
	ui->live = terminal_is_live(STDOUT_FILENO) && terminal_is_live(STDERR_FILENO);
}

void
ui_release(struct ui *ui)
{
	buf_release(&ui->out);
}

void
ui_flush(struct ui *ui)
{
	struct slice rest = buf_get(&ui->out);

	if (rest.len)
		ui_live_clear(ui);
	while (rest.len && !ui->failed) {
		ssize_t n = write(STDOUT_FILENO, rest.data, rest.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			ui->failed = true;
			ui->why = errno;
			break;
		}
		rest = slice_from(rest, (size_t)n);
	}
	if (ui->out.failed && !ui->failed) {
		ui->failed = true;
		ui->why = ENOMEM;
	}
	buf_clear(&ui->out);
}

int
ui_finish(struct ui *ui, int status)
{
	ui_flush(ui);
	ui_live_clear(ui);
	if (!ui->failed)
		return status;
	if (ui->why == EPIPE)
		return status ? status : 128 + 13;
	ui_warn(ui, "testr: cannot write to standard output: %s", strerror(ui->why));
	return status ? status : 3;
}

static void
flush_if_large(struct ui *ui)
{
	if (ui->out.len >= OUT_FLUSH)
		ui_flush(ui);
}

void
ui_slice(struct ui *ui, struct slice s)
{
	buf_slice(&ui->out, s);
	flush_if_large(ui);
}

void
ui_printf(struct ui *ui, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	buf_vprintf(&ui->out, format, args);
	va_end(args);
	flush_if_large(ui);
}

void
ui_warn(struct ui *ui, const char *format, ...)
{
	struct buf line;
	va_list args;
	ssize_t ignored;

	ui_flush(ui);
	ui_live_clear(ui);
	buf_init(&line, 64 * 1024);
	va_start(args, format);
	buf_vprintf(&line, format, args);
	va_end(args);
	buf_byte(&line, '\n');
	ignored = write(STDERR_FILENO, line.data, line.len);
	(void)ignored;
	buf_release(&line);
}

void
ui_rule(struct ui *ui, char c)
{
	char line[71];

	memset(line, c, 70);
	line[70] = '\n';
	ui_slice(ui, slice_of(line, sizeof(line)));
}

void
ui_coloured(struct ui *ui, const char *colour, const char *word)
{
	if (ui->colour)
		ui_printf(ui, "\x1b[%sm%s\x1b[m", colour, word);
	else
		ui_printf(ui, "%s", word);
}

void
ui_failure(struct ui *ui, const char *label, const struct result *r)
{
	ui_rule(ui, '=');
	ui_coloured(ui, UI_RED, label);
	ui_printf(ui, ": ");
	ui_slice(ui, r->id);
	if (r->tag_count) {
		ui_printf(ui, "\ntags:");
		for (size_t i = 0; i < r->tag_count; i++) {
			ui_printf(ui, " ");
			ui_slice(ui, r->tags[i]);
		}
	}
	ui_printf(ui, "\n");
	ui_rule(ui, '-');
	details_text(&ui->out, r->details, r->detail_count, "traceback", NULL);
	ui_flush(ui);
}

void
ui_flaky(struct ui *ui, const struct result *r)
{
	ui_coloured(ui, UI_RED, "FLAKY");
	ui_printf(ui, ": %.*s (attempt %lld passed)\n", SLICE_FMT(r->id),
	    (long long)event_attempt(r->tags, r->tag_count));
	ui_flush(ui);
}

static void
add_delta(struct buf *out, int64_t now, const int64_t *before)
{
	if (before && now != *before)
		buf_printf(out, " (%+lld)", (long long)(now - *before));
}

/* "Ran 8 (+1) tests in 0.324s (+0.100s)": each part only when it says something. */
static void
add_ran(struct buf *out, const struct ui_summary *s)
{
	if (s->counts.tests == 0 && s->elapsed == 0)
		return;
	buf_str(out, "Ran");
	if (s->counts.tests) {
		buf_printf(out, " %lld", (long long)s->counts.tests);
		add_delta(out, s->counts.tests, s->before ? &s->before->tests : NULL);
	}
	buf_str(out, " tests");
	if (s->elapsed) {
		buf_printf(out, " in %.3fs", (double)s->elapsed / 1e9);
		if (s->before_elapsed && s->before_elapsed != s->elapsed)
			buf_printf(out, " (%+.3fs)", (double)(s->elapsed - s->before_elapsed) / 1e9);
	}
	buf_byte(out, '\n');
}

void
ui_summary(struct ui *ui, const struct ui_summary *s)
{
	bool passed = !s->counts.failures && !s->errors && !s->lost && !s->failed;

	if (ui->quiet)
		return;
	add_ran(&ui->out, s);
	if (s->interrupted)
		ui_coloured(ui, UI_RED, "INTERRUPTED");
	else
		ui_coloured(ui, passed ? UI_GREEN : UI_RED, passed ? "PASSED" : "FAILED");
	if (s->id < 0)
		buf_str(&ui->out, " (not stored");
	else
		buf_printf(&ui->out, " (id=%lld", (long long)s->id);
	if (s->counts.failures) {
		buf_printf(&ui->out, ", failures=%lld", (long long)s->counts.failures);
		add_delta(&ui->out, s->counts.failures, s->before ? &s->before->failures : NULL);
	}
	if (s->flaky)
		buf_printf(&ui->out, ", flaky=%lld", (long long)s->flaky);
	if (s->quarantined)
		buf_printf(&ui->out, ", quarantined=%lld", (long long)s->quarantined);
	if (s->errors)
		buf_printf(&ui->out, ", errors=%zu", s->errors);
	if (s->lost)
		buf_printf(&ui->out, ", lost=%zu", s->lost);
	if (s->not_run)
		buf_printf(&ui->out, ", not run=%zu", s->not_run);
	if (s->counts.skips)
		buf_printf(&ui->out, ", skips=%lld", (long long)s->counts.skips);
	buf_str(&ui->out, ")\n");
	ui_flush(ui);
}

/* Columns are as wide as their widest cell, counted in characters; the last one is not padded. */
void
ui_table(struct ui *ui, size_t columns, const struct slice *cells, size_t count)
{
	size_t widths[UI_COLUMNS_MAX] = {0};

	for (size_t i = 0; i < count; i++)
		if (utf8_length(cells[i]) > widths[i % columns])
			widths[i % columns] = utf8_length(cells[i]);
	for (size_t i = 0; i < count; i++) {
		ui_slice(ui, cells[i]);
		if ((i + 1) % columns != 0) {
			ui_printf(ui, "%*s", (int)(widths[i % columns] - utf8_length(cells[i]) + 2), "");
			continue;
		}
		ui_printf(ui, "\n");
		for (size_t c = 0; i + 1 == columns && c < columns; c++) {
			for (size_t n = 0; n < widths[c]; n++)
				ui_printf(ui, "-");
			ui_printf(ui, c + 1 < columns ? "  " : "\n");
		}
	}
}

/* The live line is drawn on standard error, so that it never mixes with what is piped. */
static void
draw(struct slice text)
{
	ssize_t ignored = write(STDERR_FILENO, text.data, text.len);

	(void)ignored;
}

bool
ui_live_due(const struct ui *ui, int64_t now)
{
	return ui->live && (!ui->live_shown || now - ui->live_at >= LIVE_EVERY);
}

void
ui_live(struct ui *ui, int64_t now, struct slice line)
{
	size_t width = terminal_width(STDERR_FILENO);
	struct buf out;

	if (!ui_live_due(ui, now))
		return;
	buf_init(&out, 4096);
	buf_str(&out, "\r\x1b[K");
	buf_slice(&out, utf8_head(line, width > 1 ? width - 1 : 1));
	draw(buf_get(&out));
	buf_release(&out);
	ui->live_shown = true;
	ui->live_at = now;
}

void
ui_live_clear(struct ui *ui)
{
	if (!ui->live_shown)
		return;
	draw(SLICE_LIT("\r\x1b[K"));
	ui->live_shown = false;
}
