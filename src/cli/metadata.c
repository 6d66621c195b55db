/* SPDX-License-Identifier: Apache-2.0 */
#include "metadata.h"

#include "holder.h"
#include "process.h"
#include "utf8.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* How long git may take beyond the end of the run. */
#define PATIENCE (2 * TIME_SECOND)

/* What tests are known to depend on, and which job of a CI system it was. */
static const char *const recorded[] = {"LANG", "LC_ALL", "TZ", "PYTHON", "PYTHONHASHSEED", "PYTHONPATH",
    "VIRTUAL_ENV", "TOX_ENV_NAME", "CI", "GITHUB_RUN_ID", "GITHUB_JOB", "CI_JOB_ID", "CI_JOB_NAME",
    "BUILD_TAG"};
/* Variables with such a part in their names may be secrets: globs do not take them. */
static const char *const secret[] = {
    "AUTH", "COOKIE", "CREDENTIAL", "KEY", "PASS", "PRIVATE", "SECRET", "SESSION", "TOKEN"};
#define LENGTH(array) (sizeof(array) / sizeof(array[0]))

extern char **environ;

void
metadata_release(struct metadata *m)
{
	free(m->pairs);
	strtab_release(&m->texts);
}

int
metadata_check(struct cli *cli)
{
	for (size_t i = 0; i < cli->args.meta_count; i++) {
		struct slice text = slice_str(cli->args.meta[i]);
		size_t equals = slice_find(text, '=');

		if (!equals || equals == text.len)
			return err_set(&cli->err, ERR_USAGE,
			    "option --meta: '%.200s' is not of the form KEY=VALUE", cli->args.meta[i]);
		if (equals > REPO_KEY_MAX || text.len - equals - 1 > REPO_VALUE_MAX || !utf8_valid(text))
			return err_set(&cli->err, ERR_USAGE,
			    "option --meta: '%.200s…' is not UTF-8, or its key is longer than %zu bytes, or its value longer than %zu",
			    cli->args.meta[i], REPO_KEY_MAX, REPO_VALUE_MAX);
	}
	return 0;
}

/* Adds a pair, or replaces the one of that key. */
static int
add(struct metadata *m, struct slice key, struct slice value, struct err *err)
{
	size_t at, k = strtab_add(&m->texts, key, NULL), v = strtab_add(&m->texts, value, NULL);

	if (k == STRTAB_NONE || v == STRTAB_NONE)
		return err_nomem(err);
	for (at = 0; at < m->count && !slice_eq(m->pairs[at].key, key);)
		at++;
	if (at == m->cap) {
		size_t cap = m->cap ? m->cap * 2 : 32;
		struct repo_meta *pairs = reallocarray(m->pairs, cap, sizeof(*pairs));

		if (!pairs)
			return err_nomem(err);
		m->pairs = pairs;
		m->cap = cap;
	}
	m->pairs[at] = (struct repo_meta){strtab_get(&m->texts, k), strtab_get(&m->texts, v)};
	m->count += at == m->count;
	return 0;
}

static bool
may_be_secret(const char *name)
{
	for (size_t i = 0; i < LENGTH(secret); i++)
		if (strcasestr(name, secret[i]))
			return true;
	return false;
}

/* Whether the variable is recorded: the words of record_environment, NAME, GLOB or -GLOB, change what is so by
 * default. */
static bool
is_recorded(const char *name, const char *words)
{
	struct slice rest = slice_str(words ? words : ""), word;
	bool yes = false;

	for (size_t i = 0; i < LENGTH(recorded); i++)
		yes |= strcmp(name, recorded[i]) == 0;
	while (slice_word(&rest, &word)) {
		bool without = word.data[0] == '-';
		char *glob = slice_dup(slice_from(word, without));

		if (glob && fnmatch(glob, name, 0) == 0 &&
		    (without || strcmp(glob, name) == 0 || !may_be_secret(name)))
			yes = !without;
		free(glob);
	}
	return yes;
}

static int
add_environment(struct metadata *m, const char *words, struct err *err)
{
	int rc = 0;

	for (char **entry = environ; rc == 0 && *entry; entry++) {
		struct slice text = slice_str(*entry);
		size_t equals = slice_find(text, '=');
		char *name = slice_dup(slice_head(text, equals));
		struct buf key;

		buf_init(&key, REPO_KEY_MAX);
		if (name && is_recorded(name, words)) {
			buf_str(&key, "env.");
			buf_str(&key, name);
			if (!key.failed && utf8_valid(buf_get(&key)))
				rc = add(m, buf_get(&key), slice_from(text, equals + 1), err);
		}
		buf_release(&key);
		free(name);
	}
	return rc;
}

int
metadata_gather(
    struct metadata *m, struct cli *cli, size_t workers, const uint32_t *seed, const char *environment)
{
	char host[HOST_NAME_MAX + 1] = "", directory[PATH_MAX], number[32], process[HOLDER_NAME_MAX];
	struct err *err = &cli->err;

	snprintf(number, sizeof(number), "%zu", workers);
	if (add(m, SLICE_LIT("workers"), slice_str(number), err) < 0)
		return -1;
	if (seed) {
		snprintf(number, sizeof(number), "%" PRIu32, *seed);
		if (add(m, SLICE_LIT("seed"), slice_str(number), err) < 0)
			return -1;
	}
	if (realpath(cli->here, directory) && add(m, SLICE_LIT("directory"), slice_str(directory), err) < 0)
		return -1;
	if (gethostname(host, sizeof(host) - 1) == 0 && add(m, SLICE_LIT("host"), slice_str(host), err) < 0)
		return -1;
	if (holder_self(process) && add(m, SLICE_LIT(REPO_META_PROCESS), slice_str(process), err) < 0)
		return -1;
	if (add_environment(m, environment, err) < 0)
		return -1;
	for (size_t i = 0; i < cli->args.meta_count; i++) {
		struct slice text = slice_str(cli->args.meta[i]);
		size_t equals = slice_find(text, '=');

		if (add(m, slice_head(text, equals), slice_from(text, equals + 1), err) < 0)
			return -1;
	}
	return 0;
}

static uint8_t *
git_room(void *context, size_t *room)
{
	struct checkout *c = context;

	*room = sizeof(c->text) - c->len;
	return *room ? c->text + c->len : NULL;
}

static void
git_output(void *context, size_t len)
{
	struct checkout *c = context;

	c->len += len;
}

static void
git_ended(void *context, const struct process_end *end)
{
	struct checkout *c = context;

	/* Of a list of changed files that is longer than the room git could not write the end. */
	if (end->code != 0 && c->len < sizeof(c->text))
		c->len = 0;
	process_free(c->process);
	c->process = NULL;
	c->ended = true;
}

/* For the shell: in single quotes, those within it outside of them. */
static void
quote(struct buf *out, const char *text)
{
	buf_byte(out, '\'');
	for (; *text; text++)
		if (*text == '\'')
			buf_str(out, "'\\''");
		else
			buf_byte(out, (uint8_t)*text);
	buf_byte(out, '\'');
}

static bool
given(const struct cli *cli, const char *key)
{
	size_t len = strlen(key);

	for (size_t i = 0; i < cli->args.meta_count; i++)
		if (strncmp(cli->args.meta[i], key, len) == 0 && cli->args.meta[i][len] == '=')
			return true;
	return false;
}

void
checkout_ask(struct checkout *c, struct cli *cli, struct loop *loop)
{
	struct process_spec spec = {
	    .guard = cli->program, .room = git_room, .output = git_output, .ended = git_ended, .context = c};
	struct buf command;
	struct err ignored;

	*c = (struct checkout){0};
	if (given(cli, "git.commit"))
		return;
	c->own = loop ? NULL : loop_new(&ignored);
	c->loop = loop ? loop : c->own;
	buf_init(&command, 65536);
	/* No lock of git's is taken, and nothing is started that stays. */
	buf_str(&command, "exec 2>/dev/null; exec git --no-optional-locks -c core.fsmonitor=false -C ");
	quote(&command, cli->here);
	buf_str(&command, " status --porcelain=v2 --branch --untracked-files=no");
	spec.command = buf_cstr(&command);
	if (!c->loop || !spec.command || process_start(c->loop, &spec, &c->process, &ignored) < 0)
		c->process = NULL;
	buf_release(&command);
}

bool
checkout_ready(const struct checkout *c)
{
	return c->ended && !c->taken;
}

/* "# branch.oid ID", "# branch.head NAME", other lines with '#', and one line for each changed file. */
int
checkout_record(struct checkout *c, struct repo_writer *w, struct err *err)
{
	struct slice rest = slice_of(c->text, c->len), line, commit = SLICE_NONE, branch = SLICE_NONE;
	const struct slice oid = SLICE_LIT("# branch.oid "), head = SLICE_LIT("# branch.head ");
	bool dirty = false;

	c->taken = true;
	while (slice_split(&rest, '\n', &line)) {
		if (slice_starts(line, oid))
			commit = slice_from(line, oid.len);
		else if (slice_starts(line, head))
			branch = slice_from(line, head.len);
		else
			dirty |= line.len && line.data[0] != '#';
	}
	/* "(initial)": nothing is committed yet; "(detached)" is no branch. */
	if (!commit.len || commit.data[0] == '(')
		return 0;
	if (repo_meta_set(w, SLICE_LIT("git.commit"), commit, err) < 0 ||
	    repo_meta_set(w, SLICE_LIT("git.dirty"), dirty ? SLICE_LIT("true") : SLICE_LIT("false"), err) < 0)
		return -1;
	if (!branch.len || branch.data[0] == '(' || !utf8_valid(branch))
		return 0;
	return repo_meta_set(w, SLICE_LIT("git.branch"), branch, err);
}

static void
impatient(void *context)
{
	struct checkout *c = context;

	if (c->process)
		process_kill(c->process);
}

void
checkout_wait(struct checkout *c)
{
	if (!c->process)
		return;
	c->patience = loop_timer_new(c->loop, impatient, c);
	if (c->patience)
		loop_timer_set(c->patience, PATIENCE);
	else
		process_kill(c->process);
	loop_run(c->loop, &c->ended);
	loop_timer_free(c->patience);
	c->patience = NULL;
}

void
checkout_release(struct checkout *c)
{
	if (c->process) {
		process_kill(c->process);
		loop_run(c->loop, &c->ended);
	}
	loop_free(c->own);
	*c = (struct checkout){0};
}
