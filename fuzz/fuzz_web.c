/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as what a client sends to the server, over a real connection to a real repository: the server fails at
 * nothing, its answers are well formed, with no headers but its own, and no run stays unfinished.
 *
 * A server lives as long as the inputs leave its repository as it was. */
#include "fuzz_place.h"
#include "repository.h"
#include "web.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#define RUNS 4
/* Milliseconds after which a silent server is left: it waits for events, or for the rest of a head that
 * libmicrohttpd does not see to be cut off. */
#define PATIENCE_LIVE 20
#define PATIENCE 300
#define ANSWERS_MAX ((size_t)64 << 20)

/* The one that is there now, for all inputs that find it as it was made. */
static struct server {
	struct place place;
	struct web *web;
	char socket[80], tokens[80];
} server;

static void
complain(void *context, const char *text)
{
	(void)context;
	/* An upload that was still being stored when the server was stopped. */
	if (strcmp(text, "the server is being stopped") == 0)
		return;
	fprintf(stderr, "the server warns: %s\n", text);
	abort();
}

static const char *const ids[] = {"a", "pkg.mod.test_a", "pkg.mod.test_b",
    "pkg/odd % ? # \xc3\xa9 <&>\"'\r\n", "\xe2\x80\xae", "h:0123456789abcdef"};
static const enum status statuses[] = {STATUS_SUCCESS, STATUS_FAIL, STATUS_SKIP, STATUS_UXSUCCESS};

static void
append_test(struct repo_writer *w, unsigned run, unsigned test, int64_t *time)
{
	struct slice tags[] = {SLICE_LIT("py3"), SLICE_LIT("worker-0"), SLICE_LIT("worker-1")};
	struct err err;
	struct event e;

	event_init(&e);
	e.id = slice_str(ids[test]);
	e.tags = tags + test % 2;
	e.tag_count = 2;
	e.time = *time;
	e.status = STATUS_INPROGRESS;
	LAW(repo_append(w, &e, &err) == 0);
	e.time = *time += (int64_t)(test + 1) * 1000000;
	e.status = statuses[(run + test) % 4];
	if (e.status != STATUS_SUCCESS) {
		e.file_name = SLICE_LIT("traceback");
		e.file = SLICE_LIT(
		    "Traceback (most recent call last):\n  File \"a.py\", line 1, in b\nE: \xff\x1b[31m\n");
		e.mime = SLICE_LIT("text/plain; charset=utf8");
	}
	LAW(repo_append(w, &e, &err) == 0);
}

static void
add_run(struct repo *repo, unsigned run)
{
	const struct repo_meta meta[] = {
	    {SLICE_LIT("host"), run % 2 ? SLICE_LIT("ci") : SLICE_LIT("\xc3\xa9")},
	    {SLICE_LIT("git.commit"), SLICE_LIT("0123456789abcdef0123456789abcdef01234567")}};
	int64_t time = (1767225600 + (int64_t)run * 3600) * TIME_SECOND, id;
	char uid[33];
	struct repo_begin begin = {.command = "testr run", .meta = meta, .meta_count = 2, .uid = uid};
	struct repo_writer *w;
	struct err err;

	snprintf(uid, sizeof(uid), "%032x", 0xabcd0000u + run);
	LAW(repo_run_begin(repo, &begin, &w, &err) == 0);
	for (unsigned i = 0; i < 2 * sizeof(ids) / sizeof(ids[0]); i++)
		append_test(w, run, i / 2, &time);
	LAW(repo_run_finish(w, run == 2 ? REPO_INTERRUPTED : REPO_FINISHED, run == 1, 1, &id, &err) == 0);
}

/* The tokens are "r" and "w". */
static void
write_tokens(const struct place *place)
{
	place_write(place, "tokens",
	    SLICE_LIT("454349e422f05297191ead13e21d3db520e5abef52055e4964b82fb213f593a1 read r\n"
		      "50e721e49c013f00c62cf59f2163542a9d8df02464efeb615d31051b0fddc326 write w\n"));
}

static int
law_of_run(void *context, const struct repo_run *run, struct err *err)
{
	(void)err;
	LAW(run->state != REPO_RUNNING);
	++*(int64_t *)context;
	return 0;
}

static void
server_stop(void)
{
	struct repo *repo;
	int64_t runs = 0;
	struct err err;

	if (!server.web)
		return;
	web_stop(server.web);
	LAW(repo_open(server.place.path, &repo, &err) == 0);
	LAW(repo_runs(repo, law_of_run, &runs, &err) == 0 && runs >= RUNS);
	repo_free(repo);
	place_release(&server.place);
	server = (struct server){0};
}

static void
server_start(void)
{
	struct web_options options = {.bind = server.socket, .warn = complain};
	static bool prepared;
	struct repo *repo;
	struct err err;

	if (!prepared) {
		signal(SIGPIPE, SIG_IGN);
		atexit(server_stop);
		prepared = true;
	}
	place_init(&server.place);
	LAW(repo_create(server.place.path, 2, &err) == 0 && repo_open(server.place.path, &repo, &err) == 0);
	LAW(repo_set_profiles(repo, SLICE_LIT("py3\0"), &err) == 0);
	for (unsigned run = 0; run < RUNS; run++)
		add_run(repo, run);
	repo_free(repo);
	write_tokens(&server.place);
	snprintf(server.socket, sizeof(server.socket), "unix:%s/socket", server.place.path);
	snprintf(server.tokens, sizeof(server.tokens), "%s/tokens", server.place.path);
	options.repository = server.place.path;
	options.tokens = server.tokens;
	LAW(web_start(&options, &server.web, &err) == 0);
}

/* ---- the client ---- */

static int
connect_to_server(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, server.socket + 5);
	LAW(fd >= 0 && connect(fd, (const void *)&address, sizeof(address)) == 0);
	return fd;
}

/* Reads what the server says up to its end: false when none comes. */
static bool
read_answers(int fd, struct buf *answers)
{
	const struct slice endless = SLICE_LIT("\r\nContent-Type: text/event-stream\r\n");
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	ssize_t n;

	do {
		bool live = slice_search(buf_get(answers), endless) < answers->len;
		uint8_t *room = buf_space(answers, 65536);
		int rc;

		LAW(room != NULL);
		do
			rc = poll(&ready, 1, live ? PATIENCE_LIVE : PATIENCE);
		while (rc < 0 && errno == EINTR);
		LAW(rc >= 0);
		if (rc == 0)
			return false;
		n = recv(fd, room, 65536, MSG_DONTWAIT);
		LAW(n >= 0 || errno == ECONNRESET);
		if (n > 0)
			buf_commit(answers, (size_t)n);
	} while (n > 0);
	return true;
}

/* ---- what it may say ---- */

static void
law_of_header(struct slice line)
{
	static const char known[] =
	    "Date Connection Content-Length Content-Type Content-Encoding Vary Cache-Control"
	    " Content-Security-Policy X-Content-Type-Options Referrer-Policy Cross-Origin-Resource-Policy ETag"
	    " Accept-Ranges Content-Range Location Link Allow WWW-Authenticate Content-Disposition Retry-After"
	    " Transfer-Encoding";
	size_t colon = slice_find(line, ':');
	struct slice words = slice_str(known), word;

	LAW(colon + 2 <= line.len && line.data[colon + 1] == ' ');
	for (size_t i = 0; i < line.len; i++)
		LAW(line.data[i] >= ' ' && line.data[i] != 127);
	while (slice_word(&words, &word))
		if (slice_eq(word, slice_head(line, colon)))
			return;
	LAW(!"a header that the server knows");
}

struct answer {
	int64_t status, len; /* len: -1 when the body ends with the connection, or is in chunks */
	bool ours, json, packed;
};

static struct answer
read_head(struct slice head)
{
	struct answer a = {.len = -1};
	struct slice line;

	LAW(slice_split(&head, '\n', &line) && slice_starts(line, SLICE_LIT("HTTP/1.")) && line.len > 12);
	LAW(slice_int(slice_of(line.data + 9, 3), &a.status));
	while (slice_split(&head, '\n', &line)) {
		if (slice_ends(line, SLICE_LIT("\r")))
			line = slice_head(line, line.len - 1);
		law_of_header(line);
		if (slice_starts(line, SLICE_LIT("Content-Length: ")))
			LAW(slice_int(slice_from(line, 16), &a.len));
		a.ours |= slice_starts(line, SLICE_LIT("Cache-Control: "));
		a.json |= slice_eq(line, SLICE_LIT("Content-Type: application/json")) ||
			  slice_eq(line, SLICE_LIT("Content-Type: application/problem+json"));
		a.packed |= slice_eq(line, SLICE_LIT("Content-Encoding: gzip"));
	}
	return a;
}

static void
law_of_status(int64_t status)
{
	static const int known[] = {100, 200, 201, 204, 206, 304, 400, 401, 403, 404, 405, 408, 409, 411, 413,
	    414, 416, 421, 422, 431, 501, 503, 505};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i] == status)
			return;
	fprintf(stderr, "status %lld\n", (long long)status);
	LAW(!"a status that the server knows");
}

static void
laws_of_answers(struct slice rest, bool bodies)
{
	while (rest.len) {
		size_t end = slice_search(rest, SLICE_LIT("\r\n\r\n"));
		struct answer a;

		LAW(end < rest.len);
		a = read_head(slice_head(rest, end));
		law_of_status(a.status);
		rest = slice_from(rest, end + 4);
		/* libmicrohttpd ends the connection after an answer of its own, which it may have begun twice. */
		if (!a.ours && a.status != 100)
			return;
		if (a.status == 100 || a.status == 204 || a.status == 304)
			continue;
		/* An answer to HEAD has no body, which only who asked can know. */
		if (a.len < 0 || !bodies)
			return;
		LAW((uint64_t)a.len <= rest.len);
		if (a.json && !a.packed) {
			json_t *value =
			    json_loadb((const char *)rest.data, (size_t)a.len, JSON_DECODE_ANY, NULL);

			LAW(value != NULL);
			json_decref(value);
		}
		rest = slice_from(rest, (size_t)a.len);
	}
}

/* A search for leaks while the server lives takes for lost what its threads hold. When the corpus is replayed, it
 * takes place at the end. */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "detect_leaks=0";
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	struct buf answers;
	bool ended;
	int fd;

	if (!server.web)
		server_start();
	buf_init(&answers, ANSWERS_MAX);
	fd = connect_to_server();
	/* As much as the kernel keeps for the server. */
	(void)!send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	ended = read_answers(fd, &answers);
	close(fd);
	if (ended)
		laws_of_answers(buf_get(&answers), slice_search(in, SLICE_LIT("HEAD")) == size);
	buf_release(&answers);
	if (!ended || slice_search(in, SLICE_LIT("POST")) < size)
		server_stop();
	return 0;
}
