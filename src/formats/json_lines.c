/* SPDX-License-Identifier: Apache-2.0 */
#include "json_lines.h"

static int
hand_on(struct json_lines *l, struct slice text, const struct line *line, struct err *err)
{
	struct slice trimmed = slice_trim(text);
	struct json_line out = {.text = text, .ended = line->ended};
	json_t *object = NULL;
	int rc;

	if (slice_starts(trimmed, SLICE_LIT("{")))
		object = json_record_read(trimmed);
	out.object = object;
	rc = l->fn(l->context, &out, err);
	json_decref(object);
	return rc;
}

static int
end_cut(struct json_lines *l, const struct line *line, struct err *err)
{
	l->cutting = false;
	return hand_on(l, buf_get(&l->cut.text), line, err);
}

static bool
begins_object(struct slice text)
{
	text = slice_trim(text);
	return slice_starts(text, SLICE_LIT("{")) &&
	       slice_starts(slice_trim(slice_from(text, 1)), SLICE_LIT("\""));
}

static int
on_line(void *context, const struct line *line, struct err *err)
{
	struct json_lines *l = context;
	struct json_line piece = {.text = line->text, .ended = line->ended, .piece = true};

	if (!line->piece)
		return hand_on(l, line->text, line, err);
	if (!l->in_piece && begins_object(line->text)) {
		l->cutting = true;
		json_cut_clear(&l->cut);
	}
	l->in_piece = !line->ended;
	if (!l->cutting)
		return l->fn(l->context, &piece, err);
	json_cut_take(&l->cut, line->text);
	return line->ended ? end_cut(l, line, err) : 0;
}

void
json_lines_init(struct json_lines *l, json_lines_fn fn, void *context)
{
	*l = (struct json_lines){.fn = fn, .context = context};
	lines_init(&l->lines, JSON_LINES_MAX, on_line, l);
	json_cut_init(&l->cut);
}

void
json_lines_release(struct json_lines *l)
{
	lines_release(&l->lines);
	json_cut_release(&l->cut);
}

int
json_lines_feed(struct json_lines *l, struct slice bytes, struct err *err)
{
	return lines_feed(&l->lines, bytes, err);
}

int
json_lines_end(struct json_lines *l, struct err *err)
{
	static const struct line last = {.piece = true};

	if (lines_end(&l->lines, err))
		return -1;
	return l->cutting ? end_cut(l, &last, err) : 0;
}
