/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"
#include "detail.h"
#include "outcome.h"
#include "strtab.h"
#include "terminal.h"
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* The most that is kept of one test's attachments; what is above is left out, and said to be. */
#define DETAIL_MAX ((size_t)8 << 20)
/* Text without a newline is shown when it gets this long. */
#define LINE_MAX_SHOWN ((size_t)64 << 10)
#define READ_SIZE ((size_t)64 << 10)
#define DRAW_EVERY (TIME_SECOND / 20)
#define TICK_EVERY TIME_SECOND
#define RUNNING_SHOWN 6
#define BAR_WIDTH 30

struct watch {
	const struct tool_call *call;
	struct outcome *tests;
	struct strtab announced; /* the ids of "exists" */
	uint64_t total, failed, skipped, surprises, unfinished;
	int64_t first, latest; /* times in the stream */
	int64_t latest_seen;   /* when, by our clock, the latest came */
	struct buf line;       /* text without its newline */
	struct live live;
	bool is_live, colour, dirty;
	int64_t drawn;
	int signals, signal;
};

struct watch_options {
	bool no_passthrough;
};

static const struct option options[] = {
    TOOL_HELP,
    {0, "no-passthrough", OPTION_FLAG, NULL, "do not show what belongs to no test"},
    TOOL_STRICT,
    {0},
};

static int
met(void *context, const struct option *option, char *const *values, struct err *err)
{
	(void)option;
	(void)values;
	(void)err;
	((struct watch_options *)context)->no_passthrough = true;
	return 0;
}

static void
coloured(const struct watch *w, struct buf *out, bool good, const char *word)
{
	if (w->colour)
		buf_printf(out, "\x1b[%sm%s\x1b[m", good ? "32" : "31", word);
	else
		buf_str(out, word);
}

static void
rule(struct buf *out, char c)
{
	char line[71];

	memset(line, c, 70);
	line[70] = '\n';
	buf_add(out, line, sizeof(line));
}

/* An id is any text; what could move the cursor is not let through. */
static void
add_id(struct buf *out, struct slice id)
{
	for (size_t i = 0; i < id.len; i++)
		buf_byte(out, id.data[i] < ' ' || id.data[i] == 0x7f ? '?' : id.data[i]);
}

static void
print_failure(struct watch *w, const struct result *r, const char *label)
{
	struct buf *out = &w->call->out->data;

	rule(out, '=');
	coloured(w, out, false, label);
	buf_str(out, ": ");
	add_id(out, r->id);
	buf_byte(out, '\n');
	if (r->tag_count) {
		buf_str(out, "tags:");
		for (size_t i = 0; i < r->tag_count; i++) {
			buf_byte(out, ' ');
			buf_slice(out, r->tags[i]);
		}
		buf_byte(out, '\n');
	}
	rule(out, '-');
	details_text(out, r->details, r->detail_count, "traceback", NULL);
}

static void
on_result(struct watch *w, const struct result *r)
{
	w->total++;
	if (r->status == STATUS_SKIP) {
		w->skipped++;
	} else if (r->status == STATUS_UXSUCCESS) {
		w->surprises++;
		print_failure(w, r, "UNEXPECTED SUCCESS");
	} else if (r->status == STATUS_FAIL) {
		w->failed++;
		print_failure(w, r, "FAIL");
	} else if (!status_is_final(r->status)) {
		w->unfinished++;
		print_failure(w, r, "DID NOT END");
	}
}

/* Only whole lines, so that those that are drawn begin at the left. */
static void
on_text(struct watch *w, struct slice text)
{
	const struct watch_options *o = w->call->own;

	while (text.len && !o->no_passthrough) {
		size_t room = LINE_MAX_SHOWN - w->line.len, end = slice_find(slice_head(text, room), '\n');
		bool whole = end < text.len;

		buf_slice(&w->line, slice_head(text, end));
		text = slice_from(text, end + (whole && text.data[end] == '\n'));
		if (!whole)
			return;
		buf_slice(&w->call->out->data, buf_get(&w->line));
		buf_byte(&w->call->out->data, '\n');
		buf_clear(&w->line);
	}
}

static int
on_event(struct watch *w, const struct event *e, struct err *err)
{
	const struct result *r;

	w->dirty = true;
	if (!e->id.data)
		on_text(w, e->file);
	else if (e->status == STATUS_EXISTS && strtab_add(&w->announced, e->id, NULL) == STRTAB_NONE)
		return err_nomem(err);
	if (e->id.data && e->time != TIME_NONE) {
		if (w->first == TIME_NONE || e->time < w->first)
			w->first = e->time;
		if (w->latest == TIME_NONE || e->time >= w->latest) {
			w->latest = e->time;
			w->latest_seen = clock_monotonic();
		}
	}
	if (outcome_event(w->tests, e, &r))
		return err_nomem(err);
	if (r)
		on_result(w, r);
	return 0;
}

static void
add_count(struct buf *out, uint64_t count, const char *word)
{
	if (count)
		buf_printf(out, "  %" PRIu64 " %s", count, word);
}

/* The bar only when somebody said how many tests there are. */
static void
add_progress(const struct watch *w, struct buf *out)
{
	uint64_t all = w->announced.len, filled;

	if (!all) {
		buf_printf(out, "%" PRIu64 " tests", w->total);
	} else {
		if (all < w->total)
			all = w->total;
		filled = w->total * BAR_WIDTH / all;
		buf_byte(out, '[');
		for (uint64_t i = 0; i < BAR_WIDTH; i++)
			buf_byte(out, i < filled ? '#' : '-');
		buf_printf(out, "] %" PRIu64 "/%" PRIu64, w->total, all);
	}
	add_count(out, w->total - w->failed - w->skipped - w->surprises, "passed");
	add_count(out, w->failed, "failed");
	add_count(out, w->surprises, "unexpectedly passed");
	add_count(out, w->skipped, "skipped");
}

/* The tests that run, in the order in which they began, so the longest first. */
static void
add_running(const struct watch *w, struct buf *out, int64_t now)
{
	size_t count = outcome_open_count(w->tests);

	for (size_t i = 0; i < count && i < RUNNING_SHOWN; i++) {
		struct result r = outcome_open_get(w->tests, i);

		buf_str(out, "\n  ");
		if (r.start != TIME_NONE && w->latest != TIME_NONE) {
			/* Time goes on from the stream's own clock: it may be an old stream. */
			int64_t so_far = time_between(w->latest_seen - now, time_between(r.start, w->latest));

			buf_printf(out, "%4" PRId64 "s  ", so_far / TIME_SECOND);
		}
		buf_slice(out, r.id);
	}
	if (count > RUNNING_SHOWN)
		buf_printf(out, "\n  and %zu more", count - RUNNING_SHOWN);
}

static void
draw(struct watch *w, int64_t now)
{
	struct buf text;

	buf_init(&text, 64 * 1024);
	add_progress(w, &text);
	add_running(w, &text, now);
	if (text.failed)
		live_draw(&w->live, SLICE_LIT("…"));
	else
		live_draw(&w->live, buf_get(&text));
	buf_release(&text);
	w->dirty = false;
	w->drawn = now;
}

/* Writes what is to stand above the live lines. */
static int
flush(struct watch *w, struct err *err)
{
	if (!w->call->out->data.len)
		return 0;
	live_clear(&w->live);
	return output_flush(w->call->out, err);
}

static int
drain(struct watch *w, struct reader *reader, struct err *err)
{
	struct event e;
	int rc;

	while ((rc = reader_next(reader, &e)) > 0) {
		if (on_event(w, &e, err))
			return -1;
		if (w->call->out->data.len >= READ_SIZE && flush(w, err))
			return -1;
	}
	return rc < 0 ? err_nomem(err) : flush(w, err);
}

/* Draws when it is time to, and waits until there is input (1), a signal (0), or an error (-1). */
static int
wait_for(struct watch *w, int fd, struct err *err)
{
	struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = w->signals, .events = POLLIN}};
	struct signalfd_siginfo info;

	for (;;) {
		int64_t now = clock_monotonic(), rest = w->drawn + (w->dirty ? DRAW_EVERY : TICK_EVERY) - now;
		int ready;

		if (w->is_live && rest <= 0) {
			draw(w, now);
			continue;
		}
		ready = poll(fds, 2, w->is_live ? (int)(rest / 1000000 + 1) : -1);
		if (ready < 0 && errno != EINTR)
			return err_sys(err, "cannot wait for input");
		if (ready > 0 && (fds[1].revents & POLLIN) &&
		    read(w->signals, &info, sizeof(info)) == sizeof(info)) {
			w->dirty = true;
			if (info.ssi_signo == SIGWINCH)
				continue;
			w->signal = (int)info.ssi_signo;
			return 0;
		}
		if (ready > 0 && fds[0].revents)
			return 1;
	}
}

static int
read_stream(struct watch *w, int fd, struct reader *reader, struct err *err)
{
	for (;;) {
		size_t room;
		uint8_t *at;
		ssize_t n;
		int rc = wait_for(w, fd, err);

		if (rc <= 0)
			return rc;
		at = reader_space(reader, &room);
		if (!at)
			return err_nomem(err);
		n = read(fd, at, room < READ_SIZE ? room : READ_SIZE);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return err_sys(
			    err, "cannot read %s", w->call->path ? w->call->path : "standard input");
		if (n == 0)
			break;
		reader_commit(reader, (size_t)n);
		if (drain(w, reader, err))
			return -1;
	}
	reader_end(reader);
	return drain(w, reader, err);
}

static void
print_summary(const struct watch *w, struct buf *out)
{
	bool good = !w->failed && !w->surprises && !w->unfinished;
	const char *mark = " (";

	buf_printf(out, "Ran %" PRIu64 " tests", w->total);
	if (w->announced.len > w->total)
		buf_printf(out, " of %zu", w->announced.len);
	if (w->first != TIME_NONE && w->latest > w->first)
		buf_printf(out, " in %.3fs", (double)time_between(w->first, w->latest) / 1e9);
	buf_byte(out, '\n');
	coloured(w, out, good && !w->signal, w->signal ? "INTERRUPTED" : good ? "PASSED" : "FAILED");
	if (w->failed) {
		buf_printf(out, "%sfailures=%" PRIu64, mark, w->failed);
		mark = ", ";
	}
	if (w->unfinished) {
		buf_printf(out, "%sunfinished=%" PRIu64, mark, w->unfinished);
		mark = ", ";
	}
	if (w->surprises) {
		buf_printf(out, "%sunexpected successes=%" PRIu64, mark, w->surprises);
		mark = ", ";
	}
	if (w->skipped) {
		buf_printf(out, "%sskips=%" PRIu64, mark, w->skipped);
		mark = ", ";
	}
	buf_str(out, *mark == ',' ? ")\n" : "\n");
}

/* What is said when the stream has ended. */
static int
finish(struct watch *w, struct err *err)
{
	const struct result *r;

	live_clear(&w->live);
	if (w->line.len) {
		buf_slice(&w->call->out->data, buf_get(&w->line));
		buf_byte(&w->call->out->data, '\n');
	}
	while (!w->signal && (r = outcome_open_next(w->tests)))
		on_result(w, r);
	print_summary(w, &w->call->out->data);
	if (output_flush(w->call->out, err))
		return -1;
	if (w->signal)
		return 128 + w->signal;
	return w->failed || w->surprises || w->unfinished;
}

/* Signals arrive through a descriptor, so that no drawing is cut in two. */
static int
open_signals(struct watch *w, struct err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	w->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return w->signals < 0 ? err_sys(err, "cannot wait for signals") : 0;
}

static int
run(const struct tool_call *call, struct err *err)
{
	struct watch w = {
	    .call = call,
	    .first = TIME_NONE,
	    .latest = TIME_NONE,
	    .live = {.fd = STDOUT_FILENO},
	    .is_live = terminal_is_live(STDOUT_FILENO),
	    .colour = terminal_has_colour(STDOUT_FILENO),
	    .signals = -1,
	};
	struct reader *reader = reader_new(call->strict ? READER_STRICT : READER_AUTO);
	int fd = call->path ? open(call->path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO, status = -1;

	buf_init(&w.line, LINE_MAX_SHOWN);
	w.tests = outcome_new(DETAIL_MAX);
	if (fd < 0) {
		err_sys(err, "cannot read %s", call->path);
		goto out;
	}
	if (!reader || !w.tests) {
		err_nomem(err);
		goto out;
	}
	if (!w.is_live)
		fputs(
		    "subunit-watch: there is no display: standard output is not a terminal that can draw; plain "
		    "lines follow\n",
		    stderr);
	if (open_signals(&w, err) == 0 && read_stream(&w, fd, reader, err) == 0)
		status = finish(&w, err);
	if (status >= 0 && reader_died(reader))
		status = err_set(
		    err, ERR_FAILED, "the Python reader would have died here: %s", reader_died(reader));
out:
	live_clear(&w.live);
	if (w.signals >= 0)
		close(w.signals);
	if (call->path && fd >= 0)
		close(fd);
	strtab_release(&w.announced);
	buf_release(&w.line);
	outcome_free(w.tests);
	reader_free(reader);
	return status;
}

const struct tool tool_watch = {
    .name = "subunit-watch",
    .old_name = "subunit2gtk",
    .text = "Shows a subunit stream, of version 1 or 2, on the terminal as it comes: failures,\n"
	    "and below them a line of progress and the tests that run, the longest first. When\n"
	    "standard output is no terminal only the failures and the figures are written.\n"
	    "Exit status: 1 when a test failed, did not end, or succeeded unexpectedly, else 0.\n",
    .options = options,
    .own_size = sizeof(struct watch_options),
    .met = met,
    .run = run,
};
