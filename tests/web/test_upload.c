/* SPDX-License-Identifier: Apache-2.0 */
#include "../repository/harness.h"
#include "deflate.h"
#include "packet.h"
#include "upload.h"

#include <unistd.h>

/* What log_run says of make_stream. */
#define ALL "a 3\nb\xc3\xa9 6 traceback=why\n\nc 5\n"

static struct place place = {.format = 2, .in_memory = true};
static struct tokens tokens;

/* One test that fails with an attachment, one that never ends, and some that pass. */
static void
make_stream(struct buf *out)
{
	static const struct {
		const char *id;
		enum status status;
	} events[] = {{"a", STATUS_INPROGRESS}, {"a", STATUS_SUCCESS}, {"b\xc3\xa9", STATUS_INPROGRESS},
	    {"never", STATUS_INPROGRESS}, {"b\xc3\xa9", STATUS_FAIL}, {"c", STATUS_SKIP}};
	struct slice tag = SLICE_LIT("worker-0");

	buf_init(out, 65536);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		struct event e;

		event_init(&e);
		e.id = slice_str(events[i].id);
		e.status = events[i].status;
		e.time = BASE_TIME + (int64_t)i * TIME_SECOND;
		e.tags = &tag;
		e.tag_count = 1;
		if (e.status == STATUS_FAIL) {
			e.file_name = SLICE_LIT("traceback");
			e.file = SLICE_LIT("why\n");
			e.mime = SLICE_LIT("text/plain");
		}
		assert_int_equal(packet_encode(out, &e), 0);
	}
}

static void
compress(enum deflate_kind kind, struct slice text, struct buf *out)
{
	struct deflate *d = deflate_new(kind);

	buf_init(out, 65536);
	assert_non_null(d);
	assert_int_equal(deflate_write(d, text, true, out), 0);
	deflate_free(d);
}

struct sent {
	int status; /* 0: no answer yet */
	int64_t run;
};

/* Sends two pieces, and with `end` says that these were all. */
static struct sent
send_pieces(struct slice first, struct slice second, const char *key, bool end)
{
	struct upload_spec spec = {
	    .repository = place.url, .tokens = &tokens, .key = key ? slice_str(key) : SLICE_NONE};
	struct upload *u = upload_new(&spec);
	struct sent sent = {0, -1};
	struct reply reply;
	struct err err;
	int rc;

	assert_non_null(u);
	reply_init(&reply);
	rc = upload_piece(u, first, &reply, &err);
	if (rc == 0)
		rc = upload_piece(u, second, &reply, &err);
	if (rc == 0 && end)
		rc = upload_end(u, &reply, &err);
	if (rc < 0)
		fail_msg("%s", err.text);
	upload_free(u);
	if (rc || end)
		sent.status = reply.status;
	if (reply.status == 200 || reply.status == 201)
		for (size_t i = 0; i < reply.header_count; i++)
			if (strcmp(reply.headers[i].name, "Location") == 0)
				assert_int_equal(
				    sscanf(reply.headers[i].value, "/api/v1/runs/%ld", &sent.run), 1);
	reply_release(&reply);
	return sent;
}

static int
log_result(void *context, const struct result *r, struct err *err)
{
	(void)err;
	if (!status_is_final(r->status))
		return 0;
	buf_printf(context, "%.*s %d", SLICE_FMT(r->id), (int)r->status);
	for (size_t i = 0; i < r->detail_count; i++)
		buf_printf(
		    context, " %.*s=%.*s", SLICE_FMT(r->details[i].name), SLICE_FMT(r->details[i].bytes));
	buf_byte(context, '\n');
	return 0;
}

/* The results of a run that have ended, in their order; -1 is the latest run. */
static void
log_run(int64_t id, struct buf *out, struct repo_run *run)
{
	struct repo *repo = open_repo(&place);
	struct err err;
	int64_t count;

	buf_init(out, 65536);
	ok(repo_run_count(repo, &count, &err));
	if (id < 0)
		id = count - 1;
	ok(repo_run_get(repo, id, run, &err));
	assert_int_not_equal(run->state, REPO_RUNNING);
	ok(repo_results(repo, id, 1000, log_result, out, &err));
	repo_free(repo);
}

static int64_t
runs(void)
{
	struct repo *repo = open_repo(&place);
	struct err err;
	int64_t count;

	ok(repo_run_count(repo, &count, &err));
	repo_free(repo);
	return count;
}

/* However it is cut, the run is the same. */
static void
law_of_cuts(struct slice stream, size_t step, struct slice expected)
{
	for (size_t cut = 0; cut <= stream.len; cut += step) {
		struct sent sent = send_pieces(slice_head(stream, cut), slice_from(stream, cut), NULL, true);
		struct repo_run run;
		struct buf log;

		assert_int_equal(sent.status, 201);
		log_run(sent.run, &log, &run);
		assert_int_equal(run.state, REPO_FINISHED);
		assert_true(slice_eq(buf_get(&log), expected));
		buf_release(&log);
	}
}

static void
cuts_change_nothing(void **state)
{
	const struct slice v1 =
	    SLICE_LIT("time: 2023-11-14 22:13:20Z\ntest: a\nsuccess: a\ntest: b\nfailure: b [\nwhy\n]\n");
	struct buf stream, packed;

	(void)state;
	make_stream(&stream);
	law_of_cuts(buf_get(&stream), 1, SLICE_LIT(ALL));
	for (int kind = DEFLATE_GZIP; kind <= DEFLATE_ZSTD; kind++) {
		compress((enum deflate_kind)kind, buf_get(&stream), &packed);
		law_of_cuts(buf_get(&packed), 3, SLICE_LIT(ALL));
		buf_release(&packed);
	}
	law_of_cuts(v1, 1, SLICE_LIT("a 3\nb 6 traceback=why\n\n"));
	buf_release(&stream);
}

/* What came of it is an interrupted run, or none; and the whole may be sent under the same name. */
static void
what_has_arrived_is_kept(void **state)
{
	const struct slice all = SLICE_LIT(ALL);
	struct buf stream, log;
	size_t longest = 0;

	(void)state;
	make_stream(&stream);
	for (size_t len = 0; len <= stream.len; len++) {
		int64_t before = runs();
		struct repo_run run;
		char key[24];

		snprintf(key, sizeof(key), "key %zu", len);
		assert_int_equal(
		    send_pieces(slice_head(buf_get(&stream), len), SLICE_LIT(""), key, false).status, 0);
		if (runs() == before) {
			assert_int_equal(longest, 0);
			continue;
		}
		log_run(-1, &log, &run);
		assert_int_equal(run.state, REPO_INTERRUPTED);
		assert_true(run.partial && slice_starts(all, buf_get(&log)) && log.len >= longest);
		longest = log.len;
		buf_release(&log);
		if (len % 16)
			continue;
		assert_int_equal(send_pieces(buf_get(&stream), SLICE_LIT(""), key, true).status, 201);
		assert_int_equal(send_pieces(buf_get(&stream), SLICE_LIT(""), key, true).status, 200);
	}
	assert_int_equal(longest, all.len);
	buf_release(&stream);
}

static void
cut_off_too_often(void **state)
{
	struct buf stream;
	int tries = 0, status;

	(void)state;
	make_stream(&stream);
	do
		status = send_pieces(buf_get(&stream), SLICE_LIT(""), "often", false).status;
	while (status == 0 && ++tries < 1000);
	assert_int_equal(status, 409);
	assert_int_equal(tries, 100);
	buf_release(&stream);
}

/* Bits that are wrong in what is compressed: said, or of no account. */
static void
damage_is_said(void **state)
{
	struct buf stream, packed;

	(void)state;
	make_stream(&stream);
	for (int kind = DEFLATE_GZIP; kind <= DEFLATE_ZSTD; kind++) {
		compress((enum deflate_kind)kind, buf_get(&stream), &packed);
		for (size_t bit = 0; bit < 8 * packed.len; bit += 3) {
			struct sent sent;

			packed.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			sent = send_pieces(buf_get(&packed), SLICE_LIT(""), NULL, true);
			packed.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_true(sent.status == 422 || sent.status == 201);
		}
		for (size_t len = 0; len < packed.len; len += 5)
			assert_int_equal(
			    send_pieces(slice_head(buf_get(&packed), len), SLICE_LIT(""), NULL, true).status,
			    422);
		buf_release(&packed);
	}
	buf_release(&stream);
}

static void
what_is_no_run(void **state)
{
	static const char *const texts[] = {
	    "", "a", "hello\n", "\xb3", "test", "\x28\xb5\x2f\xfd", "\x1f\x8b\x08"};
	int64_t before = runs();

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(send_pieces(slice_str(texts[i]), SLICE_LIT(""), NULL, true).status, 422);
	assert_int_equal(runs(), before);
}

static int
add_text(void *context, struct slice text, struct err *err)
{
	(void)err;
	buf_slice(context, text);
	return 0;
}

/* A stream that says which run it is of is not stored where that is, however that ended. */
static void
runs_that_are_there(void **state)
{
	struct buf stream;
	int64_t count;

	(void)state;
	make_stream(&stream);
	send_pieces(buf_get(&stream), SLICE_LIT(""), NULL, true);
	send_pieces(buf_get(&stream), SLICE_LIT(""), NULL, false);
	buf_release(&stream);
	count = runs();
	for (int64_t id = count - 2; id < count; id++) {
		struct repo *repo = open_repo(&place);
		struct sent sent;
		struct err err;

		buf_init(&stream, 65536);
		ok(repo_export(repo, id, add_text, &stream, &err));
		repo_free(repo);
		sent = send_pieces(buf_get(&stream), SLICE_LIT(""), NULL, true);
		assert_int_equal(sent.status, 200);
		assert_int_equal(sent.run, id);
		buf_release(&stream);
	}
}

static int
start(void **state)
{
	struct err err;
	void *at = &place;

	(void)state;
	return tokens_read(&tokens, NULL, &err) || set_up(&at);
}

static int
stop(void **state)
{
	void *at = &place;

	(void)state;
	tokens_release(&tokens);
	return tear_down(&at);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(cuts_change_nothing),
	    cmocka_unit_test(what_has_arrived_is_kept),
	    cmocka_unit_test(cut_off_too_often),
	    cmocka_unit_test(damage_is_said),
	    cmocka_unit_test(what_is_no_run),
	    cmocka_unit_test(runs_that_are_there),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
