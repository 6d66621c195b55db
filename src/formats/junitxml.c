/* SPDX-License-Identifier: Apache-2.0 */
#include "junitxml.h"

#include "buf.h"
#include "duration.h"
#include "xml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UTF8_TEXT "text/plain; charset=UTF8"
/* Room beside the text for what stands in attributes, and for the line that tells of what was left out. */
#define PART_MAX (JUNITXML_TEXT_MAX + 4 * XML_TAG_MAX)

/* What an element in a test says; the better one of two becomes "junit detail". */
enum rank {
	RANK_NONE,
	RANK_SKIPPED,
	RANK_ERROR,
	RANK_FAILURE,
};

static const struct part {
	const char *name;
	enum rank rank;
	bool told; /* has a type and a message, and may be there more than once */
} parts[] = {
    {"failure", RANK_FAILURE, true},
    {"error", RANK_ERROR, true},
    {"skipped", RANK_SKIPPED, true},
    {"flakyFailure", RANK_NONE, true},
    {"flakyError", RANK_NONE, true},
    {"rerunFailure", RANK_NONE, true},
    {"rerunError", RANK_NONE, true},
    {"system-out", RANK_NONE, false},
    {"system-err", RANK_NONE, false},
    {"properties", RANK_NONE, false},
};
#define PART_COUNT (sizeof(parts) / sizeof(parts[0]))
#define PROPERTIES (&parts[PART_COUNT - 1])

struct junitxml {
	junitxml_fn fn;
	void *context;
	struct xml xml;
	bool failed;
	int64_t clock;

	int suite_depth; /* so many elements from the root on are suites */
	struct buf suite;

	/* The test, when case_depth is not 0. */
	int case_depth;
	struct buf id;
	bool announced;
	bool case_failed, case_skipped, case_expected;
	int64_t took;
	enum rank rank;
	struct buf detail;
	unsigned detail_count, counts[PART_COUNT];

	/* The element whose text is wanted, when part_depth is not 0. */
	int part_depth;
	const struct part *part;
	struct buf text;
	size_t body; /* where in `text` that of the element begins */
	uint64_t left_out;
};

static bool
is_one_of(const char *value, const char *a, const char *b)
{
	return value && (strcmp(value, a) == 0 || strcmp(value, b) == 0);
}

static void
send(struct junitxml *j, const struct event *e)
{
	if (!j->xml.stopped && j->fn(j->context, e, j->xml.err))
		xml_stop(&j->xml);
}

static void
begin_event(const struct junitxml *j, struct event *e)
{
	event_init(e);
	e->id = buf_get(&j->id);
	e->time = j->clock;
}

static void
attach(struct event *e, struct slice name, struct slice text)
{
	e->mime = SLICE_LIT(UTF8_TEXT);
	e->file_name = name;
	e->file = text;
	e->eof = true;
}

static void
announce(struct junitxml *j)
{
	struct event e;

	if (j->announced)
		return;
	j->announced = true;
	begin_event(j, &e);
	e.status = STATUS_INPROGRESS;
	send(j, &e);
}

static void
begin_case(struct junitxml *j, const char **attributes)
{
	const char *name = xml_word(attributes, "name"), *class_name = xml_word(attributes, "classname");

	j->case_depth = j->xml.depth;
	buf_clear(&j->id);
	if (class_name)
		buf_str(&j->id, class_name);
	if (class_name && name)
		buf_str(&j->id, "::");
	if (name)
		buf_str(&j->id, name);
	else if (!class_name)
		buf_slice(&j->id, j->suite.len ? buf_get(&j->suite) : SLICE_LIT("test without a name"));
	j->took = duration_parse(xml_attribute(attributes, "time"));
	j->announced = j->case_failed = j->case_expected = false;
	j->case_skipped = is_one_of(xml_attribute(attributes, "status"), "notrun", "disabled") ||
			  is_one_of(xml_attribute(attributes, "result"), "suppressed", "skipped");
	j->rank = RANK_NONE;
	j->detail_count = 0;
	memset(j->counts, 0, sizeof(j->counts));
	buf_clear(&j->detail);
	if (name)
		announce(j);
}

static void
begin_part(struct junitxml *j, const struct part *part, const char **attributes)
{
	const char *type = xml_word(attributes, "type"), *message = xml_word(attributes, "message");

	j->part = part;
	j->part_depth = j->xml.depth;
	j->left_out = 0;
	buf_clear(&j->text);
	if (!part->told)
		return;
	if (part->rank == RANK_SKIPPED && type && strcmp(type, "pytest.xfail") == 0)
		j->case_expected = true;
	if (type)
		buf_str(&j->text, type);
	if (type && message)
		buf_str(&j->text, ": ");
	if (message)
		buf_str(&j->text, message);
	if (type || message)
		buf_byte(&j->text, '\n');
	j->body = j->text.len;
}

static const struct part *
find_part(const char *name)
{
	for (size_t i = 0; i < PART_COUNT; i++)
		if (strcmp(parts[i].name, name) == 0)
			return &parts[i];
	return NULL;
}

static void
on_property(struct junitxml *j, const char **attributes)
{
	const char *name = xml_attribute(attributes, "name"), *value = xml_attribute(attributes, "value");
	size_t len = (name ? strlen(name) : 0) + (value ? strlen(value) : 0) + 2;

	if (j->text.len + len > JUNITXML_TEXT_MAX) {
		j->left_out += len;
		return;
	}
	buf_str(&j->text, name ? name : "");
	buf_byte(&j->text, '=');
	buf_str(&j->text, value ? value : "");
	buf_byte(&j->text, '\n');
}

static void
on_start(void *context, const char *name, const char **attributes)
{
	bool is_suite = strcmp(name, "testsuite") == 0 || strcmp(name, "testsuites") == 0;
	struct junitxml *j = context;
	const struct part *part;

	if (j->part_depth) {
		if (j->part == PROPERTIES && strcmp(name, "property") == 0)
			on_property(j, attributes);
		return;
	}
	if (j->case_depth ? j->xml.depth != j->case_depth + 1 : j->xml.depth != j->suite_depth + 1)
		return;
	part = find_part(name);
	if (j->case_depth && part) {
		begin_part(j, part, attributes);
	} else if (!j->case_depth && is_suite) {
		j->suite_depth = j->xml.depth;
		buf_clear(&j->suite);
		buf_str(&j->suite, xml_word(attributes, "name") ? xml_word(attributes, "name") : "");
	} else if (!j->case_depth && j->suite_depth && strcmp(name, "testcase") == 0) {
		begin_case(j, attributes);
	} else if (!j->case_depth && j->suite_depth && part && !part->told && part != PROPERTIES) {
		begin_part(j, part, attributes);
	}
}

static void
send_extra(struct junitxml *j, const char *name, unsigned number, struct slice text)
{
	char numbered[64];
	struct event e;

	if (number > 1)
		snprintf(numbered, sizeof(numbered), "%s %u", name, number);
	begin_event(j, &e);
	attach(&e, slice_str(number > 1 ? numbered : name), text);
	send(j, &e);
}

/* Of the elements that tell why, one becomes the detail of the final event. */
static void
end_told(struct junitxml *j, struct slice text)
{
	struct buf swap;

	if (j->part->rank == RANK_SKIPPED)
		j->case_skipped = true;
	else
		j->case_failed = true;
	if (j->case_failed)
		announce(j);
	if (!text.len)
		return;
	j->detail_count++;
	if (j->part->rank <= j->rank) {
		if (j->announced)
			send_extra(j, "junit detail", j->detail_count, text);
		return;
	}
	if (j->rank && j->announced)
		send_extra(j, "junit detail", j->detail_count, buf_get(&j->detail));
	j->rank = j->part->rank;
	swap = j->detail;
	j->detail = j->text;
	j->text = swap;
}

/* "head LF body LF" with the body stripped; the head is there already. */
static void
strip_body(struct buf *text, size_t body)
{
	struct slice stripped = slice_trim(slice_from(buf_get(text), body));

	if (stripped.len)
		memmove(text->data + body, stripped.data, stripped.len);
	buf_truncate(text, body + stripped.len);
	if (stripped.len)
		buf_byte(text, '\n');
}

static void
end_part(struct junitxml *j)
{
	unsigned *count = &j->counts[j->part - parts];
	struct event e;

	j->part_depth = 0;
	if (j->part->told)
		strip_body(&j->text, j->body);
	if (j->left_out)
		buf_printf(&j->text, "\n[%llu bytes are left out]\n", (unsigned long long)j->left_out);
	if (j->text.failed) {
		err_nomem(j->xml.err);
		xml_stop(&j->xml);
		return;
	}
	if (j->part->rank) {
		end_told(j, buf_get(&j->text));
	} else if (!j->text.len) {
		return;
	} else if (!j->case_depth) {
		event_init(&e);
		attach(&e, slice_str(j->part->name), buf_get(&j->text));
		send(j, &e);
	} else if (j->announced) {
		send_extra(j, j->part->name, j->part->told ? ++*count : 0, buf_get(&j->text));
	}
}

static void
end_case(struct junitxml *j)
{
	struct event e;

	j->case_depth = 0;
	if (j->id.failed) {
		err_nomem(j->xml.err);
		xml_stop(&j->xml);
		return;
	}
	j->clock = duration_after(j->clock, j->took);
	if (!j->announced)
		return;
	begin_event(j, &e);
	e.status = j->case_failed     ? STATUS_FAIL
		   : j->case_expected ? STATUS_XFAIL
		   : j->case_skipped  ? STATUS_SKIP
				      : STATUS_SUCCESS;
	e.eof = true;
	if (j->detail.len)
		attach(&e, SLICE_LIT("junit detail"), buf_get(&j->detail));
	j->failed |= j->case_failed;
	send(j, &e);
}

static void
on_end(void *context, const char *name)
{
	struct junitxml *j = context;

	(void)name;
	if (j->part_depth == j->xml.depth)
		end_part(j);
	else if (j->case_depth == j->xml.depth)
		end_case(j);
	else if (j->suite_depth == j->xml.depth)
		j->suite_depth--;
}

static void
on_text(void *context, struct slice text)
{
	struct junitxml *j = context;
	size_t take = j->text.len < JUNITXML_TEXT_MAX ? text.len : 0;

	if (!j->part_depth || j->part == PROPERTIES)
		return;
	buf_slice(&j->text, slice_head(text, take));
	j->left_out += text.len - take;
}

static const struct xml_handlers handlers = {on_start, on_end, on_text};

struct junitxml *
junitxml_new(junitxml_fn fn, void *context)
{
	struct junitxml *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->fn = fn;
	j->context = context;
	j->clock = DURATION_CLOCK;
	buf_init(&j->suite, XML_TAG_MAX);
	buf_init(&j->id, 2 * XML_TAG_MAX);
	buf_init(&j->detail, PART_MAX);
	buf_init(&j->text, PART_MAX);
	if (xml_init(&j->xml, &handlers, j)) {
		junitxml_free(j);
		return NULL;
	}
	return j;
}

void
junitxml_free(struct junitxml *j)
{
	if (!j)
		return;
	xml_release(&j->xml);
	buf_release(&j->suite);
	buf_release(&j->id);
	buf_release(&j->detail);
	buf_release(&j->text);
	free(j);
}

int
junitxml_begin(struct junitxml *j, struct err *err)
{
	j->suite_depth = j->case_depth = j->part_depth = 0;
	return xml_begin(&j->xml, err);
}

int
junitxml_feed(struct junitxml *j, struct slice bytes, struct err *err)
{
	return xml_feed(&j->xml, bytes, err);
}

int
junitxml_end(struct junitxml *j, struct err *err)
{
	return xml_end(&j->xml, err);
}

bool
junitxml_failed(const struct junitxml *j)
{
	return j->failed;
}
