/* SPDX-License-Identifier: Apache-2.0 */
#include "xmltext.h"

/* True for what is no character of XML; a carriage return would be read as a newline. */
static bool
is_illegal(struct slice rest)
{
	static const uint8_t noncharacters[] = {0xEF, 0xBF};
	uint8_t c = rest.data[0];

	if (c < 0x20)
		return c != '\t' && c != '\n';
	return rest.len >= 3 && slice_starts(rest, slice_of(noncharacters, 2)) && rest.data[2] >= 0xBE;
}

void
xmltext_part(struct buf *out, struct slice s, bool attribute, unsigned *brackets)
{
	for (size_t i = 0; i < s.len; i++) {
		struct slice rest = slice_from(s, i);
		uint8_t c = s.data[i];
		bool ends_section = *brackets >= 2;

		if (is_illegal(rest)) {
			i += c < 0x20 ? 0 : 2;
			continue;
		}
		*brackets = c != ']' ? 0 : *brackets < 2 ? *brackets + 1 : 2;
		if (c == '&')
			buf_str(out, "&amp;");
		else if (c == '<')
			buf_str(out, "&lt;");
		else if (c == '>' && ends_section)
			buf_str(out, "&gt;");
		else if (attribute && c == '"')
			buf_str(out, "&quot;");
		else if (attribute && c == '\t')
			buf_str(out, "&#x9;");
		else if (attribute && c == '\n')
			buf_str(out, "&#xA;");
		else
			buf_byte(out, c);
	}
}

void
xmltext_add(struct buf *out, struct slice s, bool attribute)
{
	unsigned brackets = 0;

	xmltext_part(out, s, attribute, &brackets);
}

void
xmltext_seconds(struct buf *out, int64_t from, int64_t to)
{
	int64_t micros = from == TIME_NONE || to == TIME_NONE ? 0 : (to - from) / 1000, seconds;

	seconds = micros / 1000000;
	micros %= 1000000;
	if (micros < 0) {
		micros += 1000000;
		seconds--;
	}
	buf_printf(out, "%.3f", (double)seconds + 0.000001 * (double)micros);
}

/* Behind the last dot before a parenthesis is the name; a dot at the very end is part of it. */
static size_t
class_length(struct slice id)
{
	size_t end = slice_find(id, '(');

	if (end == id.len && end)
		end--;
	while (end && id.data[end - 1] != '.')
		end--;
	return end;
}

void
xmltext_case(struct buf *out, struct slice id, int64_t start, int64_t stop)
{
	size_t end = class_length(id);

	buf_str(out, "<testcase classname=\"");
	xmltext_add(out, slice_head(id, end ? end - 1 : 0), true);
	buf_str(out, "\" name=\"");
	xmltext_add(out, slice_from(id, end), true);
	buf_str(out, "\" time=\"");
	xmltext_seconds(out, start, stop);
	buf_byte(out, '"');
}
