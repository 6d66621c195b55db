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

int
subject_as_text(struct buf *out, const struct result *r, const struct drain *drain)
{
	buf_slice(out, r->id);
	buf_byte(out, '\n');
	buf_str(out, outcome_word(r->status));
	buf_byte(out, '\n');
	if (details_text(out, r->details, r->detail_count, "traceback", drain))
		return -1;
	/* So that "$^" matches nothing. */
	if (out->len && out->data[out->len - 1] == '\n')
		buf_truncate(out, out->len - 1);
	return 0;
}

/* A text that is quoted as Python does: by ', unless there is a ' and no ". Bytes from `escape_from` on are
 * written as \xNN. */
struct quoted {
	struct buf *out;
	const struct drain *drain;
	unsigned escape_from;
	bool has_single, has_double;
	uint8_t quote;
};

static int
see_quotes(void *context, struct slice s)
{
	struct quoted *q = context;

	q->has_single |= slice_find(s, '\'') < s.len;
	q->has_double |= slice_find(s, '"') < s.len;
	q->quote = q->has_single && !q->has_double ? '"' : '\'';
	return 0;
}

static int
print_piece(void *context, struct slice s)
{
	const struct quoted *q = context;
	struct buf *out = q->out;

	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i];

		if (c == q->quote || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c == '\n')
			buf_str(out, "\\n");
		else if (c == '\r')
			buf_str(out, "\\r");
		else if (c == '\t')
			buf_str(out, "\\t");
		else if (c < ' ' || c == 0x7f || c >= q->escape_from)
			buf_printf(out, "\\x%02x", c);
		else
			buf_byte(out, c);
	}
	return drain_check(q->drain, out);
}

static int
print_quoted(struct quoted *q, const struct detail *d)
{
	if (detail_pieces(d, see_quotes, q))
		return -1;
	buf_byte(q->out, q->quote);
	if (detail_pieces(d, print_piece, q))
		return -1;
	buf_byte(q->out, q->quote);
	return 0;
}

int
subject_as_python(struct buf *out, const struct result *r, const struct drain *drain)
{
	buf_slice(out, r->id);
	buf_str(out, outcome_word(r->status));
	buf_str(out, "None{");
	for (size_t i = 0; i < r->detail_count; i++) {
		const struct detail *d = &r->details[i];
		struct quoted name = {.out = out, .escape_from = 256}, value = {out, drain, 0x80};

		buf_str(out, i ? ", " : "");
		print_quoted(&name, &(struct detail){.bytes = d->name});
		buf_str(out, ": <Content type=");
		mime_print(out, d->mime);
		buf_str(out, ", value=b");
		if (print_quoted(&value, d))
			return -1;
		buf_byte(out, '>');
	}
	buf_byte(out, '}');
	return 0;
}
