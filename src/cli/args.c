/* SPDX-License-Identifier: Apache-2.0 */
#include "args.h"

#include <string.h>

#define HELP_COLUMN 24
#define HELP_WIDTH 78

static const struct option definitions[] = {
    {0, "all", OPTION_FLAG, NULL,
	"Leave nothing out: all tests (slowest), whole attachments (log), each result (history), every run (export).",
	ARG_ALL},
    {0, "analyze-isolation", OPTION_FLAG, NULL,
	"Find the tests that make others fail: for each failing test that passes alone, search the tests that ran before it.",
	ARG_ANALYZE_ISOLATION},
    {0, "before", OPTION_VALUE, "RUN", "Only runs with smaller ids than this one: the next page of the list.",
	ARG_BEFORE},
    {0, "below", OPTION_VALUE, "RATE", "A rate below this is low enough: 0.002, or 0.2%. Default: 1%.",
	ARG_BELOW},
    {0, "bind", OPTION_VALUE, "ADDRESS",
	"Where to serve: HOST:PORT, or unix:PATH for a socket. Default: 127.0.0.1:8080.", ARG_BIND},
    {0, "budget", OPTION_VALUE, "TIME", "How long to search, 30s, 90m, 2h or 1d. Default: 1h.", ARG_BUDGET},
    {0, "concurrency", OPTION_VALUE, "CONCURRENCY",
	"How many processes to use with --parallel. 0, the default, means test_run_concurrency or else one for each CPU.",
	ARG_CONCURRENCY},
    {0, "confidence", OPTION_VALUE, "P", "How sure a verdict has to be, 0.5 to 0.9999. Default: 0.95.",
	ARG_CONFIDENCE},
    {0, "cpu-load", OPTION_FLAG, NULL, "Beside a busy process for each CPU.", ARG_CPU_LOAD},
    {0, "dry-run", OPTION_FLAG, NULL, "Only say what would be done.", ARG_DRY_RUN},
    {0, "expires", OPTION_VALUE, "DAY",
	"The last day of the quarantine, in UTC: 2026-12-01, or how long from now, like 2w.", ARG_EXPIRES},
    {0, "factor", OPTION_VALUE, "F",
	"A rate is known when it lies between two that are so far apart at most. Default: 2.", ARG_FACTOR},
    {0, "failing", OPTION_FLAG, NULL, "Run only the tests that are known to fail.", ARG_FAILING},
    {0, "for", OPTION_VALUE, "TIME",
	"Begin no other run after this time, 30s, 90m, 2h or 1d; to run: only with --until-failure.",
	ARG_FOR},
    {0, "force-init", OPTION_FLAG, NULL, "Create the repository if there is none.", ARG_FORCE_INIT},
    {0, "format", OPTION_VALUE, "FORMAT", "2, the default, or 1: a repository that Python's testr can share.",
	ARG_FORMAT},
    {0, "full-results", OPTION_FLAG, NULL,
	"Take the results as those of the whole suite: tests that are not among them stop being listed as failing.",
	ARG_FULL_RESULTS},
    {'h', "help", OPTION_FLAG, NULL, "show this help message and exit", ARG_HELP},
    {'d', "here", OPTION_VALUE, "HERE",
	"The directory of the project; its repository is found there. Default: the current one.", ARG_HERE},
    {0, "host", OPTION_VALUE, "NAMES",
	"Further names, separated by commas, by which clients may call the server.", ARG_HOST},
    {0, "in-list", OPTION_FLAG, NULL,
	"After the tests that ran before it in its worker: in the latest run in which it failed, or that of -r.",
	ARG_IN_LIST},
    {0, "io-load", OPTION_FLAG, NULL, "Beside processes that write to the disk of the current directory.",
	ARG_IO_LOAD},
    {0, "isolated", OPTION_FLAG, NULL, "Run each test in a process of its own.", ARG_ISOLATED},
    {0, "json", OPTION_FLAG, NULL, "Answer in JSON.", ARG_JSON},
    {0, "keep", OPTION_VALUE, "N", "Keep the N latest runs.", ARG_KEEP},
    {0, "limit", OPTION_VALUE, "N", "List at most this many; 0 means all. Default: 20.", ARG_LIMIT},
    {0, "list", OPTION_FLAG, NULL, "Show only the ids, one a line.", ARG_LIST},
    {0, "load", OPTION_FLAG, NULL,
	"Also look whether it fails beside load: some probes have a busy process for each CPU beside them.",
	ARG_LOAD},
    {0, "load-list", OPTION_VALUE, "LOAD_LIST",
	"Run only the tests named in this file, one a line, in its order.", ARG_LOAD_LIST},
    {0, "max-runs", OPTION_VALUE, "N", "Run at most N times; to run: only with --until-failure.",
	ARG_MAX_RUNS},
    {0, "meta", OPTION_VALUE, "KEY=VALUE",
	"Metadata to record with the run; may be given several times. To runs: only runs that have it, or that have KEY.",
	ARG_META},
    {0, "no-tests", OPTION_VALUE, "pass|fail",
	"What a selection without any test means: fail (the default) exits with 4, pass stores an empty run.",
	ARG_NO_TESTS},
    {0, "older-than", OPTION_VALUE, "TIME", "Remove the runs that started before this time.", ARG_OLDER_THAN},
    {0, "open", OPTION_FLAG, NULL, "Whoever reaches the address may read, from other machines, too.",
	ARG_OPEN},
    {0, "order", OPTION_VALUE, "failing|longest|listed|random",
	"What is run first: what is failing, what takes longest, what is listed first, or whatever comes.",
	ARG_ORDER},
    {'o', "output", OPTION_VALUE, "FILE",
	"Write there instead of to standard output; compressed if the name ends in .gz or .zst.", ARG_OUTPUT},
    {0, "owner", OPTION_VALUE, "OWNER", "Who sees to it that the test is mended.", ARG_OWNER},
    {0, "parallel", OPTION_FLAG, NULL, "Run the tests in several processes at once.", ARG_PARALLEL},
    {0, "partial", OPTION_FLAG, NULL,
	"These are the results of a part of the suite: what is not among them is left as it was. run implies it with filters, --failing, --load-list, --isolated and test arguments.",
	ARG_PARTIAL},
    {0, "plan", OPTION_VALUE, "FILE", "Run the tests in the steps of this concurrency plan.", ARG_PLAN},
    {0, "profile", OPTION_VALUE, "PROFILE",
	"Only this profile: a section's name, tags with + between them, or none; may be given several times.",
	ARG_PROFILE},
    {0, "pull", OPTION_FLAG, NULL, "Only take what the other one has.", ARG_PULL},
    {0, "push", OPTION_FLAG, NULL, "Only give what the other one lacks.", ARG_PUSH},
    {'q', "quiet", OPTION_FLAG, NULL, "Leave the summary out.", ARG_QUIET},
    {0, "reason", OPTION_VALUE, "REASON", "Why the test is in quarantine.", ARG_REASON},
    {0, "replay", OPTION_VALUE, "RUN[:worker-N]",
	"Run the tests of this run again, each by the worker that ran it, in the order in which that one did; or those of one worker.",
	ARG_REPLAY},
    {'R', "repository", OPTION_VALUE, "URL",
	"The repository: a directory, sqlite:PATH, postgresql://… or memory:. Default: $TESTR_REPOSITORY, or what .testr.conf says, or the project's directory.",
	ARG_REPOSITORY},
    {0, "resume", OPTION_FLAG, NULL,
	"Go on with the latest search (for TEST, if it is given), with all that it found out.", ARG_RESUME},
    {0, "retries", OPTION_VALUE, "N",
	"Try tests that failed again, up to N times, the last time each in a process of its own. Default: what .testr.conf says, or 0.",
	ARG_RETRIES},
    {'r', "run", OPTION_VALUE, "RUN",
	"The run with this id, or with a uid that begins so; -1 (also as an option of its own) is the latest, -2 the one before.",
	ARG_RUN},
    {0, "seed", OPTION_VALUE, "N", "What a random order comes from; implies --order=random.", ARG_SEED},
    {0, "since", OPTION_VALUE, "TIME", "Only runs that started at this time or later.", ARG_SINCE},
    {0, "state", OPTION_VALUE, "STATE", "Only runs in this state: running, finished or interrupted.",
	ARG_STATE},
    {0, "subunit", OPTION_FLAG, NULL, "Write a subunit v2 stream to standard output instead.", ARG_SUBUNIT},
    {0, "tag", OPTION_VALUE, "TAG", "Give each result this tag; may be given several times.", ARG_TAG},
    {0, "test-timeout", OPTION_VALUE, "SECONDS|auto|none",
	"How long a test may take, in the place of what test_timeout says.", ARG_TEST_TIMEOUT},
    {0, "timeout", OPTION_VALUE, "SECONDS|none",
	"How long all tests together may take, in the place of what run_timeout says.", ARG_TIMEOUT},
    {0, "to", OPTION_VALUE, "URL",
	"Send the run to this server (`testr serve`), too, with the token $TESTR_TOKEN.", ARG_TO},
    {0, "token-file", OPTION_VALUE, "FILE", "The hashes of the tokens that may read, or upload runs.",
	ARG_TOKEN_FILE},
    {0, "until", OPTION_VALUE, "TIME", "Only runs that started before this time.", ARG_UNTIL},
    {0, "until-failure", OPTION_FLAG, NULL, "Run again and again until a run fails.", ARG_UNTIL_FAILURE},
    {0, "window", OPTION_VALUE, "N", "Look at the latest N runs; 0 means all. Default: 1000.", ARG_WINDOW},
    {0, "worker", OPTION_VALUE, "N", "Only what worker N ran, in the order in which it ran it.", ARG_WORKER},
};

static const enum arg common_args[] = {ARG_HERE, ARG_QUIET, ARG_REPOSITORY, ARG_NONE};

static const struct option *
definition(enum arg arg)
{
	for (size_t i = 0; i < sizeof(definitions) / sizeof(definitions[0]); i++)
		if (definitions[i].id == (int)arg)
			return &definitions[i];
	return NULL;
}

static int
add(struct args_list *list, const struct option *option, const char *value, struct err *err)
{
	if (list->count == ARGS_META_MAX)
		return err_set(
		    err, ERR_USAGE, "option --%s: given more than %d times", option->name, ARGS_META_MAX);
	list->values[list->count++] = value;
	return 0;
}

static int
met(void *context, const struct option *option, char *const *values, struct err *err)
{
	struct args *a = context;

	a->set[option->id] = true;
	if (option->kind == OPTION_VALUE)
		a->text[option->id] = values[0];
	if (option->id == ARG_META) {
		if (a->meta_count == ARGS_META_MAX)
			return err_set(
			    err, ERR_USAGE, "option --meta: given more than %d times", ARGS_META_MAX);
		a->meta[a->meta_count++] = values[0];
	}
	if (option->id == ARG_PROFILE && add(&a->profiles, option, values[0], err) < 0)
		return -1;
	if (option->id == ARG_TAG && add(&a->tags, option, values[0], err) < 0)
		return -1;
	if (option->id == ARG_CONCURRENCY || option->id == ARG_FORMAT || option->id == ARG_KEEP ||
	    option->id == ARG_LIMIT || option->id == ARG_MAX_RUNS || option->id == ARG_RETRIES ||
	    option->id == ARG_WINDOW || option->id == ARG_WORKER)
		return optparse_int(option, values[0], &a->number[option->id], err);
	return 0;
}

/* Puts the definitions together, with an empty one at the end. */
static void
gather(const enum arg *allowed, struct option *out)
{
	*out++ = *definition(ARG_HELP);
	for (; *allowed != ARG_NONE; allowed++)
		*out++ = *definition(*allowed);
	for (const enum arg *c = common_args; *c != ARG_NONE; c++)
		*out++ = *definition(*c);
	*out = (struct option){0};
}

bool
args_takes_value(const char *argument)
{
	for (size_t i = 0; i < sizeof(definitions) / sizeof(definitions[0]); i++) {
		const struct option *o = &definitions[i];

		if (o->kind != OPTION_FLAG &&
		    ((argument[0] == '-' && o->letter && argument[1] == o->letter && !argument[2]) ||
			(strncmp(argument, "--", 2) == 0 && strcmp(argument + 2, o->name) == 0)))
			return true;
	}
	return false;
}

/* "-1", "-2" and so on, which name runs: option letters are none of them. */
static bool
is_run(const char *argument)
{
	return argument[0] == '-' && argument[1] &&
	       strspn(argument + 1, "0123456789") == strlen(argument + 1);
}

/* Takes those out of the arguments. */
static size_t
take_run(struct args *a, char **argv, size_t count)
{
	size_t kept = 0, i = 0;

	for (; i < count && strcmp(argv[i], "--") != 0; i++) {
		if (is_run(argv[i])) {
			a->set[ARG_RUN] = true;
			a->text[ARG_RUN] = argv[i];
			continue;
		}
		argv[kept++] = argv[i];
		if (args_takes_value(argv[i]) && i + 1 < count)
			argv[kept++] = argv[++i];
	}
	while (i < count)
		argv[kept++] = argv[i++];
	return kept;
}

/* Moves the positional arguments of a command that takes runs behind its options, in their order. Returns how
 * many options there are, with their values. */
static size_t
part_runs(char **argv, size_t count)
{
	size_t options = 0;

	for (size_t i = 0; i < count; i++) {
		size_t len = argv[i][0] == '-' && argv[i][1] && strcmp(argv[i], "--") != 0 && !is_run(argv[i])
				 ? 1 + (args_takes_value(argv[i]) && i + 1 < count)
				 : 0;

		for (; len; len--, options++) {
			char *option = argv[i];

			memmove(argv + options + 1, argv + options, (i - options) * sizeof(*argv));
			argv[options] = option;
			i += len > 1;
		}
	}
	return options;
}

static bool
allows(const enum arg *allowed, enum arg arg)
{
	while (*allowed != ARG_NONE && *allowed != arg)
		allowed++;
	return *allowed == arg;
}

int
args_parse(struct args *a, const enum arg *allowed, char **argv, size_t count, bool runs, struct err *err)
{
	struct option options[ARG_COUNT + 1];
	size_t parted = runs ? part_runs(argv, count) : count;

	*a = (struct args){.positionals = argv};
	gather(allowed, options);
	if (allows(allowed, ARG_RUN))
		parted = take_run(a, argv, parted);
	if (optparse(options, argv, parted, true, met, a, &a->positional_count, err) < 0)
		return -1;
	if (runs && a->positional_count == 0) {
		a->positionals = argv + parted;
		a->positional_count = count - parted;
	}
	if (a->set[ARG_NO_TESTS] && strcmp(a->text[ARG_NO_TESTS], "pass") != 0 &&
	    strcmp(a->text[ARG_NO_TESTS], "fail") != 0)
		return err_set(err, ERR_USAGE,
		    "option --no-tests: invalid choice: '%s' (choose from 'pass', 'fail')",
		    a->text[ARG_NO_TESTS]);
	return 0;
}

/* Words, wrapped, from the help column on. */
static void
add_wrapped(struct buf *out, size_t column, const char *text)
{
	struct slice rest = slice_str(text), word;

	while (slice_word(&rest, &word)) {
		if (column > HELP_COLUMN && column + 1 + word.len > HELP_WIDTH) {
			buf_printf(out, "\n%*s", HELP_COLUMN, "");
			column = HELP_COLUMN;
		} else if (column > HELP_COLUMN) {
			buf_byte(out, ' ');
			column++;
		}
		buf_slice(out, word);
		column += word.len;
	}
	buf_byte(out, '\n');
}

static void
add_option(struct buf *out, const struct option *o)
{
	size_t start = out->len;

	buf_str(out, "  ");
	if (o->letter)
		buf_printf(out, o->value ? "-%c %s, " : "-%c, ", o->letter, o->value);
	buf_printf(out, o->value ? "--%s=%s" : "--%s", o->name, o->value);
	if (out->len - start + 2 > HELP_COLUMN)
		buf_printf(out, "\n%*s", HELP_COLUMN, "");
	else
		buf_printf(out, "%*s", (int)(HELP_COLUMN - (out->len - start)), "");
	add_wrapped(out, HELP_COLUMN, o->help);
}

void
args_help(struct buf *out, const enum arg *allowed, bool common)
{
	struct option options[ARG_COUNT + 1];

	gather(allowed, options);
	buf_str(out, "Options:\n");
	for (const struct option *o = options; o->name; o++)
		if (common || !allows(common_args, (enum arg)o->id))
			add_option(out, o);
}
