/* SPDX-License-Identifier: Apache-2.0 */
#include "convert.h"

#include <stdlib.h>

#define FILTER_FILE_MAX ((size_t)64 << 20)

struct subunit2_filter {
	struct subunit2_rules rules;
	struct subunit2_writer *writer;
	struct outcome *tests;
	struct packet_tags event_tags;
	struct packet_tags result_tags;
	struct convert_lists lists;
	struct buf packets;
};

void
subunit2_rules_init_size(struct subunit2_rules *rules, size_t size)
{
	memset(rules, 0, size);
	rules->size = size;
	rules->outcomes = ~0u;
}

struct subunit2_filter *
subunit2_filter_new(const struct subunit2_rules *rules, struct subunit2_writer *writer)
{
	struct subunit2_filter *f = rules->size < sizeof(*rules) || !writer ? NULL : calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->rules = *rules;
	f->writer = writer;
	buf_init(&f->packets, SIZE_MAX / 2);
	f->tests = outcome_new(FILTER_FILE_MAX);
	if (!f->tests) {
		free(f);
		return NULL;
	}
	return f;
}

void
subunit2_filter_free(struct subunit2_filter *f)
{
	if (!f)
		return;
	outcome_free(f->tests);
	packet_tags_release(&f->event_tags);
	packet_tags_release(&f->result_tags);
	convert_lists_release(&f->lists);
	buf_release(&f->packets);
	free(f);
}

static bool
has_tag(const struct result *r, const char *tag)
{
	for (size_t i = 0; i < r->tag_count; i++)
		if (slice_eq(r->tags[i], slice_str(tag)))
			return true;
	return false;
}

static bool
in_list(const char *const *list, struct slice tag)
{
	for (; list && *list; list++)
		if (slice_eq(slice_str(*list), tag))
			return true;
	return false;
}

/* 1 when the test is wanted, 0 when it is not, or a code. */
static int
judge(struct subunit2_filter *f, const struct result *r)
{
	const struct subunit2_rules *rules = &f->rules;
	enum status status = status_is_final(r->status) ? r->status : STATUS_FAIL;
	struct subunit2_result shown;
	int rc;

	if (!(rules->outcomes & 1u << status))
		return 0;
	for (const char *const *tag = rules->with_tags; tag && *tag; tag++)
		if (!has_tag(r, *tag))
			return 0;
	for (const char *const *tag = rules->without_tags; tag && *tag; tag++)
		if (has_tag(r, *tag))
			return 0;
	if (!rules->wants)
		return 1;
	subunit2_result_init(&shown);
	rc = convert_result(&f->lists, r, &shown);
	if (rc < 0)
		return rc;
	rc = rules->wants(rules->context, &shown);
	return rc < 0 ? SUBUNIT2_ERROR_STOPPED : rc > 0;
}

/* Gives the result the tags that the rules say. */
static int
change_tags(struct subunit2_filter *f, struct result *r)
{
	const struct subunit2_rules *rules = &f->rules;
	size_t added = 0, count = 0;

	while (rules->add_tags && rules->add_tags[added])
		added++;
	if (packet_tags_reserve(&f->result_tags, r->tag_count + added) < 0)
		return SUBUNIT2_ERROR_MEMORY;
	for (size_t i = 0; i < r->tag_count; i++)
		if (!in_list(rules->remove_tags, r->tags[i]) && !in_list(rules->add_tags, r->tags[i]))
			f->result_tags.items[count++] = r->tags[i];
	for (size_t i = 0; i < added; i++) {
		struct slice tag = slice_str(rules->add_tags[i]);

		if (!convert_text_ok(tag))
			return SUBUNIT2_ERROR_TEXT;
		f->result_tags.items[count++] = tag;
	}
	r->tags = f->result_tags.items;
	r->tag_count = count;
	return 0;
}

static int
pass_result(struct subunit2_filter *f, const struct result *found)
{
	struct result r = *found;
	int rc = judge(f, &r);

	if (rc <= 0)
		return rc;
	rc = change_tags(f, &r);
	if (rc < 0)
		return rc;
	buf_clear(&f->packets);
	if (result_to_packets(&f->packets, &r, NULL) < 0)
		return r.id.len > PACKET_FILE_MAX ? SUBUNIT2_ERROR_LONG : SUBUNIT2_ERROR_MEMORY;
	return subunit2_writer_bytes(f->writer, f->packets.data, f->packets.len);
}

/* What belongs to no test. */
static int
pass_rest(struct subunit2_filter *f, const struct subunit2_event *event)
{
	if (f->rules.drop_text)
		return 0;
	if (event->raw.data)
		return subunit2_writer_bytes(f->writer, event->raw.data, event->raw.len);
	return subunit2_writer_event(f->writer, event);
}

int
subunit2_filter_event(struct subunit2_filter *f, const struct subunit2_event *event)
{
	const struct result *r;
	struct event e;
	int rc = convert_to_event(&f->event_tags, event, &e);

	if (rc < 0)
		return rc;
	if (!e.id.data)
		return pass_rest(f, event);
	if (outcome_event(f->tests, &e, &r) < 0)
		return SUBUNIT2_ERROR_MEMORY;
	return r ? pass_result(f, r) : 0;
}

int
subunit2_filter_end(struct subunit2_filter *f)
{
	const struct result *r;
	int rc = 0;

	while (rc == 0 && (r = outcome_open_next(f->tests)))
		rc = pass_result(f, r);
	return rc;
}
