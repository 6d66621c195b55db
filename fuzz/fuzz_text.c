/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as UTF-8, as a time, as a number, as a MIME type. */
#include "detail.h"
#include "fuzz.h"
#include "timefmt.h"
#include "utf8.h"

#include <inttypes.h>

/* The length of the character at the front of s, by its number; 0 when there is none. */
static size_t
character_length(struct slice s)
{
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
	uint8_t lead = s.len ? s.data[0] : 0x80;
	size_t more = lead < 0x80   ? 0
		      : lead < 0xC0 ? 4
		      : lead < 0xE0 ? 1
		      : lead < 0xF0 ? 2
		      : lead < 0xF8 ? 3
				    : 4;
	uint32_t code = more ? lead & (0x3Fu >> more) : lead;

	if (more > 3 || s.len <= more)
		return 0;
	for (size_t i = 1; i <= more; i++) {
		if ((s.data[i] & 0xC0) != 0x80)
			return 0;
		code = code << 6 | (s.data[i] & 0x3Fu);
	}
	if (code < least[more] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
		return 0;
	return more + 1;
}

static size_t
valid_prefix(struct slice in)
{
	size_t at = 0, len;

	while ((len = character_length(slice_from(in, at))))
		at += len;
	return at;
}

static void
law_of_utf8(struct slice in)
{
	size_t valid = utf8_valid_prefix(in), length = utf8_length(in);
	struct buf out;

	LAW(valid == valid_prefix(in) && utf8_valid(slice_head(in, valid)));
	LAW(utf8_valid(in) == (valid == in.len));
	LAW(utf8_could_be_valid(in) || valid < in.len);
	LAW(length <= in.len && utf8_head(in, length).len == in.len);
	LAW(!length || utf8_length(utf8_head(in, length / 2)) == length / 2);
	buf_init(&out, FUZZ_MAX);
	utf8_replace(&out, in);
	LAW(utf8_valid(buf_get(&out)) && out.len <= 3 * in.len);
	LAW(!utf8_valid(in) || slice_eq(buf_get(&out), in));
	LAW(slice_starts(buf_get(&out), slice_head(in, valid)));
	buf_clear(&out);
	utf8_from_latin1(&out, in);
	LAW(utf8_valid(buf_get(&out)) && utf8_length(buf_get(&out)) == in.len);
	buf_release(&out);
}

static void
law_of_times(struct slice in)
{
	int64_t time, back;
	struct buf out;
	size_t strict = time_parse(in, false, &time), loose = time_parse(in, true, &back);

	LAW(strict <= in.len && loose <= in.len && (!strict || loose));
	if (!strict)
		return;
	LAW(time != TIME_NONE);
	buf_init(&out, FUZZ_MAX);
	time_format(&out, time, 'T');
	LAW(time_parse(buf_get(&out), false, &back) == out.len);
	LAW(time >= back && time - back < 1000);
	buf_clear(&out);
	time_format_python(&out, time);
	LAW(time_parse(buf_get(&out), false, &back) == out.len);
	LAW(back == time_round_us(time));
	buf_release(&out);
}

static void
law_of_numbers(struct slice in)
{
	int64_t number, back;
	char text[32];

	if (!slice_int(in, &number))
		return;
	snprintf(text, sizeof(text), "%" PRId64, number);
	LAW(slice_int(slice_str(text), &back) && back == number);
}

static void
law_of_mime(struct slice in)
{
	struct detail d = {.name = SLICE_LIT("d"), .mime = in, .bytes = in};
	struct buf out;

	if (!utf8_valid(in))
		d.mime = SLICE_LIT("text/plain;charset=utf8");
	buf_init(&out, FUZZ_MAX);
	mime_print(&out, d.mime);
	LAW(utf8_valid(buf_get(&out)) && out.len <= 4 * in.len + 64);
	buf_clear(&out);
	mime_print_v1(&out, d.mime);
	LAW(utf8_valid(buf_get(&out)) && out.len <= 4 * in.len + 64);
	buf_clear(&out);
	detail_decode(&out, &d, NULL);
	LAW(utf8_valid(buf_get(&out)) && out.len <= 3 * in.len);
	buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);

	law_of_utf8(in);
	law_of_times(in);
	law_of_numbers(in);
	law_of_mime(in);
	return 0;
}
