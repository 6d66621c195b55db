/* SPDX-License-Identifier: Apache-2.0 */
#include "detail.h"

#include "utf8.h"

#include <inttypes.h>
#include <string.h>

/* Parameters beyond this many are ignored. */
#define PARAMS_MAX 16

struct param {
	struct slice name;
	struct slice value;
	bool quoted; /* there may be backslashes in the value */
};

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static bool
equal_nocase(struct slice a, struct slice b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.data[i]) != lower(b.data[i]))
			return false;
	return true;
}

/* Takes the text up to the next ';' outside quotes off the front of *rest. */
static struct slice
take_part(struct slice *rest)
{
	bool quoted = false;
	struct slice part;
	size_t n = 0;

	while (n < rest->len && (quoted || rest->data[n] != ';')) {
		if (rest->data[n] == '"' && !(n && rest->data[n - 1] == '\\'))
			quoted = !quoted;
		n++;
	}
	part = slice_trim(slice_head(*rest, n));
	*rest = slice_from(*rest, n + 1);
	return part;
}

static bool
take_param(struct slice *rest, struct param *out)
{
	while (rest->len) {
		struct slice part = take_part(rest);
		size_t equals = slice_find(part, '=');

		if (equals == part.len)
			continue;
		out->name = slice_trim(slice_head(part, equals));
		out->value = slice_trim(slice_from(part, equals + 1));
		out->quoted = out->value.len >= 2 && out->value.data[0] == '"' &&
			      out->value.data[out->value.len - 1] == '"';
		if (out->quoted)
			out->value = (struct slice){out->value.data + 1, out->value.len - 2};
		/* Old testtools joined its parameters with commas. */
		if (equal_nocase(out->name, SLICE_LIT("charset")))
			out->value = slice_head(out->value, slice_find(out->value, ','));
		return true;
	}
	return false;
}

/* "type/sub" into its halves. */
static bool
split_type(struct slice text, struct mime *out)
{
	size_t slash = slice_find(text, '/');

	if (slice_eq(text, SLICE_LIT("*"))) {
		out->main = out->sub = SLICE_LIT("*");
		return true;
	}
	if (slash == text.len)
		return false;
	out->main = slice_trim(slice_head(text, slash));
	out->sub = slice_trim(slice_from(text, slash + 1));
	return slice_find(out->sub, '/') == out->sub.len;
}

/* As mime_parse, and the parameters, of which each name is met once: the last value in the place of the
 * first. */
static size_t
parse_params(struct slice text, struct mime *out, struct param *params)
{
	struct slice rest = text;
	struct param param;
	size_t count = 0;

	*out = (struct mime){SLICE_LIT("application"), SLICE_LIT("octet-stream"), SLICE_NONE};
	if (!text.data || !split_type(take_part(&rest), out)) {
		*out = (struct mime){SLICE_LIT("application"), SLICE_LIT("octet-stream"), SLICE_NONE};
		return 0;
	}
	while (take_param(&rest, &param)) {
		size_t i = 0;

		while (i < count && !equal_nocase(params[i].name, param.name))
			i++;
		if (i == PARAMS_MAX)
			continue;
		params[i] = param;
		count += i == count;
		if (equal_nocase(param.name, SLICE_LIT("charset")))
			out->charset = param.value;
	}
	return count;
}

struct mime
mime_parse(struct slice text)
{
	struct param params[PARAMS_MAX];
	struct mime mime;

	parse_params(text, &mime, params);
	return mime;
}

static void
print_param(struct buf *out, const struct param *p, const char *quote)
{
	for (size_t i = 0; i < p->name.len; i++)
		buf_byte(out, lower(p->name.data[i]));
	buf_byte(out, '=');
	buf_str(out, quote);
	for (size_t i = 0; i < p->value.len; i++) {
		if (p->quoted && p->value.data[i] == '\\' && i + 1 < p->value.len &&
		    (p->value.data[i + 1] == '\\' || p->value.data[i + 1] == '"'))
			i++;
		buf_byte(out, p->value.data[i]);
	}
	buf_str(out, quote);
}

static int
compare_params(const struct param *a, const struct param *b)
{
	size_t n = a->name.len < b->name.len ? a->name.len : b->name.len;

	for (size_t i = 0; i < n; i++) {
		int order = lower(a->name.data[i]) - lower(b->name.data[i]);

		if (order)
			return order;
	}
	return (a->name.len > b->name.len) - (a->name.len < b->name.len);
}

void
mime_print(struct buf *out, struct slice text)
{
	struct param params[PARAMS_MAX];
	struct mime mime;
	size_t count = parse_params(text, &mime, params);

	buf_slice(out, mime.main);
	buf_byte(out, '/');
	buf_slice(out, mime.sub);
	for (size_t done = 0; done < count; done++) {
		size_t least = done;
		struct param swap;

		for (size_t i = done + 1; i < count; i++)
			if (compare_params(&params[i], &params[least]) < 0)
				least = i;
		swap = params[least];
		params[least] = params[done];
		params[done] = swap;
		buf_str(out, "; ");
		print_param(out, &swap, "\"");
	}
}

void
mime_print_v1(struct buf *out, struct slice text)
{
	struct param params[PARAMS_MAX];
	struct mime mime;
	size_t count = parse_params(text, &mime, params);

	buf_slice(out, mime.main);
	buf_byte(out, '/');
	buf_slice(out, mime.sub);
	for (size_t i = 0; i < count; i++) {
		buf_byte(out, i ? ',' : ';');
		print_param(out, &params[i], "");
	}
}

bool
detail_is_text(const struct detail *d)
{
	return slice_eq(mime_parse(d->mime).main, SLICE_LIT("text"));
}

static void
note_left_out(struct buf *out, const struct detail *d)
{
	buf_printf(out, "\n[%" PRIu64 " bytes left out]\n", d->left_out);
}

void
detail_noted(struct buf *out, const struct detail *d)
{
	buf_slice(out, slice_head(d->bytes, d->cut));
	if (d->left_out && detail_is_text(d))
		note_left_out(out, d);
	buf_slice(out, slice_from(d->bytes, d->cut));
}

enum charset {
	CHARSET_UTF8,
	CHARSET_LATIN1,
	CHARSET_ASCII, /* or unknown: only ASCII is sure */
};

static enum charset
charset_find(struct slice name)
{
	static const char utf8[][16] = {"utf8", "u8", "utf", "utf8ucs2", "utf8ucs4", "cp65001"};
	static const char latin1[][16] = {"iso88591", "latin1", "latin", "l1", "8859", "cp819", "ibm819",
	    "iso885911987", "isoir100", "csisolatin1"};
	char plain[16];
	size_t n = 0;

	if (!name.data)
		return CHARSET_LATIN1;
	for (size_t i = 0; i < name.len; i++) {
		if (name.data[i] == '-' || name.data[i] == '_' || name.data[i] == ' ')
			continue;
		if (n == sizeof(plain) - 1)
			return CHARSET_ASCII;
		plain[n++] = (char)lower(name.data[i]);
	}
	plain[n] = '\0';
	for (size_t i = 0; i < sizeof(utf8) / sizeof(utf8[0]); i++)
		if (strcmp(plain, utf8[i]) == 0)
			return CHARSET_UTF8;
	for (size_t i = 0; i < sizeof(latin1) / sizeof(latin1[0]); i++)
		if (strcmp(plain, latin1[i]) == 0)
			return CHARSET_LATIN1;
	return CHARSET_ASCII;
}

static void
decode(struct buf *out, struct slice bytes, enum charset charset)
{
	switch (charset) {
	case CHARSET_UTF8:
		utf8_replace(out, bytes);
		break;
	case CHARSET_LATIN1:
		utf8_from_latin1(out, bytes);
		break;
	case CHARSET_ASCII:
		for (size_t i = 0; i < bytes.len; i++) {
			if (bytes.data[i] < 0x80)
				buf_byte(out, bytes.data[i]);
			else
				buf_str(out, "\xef\xbf\xbd");
		}
		break;
	}
}

void
detail_decode(struct buf *out, const struct detail *d)
{
	enum charset charset = charset_find(mime_parse(d->mime).charset);

	decode(out, slice_head(d->bytes, d->cut), charset);
	if (d->left_out)
		note_left_out(out, d);
	decode(out, slice_from(d->bytes, d->cut), charset);
}

enum part {
	PART_BINARY,
	PART_EMPTY,
	PART_TEXT,
	PART_SPECIAL,
};

/* True when nothing but white space is in it, as text. */
static bool
is_blank(const struct detail *d)
{
	struct slice rest = slice_trim(d->bytes);
	struct buf decoded;
	bool blank;

	/* The bytes that can begin further white space, in UTF-8 or ISO-8859-1. */
	if (d->left_out ||
	    (rest.len && !memchr("\x1c\x1d\x1e\x1f\x85\xa0\xc2\xe1\xe2\xe3", rest.data[0], 10)))
		return false;
	buf_init(&decoded, SIZE_MAX / 2);
	detail_decode(&decoded, d);
	blank = !utf8_trim(buf_get(&decoded)).len;
	buf_release(&decoded);
	return blank;
}

static enum part
part_of(const struct detail *d, const char *special)
{
	if (!detail_is_text(d))
		return PART_BINARY;
	if (is_blank(d))
		return PART_EMPTY;
	return special && slice_eq(d->name, slice_str(special)) ? PART_SPECIAL : PART_TEXT;
}

/* Appends the decoded text without the blanks around it, `name: {{{…}}}` when it is not the special one.
 * Returns whether a newline ends it. */
static bool
print_text(struct buf *out, const struct detail *d, bool bare)
{
	struct buf decoded;
	struct slice text;
	bool lines;

	buf_init(&decoded, out->max);
	detail_decode(&decoded, d);
	text = utf8_trim(buf_get(&decoded));
	lines = slice_find(text, '\n') < text.len;
	if (!bare) {
		buf_slice(out, d->name);
		buf_str(out, lines ? ": {{{\n" : ": {{{");
	}
	buf_slice(out, text);
	if (!bare)
		buf_str(out, lines ? "\n}}}\n" : "}}}");
	out->failed |= decoded.failed;
	buf_release(&decoded);
	return lines && !bare;
}

/* The names of the attachments that are no text to show, under a title. Returns whether there are any. */
static bool
print_names(struct buf *out, const struct detail *details, size_t count, enum part part)
{
	bool any = false;

	for (size_t i = 0; i < count; i++) {
		if (part_of(&details[i], NULL) != part)
			continue;
		if (!any)
			buf_str(out, part == PART_BINARY ? "Binary content:\n" : "Empty attachments:\n");
		any = true;
		buf_str(out, "  ");
		buf_slice(out, details[i].name);
		if (part == PART_BINARY) {
			buf_str(out, " (");
			mime_print(out, details[i].mime);
			buf_byte(out, ')');
		}
		buf_byte(out, '\n');
	}
	return any;
}

void
details_text(struct buf *out, const struct detail *details, size_t count, const char *special)
{
	const struct detail *last = NULL;
	bool names, any = false, ended = false;

	names = print_names(out, details, count, PART_BINARY);
	names |= print_names(out, details, count, PART_EMPTY);
	for (size_t i = 0; i < count; i++) {
		enum part part = part_of(&details[i], special);

		if (part == PART_SPECIAL)
			last = &details[i];
		if (part != PART_TEXT)
			continue;
		if (names || any)
			buf_byte(out, '\n');
		names = false;
		any = true;
		ended = print_text(out, &details[i], false);
	}
	if (any && !ended)
		buf_byte(out, '\n');
	if (!last)
		return;
	if (any || names)
		buf_byte(out, '\n');
	print_text(out, last, true);
	buf_byte(out, '\n');
}
