/* SPDX-License-Identifier: Apache-2.0
 *
 * A test server of the library: a client sends it any messages, well formed and not, in any pieces. It ends by
 * itself; what it says is whole packets; each test begins and ends in turn, as often as it was run; and no answer
 * comes without a question. */
#include "fuzz_events.h"
#include <subunit2/server.h>

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *const ids[] = {"a", "b.c", "d\xff", "e"};
#define IDS (sizeof(ids) / sizeof(ids[0]))
static const char *const names[] = {
    "Hello", "Goodbye", "List", "Run", "Run", "Run", "Done", "Ping", "Pong", "Cancel", "Cancel", "Sing"};
#define NAMES (sizeof(names) / sizeof(names[0]))

struct suite {
	bool many;
	size_t runs;
	size_t requests; /* that could be answered */
};

static const char *
id(void *context, size_t test)
{
	(void)context;
	return ids[test];
}

static enum subunit2_status
run(void *context, struct subunit2_server *server, size_t test)
{
	struct suite *suite = context;

	suite->runs++;
	LAW(!subunit2_server_stopped(server) && subunit2_server_attempt(server) > 0);
	LAW(subunit2_server_text(server, "text", ids[0]) == 0);
	LAW(subunit2_server_begin(server, test) == SUBUNIT2_ERROR_ARGUMENT);
	return (enum subunit2_status)(test + SUBUNIT2_INPROGRESS);
}

/* The other way round, and all but the first. */
static void
run_many(void *context, struct subunit2_server *server, const size_t *tests, size_t count)
{
	struct suite *suite = context;

	for (size_t i = count; i-- > 1 && !subunit2_server_stopped(server);) {
		LAW(subunit2_server_begin(server, tests[i]) == 0);
		suite->runs++;
		LAW(subunit2_server_end(server, SUBUNIT2_SKIP) == 0);
		LAW(subunit2_server_end(server, SUBUNIT2_SKIP) == SUBUNIT2_ERROR_ARGUMENT);
	}
}

/* A packet with a message, or with a piece of one; or any bytes. */
static void
make(struct slice *in, struct buf *out)
{
	uint8_t how = take_byte(in), more = take_byte(in);
	struct slice content = take_bytes(in);
	struct buf text;
	struct event e;

	if (how == 255) {
		buf_slice(out, content);
		return;
	}
	buf_init(&text, FUZZ_MAX);
	if (how & 1)
		buf_printf(&text, "{\"%s\":{\"nonce\":%d,\"min\":1,\"max\":%d%s%.*s}}",
		    names[(how >> 1) % NAMES], more & 7, 1 + (more >> 3) % 3,
		    more & 32 ? ",\"tests\":[\"a\",\"x\",\"e\",\"a\",\"b.c\"]" : "", SLICE_FMT(content));
	else
		buf_slice(&text, content);
	event_init(&e);
	e.id = SLICE_LIT("testrepository-rpc");
	e.mime = SLICE_LIT("application/json");
	e.file_name = SLICE_LIT("rpc");
	e.file = buf_get(&text);
	e.eof = how % 64 != 62;
	LAW(packet_encode(out, &e) == 0);
	buf_release(&text);
}

/* Sends the input in pieces, as far as the kernel keeps them for us. */
static void
send_all(int fd, struct slice *in, struct suite *suite)
{
	struct cuts cuts = take_cuts(in);
	struct slice rest, piece;
	struct buf out;
	bool fits = true;

	buf_init(&out, FUZZ_MAX);
	while (in->len) {
		make(in, &out);
		suite->requests++;
	}
	rest = buf_get(&out);
	while (fits && cuts_next(&cuts, &rest, &piece)) {
		fits = send(fd, piece.data, piece.len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)piece.len;
		free((void *)piece.data);
	}
	LAW(shutdown(fd, SHUT_WR) == 0);
	buf_release(&out);
}

static void
law_of_event(const struct event *e, size_t *begun, size_t *answers, uint8_t *running)
{
	LAW(e->kind == EVENT_PACKET && e->id.data);
	if (slice_eq(e->id, SLICE_LIT("testrepository-rpc"))) {
		*answers += slice_search(e->file, SLICE_LIT("{\"nonce\":")) < e->file.len;
		LAW(!*running || slice_search(e->file, SLICE_LIT("Done")) == e->file.len);
		return;
	}
	if (e->status == STATUS_INPROGRESS) {
		LAW(!*running);
		*running = slice_eq(e->id, SLICE_LIT("a")) + 1;
		*begun += slice_eq(e->id, SLICE_LIT("a")) || slice_eq(e->id, SLICE_LIT("b.c")) ||
			  slice_eq(e->id, SLICE_LIT("d\xef\xbf\xbd")) || slice_eq(e->id, SLICE_LIT("e"));
	} else if (e->status != STATUS_EXISTS) {
		LAW(*running == slice_eq(e->id, SLICE_LIT("a")) + 1);
		*running = status_is_final(e->status) ? 0 : *running;
	}
}

static void
law_of_output(int fd, const struct suite *suite)
{
	struct reader *r = reader_new(READER_V2);
	size_t begun = 0, answers = 0, room;
	uint8_t running = 0, *at;
	struct event e;
	ssize_t n;

	LAW(r != NULL && lseek(fd, 0, SEEK_SET) == 0);
	do {
		at = reader_space(r, &room);
		LAW(at != NULL);
		n = read(fd, at, room);
		LAW(n >= 0);
		reader_commit(r, (size_t)n);
		if (n == 0)
			reader_end(r);
		while (reader_next(r, &e) > 0)
			law_of_event(&e, &begun, &answers, &running);
	} while (n > 0);
	LAW(!running && begun == suite->runs && answers <= suite->requests);
	reader_free(r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	struct suite context = {.many = take_byte(&in) % 2};
	int out = memfd_create("out", MFD_CLOEXEC), fds[2];
	struct subunit2_suite suite;

	/* Of messages, so that what is sent at once is read at once. */
	LAW(out >= 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
	send_all(fds[0], &in, &context);
	subunit2_suite_init(&suite);
	suite.count = IDS;
	suite.id = id;
	suite.context = &context;
	if (context.many)
		suite.run_many = run_many;
	else
		suite.run = run;
	LAW(subunit2_serve(&suite, fds[1], out) == 0);
	law_of_output(out, &context);
	close(fds[0]);
	close(fds[1]);
	close(out);
	return 0;
}
