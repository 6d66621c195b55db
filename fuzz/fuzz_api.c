/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes through the library: what was decoded can be encoded, forwarded, folded and filtered, and a filter
 * that keeps everything loses no test. */
#include "fuzz_events.h"
#include "subunit2.h"

struct sums {
	struct slice stream;
	size_t at;
	size_t tests, kept;
};

/* The bytes forwarded are those of the stream. */
static int
compare(void *context, const void *data, size_t len)
{
	struct sums *sums = context;

	LAW(len <= sums->stream.len - sums->at);
	LAW(memcmp(sums->stream.data + sums->at, data, len) == 0);
	sums->at += len;
	return 0;
}

static int
collect(void *context, const void *data, size_t len)
{
	buf_add(context, data, len);
	return 0;
}

static int
count(void *context, const struct subunit2_result *r)
{
	struct sums *sums = context;

	LAW(r->id.data != NULL);
	sums->kept++;
	return 1;
}

static void
encode_again(const struct subunit2_event *e)
{
	size_t size, len;
	char *bytes;
	int rc = subunit2_encode(e, NULL, 0, &size);

	/* Nanoseconds of a packet may come to more than a second. */
	LAW(rc == SUBUNIT2_ERROR_SPACE || rc == SUBUNIT2_ERROR_TIME);
	if (rc == SUBUNIT2_ERROR_TIME)
		return;
	bytes = malloc(size);
	LAW(bytes != NULL);
	LAW(subunit2_encode(e, bytes, size - 1, &len) == SUBUNIT2_ERROR_SPACE && len == size);
	LAW(subunit2_encode(e, bytes, size, &len) == 0 && len == size);
	LAW(e->kind == SUBUNIT2_TEXT || !e->raw.data || size <= e->raw.len);
	free(bytes);
}

/* Gives an event to all that takes events. The same time is wrong for all. */
static void
give(const struct subunit2_event *e, struct subunit2_writer *w, struct subunit2_tests *tests,
    struct subunit2_filter *filter, struct sums *sums)
{
	struct subunit2_result r;
	int rc, filtered;

	encode_again(e);
	LAW(subunit2_writer_bytes(w, e->raw.data, e->raw.len) == 0);
	subunit2_result_init(&r);
	rc = subunit2_tests_event(tests, e, &r);
	LAW(rc >= 0 || rc == SUBUNIT2_ERROR_TIME);
	LAW(rc != 1 || (r.id.data && r.status >= SUBUNIT2_SUCCESS));
	sums->tests += rc == 1;
	filtered = subunit2_filter_event(filter, e);
	LAW(filtered == (rc < 0 ? rc : 0));
}

/* The tests of the filter's output. */
static size_t
tests_of(struct slice stream)
{
	struct subunit2_decoder *d = subunit2_decoder_new(SUBUNIT2_INPUT_V2);
	struct subunit2_event e;
	size_t ended = 0;

	LAW(d && subunit2_decoder_feed(d, stream.data, stream.len) == 0);
	subunit2_event_init(&e);
	while (subunit2_decoder_next(d, &e) > 0)
		ended += e.kind == SUBUNIT2_PACKET && e.id.data && e.status >= SUBUNIT2_SUCCESS;
	subunit2_decoder_free(d);
	return ended;
}

static void
through(enum subunit2_input input, struct slice stream, struct cuts cuts)
{
	struct subunit2_decoder *d = subunit2_decoder_new(input);
	struct subunit2_tests *tests = subunit2_tests_new(1000);
	struct sums sums = {.stream = stream};
	struct subunit2_writer *w = subunit2_writer_new(compare, &sums), *to_buf;
	struct subunit2_filter *filter;
	struct subunit2_rules rules;
	struct subunit2_result r;
	struct subunit2_event e;
	struct slice piece;
	struct buf out;

	buf_init(&out, FUZZ_MAX);
	to_buf = subunit2_writer_new(collect, &out);
	subunit2_rules_init(&rules);
	rules.drop_text = 1;
	rules.wants = count;
	rules.context = &sums;
	filter = subunit2_filter_new(&rules, to_buf);
	LAW(d && tests && w && to_buf && filter);
	subunit2_event_init(&e);
	for (bool more = true; more;) {
		more = cuts_next(&cuts, &stream, &piece);
		if (more) {
			LAW(subunit2_decoder_feed(d, piece.data, piece.len) == 0);
			free((void *)piece.data);
		} else {
			subunit2_decoder_end(d);
		}
		while (subunit2_decoder_next(d, &e) > 0)
			give(&e, input == SUBUNIT2_INPUT_V2 ? w : to_buf, tests, filter, &sums);
	}
	LAW(subunit2_writer_flush(w) == 0);
	LAW(input != SUBUNIT2_INPUT_V2 || sums.at == sums.stream.len);
	subunit2_result_init(&r);
	while (subunit2_tests_open(tests, &r) > 0)
		sums.tests++;
	LAW(subunit2_filter_end(filter) == 0 && subunit2_writer_flush(to_buf) == 0);
	LAW(sums.kept == sums.tests);
	LAW(input != SUBUNIT2_INPUT_V2 || tests_of(buf_get(&out)) == sums.tests);
	subunit2_filter_free(filter);
	subunit2_writer_free(to_buf);
	subunit2_writer_free(w);
	subunit2_tests_free(tests);
	subunit2_decoder_free(d);
	buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size), stream;
	enum subunit2_input input = (enum subunit2_input)(take_byte(&in) % (SUBUNIT2_INPUT_ANY + 1));
	struct cuts cuts = take_cuts(&in);

	stream = take_stream(&in);
	through(input, stream, cuts);
	free((void *)stream.data);
	return 0;
}
