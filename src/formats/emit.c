/* SPDX-License-Identifier: Apache-2.0 */
#include "emit.h"

#include "utf8.h"

#define UTF8_TEXT "text/plain; charset=UTF8"

void
emit_init(struct emit *m, emit_fn fn, void *context)
{
	*m = (struct emit){.fn = fn, .context = context};
	/* A byte that is no text becomes three. */
	buf_init(&m->id, 3 * EMIT_ID_MAX);
	buf_init(&m->name, 256);
}

void
emit_release(struct emit *m)
{
	buf_release(&m->id);
	buf_release(&m->name);
}

void
emit_test(struct emit *m, struct slice id)
{
	buf_clear(&m->id);
	utf8_mend(&m->id, slice_head(id, EMIT_ID_MAX));
}

static int
send(struct emit *m, const struct event *e, struct err *err)
{
	if (m->id.failed || m->name.failed)
		return err_nomem(err);
	return m->fn(m->context, e, err);
}

static int
send_status(struct emit *m, enum status status, int64_t time, struct err *err)
{
	struct event e;

	event_init(&e);
	e.id = buf_get(&m->id);
	e.status = status;
	e.time = time;
	return send(m, &e, err);
}

int
emit_begin(struct emit *m, int64_t time, struct err *err)
{
	return send_status(m, STATUS_INPROGRESS, time, err);
}

int
emit_exists(struct emit *m, struct err *err)
{
	return send_status(m, STATUS_EXISTS, TIME_NONE, err);
}

int
emit_piece(struct emit *m, const char *name, struct slice text, bool last, struct err *err)
{
	struct event e;

	event_init(&e);
	e.id = buf_get(&m->id);
	e.mime = SLICE_LIT(UTF8_TEXT);
	e.file_name = slice_str(name);
	e.file = text;
	e.eof = last;
	return send(m, &e, err);
}

int
emit_file(struct emit *m, const char *name, unsigned number, struct slice text, struct err *err)
{
	if (!text.len)
		return 0;
	if (number > 1) {
		buf_clear(&m->name);
		buf_printf(&m->name, "%s %u", name, number);
		name = buf_cstr(&m->name);
		if (!name)
			return err_nomem(err);
	}
	return emit_piece(m, name, text, true, err);
}

int
emit_end_tagged(struct emit *m, enum status status, int64_t time, const struct slice *tags, size_t tag_count,
    struct err *err)
{
	struct event e;

	event_init(&e);
	e.id = buf_get(&m->id);
	e.status = status;
	e.time = time;
	e.tags = tag_count ? tags : NULL;
	e.tag_count = tag_count;
	e.eof = true;
	m->failed |= status == STATUS_FAIL || status == STATUS_UXSUCCESS;
	return send(m, &e, err);
}

int
emit_end(struct emit *m, enum status status, int64_t time, struct err *err)
{
	return emit_end_tagged(m, status, time, NULL, 0, err);
}

int
emit_text(struct emit *m, struct slice text, struct err *err)
{
	struct event e;

	if (!text.len)
		return 0;
	event_init(&e);
	e.mime = SLICE_LIT(UTF8_TEXT);
	e.file_name = SLICE_LIT("stdout");
	e.file = text;
	return m->fn(m->context, &e, err);
}
