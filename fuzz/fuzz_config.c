/* SPDX-License-Identifier: Apache-2.0
 *
 * Any text as .testr.conf: it is refused with a reason, or every key that testr knows has a whole value and
 * every command can be made of it or refused with a reason. */
#include "fuzz.h"
#include "template.h"

static void
law_of_errors(int rc, const struct err *err)
{
	LAW(rc == 0 || rc == -1);
	LAW((rc != 0) == (err->kind != ERR_NONE) && (rc == 0 || err->text[0]));
}

static void
law_of_command(int rc, char *command, const struct err *err)
{
	law_of_errors(rc, err);
	LAW(!command || rc == 0);
	LAW(!command || strlen(command) <= TEMPLATE_MAX);
	free(command);
}

static void
law_of_templates(const struct config *c)
{
	static char *const words[] = {(char *)"--flag", (char *)"$IDFILE a"};
	static const size_t order[] = {1, 0};
	const struct template_args args = {words, 2};
	struct strtab table = {0}, defaults = {0};
	struct template_ids ids = {&table, order, 2, "/tmp/ids"};
	struct err err = {0};
	char *out = NULL;
	int rc;

	LAW(strtab_add(&table, SLICE_LIT("a.b"), NULL) == 0 &&
	    strtab_add(&table, SLICE_LIT("c d"), NULL) == 1);
	rc = template_list(c, args, &out, &err);
	law_of_command(rc, out, &err);
	out = NULL, err = (struct err){0};
	rc = template_run(c, args, &ids, &out, &err);
	law_of_command(rc, out, &err);
	out = NULL, err = (struct err){0};
	rc = template_run(c, args, NULL, &out, &err);
	law_of_command(rc, out, &err);
	out = NULL, err = (struct err){0};
	rc = template_provision(c, 3, &out, &err);
	law_of_command(rc, out, &err);
	out = NULL, err = (struct err){0};
	rc = template_execute(c, SLICE_LIT("i1"), "run $INSTANCE_ID", NULL, &out, &err);
	law_of_command(rc, out, &err);
	out = NULL, err = (struct err){0};
	rc = template_dispose(c, &table, &out, &err);
	law_of_command(rc, out, &err);
	err = (struct err){0};
	law_of_errors(template_default_ids(c, &defaults, &err), &err);
	(void)template_takes_ids(c);
	strtab_release(&table);
	strtab_release(&defaults);
}

static void
law_of_entries(const struct config *c)
{
	const struct config_entry *e;

	for (size_t i = 0; (e = config_entry(c, i)); i++) {
		LAW(e->key && e->value && e->line > 0);
		LAW(config_get(c, e->key) == e->value && config_line(c, e->key) == e->line);
	}
	LAW(!config_get(c, "no such key") && config_line(c, "no such key") == 0);
	LAW(strcmp(config_path(c), "conf") == 0);
	(void)config_uxsuccess_passes(c);
}

/* The sections are there as they stand, and laid over the rest they make a configuration or an error. */
static void
law_of_sections(const struct config *c)
{
	const struct config_entry *e;
	struct config_section section;
	struct config *over = NULL;
	struct err err = {0};
	int rc;

	for (size_t s = 0; config_section(c, s, &section); s++) {
		LAW(section.name[0] && section.line > 0);
		for (size_t i = 0; (e = config_section_entry(c, s, i)); i++) {
			LAW(e->value && e->line > section.line && strcmp(e->section, section.name) == 0);
			LAW(config_section_get(c, s, e->key) == e);
		}
		rc = config_overlay(c, &s, 1, &over, &err);
		law_of_errors(rc, &err);
		LAW((rc == 0) == (over != NULL));
		if (over)
			law_of_entries(over);
		for (size_t i = 0; over && (e = config_section_entry(c, s, i)); i++)
			LAW(config_line(over, e->key) == e->line);
		config_free(over);
		over = NULL;
		err = (struct err){0};
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *c = NULL;
	struct err err = {0};
	int rc = config_parse(slice_of(data, size), "conf", &c, &err);

	law_of_errors(rc, &err);
	LAW((rc == 0) == (c != NULL));
	if (c) {
		law_of_entries(c);
		law_of_sections(c);
		law_of_templates(c);
	}
	config_free(c);
	return 0;
}
