/* SPDX-License-Identifier: Apache-2.0
 *
 * Results that the input describes, written as v1: both readers of v1 find exactly them. */
#include "fuzz_events.h"
#include "v1.h"

#define ITEMS_MAX 8

/* Texts with what v1 has a use for taken out: blanks, line ends, and signs at the front. */
static struct slice
take_plain(struct slice *in, struct buf *store, bool blanks)
{
	struct slice text = take_text(in, store);
	uint8_t *bytes = store->data + (store->len - text.len);

	for (size_t i = 0; i < text.len; i++) {
		bool inside = blanks && i > 0 && i + 1 < text.len;

		if (bytes[i] == '\n' || bytes[i] == '\r' || (bytes[i] <= ' ' && !inside) ||
		    bytes[i] == 0x7f || (i == 0 && bytes[i] == '-'))
			bytes[i] = 'x';
	}
	if (!text.len)
		buf_byte(store, 'x');
	return slice_of(bytes, text.len + !text.len);
}

struct made {
	struct result r;
	struct slice tags[ITEMS_MAX];
	struct detail details[ITEMS_MAX];
};

static int
compare_tags(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

static int
compare_details(const void *a, const void *b)
{
	return slice_cmp(((const struct detail *)a)->name, ((const struct detail *)b)->name);
}

static void
make_result(struct slice *in, struct buf *store, struct made *out)
{
	static const enum status statuses[] = {
	    STATUS_SUCCESS, STATUS_UXSUCCESS, STATUS_SKIP, STATUS_FAIL, STATUS_XFAIL};
	size_t count = take_byte(in) % (ITEMS_MAX + 1), n = 0;
	struct result *r = &out->r;

	*out = (struct made){0};
	r->id = take_plain(in, store, true);
	r->status = statuses[take_byte(in) % 5];
	r->start = time_round_us(take_time(in));
	r->stop = time_round_us(take_time(in));
	for (size_t i = 0; i < count; i++)
		out->tags[i] = take_plain(in, store, false);
	qsort(out->tags, count, sizeof(out->tags[0]), compare_tags);
	for (size_t i = 0; i < count; i++)
		if (n == 0 || !slice_eq(out->tags[i], out->tags[n - 1]))
			out->tags[n++] = out->tags[i];
	r->tags = out->tags;
	r->tag_count = n;
	count = take_byte(in) % (ITEMS_MAX + 1);
	for (size_t i = n = 0; i < count; i++) {
		out->details[i].name = take_plain(in, store, true);
		out->details[i].bytes = take_bytes(in);
	}
	qsort(out->details, count, sizeof(out->details[0]), compare_details);
	for (size_t i = n = 0; i < count; i++)
		if (out->details[i].bytes.len &&
		    (n == 0 || !slice_eq(out->details[i].name, out->details[n - 1].name)))
			out->details[n++] = out->details[i];
	r->details = out->details;
	r->detail_count = n;
}

static void
law_of_same(const struct result *a, const struct result *b)
{
	LAW(slice_eq(a->id, b->id) && a->status == b->status);
	LAW(a->start == b->start && a->stop == b->stop);
	LAW(a->tag_count == b->tag_count && a->detail_count == b->detail_count);
	for (size_t i = 0; i < a->tag_count; i++)
		LAW(slice_eq(a->tags[i], b->tags[i]));
	for (size_t i = 0; i < a->detail_count; i++) {
		LAW(slice_eq(a->details[i].name, b->details[i].name));
		LAW(slice_eq(a->details[i].bytes, b->details[i].bytes));
	}
}

/* Reads the stream, which holds these results in order. */
static void
law_of_reading(
    struct slice stream, enum reader_mode mode, struct cuts cuts, const struct made *made, size_t count)
{
	struct reader *reader = reader_new(mode);
	struct outcome *o = outcome_new(FUZZ_MAX);
	const struct result *r;
	struct slice piece;
	struct event e;
	size_t found = 0;

	LAW(reader && o);
	for (bool more = true; more;) {
		more = cuts_next(&cuts, &stream, &piece);
		if (more) {
			LAW(reader_feed(reader, piece.data, piece.len) == 0);
			free((void *)piece.data);
		} else {
			reader_end(reader);
		}
		while (reader_next(reader, &e) > 0) {
			law_of_events(&e);
			LAW(e.kind == EVENT_PACKET);
			LAW(outcome_event(o, &e, &r) == 0);
			if (!r)
				continue;
			LAW(found < count);
			law_of_same(&made[found++].r, r);
		}
	}
	LAW(found == count && outcome_open_count(o) == 0);
	outcome_free(o);
	reader_free(reader);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	struct cuts cuts = take_cuts(&in);
	struct made made[ITEMS_MAX];
	struct buf store, stream;
	size_t count = 0;

	buf_init(&store, FUZZ_MAX);
	buf_init(&stream, FUZZ_MAX);
	/* The texts must not move; each takes three times its bytes at most, or one. */
	LAW(buf_space(&store, 4 * size + 4096) != NULL);
	for (; in.len && count < ITEMS_MAX; count++) {
		make_result(&in, &store, &made[count]);
		v1_write(&stream, &made[count].r, NULL);
	}
	for (size_t i = 0; i < count; i++) {
		made[i].r.tags = made[i].tags;
		made[i].r.details = made[i].details;
	}
	LAW(!stream.failed);
	law_of_reading(buf_get(&stream), READER_V1, cuts, made, count);
	law_of_reading(buf_get(&stream), READER_AUTO, cuts, made, count);
	buf_release(&store);
	buf_release(&stream);
	return 0;
}
