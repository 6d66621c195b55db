/* SPDX-License-Identifier: Apache-2.0 */
#include "json_record.h"

#include "buf.h"
#include "utf8.h"

#include <string.h>

/* The two digits behind "\ud" that tell which half of a pair an escape is; 0 when it is none. */
static unsigned
half_of_pair(struct slice s)
{
	uint8_t digit;

	if (s.len < 6 || s.data[0] != '\\' || s.data[1] != 'u' || (s.data[2] | 0x20) != 'd')
		return 0;
	digit = s.data[3] | 0x20;
	if (digit == '8' || digit == '9' || digit == 'a' || digit == 'b')
		return 1;
	return digit >= 'c' && digit <= 'f' ? 2 : 0;
}

static void
mend_escapes(struct buf *text)
{
	for (size_t at = 0; at < text->len;) {
		struct slice rest = slice_from(buf_get(text), at);
		unsigned half = half_of_pair(rest);

		if (half == 1 && half_of_pair(slice_from(rest, 6)) == 2)
			at += 12;
		else if (half)
			memcpy(text->data + at, "\\ufffd", 6);
		else
			at += rest.data[0] == '\\' ? 2 : 1;
	}
}

static json_t *
load(struct slice text)
{
	json_t *value = json_loadb((const char *)text.data, text.len, JSON_ALLOW_NUL, NULL);

	if (json_is_object(value))
		return value;
	json_decref(value);
	return NULL;
}

json_t *
json_record_read(struct slice text)
{
	json_t *object = load(text);
	struct buf mended;

	if (object || !slice_starts(text, SLICE_LIT("{")))
		return object;
	buf_init(&mended, 3 * text.len);
	utf8_replace(&mended, text);
	mend_escapes(&mended);
	if (!mended.failed)
		object = load(buf_get(&mended));
	buf_release(&mended);
	return object;
}

struct slice
json_record_text(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_string(value) ? slice_of(json_string_value(value), json_string_length(value))
				     : SLICE_NONE;
}

bool
json_record_number(const json_t *object, const char *key, double *out)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_number(value))
		return false;
	*out = json_number_value(value);
	return true;
}
