/* SPDX-License-Identifier: Apache-2.0
 *
 * Any stream as results: each is in order and within its bounds, is the same when its own packets are read
 * again, and can be shown in every form. */
#include "detail.h"
#include "fuzz_events.h"
#include "outcome.h"
#include "result_json.h"
#include "v1.h"

#include <jansson.h>

static uint64_t
law_of_details(const struct result *r, size_t max)
{
	uint64_t bytes = 0, all = 0;

	for (size_t i = 0; i < r->detail_count; i++) {
		const struct detail *d = &r->details[i];

		LAW(i == 0 || slice_cmp(r->details[i - 1].name, d->name) < 0);
		LAW(is_text(d->name) && is_text(d->mime));
		LAW(d->bytes.len + d->left_out > 0);
		LAW(!d->left_out || (d->cut <= d->bytes.len && !d->chunk_count));
		LAW(!d->chunk_count || d->chunks[d->chunk_count - 1] <= d->bytes.len);
		bytes += d->bytes.len;
		all += d->bytes.len + d->left_out;
	}
	LAW(bytes <= max);
	LAW(bytes == all || all > max);
	return all;
}

static void
law_of_forms(const struct result *r, uint64_t bytes, size_t size)
{
	static const char *const specials[] = {NULL, "traceback"};
	struct buf out;
	json_t *json;

	buf_init(&out, FUZZ_MAX);
	for (size_t i = 0; i < 2; i++) {
		buf_clear(&out);
		details_text(&out, r->details, r->detail_count, specials[i], NULL);
		LAW(!out.failed && utf8_valid(buf_get(&out)));
		LAW(out.len <= 3 * bytes + 8 * size + 128 * r->detail_count);
		LAW(!out.len || out.data[out.len - 1] == '\n');
	}
	buf_clear(&out);
	v1_write(&out, r, NULL);
	LAW(!out.failed && out.len <= 8 * (bytes + size) + 256 * (r->detail_count + 4));
	buf_clear(&out);
	LAW(result_to_json(&out, r) == 0 && !out.failed);
	json = json_loadb((const char *)out.data, out.len, 0, NULL);
	LAW(json && slice_eq(slice_str(json_string_value(json_object_get(json, "id"))), r->id));
	json_decref(json);
	buf_release(&out);
}

static void
law_of_same(const struct result *a, const struct result *b)
{
	LAW(slice_eq(a->id, b->id) && slice_eq(a->route, b->route));
	LAW((a->route.data != NULL) == (b->route.data != NULL));
	LAW(b->status == (status_is_final(a->status) ? a->status : STATUS_FAIL));
	LAW(a->start == b->start && a->stop == b->stop);
	LAW(a->tag_count == b->tag_count && a->detail_count == b->detail_count);
	for (size_t i = 0; i < a->tag_count; i++)
		LAW(slice_eq(a->tags[i], b->tags[i]));
	for (size_t i = 0; i < a->detail_count; i++) {
		LAW(slice_eq(a->details[i].name, b->details[i].name));
		LAW(slice_eq(a->details[i].mime, b->details[i].mime));
		LAW(a->details[i].left_out || slice_eq(a->details[i].bytes, b->details[i].bytes));
	}
}

static bool
fits_packet(int64_t time)
{
	return time == TIME_NONE || (time >= 0 && time / TIME_SECOND <= UINT32_MAX);
}

/* Written as packets and folded again it is the same, unless details are left of which no byte is. */
static void
law_of_packets(const struct result *r)
{
	const struct result *result = NULL;
	struct outcome *o = outcome_new(FUZZ_MAX);
	struct reader *reader = reader_new(READER_V2);
	struct event e;
	struct buf out;
	bool empty = false;

	LAW(o && reader);
	for (size_t i = 0; i < r->detail_count; i++)
		empty |= !r->details[i].bytes.len;
	buf_init(&out, FUZZ_MAX);
	if (result_to_packets(&out, r, NULL)) {
		LAW(out.len == 0);
		LAW(!fits_packet(r->start) || !fits_packet(r->stop));
	}
	LAW(reader_feed(reader, out.data, out.len) == 0);
	reader_end(reader);
	while (reader_next(reader, &e) > 0) {
		LAW(e.kind == EVENT_PACKET && !result);
		LAW(outcome_event(o, &e, &result) == 0);
		if (result && !empty)
			law_of_same(r, result);
	}
	LAW(outcome_open_count(o) == 0 && (result || !out.len));
	outcome_free(o);
	reader_free(reader);
	buf_release(&out);
}

static void
law_of_results(const struct result *r, size_t max, size_t size)
{
	LAW(r->id.data && r->offset <= r->end && r->end <= size);
	for (size_t i = 1; i < r->tag_count; i++)
		LAW(slice_cmp(r->tags[i - 1], r->tags[i]) < 0);
	LAW(result_duration(r) == TIME_NONE || result_duration(r) >= 0);
	LAW(result_worker(r) >= -1);
	law_of_forms(r, law_of_details(r, max), size);
	law_of_packets(r);
}

/* The number of results. With `max` bytes of details a test. */
static size_t
fold(struct slice stream, enum reader_mode mode, size_t max)
{
	struct reader *reader = reader_new(mode);
	struct outcome *o = outcome_new(max);
	const struct result *r;
	size_t results = 0;
	struct event e;

	LAW(reader && o && reader_feed(reader, stream.data, stream.len) == 0);
	reader_end(reader);
	while (reader_next(reader, &e) > 0) {
		size_t open = outcome_open_count(o);

		LAW(outcome_event(o, &e, &r) == 0);
		LAW(outcome_open_count(o) <= open + 1);
		if (!r)
			continue;
		LAW(status_is_final(r->status));
		law_of_results(r, max, stream.len);
		results++;
	}
	for (size_t i = 0; i < outcome_open_count(o); i++)
		LAW(outcome_open_get(o, i).id.data != NULL);
	while ((r = outcome_open_next(o))) {
		LAW(!status_is_final(r->status) && r->stop == TIME_NONE);
		law_of_results(r, max, stream.len);
		results++;
	}
	LAW(outcome_open_count(o) == 0);
	outcome_free(o);
	reader_free(reader);
	return results;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size), stream;
	enum reader_mode mode = take_byte(&in) & 1 ? READER_AUTO : READER_V2;
	size_t max = take_byte(&in), results;

	stream = take_stream(&in);
	results = fold(stream, mode, max);
	LAW(fold(stream, mode, SIZE_MAX) == results);
	free((void *)stream.data);
	return 0;
}
