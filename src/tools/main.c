/* SPDX-License-Identifier: Apache-2.0 */
#include "guard.h"
#include "tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct tool *const tools[] = {
    &tool_1to2,
    &tool_2to1,
    &tool_filter,
    &tool_ls,
    &tool_stats,
    &tool_tags,
    &tool_output,
    &tool_combine,
    &tool_notify,
    &tool_watch,
    &tool_csv,
    &tool_junitxml,
    &tool_pyunit,
    &tool_disk,
    &tool_tap,
    &tool_from_junitxml,
    &tool_gojson,
    &tool_libtest,
    &tool_gtest,
    &tool_ctest,
    &tool_meson,
    &tool_to_json,
    &tool_from_json,
};

/* What was found on the command line. */
struct command_line {
	const struct tool *tool;
	struct tool_call call;
	bool help;
};

struct source
tool_source(const struct tool_call *call)
{
	return (struct source){.path = call->path, .mode = call->strict ? READER_STRICT : READER_V2};
}

/* By the whole name, or without "subunit-". */
static const struct tool *
find_tool(const char *name)
{
	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
		const char *full = tools[i]->name;

		if (strcmp(name, full) == 0 ||
		    (strncmp(full, "subunit-", 8) == 0 && strcmp(name, full + 8) == 0) ||
		    (tools[i]->old_name && strcmp(name, tools[i]->old_name) == 0))
			return tools[i];
	}
	return NULL;
}

static int
met(void *context, const struct option *option, char *const *values, struct err *err)
{
	struct command_line *line = context;

	if (option->name && strcmp(option->name, "help") == 0) {
		/* What follows is not looked at any more. */
		line->help = true;
		return err_set(err, ERR_USAGE, "help");
	}
	if (option->name && strcmp(option->name, "strict-reader") == 0) {
		line->call.strict = true;
		return 0;
	}
	return line->tool->met(line->call.own, option, values, err);
}

static void
print_option(struct buf *out, const struct option *o)
{
	size_t start = out->len, column;

	buf_str(out, "  ");
	if (o->letter)
		buf_printf(out, "-%c%s%s", o->letter, o->name || !o->value ? "" : " ",
		    o->name || !o->value ? "" : o->value);
	if (o->name)
		buf_printf(out, "%s--%s%s%s", o->letter ? ", " : "", o->name, o->value ? " " : "",
		    o->value ? o->value : "");
	column = out->len - start;
	if (column > 22)
		buf_printf(out, "\n%24s", "");
	else
		buf_printf(out, "%*s", (int)(24 - column), "");
	for (const char *p = o->help; *p; p++) {
		buf_byte(out, (uint8_t)*p);
		if (*p == '\n')
			buf_printf(out, "%24s", "");
	}
	buf_byte(out, '\n');
}

static void
print_help(struct buf *out, const struct tool *tool)
{
	buf_printf(out, "Usage: %s %s\n\n%s", tool->name, tool->usage ? tool->usage : "[options] [FILE]",
	    tool->text);
	if (!tool->usage)
		buf_str(out, "\nWithout FILE, standard input is read.\n");
	buf_str(out, "\nOptions:\n");
	for (const struct option *o = tool->options; o->letter || o->name; o++)
		print_option(out, o);
}

static void
print_tools(struct buf *out)
{
	buf_str(out, "Usage: subunit NAME [options] [FILE]\n\nThe names:\n");
	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++)
		buf_printf(out, "  %s\n", tools[i]->name);
	buf_str(out, "\nsubunit NAME --help tells more.\n");
}

/* Tells the error and returns the exit status: the reference's usage errors give 2, its other ones 1. */
static int
fail(const char *name, const char *usage, const struct err *err)
{
	if (err->kind == ERR_USAGE)
		fprintf(stderr, "Usage: %s %s\n\n", name, usage ? usage : "[options]");
	if (err->text[0])
		fprintf(stderr, "%s: error: %s\n", name, err->text);
	return err->kind == ERR_USAGE ? 2 : 1;
}

static int
run_tool(const struct tool *tool, int argc, char **argv, struct output *out)
{
	struct command_line line = {.tool = tool, .call.out = out};
	int status = -1, rc = 0;
	struct err err = {0};
	size_t files = 0;

	line.call.own = calloc(1, tool->own_size + 1);
	if (!line.call.own)
		rc = err_nomem(&err);
	else if (tool->options)
		rc = optparse(tool->options, argv, (size_t)argc, false, met, &line, &files, &err);
	else
		files = (size_t)argc;
	if (line.help) {
		print_help(&out->data, tool);
		status = 0;
	} else if (rc == 0 && files > 1 && tool->options && !tool->many_args) {
		err_set(&err, ERR_FAILED, "there is more than one file name");
	} else if (rc == 0) {
		line.call.args = argv;
		line.call.arg_count = files;
		line.call.path = files ? argv[0] : NULL;
		status = tool->run(&line.call, &err);
	}
	/* What was said before the error still goes out, but the first error is the one to tell. */
	if (output_close(out, status < 0 ? &(struct err){0} : &err))
		status = -1;
	if (tool->release && line.call.own)
		tool->release(line.call.own);
	free(line.call.own);
	return status < 0 ? fail(tool->name, tool->usage, &err) : status;
}

int
main(int argc, char **argv)
{
	const char *slash = argc ? strrchr(argv[0], '/') : NULL;
	const char *name = slash ? slash + 1 : argc ? argv[0] : "subunit";
	const struct tool *tool = find_tool(name);
	struct err err = {0};
	struct output out;
	int status = 0;

	if (guard_called(argc, argv))
		return guard_main(argv);
	output_init(&out, STDOUT_FILENO, "standard output");
	if (!tool && argc > 1) {
		tool = find_tool(argv[1]);
		argc--;
		argv++;
	}
	if (tool) {
		status = run_tool(tool, argc - 1, argv + 1, &out);
	} else if (argc > 0 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)) {
		print_tools(&out.data);
		if (output_close(&out, &err))
			status = fail(name, NULL, &err);
	} else {
		err_set(&err, ERR_USAGE, "NAME must be one of the tools; subunit --help lists them");
		status = fail("subunit NAME", NULL, &err);
	}
	output_release(&out);
	return status;
}
