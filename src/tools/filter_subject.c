/* SPDX-License-Identifier: Apache-2.0 */
#include "filter_subject.h"

static const char *
outcome_word(enum status status)
{
	switch (status) {
	case STATUS_SUCCESS:
		return "success";
	case STATUS_SKIP:
		return "skip";
	case STATUS_XFAIL:
		return "expectedfailure";
	case STATUS_UXSUCCESS:
		return "uxsuccess";
	default:
		return "failure";
	}
}

void
subject_as_text(struct buf *out, const struct result *r)
{
	buf_slice(out, r->id);
	buf_byte(out, '\n');
	buf_str(out, outcome_word(r->status));
	buf_byte(out, '\n');
	details_text(out, r->details, r->detail_count, "traceback");
	/* So that "$^" matches nothing. */
	if (out->len && out->data[out->len - 1] == '\n')
		buf_truncate(out, out->len - 1);
}

/* Quoted as Python does: by ', unless there is a ' and no ". Bytes from `escape_from` on are written as \xNN. */
static void
print_quoted(struct buf *out, struct slice s, unsigned escape_from)
{
	bool plain = slice_find(s, '\'') == s.len || slice_find(s, '"') < s.len;
	uint8_t quote = plain ? '\'' : '"';

	buf_byte(out, quote);
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i];

		if (c == quote || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c == '\n')
			buf_str(out, "\\n");
		else if (c == '\r')
			buf_str(out, "\\r");
		else if (c == '\t')
			buf_str(out, "\\t");
		else if (c < ' ' || c == 0x7f || c >= escape_from)
			buf_printf(out, "\\x%02x", c);
		else
			buf_byte(out, c);
	}
	buf_byte(out, quote);
}

void
subject_as_python(struct buf *out, const struct result *r)
{
	buf_slice(out, r->id);
	buf_str(out, outcome_word(r->status));
	buf_str(out, "None{");
	for (size_t i = 0; i < r->detail_count; i++) {
		const struct detail *d = &r->details[i];

		buf_str(out, i ? ", " : "");
		print_quoted(out, d->name, 256);
		buf_str(out, ": <Content type=");
		mime_print(out, d->mime);
		buf_str(out, ", value=b");
		print_quoted(out, d->bytes, 0x80);
		buf_byte(out, '>');
	}
	buf_byte(out, '}');
}
