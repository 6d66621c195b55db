/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"
#include "utf8.h"

#include <stdlib.h>

struct tagger {
	struct output *out;
	char *const *args; /* TAG adds, -TAG takes away, and taking away wins */
	size_t arg_count;
	struct slice *tags; /* of one event */
	size_t cap;
};

static struct slice
tag_of(const char *arg)
{
	return slice_str(arg[0] == '-' ? arg + 1 : arg);
}

static bool
is_gone(const struct tagger *t, struct slice tag)
{
	for (size_t i = 0; i < t->arg_count; i++)
		if (t->args[i][0] == '-' && slice_eq(tag_of(t->args[i]), tag))
			return true;
	return false;
}

static int
compare_slices(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

/* Sorts the tags and leaves each once. Returns how many are left. */
static size_t
sort_tags(struct slice *tags, size_t count)
{
	size_t kept = 0;

	qsort(tags, count, sizeof(*tags), compare_slices);
	for (size_t i = 0; i < count; i++)
		if (!kept || !slice_eq(tags[kept - 1], tags[i]))
			tags[kept++] = tags[i];
	return kept;
}

static bool
is_same(const struct event *e, const struct slice *tags, size_t count)
{
	if (count != e->tag_count || (count > 0) != (e->tags != NULL))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!slice_eq(tags[i], e->tags[i]))
			return false;
	return true;
}

static int
on_event(void *context, const struct event *e, struct err *err)
{
	struct tagger *t = context;
	struct event tagged = *e;
	size_t count = 0, most = e->tag_count + t->arg_count;

	if (most > t->cap) {
		struct slice *grown = reallocarray(t->tags, 2 * most, sizeof(*grown));

		if (!grown)
			return err_nomem(err);
		t->tags = grown;
		t->cap = 2 * most;
	}
	for (size_t i = 0; i < e->tag_count; i++)
		if (!is_gone(t, e->tags[i]))
			t->tags[count++] = e->tags[i];
	for (size_t i = 0; i < t->arg_count; i++)
		if (t->args[i][0] != '-' && !is_gone(t, tag_of(t->args[i])))
			t->tags[count++] = tag_of(t->args[i]);
	tagged.tag_count = count ? sort_tags(t->tags, count) : 0;
	tagged.tags = count ? t->tags : NULL;
	if (e->kind == EVENT_PACKET && is_same(e, t->tags, tagged.tag_count)) {
		buf_slice(&t->out->data, e->raw);
		return 0;
	}
	return output_event(t->out, &tagged, err);
}

static int
run(const struct tool_call *call, struct err *err)
{
	struct tagger t = {.out = call->out, .args = call->args, .arg_count = call->arg_count};
	struct source source = {.mode = READER_V2};
	int status;

	for (size_t i = 0; i < t.arg_count; i++) {
		if (!t.args[i][0])
			return err_set(err, ERR_FAILED, "a tag is empty");
		if (!utf8_valid(slice_str(t.args[i])))
			return err_set(err, ERR_FAILED, "tag number %zu is not UTF-8", i + 1);
	}
	status = stream_events(&source, on_event, &t, call->out, err);
	free(t.tags);
	return status;
}

/* All arguments are tags, "--help" too. */
const struct tool tool_tags = {
    .name = "subunit-tags",
    .usage = "TAG|-TAG...",
    .run = run,
};
