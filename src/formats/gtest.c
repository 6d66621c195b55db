/* SPDX-License-Identifier: Apache-2.0 */
#include "gtest.h"

#include "duration.h"
#include "json_cut.h"
#include "json_record.h"

#include <stdlib.h>
#include <string.h>

/* A document is {… "testsuites": [{… "testsuite": [{a test}, …]}, …]}: how deep each thing lies. */
enum {
	DEPTH_DOCUMENT = 1,
	DEPTH_SUITE = 3,
	DEPTH_TESTS = 4,
	DEPTH_MAX = 64,
};
/* Of what stands in a suite before its tests. */
#define HEAD_MAX ((size_t)256 << 10)

struct gtest {
	struct emit emit;
	unsigned depth;
	uint64_t closers; /* a bit for each open container, 1 for an object; the lowest is the innermost */
	bool in_string, escaped;
	bool any; /* a document was begun */
	bool broken;
	struct buf head; /* of the suite */
	struct buf suite;
	bool in_test;
	struct json_cut cut;
	struct buf id, text;
};

static int
fail(struct gtest *g, const char *what, struct err *err)
{
	g->broken = true;
	return err_set(err, ERR_FAILED, "%s; --gtest_output=json:FILE writes what is read here", what);
}

/* The name of the suite, from what stands before its tests. */
static void
read_head(struct gtest *g)
{
	size_t len = g->head.len;
	json_t *object;

	buf_clear(&g->suite);
	buf_str(&g->head, "]}");
	object = json_record_read(buf_get(&g->head));
	buf_slice(&g->suite, json_record_text(object, "name"));
	json_decref(object);
	buf_truncate(&g->head, len);
}

static void
make_id(struct gtest *g, const json_t *test)
{
	struct slice suite = buf_get(&g->suite), name = json_record_text(test, "name");

	if (!suite.len)
		suite = json_record_text(test, "classname");
	buf_clear(&g->id);
	buf_slice(&g->id, suite);
	if (suite.len && name.len)
		buf_byte(&g->id, '.');
	buf_slice(&g->id, name);
	if (!g->id.len)
		buf_str(&g->id, "test without a name");
}

static bool
is(const json_t *test, const char *key, const char *word)
{
	return slice_eq(json_record_text(test, key), slice_str(word));
}

/* "0.005s". */
static int64_t
read_duration(const json_t *test)
{
	struct slice time = json_record_text(test, "time");
	char number[64];

	if (time.len >= sizeof(number) || !slice_ends(time, SLICE_LIT("s")))
		return 0;
	memcpy(number, time.data, time.len - 1);
	number[time.len - 1] = '\0';
	return duration_parse(number);
}

static int64_t
read_start(const json_t *test)
{
	struct slice stamp = json_record_text(test, "timestamp");
	int64_t time;

	if (!stamp.len || time_parse(stamp, false, &time) != stamp.len || time <= 0)
		return TIME_NONE;
	return time;
}

static bool
is_known(const char *key)
{
	static const char *const keys[] = {
	    "name", "status", "result", "timestamp", "time", "classname", "failures", "skipped"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return false;
}

static int
send_properties(struct gtest *g, json_t *test, struct err *err)
{
	const char *key;
	json_t *value;

	buf_clear(&g->text);
	json_object_foreach(test, key, value)
	{
		if (is_known(key) || !(json_is_string(value) || json_is_integer(value)))
			continue;
		buf_str(&g->text, key);
		buf_byte(&g->text, '=');
		if (json_is_integer(value))
			buf_printf(&g->text, "%lld", (long long)json_integer_value(value));
		else
			buf_slice(&g->text, json_record_text(test, key));
		buf_byte(&g->text, '\n');
	}
	if (g->text.failed)
		return err_nomem(err);
	return emit_file(&g->emit, "properties", 0, buf_get(&g->text), err);
}

/* The texts of a list of objects, under the same key in each. */
static int
send_list(struct gtest *g, const json_t *list, const char *key, const char *name, struct err *err)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		buf_clear(&g->text);
		buf_slice(&g->text, json_record_text(json_array_get(list, i), key));
		buf_byte(&g->text, '\n');
		if (g->text.failed)
			return err_nomem(err);
		if (emit_file(&g->emit, name, (unsigned)i + 1, buf_get(&g->text), err))
			return -1;
	}
	return 0;
}

static int
send_test(struct gtest *g, json_t *test, struct err *err)
{
	const json_t *failures = json_object_get(test, "failures");
	int64_t start = read_start(test);
	enum status status = STATUS_SUCCESS;

	if (!json_is_string(json_object_get(test, "name")))
		return fail(g, "a test has no name", err);
	make_id(g, test);
	if (g->id.failed)
		return err_nomem(err);
	emit_test(&g->emit, buf_get(&g->id));
	if (!json_object_get(test, "status"))
		return emit_exists(&g->emit, err);
	if (json_array_size(failures))
		status = STATUS_FAIL;
	else if (is(test, "status", "NOTRUN") || is(test, "result", "SKIPPED") ||
		 is(test, "result", "SUPPRESSED"))
		status = STATUS_SKIP;
	if (emit_begin(&g->emit, start, err) || send_list(g, failures, "failure", "failure", err) ||
	    send_list(g, json_object_get(test, "skipped"), "message", "reason", err) ||
	    send_properties(g, test, err))
		return -1;
	return emit_end(&g->emit, status, duration_after(start, read_duration(test)), err);
}

static int
end_test(struct gtest *g, struct err *err)
{
	json_t *test = g->cut.text.failed ? NULL : json_record_read(buf_get(&g->cut.text));
	int rc = test ? send_test(g, test, err) : fail(g, "a test is no JSON object", err);

	g->in_test = false;
	json_decref(test);
	return rc;
}

static int
open_container(struct gtest *g, bool object, struct err *err)
{
	if (++g->depth > DEPTH_MAX)
		return fail(g, "the document is nested too deeply", err);
	g->closers = g->closers << 1 | object;
	if (g->depth == DEPTH_DOCUMENT) {
		g->any = true;
		if (!object)
			return fail(g, "the document is no JSON object", err);
	} else if (g->depth == DEPTH_SUITE) {
		buf_clear(&g->head);
	} else if (g->depth == DEPTH_TESTS) {
		buf_byte(&g->head, object ? '{' : '[');
		if (!object)
			read_head(g);
	}
	return 0;
}

static int
close_container(struct gtest *g, bool object, struct err *err)
{
	if (!g->depth || (g->closers & 1) != object)
		return fail(g, "a bracket closes nothing", err);
	g->depth--;
	g->closers >>= 1;
	return 0;
}

/* A byte outside of tests. */
static int
take_byte(struct gtest *g, uint8_t byte, struct err *err)
{
	int rc = 0;

	if (g->in_string) {
		g->in_string = byte != '"' || g->escaped;
		g->escaped = byte == '\\' && !g->escaped;
	} else if (byte == '{' || byte == '[') {
		rc = open_container(g, byte == '{', err);
	} else if (byte == '}' || byte == ']') {
		rc = close_container(g, byte == '}', err);
	} else if (!g->depth && !strchr(" \t\r\n", byte)) {
		rc = fail(g, "this is no JSON", err);
	} else {
		g->in_string = byte == '"';
		g->escaped = false;
	}
	if (g->depth == DEPTH_SUITE)
		buf_byte(&g->head, byte);
	return rc;
}

struct gtest *
gtest_new(emit_fn fn, void *context)
{
	struct gtest *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	emit_init(&g->emit, fn, context);
	json_cut_init(&g->cut);
	buf_init(&g->head, HEAD_MAX);
	buf_init(&g->suite, HEAD_MAX);
	buf_init(&g->id, HEAD_MAX + JSON_CUT_MAX);
	buf_init(&g->text, 2 * JSON_CUT_MAX);
	return g;
}

void
gtest_free(struct gtest *g)
{
	if (!g)
		return;
	emit_release(&g->emit);
	json_cut_release(&g->cut);
	buf_release(&g->head);
	buf_release(&g->suite);
	buf_release(&g->id);
	buf_release(&g->text);
	free(g);
}

int
gtest_feed(struct gtest *g, struct slice bytes, struct err *err)
{
	if (g->broken)
		return err_set(err, ERR_FAILED, "the document is broken");
	while (bytes.len) {
		if (!g->in_test && !g->in_string && g->depth == DEPTH_TESTS && !(g->closers & 1) &&
		    bytes.data[0] == '{') {
			g->in_test = true;
			json_cut_clear(&g->cut);
		}
		if (g->in_test) {
			bytes = slice_from(bytes, json_cut_take(&g->cut, bytes));
			if (g->cut.done && end_test(g, err))
				return -1;
			continue;
		}
		if (take_byte(g, bytes.data[0], err))
			return -1;
		bytes = slice_from(bytes, 1);
	}
	return 0;
}

int
gtest_end(struct gtest *g, struct err *err)
{
	if (g->broken)
		return err_set(err, ERR_FAILED, "the document is broken");
	if (!g->any)
		return fail(g, "there is nothing", err);
	return g->depth ? fail(g, "the document ends in its middle", err) : 0;
}

bool
gtest_failed(const struct gtest *g)
{
	return g->emit.failed;
}
