/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads a stream from standard input and counts what became of its tests:
 * cc count.c -o count $(pkg-config --cflags --libs subunit2) && ./hello | ./count */
#include <stdio.h>
#include <subunit2.h>

static void
print_result(const struct subunit2_result *r)
{
	const char *status = subunit2_status_name(r->status);

	printf("%-10s %.*s\n", status ? status : "unknown", (int)r->id.len, r->id.data);
	for (size_t i = 0; i < r->file_count; i++)
		printf("    %.*s: %zu bytes\n", (int)r->files[i].name.len, r->files[i].name.data,
		    r->files[i].content.len + (size_t)r->files[i].left_out);
}

int
main(void)
{
	struct subunit2_decoder *decoder = subunit2_decoder_new(SUBUNIT2_INPUT_ANY);
	struct subunit2_tests *tests = subunit2_tests_new(1 << 20);
	struct subunit2_event event;
	struct subunit2_result result;
	size_t text = 0, ended = 0, open = 0;
	int rc = decoder && tests ? 1 : SUBUNIT2_ERROR_MEMORY;

	subunit2_event_init(&event);
	subunit2_result_init(&result);
	while (rc > 0 && (rc = subunit2_decoder_read(decoder, 0, &event)) > 0) {
		int closed = subunit2_tests_event(tests, &event, &result);

		if (event.kind == SUBUNIT2_TEXT)
			text += event.file.len;
		if (closed < 0)
			rc = closed;
		else if (closed) {
			ended++;
			print_result(&result);
		}
	}
	while (rc == 0 && (rc = subunit2_tests_open(tests, &result)) > 0) {
		open++;
		print_result(&result);
		rc = 0;
	}
	if (rc < 0)
		fprintf(stderr, "count: %s\n", subunit2_strerror(rc));
	printf("%zu ended, %zu did not, %zu bytes of text\n", ended, open, text);
	subunit2_tests_free(tests);
	subunit2_decoder_free(decoder);
	return rc < 0;
}
