/* SPDX-License-Identifier: Apache-2.0
 *
 * One of the subunit-* programs. To add one: 1. write tool_NAME.c, which exports one `const struct tool` (a
 * plain converter goes into tool_converters.c); 2.
 * declare it here; 3. put it into the table in main.c and its name into meson.build; 4. test it in
 * tests/tools: a converter in test_converters.py, others in test_tools.py. */
#ifndef TOOL_H
#define TOOL_H

#include "err.h"
#include "optparse.h"
#include "stream.h"

/* What every tool's run gets beside its own options. */
struct tool_call {
	void *own;
	char *const *args; /* what is no option */
	size_t arg_count;
	const char *path;   /* the first of them: the input; NULL for standard input */
	bool strict;        /* --strict-reader */
	struct output *out; /* standard output */
};

struct tool {
	const char *name;
	const char *old_name; /* that it is found by, too; NULL when there is none */
	const char *text;     /* what it does, for --help: lines of at most 79 columns */
	const char *usage;    /* what follows the name; NULL for options and a file to read */
	/* Ends with an entry that has neither letter nor name. NULL: no argument is an option, and all are
	 * for `run`. */
	const struct option *options;
	bool many_args;  /* more than one argument besides options is no error */
	size_t own_size; /* of the tool's own options, zeroed before the first `met` */
	/* NULL when there are no options of its own. The context is the own options. */
	option_fn met;
	/* Returns the exit status, or -1 with err set. */
	int (*run)(const struct tool_call *call, struct err *err);
	/* Frees what `met` allocated; NULL when there is nothing. */
	void (*release)(void *own);
};

#define TOOL_HELP \
	{ \
		'h', "help", OPTION_FLAG, NULL, "show this text and exit" \
	}
#define TOOL_STRICT \
	{ \
		0, "strict-reader", OPTION_FLAG, NULL, \
		    "read as the Python implementation does, with all\nits faults" \
	}

/* The source that the call names, read as subunit v2. */
struct source tool_source(const struct tool_call *call);

extern const struct tool tool_1to2, tool_2to1, tool_combine, tool_csv, tool_ctest, tool_disk, tool_filter,
    tool_from_json, tool_from_junitxml, tool_gojson, tool_gtest, tool_junitxml, tool_libtest, tool_ls,
    tool_meson, tool_notify, tool_output, tool_pyunit, tool_stats, tool_tags, tool_tap, tool_to_json,
    tool_watch;

#endif
