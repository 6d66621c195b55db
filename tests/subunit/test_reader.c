/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reader.h"
#include "vectors.h"

#include <dirent.h>
#include <sys/mman.h>

#define WHOLE (SIZE_MAX / 2)

/* What a reader said. */
struct heard {
	struct event_log log;
	struct buf raw;   /* the bytes of all events, joined */
	uint64_t offsets; /* a sum over the offsets of all events but text */
	uint64_t at;      /* where the next event has to begin, in a stream without v1 */
	bool plain;
	size_t largest; /* piece */
};

static void
heard_init(struct heard *h)
{
	*h = (struct heard){0};
	log_init(&h->log);
	buf_init(&h->raw, VECTOR_MAX);
}

static void
heard_release(struct heard *h)
{
	log_release(&h->log);
	buf_release(&h->raw);
}

static void
heard_clear(struct heard *h, enum reader_mode mode)
{
	log_clear(&h->log);
	buf_clear(&h->raw);
	h->offsets = h->at = h->largest = 0;
	h->plain = mode == READER_V2;
}

static void
drain(struct reader *r, struct heard *h)
{
	struct event e;
	int rc;

	while ((rc = reader_next(r, &e)) > 0) {
		log_event(&h->log, &e);
		buf_slice(&h->raw, e.raw);
		if (e.kind == EVENT_PACKET)
			h->offsets = h->offsets * 31 + e.offset;
		if (e.kind == EVENT_TEXT)
			assert_true(e.file.len > 0 && e.file.len <= READER_TEXT_MAX);
		if (h->plain) {
			assert_true(e.offset == h->at);
			h->at += e.raw.len;
		}
	}
	assert_int_equal(rc, 0);
}

static void
feed(struct reader *r, struct slice bytes, struct heard *h)
{
	size_t room;

	assert_int_equal(reader_feed(r, bytes.data, bytes.len), 0);
	drain(r, h);
	assert_non_null(reader_space(r, &room));
	if (h->largest < bytes.len)
		h->largest = bytes.len;
	assert_true(room >= 65536 && room < READER_HELD_MAX + h->largest + (1 << 20));
}

/* What is held back can be the start of a packet. (Long starts are not looked at afresh for each byte that is
 * added.) */
static void
assert_held_rightly(const struct heard *h, struct slice fed, size_t piece)
{
	struct slice held = slice_from(fed, h->at);
	struct packet_tags tags = {0};
	struct event e;
	size_t length;

	if (!h->plain || !held.len || held.len > 64 * piece)
		return;
	assert_int_equal(packet_probe(held, &tags, &e, &length), PACKET_PARTIAL);
	packet_tags_release(&tags);
}

/* Feeds the bytes in pieces of `piece`, after a first one of `first`. */
static void
run(enum reader_mode mode, struct slice bytes, size_t first, size_t piece, struct heard *h)
{
	struct reader *r = reader_new(mode);

	assert_non_null(r);
	heard_clear(h, mode);
	feed(r, slice_head(bytes, first), h);
	assert_held_rightly(h, slice_head(bytes, first), piece);
	for (size_t at = first; at < bytes.len; at += piece) {
		feed(r, slice_head(slice_from(bytes, at), piece), h);
		assert_held_rightly(h, slice_head(bytes, at + piece), piece);
	}
	reader_end(r);
	drain(r, h);
	drain(r, h);
	reader_free(r);
}

static void
assert_same(const char *name, struct heard *actual, const char *expected)
{
	if (strcmp(log_text(&actual->log), expected) != 0)
		print_error(
		    "%s\nexpected %.2000s\nactual   %.2000s\n", name, expected, log_text(&actual->log));
	assert_true(strcmp(log_text(&actual->log), expected) == 0);
}

/* All laws that hold for any stream: `whole` becomes what is heard of it in one piece. */
static void
check_pieces(const char *name, enum reader_mode mode, struct slice bytes, struct heard *whole)
{
	struct heard cut;
	size_t step = bytes.len < 1000 ? 1 : bytes.len / 60;

	heard_init(&cut);
	run(mode, bytes, 0, WHOLE, whole);
	if (mode == READER_V2)
		assert_true(slice_eq(buf_get(&whole->raw), bytes));
	for (size_t at = 1; at < bytes.len; at += at < 70 || at + 70 > bytes.len ? 1 : step) {
		run(mode, bytes, at, WHOLE, &cut);
		assert_same(name, &cut, log_text(&whole->log));
		assert_true(cut.offsets == whole->offsets);
		if (bytes.len > 100000 && at > 20)
			at += bytes.len / 8;
	}
	run(mode, bytes, 0, bytes.len > 100000 ? 4099 : 1, &cut);
	assert_same(name, &cut, log_text(&whole->log));
	assert_true(cut.offsets == whole->offsets);
	heard_release(&cut);
}

typedef void (*vector_fn)(const char *name, struct slice stream);

static void
for_vectors(const char *dir, const char *suffix, vector_fn check)
{
	char path[4096], name[300];
	DIR *d = opendir(vector_path(path, sizeof(path), dir));
	struct dirent *entry;
	struct buf stream;
	size_t count = 0;

	assert_non_null(d);
	buf_init(&stream, VECTOR_MAX);
	while ((entry = readdir(d))) {
		char *end = strstr(entry->d_name, suffix);

		if (!end || (end[strlen(suffix)] && strcmp(end + strlen(suffix), ".xz") != 0))
			continue;
		snprintf(name, sizeof(name), "%s/%s", dir, entry->d_name);
		assert_true(vector_read(&stream, name));
		*end = '\0';
		check(entry->d_name, buf_get(&stream));
		count++;
	}
	closedir(d);
	buf_release(&stream);
	assert_true(count > 30);
}

/* The streams of which the reference loses something, takes what is no packet, or dies; and what is in them:
 * t for text, e and s for the two good packets that the others end in, * for a repetition of what comes
 * before it. */
static const struct {
	const char *name, *events;
} better[] = {
    {"crc_bad_3byte_length", "tes"},
    {"crc_bit_0", "tes"},
    {"crc_bit_31", "tes"},
    {"crc_bit_7", "tes"},
    {"crc_body_flip", "tes"},
    {"file_too_long", "tes"},
    {"length_0", "tes"},
    {"length_1", "tes"},
    {"length_10_three_byte", "tes"},
    {"length_3", "tes"},
    {"length_4", "tes"},
    {"length_5", "tes"},
    {"length_6", "tes"},
    {"length_6_three_byte", "tes"},
    {"length_7_three_byte", "tes"},
    {"length_8", "tes"},
    {"length_9", "tes"},
    {"length_four_byte", "tes"},
    {"length_too_long", "teses"},
    {"missing_file_len", "tes"},
    {"missing_ns", "tes"},
    {"missing_second_tag", "tes"},
    {"missing_tags", "tes"},
    {"missing_time", "tes"},
    {"sig_run", "tes"},
    {"str_bad_file_name", "tes"},
    {"str_bad_route", "tes"},
    {"str_bad_tag", "tes"},
    {"str_bad_utf8", "tes"},
    {"str_bad_utf8_3byte_len", "tes"},
    {"str_lone_continuation", "tes"},
    {"str_nul", "tes"},
    {"str_nul_and_bad", "tes"},
    {"str_overlong_utf8", "tes"},
    {"str_partial_utf8", "tes"},
    {"str_surrogate", "tes"},
    {"str_too_long_4byte", "tes"},
    {"text_b3_at_1mib", "tes"},
    {"text_f4_b3", "testes"},
    {"text_sticky_decoder", "teses"},
    {"text_sticky_decoder_f0", "teses"},
    {"text_truncated_c2_then_packet", "testes"},
    {"text_truncated_utf8_then_packet", "testes"},
    {"trunc_01", "t"},
    {"trunc_02", "t"},
    {"trunc_03", "t"},
    {"trunc_05", "t"},
    {"trunc_06", "t"},
    {"trunc_07", "t"},
    {"trunc_08", "t"},
    {"trunc_12", "t"},
    {"trunc_41", "t"},
    {"trunc_long_then_packets", "tes*25"},
    {"trunc_then_lf_packet", "teseses"},
    {"version_0", "tes"},
    {"version_15", "tes"},
    {"version_3", "tes"},
    {"version_7", "tes"},
};

/* The bytes of text are not compared here, since those of all events together are. */
static void
check_better(const char *events, const char *log)
{
	static const char exists[] = "event exists runnable id=\"good\" ",
			  success[] = "event success runnable id=\"good\" ";
	const char *repeat = strchr(events, '*');
	size_t times = repeat ? (size_t)(repeat[1] - '0') * 10 + (size_t)(repeat[2] - '0') : 1;
	struct slice rest = slice_str(log), line;

	for (const char *p = events; *p && *p != '*'; p++) {
		const char *start = *p == 't' ? "text " : *p == 'e' ? exists : success;

		assert_true(slice_split(&rest, '\n', &line));
		assert_true(slice_starts(line, slice_str(start)));
		if (p[0] == 's' && p[1] == '*' && --times > 0)
			p -= 2;
	}
	assert_false(rest.data && rest.len);
}

static void
check_v2(const char *name, struct slice stream)
{
	struct heard heard;
	struct event_log expected;
	char path[300];
	json_t *recorded;

	heard_init(&heard);
	log_init(&expected);
	check_pieces(name, READER_V2, stream, &heard);
	snprintf(path, sizeof(path), "v2/%s.events.json", name);
	recorded = vector_json(path);
	log_json(&expected, json_object_get(recorded, "events"));
	for (size_t i = 0; i < sizeof(better) / sizeof(better[0]); i++) {
		if (strcmp(better[i].name, name) != 0)
			continue;
		assert_string_not_equal(log_text(&heard.log), log_text(&expected));
		check_better(better[i].events, log_text(&heard.log));
		goto out;
	}
	if (recorded)
		assert_same(name, &heard, log_text(&expected));
out:
	json_decref(recorded);
	log_release(&expected);
	heard_release(&heard);
}

static void
v2_vectors(void **state)
{
	(void)state;
	for_vectors("v2", ".v2", check_v2);
}

/* What subunit-1to2 was recorded to write, where it lived to write all of it. */
static bool
recorded_v1(const char *name, struct event_log *log)
{
	char path[300];
	json_t *recorded, *runs;
	bool lived = false;

	snprintf(path, sizeof(path), "v1/%s.tools.json", name);
	recorded = vector_json(path);
	runs = json_is_array(recorded) ? recorded : json_object_get(recorded, "runs");
	assert_true(json_array_size(runs) > 0);
	for (size_t i = 0; i < json_array_size(runs); i++) {
		const json_t *one = json_array_get(runs, i);

		if (strcmp(json_string_value(json_object_get(one, "id")), "1to2") != 0)
			continue;
		lived = json_is_null(json_object_get(one, "crash"));
		log_json(log, json_object_get(one, "v2_events"));
	}
	json_decref(recorded);
	return lived;
}

/* The streams that kill the reference, and the events that they hold. */
static const struct {
	const char *name, *events;
} mended[] = {
    {"v1_bad_utf8", "+\xEF\xBF\xBD success:\xEF\xBF\xBD"},
    {"v1_multipart_bad_chunk", "+a fail:a text"},
    {"v1_multipart_lf_only", "+a fail:a text"},
    {"v1_multipart_mime_slash", "+a fail:a text"},
    {"v1_progress_bad", "text"},
    {"v1_time_bad", "text +a success:a"},
    {"v1_time_date_only", "+a success:a"},
    {"v1_time_forms", "+a success:a +b success:b +c success:c +d success:d"},
    {"v1_uxsuccess_outside", "text +b success:b"},
};

/* A summary of a log: +ID for a test that begins, STATUS:ID for one that ends, ID/FILE for an attachment,
 * "text". */
static void
summarize(struct buf *out, const char *log)
{
	struct slice rest = slice_str(log), line;

	while (slice_split(&rest, '\n', &line) && line.len) {
		struct slice words = line, status, id, file;

		if (out->len)
			buf_str(out, " ");
		if (slice_starts(line, SLICE_LIT("text "))) {
			buf_str(out, "text");
			continue;
		}
		slice_word(&words, &status);
		slice_word(&words, &status);
		id = slice_from(line, slice_search(line, SLICE_LIT(" id=\"")) + 5);
		id = slice_head(id, slice_find(id, '"'));
		file = slice_from(line, slice_search(line, SLICE_LIT(" file=\"")) + 7);
		file = slice_head(file, slice_find(file, '"'));
		if (slice_eq(status, SLICE_LIT("inprogress")))
			buf_str(out, "+");
		else if (!slice_eq(status, SLICE_LIT("-")))
			buf_printf(out, "%.*s:", SLICE_FMT(status));
		buf_slice(out, id);
		if (file.len)
			buf_printf(out, "/%.*s", SLICE_FMT(file));
	}
}

static void
assert_summary(const char *name, struct heard *h, const char *expected)
{
	struct buf summary;

	buf_init(&summary, VECTOR_MAX);
	summarize(&summary, log_text(&h->log));
	if (strcmp(buf_cstr(&summary), expected) != 0)
		print_error("%s\nexpected %s\nactual   %s\n", name, expected, buf_cstr(&summary));
	assert_string_equal(buf_cstr(&summary), expected);
	buf_release(&summary);
}

static void
check_v1(const char *name, struct slice stream)
{
	struct heard heard;
	struct event_log expected;
	bool lived;

	heard_init(&heard);
	log_init(&expected);
	check_pieces(name, READER_AUTO, stream, &heard);
	check_pieces(name, READER_PROCESS, stream, &heard);
	check_pieces(name, READER_V2, stream, &heard);
	check_pieces(name, READER_V1, stream, &heard);
	lived = recorded_v1(name, &expected);
	if (lived) {
		heard.log.no_time = "2024-05-06T07:08:09.123456Z"; /* the clock of the recording */
		run(READER_V1, stream, 0, WHOLE, &heard);
		assert_same(name, &heard, log_text(&expected));
	}
	for (size_t i = 0; i < sizeof(mended) / sizeof(mended[0]); i++) {
		if (strcmp(mended[i].name, name) != 0)
			continue;
		assert_false(lived);
		assert_summary(name, &heard, mended[i].events);
		lived = true;
	}
	assert_true(lived);
	log_release(&expected);
	heard_release(&heard);
}

static void
v1_vectors(void **state)
{
	(void)state;
	for_vectors("v1", ".v1", check_v1);
}

static uint32_t
next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static void
add_packet(struct buf *out, const char *id, enum status status)
{
	struct event e;

	event_init(&e);
	e.id = slice_str(id);
	e.status = status;
	assert_int_equal(packet_encode(out, &e), 0);
}

/* A stream from a text, in which \1 and \2 stand for the two packets of a test "p". */
static void
build(struct buf *out, struct slice pattern)
{
	buf_clear(out);
	for (size_t i = 0; i < pattern.len; i++) {
		if (pattern.data[i] == 1)
			add_packet(out, "p", STATUS_INPROGRESS);
		else if (pattern.data[i] == 2)
			add_packet(out, "p", STATUS_SUCCESS);
		else
			buf_byte(out, pattern.data[i]);
	}
}

static const struct {
	enum reader_mode mode;
	const char *pattern, *events;
} mixed[] = {
    {READER_V2, "test: a\nsuccess: a\n\1\2", "text +p success:p"},
    {READER_V1, "test a\nsuccess a\n", "+a success:a"},
    {READER_V1, "testing connection\n", "+connection connection/traceback fail:connection"},
    {READER_AUTO, "testing connection\ntest a\n", "text"},
    {READER_AUTO, "testing: connection\nsuccess: connection\n", "+connection success:connection"},
    /* A last line without its newline counts. */
    {READER_V1, "test: a\nsuccess: a", "+a success:a"},
    {READER_V1, "test: a\nfailure: a [\nx\n]", "+a a/traceback fail:a"},
    {READER_V1, "test: a\nskip: a [\nx\n]x", "+a a/traceback fail:a"},
    {READER_V1, "test: a", "+a a/traceback fail:a"},
    /* Packets are packets wherever a line may be, also where they cut one, and content inside details. */
    {READER_V1, "test: a\nhello \1\2 world\nsuccess: a\n", "+a text +p success:p text success:a"},
    {READER_V1, "test: a\nhello \1success: a\n", "+a text +p success:a"},
    {READER_V1, "\1test: a\n\2success: a\n", "+p +a success:p success:a"},
    {READER_V1, "test: \1\2", "text +p success:p"},
    {READER_V1, "test: a\nfailure: a [\n\1\2\n]\n", "+a a/traceback fail:a"},
    {READER_AUTO, "test: a\nfailure: a [\n\1\2\n]\n\1", "+a a/traceback fail:a +p"},
    {READER_V1, "test: 1 m\xC2\xB3 of a\nsuccess: 1 m\xC2\xB3 of a\n",
	"+1 m\xC2\xB3 of a success:1 m\xC2\xB3 of a"},
    /* Where both may come, v1 is text inside a v2 test and begins with "test:" or a good "time:". */
    {READER_AUTO, "\1test: a\nsuccess: a\n\2", "+p text success:p"},
    {READER_AUTO, "\1\2tags: x\nprogress: 1\ntest: a\nsuccess: a\n", "+p success:p text +a success:a"},
    {READER_AUTO, "\1\2time: 2020-01-01 00:00:00Z\ntags: x\ntest: a\nsuccess: a\n",
	"+p success:p +a success:a"},
    {READER_AUTO, "\1\2time: 2020-01-01 00:00:00Z it is\ntags: x\n", "+p success:p text"},
    {READER_AUTO, "test: a\n\1\2success: a\n", "+a +p success:p success:a"},
    {READER_PROCESS, "test: a\nsuccess: a\n\1\2test: b\n", "+a success:a +p success:p text"},
    {READER_PROCESS, "test: a\n\1\2success: a\n", "+a +p success:p text a/traceback fail:a"},
    /* Only whole words, with the name of the test, are outcomes. */
    {READER_V1, "test: a\ns: a\nski: a\n: a\nsuccess: a\n", "+a text success:a"},
    {READER_V1, "test: a\nsuccess: a [ multipart \nsuccess: ab\nsuccess:  a\nsuccess: a\n",
	"+a text success:a"},
    /* The later of two attachments with one name wins, at the place of the first. */
    {READER_V1, "test: a\nerror: a [ multipart\nT: a/b\nx\n0\r\nT: a/b\ny\n0\r\nT: c/d\nx\n0\r\n]\n",
	"+a a/x a/y fail:a"},
    /* After a malformed part the lines are lines again. */
    {READER_V1, "test: a\nerror: a [ multipart\nT: a/b\nx\n0\r\ntest: b\nsuccess: b\n",
	"+a a/x fail:a +b success:b"},
    {READER_V1,
	"test: a\nerror: a [ multipart\nT: a/b\nx\nZ\ntest: b\nskip: b [ multipart\nT: "
	"a/b\nr\n2\r\nok0\r\n]\n",
	"+a fail:a text +b b/r skip:b"},
};

static void
protocols_together(void **state)
{
	struct buf stream;
	struct heard heard;

	(void)state;
	buf_init(&stream, VECTOR_MAX);
	heard_init(&heard);
	for (size_t i = 0; i < sizeof(mixed) / sizeof(mixed[0]); i++) {
		build(&stream, slice_str(mixed[i].pattern));
		check_pieces(mixed[i].pattern, mixed[i].mode, buf_get(&stream), &heard);
		assert_summary(mixed[i].pattern, &heard, mixed[i].events);
	}
	heard_release(&heard);
	buf_release(&stream);
}

/* Streams of all that means something, in any order: no law is broken in any mode. */
static void
any_order(void **state)
{
	static const char *const fragments[] = {"test: a\n", "success: a\n", "failure: a [\n",
	    "error: a [ multipart\n", "Content-Type: text/plain\n", "log\n", "3\r\nabc", "0\r\n", "]\n",
	    " ]x\n", "\1", "\2", "\1", "\2", "\xB3", "\xB3\x2A\x80", "time: 2020-01-01 00:00:00Z\n",
	    "time: x\n", "tags: x -y z\n", "tags: -x\n", "progress: 1\n", "hello", "\n", " ", "\xC3\xA9", "]",
	    "test: ", "skip", ":", "\xFF", "\xB3\x29\x80", "\x01z\r\n"};
	static const enum reader_mode modes[] = {
	    READER_V1, READER_AUTO, READER_PROCESS, READER_V2, READER_STRICT};
	struct buf pattern, stream;
	struct heard heard;
	uint32_t seed = 99;

	(void)state;
	buf_init(&pattern, 1 << 20);
	buf_init(&stream, 1 << 20);
	heard_init(&heard);
	for (int round = 0; round < 60; round++) {
		buf_clear(&pattern);
		for (size_t i = 1 + next_random(&seed) % 24; i > 0; i--)
			buf_str(&pattern,
			    fragments[next_random(&seed) % (sizeof(fragments) / sizeof(fragments[0]))]);
		build(&stream, buf_get(&pattern));
		for (size_t i = 0; i < 5; i++)
			check_pieces(buf_cstr(&pattern), modes[i], buf_get(&stream), &heard);
	}
	heard_release(&heard);
	buf_release(&pattern);
	buf_release(&stream);
}

/* Good packets between any noise: each is found, and all other bytes are handed on. */
static void
packets_in_noise(void **state)
{
	struct buf stream, expected;
	struct heard heard;
	uint32_t seed = 5;

	(void)state;
	buf_init(&stream, 1 << 20);
	buf_init(&expected, 1 << 20);
	heard_init(&heard);
	for (int round = 0; round < 300; round++) {
		size_t count = 1 + next_random(&seed) % 20, found = 0;
		struct slice rest, line;

		buf_clear(&stream);
		for (size_t i = 0; i < count; i++) {
			char id[32];

			for (size_t n = next_random(&seed) % 40; n > 0; n--) {
				uint32_t c = next_random(&seed);

				buf_byte(&stream, (uint8_t)(c & 0x300 ? c : 0xB3));
				if (c & 0x400)
					buf_byte(&stream, (uint8_t)(0x20 | (c & 15)));
			}
			snprintf(id, sizeof(id), "good-%zu", i);
			add_packet(&stream, id, STATUS_SUCCESS);
		}
		buf_byte(&stream, 0xB3);
		run(READER_V2, buf_get(&stream), 0, 1 + next_random(&seed) % 60, &heard);
		assert_true(slice_eq(buf_get(&heard.raw), buf_get(&stream)));
		rest = slice_str(log_text(&heard.log));
		while (slice_split(&rest, '\n', &line)) {
			char start[80];

			snprintf(start, sizeof(start), "event success runnable id=\"good-%zu\"", found);
			found += slice_starts(line, slice_str(start));
		}
		assert_int_equal(found, count);
	}
	heard_release(&heard);
	buf_release(&stream);
	buf_release(&expected);
}

/* A packet that follows these is there at once; so is the text. */
static void
nothing_is_delayed(void **state)
{
	static const char *const texts[] = {"m\xC2\xB3 of water\n", "m\xC2\xB3\n", "m\xC2\xB3, m\xC2\xB3/s ",
	    "\xB3", "\xB3\xB3\xB3", "\xE2\x82\xB3 5", "\xB3\x29\x00", "\xF4", "\xE2\x82", "\xB3 of",
	    "\xB3 to be sure"};
	static const enum reader_mode modes[] = {READER_V2, READER_V1, READER_AUTO, READER_PROCESS};
	struct buf stream;
	struct event e;

	(void)state;
	buf_init(&stream, 1 << 20);
	for (size_t i = 0; i < 4 * sizeof(texts) / sizeof(texts[0]); i++) {
		struct reader *r = reader_new(modes[i % 4]);

		buf_clear(&stream);
		buf_str(&stream, texts[i / 4]);
		add_packet(&stream, "p", STATUS_SUCCESS);
		assert_int_equal(reader_feed(r, stream.data, stream.len), 0);
		assert_int_equal(reader_next(r, &e), 1);
		assert_int_equal(e.kind, EVENT_TEXT);
		assert_true(slice_eq(e.file, slice_str(texts[i / 4])));
		assert_int_equal(reader_next(r, &e), 1);
		assert_true(slice_eq(e.id, SLICE_LIT("p")));
		assert_int_equal(reader_next(r, &e), 0);
		reader_free(r);
	}
	buf_release(&stream);
}

/* Text comes out at the byte that makes it text, a question before it is answered. */
static void
text_at_once(void **state)
{
	static const struct {
		enum reader_mode mode;
		const char *before, *held, *then;
	} cases[] = {
	    {READER_V2, "Continue? ", "", ""},
	    {READER_V1, "Continue? ", "", ""},
	    {READER_AUTO, "success: ", "", ""},
	    {READER_AUTO, "", "te", "n"},
	    {READER_AUTO, "", "test", " "},
	    {READER_V1, "", "testing", "s"},
	    {READER_V1, "", "time: 20", "x"},
	    {READER_V1, "", "tags: any", NULL},
	    {READER_V2, "", "\xB3\x29\x03\x0B\x02", "\xFF"},
	    {READER_V1, "", "test: \xB3\x29\x03\x0B\x02", NULL},
	};
	struct event e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reader *r = reader_new(cases[i].mode);

		reader_feed(r, cases[i].before, strlen(cases[i].before));
		if (*cases[i].before) {
			assert_int_equal(reader_next(r, &e), 1);
			assert_true(slice_eq(e.file, slice_str(cases[i].before)));
		}
		reader_feed(r, cases[i].held, strlen(cases[i].held));
		assert_int_equal(reader_next(r, &e), 0);
		if (cases[i].then && *cases[i].then) {
			reader_feed(r, cases[i].then, strlen(cases[i].then));
			assert_int_equal(reader_next(r, &e), 1);
			assert_int_equal(e.kind, EVENT_TEXT);
			assert_int_equal(e.file.len, strlen(cases[i].held) + strlen(cases[i].then));
		}
		reader_free(r);
	}
}

/* A packet that was seen behind text is the same when the bytes have moved before it is asked for. */
static void
packet_survives_a_move(void **state)
{
	struct reader *r = reader_new(READER_V2);
	struct buf stream;
	struct event e;

	(void)state;
	buf_init(&stream, 1 << 20);
	for (size_t i = 0; i < 60000; i++)
		buf_byte(&stream, 'x');
	add_packet(&stream, "p", STATUS_SUCCESS);
	for (size_t i = 0; i < 20000; i++)
		buf_byte(&stream, 'y');
	assert_int_equal(reader_feed(r, stream.data, stream.len), 0);
	assert_int_equal(reader_next(r, &e), 1);
	assert_int_equal(e.file.len, 60000);
	assert_int_equal(reader_feed(r, stream.data, stream.len), 0);
	assert_int_equal(reader_next(r, &e), 1);
	assert_true(slice_eq(e.id, SLICE_LIT("p")));
	assert_int_equal(reader_next(r, &e), 1);
	assert_int_equal(e.file.len, 80000);
	reader_free(r);
	buf_release(&stream);
}

/* An outcome is waited for as long as it may name the test, also one that may begin behind text. */
static void
outcome_in_pieces(void **state)
{
	static const struct {
		const char *piece;
		const char *text; /* NULL for nothing, "" for an event of the test */
	} steps[] = {{"test: abc\n", ""}, {"success: ab", NULL}, {"x", "success: ab"}, {"\n", "x\n"},
	    {"success: y", "success: y"}, {"\n", "\n"}, {"success: abc", NULL}, {" [ m", NULL},
	    {"y", "success: abc [ my"}, {"\n", "\n"}, {"success: ab", NULL}, {"c", NULL}, {"\n", ""}};
	struct reader *r = reader_new(READER_V1);
	struct event e;

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		assert_int_equal(reader_feed(r, steps[i].piece, strlen(steps[i].piece)), 0);
		assert_int_equal(reader_next(r, &e), steps[i].text != NULL);
		if (steps[i].text && *steps[i].text)
			assert_true(e.kind == EVENT_TEXT && slice_eq(e.file, slice_str(steps[i].text)));
		else if (steps[i].text)
			assert_true(slice_eq(e.id, SLICE_LIT("abc")));
	}
	reader_free(r);
}

/* Compares "id status" lines and texts, each text with its id before it and "|" behind it. */
static void
assert_brief(enum reader_mode mode, struct slice stream, const char *expected)
{
	struct reader *r = reader_new(mode);
	struct buf log;
	struct event e;

	buf_init(&log, 1 << 20);
	assert_int_equal(reader_feed(r, stream.data, stream.len), 0);
	reader_end(r);
	while (reader_next(r, &e) > 0) {
		buf_printf(&log, "%.*s%s", SLICE_FMT(e.id), e.id.data ? " " : "");
		if (e.file.data)
			buf_printf(&log, "%.*s|", SLICE_FMT(e.file));
		else
			buf_printf(&log, "%s\n", status_name(e.status));
	}
	assert_string_equal(buf_cstr(&log), expected);
	buf_release(&log);
	reader_free(r);
}

/* What cmocka and Check write beside the protocol. Without it each would cost all tests that follow. */
static void
of_c_harnesses(void **state)
{
	static const struct {
		const char *stream, *log;
	} cases[] = {
	    {"test: a\nno newlinesuccess: a\n", "a inprogress\nno newline|a success\n"},
	    {"test: a b\n..failure: a b [\nwhy\n]\nafter\n",
		"a b inprogress\n..|a b why\n|a b fail\nafter\n|"},
	    {"test: a\nsuccess: failure: success: b\nxerror: a\n",
		"a inprogress\nsuccess: failure: success: b\nx|a fail\n"},
	    {"test: a\nnot success: ab\nsuccessfully: a\nsuccess: a\n",
		"a inprogress\nnot success: ab\nsuccessfully: a\n|a success\n"},
	    {"test: a\nerror: a [ set-up failed ]\n", "a inprogress\na set-up failed\n|a fail\n"},
	    {"test: a\nerror: a [ Could not run test: 0\nf.c:1 ]\ntest: b\nskip: b\n",
		"a inprogress\na Could not run test: 0\nf.c:1\n|a fail\nb inprogress\nb skip\n"},
	    {"error: g [ [  FAILED  ] GROUP SETUP ]\n",
		"g inprogress\ng [  FAILED  ] GROUP SETUP\n|g fail\n"},
	    {"test: c:x\nfailure: c:checked_setup [\nwhy\n]\n", "c:x inprogress\nc:x why\n|c:x fail\n"},
	    /* None of these. */
	    {"error: g [ why ]\nerror g [ [  FAILED  ] GROUP SETUP ]\n",
		"error: g [ why ]\nerror g [ [  FAILED  ] GROUP SETUP ]\n|"},
	    {"test: a\nfailure: a [ why ]\nerror: a [ why\nx success a\nsuccess: a\n",
		"a inprogress\nfailure: a [ why ]\nerror: a [ why\nx success a\n|a success\n"},
	    {"x test: a\nsuccess: a\n", "x test: a\nsuccess: a\n|"},
	};
	static const enum reader_mode modes[] = {READER_V1, READER_AUTO, READER_PROCESS};

	(void)state;
	for (size_t i = 0; i < 3 * sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice stream = slice_str(cases[i / 3].stream);
		struct heard whole;

		heard_init(&whole);
		check_pieces(cases[i / 3].stream, modes[i % 3], stream, &whole);
		assert_brief(modes[i % 3], stream, cases[i / 3].log);
		heard_release(&whole);
	}
}

/* A packet that was cut short holds back what follows only until the writer pauses. */
static void
idle_gives_up_what_hides_a_packet(void **state)
{
	static const char start[] = "\xB3\x20\x40\x43\xDF\x00\x43\xD3more \xB3\x20\x40\x44\xDF\x00\x44\xD3";
	struct reader *r = reader_new(READER_V2);
	struct buf packet;
	struct event e;

	(void)state;
	buf_init(&packet, 1 << 20);
	add_packet(&packet, "p", STATUS_SUCCESS);
	assert_int_equal(reader_feed(r, start, sizeof(start) - 1), 0);
	assert_int_equal(reader_next(r, &e), 0);
	assert_false(reader_idle(r));
	assert_int_equal(reader_feed(r, packet.data, packet.len - 1), 0);
	assert_false(reader_idle(r));
	assert_int_equal(reader_next(r, &e), 0);
	assert_int_equal(reader_feed(r, packet.data + packet.len - 1, 1), 0);
	assert_int_equal(reader_next(r, &e), 0);
	assert_true(reader_idle(r));
	assert_int_equal(reader_next(r, &e), 1);
	assert_true(slice_eq(e.file, slice_of(start, sizeof(start) - 1)));
	assert_int_equal(reader_next(r, &e), 1);
	assert_true(slice_eq(e.id, SLICE_LIT("p")));
	assert_int_equal(reader_next(r, &e), 0);
	assert_false(reader_idle(r));
	/* That was about those bytes alone: packets that come in pieces are packets again. */
	for (size_t i = 0; i < 40000; i++) {
		size_t half = packet.len / 2, at = i % 2 ? half : 0;

		assert_int_equal(reader_feed(r, packet.data + at, i % 2 ? packet.len - half : half), 0);
		assert_int_equal(reader_next(r, &e), i % 2);
	}
	reader_free(r);
	buf_release(&packet);
}

static void
damage_is_counted(void **state)
{
	struct reader *r = reader_new(READER_V2);
	uint64_t first = 0;
	struct heard heard;
	struct buf stream;

	(void)state;
	heard_init(&heard);
	heard_clear(&heard, READER_V2);
	buf_init(&stream, 1 << 20);
	buf_slice(&stream, SLICE_LIT("m\xC2\xB3 \xB3\x30\x00\x08...."));
	for (int i = 0; i < 3; i++)
		add_packet(&stream, "packet", STATUS_FAIL);
	stream.data[stream.len - 1] ^= 1;
	stream.data[12 + 5] ^= 1;
	feed(r, buf_get(&stream), &heard);
	reader_end(r);
	drain(r, &heard);
	assert_int_equal(reader_damaged(r, &first), 2);
	assert_int_equal(first, 12);
	heard_release(&heard);
	buf_release(&stream);
	reader_free(r);
}

/* Text beyond what one event may hold, fed from right before a page that must not be touched. */
static void
nothing_read_beyond_the_input(void **state)
{
	size_t size = 1 << 16, page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *map = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct buf stream;
	struct heard heard;

	(void)state;
	assert_true(map != MAP_FAILED);
	assert_int_equal(mprotect(map + size, page, PROT_NONE), 0);
	buf_init(&stream, 1 << 20);
	heard_init(&heard);
	build(&stream, SLICE_LIT("\1text \2 \xB3\x29\x03\1\xB3"));
	for (size_t len = 1; len <= stream.len; len++) {
		struct packet_tags tags = {0};
		uint8_t *start = map + size - len;
		struct event e;
		size_t length;

		memcpy(start, stream.data, len);
		run(READER_V2, slice_of(start, len), 0, WHOLE, &heard);
		assert_true(slice_eq(buf_get(&heard.raw), slice_of(start, len)));
		for (size_t at = 0; at < len; at++)
			packet_probe(slice_of(start + at, len - at), &tags, &e, &length);
		packet_tags_release(&tags);
	}
	heard_release(&heard);
	buf_release(&stream);
	munmap(map, size + page);
}

/* What the reader has to say, found the plain way: at each place all that follows is looked at afresh. */
static void
hear_naively(struct slice stream, struct event_log *log)
{
	struct packet_tags tags = {0};

	log_clear(log);
	for (size_t at = 0, length; at < stream.len; at += length) {
		struct event e;

		if (stream.data[at] != PACKET_SIGNATURE ||
		    packet_probe(slice_from(stream, at), &tags, &e, &length) != PACKET_WHOLE) {
			length = 1;
			event_init(&e);
			e.file_name = SLICE_LIT("stdout");
			e.file = slice_head(slice_from(stream, at), 1);
		}
		log_event(log, &e);
	}
	packet_tags_release(&tags);
}

/* Appends a number in three bytes. */
static void
add_number(struct buf *out, size_t n)
{
	buf_byte(out, (uint8_t)(0x80 | n >> 16));
	buf_byte(out, (uint8_t)(n >> 8));
	buf_byte(out, (uint8_t)n);
}

/* Appends the beginning of a packet. */
static void
add_start(struct buf *out, uint16_t flags, size_t length)
{
	buf_byte(out, PACKET_SIGNATURE);
	buf_byte(out, (uint8_t)(flags >> 8));
	buf_byte(out, (uint8_t)flags);
	add_number(out, length);
}

/* One piece of a stream in which much looks like packets, inside each other. */
static void
add_something(struct buf *out, uint32_t *seed)
{
	static const char *const words[] = {"la direcci\xC3\xB3n ", "m\xC2\xB3 de agua ",
	    "\xC3\xB3(\xC3\xA9\x42\xC3\x41\xC2 ", "x", "\n", "\xC3\xB3(\xE2\xBF\xBF", "\xB3", "\xFF", "\xC3"};
	static uint8_t copy[30000];
	size_t length = 300 + next_random(seed) % 3000;
	struct event e;

	switch (next_random(seed) % 7) {
	case 0: /* an id up to the end */
		add_start(out, 0x2800, length);
		add_number(out, length - 13);
		break;
	case 1: /* an id, and a MIME type after it */
		add_start(out, 0x2820, length);
		add_number(out, length - 13 - next_random(seed) % 300);
		break;
	case 2: /* content up to the end */
		length += next_random(seed) % 4 ? 0 : 40000;
		add_start(out, 0x2040, length);
		buf_byte(out, 0);
		add_number(out, length - 14);
		break;
	case 3: /* a packet around a copy of all before it, damaged at times */
		event_init(&e);
		e.id = SLICE_LIT("la soluci\xC3\xB3n");
		e.file_name = SLICE_LIT("f");
		e.file = slice_of(copy, out->len < sizeof(copy) ? out->len : sizeof(copy));
		memcpy(copy, out->data, e.file.len);
		assert_int_equal(packet_encode(out, &e), 0);
		out->data[out->len - 1] ^= next_random(seed) % 3 == 0;
		break;
	default:
		for (size_t n = next_random(seed) % 60; n > 0; n--)
			buf_str(out, words[next_random(seed) % 100 < 94 ? next_random(seed) % 3
									: next_random(seed) % 9]);
	}
}

/* As run, but with one event at most between two pieces. */
static void
run_lazily(struct slice bytes, size_t piece, struct heard *h)
{
	struct reader *r = reader_new(READER_V2);
	struct event e;

	heard_clear(h, READER_V2);
	for (size_t at = 0; at < bytes.len; at += piece) {
		struct slice part = slice_head(slice_from(bytes, at), piece);

		assert_int_equal(reader_feed(r, part.data, part.len), 0);
		if (reader_next(r, &e) > 0)
			log_event(&h->log, &e);
	}
	reader_end(r);
	h->plain = false;
	drain(r, h);
	reader_free(r);
}

/* What the reader remembers, to be quick, of places that it has looked at changes nothing. */
static void
same_as_naive(void **state)
{
	struct buf stream;
	struct event_log expected;
	struct heard heard;
	uint32_t seed = 77;

	(void)state;
	buf_init(&stream, 1 << 20);
	log_init(&expected);
	heard_init(&heard);
	for (int round = 0; round < 120; round++) {
		buf_clear(&stream);
		buf_str(&stream, "text ");
		for (size_t n = next_random(&seed) % (round % 10 ? 25 : 300); n > 0 && stream.len < 400000;
		     n--)
			add_something(&stream, &seed);
		hear_naively(buf_get(&stream), &expected);
		for (size_t piece = 1 + next_random(&seed) % 5000; piece < WHOLE / 2; piece *= 1000000) {
			run(READER_V2, buf_get(&stream), 0, piece, &heard);
			assert_same("hostile", &heard, log_text(&expected));
		}
		run_lazily(buf_get(&stream), 500 + next_random(&seed) % 2000, &heard);
		assert_same("lazy", &heard, log_text(&expected));
	}
	heard_release(&heard);
	log_release(&expected);
	buf_release(&stream);
}

/* Each kind of bytes that look like packets for long: 5 MiB of them take no more than a moment and come out
 * as text. */
static void
hostile_streams(void **state)
{
	size_t size = 5 << 20;
	uint8_t *bytes = malloc(size);
	struct heard heard;

	(void)state;
	heard_init(&heard);
	for (int kind = 0; kind < 5; kind++) {
		static const char *const periods[] = {
		    "\xB3\x2A\x80", "\xB3", "\xC3\xB3 el agua y ", "\xB3\x20\x40\xBF\xFF\xF0", ""};
		size_t period = kind == 4 ? 16 : strlen(periods[kind]);

		for (size_t i = 0; i < size; i++)
			bytes[i] = kind == 4 ? 'x' : (uint8_t)periods[kind][i % period];
		/* Content up to the same place, in packets inside each other. */
		for (size_t i = 0; kind == 4 && i + 64 < size; i += period) {
			size_t end = i < 2000000 ? 4000000 : size - 32, length = end - i;

			memcpy(bytes + i, "\xB3\x20\x40", 3);
			for (size_t k = 0; k < 3; k++)
				bytes[i + 3 + k] = (uint8_t)((k ? 0 : 0x80) | length >> (16 - 8 * k));
			bytes[i + 6] = 0;
			length -= 14;
			for (size_t k = 0; k < 3; k++)
				bytes[i + 7 + k] = (uint8_t)((k ? 0 : 0x80) | length >> (16 - 8 * k));
		}
		run(READER_V2, slice_of(bytes, size), 0, 65536, &heard);
		assert_true(slice_eq(buf_get(&heard.raw), slice_of(bytes, size)));
	}
	heard_release(&heard);
	free(bytes);
}

/* Damage to any bit, and any end, of streams that hold everything: the reader goes on, in all modes. */
static void
damaged_streams(void **state)
{
	static const char pattern[] =
	    "hello\ntime: 2020-01-01 00:00:00Z\ntags: a b -c\ntest: a\nfailure: a [ multipart\n"
	    "Content-Type: text/plain;charset=utf8\nlog\n5\r\nhelloA\r\n0123456789"
	    "0\r\n]\n\1\2m\xC2\xB3 "
	    "test: b\n\ntest: b\nskip: b [\n ]\n]\nprogress: 1\n\1bye\2";
	struct buf stream;
	struct heard heard;

	(void)state;
	buf_init(&stream, 1 << 20);
	heard_init(&heard);
	build(&stream, slice_of(pattern, sizeof(pattern) - 1));
	for (int mode = READER_V2; mode <= READER_STRICT; mode++) {
		for (size_t bit = 0; bit < 8 * stream.len; bit++) {
			stream.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			run((enum reader_mode)mode, buf_get(&stream), bit % 50, 37, &heard);
			if (mode == READER_V2)
				assert_true(slice_eq(buf_get(&heard.raw), buf_get(&stream)));
			stream.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		for (size_t len = 0; len < stream.len; len++)
			run((enum reader_mode)mode, slice_head(buf_get(&stream), len), 0, 11, &heard);
	}
	heard_release(&heard);
	buf_release(&stream);
}

/* Hears a test "a" with details of `size` bytes, and counts its attachment's events. */
static void
hear_big_details(struct slice stream, struct slice content, size_t piece, bool ends)
{
	struct reader *r = reader_new(READER_V1);
	struct buf got;
	struct event e;
	size_t events = 0, at = 0;
	bool eof = false;

	buf_init(&got, VECTOR_MAX);
	for (;;) {
		int rc = reader_next(r, &e);

		assert_true(rc >= 0);
		if (rc == 0 && at == stream.len)
			break;
		if (rc == 0) {
			struct slice part = slice_head(slice_from(stream, at), piece);

			assert_int_equal(reader_feed(r, part.data, part.len), 0);
			at += part.len;
			if (at == stream.len)
				reader_end(r);
			continue;
		}
		if (!e.file.data || !slice_eq(e.mime, SLICE_LIT("text/plain")))
			continue;
		assert_false(eof);
		assert_true(slice_eq(e.file_name, SLICE_LIT("reason")) && slice_eq(e.id, SLICE_LIT("a")));
		assert_true(e.file.len <= READER_TEXT_MAX);
		buf_slice(&got, e.file);
		eof = e.eof;
		events++;
	}
	assert_int_equal(e.status, ends ? STATUS_SKIP : STATUS_FAIL);
	assert_int_equal(eof, ends);
	if (ends)
		assert_true(slice_eq(buf_get(&got), content));
	else
		assert_true(slice_starts(content, buf_get(&got)));
	assert_true(events >= (got.len >> 20) && events <= (got.len >> 20) + 1);
	reader_free(r);
	buf_release(&got);
}

static void
big_details(void **state)
{
	static const size_t sizes[] = {1000000, 1048550, 1048576, 1100000, 3500000, 9000000};
	struct buf content, stream;

	(void)state;
	buf_init(&content, VECTOR_MAX);
	buf_init(&stream, VECTOR_MAX);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		buf_clear(&content);
		for (size_t n = 0; content.len < sizes[i]; n++)
			buf_printf(&content, "line %zu ] of it\n", n);
		for (int form = 0; form < 3; form++) {
			struct slice rest = buf_get(&content);
			size_t chunk = form == 1 ? 65537 : 3;

			buf_clear(&stream);
			buf_str(
			    &stream, form ? "test: a\nskip: a [ multipart\nContent-Type: text/plain\nreason\n"
					  : "test: a\nskip: a [\n");
			if (form == 0)
				buf_slice(&stream, rest);
			for (; form > 0 && rest.len; rest = slice_from(rest, chunk)) {
				struct slice part = slice_head(rest, chunk);

				buf_printf(&stream, "%zX\r\n", part.len);
				buf_slice(&stream, part);
			}
			buf_str(&stream, form ? "0\r\n]\n" : "]\n");
			hear_big_details(buf_get(&stream), buf_get(&content), 65536, true);
			hear_big_details(buf_get(&stream), buf_get(&content), 5003, true);
			hear_big_details(buf_get(&stream), buf_get(&content), WHOLE, true);
			buf_truncate(&stream, stream.len - 2);
			hear_big_details(buf_get(&stream), buf_get(&content), 65536, false);
		}
	}
	buf_release(&content);
	buf_release(&stream);
}

/* A "]" that ends a line does not end the details, wherever they are cut. */
static void
bracket_at_the_cut(void **state)
{
	struct buf content, stream;

	(void)state;
	buf_init(&content, VECTOR_MAX);
	buf_init(&stream, VECTOR_MAX);
	for (size_t size = READER_TEXT_MAX - 24; size < READER_TEXT_MAX + 4; size++) {
		buf_clear(&content);
		buf_clear(&stream);
		while (content.len < size)
			buf_byte(&content, 'x');
		buf_str(&content, "]\n more\n");
		buf_str(&stream, "test: a\nskip: a [\n");
		buf_slice(&stream, buf_get(&content));
		buf_str(&stream, "]\n");
		hear_big_details(buf_get(&stream), buf_get(&content), 65536, true);
	}
	buf_release(&content);
	buf_release(&stream);
}

/* Very many attachments, and lines that are too long to be anything. */
static void
v1_has_limits(void **state)
{
	struct buf stream;
	struct heard heard;

	(void)state;
	buf_init(&stream, VECTOR_MAX);
	heard_init(&heard);
	buf_str(&stream, "test: a\nskip: a [ multipart\n");
	for (int i = 0; i < 1000; i++)
		buf_printf(&stream, "Content-Type: text/plain\nname %d\n2\r\nok0\r\n", i);
	buf_str(&stream, "]\n");
	check_pieces("many parts", READER_V1, buf_get(&stream), &heard);
	assert_non_null(strstr(log_text(&heard.log), "\"name 999\" 6f6b"));
	assert_non_null(strstr(log_text(&heard.log), "event skip"));
	buf_clear(&stream);
	buf_str(&stream, "test: ");
	while (stream.len < READER_HELD_MAX)
		buf_str(&stream, "a name without end ");
	buf_str(&stream, "\ntest: b\nsuccess: b\n");
	for (size_t piece = 60000; piece < WHOLE; piece *= 1000000) {
		run(READER_V1, buf_get(&stream), 0, piece, &heard);
		assert_summary("a long line", &heard, "text +b success:b");
	}
	heard_release(&heard);
	buf_release(&stream);
}

static void
guess(void **state)
{
	static const struct {
		const char *pattern;
		enum reader_mode mode;
	} cases[] = {
	    {"", READER_V2},
	    {"test: a\nsuccess: a\n", READER_V1},
	    {"hello\ntest: a\n", READER_V1},
	    {"test:a\ntesting b\n", READER_V2},
	    {"test: \n", READER_V2},
	    {" test: a\n", READER_V2},
	    {"test: a\n\1\2", READER_V2},
	    {"test: a\n\xB3\x29", READER_V1},
	    {"testing::: a\n", READER_V1},
	    {"time: 2020-01-01 00:00:00Z\n", READER_V1},
	    {"time: to go\n", READER_V2},
	    {"\1\2", READER_V2},
	};
	struct buf stream;

	(void)state;
	buf_init(&stream, 1 << 20);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		build(&stream, slice_str(cases[i].pattern));
		assert_int_equal(reader_guess(buf_get(&stream)), cases[i].mode);
	}
	buf_release(&stream);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(v2_vectors),
	    cmocka_unit_test(v1_vectors),
	    cmocka_unit_test(protocols_together),
	    cmocka_unit_test(any_order),
	    cmocka_unit_test(packets_in_noise),
	    cmocka_unit_test(nothing_is_delayed),
	    cmocka_unit_test(text_at_once),
	    cmocka_unit_test(packet_survives_a_move),
	    cmocka_unit_test(outcome_in_pieces),
	    cmocka_unit_test(of_c_harnesses),
	    cmocka_unit_test(idle_gives_up_what_hides_a_packet),
	    cmocka_unit_test(damage_is_counted),
	    cmocka_unit_test(nothing_read_beyond_the_input),
	    cmocka_unit_test(same_as_naive),
	    cmocka_unit_test(hostile_streams),
	    cmocka_unit_test(damaged_streams),
	    cmocka_unit_test(big_details),
	    cmocka_unit_test(bracket_at_the_cut),
	    cmocka_unit_test(v1_has_limits),
	    cmocka_unit_test(guess),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
