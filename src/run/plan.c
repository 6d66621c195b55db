/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

#include "file.h"
#include "pattern.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_SEGMENT SIZE_MAX

struct segment {
	struct plan_segment facts;
	char default_name[32];
	json_t *tests, *match; /* arrays, borrowed from the document, or NULL */
	bool rest;
	struct pattern **patterns; /* of match, in its order */
};

struct plan {
	char *path;
	json_t *document;
	struct segment *segments;
	size_t count;
};

/* Says what is wrong in a segment. Returns -1. */
static int
wrong(const struct plan *plan, const struct segment *s, const char *what, struct err *err)
{
	return err_set(err, ERR_FAILED, "%s: segment \"%.100s\": %s", plan->path, s->facts.name, what);
}

static bool
is_strings(const json_t *value)
{
	size_t i;
	json_t *item;

	if (!json_is_array(value))
		return false;
	json_array_foreach(value, i, item) if (!json_is_string(item)) return false;
	return true;
}

static struct slice
string_slice(const json_t *string)
{
	return slice_of(json_string_value(string), json_string_length(string));
}

static int
compile_patterns(const struct plan *plan, struct segment *s, struct err *err)
{
	size_t i;
	json_t *item;

	s->patterns = calloc(json_array_size(s->match) + 1, sizeof(struct pattern *));
	if (!s->patterns)
		return err_nomem(err);
	json_array_foreach(s->match, i, item)
	{
		if (pattern_compile(string_slice(item), 0, &s->patterns[i], err))
			return err_wrap(err, "%s: segment \"%.100s\"", plan->path, s->facts.name);
	}
	return 0;
}

static int
read_key(const struct plan *plan, struct segment *s, const char *key, json_t *value, struct err *err)
{
	if (strcmp(key, "name") == 0) {
		/* It was read before all others, for their errors. */
		return json_is_string(value) ? 0 : wrong(plan, s, "\"name\" is not a string", err);
	}
	if (strcmp(key, "tests") == 0) {
		s->tests = value;
		return is_strings(value) ? 0 : wrong(plan, s, "\"tests\" is not a list of test ids", err);
	}
	if (strcmp(key, "match") == 0) {
		s->match = value;
		return is_strings(value)
			   ? compile_patterns(plan, s, err)
			   : wrong(plan, s, "\"match\" is not a list of regular expressions", err);
	}
	if (strcmp(key, "rest") == 0) {
		s->rest = json_is_true(value);
		return json_is_boolean(value) ? 0 : wrong(plan, s, "\"rest\" is neither true nor false", err);
	}
	if (strcmp(key, "isolated") == 0) {
		s->facts.isolated = json_is_true(value);
		return json_is_boolean(value) ? 0
					      : wrong(plan, s, "\"isolated\" is neither true nor false", err);
	}
	if (strcmp(key, "concurrency") == 0) {
		json_int_t n = json_integer_value(value);

		s->facts.concurrency = (size_t)n;
		return json_is_integer(value) && n >= 1 && n <= INT32_MAX
			   ? 0
			   : wrong(plan, s, "\"concurrency\" is not a number of 1 or more", err);
	}
	return err_set(err, ERR_FAILED,
	    "%s: segment \"%.100s\": unknown key \"%.100s\"; there are name, tests, match, rest, concurrency and "
	    "isolated",
	    plan->path, s->facts.name, key);
}

static int
read_segment(const struct plan *plan, struct segment *s, size_t number, json_t *value, struct err *err)
{
	const char *name = json_string_value(json_object_get(value, "name")), *key;
	json_t *item;

	snprintf(s->default_name, sizeof(s->default_name), "segment %zu", number + 1);
	s->facts.name = name ? name : s->default_name;
	if (!json_is_object(value))
		return wrong(plan, s, "is not an object", err);
	json_object_foreach(value, key, item) if (read_key(plan, s, key, item, err)) return -1;
	if (!s->tests && !s->match && !s->rest)
		return wrong(plan, s, "takes no test: give it \"tests\", \"match\" or \"rest\"", err);
	return 0;
}

static int
read_segments(struct plan *plan, json_t *list, struct err *err)
{
	const struct segment *rest = NULL;

	if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > PLAN_SEGMENTS_MAX)
		return err_set(err, ERR_FAILED, "%s: \"segments\" is not a list of 1 to %d segments",
		    plan->path, PLAN_SEGMENTS_MAX);
	plan->segments = calloc(json_array_size(list), sizeof(*plan->segments));
	if (!plan->segments)
		return err_nomem(err);
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct segment *s = &plan->segments[i];

		plan->count++;
		if (read_segment(plan, s, i, json_array_get(list, i), err))
			return -1;
		if (s->rest && rest)
			return wrong(plan, s, "only one segment can have the rest", err);
		rest = s->rest ? s : rest;
	}
	return 0;
}

static int
read_document(struct plan *plan, struct slice text, struct err *err)
{
	json_error_t where;
	const char *key;
	json_t *item;

	plan->document = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &where);
	if (!plan->document)
		return err_set(err, ERR_FAILED, "%s:%d: %s", plan->path, where.line, where.text);
	if (!json_is_object(plan->document))
		return err_set(err, ERR_FAILED,
		    "%s: a plan is an object: {\"version\": 1, \"segments\": […]}", plan->path);
	item = json_object_get(plan->document, "version");
	if (!json_is_integer(item) || json_integer_value(item) != 1)
		return err_set(err, ERR_FAILED,
		    "%s: \"version\" is not 1, the only one that this testr knows", plan->path);
	json_object_foreach(plan->document, key, item)
	{
		if (strcmp(key, "version") != 0 && strcmp(key, "segments") != 0)
			return err_set(err, ERR_FAILED,
			    "%s: unknown key \"%.100s\"; there are version and segments", plan->path, key);
	}
	return read_segments(plan, json_object_get(plan->document, "segments"), err);
}

int
plan_parse(struct slice text, const char *path, struct plan **out, struct err *err)
{
	struct plan *plan = calloc(1, sizeof(*plan));

	if (!plan || !(plan->path = slice_dup(slice_str(path)))) {
		free(plan);
		return err_nomem(err);
	}
	if (read_document(plan, text, err)) {
		plan_free(plan);
		return -1;
	}
	*out = plan;
	return 0;
}

int
plan_load(const char *path, struct plan **out, struct err *err)
{
	struct file_dir here = FILE_CWD;
	struct buf text;
	int rc;

	buf_init(&text, PLAN_MAX);
	rc = file_read(&here, path, &text, err);
	if (rc == 0)
		rc = err_set(err, ERR_FAILED, "there is no plan %s", path);
	else if (rc > 0)
		rc = plan_parse(buf_get(&text), path, out, err);
	buf_release(&text);
	return rc;
}

void
plan_free(struct plan *plan)
{
	if (!plan)
		return;
	for (size_t i = 0; i < plan->count; i++) {
		struct segment *s = &plan->segments[i];

		for (size_t k = 0; s->patterns && k < json_array_size(s->match); k++)
			pattern_free(s->patterns[k]);
		free(s->patterns);
	}
	free(plan->segments);
	json_decref(plan->document);
	free(plan->path);
	free(plan);
}

size_t
plan_segment_count(const struct plan *plan)
{
	return plan->count;
}

struct plan_segment
plan_segment(const struct plan *plan, size_t index)
{
	return plan->segments[index].facts;
}

/* ---- which test is in which segment ---- */

static int
claim(const struct plan *plan, size_t segment, struct slice id, size_t *of, struct err *err)
{
	if (*of == segment)
		return err_set(err, ERR_FAILED, "%s: segment \"%.100s\": the test \"%.*s\" is there twice",
		    plan->path, plan->segments[segment].facts.name, SLICE_FMT(slice_head(id, 400)));
	if (*of != NO_SEGMENT)
		return err_set(err, ERR_FAILED,
		    "%s: the test \"%.*s\" is in segment \"%.100s\" and in \"%.100s\"", plan->path,
		    SLICE_FMT(slice_head(id, 400)), plan->segments[*of].facts.name,
		    plan->segments[segment].facts.name);
	*of = segment;
	return 0;
}

static int
claim_named(const struct plan *plan, size_t segment, const struct strtab *ids, size_t *of, struct err *err)
{
	const struct segment *s = &plan->segments[segment];
	size_t i;
	json_t *item;

	json_array_foreach(s->tests, i, item)
	{
		size_t test = strtab_find(ids, string_slice(item));

		if (test == STRTAB_NONE)
			return err_set(err, ERR_FAILED, "%s: segment \"%.100s\": there is no test \"%.*s\"",
			    plan->path, s->facts.name, SLICE_FMT(slice_head(string_slice(item), 400)));
		if (claim(plan, segment, string_slice(item), &of[test], err))
			return -1;
	}
	return 0;
}

/* 1 when one of the segment's expressions is found in id, 0 when none is, or -1. */
static int
matches(const struct segment *s, struct slice id, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < json_array_size(s->match); i++)
		rc = pattern_search(s->patterns[i], id, err);
	return rc;
}

static int
claim_matching(const struct plan *plan, size_t segment, const struct strtab *ids, size_t *of, struct err *err)
{
	for (size_t test = 0; test < ids->len; test++) {
		struct slice id = strtab_get(ids, test);
		int rc = of[test] == segment ? 0 : matches(&plan->segments[segment], id, err);

		if (rc < 0 || (rc > 0 && claim(plan, segment, id, &of[test], err)))
			return -1;
	}
	return 0;
}

int
plan_resolve(struct plan *plan, const struct strtab *ids, size_t *out, struct err *err)
{
	size_t rest = NO_SEGMENT;

	for (size_t test = 0; test < ids->len; test++)
		out[test] = NO_SEGMENT;
	for (size_t i = 0; i < plan->count; i++) {
		if (claim_named(plan, i, ids, out, err))
			return -1;
		if (plan->segments[i].rest)
			rest = i;
	}
	for (size_t i = 0; i < plan->count; i++)
		if (plan->segments[i].match && claim_matching(plan, i, ids, out, err))
			return -1;
	for (size_t test = 0; test < ids->len; test++) {
		if (out[test] != NO_SEGMENT)
			continue;
		if (rest == NO_SEGMENT)
			return err_set(err, ERR_FAILED,
			    "%s: no segment takes the test \"%.*s\"; a last segment with \"rest\": true would",
			    plan->path, SLICE_FMT(slice_head(strtab_get(ids, test), 400)));
		out[test] = rest;
	}
	return 0;
}
