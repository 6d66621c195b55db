/* SPDX-License-Identifier: Apache-2.0 */
#include "choosing.h"
#include "config.h"
#include "profiles.h"

#include <stdlib.h>
#include <string.h>

static const enum arg args[] = {ARG_JSON, ARG_PROFILE, ARG_NONE};

/* What holds where a key is not given; the others then have no value. */
static const struct {
	const char *key, *value;
} defaults[] = {
    {"test_id_list_default", ""},
    {"unexpected_success", "fail"},
    {"test_timeout", "auto"},
    {"server_timeout", "60"},
    {"run_timeout", "none"},
    {"output_timeout", "none"},
    {"list_timeout", "600"},
    {"dump_signal", "ABRT"},
    {"retries", "0"},
    {"flaky_result", "pass"},
};

struct values {
	struct cli *cli;
	struct answer answer;
};

/* Where a value comes from: a line of a file, and the section; or else words. */
struct origin {
	const char *path, *section;
	unsigned line;
	const char *words; /* "default", "option", "environment" */
};

static void
show_json(struct values *v, const char *key, struct slice value, const struct origin *o)
{
	json_t *origin =
	    o->path ? json_pack("{ss, so, sI, ss}", "from", "file", "file", shape_text(slice_str(o->path)),
			  "line", (json_int_t)o->line, "section", o->section)
		    : json_pack("{ss}", "from", o->words);

	answer_item(&v->answer, json_pack("{so, so, so}", "key", shape_text(slice_str(key)), "value",
				    shape_text(value), "origin", origin));
}

/* "FILE:LINE [SECTION]", a tab, and key=value as it could stand in the file. */
static void
show_line(struct values *v, const char *key, struct slice value, const struct origin *o)
{
	struct ui *ui = &v->cli->ui;
	struct slice line;

	if (o->path)
		ui_printf(ui, "%s:%u [%s]\t%s=", o->path, o->line, o->section, key);
	else
		ui_printf(ui, "%s\t%s=", o->words, key);
	for (bool first = true; slice_split(&value, '\n', &line); first = false)
		ui_printf(ui, "%s%.*s", first ? "" : "\n\t\t", SLICE_FMT(line));
	ui_printf(ui, "\n");
}

static void
show(struct values *v, const char *key, struct slice value, const struct origin *o)
{
	(v->cli->args.set[ARG_JSON] ? show_json : show_line)(v, key, value, o);
}

/* The repository may be named elsewhere. */
static bool
show_repository(struct values *v)
{
	const char *variable = getenv("TESTR_REPOSITORY");
	bool option = v->cli->args.set[ARG_REPOSITORY];

	if (option)
		show(v, "repository", slice_str(v->cli->args.text[ARG_REPOSITORY]),
		    &(struct origin){.words = "option"});
	else if (variable && *variable)
		show(v, "repository", slice_str(variable), &(struct origin){.words = "environment"});
	return option || (variable && *variable);
}

static void
show_values(struct values *v, const struct config *c)
{
	bool elsewhere = show_repository(v);
	const struct config_entry *e;

	for (size_t i = 0; (e = config_entry(c, i)); i++) {
		struct origin o = {.path = config_path(c), .section = e->section, .line = e->line};

		if (!elsewhere || strcmp(e->key, "repository") != 0)
			show(v, e->spelling, slice_str(e->value), &o);
	}
	if (!elsewhere && !config_get(c, "repository"))
		show(v, "repository", slice_str(v->cli->here), &(struct origin){.words = "default"});
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
		if (!config_get(c, defaults[i].key))
			show(v, defaults[i].key, slice_str(defaults[i].value),
			    &(struct origin){.words = "default"});
}

/* A key that testr has no use for may be a variable of values; it is worth a word when it looks like one that it has. */
static void
check_keys(struct cli *cli, const struct config *c)
{
	const struct config_entry *e;

	for (size_t i = 0; (e = config_entry(c, i)); i++) {
		const char *meant = e->known ? NULL : config_suggestion(e->key);

		if (meant)
			ui_warn(&cli->ui, "%s:%u: testr has no use for '%s'; did you mean '%s'?",
			    config_path(c), e->line, e->spelling, meant);
	}
}

/* Without profiles the values stand alone, else below the names of these. */
static void
show_all(struct values *v, const struct config *c, const struct profiles *p)
{
	bool json = v->cli->args.set[ARG_JSON];

	if (!p->count)
		show_values(v, c);
	for (size_t i = 0; i < p->count; i++) {
		if (!json)
			ui_printf(&v->cli->ui, "%sprofile %s:\n", i ? "\n" : "", p->list[i].name);
		show_values(v, p->list[i].config ? p->list[i].config : c);
	}
}

static int
run_config(struct cli *cli)
{
	const struct args_list *names = &cli->args.profiles;
	struct values v = {.cli = cli};
	struct profiles profiles = {0};
	struct config *config = NULL;
	int rc = config_load(cli->here, &config, &cli->err);

	if (rc == 0)
		rc = profiles_init(&profiles, config, &cli->err);
	if (rc == 0)
		rc = profiles_choose(&profiles, names->values, names->count, &cli->err);
	if (rc == 0 && cli->args.set[ARG_JSON] && profiles.count > 1)
		rc = err_set(&cli->err, ERR_USAGE, "choose one profile with --profile: --json tells of one");
	if (rc == 0) {
		if (cli->args.set[ARG_JSON]) {
			answer_begin(&v.answer, &cli->ui, "config");
			if (profiles.count)
				answer_set(&v.answer, "profile", shape_profile(profiles.list[0].set));
			answer_list(&v.answer, "values");
		}
		show_all(&v, config, &profiles);
		check_keys(cli, config);
		if (cli->args.set[ARG_JSON]) {
			answer_list_end(&v.answer);
			rc = answer_end(&v.answer, &cli->err);
		}
	}
	profiles_release(&profiles);
	config_free(config);
	return rc;
}

const struct command cmd_config = {
    .name = "config",
    .summary = "Show the configuration that is in effect, and where each value comes from.",
    .about = "A line for each key of .testr.conf that has a value: where it comes from (a\n"
	     "line of the file and its section, an option, the environment, or the default),\n"
	     "and the value with what it refers to put in. With profiles all of this for each\n"
	     "of those that run would run. A key that looks like a misspelt one is pointed out.\n",
    .arguments = "",
    .args = args,
    .run = run_config,
};
