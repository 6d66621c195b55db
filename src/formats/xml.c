/* SPDX-License-Identifier: Apache-2.0 */
#include "xml.h"

#include <expat.h>
#include <string.h>

#define FEED_SIZE ((size_t)64 << 10)

const char *
xml_attribute(const char **attributes, const char *name)
{
	for (; *attributes; attributes += 2)
		if (strcmp(attributes[0], name) == 0)
			return attributes[1];
	return NULL;
}

const char *
xml_word(const char **attributes, const char *name)
{
	const char *value = xml_attribute(attributes, name);

	return value && *value ? value : NULL;
}

void
xml_stop(struct xml *x)
{
	x->stopped = true;
	XML_StopParser(x->parser, XML_FALSE);
}

static void XMLCALL
on_start(void *context, const char *name, const char **attributes)
{
	struct xml *x = context;

	x->waited = 0;
	if (x->stopped)
		return;
	if (++x->depth > XML_DEPTH_MAX) {
		err_set(x->err, ERR_FAILED, "elements are nested deeper than %d", XML_DEPTH_MAX);
		xml_stop(x);
		return;
	}
	x->handlers->start(x->context, name, attributes);
}

static void XMLCALL
on_end(void *context, const char *name)
{
	struct xml *x = context;

	x->waited = 0;
	if (x->stopped)
		return;
	x->handlers->end(x->context, name);
	x->depth--;
}

static void XMLCALL
on_text(void *context, const char *text, int len)
{
	struct xml *x = context;

	x->waited = 0;
	if (!x->stopped)
		x->handlers->text(x->context, slice_of(text, (size_t)len));
}

/* Comments and the like, and what entities stand for: nothing of it is wanted, but it is there. */
static void XMLCALL
on_other(void *context, const char *text, int len)
{
	struct xml *x = context;

	(void)text;
	(void)len;
	x->waited = 0;
}

int
xml_init(struct xml *x, const struct xml_handlers *handlers, void *context)
{
	*x = (struct xml){.handlers = handlers, .context = context};
	buf_init(&x->mended, 3 * FEED_SIZE);
	x->parser = XML_ParserCreate(NULL);
	return x->parser ? 0 : -1;
}

void
xml_release(struct xml *x)
{
	if (x->parser)
		XML_ParserFree(x->parser);
	x->parser = NULL;
	buf_release(&x->mended);
}

int
xml_begin(struct xml *x, struct err *err)
{
	if (!XML_ParserReset(x->parser, NULL))
		return err_nomem(err);
	XML_SetUserData(x->parser, x);
	XML_SetElementHandler(x->parser, on_start, on_end);
	XML_SetCharacterDataHandler(x->parser, on_text);
	XML_SetDefaultHandlerExpand(x->parser, on_other);
	x->stopped = x->wide = false;
	x->waited = 0;
	x->fed = 0;
	x->depth = 0;
	return 0;
}

static int
parse(struct xml *x, struct slice bytes, bool last, struct err *err)
{
	enum XML_Status status;

	if (x->stopped)
		return err_set(err, ERR_FAILED, "the file is broken");
	x->err = err;
	x->waited += bytes.len;
	status = XML_Parse(x->parser, (const char *)bytes.data, (int)bytes.len, last);
	x->err = NULL;
	if (x->stopped)
		return -1;
	if (status == XML_STATUS_ERROR)
		err_set(err, ERR_FAILED, "line %lu: %s", (unsigned long)XML_GetCurrentLineNumber(x->parser),
		    XML_ErrorString(XML_GetErrorCode(x->parser)));
	else if (x->waited > XML_TAG_MAX)
		err_set(err, ERR_FAILED, "line %lu: a tag is longer than %zu bytes",
		    (unsigned long)XML_GetCurrentLineNumber(x->parser), XML_TAG_MAX);
	else
		return 0;
	x->stopped = true;
	return -1;
}

static bool
is_control(uint8_t c)
{
	return c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\0';
}

/* The piece without control characters, in x->mended when there are any. */
static struct slice
mend(struct xml *x, struct slice piece)
{
	size_t from = 0;

	buf_clear(&x->mended);
	for (size_t i = 0; i < piece.len; i++, x->fed++) {
		uint8_t c = piece.data[i];

		if (x->fed < 2 && (c == 0 || c >= 0xFE))
			x->wide = true;
		if (x->wide || !is_control(c))
			continue;
		buf_slice(&x->mended, slice_from(slice_head(piece, i), from));
		buf_str(&x->mended, "\xEF\xBF\xBD");
		from = i + 1;
	}
	if (!from)
		return piece;
	buf_slice(&x->mended, slice_from(piece, from));
	return buf_get(&x->mended);
}

int
xml_feed(struct xml *x, struct slice bytes, struct err *err)
{
	while (bytes.len) {
		struct slice piece = slice_head(bytes, FEED_SIZE), mended = mend(x, piece);

		if (x->mended.failed)
			return err_nomem(err);
		if (parse(x, mended, false, err))
			return -1;
		bytes = slice_from(bytes, piece.len);
	}
	return 0;
}

int
xml_end(struct xml *x, struct err *err)
{
	return parse(x, SLICE_LIT(""), true, err);
}
