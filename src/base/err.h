/* SPDX-License-Identifier: Apache-2.0
 *
 * An error that people read: a kind, which decides the exit status, and one line that says what, where,
 * why and what to do next. It lives on the caller's stack. Invariant: a function that succeeds
 * leaves it alone; one that fails sets it exactly once, where the failure was seen, and the
 * functions above may only put words in front (err_wrap). */
#ifndef ERR_H
#define ERR_H

enum err_kind {
	ERR_NONE,
	ERR_USAGE,      /* exit 2: the command line is wrong */
	ERR_FAILED,     /* exit 3: configuration, repository, system: anything without a kind of its own */
	ERR_NO_ROOM,    /* exit 3: the disk is full, or a limit of the user or of a file is reached */
	ERR_READ_ONLY,  /* exit 3: a file or its place cannot be written */
	ERR_NO_TESTS,   /* exit 4: nothing was selected */
	ERR_INCOMPLETE, /* exit 6: planned tests have no result */
	ERR_LISTING,    /* exit 8: the tests could not be listed */
	ERR_START,      /* exit 9: an instance, a server or a fixture could not be started */
};

struct err {
	enum err_kind kind;
	char text[1024];
};

/* Sets the kind and the text. Always returns -1, so that `return err_set(…)` reads well. A longer text is
 * cut. */
int err_set(struct err *err, enum err_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As err_set with err_errno_kind, followed by ": " and the words for errno as it was at the call. */
int err_sys(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ERR_NO_ROOM or ERR_READ_ONLY where that is what a value of errno says, else ERR_FAILED. */
enum err_kind err_errno_kind(int number);

/* As err_set with ERR_FAILED, for a failed allocation. */
int err_nomem(struct err *err);

/* Puts the formatted words and ": " before the text that is there. Returns -1. */
int err_wrap(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The exit status of a kind; 0 for ERR_NONE. */
int err_exit_status(enum err_kind kind);

#endif
