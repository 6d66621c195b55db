/* SPDX-License-Identifier: Apache-2.0 */
#include "json_cut.h"

void
json_cut_init(struct json_cut *c)
{
	*c = (struct json_cut){0};
	buf_init(&c->text, JSON_CUT_MAX);
}

void
json_cut_release(struct json_cut *c)
{
	buf_release(&c->text);
}

void
json_cut_clear(struct json_cut *c)
{
	struct buf text = c->text;

	*c = (struct json_cut){.text = text};
	buf_clear(&c->text);
}

static void
keep(struct json_cut *c, uint8_t byte)
{
	if (!c->skip)
		buf_byte(&c->text, byte);
}

static void
end_string(struct json_cut *c)
{
	c->in_string = false;
	if (c->left_out && !c->skip)
		buf_printf(&c->text, "\\n[%llu bytes are left out]\\n", (unsigned long long)c->left_out);
	keep(c, '"');
}

static void
take_string_byte(struct json_cut *c, uint8_t byte)
{
	/* A string is cut between characters. */
	bool inside = c->escape || (byte & 0xC0) == 0x80;

	if (byte == '"' && !c->escape) {
		end_string(c);
		return;
	}
	if (c->left_out || (c->length >= JSON_CUT_STRING && !inside)) {
		c->left_out++;
	} else {
		c->length++;
		keep(c, byte);
	}
	if (!c->escape)
		c->escape = byte == '\\' ? 5 : 0;
	else if (c->escape == 5)
		c->escape = byte == 'u' ? 4 : 0;
	else
		c->escape--;
}

static void
take_byte(struct json_cut *c, uint8_t byte)
{
	switch (byte) {
	case ' ':
	case '\t':
	case '\r':
	case '\n':
		return;
	case '"':
		c->in_string = true;
		c->length = 0;
		c->left_out = 0;
		break;
	case '{':
	case '[':
		c->depth++;
		break;
	case '}':
	case ']':
		if (c->skip == c->depth)
			c->skip = 0;
		c->depth--;
		c->done = c->depth == 0;
		break;
	case ',':
		if (!c->skip && c->text.len > JSON_CUT_MEMBERS)
			c->skip = c->depth;
		break;
	default:
		break;
	}
	keep(c, byte);
}

size_t
json_cut_take(struct json_cut *c, struct slice bytes)
{
	size_t at = 0;

	while (at < bytes.len && !c->done) {
		uint8_t byte = bytes.data[at++];

		if (c->in_string)
			take_string_byte(c, byte);
		else
			take_byte(c, byte);
	}
	return at;
}
