/* SPDX-License-Identifier: Apache-2.0
 *
 * `.testr.conf`, read by the rules of Python's ConfigParser: `key = value` or `key: value` in the section
 * [DEFAULT], keys in any case, deeper indented lines continue a value (their line ends are kept), whole-line
 * comments with # or ;, and %(key)s and %% inside values. Other sections are checked for their form and
 * otherwise left alone. Text is taken as bytes; blanks and letter case are those of ASCII. Invariant: once
 * parsed, every key that testr knows has a whole value; nothing is left to fail later. */
#ifndef CONFIG_H
#define CONFIG_H

#include "err.h"
#include "slice.h"

struct config;

struct config_entry {
	const char *key; /* in small letters */
	char *value;     /* interpolated if the key is known, else as it stands in the file */
	unsigned line;
	bool known; /* a key that testr has a use for */
};

/* Parses the text of a configuration. `path` is what errors call it. ConfigParser's own errors have its
 * words. *out is freed with config_free. */
int config_parse(struct slice text, const char *path, struct config **out, struct err *err);

/* Reads and parses DIRECTORY/.testr.conf. None there: "No .testr.conf config file". */
int config_load(const char *directory, struct config **out, struct err *err);

/* Accepts NULL. */
void config_free(struct config *c);

/* The value of a key (given in small letters), borrowed until config_free; NULL when it is absent. */
const char *config_get(const struct config *c, const char *key);

/* The line where a key stands; 0 when it is absent. */
unsigned config_line(const struct config *c, const char *key);

/* What errors about this configuration call it. */
const char *config_path(const struct config *c);

/* The entries in the order of the file: NULL past the last one. */
const struct config_entry *config_entry(const struct config *c, size_t index);

/* test_timeout: how long a test may take, in nanoseconds; 0 for no limit. */
int64_t config_test_timeout(const struct config *c);
/* server_timeout: how long a test server may take to say Hello, to say anything while it is asked for something and
 * runs no test, and to exit; in nanoseconds. */
int64_t config_server_timeout(const struct config *c);

/* unexpected_success=pass: an unexpected success is no failure. */
bool config_uxsuccess_passes(const struct config *c);

#endif
