/* SPDX-License-Identifier: Apache-2.0 */
#include "combine_config.h"
#include "file.h"
#include "process.h"
#include "scratch.h"
#include "tool.h"
#include "utf8.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONFIG_MAX ((size_t)1 << 20)
#define COMMAND_MAX ((size_t)16 << 20)

struct combine_options {
	bool list;
	const char *load_list;
};

/* All of a call: the commands run one after another. */
struct combine {
	const struct tool_call *call;
	struct combine_config config;
	struct words ids; /* that were asked for, when `chosen` is set */
	bool chosen;
	struct loop *loop;
	char own_program[4096];
	struct process *process; /* that runs now */
	int signal;              /* that ended us, or 0 */
	bool failed;
};

/* One command's run. */
struct turn {
	struct combine *all;
	const struct combine_command *command;
	struct reader *reader;
	struct buf id; /* with the prefix */
	bool done;
	struct process_end end;
	struct err err; /* of a write, a packet, memory */
	bool broken;    /* err is set */
};

static const struct option options[] = {
    TOOL_HELP,
    {0, "list", OPTION_FLAG, NULL,
	"list the tests instead of running them: $LISTOPT is\nthe command's list_option"},
    {0, "load-list", OPTION_VALUE, "FILE", "run only the tests whose ids are in FILE, one a line"},
    {0},
};

static int
met(void *context, const struct option *option, char *const *values, struct err *err)
{
	struct combine_options *o = context;

	(void)err;
	if (strcmp(option->name, "list") == 0)
		o->list = true;
	else
		o->load_list = values[0];
	return 0;
}

static int
add_bytes(void *context, struct slice bytes, struct err *err)
{
	struct buf *text = context;

	buf_slice(text, bytes);
	return text->failed
		   ? err_set(err, ERR_FAILED, "the configuration is larger than %zu bytes", CONFIG_MAX)
		   : 0;
}

static int
read_config(struct combine *c, struct err *err)
{
	const char *path = c->call->args[0];
	struct buf text;
	int rc;

	buf_init(&text, CONFIG_MAX);
	rc = stream_bytes(path, add_bytes, &text, c->call->out, err);
	if (rc == 0)
		rc = combine_config_parse(&c->config, buf_get(&text), path, err);
	buf_release(&text);
	return rc;
}

/* What follows a # is a comment. */
static int
add_id_line(void *context, struct slice line, struct err *err)
{
	struct combine *c = context;
	struct slice id = slice_trim(slice_head(line, slice_find(line, '#')));

	return id.len ? words_add(&c->ids, id, err) : 0;
}

static int
read_ids(struct combine *c, struct err *err)
{
	const struct combine_options *o = c->call->own;

	c->chosen = c->call->arg_count > 1;
	if (o->load_list && *o->load_list) {
		c->chosen = true;
		if (stream_lines(o->load_list, add_id_line, c, c->call->out, err))
			return -1;
	}
	for (size_t i = 1; i < c->call->arg_count; i++)
		if (words_add(&c->ids, slice_str(c->call->args[i]), err))
			return -1;
	return 0;
}

/* The ids that begin with the command's prefix, without it. */
static int
own_ids(const struct combine *c, const struct combine_command *command, struct words *out, struct err *err)
{
	struct slice prefix = slice_str(command->prefix);

	for (size_t i = 0; i < c->ids.count; i++) {
		struct slice id = slice_str(c->ids.at[i]);

		if (slice_starts(id, prefix) && words_add(out, slice_from(id, prefix.len), err))
			return -1;
	}
	return 0;
}

/* Writes the ids into a new file and sets *out to its path. */
static int
write_id_file(const struct words *ids, char **out, struct err *err)
{
	char path[4096];
	struct output file;
	int fd, rc = 0;

	snprintf(path, sizeof(path), "%s/subunit-combine-XXXXXX", scratch_directory());
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "cannot make a file for the test ids, %s", path);
	output_init(&file, fd, path);
	for (size_t i = 0; i < ids->count; i++) {
		buf_str(&file.data, ids->at[i]);
		buf_byte(&file.data, '\n');
	}
	if (output_close(&file, err))
		rc = -1;
	output_release(&file);
	*out = rc ? NULL : strdup(path);
	if (*out)
		return 0;
	unlink(path);
	return rc ? -1 : err_nomem(err);
}

/* As one command for a shell, which is what a guard takes. */
static char *
shell_command(const struct words *argv)
{
	struct buf text;
	char *command;

	buf_init(&text, COMMAND_MAX);
	buf_str(&text, "exec");
	for (size_t i = 0; i < argv->count; i++) {
		buf_str(&text, " '");
		for (const char *p = argv->at[i]; *p; p++)
			if (*p == '\'')
				buf_str(&text, "'\\''");
			else
				buf_byte(&text, (uint8_t)*p);
		buf_byte(&text, '\'');
	}
	command = buf_steal(&text);
	buf_release(&text);
	return command;
}

static bool
same_variable(const char *a, const char *b)
{
	size_t len = strcspn(a, "=");

	return strncmp(a, b, len + 1) == 0;
}

/* Our own environment with the command's variables in it; the strings are borrowed. NULL when out of memory. */
static char **
environment_of(const struct combine_command *command)
{
	size_t count = 0, kept = 0;
	char **all;

	while (environ[count])
		count++;
	all = reallocarray(NULL, count + command->env.count + 1, sizeof(*all));
	for (size_t i = 0; all && i < count; i++) {
		bool replaced = false;

		for (size_t j = 0; j < command->env.count; j++)
			replaced = replaced || same_variable(command->env.at[j], environ[i]);
		if (!replaced)
			all[kept++] = environ[i];
	}
	for (size_t j = 0; all && j < command->env.count; j++)
		all[kept++] = command->env.at[j];
	if (all)
		all[kept] = NULL;
	return all;
}

/* Nothing more can be done with what the command says. */
static void
give_up(struct turn *t)
{
	t->broken = true;
	process_kill(t->all->process);
}

static int
pass_on(struct turn *t, struct event *e)
{
	struct slice prefix = slice_str(t->command->prefix);

	if (e->id.data && prefix.len) {
		buf_clear(&t->id);
		buf_slice(&t->id, prefix);
		buf_slice(&t->id, e->id);
		if (t->id.failed)
			return err_nomem(&t->err);
		e->id = buf_get(&t->id);
	}
	return output_event(t->all->call->out, e, &t->err);
}

static void
drain(struct turn *t)
{
	struct event e;
	int rc = 0;

	while (!t->broken && (rc = reader_next(t->reader, &e)) > 0)
		if (pass_on(t, &e))
			give_up(t);
	if (rc < 0) {
		err_nomem(&t->err);
		give_up(t);
	}
	if (!t->broken && output_flush(t->all->call->out, &t->err))
		give_up(t);
}

static uint8_t *
on_room(void *context, size_t *room)
{
	struct turn *t = context;
	uint8_t *at = reader_space(t->reader, room);

	if (!at && !t->broken) {
		err_nomem(&t->err);
		give_up(t);
	}
	return at;
}

static void
on_output(void *context, size_t len)
{
	struct turn *t = context;

	reader_commit(t->reader, len);
	drain(t);
}

static void
on_ended(void *context, const struct process_end *end)
{
	struct turn *t = context;

	t->end = *end;
	t->done = true;
}

/* The first signal is the command's; who sends a second one has waited long enough. */
static void
on_signal(void *context, int number)
{
	struct combine *c = context;

	if (c->process && c->signal)
		process_kill(c->process);
	else if (c->process)
		process_signal(c->process, number);
	c->signal = number;
}

/* Tells of an end that the stream cannot tell of. */
static void
tell_end(const struct turn *t, size_t number)
{
	struct buf words;

	buf_init(&words, 1024);
	process_end_words(&t->end, &words);
	if (t->end.signal && !t->all->signal)
		fprintf(stderr, "subunit-combine: commands[%zu] (%s): %.*s\n", number, t->command->argv.at[0],
		    SLICE_FMT(buf_get(&words)));
	if (t->end.left)
		fprintf(stderr,
		    "subunit-combine: commands[%zu] (%s) left %u processes behind, which were killed: %s\n",
		    number, t->command->argv.at[0], t->end.left, t->end.leaver);
	buf_release(&words);
}

static int
run_process(struct turn *t, const struct words *argv, struct err *err)
{
	struct combine *c = t->all;
	char *command = shell_command(argv), **environment = environment_of(t->command);
	struct process_spec spec = {
	    .guard = c->own_program,
	    .command = command,
	    .directory = t->command->directory,
	    .environment = environment,
	    /* A command in the background that reads from a terminal would stand still. */
	    .inherit_input = !isatty(STDIN_FILENO),
	    .room = on_room,
	    .output = on_output,
	    .ended = on_ended,
	    .context = t,
	};
	int rc = command && environment ? process_start(c->loop, &spec, &c->process, err) : err_nomem(err);

	if (rc == 0) {
		loop_run(c->loop, &t->done);
		process_free(c->process);
		c->process = NULL;
		reader_end(t->reader);
		drain(t);
	} else if (t->command->directory) {
		err_wrap(err, "in the directory \"%s\"", t->command->directory);
	}
	free(command);
	free(environment);
	return rc;
}

static int
run_command(struct combine *c, size_t number, const struct words *ids, struct err *err)
{
	const struct combine_options *o = c->call->own;
	struct turn t = {.all = c, .command = &c->config.commands[number], .reader = reader_new(READER_V2)};
	struct combine_call call = {.list = o->list, .ids = c->chosen ? ids : NULL};
	struct words argv = {0};
	char *id_file = NULL;
	int rc = -1;

	buf_init(&t.id, PACKET_MAX + CONFIG_MAX);
	if (!t.reader) {
		err_nomem(err);
		goto out;
	}
	if (c->chosen && write_id_file(ids, &id_file, err))
		goto out;
	call.id_file = id_file;
	if (combine_arguments(&argv, t.command, &call, err))
		goto out;
	if (!argv.count) {
		err_set(err, ERR_FAILED, "commands[%zu].argv: nothing is left of it", number);
		goto out;
	}
	if (run_process(&t, &argv, err)) {
		err_wrap(err, "commands[%zu]", number);
		goto out;
	}
	tell_end(&t, number);
	if (t.end.signal || t.end.code)
		c->failed = true;
	rc = 0;
	if (t.broken) {
		*err = t.err;
		rc = -1;
	}
out:
	if (id_file)
		unlink(id_file);
	free(id_file);
	words_release(&argv);
	buf_release(&t.id);
	reader_free(t.reader);
	return rc;
}

static int
run_commands(struct combine *c, struct err *err)
{
	for (size_t i = 0; i < c->config.count && !c->signal; i++) {
		struct words ids = {0};
		int rc = c->chosen ? own_ids(c, &c->config.commands[i], &ids, err) : 0;

		if (rc == 0 && (ids.count || !c->chosen))
			rc = run_command(c, i, &ids, err);
		words_release(&ids);
		if (rc)
			return -1;
	}
	return 0;
}

/* With the loop and the signals around it. */
static int
run_all(struct combine *c, struct err *err)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct loop_signal *signals[3] = {0};
	ssize_t n = readlink("/proc/self/exe", c->own_program, sizeof(c->own_program) - 1);
	int rc = -1;

	if (n < 0)
		return err_sys(err, "cannot find the own program in /proc/self/exe");
	c->own_program[n] = '\0';
	c->loop = loop_new(err);
	if (!c->loop)
		return -1;
	for (size_t i = 0; i < 3; i++)
		signals[i] = loop_signal_new(c->loop, numbers[i], on_signal, c);
	rc = run_commands(c, err);
	for (size_t i = 0; i < 3; i++)
		loop_signal_free(signals[i]);
	loop_free(c->loop);
	return rc;
}

static int
run(const struct tool_call *call, struct err *err)
{
	struct combine c = {.call = call};
	int status = -1;

	if (!call->arg_count)
		return err_set(err, ERR_USAGE, "the name of the configuration is missing");
	if (read_config(&c, err) == 0 && read_ids(&c, err) == 0 && run_all(&c, err) == 0)
		status = c.signal ? 128 + c.signal : c.failed;
	combine_config_release(&c.config);
	words_release(&c.ids);
	return status;
}

const struct tool tool_combine = {
    .name = "subunit-combine",
    .usage = "[options] CONFIG [TEST_ID...]",
    .text = "Runs the commands that a YAML file names, one after another, and writes what\n"
	    "they say as one subunit v2 stream, each command's prefix before its test ids.\n"
	    "With test ids, a command gets those that begin with its prefix. Exit status: 1\n"
	    "when a command failed, else 0.\n",
    .options = options,
    .many_args = true,
    .own_size = sizeof(struct combine_options),
    .met = met,
    .run = run,
};
