/* SPDX-License-Identifier: Apache-2.0 */
#include "lists.h"

#include "file.h"
#include "shape.h"

#include <stdlib.h>

/* A list of a million ids of a thousand bytes. */
#define LIST_MAX ((size_t)1024 * 1024 * 1024)

void
lists_release(struct lists *l)
{
	for (size_t i = 0; i < l->profiles.len && i < l->cap; i++)
		strtab_release(&l->tests[i]);
	free(l->tests);
	strtab_release(&l->profiles);
	*l = (struct lists){0};
}

/* The list of a profile, made if there is none. */
static struct strtab *
list_of(struct lists *l, struct slice profile)
{
	bool added;
	size_t i = strtab_add(&l->profiles, profile, &added);

	if (i == STRTAB_NONE)
		return NULL;
	if (i == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 8;
		struct strtab *tests = realloc(l->tests, cap * sizeof(*tests));

		if (!tests)
			return NULL;
		l->tests = tests;
		l->cap = cap;
	}
	if (added)
		l->tests[i] = (struct strtab){0};
	return &l->tests[i];
}

int
lists_add_one(struct lists *l, struct slice profile, struct slice test, struct err *err)
{
	struct strtab *tests = list_of(l, profile);

	return tests && strtab_add(tests, test, NULL) != STRTAB_NONE ? 0 : err_nomem(err);
}

int
lists_add(struct lists *l, struct slice profile, const struct strtab *tests, struct err *err)
{
	if (!list_of(l, profile))
		return err_nomem(err);
	for (size_t i = 0; i < tests->len; i++)
		if (lists_add_one(l, profile, strtab_get(tests, i), err))
			return -1;
	return 0;
}

const struct strtab *
lists_of(const struct lists *l, struct slice profile)
{
	size_t i = l->plain ? 0 : strtab_find(&l->profiles, profile);

	return i < l->profiles.len ? &l->tests[i] : NULL;
}

/* ---- reading ---- */

static int
read_lines(struct lists *l, struct slice rest, struct err *err)
{
	struct slice line;

	l->plain = true;
	if (!list_of(l, SLICE_LIT("")))
		return err_nomem(err);
	while (slice_split(&rest, '\n', &line)) {
		line = slice_trim(line);
		if (line.len && lists_add_one(l, SLICE_LIT(""), line, err) < 0)
			return -1;
	}
	return 0;
}

static struct slice
json_text(const json_t *value)
{
	return slice_of(json_string_value(value), json_string_length(value));
}

/* The tags of an array as a set. */
static int
read_profile(const json_t *array, struct buf *out, struct err *err)
{
	size_t count = json_array_size(array);
	struct slice *tags = calloc(count + 1, sizeof(*tags));
	int rc = tags && json_is_array(array) ? 0 : -1;

	for (size_t i = 0; rc == 0 && i < count; i++) {
		const json_t *tag = json_array_get(array, i);

		tags[i] = json_text(tag);
		if (!json_is_string(tag) || !tags[i].len || slice_find(tags[i], '\0') < tags[i].len)
			rc = -1;
	}
	if (rc == 0)
		tagset_of(tags, count, out);
	free(tags);
	if (!tags || out->failed)
		return err_nomem(err);
	return rc == 0 ? 0 : err_set(err, ERR_FAILED, "a \"profile\" has to be a list of tags");
}

static int
read_tests(struct lists *l, struct slice profile, const json_t *array, struct err *err)
{
	if (!json_is_array(array))
		return err_set(err, ERR_FAILED, "\"tests\" has to be a list of ids");
	if (!list_of(l, profile))
		return err_nomem(err);
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *id = json_array_get(array, i);

		if (!json_is_string(id))
			return err_set(err, ERR_FAILED, "\"tests\" has to be a list of ids");
		if (lists_add_one(l, profile, json_text(id), err) < 0)
			return -1;
	}
	return 0;
}

static int
read_object(struct lists *l, const json_t *root, struct err *err)
{
	const json_t *version = json_object_get(root, "version");
	const json_t *profiles = json_object_get(root, "profiles");
	int rc = 0;

	if (!json_is_integer(version) || json_integer_value(version) != ANSWER_VERSION)
		return err_set(err, ERR_FAILED, "its \"version\" is not %d", ANSWER_VERSION);
	l->plain = !profiles;
	if (!profiles)
		return read_tests(l, SLICE_LIT(""), json_object_get(root, "tests"), err);
	if (!json_is_array(profiles))
		return err_set(err, ERR_FAILED, "\"profiles\" has to be a list");
	for (size_t i = 0; rc == 0 && i < json_array_size(profiles); i++) {
		const json_t *one = json_array_get(profiles, i);
		struct buf profile;

		buf_init(&profile, SIZE_MAX / 4);
		rc = read_profile(json_object_get(one, "profile"), &profile, err);
		if (rc == 0)
			rc = read_tests(l, buf_get(&profile), json_object_get(one, "tests"), err);
		buf_release(&profile);
	}
	return rc;
}

static int
read_json(struct lists *l, struct slice text, const char *path, struct err *err)
{
	json_error_t error;
	json_t *root = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &error);
	int rc;

	if (!root)
		return err_set(err, ERR_FAILED, "%s:%d: %s", path, error.line, error.text);
	rc = read_object(l, root, err);
	json_decref(root);
	return rc < 0 ? err_wrap(err, "%s", path) : 0;
}

int
lists_read(struct lists *l, struct cli *cli, const char *path)
{
	struct file_dir here = FILE_CWD;
	struct buf text;
	struct slice trimmed;
	int rc;

	buf_init(&text, LIST_MAX);
	rc = file_read(&here, path, &text, &cli->err);
	if (rc == 0)
		err_set(&cli->err, ERR_FAILED, "[Errno 2] No such file or directory: '%s'", path);
	rc = rc > 0 ? 0 : -1;
	trimmed = slice_trim(buf_get(&text));
	if (rc == 0 && trimmed.len && trimmed.data[0] == '{')
		rc = read_json(l, trimmed, path, &cli->err);
	else if (rc == 0)
		rc = read_lines(l, buf_get(&text), &cli->err);
	buf_release(&text);
	return rc;
}

/* ---- writing ---- */

void
lists_answer(const struct lists *l, struct answer *a)
{
	answer_list(a, "profiles");
	for (size_t i = 0; i < l->profiles.len; i++) {
		json_t *tests = json_array();
		bool failed = !tests;

		for (size_t k = 0; k < l->tests[i].len; k++)
			failed |= json_array_append_new(tests, shape_text(strtab_get(&l->tests[i], k))) != 0;
		if (failed) {
			json_decref(tests);
			tests = NULL;
		}
		answer_item(a, json_pack("{s:o, s:o}", "profile", shape_profile(strtab_get(&l->profiles, i)),
				   "tests", tests));
	}
	answer_list_end(a);
}

int
lists_print(const struct lists *l, struct cli *cli)
{
	struct buf names;

	if (l->profiles.len > 1) {
		buf_init(&names, 800);
		for (size_t i = 0; i < l->profiles.len; i++) {
			buf_byte(&names, ' ');
			tagset_name(strtab_get(&l->profiles, i), &names);
		}
		err_set(&cli->err, ERR_USAGE,
		    "one list cannot hold the tests of several profiles; choose one with --profile, or print all with --json:%.*s",
		    SLICE_FMT(buf_get(&names)));
		buf_release(&names);
		return -1;
	}
	for (size_t i = 0; i < l->profiles.len; i++)
		for (size_t k = 0; k < l->tests[i].len; k++)
			ui_printf(&cli->ui, "%.*s\n", SLICE_FMT(strtab_get(&l->tests[i], k)));
	return 0;
}
