/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line, by the rules of Python's optparse: options and positional arguments may be mixed, long
 * options may be shortened as far as they stay unambiguous, short ones clustered ("-qd."), a value may follow
 * as the next argument or after '=' (long) or directly (short), and "--" ends the options. Pure: nothing is
 * printed, nothing exits. The words of the errors are optparse's, because scripts look for them. */
#ifndef OPTPARSE_H
#define OPTPARSE_H

#include "buf.h"
#include "err.h"

#include <stdbool.h>
#include <stddef.h>

enum option_kind {
	OPTION_FLAG,   /* no value */
	OPTION_VALUE,  /* one value */
	OPTION_VALUE2, /* two values, like subunit-filter --rename */
};

struct option {
	char letter;      /* 'd' for -d, or 0 */
	const char *name; /* "here" for --here, or NULL */
	enum option_kind kind;
	const char *value; /* what help calls the value: "DIR", or "RE REPL" for two */
	const char *help;
	int id; /* the caller's own number for it */
	/* What an error says when the value is missing, behind "argument --NAME: "; NULL for optparse's own
	 * words. */
	const char *lacking;
};

/* What is told of an option that was met. `values` has as many entries as the kind has values. Returns 0, or
 * -1 with err set. */
typedef int (*option_fn)(void *context, const struct option *option, char *const *values, struct err *err);

/* Walks args[0..count), calls `met` for each option in order, and moves the positional arguments to the front
 * of args, keeping their order; *positionals becomes their number. Everything from the first "--" on is
 * positional; the
 * "--" itself is kept when keep_dashes is set (testr hands it to the test command) and dropped otherwise.
 * `options` ends with an entry that has neither letter nor name. On an error (ERR_USAGE) args is in no
 * certain order. */
int optparse(const struct option *options, char **args, size_t count, bool keep_dashes, option_fn met,
    void *context, size_t *positionals, struct err *err);

/* Reads an integer by optparse's rules: decimal, 0x…, 0b…, 0… (octal) or 0o…, with a sign. On an error the
 * text is "option NAME: invalid integer value: 'TEXT'". */
int optparse_int(const struct option *option, const char *text, long *out, struct err *err);

/* Appends text in quotes as Python shows a string, the form in which its messages name arguments: 'a',
 * "it's", 'a\n'. */
void optparse_quote(struct buf *out, struct slice text);
/* The same for a text that comes in parts, of whole characters, without the marks around it; and the mark, by
 * whether there is a ' or a " in all of it. */
void optparse_quote_part(struct buf *out, struct slice text, uint8_t quote);
uint8_t optparse_quote_mark(bool has_single, bool has_double);
/* Appends an argument as the shell takes it: in quotes where it needs some. */
void optparse_shell_word(struct buf *out, struct slice argument);

#endif
