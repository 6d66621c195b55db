/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reader.h"
#include "vectors.h"

#include <dirent.h>

/* Feeds the bytes in pieces of at most `piece` and logs all events. */
static void
run(struct event_log *log, struct slice bytes, size_t piece, const char **died)
{
	static char text[128];
	struct reader *r = reader_new(READER_STRICT);
	struct event e;
	int rc = 0;

	log_clear(log);
	assert_non_null(r);
	for (size_t at = 0; at < bytes.len; at += piece) {
		struct slice part = slice_head(slice_from(bytes, at), piece);

		assert_int_equal(reader_feed(r, part.data, part.len), 0);
		while ((rc = reader_next(r, &e)) > 0)
			log_event(log, &e);
		assert_int_equal(rc, 0);
	}
	reader_end(r);
	while ((rc = reader_next(r, &e)) > 0)
		log_event(log, &e);
	assert_int_equal(rc, 0);
	*died = NULL;
	if (reader_died(r)) {
		snprintf(text, sizeof(text), "%s", reader_died(r));
		*died = text;
	}
	reader_free(r);
}

/* The recorded exception has its class ("error" for struct.error) apart. */
static void
check_death(const json_t *crash, const char *died)
{
	const char *type = json_string_value(json_object_get(crash, "type"));
	const char *message = json_string_value(json_object_get(crash, "message"));
	char expected[256];

	if (!json_is_object(crash)) {
		assert_null(died);
		return;
	}
	snprintf(expected, sizeof(expected), "%s%s: %s", strcmp(type, "error") == 0 ? "struct." : "", type,
	    message);
	assert_non_null(died);
	assert_string_equal(died, expected);
}

/* Returns false when nothing was recorded for this stream. */
static bool
check_vector(const char *name, const char *file)
{
	struct buf stream;
	struct event_log expected, actual;
	char path[300];
	const char *died;
	json_t *recorded;
	size_t pieces[] = {SIZE_MAX / 2, 1, 7, 4096};

	snprintf(path, sizeof(path), "v2/%s.events.json", name);
	recorded = vector_json(path);
	if (!recorded)
		return false;
	buf_init(&stream, VECTOR_MAX);
	log_init(&expected);
	log_init(&actual);
	snprintf(path, sizeof(path), "v2/%s", file);
	assert_true(vector_read(&stream, path));
	log_json(&expected, json_object_get(recorded, "events"));
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		if (pieces[i] < 4096 && stream.len > 100000)
			continue;
		run(&actual, buf_get(&stream), pieces[i], &died);
		if (strcmp(log_text(&actual), log_text(&expected)) != 0)
			print_error("%s, pieces of %zu\nexpected %.2000s\nactual   %.2000s\n", name,
			    pieces[i], log_text(&expected), log_text(&actual));
		assert_true(strcmp(log_text(&actual), log_text(&expected)) == 0);
		check_death(json_object_get(recorded, "crash"), died);
	}
	json_decref(recorded);
	log_release(&expected);
	log_release(&actual);
	buf_release(&stream);
	return true;
}

/* Every stream gives the events that Python's reader was recorded to give, and dies where that one died. */
static void
vectors_as_recorded(void **state)
{
	char path[4096];
	DIR *dir = opendir(vector_path(path, sizeof(path), "v2"));
	struct dirent *entry;
	size_t count = 0;

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		const char *end = strstr(entry->d_name, ".v2");
		char name[256];

		if (!end || (end[3] && strcmp(end + 3, ".xz") != 0))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(end - entry->d_name), entry->d_name);
		count += check_vector(name, entry->d_name);
	}
	closedir(dir);
	assert_true(count > 100);
}

/* Streams that no vector has, with what Python's reader said to them. */
static void
found_by_comparison(void **state)
{
	static const char packet[] = "\xB3\x29\x01\x0D\x04good\xD3\x70\xBE\xAF";
	static const char parser[] = "event - runnable eof id=\"subunit.parser\"";
	const struct {
		struct slice stream;
		const char *start, *end;
	} cases[] = {
	    /* Two bytes of a surrogate count as the beginning of a character: the signature that follows is
	     * taken for the third, though it is none, and its packet for text. */
	    {SLICE_LIT("\xED\xA0"), "text eda0b3", ""},
	    {SLICE_LIT("\xED\x9F"), "text ed9fb3", ""},
	    {SLICE_LIT("\xED\xC0"), "text edc0\nevent exists", ""},
	    /* A length of 5 kills, but not at the very end. */
	    {SLICE_LIT("\xB3\x29\x01\x05\x04g"), "", "ValueError: read length must be non-negative or -1"},
	};
	struct event_log log;
	struct buf stream;
	const char *died;

	(void)state;
	log_init(&log);
	buf_init(&stream, 1 << 20);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_clear(&stream);
		buf_slice(&stream, cases[i].stream);
		buf_add(&stream, packet, sizeof(packet) - 1);
		run(&log, buf_get(&stream), 1 + i, &died);
		assert_true(slice_starts(slice_str(log_text(&log)), slice_str(cases[i].start)));
		assert_string_equal(died ? died : "", cases[i].end);
	}
	run(&log, SLICE_LIT("\xB3\x29\x01\x05\x04g"), 1, &died);
	assert_null(died);
	assert_true(slice_starts(slice_str(log_text(&log)), slice_str(parser)));
	log_release(&log);
	buf_release(&stream);
}

/* Whatever comes, the events do not depend on the pieces, and nothing breaks. */
static void
noise_in_any_pieces(void **state)
{
	struct event_log whole, pieces;
	const char *died;
	uint32_t seed = 1;
	uint8_t bytes[400];

	(void)state;
	log_init(&whole);
	log_init(&pieces);
	for (int round = 0; round < 3000; round++) {
		bool died_whole;

		for (size_t i = 0; i < sizeof(bytes); i++) {
			static const uint8_t likely[] = {
			    0xB3, 0x2A, 0x24, 0x08, 0x0B, 0x80, 0x00, 'a', 0xC2, 0xE2, 0x40};

			seed = seed * 1664525 + 1013904223;
			bytes[i] = seed >> 31 ? (uint8_t)(seed >> 20) : likely[(seed >> 16) % sizeof(likely)];
		}
		run(&whole, slice_of(bytes, sizeof(bytes)), sizeof(bytes), &died);
		died_whole = died;
		run(&pieces, slice_of(bytes, sizeof(bytes)), 1 + seed % 13, &died);
		assert_string_equal(log_text(&pieces), log_text(&whole));
		assert_int_equal(died_whole, died != NULL);
	}
	log_release(&whole);
	log_release(&pieces);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(vectors_as_recorded),
	    cmocka_unit_test(found_by_comparison),
	    cmocka_unit_test(noise_in_any_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
