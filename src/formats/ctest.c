/* SPDX-License-Identifier: Apache-2.0 */
#include "ctest.h"

#include "base64.h"
#include "duration.h"
#include "utf8.h"
#include "xml.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* <Site><Testing><Test><Results><NamedMeasurement><Value>: how deep each thing lies. */
enum {
	DEPTH_TESTING = 2,
	DEPTH_TEST = 3,
	DEPTH_RESULTS = 4,
	DEPTH_MEASUREMENT = 5,
	DEPTH_VALUE = 6,
};
#define PIECE_MAX ((size_t)256 << 10)
#define LABELS_MAX 64
/* Of the labels of a test, and of what the file tells of it. */
#define WORDS_MAX ((size_t)64 << 10)
/* zlib: the largest window; its own header or gzip's. */
#define ZLIB_WINDOW (15 + 32)

struct ctest {
	struct emit emit;
	struct xml xml;
	int64_t clock;

	/* The test, when in_test. */
	bool in_test, announced;
	struct buf status, completion;
	struct buf result, measurements, labels;
	int64_t took;

	/* The element whose text is wanted, when text_depth is not 0. */
	int text_depth;
	struct buf text;
	uint64_t left_out;
	struct buf measurement; /* the name of the one that the value is of; empty for the output */
	bool base64, packed;
	struct buf raw;
};

static void
stop_nomem(struct ctest *c)
{
	err_nomem(c->xml.err);
	xml_stop(&c->xml);
}

/* True unless the parsing has been stopped. */
static bool
check(struct ctest *c, int rc)
{
	if (rc && !c->xml.stopped)
		xml_stop(&c->xml);
	return !c->xml.stopped;
}

static void
want_text(struct ctest *c)
{
	c->text_depth = c->xml.depth;
	c->left_out = 0;
	buf_clear(&c->text);
}

static void
begin_test(struct ctest *c, const char *status)
{
	c->in_test = true;
	c->announced = false;
	c->took = 0;
	buf_clear(&c->status);
	buf_str(&c->status, status);
	buf_clear(&c->completion);
	buf_clear(&c->result);
	buf_clear(&c->measurements);
	buf_clear(&c->labels);
	buf_clear(&c->measurement);
}

static void
on_start(void *context, const char *name, const char **attributes)
{
	struct ctest *c = context;
	int depth = c->xml.depth;
	const char *word;

	if (c->text_depth)
		return;
	if (depth == 1 && strcmp(name, "Site") != 0) {
		err_set(c->xml.err, ERR_FAILED,
		    "this is <%.100s>, not CTest's <Site>; Testing/STAMP/Test.xml is what is read here",
		    name);
		xml_stop(&c->xml);
	} else if (depth == DEPTH_TEST && strcmp(name, "StartTestTime") == 0) {
		want_text(c);
	} else if (depth == DEPTH_TEST && strcmp(name, "Test") == 0) {
		begin_test(c, xml_word(attributes, "Status") ? xml_word(attributes, "Status") : "");
	} else if (!c->in_test) {
		return;
	} else if (depth == DEPTH_RESULTS && strcmp(name, "Name") == 0) {
		want_text(c);
	} else if (depth == DEPTH_MEASUREMENT && strcmp(name, "Label") == 0) {
		want_text(c);
	} else if (depth == DEPTH_MEASUREMENT) {
		buf_clear(&c->measurement);
		if (strcmp(name, "NamedMeasurement") == 0)
			buf_str(&c->measurement,
			    xml_word(attributes, "name") ? xml_word(attributes, "name") : "-");
	} else if (depth == DEPTH_VALUE && strcmp(name, "Value") == 0) {
		word = xml_word(attributes, "encoding");
		c->base64 = word && strcmp(word, "base64") == 0;
		word = xml_word(attributes, "compression");
		c->packed = word && strcmp(word, "gzip") == 0;
		want_text(c);
	}
}

static void
on_text(void *context, struct slice text)
{
	struct ctest *c = context;
	size_t take = c->text.len < CTEST_TEXT_MAX ? text.len : 0;

	if (!c->text_depth)
		return;
	buf_slice(&c->text, slice_head(text, take));
	c->left_out += text.len - take;
}

/* Appends "name: value", unless there is no value, or no room. */
static void
add_line(struct buf *to, struct slice name, struct slice value)
{
	value = slice_trim(value);
	if (!value.len || to->len + name.len + value.len + 3 > WORDS_MAX)
		return;
	buf_slice(to, name);
	buf_str(to, ": ");
	buf_slice(to, value);
	buf_byte(to, '\n');
}

static bool
is_one_of(struct slice s, const char *const *words)
{
	for (; *words; words++)
		if (slice_eq(s, slice_str(*words)))
			return true;
	return false;
}

static void
end_measurement(struct ctest *c)
{
	static const char *const why[] = {
	    "Completion Status", "Exit Code", "Exit Value", "Fail Reason", "Command Line", NULL};
	static const char *const unwanted[] = {"Processors", "Environment", NULL};
	struct slice name = buf_get(&c->measurement), value = buf_get(&c->text);

	if (slice_eq(name, SLICE_LIT("Execution Time"))) {
		c->took = duration_parse(buf_cstr(&c->text));
		return;
	}
	if (slice_eq(name, SLICE_LIT("Completion Status"))) {
		buf_clear(&c->completion);
		buf_slice(&c->completion, slice_head(slice_trim(value), WORDS_MAX));
	}
	if (is_one_of(name, why))
		add_line(&c->result, name, value);
	else if (!is_one_of(name, unwanted) && !c->base64)
		add_line(&c->measurements, name, value);
}

/* Unpacks what is in c->raw and sends it. Returns 0, or -1 with err set. */
static int
send_unpacked(struct ctest *c, struct err *err)
{
	z_stream z = {.next_in = c->raw.data, .avail_in = (uInt)c->raw.len};
	size_t total = 0;
	int rc = Z_OK, sent = 0;
	uint8_t *room;

	if (inflateInit2(&z, ZLIB_WINDOW) != Z_OK)
		return err_nomem(err);
	while (rc == Z_OK && sent == 0 && total < CTEST_TEXT_MAX) {
		buf_clear(&c->text);
		room = buf_space(&c->text, PIECE_MAX);
		if (!room) {
			sent = err_nomem(err);
			break;
		}
		z.next_out = room;
		z.avail_out = PIECE_MAX;
		rc = inflate(&z, Z_NO_FLUSH);
		buf_commit(&c->text, PIECE_MAX - z.avail_out);
		total += c->text.len;
		if (c->text.len)
			sent = emit_piece(&c->emit, "output", buf_get(&c->text), rc == Z_STREAM_END, err);
	}
	inflateEnd(&z);
	if (sent || rc == Z_STREAM_END)
		return sent;
	return emit_piece(&c->emit, "output",
	    rc == Z_OK ? SLICE_LIT("\n[the rest is left out]\n")
		       : SLICE_LIT("\n[the rest cannot be unpacked]\n"),
	    true, err);
}

static void
end_output(struct ctest *c)
{
	struct slice text = slice_trim(buf_get(&c->text));
	int rc;

	if (!c->base64) {
		if (c->left_out)
			buf_printf(
			    &c->text, "\n[%llu bytes are left out]\n", (unsigned long long)c->left_out);
		check(c, emit_file(&c->emit, "output", 0, buf_get(&c->text), c->xml.err));
		return;
	}
	/* CTest ends what has no padding by four of these. */
	if (slice_ends(text, SLICE_LIT("====")))
		text.len -= 4;
	buf_clear(&c->raw);
	if (!base64_decode(&c->raw, text) && !c->packed)
		buf_str(&c->raw, "\n[the rest cannot be decoded]\n");
	if (c->raw.failed)
		rc = err_nomem(c->xml.err);
	else if (c->packed)
		rc = send_unpacked(c, c->xml.err);
	else
		rc = emit_file(&c->emit, "output", 0, buf_get(&c->raw), c->xml.err);
	check(c, rc);
}

static void
announce(struct ctest *c, struct slice name)
{
	if (c->announced)
		return;
	c->announced = true;
	emit_test(&c->emit, name);
	check(c, emit_begin(&c->emit, c->clock, c->xml.err));
}

static void
end_text(struct ctest *c)
{
	int depth = c->text_depth;
	struct slice text = buf_get(&c->text);
	int64_t seconds;

	c->text_depth = 0;
	if (c->text.failed) {
		stop_nomem(c);
	} else if (depth == DEPTH_TEST) {
		if (slice_int(slice_trim(text), &seconds) && seconds > 0 && seconds <= UINT32_MAX)
			c->clock = seconds * TIME_SECOND;
	} else if (depth == DEPTH_RESULTS) {
		announce(c, text);
	} else if (depth == DEPTH_MEASUREMENT) {
		if (c->labels.len + text.len < WORDS_MAX && slice_trim(text).len) {
			utf8_mend(&c->labels, slice_trim(text));
			buf_byte(&c->labels, '\0');
		}
	} else if (c->measurement.len) {
		end_measurement(c);
	} else {
		announce(c, SLICE_LIT("test without a name"));
		end_output(c);
	}
}

static enum status
find_status(const struct ctest *c)
{
	struct slice status = buf_get(&c->status), completion = buf_get(&c->completion);

	if (slice_eq(status, SLICE_LIT("passed")))
		return STATUS_SUCCESS;
	if (slice_eq(status, SLICE_LIT("notrun")) &&
	    (slice_eq(completion, SLICE_LIT("Disabled")) || slice_starts(completion, SLICE_LIT("SKIP_"))))
		return STATUS_SKIP;
	return STATUS_FAIL;
}

static void
end_test(struct ctest *c)
{
	enum status status = find_status(c);
	struct slice tags[LABELS_MAX], rest = buf_get(&c->labels);
	size_t tag_count = 0;

	c->in_test = false;
	/* Nothing is said of it. */
	if (!c->status.len && !c->announced)
		return;
	if (c->status.failed || c->completion.failed || c->result.failed || c->measurements.failed ||
	    c->labels.failed || c->measurement.failed) {
		stop_nomem(c);
		return;
	}
	announce(c, SLICE_LIT("test without a name"));
	c->clock = duration_after(c->clock, c->took);
	while (tag_count < LABELS_MAX && slice_split(&rest, '\0', &tags[tag_count]) && rest.data)
		tag_count++;
	if (status != STATUS_SUCCESS &&
	    !check(c, emit_file(&c->emit, "result", 0, buf_get(&c->result), c->xml.err)))
		return;
	if (check(c, emit_file(&c->emit, "measurements", 0, buf_get(&c->measurements), c->xml.err)))
		check(c, emit_end_tagged(&c->emit, status, c->clock, tags, tag_count, c->xml.err));
}

static void
on_end(void *context, const char *name)
{
	struct ctest *c = context;

	(void)name;
	if (c->text_depth == c->xml.depth)
		end_text(c);
	else if (c->in_test && c->xml.depth == DEPTH_TEST)
		end_test(c);
}

static const struct xml_handlers handlers = {on_start, on_end, on_text};

struct ctest *
ctest_new(emit_fn fn, void *context)
{
	struct ctest *c = calloc(1, sizeof(*c));
	struct err err;

	if (!c)
		return NULL;
	emit_init(&c->emit, fn, context);
	c->clock = DURATION_CLOCK;
	buf_init(&c->status, XML_TAG_MAX);
	buf_init(&c->completion, XML_TAG_MAX);
	buf_init(&c->result, WORDS_MAX);
	buf_init(&c->measurements, WORDS_MAX);
	buf_init(&c->labels, 3 * WORDS_MAX);
	buf_init(&c->text, CTEST_TEXT_MAX + XML_TAG_MAX);
	buf_init(&c->measurement, XML_TAG_MAX);
	buf_init(&c->raw, CTEST_TEXT_MAX + XML_TAG_MAX);
	if (xml_init(&c->xml, &handlers, c) || xml_begin(&c->xml, &err)) {
		ctest_free(c);
		return NULL;
	}
	return c;
}

void
ctest_free(struct ctest *c)
{
	if (!c)
		return;
	emit_release(&c->emit);
	xml_release(&c->xml);
	buf_release(&c->status);
	buf_release(&c->completion);
	buf_release(&c->result);
	buf_release(&c->measurements);
	buf_release(&c->labels);
	buf_release(&c->text);
	buf_release(&c->measurement);
	buf_release(&c->raw);
	free(c);
}

int
ctest_feed(struct ctest *c, struct slice bytes, struct err *err)
{
	return xml_feed(&c->xml, bytes, err);
}

int
ctest_end(struct ctest *c, struct err *err)
{
	return xml_end(&c->xml, err);
}

bool
ctest_failed(const struct ctest *c)
{
	return c->emit.failed;
}
