/* SPDX-License-Identifier: Apache-2.0
 *
 * What people see: standard output, standard error and, on a terminal, one live line below it.
 * Invariant: every byte is written or the failure is known to ui_finish; nothing is ever half said without
 * it. */
#ifndef UI_H
#define UI_H

#include "buf.h"
#include "err.h"
#include "outcome.h"
#include "repository.h"

struct ui {
	struct buf out; /* not yet written to standard output */
	bool quiet;     /* -q: no summary */
	bool failed;    /* a write failed; `why` says how */
	int why;        /* errno of the first failure */
	bool live;      /* there is a terminal for the live line */
	bool live_shown;
	bool colour;     /* standard output takes colours */
	int64_t live_at; /* when it was last drawn, monotonic */
};

void ui_init(struct ui *ui, bool quiet);
void ui_release(struct ui *ui);

/* Writes everything out. Returns `status`, or, if output was lost and status is 0, another: 141 when the
 * reader went away, 3, with a message, for anything else. */
int ui_finish(struct ui *ui, int status);

/* Standard output, by whole lines: what was said is written at the next ui_flush. */
void ui_slice(struct ui *ui, struct slice s);
void ui_printf(struct ui *ui, const char *format, ...) __attribute__((format(printf, 2, 3)));
void ui_flush(struct ui *ui);

/* One line on standard error. */
void ui_warn(struct ui *ui, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The block for a test that failed: label and id, tags, attachments. */
void ui_failure(struct ui *ui, const char *label, const struct result *r);

/* The line for a test that failed and has passed now. */
void ui_flaky(struct ui *ui, const struct result *r);

#define UI_RED "31"
#define UI_GREEN "32"
/* The word, in colour where there are colours. */
void ui_coloured(struct ui *ui, const char *colour, const char *word);

/* A line across. */
void ui_rule(struct ui *ui, char c);

/* What the summary is of. Counts of the run before it are absent when `before` is NULL. */
struct ui_summary {
	int64_t id; /* -1: it is not stored */
	struct repo_counts counts;
	int64_t elapsed; /* nanoseconds; 0 when unknown */
	const struct repo_counts *before;
	int64_t before_elapsed;
	int64_t flaky;       /* tests that failed and passed when tried again */
	int64_t quarantined; /* tests that failed, and are in quarantine */
	size_t errors, lost; /* outside any test; without result */
	size_t not_run;      /* for want of time */
	bool interrupted;
	bool failed; /* for some other reason */
};

/* The one or two lines at the end of a run; nothing when quiet. */
void ui_summary(struct ui *ui, const struct ui_summary *s);

#define UI_COLUMNS_MAX 12
/* A table of `columns` columns; cells are given row by row, the first row being the heads. */
void ui_table(struct ui *ui, size_t columns, const struct slice *cells, size_t count);

/* Draws the live line anew, if there is a terminal and the last time was long enough ago. It is cut to the
 * width of the terminal. */
void ui_live(struct ui *ui, int64_t now, struct slice line);
/* True when ui_live would draw. */
bool ui_live_due(const struct ui *ui, int64_t now);
/* Takes the live line away. */
void ui_live_clear(struct ui *ui);

#endif
