/* SPDX-License-Identifier: Apache-2.0
 *
 * `.testr.conf`: what config_text.h reads, and what its keys mean. The section [DEFAULT] is the configuration; sections
 * of the kinds `[profile NAME]` and `[limit NAME]` add to it, and every other is checked for its form alone. Invariant:
 * once parsed, every key of [DEFAULT] and of the limits that testr knows has a whole value, and no section of a known
 * kind has a key that testr does not know; nothing is left to fail later. Only profiles get their values when they are
 * asked for (config_overlay), since these depend on which sections are put together.
 *
 * To add a kind of section: a row in `kinds` (config.c), and what its values may be in tests/run/test_config.c. */
#ifndef CONFIG_H
#define CONFIG_H

#include "err.h"
#include "slice.h"

struct config;

/* The keys env.NAME set the variable NAME in the environment of commands. */
#define CONFIG_ENV "env."

struct config_entry {
	const char *key;      /* in small letters */
	const char *spelling; /* as it stands in the file */
	const char *section;  /* whose value it is: "DEFAULT", "profile py39" */
	char *value;          /* interpolated if the key is known, else as it stands in the file */
	unsigned line;
	bool known; /* a key that testr has a use for */
};

struct config_section {
	const char *name; /* what stands between the brackets */
	unsigned line;
};

/* Parses the text of a configuration. `path` is what errors call it. ConfigParser's own errors have its
 * words. *out is freed with config_free. */
int config_parse(struct slice text, const char *path, struct config **out, struct err *err);

/* Reads and parses DIRECTORY/.testr.conf. None there: "No .testr.conf config file". */
int config_load(const char *directory, struct config **out, struct err *err);

/* The configuration as sections (indexes for config_section) change it: the first of them that has a key decides, and
 * [DEFAULT] where none has it; references are followed in the same order. Borrows c, whose sections it shares. *out is
 * freed with config_free. */
int config_overlay(
    const struct config *c, const size_t *sections, size_t count, struct config **out, struct err *err);

/* Accepts NULL. */
void config_free(struct config *c);

/* The value of a key (given in small letters), borrowed until config_free; NULL when it is absent. */
const char *config_get(const struct config *c, const char *key);

/* The line where a key stands; 0 when it is absent. */
unsigned config_line(const struct config *c, const char *key);

/* What errors about this configuration call it. */
const char *config_path(const struct config *c);

/* The entries in the order of the file, of an overlay those of [DEFAULT] first: NULL past the last one. */
const struct config_entry *config_entry(const struct config *c, size_t index);

/* The sections other than [DEFAULT] in the order of the file: false past the last one. */
bool config_section(const struct config *c, size_t index, struct config_section *out);
/* True when a section is named "KIND NAME"; *name becomes NAME, without blanks around it. */
bool config_section_is(const struct config_section *s, const char *kind, struct slice *name);
/* The entries that stand in section `section` in the order of the file: NULL past the last one. The values are those of
 * ConfigParser, which lets them refer to keys of [DEFAULT]; in profiles and in sections of no known kind they are as
 * they stand in the file. */
const struct config_entry *config_section_entry(const struct config *c, size_t section, size_t index);
/* The entry of a key (in small letters) that stands in section `section`; NULL when it is not there. */
const struct config_entry *config_section_get(const struct config *c, size_t section, const char *key);

/* The key that testr knows and that was likely meant by an unknown one; NULL when none is like it. */
const char *config_suggestion(const char *key);

/* How often a test that failed is tried again. */
#define CONFIG_RETRIES_MAX 100
unsigned config_retries(const struct config *c);
/* flaky_result=fail: a run in which a test failed and passed when it was tried again has failed. */
bool config_flaky_fails(const struct config *c);

/* unexpected_success=pass: an unexpected success is no failure. */
bool config_uxsuccess_passes(const struct config *c);

#endif
