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

/* What stands where bytes were left out. */
static struct slice
note_left_out(struct buf *note, const struct detail *d)
{
	buf_printf(note, "\n[%" PRIu64 " bytes left out]\n", d->left_out);
	return buf_get(note);
}

int
detail_pieces(const struct detail *d, piece_fn fn, void *context)
{
	uint8_t storage[DETAIL_NOTE_MAX];
	struct buf note;
	int rc;

	if (d->store)
		return d->store->read(d->store->context, &d->stored, fn, context);
	if (!d->left_out)
		return fn(context, d->bytes);
	buf_over(&note, storage, sizeof(storage));
	rc = fn(context, slice_head(d->bytes, d->cut));
	if (rc == 0 && detail_is_text(d))
		rc = fn(context, note_left_out(&note, d));
	return rc ? rc : fn(context, slice_from(d->bytes, d->cut));
}

static int
append_piece(void *context, struct slice piece)
{
	buf_slice(context, piece);
	return 0;
}

void
detail_noted(struct buf *out, const struct detail *d)
{
	detail_pieces(d, append_piece, out);
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

#define DECODE_SIZE ((size_t)32 << 10)

/* Decodes pieces that may begin and end within characters. */
struct decoder {
	enum charset charset;
	struct buf raw; /* not decoded: the beginning of a character, then what follows it */
	struct buf text;
	piece_fn fn; /* gets `text` */
	void *context;
};

/* How many bytes at the end may be the beginning of a character. */
static size_t
unfinished(struct slice s)
{
	for (size_t n = 1; n <= 3 && n <= s.len; n++) {
		struct slice tail = slice_from(s, s.len - n);

		if (!utf8_valid(tail) && utf8_could_be_valid(tail))
			return n;
	}
	return 0;
}

/* Decodes what there is, all of it when nothing follows. */
static int
decode_raw(struct decoder *x, bool last)
{
	struct slice raw = buf_get(&x->raw);
	size_t len = raw.len - (x->charset == CHARSET_UTF8 && !last ? unfinished(raw) : 0);

	buf_clear(&x->text);
	decode(&x->text, slice_head(raw, len), x->charset);
	buf_drop(&x->raw, len);
	if (x->raw.failed || x->text.failed)
		return -1;
	return x->text.len ? x->fn(x->context, buf_get(&x->text)) : 0;
}

static int
decode_piece(void *context, struct slice piece)
{
	struct decoder *x = context;
	int rc = 0;

	while (piece.len && rc == 0) {
		buf_slice(&x->raw, slice_head(piece, DECODE_SIZE));
		piece = slice_from(piece, DECODE_SIZE);
		rc = decode_raw(x, false);
	}
	return rc;
}

/* As detail_pieces, decoded: whole characters, and no empty piece. */
static int
decoded_pieces(const struct detail *d, piece_fn fn, void *context)
{
	struct decoder x = {
	    .charset = charset_find(mime_parse(d->mime).charset), .fn = fn, .context = context};
	uint8_t storage[DETAIL_NOTE_MAX];
	struct buf note;
	int rc;

	buf_init(&x.raw, 2 * DECODE_SIZE);
	buf_init(&x.text, 8 * DECODE_SIZE);
	buf_over(&note, storage, sizeof(storage));
	if (d->store)
		rc = d->store->read(d->store->context, &d->stored, decode_piece, &x);
	else
		rc = decode_piece(&x, slice_head(d->bytes, d->cut));
	if (rc == 0 && d->left_out)
		rc = decode_raw(&x, true);
	if (rc == 0 && d->left_out)
		rc = fn(context, note_left_out(&note, d));
	if (rc == 0 && !d->store)
		rc = decode_piece(&x, slice_from(d->bytes, d->cut));
	if (rc == 0)
		rc = decode_raw(&x, true);
	buf_release(&x.raw);
	buf_release(&x.text);
	return rc;
}

/* A part of a decoded text, in bytes, and where it goes. */
struct range {
	uint64_t at, from, to;
	struct buf *out;
	const struct drain *drain;
};

static int
print_range(void *context, struct slice piece)
{
	struct range *r = context;
	uint64_t at = r->at;

	r->at += piece.len;
	if (r->at > r->to)
		piece = slice_head(piece, r->to > at ? (size_t)(r->to - at) : 0);
	if (at < r->from)
		piece = slice_from(piece, r->from - at < piece.len ? (size_t)(r->from - at) : piece.len);
	buf_slice(r->out, piece);
	return drain_check(r->drain, r->out);
}

int
detail_decode(struct buf *out, const struct detail *d, const struct drain *drain)
{
	struct range all = {.to = UINT64_MAX, .out = out, .drain = drain};

	if (decoded_pieces(d, print_range, &all) == 0)
		return 0;
	out->failed = true;
	return -1;
}

enum part {
	PART_BINARY,
	PART_EMPTY,
	PART_TEXT,
	PART_SPECIAL,
};

static int
find_visible(void *context, struct slice piece)
{
	(void)context;
	return utf8_trim(piece).len ? 1 : 0;
}

/* True when nothing but white space is in it, as text. */
static bool
is_blank(const struct detail *d)
{
	struct slice rest = slice_trim(d->bytes);

	/* The bytes that can begin further white space, in UTF-8 or ISO-8859-1. */
	if (d->left_out ||
	    (rest.len && !memchr("\x1c\x1d\x1e\x1f\x85\xa0\xc2\xe1\xe2\xe3", rest.data[0], 10)))
		return false;
	return decoded_pieces(d, find_visible, NULL) == 0;
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

/* What there is between the blanks around a text. */
struct extent {
	uint64_t at, from, to;
	uint64_t newline; /* the first one behind `from` */
};

static int
measure_piece(void *context, struct slice piece)
{
	struct extent *x = context;
	struct slice seen = utf8_trim(piece);
	size_t before = seen.len ? (size_t)(seen.data - piece.data) : 0, skip, newline;

	if (seen.len && x->from == x->to)
		x->from = x->at + before;
	if (seen.len)
		x->to = x->at + before + seen.len;
	if (x->from < x->to && x->newline == UINT64_MAX) {
		skip = x->from > x->at ? (size_t)(x->from - x->at) : 0;
		newline = slice_find(slice_from(piece, skip), '\n') + skip;
		if (newline < piece.len)
			x->newline = x->at + newline;
	}
	x->at += piece.len;
	return 0;
}

/* Appends the decoded text without the blanks around it, `name: {{{…}}}` when it is not the special one. Sets
 * *ended when a newline ends it. */
static int
print_text(struct buf *out, const struct detail *d, bool bare, const struct drain *drain, bool *ended)
{
	struct extent extent = {.newline = UINT64_MAX};
	struct range range = {.out = out, .drain = drain};
	bool lines;

	if (decoded_pieces(d, measure_piece, &extent)) {
		out->failed = true;
		return -1;
	}
	lines = extent.newline < extent.to;
	if (!bare) {
		buf_slice(out, d->name);
		buf_str(out, lines ? ": {{{\n" : ": {{{");
	}
	range.from = extent.from;
	range.to = extent.to;
	if (decoded_pieces(d, print_range, &range)) {
		out->failed = true;
		return -1;
	}
	if (!bare)
		buf_str(out, lines ? "\n}}}\n" : "}}}");
	*ended = lines && !bare;
	return 0;
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

int
details_text(struct buf *out, const struct detail *details, size_t count, const char *special,
    const struct drain *drain)
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
		if (print_text(out, &details[i], false, drain, &ended))
			return -1;
	}
	if (any && !ended)
		buf_byte(out, '\n');
	if (!last)
		return 0;
	if (any || names)
		buf_byte(out, '\n');
	if (print_text(out, last, true, drain, &ended))
		return -1;
	buf_byte(out, '\n');
	return 0;
}
