/* SPDX-License-Identifier: Apache-2.0 */
#include "normal.h"

#include <string.h>

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_alnum(uint8_t c)
{
	return is_digit(c) || is_letter(c);
}

static bool
is_word(uint8_t c)
{
	return is_alnum(c) || c == '_';
}

static bool
is_hex(uint8_t c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool
is_path(uint8_t c)
{
	return is_word(c) || (c && strchr("./+-~@%", c));
}

/* How many bytes from `at` on are of that kind. */
static size_t
span(struct slice s, size_t at, bool (*is)(uint8_t))
{
	size_t n = 0;

	while (at + n < s.len && is(s.data[at + n]))
		n++;
	return n;
}

static bool
has(struct slice s, size_t at, uint8_t c)
{
	return at < s.len && s.data[at] == c;
}

static bool
begins_word(struct slice s, size_t at)
{
	return at == 0 || !is_word(s.data[at - 1]);
}

static bool
has_digit(struct slice s, size_t at, size_t len)
{
	while (len && !is_digit(s.data[at]))
		at++, len--;
	return len > 0;
}

/* Each of these tells how many bytes at that place are what it knows, or 0. Paths apart that is something with a
 * digit, and what it becomes has none, so that nothing is left to be known. */

static size_t
match_path(struct slice s, size_t at)
{
	bool begins = at == 0 || strchr(" '\"(=[{<:,|`", s.data[at - 1]);

	if (!begins || s.data[at] != '/' || at + 1 >= s.len || !is_word(s.data[at + 1]))
		return 0;
	return span(s, at, is_path);
}

static size_t
match_temporary(struct slice s, size_t at)
{
	static const char *const places[] = {"/tmp/", "/var/tmp/", "/private/tmp/", "/var/folders/",
	    "/private/var/folders/", "/dev/shm/", "/run/user/"};
	size_t len = match_path(s, at);

	for (size_t i = 0; len && i < sizeof(places) / sizeof(places[0]); i++)
		if (slice_starts(slice_from(s, at), slice_str(places[i])))
			return len;
	return 0;
}

/* Digits in the groups that the pattern has for each 'd', and its other bytes. */
static size_t
match_pattern(struct slice s, size_t at, const char *pattern)
{
	size_t n = 0;

	for (; pattern[n]; n++)
		if (at + n >= s.len ||
		    (pattern[n] == 'd' ? !is_digit(s.data[at + n]) : s.data[at + n] != (uint8_t)pattern[n]))
			return 0;
	return n;
}

static size_t
match_clock(struct slice s, size_t at)
{
	size_t n = match_pattern(s, at, "dd:dd:dd");

	if (!n)
		n = match_pattern(s, at, "d:dd:dd");
	if (n && (has(s, at + n, '.') || has(s, at + n, ',')) && span(s, at + n + 1, is_digit))
		n += 1 + span(s, at + n + 1, is_digit);
	return n;
}

static size_t
match_time(struct slice s, size_t at)
{
	size_t date = match_pattern(s, at, "dddd-dd-dd"), n = date, clock;

	if (!begins_word(s, at))
		return 0;
	if (!date)
		date = n = match_pattern(s, at, "dddd/dd/dd");
	clock = match_clock(s, date ? at + n + 1 : at);
	if (!date)
		n = clock;
	else if (clock && (has(s, at + n, 'T') || has(s, at + n, ' ')))
		n += 1 + clock;
	if (clock && has(s, at + n, 'Z'))
		n++;
	else if (clock && (has(s, at + n, '+') || has(s, at + n, '-')) &&
		 match_pattern(s, at + n + 1, "dd:dd"))
		n += strlen("+dd:dd");
	else if (clock && (has(s, at + n, '+') || has(s, at + n, '-')) &&
		 match_pattern(s, at + n + 1, "dddd"))
		n += strlen("+dddd");
	return n;
}

static size_t
match_uuid(struct slice s, size_t at)
{
	static const size_t groups[] = {8, 4, 4, 4, 12};
	size_t n = 0;

	if (!begins_word(s, at))
		return 0;
	for (size_t i = 0; i < 5; i++) {
		if (i && !has(s, at + n++, '-'))
			return 0;
		if (span(s, at + n, is_hex) != groups[i])
			return 0;
		n += groups[i];
	}
	return (at + n < s.len && is_word(s.data[at + n])) || !has_digit(s, at, n) ? 0 : n;
}

static size_t
match_address(struct slice s, size_t at)
{
	size_t n =
	    has(s, at, '0') && (has(s, at + 1, 'x') || has(s, at + 1, 'X')) ? span(s, at + 2, is_hex) : 0;

	return n ? n + 2 : 0;
}

/* What Java appends to the name of a class. */
static size_t
match_object(struct slice s, size_t at)
{
	size_t n = has(s, at, '@') && at && is_word(s.data[at - 1]) ? span(s, at + 1, is_hex) : 0;

	return n >= 4 && span(s, at + 1, is_word) == n && has_digit(s, at + 1, n) ? n + 1 : 0;
}

/* A word of eight hexadecimal digits or more that is neither a number nor made of letters alone. */
static size_t
match_hash(struct slice s, size_t at)
{
	size_t n = begins_word(s, at) ? span(s, at, is_hex) : 0;

	return n >= 8 && span(s, at, is_word) == n && span(s, at, is_digit) < n && span(s, at, is_letter) < n
		   ? n
		   : 0;
}

/* Letters and digits in turns, as no name that people give has them. */
static size_t
match_random(struct slice s, size_t at)
{
	size_t n = begins_word(s, at) ? span(s, at, is_alnum) : 0, turns = 0;

	for (size_t i = 1; i < n; i++)
		turns += is_digit(s.data[at + i]) != is_digit(s.data[at + i - 1]);
	return n >= 8 && turns >= 3 ? n : 0;
}

static size_t
match_number(struct slice s, size_t at)
{
	size_t n = span(s, at, is_digit), more;

	if (!n)
		return 0;
	while ((has(s, at + n, '.') || has(s, at + n, ',') || has(s, at + n, '_')) &&
	       (more = span(s, at + n + 1, is_digit)) > 0)
		n += 1 + more;
	if (has(s, at + n, 'e') || has(s, at + n, 'E')) {
		size_t sign = has(s, at + n + 1, '-') || has(s, at + n + 1, '+');

		more = span(s, at + n + 1 + sign, is_digit);
		n += more ? 1 + sign + more : 0;
	}
	return n;
}

static const struct {
	size_t (*match)(struct slice s, size_t at);
	const char *becomes; /* NULL: its last part, made normal */
} rules[] = {
    {match_temporary, "<tmp>"},
    {match_path, NULL},
    {match_time, "<time>"},
    {match_uuid, "<uuid>"},
    {match_address, "<hex>"},
    {match_object, "@<hex>"},
    {match_hash, "<hex>"},
    {match_random, "<id>"},
    {match_number, "<n>"},
};

static struct slice
last_part(struct slice path)
{
	size_t at;

	while (path.len && path.data[path.len - 1] == '/')
		path.len--;
	for (at = path.len; at && path.data[at - 1] != '/';)
		at--;
	return slice_from(path, at);
}

/* Paths have no path in their last part, so this does not go deeper than once. */
static void
replace(struct buf *out, struct slice s)
{
	size_t at = 0;

	while (at < s.len) {
		size_t n = 0, rule = 0;

		for (; rule < sizeof(rules) / sizeof(rules[0]) && n == 0; rule++)
			n = rules[rule].match(s, at);
		if (!n)
			buf_byte(out, s.data[at++]);
		else if (rules[rule - 1].becomes)
			buf_str(out, rules[rule - 1].becomes);
		else
			replace(out, last_part(slice_head(slice_from(s, at), n)));
		at += n;
	}
}

/* The length of the sequence for a terminal ("\33[1;31m") that is there, or 0. */
static size_t
sequence(struct slice s, size_t at)
{
	size_t end = at + 2;

	if (!has(s, at, 0x1b) || !has(s, at + 1, '['))
		return 0;
	while (end < s.len && (s.data[end] < 0x40 || s.data[end] > 0x7e))
		end++;
	return (end < s.len ? end + 1 : end) - at;
}

void
normal_uncoloured(struct buf *out, struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		size_t n = sequence(s, i);

		if (n)
			i += n - 1;
		else
			buf_byte(out, s.data[i]);
	}
}

void
normal_clean(struct buf *out, struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i];
		size_t n = sequence(s, i);

		if (n) {
			i += n - 1;
			continue;
		}
		if (c > ' ' && c != 0x7f)
			buf_byte(out, c);
		else if (out->len && out->data[out->len - 1] != ' ')
			buf_byte(out, ' ');
	}
	if (out->len && out->data[out->len - 1] == ' ')
		buf_truncate(out, out->len - 1);
}

void
normal_form(struct buf *out, struct slice text)
{
	struct buf plain;

	buf_init(&plain, SIZE_MAX / 4);
	normal_clean(&plain, text);
	replace(out, buf_get(&plain));
	out->failed |= plain.failed;
	buf_release(&plain);
}
