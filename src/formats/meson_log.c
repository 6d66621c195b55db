/* SPDX-License-Identifier: Apache-2.0 */
#include "meson_log.h"

#include "duration.h"
#include "json_lines.h"

#include <inttypes.h>
#include <stdlib.h>

struct meson_log {
	struct emit emit;
	struct json_lines lines;
	struct buf text;
	uint64_t line;
	uint64_t bad_line; /* the first that is no test; 0 when there is none */
};

static enum status
find_status(struct slice result)
{
	static const struct {
		const char *word;
		enum status status;
	} words[] = {{"OK", STATUS_SUCCESS}, {"SKIP", STATUS_SKIP}, {"IGNORED", STATUS_SKIP},
	    {"EXPECTEDFAIL", STATUS_XFAIL}, {"UNEXPECTEDPASS", STATUS_UXSUCCESS}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (slice_eq(result, slice_str(words[i].word)))
			return words[i].status;
	return STATUS_FAIL;
}

/* "FAIL, exit status 3", and the command with its arguments, one a line. */
static void
tell_result(struct meson_log *m, const json_t *test)
{
	const json_t *command = json_object_get(test, "command");
	double code = 0;

	buf_clear(&m->text);
	buf_slice(&m->text, json_record_text(test, "result"));
	if (json_record_number(test, "returncode", &code))
		buf_printf(
		    &m->text, code < 0 ? ", signal %.0f" : ", exit status %.0f", code < 0 ? -code : code);
	buf_byte(&m->text, '\n');
	for (size_t i = 0; i < json_array_size(command); i++) {
		const json_t *word = json_array_get(command, i);

		if (!json_is_string(word))
			continue;
		buf_add(&m->text, json_string_value(word), json_string_length(word));
		buf_byte(&m->text, '\n');
	}
}

static int
send_test(struct meson_log *m, const json_t *test, struct err *err)
{
	enum status status = find_status(json_record_text(test, "result"));
	int64_t start = TIME_NONE;
	double number;

	/* Whole seconds and what is behind the point go apart: together they lose microseconds. */
	if (json_record_number(test, "starttime", &number) && number > 0 && number < UINT32_MAX)
		start = (int64_t)number * TIME_SECOND + duration_of(number - (double)(int64_t)number);
	if (!json_record_number(test, "duration", &number))
		number = 0;
	tell_result(m, test);
	if (m->text.failed)
		return err_nomem(err);
	emit_test(&m->emit, json_record_text(test, "name"));
	if (emit_begin(&m->emit, start, err) ||
	    emit_file(&m->emit, "stdout", 0, json_record_text(test, "stdout"), err) ||
	    emit_file(&m->emit, "stderr", 0, json_record_text(test, "stderr"), err))
		return -1;
	if (status != STATUS_SUCCESS && emit_file(&m->emit, "result", 0, buf_get(&m->text), err))
		return -1;
	return emit_end(&m->emit, status, duration_after(start, duration_of(number)), err);
}

static int
on_line(void *context, const struct json_line *line, struct err *err)
{
	struct meson_log *m = context;

	m->line += line->ended || !line->piece;
	if (line->object && json_record_text(line->object, "name").len &&
	    json_record_text(line->object, "result").len)
		return send_test(m, line->object, err);
	if (!m->bad_line && slice_trim(line->text).len)
		m->bad_line = m->line + (line->piece && !line->ended);
	return 0;
}

struct meson_log *
meson_log_new(emit_fn fn, void *context)
{
	struct meson_log *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	emit_init(&m->emit, fn, context);
	json_lines_init(&m->lines, on_line, m);
	buf_init(&m->text, 2 * JSON_CUT_MAX);
	return m;
}

void
meson_log_free(struct meson_log *m)
{
	if (!m)
		return;
	emit_release(&m->emit);
	json_lines_release(&m->lines);
	buf_release(&m->text);
	free(m);
}

int
meson_log_feed(struct meson_log *m, struct slice bytes, struct err *err)
{
	return json_lines_feed(&m->lines, bytes, err);
}

int
meson_log_end(struct meson_log *m, struct err *err)
{
	if (json_lines_end(&m->lines, err))
		return -1;
	if (m->bad_line)
		return err_set(err, ERR_FAILED,
		    "line %" PRIu64 " tells of no test; meson-logs/testlog.json is what is read here",
		    m->bad_line);
	return 0;
}

bool
meson_log_failed(const struct meson_log *m)
{
	return m->emit.failed;
}
