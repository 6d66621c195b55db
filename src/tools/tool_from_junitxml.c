/* SPDX-License-Identifier: Apache-2.0 */
#include "junitxml.h"
#include "strtab.h"
#include "tool.h"

#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct junitxml_options {
	struct strtab directories; /* in the order of the options */
};

struct convert {
	struct junitxml *parser;
	struct output *out;
	bool broken;     /* a file could not be read as a whole */
	bool unwritable; /* standard output */
	size_t files;
};

static const struct option options[] = {
    TOOL_HELP,
    {'d', "dir", OPTION_VALUE, "DIR", "read all *.xml in DIR and in the directories in it; may\nbe repeated"},
    {0},
};

static int
met(void *context, const struct option *option, char *const *values, struct err *err)
{
	struct junitxml_options *o = context;

	(void)option;
	return strtab_add(&o->directories, slice_str(values[0]), NULL) == STRTAB_NONE ? err_nomem(err) : 0;
}

static void
release(void *own)
{
	struct junitxml_options *o = own;

	strtab_release(&o->directories);
}

static int
on_event(void *context, const struct event *e, struct err *err)
{
	return output_event(context, e, err);
}

static int
on_bytes(void *context, struct slice bytes, struct err *err)
{
	struct convert *c = context;

	if (junitxml_feed(c->parser, bytes, err))
		return -1;
	/* One read may make far more output than it is long. */
	c->unwritable = output_flush(c->out, err) != 0;
	return c->unwritable ? -1 : 0;
}

/* What is wrong with one file is told, and the others are read all the same. Returns 0, or -1 when nothing
 * can be written. */
static int
convert_file(struct convert *c, const char *path, struct err *err)
{
	struct output nothing = {.fd = -1};
	struct err wrong = {0};
	int rc;

	c->files++;
	if (junitxml_begin(c->parser, err))
		return -1;
	rc = stream_bytes(path, on_bytes, c, &nothing, &wrong);
	if (rc == 0)
		rc = junitxml_end(c->parser, &wrong);
	if (output_flush(c->out, err))
		return -1;
	if (rc == 0)
		return 0;
	if (c->unwritable) {
		*err = wrong;
		return -1;
	}
	fprintf(stderr, "junitxml2subunit: %s: %s\n", path, wrong.text);
	c->broken = true;
	return 0;
}

/* The files of a directory, then its directories, each by their names. */
static int
compare_entries(const FTSENT **a, const FTSENT **b)
{
	bool a_is_directory = (*a)->fts_info == FTS_D, b_is_directory = (*b)->fts_info == FTS_D;

	if (a_is_directory != b_is_directory)
		return a_is_directory ? 1 : -1;
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int
convert_directory(struct convert *c, struct slice path, struct err *err)
{
	char *name = slice_dup(path), *paths[] = {name, NULL};
	FTS *walk = NULL;
	FTSENT *entry;
	struct stat st;
	int rc = 0;

	if (!name)
		return err_nomem(err);
	if (stat(name, &st) || !S_ISDIR(st.st_mode)) {
		fprintf(stderr, "junitxml2subunit: not a directory: %s\n", name);
		goto out;
	}
	walk = fts_open(paths, FTS_COMFOLLOW | FTS_PHYSICAL | FTS_NOCHDIR, compare_entries);
	if (!walk) {
		rc = err_sys(err, "cannot read %s", name);
		goto out;
	}
	while (rc == 0 && (entry = fts_read(walk))) {
		bool is_file = entry->fts_info == FTS_F || entry->fts_info == FTS_SL;

		if (is_file && slice_ends(slice_str(entry->fts_name), SLICE_LIT(".xml")))
			rc = convert_file(c, entry->fts_path, err);
	}
out:
	if (walk)
		fts_close(walk);
	free(name);
	return rc;
}

static int
run(const struct tool_call *call, struct err *err)
{
	const struct junitxml_options *o = call->own;
	struct convert c = {.out = call->out};
	int rc = 0;

	c.parser = junitxml_new(on_event, call->out);
	if (!c.parser)
		return err_nomem(err);
	for (size_t i = 0; rc == 0 && i < o->directories.len; i++)
		rc = convert_directory(&c, strtab_get(&o->directories, i), err);
	for (size_t i = 0; rc == 0 && i < call->arg_count; i++)
		rc = convert_file(&c, call->args[i], err);
	if (rc == 0 && !c.files)
		rc = err_set(err, ERR_USAGE, "no input files found (pass FILE arguments or use -d DIR)");
	if (rc == 0)
		rc = c.broken || junitxml_failed(c.parser);
	junitxml_free(c.parser);
	return rc;
}

const struct tool tool_from_junitxml = {
    .name = "junitxml2subunit",
    .text = "Makes a subunit stream, version 2, of JUnit XML: files and what directories\n"
	    "hold. Exit status: 1 when a test failed or a file could not be read, else 0.\n",
    .usage = "[-d DIR]... [FILE]...",
    .options = options,
    .many_args = true,
    .own_size = sizeof(struct junitxml_options),
    .met = met,
    .run = run,
    .release = release,
};
