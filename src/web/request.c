/* SPDX-License-Identifier: Apache-2.0 */
#include "request.h"

#include "utf8.h"

#include <strings.h>

static int
hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes into *to, which moves on. */
static const char *
decode(struct slice text, bool plus, uint8_t **to, struct slice *out)
{
	uint8_t *at = *to;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];

		if (c == '%') {
			int high = i + 2 < text.len ? hex(text.data[i + 1]) : -1;
			int low = i + 2 < text.len ? hex(text.data[i + 2]) : -1;

			if (high < 0 || low < 0)
				return "a '%' is not followed by two hexadecimal digits";
			c = (uint8_t)(high << 4 | low);
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		if (!c)
			return "it has a NUL";
		*at++ = c;
	}
	*out = slice_of(*to, (size_t)(at - *to));
	*to = at;
	return utf8_valid(*out) ? NULL : "it is not UTF-8";
}

static const char *
parse_path(struct request *r, uint8_t **to)
{
	struct slice rest = slice_from(r->path, 1), part;

	if (r->path.len == 0 || r->path.data[0] != '/')
		return "it does not begin with '/'";
	if (rest.len == 0)
		return NULL;
	while (slice_split(&rest, '/', &part)) {
		const char *wrong;

		if (r->segment_count == REQUEST_SEGMENTS_MAX)
			return "it has too many parts";
		wrong = decode(part, false, to, &r->segments[r->segment_count]);
		if (wrong)
			return wrong;
		r->raw[r->segment_count++] = part;
	}
	return NULL;
}

static const char *
parse_params(struct request *r, struct slice query, uint8_t **to)
{
	struct slice part;

	while (query.len && slice_split(&query, '&', &part)) {
		size_t equals = slice_find(part, '=');
		struct request_param *param = &r->params[r->param_count];
		const char *wrong;

		if (part.len == 0)
			continue;
		if (r->param_count == REQUEST_PARAMS_MAX)
			return "it has too many parameters";
		wrong = decode(slice_head(part, equals), true, to, &param->key);
		if (!wrong)
			wrong = decode(slice_from(part, equals + 1), true, to, &param->value);
		if (wrong)
			return wrong;
		r->param_count++;
	}
	return NULL;
}

const char *
request_parse(struct request *out, struct slice target, uint8_t *storage)
{
	size_t question = slice_find(target, '?');
	uint8_t *to = storage + target.len;
	const char *wrong;

	*out = (struct request){0};
	if (target.len > REQUEST_TARGET_MAX)
		return "it is too long";
	if (target.len)
		memcpy(storage, target.data, target.len);
	out->path = slice_of(storage, question);
	wrong = parse_path(out, &to);
	if (!wrong)
		wrong = parse_params(out, slice_from(slice_of(storage, target.len), question + 1), &to);
	return wrong;
}

struct slice
request_param(const struct request *r, const char *key)
{
	for (size_t i = 0; i < r->param_count; i++)
		if (slice_eq(r->params[i].key, slice_str(key)))
			return r->params[i].value;
	return SLICE_NONE;
}

/* "q=0", "q=0.0" and so on. */
static bool
is_refused(struct slice parameters)
{
	struct slice part;

	while (slice_split(&parameters, ';', &part)) {
		part = slice_trim(part);
		if (slice_starts(part, SLICE_LIT("q=0")) || slice_starts(part, SLICE_LIT("Q=0"))) {
			part = slice_from(part, 3);
			while (part.len && (part.data[0] == '0' || part.data[0] == '.'))
				part = slice_from(part, 1);
			return part.len == 0;
		}
	}
	return false;
}

bool
request_accepts(const char *header, const char *word)
{
	struct slice rest = slice_str(header), item;

	while (slice_split(&rest, ',', &item)) {
		size_t semicolon = slice_find(item, ';');
		struct slice name = slice_trim(slice_head(item, semicolon));

		if (name.len == strlen(word) && strncasecmp((const char *)name.data, word, name.len) == 0)
			return !is_refused(slice_from(item, semicolon));
	}
	return false;
}

bool
request_tag_matches(const char *header, struct slice tag)
{
	struct slice rest = slice_str(header), item;

	while (slice_split(&rest, ',', &item)) {
		item = slice_trim(item);
		if (slice_eq(item, SLICE_LIT("*")))
			return true;
		/* If-None-Match compares weakly. */
		if (slice_starts(item, SLICE_LIT("W/")))
			item = slice_from(item, 2);
		if (slice_eq(item, tag))
			return true;
	}
	return false;
}

struct slice
request_host(struct slice authority)
{
	struct slice host, rest;
	size_t end;

	if (authority.len && authority.data[0] == '[') {
		end = slice_find(authority, ']') + 1;
		if (end > authority.len)
			return SLICE_NONE;
	} else {
		end = slice_find(authority, ':');
	}
	host = slice_head(authority, end);
	rest = slice_from(authority, end);
	if (host.len == 0 || (rest.len && rest.data[0] != ':'))
		return SLICE_NONE;
	for (size_t i = 1; i < rest.len; i++)
		if (rest.data[i] < '0' || rest.data[i] > '9')
			return SLICE_NONE;
	return host;
}

/* Digits alone; what does not fit is as large as fits. */
static bool
read_place(struct slice digits, uint64_t *out)
{
	uint64_t n = 0;

	for (size_t i = 0; i < digits.len; i++) {
		unsigned digit = digits.data[i] - (unsigned)'0';

		if (digit > 9)
			return false;
		n = n > (UINT64_MAX - digit) / 10 ? UINT64_MAX : n * 10 + digit;
	}
	*out = n;
	return digits.len > 0;
}

int
request_range(const char *header, uint64_t size, uint64_t *from, uint64_t *end)
{
	struct slice text = slice_str(header), first, last;
	uint64_t a = 0, b = 0;
	size_t dash;

	if (!slice_starts(text, SLICE_LIT("bytes=")))
		return 0;
	text = slice_trim(slice_from(text, 6));
	dash = slice_find(text, '-');
	first = slice_head(text, dash);
	last = slice_from(text, dash + 1);
	if (dash == text.len || (first.len && !read_place(first, &a)) ||
	    (last.len && !read_place(last, &b)) || first.len + last.len == 0 ||
	    (first.len && last.len && b < a))
		return 0;
	if (first.len == 0) {
		if (b == 0 || size == 0)
			return -1;
		*from = b < size ? size - b : 0;
		*end = size;
		return 1;
	}
	if (a >= size)
		return -1;
	*from = a;
	*end = last.len && b < size - 1 ? b + 1 : size;
	return 1;
}

void
request_encode(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
		    c == '.' || c == '_' || c == '~')
			buf_byte(out, c);
		else
			buf_printf(out, "%%%02X", c);
	}
}
